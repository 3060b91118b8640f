"""Real messages, English and Korean, judged by models and routed by the policies of tests/real: what comes in at the door is where
its verdict says, and as often right as `naru eval` says. The messages are public data sets, not part of the project; without them
this says so and skips. They are looked for in $NARU_DATASETS, else in ../shared/data beside the project.

Learning is slow under sanitizers, so little is learnt here: of BANKING77 every fifth intent from its five published messages, of HINT3
the twelve commonest intents, of ParaKQC 160 messages; NARU_REAL=whole learns whole training sides (docs/triage-real.md has what
that gives).
"""
import collections
import concurrent.futures
import fnmatch
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

import pytest
import yaml
from conftest import NARU, ROOT, running, wait_for

DATA = pathlib.Path(os.environ.get("NARU_DATASETS", ROOT.parent / "shared" / "data"))
POLICIES = ROOT / "tests" / "real"
BOTS = ("curekart", "sofmattress", "powerplay11")
TOPICS = {"0": "email", "1": "schedule", "2": "smart_home", "3": "weather"}
WHOLE = os.environ.get("NARU_REAL") == "whole"
SENT = 100  # of each set

pytestmark = pytest.mark.skipif(not all((DATA / s).is_dir() for s in ("banking77", "hint3", "korean_parakqc")),
                                reason=f"no data sets banking77, hint3 and korean_parakqc in {DATA}")


def rows(file):
    head, *lines = (DATA / file).read_text(encoding="utf-8").splitlines()
    return [dict(zip(head.split("\t"), line.split("\t"))) for line in lines]


def spread(text):
    """The same number of a text each time: 0 to 255."""
    return hashlib.sha256(text.encode()).digest()[0]


def mixed(messages):
    """In an order that has nothing to do with theirs, the same each time."""
    return sorted(messages, key=lambda m: hashlib.sha256(m[1].encode()).digest())


def banking77():
    learnt, held = ([("bank-chat", r["text"], r["intent"]) for r in rows(f"banking77/{name}.tsv")]
                    for name in ("split_train_8622" if WHOLE else "fewshot_5", "split_dev_1540"))
    return learnt, held, set(sorted({m[2] for m in learnt})[::1 if WHOLE else 5])


def hint3():
    every = [(f"bots-{bot}", r["text"], r["intent"]) for bot in BOTS for r in rows(f"hint3/{bot}_train.tsv")]
    learnt, held = [m for m in every if spread(m[1]) % 5], [m for m in every if spread(m[1]) % 5 == 0]
    common = [intent for intent, _ in collections.Counter(m[2] for m in every).most_common(None if WHOLE else 12)]
    return learnt if WHOLE else [m for i in common for m in [m for m in mixed(learnt) if m[2] == i][:12]], held, set(common)


def parakqc():
    learnt, held = ([("assistant-kakao", r["text"], TOPICS[r["topic"]]) for r in rows(f"korean_parakqc/{side}.tsv")]
                    for side in ("train", "dev"))
    return learnt if WHOLE else mixed(learnt)[:160], held, set(TOPICS.values())


def table(path, messages):
    path.write_text("text\tintent\n" + "".join(f"{text}\t{intent}\n" for _, text, intent in messages), encoding="utf-8")
    return path


def naru(*args):
    got = subprocess.run([NARU, *map(str, args)], capture_output=True, text=True, timeout=600)
    assert got.returncode == 0 and "Sanitizer" not in got.stderr, got.stderr[-2000:]
    return got.stdout


class Set:
    """One of the three: its policy and the model that it names, what is sent, and what became of it."""

    def __init__(self, folder, name, sides):
        learnt, held, intents = sides
        held = mixed(m for m in held if m[2] in intents)
        self.name, self.policy, self.messages = name, folder / f"{name}.yaml", held[:SENT]
        shutil.copy(POLICIES / self.policy.name, self.policy)
        self.said = yaml.safe_load(self.policy.read_text(encoding="utf-8"))
        self.data = table(folder / f"{name}.sent.tsv", self.messages)
        self.training = ["train", "--data", table(folder / f"{name}.tsv", [m for m in learnt if m[2] in intents]), "--text", "text",
                         "--label", "intent", "--out", folder / f"{name}.model", "--quiet"]
        if not WHOLE:  # the bounds come from messages that nobody sends: quicker than cross-validation
            self.training += ["--dev", table(folder / f"{name}.dev.tsv", held[SENT:][:60])]

    def eval(self):
        return json.loads(naru("eval", "--policy", self.policy, "--field", "intent", "--data", self.data, "--text", "text", "--label",
                               "intent", "--json"))

    def queue_of(self, verdict):
        """As the policy's own text has it."""
        if verdict.get("queue"):
            return verdict["queue"]
        if verdict["unsure"]:
            return self.said["triage"]["unsure"]["queue"]
        for name, queue in self.said["queues"].items():
            if queue["takes"] == "default":
                continue
            globs = queue["takes"]["intent"]
            if any(fnmatch.fnmatchcase(verdict["intent"], g) for g in ([globs] if isinstance(globs, str) else globs)):
                return name
        return next(name for name, queue in self.said["queues"].items() if queue["takes"] == "default")

    def send(self, door):
        events = [{"id": f"{self.name}-{i}", "account": account, "customer": f"{self.name}-{i}", "text": text}
                  for i, (account, text, _) in enumerate(self.messages)]
        taken = door.post("/v1/events", events)
        assert taken.status == 202, taken.text
        self.events = [e["event"] for e in taken.json["results"]]

    def read(self, door):
        """Verdict and ticket of each message, and the queue of the ticket."""
        self.judged = []
        for event in self.events:
            known = door.get(f"/v1/events/{event}").json
            ticket = door.get(f"/v1/tickets/{known['ticket']}").json
            self.judged.append((known["verdict"], ticket))


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A Naru with the three workspaces, and the three sets after their messages came in."""
    folder = tmp_path_factory.mktemp("real")
    made = [Set(folder, sides.__name__, sides()) for sides in (banking77, hint3, parakqc)]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(lambda s: naru(*s.training), made))
    more = [w for s in made[1:] for w in ("--policy", str(s.policy))]
    with running(policy=made[0].policy, options=more) as door:
        for s in made:
            s.send(door)
        wait_for("every message to have its ticket", lambda: door.metric("naru_events_total{") >= 3 * SENT and all(
            door.get(f"/v1/events/{e}").json["state"] == "taken" for s in made for e in (s.events[0], s.events[-1])))
        for s in made:
            wait_for(f"all of {s.name}", lambda: all(door.get(f"/v1/events/{e}").json["state"] == "taken" for e in s.events))
            s.read(door)
        yield door, made


def explained(door, ticket, *more):
    got = door.naru("explain", ticket, "--url", f"http://127.0.0.1:{door.port}", "--token", door.token, *more)
    assert got.returncode == 0, got.stderr
    return got.stdout


def test_each_ticket_is_in_the_queue_that_its_verdict_says(real):
    for s in real[1]:
        assert len(s.judged) == SENT and len({t["ticket"] for _, t in s.judged}) == SENT
        for verdict, ticket in s.judged:
            assert ticket["queue"] == s.queue_of(verdict), (s.name, verdict)


def test_what_is_unsure_waits_in_the_queue_for_it_and_has_no_intent(real):
    unsure = [(v, t) for s in real[1] for v, t in s.judged if v["unsure"]]
    assert unsure
    for verdict, ticket in unsure:
        assert ticket["queue"] == "front-desk" and "intent" not in verdict and "intent" not in ticket


def test_intents_of_tickets_are_as_right_as_eval_says(real):
    for s in real[1]:
        right = sum(v.get("intent") == intent and not v["unsure"] for (v, _), (_, _, intent) in zip(s.judged, s.messages))
        assert abs(right / SENT - s.eval()["accuracy"]) <= 0.01, s.name
        assert right / SENT > {"banking77": 0.6, "hint3": 0.5, "parakqc": 0.6}[s.name], (s.name, right)


def test_every_verdict_has_its_reasons(real):
    for s in real[1]:
        for verdict, ticket in s.judged:
            told = {r["part"]: r for r in verdict["reasons"]}
            assert {"language", "intent", "urgency"} <= set(told), verdict
            assert told["intent"]["by"] == "model" and verdict["policy"].startswith("sha256:")
            said = told["intent"]["detail"]
            if verdict["unsure"]:
                assert said.startswith(("unsure (", "out of scope (")) and ", else " in said, said
            else:
                assert said.startswith(verdict["intent"] + " "), said


@pytest.mark.parametrize("kind", ["right", "wrong", "unsure"])
def test_explain_tells_a_right_a_wrong_and_an_unsure_one(real, kind):
    is_of = {"right": lambda v, intent: not v["unsure"] and v["intent"] == intent,
             "wrong": lambda v, intent: not v["unsure"] and v["intent"] != intent,
             "unsure": lambda v, intent: v["unsure"]}[kind]
    (door, sets), told = real, 0
    for s in sets:
        for (verdict, ticket), (_, text, intent) in zip(s.judged, s.messages):
            if not is_of(verdict, intent):
                continue
            page = explained(door, ticket["ticket"])
            assert f'"{text[:80]}' in page and "nobody can take it now" in page
            assert ("intent       unsure" if kind == "unsure" else f"intent       {verdict['intent']}") in page
            assert f"goes to      {ticket['queue']}" in page
            assert text[:80] not in explained(door, ticket["ticket"], "--no-text")
            told += 1
            break
    assert told >= (3 if kind == "right" else 1)  # of easy intents hardly any is unsure or wrong
