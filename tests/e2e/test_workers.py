"""Triage workers by others: one in Python does the job; one that errs, says nothing or sends rubbish harms only its own work."""
import uuid

import pytest
from conftest import by_hand, wait_for
from wire import Worker, pack


@pytest.fixture(scope="module")
def hand():
    with by_hand() as h:
        h.start("redis", "router-1", "assign-1")
        yield h


@pytest.fixture
def worker(hand):
    made = []

    def make(answer, name="py-1"):
        made.append(Worker(name, hand.inbox(name), hand.inbox("router-1"), answer))
        return made[-1]

    yield make
    for w in made:
        w.leave()
        wait_for("it to be missed", lambda: hand.routers[1].get("/readyz").json["triage"] is False or len(made) > 1, 10)


def event_of(door, event):
    return door.get(f"/v1/events/{event}").json


def test_a_worker_in_python_does_the_job(hand, worker):
    door = hand.routers[1]
    w = worker(lambda w, e: w.verdict(e, queue="billing"))
    event = door.event("py1", "anything", customer="py1").json["event"]
    wait_for("it to be taken", lambda: event_of(door, event)["state"] == "taken")
    ticket = event_of(door, event)["ticket"]
    assert door.get(f"/v1/tickets/{ticket}").json["queue"] == "billing"
    assert w.policies[0][0] == "test" and b"queues:" in w.policies[0][6]
    assert w.seen[0][10] == "anything"
    assert door.post(f"/v1/tickets/{ticket}/cancel", {}).status == 200


def test_an_event_that_fails_three_times_is_dead_listed_and_replayed(hand, worker):
    door = hand.routers[1]
    bad = True
    w = worker(lambda w, e: w.verdict(e, error="cannot read it" if bad and e[10] == "poison" else ""))
    dead = door.event("dead1", "poison", customer="dead1").json["event"]
    behind = door.event("dead2", "well", customer="dead1").json["event"]  # of the same conversation: goes on without it
    wait_for("it to be dead", lambda: event_of(door, dead)["state"] == "dead")
    assert len([e for e in w.seen if e[10] == "poison"]) == 3
    wait_for("the next to go on", lambda: event_of(door, behind)["state"] == "taken")
    assert door.get("/v1/events").status == 422
    listed = [e for e in door.get("/v1/events?state=dead").json["events"] if e["event"] == dead]
    assert len(listed) == 1 and listed[0]["attempts"] == 3
    assert door.metric('naru_events_live{process="router-1",state="dead"}') == 1
    assert door.event("dead1", "poison", customer="dead1").json == {"event": dead, "duplicate": True}
    assert event_of(door, dead)["state"] == "dead"
    hand.kill("router-1")
    hand.start("router-1")
    assert event_of(door, dead)["state"] == "dead"
    wait_for("the worker again", lambda: door.get("/readyz").json["triage"])
    bad = False
    assert door.post(f"/v1/events/{dead}/replay", {}).status == 202
    wait_for("it to live", lambda: event_of(door, dead)["state"] == "taken")
    assert event_of(door, dead)["ticket"] == event_of(door, behind)["ticket"]
    again = door.post(f"/v1/events/{dead}/replay", {})
    assert (again.status, again.json["type"]) == (409, "/problems/wrong-state")
    assert door.post("/v1/events/00000000-0000-7000-8000-000000000000/replay", {}).status == 404
    door.post(f"/v1/tickets/{event_of(door, dead)['ticket']}/cancel", {})


def test_a_dead_event_tells_why_it_died(hand, worker):
    door = hand.routers[1]
    worker(lambda w, e: w.verdict(e, error="cannot read it"))
    dead = door.event("why", "poison", customer="why").json["event"]
    wait_for("it to be dead", lambda: event_of(door, dead)["state"] == "dead")
    told = next(e for e in door.get("/v1/events?state=dead").json["events"] if e["event"] == dead)
    assert told["cause"] == "triage: cannot read it" and told["died"] >= told["received"]
    assert event_of(door, dead)["cause"] == told["cause"]


def test_a_silent_worker_loses_its_events_to_another(hand, worker):
    door = hand.routers[1]
    silent = worker(lambda w, e: None, "py-silent")
    event = door.event("silent1", "hello", customer="silent1").json["event"]
    wait_for("it to have it", lambda: silent.seen)
    other = worker(lambda w, e: w.verdict(e), "py-other")
    wait_for("the other to do it", lambda: event_of(door, event)["state"] == "taken", 20)
    assert event_of(door, event)["attempts"] == 0 and event in [str(uuid.UUID(bytes=e[0])) for e in other.seen]
    door.post(f"/v1/tickets/{event_of(door, event)['ticket']}/cancel", {})


RUBBISH = [
    ("no msgpack", lambda w, e: b"\xc1" * 100),
    ("nothing", lambda w, e: b""),
    ("another version", lambda w, e: w.frame(3, [], version=9)),
    ("an unknown type", lambda w, e: w.frame(99, [[1]])),
    ("a record that is no verdict", lambda w, e: w.frame(3, [["x", 7]])),
    ("an entry, as if it led", lambda w, e: w.frame(5, [["test", 1, 1, 1, 0, e[0], e[0], 1, "ann"]])),
    ("a claim to lead", lambda w, e: w.frame(11, [["test", 2**60, 2**60]])),
    ("a policy", lambda w, e: w.frame(10, [["test", 1, "", "v", 2**52, "x", b"naru: 1"]])),
    ("a huge seq", lambda w, e: pack([1, 3, w.name, w.incarnation, 2**53 + 1, w.consumed, []])),
    ("an ack of the future", lambda w, e: pack([1, 1, w.name, w.incarnation, w.sent, 2**52, []])),
    ("a frame from nobody", lambda w, e: pack([1, 3, "", 0, 0, 0, []])),
    ("a stranger's name", lambda w, e: pack([1, 3, "assign-1", 2**52, 0, 0, [w.verdict(e)]])),
    ("a verdict on nothing", lambda w, e: w.frame(3, [w.verdict([b"\0" * 16, "test"])])),
    ("a word out of range", lambda w, e: w.frame(3, [[e[0], "test", "", "", "", "", 0.0, False, 77]])),
    ("an unknown queue", lambda w, e: w.frame(3, [w.verdict(e, queue="nowhere")])),
    ("deep", lambda w, e: b"\x91" * 5000),
    ("a long array", lambda w, e: b"\xdd\xff\xff\xff\xff"),
]


def test_rubbish_from_a_worker_is_dropped_and_counted(hand, worker):
    door = hand.routers[1]
    etag = door.get("/v1/policy").headers["ETag"]

    def answer(w, e):
        w.send_bytes(RUBBISH[int(e[4][4:])][1](w, e))
        if "queue" not in RUBBISH[int(e[4][4:])][0]:
            return w.verdict(e)

    worker(answer)
    for i, (what, _) in enumerate(RUBBISH):
        event = door.event(f"junk{i}", "hello", customer=f"junk{i}").json["event"]
        wait_for(f"{what}: it to be taken all the same", lambda: event_of(door, event)["state"] in ("taken", "settled"), 20)
        door.post(f"/v1/tickets/{event_of(door, event)['ticket']}/cancel", {})
    assert door.metric("naru_mailbox_refused_total{") >= 8
    assert door.get("/v1/policy").headers["ETag"] == etag
    wait_for("the leader to lead", lambda: door.get("/readyz").status == 200)
