"""Processes are killed with -9 under load: what was acknowledged is settled in the end, nothing twice."""
import os
import signal
import time

from conftest import json_line, wait_for

EVENTS = 1500


def load(naru, tmp_path, during):
    """Customers and agents at work; `during` runs while they are; then everything must have been settled."""
    texts, ids = tmp_path / "t.tsv", tmp_path / "acked"
    texts.write_text("text\n" + "".join(f"message number {i}\n" for i in range(EVENTS)))
    crowd = naru.client("crowd", "--agents", "8", "--register", "--think", "5", "--decline", "0.02", "--until-idle", "8")
    sender = naru.client("send", "--file", texts, "--account", "load", "--rate", "150", "--count", EVENTS, "--ids", ids, "--retry-for", "90s")
    during()
    sent = json_line(sender.communicate(timeout=240)[0])
    assert sent["accepted_2xx"] == EVENTS, sent
    events = ids.read_text().split()
    assert len(set(events)) == EVENTS
    wait_for("every event to settle", lambda: naru.metric("naru_events_live{") == 0, 120)
    states = {e: naru.get(f"/v1/events/{e}").json for e in events}
    assert {s["state"] for s in states.values()} == {"settled"}
    got = json_line(crowd.communicate(timeout=120)[0])
    assert got["double"] == 0, got
    tickets = {s["ticket"] for s in states.values()}
    for ticket in sorted(tickets)[::25]:
        life = naru.get(f"/v1/tickets/{ticket}/explain").json["life"]
        owner = None
        for entry in life:
            if entry["kind"] == "accepted":
                assert owner in (None, entry["agent"]), life
                owner = entry["agent"]
            elif entry["kind"] == "returned":
                owner = None


def kill_every(naru, names, seconds=9.0):
    def during():
        pause = seconds / (len(names) + 1)
        for name in names:
            until = time.monotonic() + pause
            wait_for("its turn", lambda: time.monotonic() > until, pause + 5)
            naru.kill(name)
    return during


def test_a_triage_worker_is_killed(naru, tmp_path):
    load(naru, tmp_path, kill_every(naru, ["triage-1", "triage-2", "triage-1"]))


def test_the_assigner_is_killed(naru, tmp_path):
    load(naru, tmp_path, kill_every(naru, ["assign-1", "assign-1"]))


def test_the_router_is_killed(naru, tmp_path):
    load(naru, tmp_path, kill_every(naru, ["router-1", "router-1"]))
    assert "settled_at_home" not in (naru.folder / "data" / "log" / "assign-1.log").read_text()  # nothing was thought to be over


def test_a_ticket_that_its_router_died_too_early_to_know_waits_for_it(naru):
    """The leader has opened it, home has the event alone: neither verdict nor ticket were on its disk. It is not over."""
    first = naru.event("m0", "refund", customer="c0").json["event"]
    wait_for("the leader at work", lambda: naru.get(f"/v1/events/{first}").json["state"] == "taken")
    children = naru.children()
    os.kill(children["redis"], signal.SIGSTOP)  # what the leader opens is not told before Redis has it
    event = naru.event("m1", "refund", customer="c1").json["event"]
    wait_for("the verdict", lambda: naru.get(f"/v1/events/{event}").json["state"] == "triaged")
    triage = [children[name] for name in children if name.startswith("triage")]
    try:
        for pid in triage:
            os.kill(pid, signal.SIGSTOP)  # no second verdict before the leader has asked
        naru.kill("router-1")
        os.kill(children["redis"], signal.SIGCONT)
        log = naru.folder / "data" / "log" / "router-1.log"
        wait_for("the leader to have asked", lambda: "told the leader all of 2 events" in log.read_text())
        wait_for("the ticket", lambda: naru.get(f"/v1/events/{event}").json["state"] == "taken")
    finally:
        for pid in triage:
            os.kill(pid, signal.SIGCONT)
    ann = naru.agent("ann").available()
    for _ in range(2):
        offer = ann.hear("offer")
        token = ann.act("accept", ticket=offer["ticket"], token=offer["token"])["token"]
        assert ann.act("resolve", ticket=offer["ticket"], token=token)["status"] == 200
    wait_for("the end", lambda: naru.get(f"/v1/events/{event}").json["state"] == "settled")
    assert naru.get(f"/v1/events/{event}").json["ticket"] == offer["ticket"]
    life = [entry["kind"] for entry in naru.get(f"/v1/tickets/{offer['ticket']}/explain").json["life"]]
    assert life[0] == "opened" and life[-1] == "ended" and life.count("opened") == 1, life
    assert "settled_at_home" not in (naru.folder / "data" / "log" / "assign-1.log").read_text()


def test_redis_is_killed(naru, tmp_path):
    load(naru, tmp_path, kill_every(naru, ["redis", "redis"]))


def test_each_is_killed_in_turn(naru, tmp_path):
    load(naru, tmp_path, kill_every(naru, ["triage-1", "assign-1", "redis", "router-1"]))


def test_redis_stalls_for_a_while(naru, tmp_path):
    def during():
        pid = wait_for("redis", lambda: naru.children().get("redis"))
        os.kill(pid, signal.SIGSTOP)
        until = time.monotonic() + 6
        try:
            wait_for("the stall to be noticed", lambda: naru.get("/readyz").status == 503, 20)
            wait_for("a longer stall", lambda: time.monotonic() > until, 10)
        finally:
            os.kill(pid, signal.SIGCONT)
    load(naru, tmp_path, during)


def test_redis_comes_back_with_older_data(naru, tmp_path):
    """The AOF loses its last kilobyte: tickets are taken up again from the home router's journal."""
    aof = naru.folder / "data" / "redis" / "appendonlydir"
    ann = naru.agent("ann").available()
    events = [naru.event(f"m{i}", "refund", customer=f"c{i}").json["event"] for i in range(6)]
    held = []
    for _ in range(3):
        offer = ann.hear("offer")
        held.append((offer["ticket"], ann.act("accept", ticket=offer["ticket"], token=offer["token"])["token"]))
    wait_for("all taken", lambda: all(naru.get(f"/v1/events/{e}").json["state"] == "taken" for e in events))
    leads = naru.metric("naru_leads_total{")
    redis = naru.children()["redis"]
    os.kill(redis, signal.SIGKILL)
    log = max(aof.glob("*.incr.aof"), key=lambda f: f.stat().st_mtime)
    os.truncate(log, max(0, log.stat().st_size - 1024))
    wait_for("redis again", lambda: naru.children().get("redis", redis) != redis)
    wait_for("a new lead", lambda: naru.metric("naru_leads_total{") > leads, 60)
    naru.ready()
    for ticket, token in held:
        got = ann.act("resolve", ticket=ticket, token=token)
        assert got["status"] == 200, got
    for _ in range(3):
        offer = ann.hear("offer", seconds=40)
        token = ann.act("accept", ticket=offer["ticket"], token=offer["token"])["token"]
        assert ann.act("resolve", ticket=offer["ticket"], token=token)["status"] == 200
    wait_for("all settled", lambda: all(naru.get(f"/v1/events/{e}").json["state"] == "settled" for e in events))
    wait_for("the rollback to be counted", lambda: naru.metric("naru_store_rollbacks_total{") >= 1)


def test_intake_goes_on_without_redis(start):
    """Redis is not there at start: events are taken, readiness says what is missing, assignment begins by itself."""
    naru = start(options=["--redis", "unix:///nonexistent/redis.sock"], wait=False)
    wait_for("the router", lambda: naru.try_call("GET", "/healthz") == 200)
    assert naru.get("/readyz").status == 503
    answer = naru.event("m1", "hello")
    assert answer.status == 202
    wait_for("triage", lambda: naru.get(f"/v1/events/{answer.json['event']}").json["state"] == "triaged")


def test_nothing_is_left_behind(start):
    naru = start()
    pids = set(naru.children().values())
    assert len(pids) == 5
    naru.up.kill()
    naru.up.wait(10)
    alive = lambda: [p for p in pids if os.path.exists(f"/proc/{p}") and open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"]
    wait_for("the children to go with it", lambda: not alive())


def test_an_assigner_that_was_stopped_leads_on(naru):
    """Longer than its routers wait for it, and no other took its place: it never knew, and they had forgotten it."""
    pid = naru.children()["assign-1"]
    os.kill(pid, signal.SIGSTOP)
    wait_for("the router to give it up", lambda: naru.get("/readyz").status == 503)
    os.kill(pid, signal.SIGCONT)
    wait_for("it to lead again", lambda: naru.get("/readyz").status == 200, 15)
    assert naru.children()["assign-1"] == pid
    event = naru.event("after", "hello", account="web").json["event"]
    wait_for("its ticket", lambda: naru.get(f"/v1/events/{event}").json.get("ticket"), 15)
