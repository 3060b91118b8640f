"""Models of one's own: scorers of a real triage worker. The examples do the job; whoever is silent, late, broken or dead costs its own
answer and nothing else."""
import importlib.util
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest
from conftest import NARU, POLICY, ROOT, by_hand, wait_for
from wire import SCORE, SCORED, SCORER, Key, Scorer, pack

EXAMPLE = ROOT / "examples" / "scorer"


@pytest.fixture(scope="module")
def hand():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="naru-policy-"))
    text = POLICY.read_text().replace("intent: [refund_*]", "intent: [refund*]")
    text = text.replace("triage:\n", "triage:\n  external: { intent: { within: 300ms }, urgency: { within: 2s } }\n")
    (folder / "policy.yaml").write_text(text)
    with by_hand(policy=folder / "policy.yaml") as h:
        h.start("redis", "router-1", "triage-1", "assign-1").ready()
        yield h
    shutil.rmtree(folder)


@pytest.fixture
def door(hand):
    return hand.routers[1]


@pytest.fixture
def scorer(hand, door):
    """scorer(answer, …) → one that the worker knows; in the end it says that it answers nothing any more, and leaves."""
    made = []

    def make(answer, name="py-1", **kw):
        made.append(Scorer(name, hand.inbox(name), hand.inbox("triage-1"), answer, **kw))
        at = made[-1]
        wait_for("the worker to know it", lambda: ask(door, "are you there?") and at.seen)
        return at

    yield make
    for s in made:
        said = log(hand).count("asked nothing any more")
        s.send(SCORER, [[s.offer[0], [], [], 0]])
        wait_for("the worker to have heard it", lambda: log(hand).count("asked nothing any more") > said)
        s.leave()


def log(hand):
    return (hand.folder / "triage-1.log").read_text()


number = 0


def ask(door, text, **more):
    """The ticket that a message of a new customer becomes."""
    global number
    number += 1
    event = door.event(f"s{number}", text, customer=f"s{number}", **more).json["event"]
    wait_for("it to be taken", lambda: door.get(f"/v1/events/{event}").json["state"] == "taken")
    ticket = door.get(f"/v1/events/{event}").json["ticket"]
    got = door.get(f"/v1/tickets/{ticket}").json
    got["reasons"] = door.get(f"/v1/tickets/{ticket}/explain").text
    assert door.post(f"/v1/tickets/{ticket}/cancel", {}).status == 200
    return got


def counted(door, name, label=""):
    return door.metric(f'naru_scorer_{name}_total{{process="triage-1",{label}')


def rises(door, name, label, by=1):
    """A wait for a counter to have risen since now; statistics come each second."""
    before = counted(door, name, label)
    return lambda: wait_for(f"{name} {label} to rise", lambda: counted(door, name, label) >= before + by)


def refund(s, question):
    return s.scored(question, "refund_card", 0.93, reason="because")


def test_without_a_scorer_our_own_answer_comes_at_once(door):
    fell_back = rises(door, "fallback", 'cause="none"')
    start = time.monotonic()
    assert ask(door, "hello")["queue"] == "general"
    assert time.monotonic() - start < 2  # the urgency's deadline
    fell_back()


def test_a_scorers_answer_is_the_verdict_and_explained(door, scorer):
    s = scorer(refund)
    got = ask(door, "hello\n", subject="about my card", attributes={"tier": "gold"})
    assert got["queue"] == "billing" and got["intent"] == "refund_card"
    assert "scorer:py-model" in got["reasons"] and "refund_card 0.93: because" in got["reasons"]
    id, stage, event, workspace, account, channel, language, subject, text, attributes, within = s.seen[-1]
    assert (stage, workspace, account, channel, language) == (0, "test", "web", "webchat", "en")
    assert (subject, text.strip(), within) == ("about my card", "hello", 300) and len(event) == 16 and id < 2**53
    assert ["event.tier", "gold"] in attributes


def test_an_event_without_words_is_not_asked_about(door, scorer):
    s = scorer(refund)
    asked = len(s.seen)
    event = door.post("/v1/events", {"id": "h1", "account": "web", "kind": "hangup", "customer": "h1"}).json["event"]
    wait_for("it to be settled", lambda: door.get(f"/v1/events/{event}").json["state"] in ("taken", "settled"))
    assert len(s.seen) == asked


def test_a_rules_word_wins_over_a_scorers(door, scorer):
    scorer(refund)
    assert ask(door, "a refund please")["intent"] == "refund_request"


def test_several_stages_are_asked_at_once_of_several_scorers(door, scorer):
    scorer(refund)
    s = scorer(lambda s, q: s.scored(q, "critical", 0.95), "py-2", stages=("urgency",), model="alarm")
    got = ask(door, "hello")
    assert (got["intent"], got["urgency"]) == ("refund_card", "critical")
    assert [q[1] for q in s.seen] == [1] * len(s.seen)


def test_a_scorer_of_another_workspace_is_not_asked(hand, door):
    other = Scorer("py-3", hand.inbox("py-3"), hand.inbox("triage-1"), refund, workspaces=("elsewhere",), model="their-model")
    wait_for("it to be known", lambda: "scorer:their-model answers" in log(hand))
    assert not ask(door, "hello").get("intent") and not other.seen
    other.leave()


BROKEN = [
    ("not a number", lambda s, q: s.scored(q, "refund_card", float("nan"))),
    ("more than certain", lambda s, q: s.scored(q, "refund_card", 1.5)),
    ("an empty label", lambda s, q: s.scored(q, "")),
    ("a label with a blank", lambda s, q: s.scored(q, "refund card")),
    ("a long label", lambda s, q: s.scored(q, "x" * 65)),
    ("a longer label than any text may be", lambda s, q: s.scored(q, "x" * 257)),
    ("an error", lambda s, q: s.scored(q, "refund_card", error="no memory")),
    ("a number nobody asked", lambda s, q: s.scored([q[0] + (1 << 16)], "refund_card")),
    ("no msgpack", lambda s, q: b"\xc1" * 100),
    ("a record that is no answer", lambda s, q: s.frame(SCORED, [["x", 7]])),
    ("a question", lambda s, q: s.frame(SCORE, [q])),
    ("a verdict", lambda s, q: s.frame(3, [[q[2], "test"]])),
    ("a policy", lambda s, q: s.frame(10, [["test", 1, "", "v", 2**52, "x", b"naru: 1"]])),
    ("an event", lambda s, q: s.frame(2, [[q[2], "test", "web", "webchat", "x"]])),
    ("an offer of nothing", lambda s, q: s.frame(15, [["", [], [], 0]])),
    ("a huge seq", lambda s, q: pack([1, SCORED, s.name, s.incarnation, 2**53 + 1, s.consumed, []])),
    ("an ack of the future", lambda s, q: pack([1, 1, s.name, s.incarnation, s.sent, 2**52, []])),
    ("deep", lambda s, q: b"\x91" * 5000),
]


def test_a_broken_answer_is_counted_and_ours_is_taken(door, scorer):
    what = [refund]
    scorer(lambda s, q: what[0](s, q))
    refused = lambda: counted(door, "broken") + door.metric("naru_mailbox_refused_total{")
    before = refused()
    for name, what[0] in BROKEN:
        assert not ask(door, f"hello {name}").get("intent"), name
        what[0] = refund
        wait_for(f"it to be asked again after {name}", lambda: ask(door, "well again").get("intent") == "refund_card")
    wait_for("all to be counted", lambda: refused() >= before + len(BROKEN) - 1)  # an ack is no record: ignored like an old one


def test_a_late_answer_is_counted_and_not_used(door, scorer):
    late = []
    s = scorer(lambda s, q: late.append(q))
    missed, closed = rises(door, "late", 'stage="intent"'), rises(door, "broken", 'cause="closed"')
    assert not ask(door, "hello").get("intent")
    missed()
    s.send(SCORED, [refund(s, late[-1])])
    closed()


def test_a_silent_scorer_is_left_alone_after_five_misses(door, scorer):
    paused = rises(door, "paused", 'scorer="silent"')
    s = scorer(lambda s, q: None, model="silent")
    while counted(door, "paused", 'scorer="silent"') < 1 and len(s.seen) < 50:
        assert not ask(door, "hello").get("intent")
    paused()
    asked = len(s.seen)
    waits = rises(door, "fallback", 'cause="paused"', 3)
    for _ in range(3):
        ask(door, "hello")
    waits()
    assert len(s.seen) == asked


def test_events_that_wait_for_a_scorer_that_restarts_go_on_at_once(hand, door, scorer):
    s = scorer(lambda s, q: None, "py-4", stages=("urgency",))  # it has two seconds
    down = rises(door, "fallback", 'cause="down"')
    event = door.event("restart", "hello", customer="restart").json["event"]
    wait_for("it to be asked", lambda: len(s.seen) >= 2)
    s.incarnation += 1
    s.sent = 0
    s.hello()
    down()
    wait_for("it to be taken", lambda: door.get(f"/v1/events/{event}").json["state"] == "taken")


def test_a_flood_of_answers_to_nothing_holds_nobody_up(door, scorer):
    s = scorer(refund)
    unknown = rises(door, "broken", 'cause="unknown"', 10000)
    for i in range(200):
        s.send(SCORED, [[2**52 + i, "refund_card", 0.5, "", False, "", ""]] * 100)
        if i % 50 == 0:
            assert ask(door, "hello")["queue"] in ("billing", "general")
    unknown()
    wait_for("it to be heard again", lambda: ask(door, "hello").get("intent") == "refund_card")


def test_what_a_worker_held_when_it_was_killed_is_triaged_by_the_next(hand, door):
    s = Scorer("py-5", hand.inbox("py-5"), hand.inbox("triage-1"), lambda s, q: None, stages=("urgency",))
    wait_for("it to be known", lambda: ask(door, "hello") and s.seen)
    event = door.event("killed", "hello", customer="killed").json["event"]
    wait_for("it to be asked", lambda: len(s.seen) >= 2)
    hand.kill("triage-1")
    s.leave()
    hand.start("triage-1")
    wait_for("it to be taken", lambda: door.get(f"/v1/events/{event}").json["state"] == "taken", 60)


def test_with_curve_a_scorer_needs_a_key_that_the_worker_knows(tmp_path):
    ours, known, stranger = Key(), Key(), Key()
    (tmp_path / "secret").write_text(ours.secret + "\n")
    (tmp_path / "peers").write_text(known.public + "\n")
    log = tmp_path / "triage.log"
    with open(log, "wb") as out:
        worker = subprocess.Popen([NARU, "triage", "--name", "triage-9", "--inbox", f"ipc://{tmp_path}/t", "--curve-secret",
                                   tmp_path / "secret", "--curve-peers", tmp_path / "peers"], stdout=out, stderr=out)
    try:
        wait_for("the worker", lambda: "ready" in log.read_text())
        at = f"ipc://{tmp_path}/t?key={ours.public}"
        other = Scorer("stranger", f"ipc://{tmp_path}/s2", at, refund, model="stranger", key=stranger)
        friend = Scorer("friend", f"ipc://{tmp_path}/s1", at, refund, model="friend", key=known)
        wait_for("its friend to be known", lambda: "scorer:friend answers" in log.read_text())
        wait_for("the stranger to be refused", lambda: "cause=stranger" in log.read_text())
        assert "scorer:stranger" not in log.read_text()
        for s in (other, friend):
            s.leave()
    finally:
        worker.terminate()
        assert worker.wait(20) == 0


# ---- the examples ----


def example_answers(hand, door, name, argv, **kw):
    """Runs an example until it has answered, kills it, and starts it again."""
    inbox = hand.inbox(f"{name}.scorer")
    command = [*argv, "--model", f"{name}-model", "--name", name, "--inbox", inbox, "--triage", hand.inbox("triage-1")]
    wait_for("the worker", lambda: ask(door, "hello"))
    for end in (signal.SIGKILL, signal.SIGINT):
        with open(hand.folder / f"{name}.log", "ab") as log:
            run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **kw)
        try:
            wait_for("its answer", lambda: run.poll() is not None or ask(door, "i want my money back").get("intent") == "refund")
            assert run.poll() is None, (hand.folder / f"{name}.log").read_text()
            got = ask(door, "돈을 환불 받고 싶어요, 100 % 확실합니다 … money back")
            assert got["intent"] == "refund_request"  # the rule's word
            got = ask(door, "give me my money back")
            assert (got["intent"], got["queue"]) == ("refund", "billing") and f"scorer:{name}-model" in got["reasons"]
            assert ask(door, "what a lovely day").get("intent", "") == ""
            hand.kill("triage-1")
            hand.start("triage-1")
            wait_for("the next worker to know it", lambda: ask(door, "money back, again").get("intent") == "refund", 60)
        finally:
            run.send_signal(end)
            run.wait(10)
        assert "Traceback" not in (hand.folder / f"{name}.log").read_text()
    wait_for("the worker to miss it", lambda: door.metric('naru_mailbox_peers{process="triage-1",role="scorer"}') == 0)


def test_the_example_in_python_answers(hand, door):
    if not all(importlib.util.find_spec(m) for m in ("zmq", "msgpack")):
        pytest.skip("python3-zmq and python3-msgpack are not installed (scripts/packages test)")
    example_answers(hand, door, "py-example", [sys.executable, EXAMPLE / "scorer.py"])


def test_the_example_in_javascript_answers(hand, door):
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    folder = tempfile.mkdtemp(prefix="naru-npm-")
    try:
        for name in ("package.json", "package-lock.json", "scorer.mjs"):
            shutil.copy(EXAMPLE / name, folder)
        got = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True, timeout=300)
        if got.returncode:
            pytest.skip(f"npm ci found no packages: {got.stderr.strip().splitlines()[-1:]}")
        example_answers(hand, door, "js-example", ["node", f"{folder}/scorer.mjs"])
    finally:
        shutil.rmtree(folder)
