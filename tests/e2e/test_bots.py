"""Bots by webhook: a real HTTP server is asked, and what it answers happens to the ticket."""
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

import pytest
from conftest import POLICY, ROOT, by_hand, running, wait_for

SECRET = "a secret of the tests"


class Hook:
    """A webhook: `answer(ticket)` gives what it says; a number is a status, bytes are sent as they are, None is silence."""

    def __init__(self):
        self.asked, self.headers = [], []
        self.answer = lambda t: {"decline": "closed"}
        self.over = threading.Event()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                ticket = json.loads(body)
                hook.headers.append((dict(self.headers), body))
                hook.asked.append(ticket)
                said = hook.answer(ticket)
                if said is None:
                    hook.over.wait(30)
                    self.close_connection = True
                    return
                status = said if isinstance(said, int) else 200
                out = said if isinstance(said, bytes) else b"{}" if isinstance(said, int) else json.dumps(said).encode()
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(out)))
                self.end_headers()
                try:
                    self.wfile.write(out)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def of(self, ticket, kind=None):
        return [t for t in self.asked if t["ticket"] == ticket and (not kind or t["type"] == kind)]


def policy(folder, url, rules="within: 1s"):
    """The tests' policy with a bot. Its `below` is compared with the verdict too: what it is to get says refund, which a rule is sure of."""
    text = POLICY.read_text() + f"""
  robot: {{ kind: bot, skills: {{ billing: 5, tech: 5 }}, capacity: 1000, bot: {{ webhook: "{url}", secret: "file:{folder}/key", {rules} }} }}
"""
    path = pathlib.Path(folder) / "bots.yaml"
    path.write_text(text)
    (pathlib.Path(folder) / "key").write_text(SECRET + "\n")
    return path


@pytest.fixture(scope="module")
def hook():
    h = Hook()
    yield h
    h.close()


@pytest.fixture(scope="module")
def door(hook):
    with tempfile.TemporaryDirectory() as folder, running(policy=policy(folder, hook.url, "within: 1s, below: 0.5")) as naru:
        wait_for("the bot to be there", lambda: naru.get("/v1/agents/robot").json["presence"] == "available")
        yield naru


def state(door, ticket):
    return door.get(f"/v1/tickets/{ticket}").json["state"]


def ticket_of(door, event):
    """Of an event that has just been taken in."""
    path = f"/v1/events/{event['event']}"
    return wait_for("its ticket", lambda: door.get(path).json.get("ticket"))


def kinds(door, ticket):
    return [c["kind"] for c in door.get(f"/v1/tickets/{ticket}/explain").json["life"]]


def test_a_bot_that_knows_it_all_replies_and_resolves(door, hook):
    hook.answer = lambda t: {"reply": "From 9 to 18 o'clock.", "done": True}
    ticket = ticket_of(door, door.event("b1", "refund: when are you open?", customer="b1").json)
    wait_for("the end", lambda: state(door, ticket) == "resolved")
    asked = hook.of(ticket)
    assert [t["type"] for t in asked] == ["offer"]
    assert asked[0]["messages"][-1]["text"] == "refund: when are you open?" and asked[0]["queue"] == "billing"
    life = door.get(f"/v1/tickets/{ticket}/explain").json["life"]
    assert [c["kind"] for c in life if c["kind"] != "started"] == ["opened", "offered", "accepted", "replied", "ended"]
    assert next(c for c in life if c["kind"] == "replied")["actor"] == "robot"


def test_what_is_posted_is_signed(door, hook):
    headers, body = hook.headers[-1]
    at, mac = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["Naru-Signature"]).groups()
    assert abs(time.time() - int(at)) < 60
    assert hmac.new(SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest() == mac
    assert headers["Content-Type"] == "application/json"


def test_later_messages_are_asked_too_until_it_is_done(door, hook):
    hook.answer = lambda t: {"reply": "Which one?"} if t["type"] == "offer" else {"reply": "That one is red.", "done": True}
    ticket = ticket_of(door, door.event("b2a", "refund: what colour is it?", customer="b2").json)
    wait_for("it to be held", lambda: state(door, ticket) == "assigned")
    wait_for("the reply", lambda: "replied" in kinds(door, ticket))
    door.event("b2b", "refund: the large one", customer="b2")
    wait_for("the end", lambda: state(door, ticket) == "resolved")
    again = hook.of(ticket, "message")
    assert len(again) == 1 and [m["text"] for m in again[0]["messages"] if m["by"] == "customer"] == ["refund: what colour is it?", "refund: the large one"]


@pytest.mark.parametrize("said, cause", [
    ({"reply": "A colleague will help.", "handover": "asks for a person"}, "asks for a person"),
    ({"reply": "Perhaps 42?", "confidence": 0.2}, "confidence 0.20"),
])
def test_it_hands_over_to_people(door, hook, said, cause):
    hook.answer = lambda t: said
    with door.agent("ann") as ann:
        event = door.event(f"b3-{cause}", "refund: a hard question", customer=f"b3-{cause}").json
        ticket = ticket_of(door, event)
        offer = ann.hear("offer", ticket=ticket)
        assert "robot" in offer.get("owners", [])
        life = door.get(f"/v1/tickets/{ticket}/explain").json["life"]
        given = [c for c in life if c["kind"] in ("handed_over", "returned") and c.get("cause") == cause]
        assert given, life
        assert ("replied" in [c["kind"] for c in life]) == ("handover" in said)
        got = ann.act("accept", ticket=ticket, token=offer["token"])
        ann.act("resolve", ticket=ticket, token=got["token"])


BROKEN = [
    ("slow", lambda t: None, "timeout"),
    ("a wrong status", lambda t: 500, "status"),
    ("a redirect", lambda t: 302, "status"),
    ("no JSON", lambda t: b"<html>", "bad answer"),
    ("a word that is not known", lambda t: {"repply": "hello"}, "bad answer"),
    ("nothing", lambda t: {}, "bad answer"),
    ("too much", lambda t: b" " * 70000, "too_big"),
]


@pytest.mark.parametrize("name, said, cause", BROKEN, ids=[b[0] for b in BROKEN])
def test_a_bot_that_fails_declines_what_it_is_offered(door, hook, name, said, cause):
    hook.answer = said
    with door.agent("ann") as ann:
        ticket = ticket_of(door, door.event(f"b4-{name}", "refund", customer=f"b4-{name}").json)
        offer = ann.hear("offer", ticket=ticket)
        life = door.get(f"/v1/tickets/{ticket}/explain").json["life"]
        assert any(c["kind"] == "declined" and cause in c.get("cause", "") for c in life), life
        got = ann.act("accept", ticket=ticket, token=offer["token"])
        ann.act("resolve", ticket=ticket, token=got["token"])
    hook.over.set()
    hook.over.clear()


def test_a_bot_that_fails_hands_over_what_it_holds(door, hook):
    hook.answer = lambda t: {"reply": "Which one?"} if t["type"] == "offer" else 503
    with door.agent("ann") as ann:
        ticket = ticket_of(door, door.event("b5a", "refund: what colour is it?", customer="b5").json)
        wait_for("the reply", lambda: "replied" in kinds(door, ticket))
        door.event("b5b", "refund: the large one", customer="b5")
        offer = ann.hear("offer", ticket=ticket)
        assert [m["text"] for m in offer["messages"] if m["by"] == "customer"] == ["refund: what colour is it?", "refund: the large one"]
        got = ann.act("accept", ticket=ticket, token=offer["token"])
        ann.act("resolve", ticket=ticket, token=got["token"])


def test_what_came_of_it_is_counted_and_no_words_are_logged(door, hook):
    count = lambda name, result: sum(float(l.rsplit(" ", 1)[1]) for l in door.get("/metrics").text.splitlines()
                                     if l.startswith(name + "{") and f'result="{result}"' in l)
    assert count("naru_bot_answers_total", "done") >= 1 and count("naru_bot_answers_total", "failed") >= 3
    assert count("naru_bot_answers_total", "bad") >= 3
    assert count("naru_webhook_calls_total", "timeout") >= 1 and door.metric("naru_bots") == 1
    logs = "".join(f.read_text() for f in (door.folder / "data" / "log").glob("*.log")) + (door.folder / "up.log").read_text()
    assert "webhook failed" in logs and "Perhaps 42" not in logs and SECRET not in logs and "the large one" not in logs


def test_a_bot_that_the_policy_names_no_more_is_let_go(hook):
    with tempfile.TemporaryDirectory() as folder:
        path = policy(folder, hook.url)
        with running(policy=path) as naru:
            there = lambda: naru.get("/v1/agents/robot")
            wait_for("the bot to be there", lambda: there().json["presence"] == "available")
            path.write_text(POLICY.read_text())
            os.kill(naru.up.pid, 1)
            wait_for("it to be gone", lambda: there().status == 404)
            wait_for("nobody to serve it", lambda: naru.metric("naru_bots") == 0)


def test_exactly_one_router_serves_a_bot_and_another_takes_over(hook):
    hook.answer = lambda t: {"reply": "Hello.", "done": True}
    with tempfile.TemporaryDirectory() as folder, by_hand(routers=2, policy=policy(folder, hook.url)) as hand:
        hand.start("redis", "router-1", "router-2", "triage-1", "assign-1").ready()
        one, two = hand.routers[1], hand.routers[2]
        served = lambda d: d.get("/metrics").text.count("\nnaru_bots") and [
            l for l in d.get("/metrics").text.splitlines() if l.startswith("naru_bots") and l.endswith(" 1")]
        wait_for("the bot to be there", lambda: one.get("/v1/agents/robot").json["presence"] == "available")
        session = one.get("/v1/agents/robot").json["session"]
        until = time.monotonic() + 12  # two looks of each router
        while time.monotonic() < until:
            assert one.get("/v1/agents/robot").json["session"] == session, "the bot is taken from one router by the other"
            assert not (served(one) and served(two))
            time.sleep(0.2)
        first = 1 if served(one) else 2
        other = hand.routers[3 - first]
        hand.kill(f"router-{first}")
        del hand.routers[first]
        wait_for("the other to serve it", lambda: served(other), 60)
        wait_for("it to be available", lambda: other.get("/v1/agents/robot").json["presence"] == "available")
        event = other.event("t1", "hello", customer="t1").json
        wait_for("it to be answered", lambda: other.get(f"/v1/events/{event['event']}").json["state"] == "settled")


def test_the_example_answers_and_hands_over():
    example = subprocess.Popen([sys.executable, str(ROOT / "examples" / "bot" / "bot.py"), "--port", "0"], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "BOT_KEY": SECRET})
    port = int(example.stdout.readline().rsplit(":", 1)[1])
    try:
        with tempfile.TemporaryDirectory() as folder, running(policy=policy(folder, f"http://127.0.0.1:{port}/")) as naru:
            wait_for("the bot to be there", lambda: naru.get("/v1/agents/robot").json["presence"] == "available")
            event = naru.event("e1", "what is your address?", customer="e1").json
            ticket = ticket_of(naru, event)
            wait_for("the reply", lambda: "replied" in kinds(naru, ticket))
            naru.event("e2", "thank you", customer="e1")
            wait_for("the end", lambda: naru.get(f"/v1/events/{event['event']}").json["state"] == "settled")
            with naru.agent("ann") as ann:
                naru.event("e3", "my parcel is broken", customer="e3")
                offer = ann.hear("offer")
                got = ann.act("accept", ticket=offer["ticket"], token=offer["token"])
                ann.act("resolve", ticket=offer["ticket"], token=got["token"])
    finally:
        example.kill()
        example.wait()
