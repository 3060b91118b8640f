"""A busy workspace of real processes, then its books: customers who do not stop, agents who decline, ignore, reply, park, pass on and
vanish, offers to several at once, and a policy that is read again and again. Nothing may be lost, doubled or left over."""
import itertools
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

import pytest
from conftest import running, wait_for

SECONDS = int(os.environ.get("NARU_LIVE_SECONDS", "20"))
AGENTS = 12
CAPACITY = 100

POLICY = """
naru: 1
workspace: test
capacity: { parked: 25%, wake-wait: 2s }
presence: { lease: 15s, leave: 1s, grace: 3s }
channels:
  webchat: { cost: 30, offer: 1s }
  api: { cost: 10, offer: 1s }
accounts:
  web: { channel: webchat }
  load: { channel: api }
queues:
  first:
    takes: { channel: [webchat] }
    sla: { answer: { within: 30s } }
    offers: { at-once: 3, back-off: 1s }
  second:
    takes: default
    sla: { answer: { within: 1m } }
    offers: { at-once: 1, back-off: 1s }
    timeline:
      - { after: 5s, offer: 3 }
agents:
""" + "".join(f"  crew-{i}: {{ skills: {{ tech: 5 }}, capacity: {CAPACITY}, max: {{ webchat: 3 }} }}\n" for i in range(1, AGENTS + 1))


def write_policy(path, n):
    path.write_text(POLICY + f"# {n}\n")


def redis(naru, *words):
    cli = subprocess.run(["redis-cli", "-s", str(naru.folder / "data" / "run" / "redis.sock"), "--no-raw", *words], capture_output=True,
                         text=True, timeout=60)
    assert cli.returncode == 0 and "rror" not in cli.stdout[:100], cli.stdout[:500] + cli.stderr
    return cli.stdout


def over_capacity(agents):
    """Agents who have more than they can: each answer is one instant of the leader."""
    return [a for a in agents if a["units_held"] + a["units_offered"] > a["capacity"] or a["capacity"] != CAPACITY]


@pytest.fixture(scope="module")
def run():
    """What happened: the running Naru, the clients' counts, and every agent who was seen with too much."""
    with tempfile.TemporaryDirectory() as folder:
        policy = pathlib.Path(folder) / "policy.yaml"
        write_policy(policy, 0)
        texts = pathlib.Path(folder) / "texts.tsv"
        texts.write_text("text\n" + "".join(f"message number {i}\n" for i in range(50)))
        with running(policy=policy) as naru:
            crowd = naru.client("crowd", "--names", ",".join(f"crew-{i}" for i in range(1, AGENTS + 1)), "--think", 150, "--decline", 0.1,
                                "--ignore", 0.02, "--vanish", 0.01, "--reply", 0.3, "--park", 0.1, "--transfer", 0.05, "--seed", 7,
                                "--until-idle", 15)
            senders = [naru.client("send", "--file", texts, "--account", account, "--rate", 25, "--count", 25 * SECONDS,
                                   "--ids", f"{folder}/{account}.ids") for account in ("web", "load")]
            too_much, seen, until = [], 0, time.monotonic() + 300
            for n in itertools.count(1):
                agents = naru.get("/v1/agents").json["agents"]
                too_much += over_capacity(agents)
                seen += any(a["units_held"] for a in agents)
                if n % 20 == 0 and senders[0].poll() is None:
                    write_policy(policy, n)
                    os.kill(naru.up.pid, signal.SIGHUP)
                if crowd.poll() is not None:
                    break
                assert time.monotonic() < until, "the crowd never came to rest"
                time.sleep(0.05)
            said = [json.loads(c.communicate(timeout=60)[0].splitlines()[-1]) for c in (crowd, *senders)]
            events = [e for account in ("web", "load") for e in pathlib.Path(f"{folder}/{account}.ids").read_text().split()]
            yield naru, said[0], said[1:], events, too_much, seen


def test_the_crowd_did_all_that_agents_do(run):
    _, crowd, senders, events, _, seen = run
    assert sum(s["accepted_2xx"] for s in senders) == len(events) == len(set(events)) == 2 * 25 * SECONDS
    for what in ("declined", "ignored", "vanished", "expired", "replied", "parked", "resumed", "transferred", "reconnects"):
        assert crowd[what] > 0, (what, crowd)
    assert seen > 20


def test_every_event_has_settled_and_no_ticket_is_left(run):
    naru, crowd, _, events, _, _ = run
    live = lambda: naru.get("/v1/tickets").json["tickets"]
    try:
        wait_for("no live ticket", lambda: live() == [], 60)
    except AssertionError:
        pytest.fail(f"{crowd}: " + " ".join(json.dumps([t, naru.get(f"/v1/tickets/{t['ticket']}/explain").json]) for t in live()[:3]))
    wait_for("every event to settle", lambda: naru.metric("naru_events_live") == 0, 60)
    tickets = [naru.get(f"/v1/events/{e}").json for e in events]
    assert {t["state"] for t in tickets} == {"settled"}
    assert len({t["ticket"] for t in tickets}) == len(events), "each customer wrote once: a ticket each"
    assert crowd["resolved"] == len(events) and crowd["unfinished"] == 0, crowd


def test_nobody_ever_held_what_another_held(run):
    assert run[1]["double"] == 0


def test_nobody_ever_had_more_than_they_can(run):
    assert run[4] == []


def test_no_hold_is_left_over(run):
    naru = run[0]
    empty = lambda: all(a["units_held"] == a["units_offered"] == 0 and a["tickets"] == [] for a in naru.get("/v1/agents").json["agents"])
    wait_for("every agent to be free", empty, 30)
    assert "held" not in redis(naru, "keys", "naru:{test}:*"), "an empty hash is no key"


def test_the_change_log_has_no_gap(run):
    """A batch in Redis is named by its last number and says its first: each begins where the one before it ended."""
    naru = run[0]
    batches = re.findall(r'"(\d+)-\d+"\s+2\) 1\) "first"\s+2\) "(\d+)"', redis(naru, "xrange", "naru:{test}:log", "-", "+"))
    assert len(batches) > 100
    for (last, _), (_, first) in zip(batches, batches[1:]):
        assert int(first) == int(last) + 1
    logs = "".join(f.read_text() for f in (naru.folder / "data" / "log").glob("*.log")) + (naru.folder / "up.log").read_text()
    assert "going on without them" not in logs
    seen = {}
    for ticket in naru.get("/v1/tickets?state=resolved&limit=100").json["tickets"]:
        life = naru.get(f"/v1/tickets/{ticket['ticket']}/explain").json["life"]
        seqs = [c["seq"] for c in life]
        assert seqs == sorted(set(seqs)), "changes of a ticket are in their order, each once"
        assert life[0]["kind"] == "opened" and life[-1]["kind"] == "ended"
        for c in life:
            assert seen.setdefault(c["seq"], ticket["ticket"]) == ticket["ticket"], "a number is of one change"
