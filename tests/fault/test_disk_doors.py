"""The disk is full, at every door: who can send again is told to, nobody is told that something is kept which is not, nothing leaves
that could not be written down before; and when there is room again all of it goes on by itself, in its order."""
import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import pathlib
import socket
import tempfile
import threading
import time
import urllib.parse

import pytest
import websocket
from conftest import by_hand, wait_for
from test_disk import fill, small_disk

SECRET = "a secret of 32 bytes or thereabouts"
LARGE = "x" * (2 << 20)
POLICY = """
naru: 1
workspace: shop
public-url: http://naru.example
channels: {{ webchat: {{ cost: 1 }}, sms: {{ cost: 1 }}, email: {{ cost: 1 }}, telegram: {{ cost: 1 }}, line: {{ cost: 1 }}, slack: {{ cost: 1 }},
            messenger: {{ cost: 1 }}, kakao: {{ cost: 1 }}, api: {{ cost: 1 }} }}
accounts:
  text:  {{ channel: sms, provider: twilio, secret: {s}, id: AC1, from: "+1500" }}
  page:  {{ channel: messenger, provider: meta, secret: {s}, verify: {s}, id: P1 }}
  line:  {{ channel: line, provider: line, secret: {s}, id: U1 }}
  slack: {{ channel: slack, provider: slack, secret: {s}, id: T1 }}
  tg:    {{ channel: telegram, provider: telegram, secret: {s}, token: {t}, api: "{out}" }}
  kakao: {{ channel: kakao, provider: kakao, secret: {s}, id: bot1 }}
  pm:    {{ channel: email, provider: postmark, secret: {s} }}
  mg:    {{ channel: email, provider: mailgun, secret: {s} }}
  desk:  {{ channel: api, provider: generic, secret: {s}, signature: {{ kind: hmac, header: X-Sig }}, map: {{ id: id, text: text, customer: {{ id: who }} }} }}
  chat:  {{ channel: webchat, provider: widget, secret: {s}, origins: ["*"] }}
  help:  {{ channel: email, provider: lmtp, addresses: help@shop.example }}
  sales: {{ channel: email, provider: lmtp, addresses: sales@shop.example }}
queues: {{ desk: {{ takes: default }} }}
agents: {{ ann: {{ capacity: 1000 }} }}
webhooks: {{ crm: {{ url: "{out}/crm", secret: {w}, private: yes }} }}
"""


class World(http.server.ThreadingHTTPServer):
    """Telegram's API and a receiver of webhooks: `replies` and `changes`, as they came. `says(path)`: a status."""

    daemon_threads = True

    def __init__(self):
        world = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = world.says(self.path)
                if status < 300:
                    (world.changes if self.path == "/crm" else world.replies).append(body)
                out = json.dumps({"ok": status < 300, "result": {"message_id": len(world.replies)}}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(out)))
                self.end_headers()
                self.wfile.write(out)

            def log_message(self, *_):
                pass

        self.replies, self.changes, self.says = [], [], lambda path: 200
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def texts(self):
        return [r["text"] for r in self.replies]


@pytest.fixture(scope="module")
def hand():
    world = World()
    port = socket.create_server(("127.0.0.1", 0))
    lmtp = port.getsockname()[1]
    port.close()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, text in (("secret", SECRET), ("token", "1:t"), ("hook", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")):
            (folder / name).write_text(text + "\n")
        s, t, w = (f'"file:{folder}/{n}"' for n in ("secret", "token", "hook"))
        (folder / "policy.yaml").write_text(POLICY.format(s=s, t=t, w=w, out=f"http://127.0.0.1:{world.server_port}"))
        with by_hand(policy=folder / "policy.yaml", options=["--lmtp", f"127.0.0.1:{lmtp}"]) as hand, \
                small_disk(hand.folder / "router-1") as disk:
            hand.start("redis", "router-1", "triage-1", "assign-1").ready()
            hand.disk, hand.world, hand.door, hand.lmtp = disk, world, hand.routers[1], lmtp
            yield hand
    world.shutdown()
    world.server_close()


@contextlib.contextmanager
def full(hand):
    """The router has found out that the disk is full. Afterwards there is room, and it has found that out too, with no restart."""
    pid, door, ballast = hand.running["router-1"].pid, hand.door, fill(hand.disk)
    try:
        wait_for("a refusal", lambda: call(hand, *generic(f"f{time.monotonic_ns()}", "x" * 2000)).status == 503)
        yield ballast
    finally:
        ballast.unlink(missing_ok=True)
        wait_for("health", lambda: door.get("/healthz").status == 200, 10)
    assert hand.running["router-1"].poll() is None and hand.running["router-1"].pid == pid


def mac(data, how="sha256", raw=False):
    m = hmac.new(SECRET.encode(), data.encode() if isinstance(data, str) else data, how)
    return base64.b64encode(m.digest()).decode() if raw else m.hexdigest()


def b64(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()


def twilio(id):
    form = {"MessageSid": id, "From": "+821", "To": "+1500", "Body": "hello"}
    signed = "http://naru.example/v1/channels/text" + "".join(k + form[k] for k in sorted(form))
    return "text", urllib.parse.urlencode(form), {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": mac(signed, "sha1", True)}


def meta(id, text="hello"):
    body = json.dumps({"object": "page", "entry": [{"id": "P1", "messaging": [
        {"sender": {"id": "7"}, "recipient": {"id": "P1"}, "timestamp": 1, "message": {"mid": id, "text": text}}]}]})
    return "page", body, {"X-Hub-Signature-256": "sha256=" + mac(body)}


def line(id):
    body = json.dumps({"destination": "U1", "events": [{"type": "message", "webhookEventId": id, "timestamp": 1, "replyToken": "r",
                                                        "source": {"type": "user", "userId": "7"}, "message": {"id": "1", "type": "text", "text": "hello"}}]})
    return "line", body, {"X-Line-Signature": mac(body, raw=True)}


def slack(id):
    at = str(int(time.time()))
    body = json.dumps({"type": "event_callback", "team_id": "T1", "api_app_id": "A1", "event_id": "Ev" + id, "event": {
        "type": "message", "channel": "D1", "channel_type": "im", "user": "U3", "text": "hello", "ts": "1.1"}})
    return "slack", body, {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": "v0=" + mac(f"v0:{at}:{body}")}


def telegram(id, chat=4, text="hello"):
    body = json.dumps({"update_id": int(id), "message": {"message_id": 1, "date": 1, "text": text, "chat": {"id": chat, "type": "private"},
                                                         "from": {"id": chat, "is_bot": False, "first_name": "Kim"}}})
    return "tg", body, {"X-Telegram-Bot-Api-Secret-Token": SECRET}


def kakao(id):
    body = json.dumps({"userRequest": {"utterance": "hello", "user": {"id": "7"}, "callbackUrl": f"https://bot-api.kakao.com/v1/{id}"},
                       "bot": {"id": "bot1"}, "action": {"params": {}}})
    return "kakao", body, {"X-Naru-Token": SECRET}


def postmark(id, text="hello"):
    body = json.dumps({"FromFull": {"Email": "kim@a.example"}, "MessageID": id, "Subject": "s", "TextBody": text,
                       "Headers": [{"Name": "Message-ID", "Value": f"<{id}@a.example>"}]})
    return "pm", body, {"Authorization": "Basic " + base64.b64encode(f"naru:{SECRET}".encode()).decode()}


def mailgun(id, text="hello"):
    at = str(int(time.time()))
    form = {"timestamp": at, "token": id, "signature": mac(at + id), "sender": "kim@a.example", "recipient": "help@shop.example",
            "subject": "s", "body-plain": text, "Message-Id": f"<{id}@a.example>"}
    return "mg", urllib.parse.urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"}


def generic(id, text="hello", who="7"):
    body = json.dumps({"id": id, "text": text, "who": who})
    return "desk", body, {"X-Sig": mac(body)}


PROVIDERS = [twilio, meta, line, slack, telegram, kakao, postmark, mailgun, generic]


def call(hand, account, body, headers):
    began = time.monotonic()
    got = hand.door.call("POST", f"/v1/channels/{account}", raw=body.encode(), token="", headers=headers)
    assert time.monotonic() - began < 2, f"{account} was answered too late"
    return got


def accepted(hand):
    return hand.door.metric('naru_events_total{process="router-1",result="accepted"}')


def is_refused(answer):
    assert answer.status == 503, (answer.status, answer.text)
    assert int(answer.headers["Retry-After"]) >= 1 and answer.json["type"] == "/problems/journal-full"


class Lmtp:
    """A mail server's side: each answer as (code, enhanced code)."""

    def __init__(self, hand):
        self.socket = socket.create_connection(("127.0.0.1", hand.lmtp), timeout=10)
        self.lines = self.socket.makefile("rb")
        self.hear()
        self.say("LHLO mx.example")

    def hear(self):
        while True:
            line = self.lines.readline().decode()
            assert line, "the connection was closed"
            if line[3] == " ":
                return line[:3], line[4:].split()[0]

    def say(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.hear()

    def begin(self, to=("help@shop.example", "sales@shop.example")):
        """What each RCPT is answered; when all are good the mail may come."""
        self.say("RSET")
        self.say("MAIL FROM:<kim@a.example>")
        rcpt = [self.say(f"RCPT TO:<{a}>") for a in to]
        good = all(code == "250" for code, _ in rcpt)
        assert not good or self.say("DATA")[0] == "354"
        return good, rcpt

    def send(self, id, text):
        """… or what its end is answered for each."""
        good, rcpt = self.begin()
        return self.end(id, text) if good else rcpt

    def end(self, id, text):
        lines = "".join(text[i:i + 900] + "\r\n" for i in range(0, len(text), 900))
        self.socket.sendall(f"From: kim@a.example\r\nMessage-ID: <{id}@a.example>\r\nSubject: s\r\n\r\n{lines}.\r\n".encode())
        return [self.hear(), self.hear()]


def test_a_mail_that_fits_when_its_event_does_not_leaves_no_file(hand):
    """Comes first, while the journal's log is small: later it has room in its own file for a while."""
    mails, waiting = hand.disk / "mail", [Lmtp(hand) for _ in range(12)]
    assert all(mx.begin()[0] for mx in waiting)  # their recipients were named while there was room
    ballast = fill(hand.disk)
    for i, mx in enumerate(waiting):
        kept = set(mails.glob("*.eml"))
        with open(ballast, "r+b") as f:
            f.truncate(ballast.stat().st_size - 4096)  # for the mail's file alone
        if mx.end(f"f{i}", "x" * 3000) == [("452", "4.3.1")] * 2:
            break
    assert set(mails.glob("*.eml")) == kept
    ballast.unlink()
    wait_for("health", lambda: hand.door.get("/healthz").status == 200, 10)
    assert mx.send(f"f{i}", "x" * 3000) == [("250", "2.0.0")] * 2


def test_every_provider_is_told_to_send_again_and_then_heard_once(hand):
    asked = [make(str(700 + i)) for i, make in enumerate(PROVIDERS)]
    before = 0
    with full(hand):
        before = accepted(hand)
        for one in asked:
            is_refused(call(hand, *one))
        assert accepted(hand) == before
    for one in asked + asked:
        assert call(hand, *one).status == 200, one[0]
    assert accepted(hand) == before + len(asked)


def test_a_large_body_that_does_not_fit_is_refused_whole(hand):
    pm, page = postmark("801", LARGE), meta("802", LARGE)
    before = accepted(hand)
    with full(hand) as ballast:
        for one in (pm, page, mailgun("803", LARGE)):
            assert call(hand, *one).status == 503, one[0]
        with open(ballast, "r+b") as f:
            f.truncate(ballast.stat().st_size - (1 << 20))  # room for half of it
        assert call(hand, *page).status == 503
        assert hand.door.metric("naru_http_spooled_bytes") == 0
    for one in (pm, page):
        assert call(hand, *one).status == 200
    assert accepted(hand) >= before + 2


def test_mails_are_put_off_recipient_by_recipient(hand):
    mails, before = hand.disk / "mail", 0
    no_room = [("452", "4.3.1")] * 2
    with full(hand) as ballast:
        mx, before = Lmtp(hand), accepted(hand)
        kept = set(mails.rglob("*"))
        assert mx.send("l1", "hello") == no_room
        with open(ballast, "r+b") as f:
            f.truncate(ballast.stat().st_size - (1 << 20))
        wait_for("the journal to have room", lambda: mx.send("l2", "hello") == [("250", "2.0.0")] * 2)
        kept |= set(mails.glob("*.eml"))
        assert mx.send("l3", LARGE) == no_room  # in the middle of the mail
        assert set(mails.rglob("*")) == kept, "something is left of a mail that was refused"
        assert mx.send("l4", "hello") == [("250", "2.0.0")] * 2
    assert mx.send("l3", LARGE) == mx.send("l1", "hello") == [("250", "2.0.0")] * 2
    assert mx.send("l3", LARGE) == [("250", "2.0.0")] * 2
    assert accepted(hand) == before + 8


class Chat:
    def __init__(self, hand, who):
        head, claims = (b64(json.dumps(part).encode()) for part in ({"alg": "HS256"}, {"sub": who, "exp": int(time.time()) + 600}))
        token = f"{head}.{claims}." + b64(hmac.new(SECRET.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest())
        self.ws = websocket.create_connection(f"ws://127.0.0.1:{hand.door.port}/v1/channels/chat/stream", timeout=10,
                                              subprotocols=["naru.chat.1", f"naru.token.{token}"])
        self.say(type="hello")

    def say(self, **message):
        self.ws.send(json.dumps(message))

    def hear(self, *kinds):
        while True:
            m = json.loads(self.ws.recv())
            if m["type"] in kinds:
                return m

    def write(self, id, text):
        self.say(type="message", id=id, text=text)
        return self.hear("ack", "error")


def test_a_chats_line_is_kept_by_its_client_and_sent_again(hand):
    chat, tab = Chat(hand, "lee"), Chat(hand, "lee")
    assert chat.write("c1", "one")["type"] == "ack"
    with full(hand):
        got = chat.write("c2", "two")
        assert (got["type"], got["error"], got["id"]) == ("error", "journal-full", "c2") and got["retry_ms"] > 0
        late = Chat(hand, "lee")  # what was said before is there
        assert late.hear("message")["text"] == "one"
    seq = chat.write("c2", "two")["seq"]
    assert chat.write("c2", "two") == {"type": "ack", "id": "c2", "seq": seq}
    assert chat.write("c3", "three")["seq"] > seq
    assert [tab.hear("message")["text"] for _ in range(3)] == ["one", "two", "three"]


def hold(hand, ann, who):
    """A ticket that ann has: (id, token)."""
    event = hand.door.event(f"h-{who}", "hello", account="tg", conversation=str(who), customer=str(who)).json["event"]
    ticket = wait_for("its ticket", lambda: hand.door.get(f"/v1/events/{event}").json.get("ticket"))
    offer = ann.hear("offer", ticket=ticket)
    got = ann.act("accept", ticket=ticket, token=offer["token"])
    assert got["status"] == 200, got
    return ticket, got["token"]


def reply(hand, ticket, text):
    return hand.door.post(f"/v1/tickets/{ticket}/messages", {"text": text})


def test_a_reply_leaves_only_when_it_was_written_down(hand):
    world = hand.world
    with hand.door.agent("ann") as ann:
        one, _ = hold(hand, ann, 901)
        two, token = hold(hand, ann, 902)
        world.says = lambda path: 429 if path.endswith("/sendMessage") else 200
        assert reply(hand, one, "early").status == 200  # taken while there was room; it waits for its next attempt
        wait_for("an attempt", lambda: hand.door.metric('naru_message_tries_total{process="router-1",result="again"}') >= 1)
        with full(hand):
            world.says = lambda path: 200
            is_refused(reply(hand, two, "late"))
            got = ann.act("reply", ticket=two, token=token, text="late")
            assert got["status"] == 503 and got["problem"].endswith("journal-full"), got
            wait_for("the early one's turn", lambda: hand.door.metric('naru_message_tries_total{process="router-1",result="unwritten"}') >= 1)
            assert world.texts() == []
        wait_for("the early one", lambda: world.texts() == ["early"])
        assert reply(hand, two, "late").status == 200
        wait_for("the late one", lambda: world.texts() == ["early", "late"])
        for ticket in (one, two):
            assert hand.door.post(f"/v1/tickets/{ticket}/cancel", {}).status == 200


def test_changes_are_told_and_closed_tickets_kept_once_there_is_room(hand):
    door, world = hand.door, hand.world
    with door.agent("ann") as ann:
        ticket, token = hold(hand, ann, 951)
        other, _ = hold(hand, ann, 952)
        wait_for("its first changes", lambda: "naru.ticket.accepted" in [c["type"] for c in world.changes if c["subject"].endswith(ticket)])
        with full(hand):
            ann.ref += 1
            ann.say(type="resolve", ref=ann.ref, ticket=ticket, token=token)
            assert door.post(f"/v1/tickets/{other}/feedback", {"intent": "x"}).status == 503
            statement = {"id": "crm-1", "name": "Kim", "tier": "gold"}
            lines = "".join(json.dumps({"id": f"crm-{i}", "name": "Kim"}) + "\n" for i in range(1, 400))
            assert door.post("/v1/customers", statement).status == 503
            assert door.call("POST", "/v1/customers", raw=lines.encode(), headers={"Content-Type": "application/x-ndjson"}).status == 503
            assert not any(c["type"] == "naru.ticket.ended" and c["subject"].endswith(ticket) for c in world.changes)
        assert door.post(f"/v1/tickets/{other}/feedback", {"intent": "x"}).status == 200
        assert door.call("POST", "/v1/customers", raw=lines.encode(), headers={"Content-Type": "application/x-ndjson"}).json["kept"] == 399
        got = ann.hear("result", ref=ann.ref, seconds=40)
        if got["status"] != 200:
            wait_for("the same act again", lambda: ann.act("resolve", ticket=ticket, token=token)["status"] == 200)
        wait_for("the end to be told", lambda: any(c["type"] == "naru.ticket.ended" and c["subject"].endswith(ticket) for c in world.changes))
        told = [c["sequence"] for c in world.changes if c["subject"].endswith(ticket)]
        assert told == sorted(set(told)), "each change once, in order"
        assert door.get(f"/v1/tickets/{ticket}").json["state"] == "resolved"
        assert door.post(f"/v1/tickets/{other}/cancel", {}).status == 200
