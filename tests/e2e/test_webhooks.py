"""Webhooks out: what a receiver of ours hears of a whole Naru, read by the clients that integrators use."""
import collections
import http.server
import json
import os
import pathlib
import socket
import socketserver
import tempfile
import threading

import described
import pytest
from conftest import by_hand, node, running, wait_for

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEXT_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

Call = collections.namedtuple("Call", "path headers body at status")


class Receiver(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Keeps what it is sent. `answers[path]` says how it answers: a status, or a function of (event, number of the call)."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port=0):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                event = json.loads(body)
                described.met("tellChange", event)
                status, headers = receiver.answer(self.path, event), {}
                if isinstance(status, tuple):
                    status, headers = status
                with receiver.lock:
                    receiver.calls.append(Call(self.path, dict(self.headers.items()), body.decode(), event, status))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.lock, self.calls, self.answers, self.tries = threading.Lock(), [], {}, collections.Counter()
        super().__init__(("127.0.0.1", port), Handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def handle_error(self, *_):
        pass

    def answer(self, path, event):
        with self.lock:
            self.tries[path] += 1
            how, count = self.answers.get(path, 200), self.tries[path]
        return how(event, count) if callable(how) else how

    def heard(self, path, kind=None, ok=True):
        """Events of that path that were taken, in order."""
        with self.lock:
            return [c.at for c in self.calls if c.path == path and (not ok or c.status < 300) and
                    (not kind or c.at["type"] == "naru." + kind)]

    def close(self):
        self.shutdown()
        self.server_close()


def policy(port, **more):
    """The policy of the other tests, with webhooks: name → what differs from a plain one."""
    lines = [pathlib.Path(__file__).parent.parent.joinpath("policy.yaml").read_text(), "webhooks:"]
    for name, rest in more.items():
        rest = {"url": f'"http://127.0.0.1:{port}/{name}"', "secret": "env:HOOK_SECRET", "private": "yes", **rest}
        lines.append(f"  {name}: {{ " + ", ".join(f"{k}: {v}" for k, v in rest.items() if v) + " }")
    path = pathlib.Path(tempfile.mkdtemp(prefix="naru-hooks-")) / "policy.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def in_order(events):
    """Of each subject the changes come as they happened; the first time that each is heard counts."""
    last, seen = {}, set()
    for e in events:
        if e["id"] in seen:
            continue
        seen.add(e["id"])
        assert e["sequence"] > last.get(e["subject"], ""), f"{e['type']} of {e['subject']} is late"
        last[e["subject"]] = e["sequence"]


def fails_first(every):
    """Answers so that one change of so many is refused the first time."""
    tried = set()

    def answer(event, count):
        again = event["id"] in tried
        tried.add(event["id"])
        return 200 if again or count % every else 500
    return answer


@pytest.fixture(scope="module")
def receiver():
    os.environ["HOOK_SECRET"], os.environ["HOOK_NEXT"] = SECRET, NEXT_SECRET
    server = Receiver()
    server.answers["/flaky"] = fails_first(4)
    yield server
    server.close()


@pytest.fixture(scope="module")
def naru(receiver):
    hooks = {
        "all": {},
        "two": {"secret": "[env:HOOK_SECRET, env:HOOK_NEXT]", "only": "[ticket.opened, agent.*]", "headers": '["X-Tenant: test"]'},
        "flaky": {"only": "ticket.*", "give-up": "1h"},
        "dies": {"only": "ticket.opened", "give-up": "1s"},
        "gone": {"only": "ticket.opened"},
        "closed": {"url": '"http://naru.invalid/x"', "private": "no", "only": "ticket.opened", "give-up": "1s"},
        "private": {"url": f'"http://{socket.gethostname()}:{receiver.port}/private"', "private": "no", "only": "ticket.opened", "give-up": "1s"},
        "later": {"only": "[ticket.opened, ticket.ended]"},
        "unsigned": {"secret": "env:NOBODY_HAS_SET_THIS"},
    }
    with running(policy=policy(receiver.port, **hooks), options=["--triage", "1"]) as up:
        yield up


def serve(naru, number, text="refund please"):
    """One ticket from its event to its end; its id."""
    with naru.agent("ann") as ann:
        naru.event(f"e{number}", text, conversation=f"c{number}", customer=f"u{number}")
        offer = ann.hear("offer", conversation=f"c{number}")
        taken = ann.act("accept", ticket=offer["ticket"], token=offer["token"])
        assert taken["status"] == 200, taken
        ended = ann.act("resolve", ticket=offer["ticket"], token=taken["token"])
        assert ended["status"] == 200, ended
    return offer["ticket"]


def webhooks(door):
    return {w["webhook"]: w for w in door.get("/v1/webhooks").json["webhooks"]}


def test_the_life_of_a_ticket_is_told_in_order_and_independent_clients_accept_it(naru, receiver):
    ticket = serve(naru, 1)
    kinds = ["ticket." + k for k in ("opened", "offered", "accepted", "ended")]
    wait_for("the end", lambda: [e for e in receiver.heard("/all", "ticket.ended") if e["subject"] == ticket])
    heard = [e for e in receiver.heard("/all") if e["subject"] == ticket]
    assert [e["type"].removeprefix("naru.") for e in heard if e["type"].removeprefix("naru.") in kinds] == kinds
    opened = heard[0]["data"]
    assert opened["ticket"] == ticket and opened["external_id"] == "e1" and opened["queue"] == "billing"
    assert (opened["account"], opened["channel"], opened["conversation"], opened["customer"]) == ("web", "webchat", "c1", "u1")
    assert opened["verdict"]["intent"] == "refund_request"
    assert heard[-1]["data"]["state"] == "resolved" and heard[-1]["data"]["customer"] == "u1"
    wait_for("the agent", lambda: [e for e in receiver.heard("/all", "agent.presence") if e["data"]["presence"] == "offline"])
    wait_for("the queue", lambda: [e for e in receiver.heard("/all", "queue.changed") if e["subject"] == "billing"])
    with receiver.lock:
        calls = [{"headers": c.headers, "body": c.body} for c in receiver.calls if c.path == "/all"]
        twice = [c for c in receiver.calls if c.path == "/two"]
    got = json.loads(node("webhooks_out.mjs", input={"secret": SECRET, "calls": calls}))
    assert got["refused"] == 0 and len(got["events"]) == len(calls) > 6
    assert {e["source"] for e in got["events"]} == {"/workspaces/test"}
    for secret in (SECRET, NEXT_SECRET):
        got = json.loads(node("webhooks_out.mjs", input={"secret": secret, "calls": [{"headers": c.headers, "body": c.body} for c in twice]}))
        assert got["refused"] == 0 and {e["type"] for e in got["events"]} == {"naru.ticket.opened", "naru.agent.presence"}
    altered = [{"headers": twice[0].headers, "body": twice[0].body.replace('"specversion"', '"specVersion"')}]
    assert json.loads(node("webhooks_out.mjs", input={"secret": SECRET, "calls": altered}))["refused"] == 1
    assert twice[0].headers["X-Tenant"] == "test"


def test_dead_letters_are_listed_and_told_again(naru, receiver):
    receiver.answers["/dies"] = 500
    ticket = serve(naru, 20)
    wait_for("a dead letter", lambda: webhooks(naru)["dies"]["dead_letters"] >= 1, 20)
    wait_for("all to be given up", lambda: webhooks(naru)["dies"]["backlog"] == 0, 20)
    letters = naru.get("/v1/webhooks/dies/dead").json["dead"]
    assert letters[0]["how"] == "status" and letters[0]["status"] == 500
    mine = next(c.at["id"] for c in receiver.calls if c.path == "/dies" and c.at["subject"] == ticket)
    assert mine in {d["id"] for d in letters}
    receiver.answers["/dies"] = 200
    assert naru.post("/v1/webhooks/dies/replay", {"id": mine}).json == {"replayed": 1}
    wait_for("the letter", lambda: [e for e in receiver.heard("/dies") if e["id"] == mine])
    said = naru.naru("webhooks", "dead", "dies", "--url", f"http://127.0.0.1:{naru.port}", "--token", naru.token)
    assert said.returncode == 0 and mine not in said.stdout
    assert naru.naru("webhooks", "replay", "dies", "--all", "--url", f"http://127.0.0.1:{naru.port}", "--token", naru.token).returncode == 0
    wait_for("no letters", lambda: webhooks(naru)["dies"]["dead_letters"] == 0 and webhooks(naru)["dies"]["backlog"] == 0)
    assert {d["id"] for d in letters} <= {e["id"] for e in receiver.heard("/dies")}
    wrong = [naru.post("/v1/webhooks/dies/replay", {"id": mine}), naru.post("/v1/webhooks/dies/replay", {}), naru.post("/v1/webhooks/dyes/replay", {"all": True})]
    assert [w.status for w in wrong] == [404, 422, 404] and 'did you mean "dies"' in wrong[2].json["detail"]


def test_who_is_gone_and_who_is_private_is_left_alone_and_nobody_else_is_disturbed(naru, receiver):
    receiver.answers["/gone"] = 410
    before = len(receiver.heard("/later", ok=False))
    for i in range(2):
        serve(naru, 30 + i)
    wait_for("410 to be heard", lambda: webhooks(naru)["gone"]["state"] == "gone")
    with receiver.lock:
        assert len([c for c in receiver.calls if c.path == "/gone" and c.status == 410]) <= 2
    wait_for("the others", lambda: len(receiver.heard("/later")) >= before + 4)
    private = wait_for("a refusal", lambda: webhooks(naru)["private"].get("last_failure"))
    assert private["how"] == "private" and not receiver.heard("/private", ok=False)
    assert webhooks(naru)["unsigned"]["state"] == "no-secret" and not receiver.heard("/unsigned", ok=False)
    assert webhooks(naru)["closed"]["last_failure"]["how"] == "connect"


def test_a_test_event_is_sent_at_once(naru, receiver):
    said = naru.naru("webhooks", "test", "all", "--url", f"http://127.0.0.1:{naru.port}", "--token", naru.token)
    assert said.returncode == 0 and "delivered" in said.stdout, said
    assert [e for e in receiver.heard("/all") if e["type"] == "naru.test"]
    table = naru.naru("webhooks", "--url", f"http://127.0.0.1:{naru.port}", "--token", naru.token).stdout
    assert "flaky" in table and "gone" in table
    assert naru.get("/v1/webhooks", token="").status == 401


def test_what_fails_comes_again_under_the_same_id_and_the_order_of_a_ticket_stays(naru, receiver):
    """Of all the tickets of the tests above."""
    wait_for("what failed to be told", lambda: webhooks(naru)["flaky"]["backlog"] == 0, 60)
    with receiver.lock:
        calls = [c for c in receiver.calls if c.path == "/flaky"]
    in_order([c.at for c in calls if c.status == 200])
    failed, told = {c.at["id"] for c in calls if c.status != 200}, [c.at["id"] for c in calls if c.status == 200]
    assert failed and failed <= set(told)
    assert len(set(told)) == len(told), "none came twice after a 2xx"
    assert all(c.headers["webhook-id"] == c.at["id"] for c in calls)
    assert set(told) >= {e["id"] for e in receiver.heard("/all") if e["type"].startswith("naru.ticket.")}


def test_nothing_is_lost_when_the_router_is_killed_while_the_receiver_is_away(naru, receiver):
    receiver.answers["/later"] = lambda event, count: 500
    tickets = {serve(naru, 40 + i) for i in range(3)}
    naru.kill("router-1")
    naru.ready()
    tickets |= {serve(naru, 50)}
    receiver.answers["/later"] = 200
    told = lambda kind: {e["subject"] for e in receiver.heard("/later", kind)}
    wait_for("all of them", lambda: tickets <= told("ticket.opened") and tickets <= told("ticket.ended"), 60)
    in_order(receiver.heard("/later"))
    wait_for("an empty outbox", lambda: webhooks(naru)["later"]["backlog"] == 0)
    assert not naru.faults()


def test_two_routers_tell_each_change_once_also_when_one_is_killed(receiver):
    with by_hand(routers=2, policy=policy(receiver.port, once={"give-up": "1h"})) as hand:
        hand.start("redis", "router-1", "router-2", "triage-1", "assign-1").ready()
        doors = list(hand.routers.values())
        tickets, last = set(), None
        with doors[0].agent("ann") as ann:
            for i in range(8):
                doors[i % 2].event(f"t{i}", "refund", conversation=f"t{i}", customer=f"t{i}")
                offer = ann.hear("offer", conversation=f"t{i}")
                doors[(i + 1) % 2].event(f"more{i}", "and more", conversation=f"t{i}", customer=f"t{i}")
                taken = ann.act("accept", ticket=offer["ticket"], token=offer["token"])
                assert taken["status"] == 200, taken
                assert ann.act("resolve", ticket=offer["ticket"], token=taken["token"])["status"] == 200
                tickets.add(offer["ticket"])
        told = lambda: {e["subject"] for e in receiver.heard("/once", "ticket.ended")}
        hand.kill("router-2")
        hand.start("router-2").ready()
        wait_for("all ends", lambda: tickets <= told(), 60)
        wait_for("empty outboxes", lambda: all(webhooks(d)["once"]["backlog"] == 0 for d in doors), 60)
        heard = receiver.heard("/once")
        in_order(heard)
        opened = [e for e in heard if e["type"] == "naru.ticket.opened"]
        assert len({e["id"] for e in opened}) == len(tickets)
        assert {e["type"] for e in heard} >= {"naru.agent.presence", "naru.queue.changed", "naru.ticket.accepted"}
        presence = [e["id"] for e in heard if e["type"] == "naru.agent.presence"]
        assert len(presence) == len(set(presence)), "two routers told of the agent"
        again = [i for i, n in collections.Counter(e["id"] for e in heard).items() if n > 1]
        assert len(again) < 8, "more than what was under way when the router died"
