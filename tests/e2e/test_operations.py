"""What operators and integrators do and get wrong: acts over HTTP, lists, policies, tokens, the command line, slow clients."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

import pytest
import websocket
from conftest import NARU, POLICY, Hand, running, wait_for

NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def naru():
    policy = pathlib.Path(tempfile.mkdtemp(prefix="naru-e2e-")) / "policy.yaml"
    policy.write_text(POLICY.read_text())
    with running(policy=policy) as n:
        yield n


def token(naru, role, subject="x", *more):
    out = naru.naru("token", "create", "--role", role, "--subject", subject, "--workspace", "test", "--tokens",
                    naru.folder / "data" / "tokens", *more)
    assert out.returncode == 0, out.stderr
    wait_for("the token to be known", lambda: naru.get("/v1/queues", token=out.stdout.strip()).status != 401)
    return out.stdout.strip()


def taken(naru, id, text="refund", **more):
    """An event with a ticket: (event, ticket)."""
    event = naru.event(id, text, customer=id, **more).json["event"]
    ticket = wait_for("its ticket", lambda: naru.get(f"/v1/events/{event}").json.get("ticket"))
    return event, ticket


def act(naru, ticket, kind, status=200, problem=None, by=None, **body):
    answer = naru.post(f"/v1/tickets/{ticket}/{kind}", body, token=by)
    assert answer.status == status, answer.text
    if problem:
        assert answer.json["type"].endswith(f"/{problem}"), answer.text
    return answer.json


def cancel_all(naru):
    while tickets := naru.get("/v1/tickets?limit=100").json["tickets"]:
        for t in tickets:
            naru.post(f"/v1/tickets/{t['ticket']}/cancel", {})


def refused(answer, status, type):
    assert (answer.status, answer.json["type"].rsplit("/")[-1]) == (status, type), answer.text


# ---- acts over HTTP ----


def test_a_ticket_lives_its_whole_life_over_http(naru):
    mine = token(naru, "agent", "ann")
    other = token(naru, "agent", "bob")
    with naru.agent("ann") as ann:
        event, ticket = taken(naru, "h1")
        offer = ann.hear("offer", ticket=ticket)
        act(naru, ticket, "accept", 422, "bad-field", mine)
        act(naru, ticket, "accept", 422, "bad-field", mine, token="one.two")
        act(naru, ticket, "accept", 409, "ticket-not-offered-to-you", other, token=offer["token"])
        act(naru, ticket, "accept", 409, "old-token", mine, token="1.1")
        act(naru, ticket, "accept", 403, "forbidden", mine, token=offer["token"], agent="bob")
        act(naru, ticket, "accept", 422, "bad-field", mine, token=offer["token"], colour="red")
        had = act(naru, ticket, "accept", 200, None, mine, token=offer["token"])
        assert had["state"] == "assigned"
        assert act(naru, ticket, "accept", 200, None, mine, token=offer["token"])["token"] == had["token"]
        act(naru, ticket, "decline", 409, None, mine, token=had["token"])
        act(naru, ticket, "resolve", 409, "old-token", mine, token=offer["token"])
        act(naru, ticket, "resolve", 403, None, other, token=had["token"])
        had = act(naru, ticket, "park", 200, None, mine, token=had["token"], reason="waits for the customer")
        assert had["state"] == "parked"
        act(naru, ticket, "park", 409, "wrong-state", mine, token=had["token"])
        had = act(naru, ticket, "resume", 200, None, mine, token=had["token"])
        assert had["state"] == "assigned"
        act(naru, ticket, "transfer", 404, "queue-not-found", mine, token=had["token"], queue="nowhere")
        act(naru, ticket, "transfer", 422, "bad-field", mine, token=had["token"])
        act(naru, ticket, "transfer", 200, None, mine, token=had["token"], queue="general")
        assert ann.hear("returned")["ticket"] == ticket
        act(naru, ticket, "resolve", 403, None, mine, token=had["token"])
        told = act(naru, ticket, "cancel", 200, reason="a test")
        assert told["state"] == "cancelled"
        for kind in ("accept", "resolve", "cancel", "park"):
            act(naru, ticket, kind, 409, "wrong-state", agent="ann")
        wait_for("it to settle", lambda: naru.get(f"/v1/events/{event}").json["state"] == "settled")
        life = naru.get(f"/v1/tickets/{ticket}/explain").json
        kinds = [e["kind"] for e in life["life"]]
        for kind in ("opened", "offered", "accepted", "parked", "resumed", "moved", "ended"):
            assert kind in kinds, kinds
    act(naru, NOBODY, "cancel", 404, "ticket-not-found")


def test_an_agent_sees_and_lists_their_own(naru):
    mine = token(naru, "agent", "ann")
    _, ticket = taken(naru, "own1")
    assert naru.get(f"/v1/tickets/{ticket}", token=mine).status == 403
    with naru.agent("ann", mine) as ann:
        ann.hear("offer", ticket=ticket)
        assert naru.get(f"/v1/tickets/{ticket}", token=mine).json["agent"] == "ann"
        assert [t["ticket"] for t in naru.get("/v1/tickets", token=mine).json["tickets"]] == [ticket]
        refused(naru.get("/v1/tickets?agent=bob", token=mine), 403, "forbidden")
        refused(naru.get("/v1/tickets?state=resolved", token=mine), 403, "forbidden")
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        naru.agent("bob", mine)
    cancel_all(naru)


def test_lists_filter_and_page(naru):
    cancel_all(naru)
    made = sorted(taken(naru, f"page{i}", "refund" if i % 2 else "hello")[1] for i in range(7))
    found, after = [], ""
    for _ in range(10):
        page = naru.get(f"/v1/tickets?limit=3{after}").json
        found += [t["ticket"] for t in page["tickets"]]
        if "next" not in page:
            break
        after = f"&after={page['next']}"
    assert found == made
    assert len(naru.get("/v1/tickets?queue=billing").json["tickets"]) == 3
    assert len(naru.get("/v1/tickets?queue=general&state=waiting").json["tickets"]) == 4
    assert naru.get("/v1/tickets?state=assigned").json["tickets"] == []
    refused(naru.get("/v1/tickets?queue=nowhere"), 404, "queue-not-found")
    for bad in ("state=sleeping", "limit=0", "limit=101", "limit=x", "after=17", "queue=" + "q" * 65):
        refused(naru.get(f"/v1/tickets?{bad}"), 422, "bad-field")
    for ticket in made:
        act(naru, ticket, "resolve")

    def closed(limit=100):
        seen, after = [], ""
        while True:
            page = naru.get(f"/v1/tickets?state=resolved&limit={limit}{after}").json
            seen += [t["ticket"] for t in page["tickets"]]
            if "next" not in page:
                assert len(seen) == len(set(seen)) and seen == sorted(seen, reverse=True)
                return set(seen)
            assert len(page["tickets"]) == limit and page["next"] == seen[-1]
            after = f"&after={page['next']}"

    wait_for("them in the history", lambda: set(made) <= closed())
    assert not closed() & {t["ticket"] for t in naru.get("/v1/tickets").json["tickets"]}
    billing = naru.get("/v1/tickets?state=resolved&queue=billing").json["tickets"]
    assert {t["queue"] for t in billing} == {"billing"}
    assert closed(limit=2) == closed(limit=1) == closed()
    life = naru.get(f"/v1/tickets/{made[0]}/explain").json
    assert life["state"] == "resolved" and [e["kind"] for e in life["life"]][0] == "opened" and life["life"][-1]["kind"] == "ended"


# ---- events that are no messages ----


def test_a_hang_up_abandons_and_a_receipt_opens_nothing(naru):
    event, ticket = taken(naru, "call1", "", kind="call", conversation="call-1")
    over = naru.post("/v1/events", {"id": "call1-end", "account": "web", "kind": "hangup", "conversation": "call-1"})
    assert over.status == 202, over.text
    for e in (event, over.json["event"]):
        wait_for("both to settle", lambda: naru.get(f"/v1/events/{e}").json["state"] == "settled")
    assert naru.get(f"/v1/tickets/{ticket}").json["state"] == "abandoned"
    receipt = naru.post("/v1/events", {"id": "r1", "account": "web", "kind": "receipt", "conversation": "call-1"}).json["event"]
    told = wait_for("the receipt", lambda: (e := naru.get(f"/v1/events/{receipt}").json)["state"] == "settled" and e)
    assert "ticket" not in told


def test_a_hang_up_takes_the_call_from_its_agent(naru):
    with naru.agent("ann") as ann:
        naru.post("/v1/events", {"id": "call2", "account": "web", "kind": "call", "conversation": "call-2"})
        offer = ann.hear("offer")
        act(naru, offer["ticket"], "accept", agent="ann")
        naru.post("/v1/events", {"id": "call2-end", "account": "web", "kind": "hangup", "conversation": "call-2"})
        assert ann.hear("ended")["ticket"] == offer["ticket"]
        told = naru.get("/v1/agents/ann").json
        assert told["tickets"] == [] and told["units_held"] == 0


# ---- agents ----


def test_agents_are_put_read_and_deleted(naru):
    assert naru.call("PUT", "/v1/agents/dora", {"skills": {"billing": 9}, "capacity": 60}).status == 200
    told = wait_for("dora", lambda: (a := naru.get("/v1/agents/dora")).status == 200 and a.json)
    assert told["skills"] == {"billing": 9} and told["capacity"] == 60
    assert "dora" in [a["agent"] for a in naru.get("/v1/agents").json["agents"]]
    for bad in ({"skils": {}}, {"skills": {"billing": 99}}, {"capacity": -1}, [], {"skills": {"billing": "much"}}):
        answer = naru.call("PUT", "/v1/agents/dora", bad)
        assert answer.status in (400, 422) and answer.json["detail"], (bad, answer.text)
    refused(naru.call("PUT", "/v1/agents/dora", raw=b"{"), 400, "bad-json")
    assert naru.get("/v1/agents/dora").json["capacity"] == 60
    dora = naru.agent("dora").available()
    _, ticket = taken(naru, "dora1")
    assert dora.hear("offer")["ticket"] == ticket
    assert naru.call("DELETE", "/v1/agents/dora").status == 200
    assert dora.hear("withdrawn")["ticket"] == ticket
    assert naru.get("/v1/agents/dora").status == 404
    assert naru.get(f"/v1/tickets/{ticket}").json["state"] == "waiting"
    dora.close()
    assert naru.call("DELETE", "/v1/agents/dora").status in (200, 404)
    cancel_all(naru)


@pytest.mark.parametrize("name,status", [("이지은", 200), ("이 지은", 422), ("a b", 422), ("a%b", 422), ("a/b", 400), ("a\nb", 400), ("n" * 129, 404), ("A-1.b_c@d+e", 200)])
def test_names_of_agents_are_plain_words(naru, name, status):
    path = f"/v1/agents/{urllib.parse.quote(name, safe='')}"
    made = naru.call("PUT", path, {"skills": {}, "capacity": 10})
    assert made.status == status, made.text
    assert status == 200 or made.json["detail"]
    assert naru.call("DELETE", path).status in (200, 400, 404, 422)


def test_presence_over_http(naru):
    with naru.agent("bob") as bob:
        answer = naru.post("/v1/agents/bob/presence", {"presence": "away", "reason": "lunch"})
        assert answer.status == 200 and answer.json["reason"] == "lunch"
        assert bob.hear("presence", presence="away")["reason"] == "lunch"
        assert naru.get("/v1/agents/bob").json["presence"] == "away"
        for bad in ({"presence": "gone"}, {}, {"presence": 1}):
            refused(naru.post("/v1/agents/bob/presence", bad), 422, "bad-field")
        refused(naru.post("/v1/agents/nobody/presence", {"presence": "away"}), 404, "agent-not-found")


def test_the_second_socket_of_an_agent_closes_the_first(naru):
    first = naru.agent("bob")
    assert first.hear("welcome")["session"] > 0
    second = naru.agent("bob")
    second.hear("welcome")
    first.ws.settimeout(10)
    code, data = first.ws.recv_data()
    assert code == 8 and data[2:] == b"replaced" and int.from_bytes(data[:2], "big") >= 4000
    assert second.act("presence", presence="available")["status"] == 200
    second.act("presence", presence="offline")
    second.close()


def test_nonsense_on_a_socket_is_refused_and_the_socket_lives(naru):
    with naru.agent("bob") as bob:
        for text, problem in [("{", "bad-json"), ("[1,2]", "bad-request"), ('"accept"', "bad-request"), ("", "bad-json"),
                              ('{"type":"dance","ref":7}', "bad-request"), ('{"type":7}', "bad-request"),
                              ('{"type":"accept","ref":8}', "bad-field"), ('{"type":"presence","presence":"gone"}', "bad-field"),
                              ('{"type":"accept","ticket":"%s"}' % NOBODY, "bad-field"),
                              ('{"type":"accept","ticket":"%s","token":"-1.0"}' % NOBODY, "bad-field")]:
            bob.ws.send(text)
            got = bob.hear("result")
            assert got["status"] == 400 and got["problem"] == problem and got["detail"], (text, got)
        assert bob.act("accept", ticket=NOBODY, token="1.1")["status"] == 404
        bob.say(type="heartbeat")
        assert bob.act("presence", presence="available")["status"] == 200
        bob.ws.send_binary(b"\x00\xff")
        bob.ws.settimeout(10)
        opcode, _ = bob.ws.recv_data()
        assert opcode == 8  # texts only
        raise_if_dead = naru.agent("bob")
        raise_if_dead.hear("welcome")
        raise_if_dead.close()
        bob.ws = naru.agent("bob").ws


def test_bad_frames_close_only_their_socket(naru):
    for frame in (b"\x81\x05hello", b"\x81\xff" + b"\xff" * 8, b"\x83\x80\0\0\0\0", b"\xf1\x80\0\0\0\0", b"\x88\x81\0\0\0\0\1"):
        bob = naru.agent("bob")
        bob.hear("welcome")
        bob.ws.sock.sendall(frame)
        bob.ws.settimeout(10)
        with pytest.raises((websocket.WebSocketException, ConnectionError)):
            while True:
                opcode, data = bob.ws.recv_data(control_frame=True)
                if opcode == 8:
                    assert data == b"" or int.from_bytes(data[:2], "big") in (1002, 1009, 1007), (frame, data)
                    raise websocket.WebSocketException
    assert naru.get("/healthz").status == 200


def test_an_agent_who_vanishes_loses_the_offer_to_another(naru):
    cancel_all(naru)
    ann = naru.agent("ann").available()
    event, ticket = taken(naru, "gone1", "refund", account="load")
    assert ann.hear("offer")["ticket"] == ticket
    with naru.agent("bob") as bob:
        ann.ws.sock.close()  # no word of farewell
        assert bob.hear("offer")["ticket"] == ticket
    wait_for("ann to be offline", lambda: naru.get("/v1/agents/ann").json["presence"] == "offline")
    cancel_all(naru)


def test_three_missed_offers_make_an_agent_away_and_one_act_brings_them_back(naru):
    cancel_all(naru)
    with naru.agent("ann") as ann:
        for i in range(3):
            naru.event(f"miss{i}", "refund", customer=f"miss{i}")
        for i in range(3):
            ann.hear("offer")
        away = ann.hear("presence", presence="away")
        assert away["reason"] == "missed"
        assert naru.get("/v1/agents/ann").json["reason"] == "missed"
        naru.event("miss-after", "refund", customer="miss-after")
        assert ann.act("presence", presence="available")["status"] == 200
        offer = ann.hear("offer")
        assert offer["conversation"] == "miss-after"
        assert "reason" not in naru.get("/v1/agents/ann").json
    cancel_all(naru)


# ---- policies ----


def posted(naru, text):
    return naru.post("/v1/policy", raw=text.encode(), headers={"Content-Type": "application/yaml"})


def etag(naru):
    return naru.get("/v1/policy").headers["ETag"]


def log_of(naru, name="router-1"):
    return (naru.folder / "data" / "log" / f"{name}.log").read_text(errors="replace")


def test_sighup_imports_a_changed_file_and_refuses_a_broken_one(naru):
    before, good = etag(naru), naru.policy.read_text()
    naru.policy.write_text(good.replace("tech: 9", "tech: 7"))
    naru.up.send_signal(signal.SIGHUP)
    wait_for("the new version", lambda: etag(naru) != before)
    wait_for("the leader to use it", lambda: naru.get("/v1/agents/carl").json["skills"]["tech"] == 7)
    changed = etag(naru)
    naru.policy.write_text(good.replace("order: slack", "order: slak", 1))
    line = next(i for i, l in enumerate(naru.policy.read_text().splitlines(), 1) if "slak" in l)
    naru.up.send_signal(signal.SIGHUP)
    wait_for("the complaint", lambda: f"{naru.policy}:{line}:" in log_of(naru))
    assert "slack" in log_of(naru).split(f"{naru.policy}:{line}:")[1].splitlines()[0]
    assert etag(naru) == changed
    assert "policy file" in naru.get("/readyz").json["note"]
    assert naru.event("hup1").status == 202
    naru.policy.unlink()
    naru.up.send_signal(signal.SIGHUP)
    wait_for("the complaint", lambda: f"{naru.policy}: cannot be read" in log_of(naru))
    assert etag(naru) == changed
    naru.policy.write_text(good)
    naru.up.send_signal(signal.SIGHUP)
    wait_for("the good one", lambda: etag(naru) == before and "note" not in naru.get("/readyz").json)
    cancel_all(naru)


def test_a_posted_policy_and_a_put_agent_outlive_a_restart(naru):
    answer = posted(naru, naru.policy.read_text().replace("tech: 9", "tech: 8"))
    assert answer.status == 200, answer.text
    assert naru.call("PUT", "/v1/agents/emil", {"skills": {"billing": 2}, "capacity": 10}).status == 200
    assert naru.call("PUT", "/v1/agents/gone", {"capacity": 10}).status == 200
    assert naru.call("DELETE", "/v1/agents/gone").status == 200
    event, ticket = taken(naru, "restart1")
    naru.stop()
    naru.start()
    assert etag(naru) == f'"{answer.json["version"]}"'
    assert naru.get("/v1/agents/carl").json["skills"]["tech"] == 8
    assert naru.get("/v1/agents/emil").json["skills"] == {"billing": 2}
    assert naru.get("/v1/agents/gone").status == 404
    assert naru.get(f"/v1/tickets/{ticket}").json["state"] == "waiting"
    assert naru.event("restart1", "refund", customer="restart1").json == {"event": event, "duplicate": True}
    assert posted(naru, naru.policy.read_text()).status == 200
    cancel_all(naru)


def fired(naru, text, **attributes):
    """The names of the rules that fire for a new message."""
    fired.count = getattr(fired, "count", 0) + 1
    event = naru.event(f"fired{fired.count}", text, customer=f"fired{fired.count}", attributes=attributes).json["event"]
    verdict = wait_for("its verdict", lambda: naru.get(f"/v1/events/{event}").json.get("verdict"))
    return [r["name"] for r in verdict["rules"]]


def test_a_policy_of_ten_thousand_rules_travels_is_used_and_outlives_a_restart(naru):
    good = naru.policy.read_text()
    rules = "".join(f"    - {{ name: r{i}, when: {{ text: word{i}, event.no: c{i % 500} }}, then: {{ tag: t{i % 100} }} }}\n"
                    for i in range(9990))
    at = good.index("  rules:\n") + len("  rules:\n")
    big = good[:at] + rules + good[at:]
    big += "#" * (1_000_000 - len(big.encode()))
    answer = posted(naru, big)
    assert answer.status == 200, answer.text
    wait_for("the swap", lambda: etag(naru) == f'"{answer.json["version"]}"', 20)
    assert naru.get("/v1/policy").text == big
    wait_for("a rule of it to fire", lambda: "r9980" in fired(naru, "word9980", no="c480"), 30)
    naru.stop()
    naru.start()
    assert etag(naru) == f'"{answer.json["version"]}"'
    wait_for("a rule to fire again", lambda: "r4321" in fired(naru, "word4321", no="c321"), 30)
    over = posted(naru, big + "#")
    assert over.status == 413 and over.json["type"] == "/problems/body-too-large"
    assert posted(naru, good).status == 200
    cancel_all(naru)


def test_a_swap_with_2000_tickets_waiting_loses_nobody(naru):
    cancel_all(naru)
    good = naru.policy.read_text()
    for i in range(20):
        batch = [{"id": f"w{i}-{k}", "account": "load", "text": "outage" if k % 2 else "hello"} for k in range(100)]
        assert naru.post("/v1/events", batch).status == 202
    waiting = lambda: {q["queue"]: q["waiting"] for q in naru.get("/v1/queues").json["queues"]}
    wait_for("all to wait", lambda: sum(waiting().values()) == 2000, 60)
    assert waiting() == {"billing": 0, "technical": 1000, "general": 1000}
    version = posted(naru, good.replace("within: 1m", "within: 2m")).json["version"]
    wait_for("the swap", lambda: etag(naru) == f'"{version}"', 5)
    assert waiting() == {"billing": 0, "technical": 1000, "general": 1000}
    less = good.replace(good[good.index("  technical:"):good.index("  general:")], "")
    answer = posted(naru, less)
    assert answer.status == 200, answer.text
    wait_for("a swap without the queue", lambda: waiting() == {"billing": 0, "general": 2000}, 10)
    assert posted(naru, good).status == 200
    wait_for("the queue again", lambda: sum(waiting().values()) == 2000, 10)
    crowd = naru.client("crowd", "--agents", 20, "--register", "--skills", "tech:9", "--until-idle", 3)
    got = json.loads(crowd.communicate(timeout=120)[0].splitlines()[-1])
    assert got["double"] == 0
    assert got["resolved"] == 2000 and sum(waiting().values()) == 0
    wait_for("nothing to be left", lambda: naru.metric("naru_events_live{") == 0, 30)


# ---- tokens ----


def test_tokens_are_listed_and_revoked(naru):
    file = naru.folder / "data" / "tokens"
    gone = token(naru, "source", "to-be-revoked")
    wait_for("the token to work", lambda: naru.event("tok1", token=gone).status == 202)
    listed = naru.naru("token", "list", "--tokens", file)
    assert listed.returncode == 0 and gone not in listed.stdout
    row = next(l for l in listed.stdout.splitlines() if "to-be-revoked" in l)
    assert naru.naru("token", "revoke", row.split()[0][:4], "--tokens", file).returncode == 2
    revoked = naru.naru("token", "revoke", row.split()[0], "--tokens", file)
    assert (revoked.returncode, revoked.stdout) == (0, "revoked 1\n")
    assert "to-be-revoked" not in naru.naru("token", "list", "--tokens", file).stdout
    wait_for("the token to be refused", lambda: naru.event("tok1", token=gone).status == 401)
    assert naru.naru("token", "revoke", "0" * 16, "--tokens", file).returncode == 1
    assert naru.naru("token", "revoke", "--tokens", file).returncode == 2
    assert naru.naru("token", "create", "--role", "king", "--subject", "x", "--tokens", file).returncode == 2
    assert naru.naru("token", "create", "--role", "source", "--subject", "two words", "--tokens", file).returncode == 2
    assert naru.naru("token", "list", "--tokens", "/nonexistent/tokens").returncode in (0, 1)
    assert naru.get("/v1/policy").status == 200
    cancel_all(naru)


# ---- the command line ----


def run(*args, **kw):
    return subprocess.run([NARU, *map(str, args)], capture_output=True, text=True, timeout=kw.pop("timeout", 20), stdin=subprocess.DEVNULL, **kw)


def test_help_and_mistakes_on_the_command_line():
    everything = run("--help")
    assert everything.returncode == 0 and everything.stderr == ""
    for line in everything.stdout.splitlines()[4:]:
        command = line.split()[0]
        told = run(command, "--help")
        assert told.returncode == 0 and (told.stdout or command == "version"), command
        if command != "version":
            wrong = run(command, "--no-such-option")
            assert wrong.returncode == 2 and "no-such-option" in wrong.stderr, (command, wrong)
    assert run().returncode == 2
    near = run("chekc")
    assert near.returncode == 2 and 'did you mean "check"' in near.stderr
    near = run("up", "--polcy", "x")
    assert near.returncode == 2 and "--policy" in near.stderr
    assert run("up", "--policy").returncode == 2
    assert run("up", "--policy", POLICY, "--triage", "many").returncode == 2
    assert run("up", "--policy", POLICY, "--triage", "65").returncode == 2


BROKEN = [
    ("a tab", "naru: 1\n\tworkspace: x\n", 2),
    ("an unclosed brace", "naru: 1\nworkspace: { x\n", 3),
    ("an unknown key", "naru: 1\nworkspce: x\nqueues: { q: { takes: default } }\n", 2),
    ("no queue", "naru: 1\nworkspace: x\n", 1),
    ("an alias bomb", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", 1),
    ("two documents", "naru: 1\n---\nnaru: 1\n", 1),
    ("not a mapping", "- 1\n", 1),
    ("bad UTF-8", b"naru: 1\nworkspace: \xff\xfe\n", 2),
    ("nothing", "", 0),
    ("NUL", b"naru: 1\nworkspace: a\0b\n", 2),
]


@pytest.mark.parametrize("what,text,line", BROKEN, ids=[b[0] for b in BROKEN])
def test_check_tells_what_is_wrong_and_where(tmp_path, what, text, line):
    file = tmp_path / "p.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    told = run("check", file)
    assert told.returncode == 1 and "refused" in told.stdout
    assert f"{file}:" in told.stdout and "error" in told.stdout
    if line > 1:
        assert f"{file}:{line}:" in told.stdout, told.stdout
    told = run("check", "--json", file)
    assert told.returncode == 1
    one = json.loads(told.stdout)
    assert one["errors"] if "errors" in one else one["findings"]


def test_check_of_good_missing_and_several_files(tmp_path):
    assert run("check", POLICY).returncode == 0
    assert json.loads(run("check", "--json", POLICY).stdout)
    missing = run("check", tmp_path / "none.yaml")
    assert missing.returncode == 1 and "none.yaml" in missing.stderr + missing.stdout
    assert run("check", tmp_path).returncode == 1
    both = run("check", "--json", POLICY, tmp_path / "none.yaml")
    assert both.returncode == 1 and all(json.loads(l) for l in both.stdout.splitlines())
    assert run("check").returncode == 2
    assert json.loads(run("check", "--schema").stdout)


def test_a_second_up_on_the_same_folder_is_refused(naru):
    again = run("up", "--policy", POLICY, "--data", naru.folder / "data", "--listen", "127.0.0.1:0")
    assert again.returncode == 1 and "another" in again.stderr
    assert naru.get("/readyz").status == 200


def ends(tmp_path, *args, seconds=8):
    """`naru up` that cannot work must say so and end."""
    up = subprocess.Popen([NARU, "up", "--data", str(tmp_path / "data"), *map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    try:
        out, _ = up.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        up.terminate()
        out, _ = up.communicate(timeout=30)
        pytest.fail(f"it did not end within {seconds} s: {out}")
    assert up.returncode not in (0, -11, -6), out
    return out


def test_up_with_a_port_in_use_ends_with_a_clear_error(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
        out = ends(tmp_path, "--policy", POLICY, "--listen", f"127.0.0.1:{port}")
    assert str(port) in out and "in use" in out


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1:99999", "127.0.0.1", "999.1.1.1:80", "192.0.2.1:8080"])
def test_up_with_a_bad_address_ends_with_a_clear_error(tmp_path, listen):
    assert listen in ends(tmp_path, "--policy", POLICY, "--listen", listen)


def test_up_with_a_missing_or_broken_policy_ends_with_a_clear_error(tmp_path):
    assert "none.yaml" in ends(tmp_path, "--policy", tmp_path / "none.yaml", "--listen", "127.0.0.1:0")
    broken = tmp_path / "broken.yaml"
    broken.write_text(POLICY.read_text().replace("order: slack", "order: slak", 1))
    out = ends(tmp_path, "--policy", broken, "--listen", "127.0.0.1:0")
    assert f"{broken}:" in out and "slack" in out


def test_up_with_a_data_folder_that_cannot_be_made_ends_with_a_clear_error(tmp_path):
    (tmp_path / "data").write_text("a file")
    assert "data" in ends(tmp_path, "--policy", POLICY, "--listen", "127.0.0.1:0")


def test_up_with_a_redis_of_ones_own_leaves_it_running(tmp_path):
    hand = Hand(tmp_path)
    hand.start("redis")
    try:
        with running(options=["--redis", hand.redis]) as naru:
            assert "redis" not in naru.children()
            taken(naru, "own-redis")
        assert hand.running["redis"].poll() is None
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(tmp_path / "redis.sock"))
            s.sendall(b"PING\r\n")
            assert s.recv(64) == b"+PONG\r\n"
    finally:
        assert not hand.stop()


# ---- slow and fast clients ----


def head(naru, length, more=b""):
    return (b"POST /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + naru.token.encode() +
            b"\r\nContent-Type: application/json\r\nContent-Length: " + str(length).encode() + b"\r\n" + more + b"\r\n")


class Answers:
    """Reads answers from a connection, one after the other."""

    def __init__(self, sock):
        self.file = sock.makefile("rb")

    def next(self):
        status = int(self.file.readline().split()[1])
        length = 0
        while (line := self.file.readline().strip()):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, self.file.read(length)


def test_a_head_that_drips_is_ended_in_time(naru):
    with socket.create_connection(("127.0.0.1", naru.port), timeout=30) as slow:
        began, got, request = time.monotonic(), b"", head(naru, 10)
        slow.settimeout(0.5)
        for i in range(60):
            try:
                slow.sendall(request[i:i + 1])
                got = slow.recv(4096)
                break
            except socket.timeout:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
        assert 5 < time.monotonic() - began < 20
        assert got == b"" or b" 408 " in got.split(b"\r\n")[0]


def test_100_continue_is_answered_before_the_body(naru):
    body = b'{"id":"c100","account":"load","text":"x"}'
    with socket.create_connection(("127.0.0.1", naru.port), timeout=10) as s:
        s.sendall(head(naru, len(body), b"Expect: 100-continue\r\n"))
        answers = Answers(s)
        assert answers.next()[0] == 100
        s.sendall(body)
        assert answers.next()[0] == 202
        s.sendall(head(naru, 900000000, b"Expect: 100-continue\r\n"))
        assert answers.next()[0] == 413
    with socket.create_connection(("127.0.0.1", naru.port), timeout=10) as s:
        s.sendall(head(naru, len(body), b"Expect: a-miracle\r\n"))
        assert Answers(s).next()[0] == 417


def test_a_body_in_chunks_and_bytes(naru):
    body = b'{"id":"chunks","account":"load","text":"x"}'
    with socket.create_connection(("127.0.0.1", naru.port), timeout=10) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = head(naru, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        request += b"".join(b"1\r\n" + body[i:i + 1] + b"\r\n" for i in range(len(body))) + b"0\r\n\r\n"
        for i in range(0, len(request), 7):
            s.sendall(request[i:i + 7])
        assert Answers(s).next()[0] == 202


def test_1000_pipelined_events_are_answered_in_their_order(naru):
    bodies = [json.dumps({"id": f"pipe{i}", "account": f"nowhere{i}" if i % 7 == 3 else "load", "text": "x"}).encode() for i in range(1000)]
    with socket.create_connection(("127.0.0.1", naru.port), timeout=30) as s:
        sender = threading.Thread(target=lambda: s.sendall(b"".join(head(naru, len(b)) + b for b in bodies)))
        sender.start()
        answers = Answers(s)
        got = [answers.next() for _ in bodies]
        sender.join()
    events = []
    for i, (status, text) in enumerate(got):
        if i % 7 == 3:
            assert status == 422 and f'nowhere{i}\\"' in text.decode(), (i, text)
        else:
            assert status == 202, (i, text)
            events.append((i, json.loads(text)["event"]))
    assert len({e for _, e in events}) == len(events)
    for i, event in events[::50]:
        assert naru.post("/v1/events", raw=bodies[i]).json == {"event": event, "duplicate": True}


def test_a_client_that_goes_away_mid_request_disturbs_nobody(naru):
    for cut in (1, 50, 200):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", naru.port), timeout=10) as s:
                s.sendall((head(naru, 100) + b'{"id":"cut"')[:cut])
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert naru.get("/healthz").status == 200


def test_one_up_serves_forty_workspaces_and_says_how_many_it_can(start, tmp_path):
    files = []
    for i in range(40):
        files.append(tmp_path / f"w{i}.yaml")
        files[-1].write_text(f"naru: 1\nworkspace: w{i}\naccounts:\n  web{i}: {{ channel: webchat }}\nqueues:\n  desk: {{ takes: default }}\n")
    naru = start(policy=files[0], options=[word for f in files[1:] for word in ("--policy", f)])
    events = [naru.event("m", account=f"web{i}") for i in (0, 20, 39)]
    assert [e.status for e in events] == [202, 202, 202]
    for e in events:
        wait_for("its ticket", lambda: naru.get(f"/v1/events/{e.json['event']}").json.get("ticket"))
    many = naru.naru("up", *["--policy", files[0]] * 101, "--data", tmp_path / "data")
    assert many.returncode and "at most 100" in many.stderr
