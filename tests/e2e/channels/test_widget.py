"""The web chat's protocol, by an independent WebSocket client: docs/channels/webchat.md, proto/asyncapi.yaml."""
import base64
import hashlib
import hmac
import json
import time
import uuid

import described
import pytest
import websocket
import yaml
from conftest import ROOT, running, wait_for

ASYNCAPI = yaml.safe_load((ROOT / "proto" / "asyncapi.yaml").read_text())
DESCRIBED = {}
for m in ASYNCAPI["operations"]["customerHears"]["messages"]:
    payload = ASYNCAPI["components"]["messages"][m["$ref"].rsplit("/", 1)[1]]["payload"]
    DESCRIBED[payload["properties"]["type"]["const"]] = payload
ORIGIN = "https://shop.example"
SECRET, NEXT, OTHER = "a secret of 32 bytes or thereabouts", "the secret that comes next", "another account's secret"
POLICY = """
naru: 1
workspace: shop
channels: {{ webchat: {{ cost: 10, offer: 20s }} }}
accounts:
  web:
    channel: webchat
    provider: widget
    secret: [file:{0}/one, file:{0}/two]
    origins: [https://shop.example, "http://127.0.0.1:8088"]
    widget: {{ title: 한빛, colour: "#1f4fd8", hello: {{ ko: 무엇을 도와드릴까요?, en: How can we help? }} }}
  other: {{ channel: webchat, provider: widget, secret: "file:{0}/three", origins: [https://other.example] }}
queues:
  desk: {{ takes: default, sla: {{ answer: {{ within: {{ critical: 30s, high: 1m, normal: 5m }} }} }} }}
agents:
  ann: {{ capacity: 100 }}
"""


@pytest.fixture(scope="module")
def naru(tmp_path_factory):
    folder = tmp_path_factory.mktemp("widget")
    for name, secret in (("one", SECRET), ("two", NEXT), ("three", OTHER)):
        (folder / name).write_text(secret + "\n")
    (folder / "policy.yaml").write_text(POLICY.format(folder))
    with running(policy=folder / "policy.yaml") as n:
        yield n


def b64(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()


def jwt(sub="kim", secret=SECRET, alg="HS256", life=600, **claims):
    head = b64(json.dumps({"alg": alg, "typ": "JWT"}).encode())
    body = b64(json.dumps({"sub": sub, "exp": int(time.time()) + life, **claims}).encode())
    mac = hmac.new(secret.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{b64(mac)}"


class Chat:
    """A customer's socket. Every message must come once, in order: hear() checks it."""

    def __init__(self, naru, token=None, after=0, account="web", origin=ORIGIN, hello=True, protocol=True):
        self.ws = websocket.create_connection(
            f"ws://127.0.0.1:{naru.port}/v1/channels/{account}/stream", origin=origin, timeout=20,
            suppress_origin=origin is None, subprotocols=["naru.chat.1", *([f"naru.token.{token}"] if token and protocol else [])])
        self.kept, self.seq, self.seen = [], after, []
        if hello:
            self.say(type="hello", after=after, **({"token": token} if token and not protocol else {}))

    def say(self, **message):
        self.ws.send(json.dumps(message))

    def next(self):
        m = json.loads(self.ws.recv())
        described.met("customerHears", m)
        known = DESCRIBED[m["type"]]
        assert set(known["required"]) <= set(m) <= set(known["properties"]), m
        if m["type"] == "message":
            assert m["seq"] > self.seq, (m, self.seq)
            self.seen.append(m["id"])
        if m["type"] in ("message", "ack"):
            self.seq = max(self.seq, m["seq"])
        return m

    def hear(self, kind, seconds=15, **match):
        fits = lambda m: m["type"] == kind and all(m.get(k) == v for k, v in match.items())
        for i, m in enumerate(self.kept):
            if fits(m):
                return self.kept.pop(i)
        until = time.monotonic() + seconds
        while True:
            assert time.monotonic() < until, f"no {kind} {match}; heard {self.kept}"
            self.ws.settimeout(max(0.1, until - time.monotonic()))
            m = self.next()
            if fits(m):
                return m
            self.kept.append(m)

    def write(self, text, id=None):
        id = id or uuid.uuid4().hex
        self.say(type="message", id=id, text=text)
        return self.hear("ack", id=id)

    def closed(self):
        """The close code; what was said before it goes to `kept`."""
        while True:
            op, data = self.ws.recv_data(control_frame=True)
            if op == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(data[:2], "big")
            if op == websocket.ABNF.OPCODE_TEXT:
                self.kept.append(json.loads(data))

    def close(self):
        self.ws.close()


def status_of(naru, **kw):
    """The HTTP status of a handshake that is refused."""
    with pytest.raises(websocket.WebSocketBadStatusException) as e:
        Chat(naru, **kw)
    return e.value.status_code


def fresh():
    return f"customer-{uuid.uuid4().hex[:8]}"


# ---- tokens ----

def test_a_token_of_either_live_secret_opens_a_chat_and_travels_in_the_handshake_or_the_hello(naru):
    for secret in (SECRET, NEXT):
        for protocol in (True, False):
            chat = Chat(naru, jwt(fresh(), secret), protocol=protocol)
            assert chat.ws.getsubprotocol() == "naru.chat.1"
            welcome = chat.hear("welcome")
            assert welcome["seq"] == 0 and welcome["max_length"] == 4000
            assert chat.hear("state")["state"] == "none"
            chat.close()


def altered(token):
    head, body, mac = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    return f"{head}.{b64(json.dumps({**claims, 'sub': 'somebody else'}).encode())}.{mac}"


WRONG = {
    "altered": lambda: altered(jwt()),
    "other secret": lambda: jwt(secret="a guess"),
    "other account's secret": lambda: jwt(secret=OTHER),
    "alg none": lambda: jwt(alg="none").rsplit(".", 1)[0] + ".",
    "alg HS512": lambda: jwt(alg="HS512"),
    "expired": lambda: jwt(life=-1),
    "longer than a day": lambda: jwt(life=86400 + 120),
    "not valid yet": lambda: jwt(nbf=int(time.time()) + 600),
    "another account": lambda: jwt(aud="other"),
    "no sub": lambda: jwt(sub=None),
    "an empty sub": lambda: jwt(sub=""),
    "a long sub": lambda: jwt(sub="x" * 129),
    "no exp": lambda: jwt(exp=None),
    "attributes that are no texts": lambda: jwt(attributes={"a": [1]}),
    "no JWT": lambda: "abc",
    "two parts": lambda: jwt().rsplit(".", 1)[0],
    "too long": lambda: jwt(name="x" * 2000),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_token_is_refused_in_the_handshake_and_in_the_hello(naru, what):
    before = naru.metric("naru_channel_refused_total")
    assert status_of(naru, token=WRONG[what]()) == 401
    chat = Chat(naru, WRONG[what](), protocol=False)
    assert chat.closed() == 4401
    assert chat.kept[0]["error"] == "token"
    assert naru.metric("naru_channel_refused_total") == before + 2


def test_who_brings_no_token_or_says_something_before_hello_is_closed(naru):
    assert Chat(naru).closed() == 4401
    chat = Chat(naru, jwt(), hello=False)
    chat.say(type="message", id="1", text="hi")
    assert chat.closed() == 4408


def test_a_token_in_the_url_is_none(naru):
    with pytest.raises(websocket.WebSocketConnectionClosedException):
        ws = websocket.create_connection(f"ws://127.0.0.1:{naru.port}/v1/channels/web/stream?token={jwt()}", origin=ORIGIN, timeout=20)
        ws.send(json.dumps({"type": "hello"}))
        while ws.recv():
            pass
        raise websocket.WebSocketConnectionClosedException


# ---- pages ----

def test_pages_that_the_account_does_not_list_are_refused_everywhere(naru):
    for origin in ("https://evil.example", "http://shop.example", "https://shop.example:444", "https://shop.example.evil.example", "null"):
        assert status_of(naru, token=jwt(), origin=origin) == 403
        assert naru.post("/v1/channels/web/session", token="", headers={"Origin": origin}).status == 403
        assert naru.call("OPTIONS", "/v1/channels/web/session", token="", headers={"Origin": origin}).status == 403
    Chat(naru, jwt(fresh()), origin=None).hear("welcome")  # a program or an app: its token says who it is
    assert naru.post("/v1/channels/web/session", token="").status == 403


def test_a_listed_page_gets_a_visitor_token_by_cors_and_the_visitor_stays_who_they_are(naru):
    asked = naru.call("OPTIONS", "/v1/channels/web/session", token="", headers={
        "Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"})
    assert asked.status == 204 and asked.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "authorization" in asked.headers["Access-Control-Allow-Headers"]
    one = naru.post("/v1/channels/web/session", token="", headers={"Origin": ORIGIN})
    assert one.status == 201 and one.headers["Access-Control-Allow-Origin"] == ORIGIN and one.headers["Vary"] == "Origin"
    again = naru.post("/v1/channels/web/session", token=one.json["token"], headers={"Origin": ORIGIN}).json
    assert again["customer"] == one.json["customer"] and one.json["customer"].startswith("visitor-")
    assert naru.post("/v1/channels/web/session", token="", headers={"Origin": ORIGIN}).json["customer"] != one.json["customer"]
    mine = naru.post("/v1/channels/web/session", token=jwt("kim"), headers={"Origin": ORIGIN}).json
    assert mine["customer"].startswith("visitor-")  # the shop's own are not made longer here
    assert Chat(naru, again["token"]).hear("welcome")["customer"] == one.json["customer"]
    assert status_of(naru, token=one.json["token"], account="other", origin="https://other.example") == 401


def test_how_the_panel_looks_is_told_to_listed_pages(naru):
    look = naru.get("/v1/channels/web/widget", token="", headers={"Origin": ORIGIN})
    assert look.json == {"title": "한빛", "colour": "#1f4fd8", "hello": {"ko": "무엇을 도와드릴까요?", "en": "How can we help?"}}
    assert look.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert naru.get("/v1/channels/web/nothing", token="").status == 404
    assert naru.get("/v1/channels/web/session", token="", headers={"Origin": ORIGIN}).status == 405
    assert naru.post("/v1/channels/web", {}, token="").status == 404


# ---- a conversation ----

def test_a_conversation_with_an_agent_states_typing_and_read_marks(naru):
    who = fresh()
    chat = Chat(naru, jwt(who, name="김하나", tier="gold", attributes={"city": "서울"}))
    tab = Chat(naru, jwt(who))
    tab.hear("welcome")
    ack = chat.write("주문한 옷이 아직 안 왔어요", id="m-1")
    told = tab.hear("message")
    assert (told["seq"], told["id"], told["by"], told["text"]) == (ack["seq"], "m-1", "customer", "주문한 옷이 아직 안 왔어요")
    waiting = chat.hear("state", state="waiting")
    assert "agent" not in waiting
    assert chat.hear("state", state="waiting")["position"] == 1
    with naru.agent("ann") as ann:
        offer = ann.hear("offer", customer=who)
        assert offer["name"] == "김하나" and offer["conversation"] == who and offer["channel"] == "webchat"
        assert naru.get(f"/v1/tickets/{offer['ticket']}").json["customer"] == who
        mine = ann.act("accept", ticket=offer["ticket"], token=offer["token"])
        mine = {"ticket": offer["ticket"], "token": mine["token"]}
        assert chat.hear("state", state="agent")["agent"] == "ann"
        ticket = naru.get(f"/v1/tickets/{offer['ticket']}").json
        chat.say(type="typing", on=True)
        assert ann.hear("typing", ticket=offer["ticket"])["on"] is True
        ann.say(type="typing", ticket=offer["ticket"], on=True)
        assert chat.hear("typing") == {"type": "typing", "by": "agent", "on": True} == tab.hear("typing")
        ann.say(type="read", ticket=offer["ticket"])
        assert chat.hear("read") == {"type": "read", "by": "agent", "seq": ack["seq"]}
        assert ann.act("reply", **mine, text="곧 도착합니다.")["status"] == 200
        reply = chat.hear("message", by="agent")
        assert (reply["name"], reply["text"]) == ("ann", "곧 도착합니다.") and reply["seq"] > ack["seq"]
        assert tab.hear("message", by="agent") == reply
        tab.say(type="read", seq=reply["seq"])
        assert chat.hear("read", by="customer")["seq"] == reply["seq"]
        assert ann.hear("read", ticket=offer["ticket"])["at"] == reply["at"]
        ann.say(type="typing", ticket=str(uuid.uuid4()), on=True)  # another's, or none: nothing comes of it
        assert ann.act("resolve", **mine)["status"] == 200
        assert chat.hear("state", state="ended")
    assert ticket["state"] == "assigned"
    chat.close(), tab.close()
    back = Chat(naru, jwt(who), after=ack["seq"])
    assert back.hear("message") == reply and back.hear("state")["state"] == "ended"
    back.close()
    event = naru.get(f"/v1/tickets/{offer['ticket']}/explain").json["life"][0]["event"]
    wait_for("the event to settle", lambda: naru.get(f"/v1/events/{event}").json["state"] == "settled")
    naru.kill("router-1")  # its line is shown nevertheless
    naru.ready()
    whole = Chat(naru, jwt(who))
    assert [whole.hear("message")["seq"] for _ in range(2)] == [ack["seq"], reply["seq"]]
    assert whole.write("주문한 옷이 아직 안 왔어요", id="m-1")["seq"] == ack["seq"]


def test_the_same_message_twice_is_one_and_only_what_was_missed_comes_again_after_the_routers_death(naru):
    who = fresh()
    chat = Chat(naru, jwt(who))
    first = chat.write("one", id="a")
    assert chat.write("one", id="a") == first
    second = chat.write("두 번째 🙂", id="b")
    assert second["seq"] > first["seq"]
    naru.kill("router-1")
    naru.ready()
    back = Chat(naru, jwt(who), after=first["seq"])
    assert back.hear("welcome")["seq"] == second["seq"]
    missed = back.hear("message")
    assert (missed["seq"], missed["id"], missed["text"]) == (second["seq"], "b", "두 번째 🙂")
    assert back.hear("state")["state"] in ("waiting", "none")
    assert back.write("one", id="a")["seq"] == first["seq"]  # sent again, for its ack might have been lost
    third = back.write("three", id="c")
    assert third["seq"] > second["seq"]
    whole = Chat(naru, jwt(who))
    assert [whole.hear("message")["id"] for _ in range(3)] == ["a", "b", "c"]
    back.seq = second["seq"]
    back.say(type="hello", after=second["seq"])  # a second hello asks for what is missing
    assert back.hear("message")["id"] == "c"


def test_wrong_words_are_told_and_hurt_nobody(naru):
    chat = Chat(naru, jwt(fresh()))
    chat.hear("welcome")
    for said, error in (("{", "bad-json"), ('{"type":"nonsense"}', "bad-message"), ('[1]', "bad-message"),
                        ('{"type":"message","text":"no id"}', "bad-message"), ('{"type":"message","id":"a b","text":"x"}', "bad-message"),
                        ('{"type":"message","id":"a","text":" \\n"}', "bad-message"), ('{"type":"message","id":"a","text":7}', "bad-message"),
                        ('{"type":"hello","after":"x"}', "bad-message"), ('{"type":"read"}', "bad-message")):
        chat.ws.send(said)
        assert chat.hear("error")["error"] == error, said
    chat.say(type="message", id="long", text="가" * 4001)
    assert "4001" in chat.hear("error", error="too-long", id="long")["detail"]
    assert chat.write("가" * 4000)
    chat.ws.send_binary(b"\x00\x01")
    assert chat.closed() == 1003
    big = Chat(naru, jwt(fresh()))
    big.ws.send("x" * 65537)
    assert big.closed() == 1009


def test_who_writes_too_fast_is_told_when_to_go_on_and_who_floods_is_closed(naru):
    chat = Chat(naru, jwt(fresh()))
    chat.hear("welcome")
    for i in range(12):
        chat.say(type="message", id=f"m{i}", text="!")
    assert chat.hear("error", error="too-fast", id="m11")["retry_ms"] > 0
    assert chat.hear("ack", id="m9")
    for _ in range(80):
        chat.say(type="typing", on=True)
    assert chat.closed() == 4429


def test_a_policy_that_is_replaced_closes_no_chat_that_it_still_names(naru):
    chat = Chat(naru, jwt(fresh()))
    first = chat.write("before")
    doors, pid = naru.metric("naru_doors{"), naru.children()["router-1"]
    text = naru.get("/v1/policy").text
    more = '  more: { channel: webchat, provider: widget, secret: "file:/nonexistent", origins: [https://more.example] }\nqueues:'
    assert naru.post("/v1/policy", raw=text.replace("queues:", more, 1).encode()).status == 200
    wait_for("the doors to be made anew, by nobody's asking", lambda: naru.metric("naru_doors{") == doors + 1)
    assert chat.write("after")["seq"] > first["seq"]
    assert naru.post("/v1/policy", raw=text.encode()).status == 200
    wait_for("the other door to be gone", lambda: naru.metric("naru_doors{") == doors)
    assert chat.write("and again") and naru.children()["router-1"] == pid


def test_the_oldest_of_too_many_tabs_is_closed(naru):
    who = fresh()
    tabs = [Chat(naru, jwt(who)) for _ in range(8)]
    for t in tabs:
        t.hear("welcome")
    Chat(naru, jwt(who)).hear("welcome")
    assert tabs[0].closed() == 4409
    assert tabs[1].write("still here")


def test_a_socket_whose_token_runs_out_is_closed(naru):
    chat = Chat(naru, jwt(fresh(), life=2))
    chat.hear("welcome")
    assert chat.closed() == 4401


def test_visitors_of_one_address_are_bounded(naru):
    made = [naru.post("/v1/channels/other/session", token="", headers={"Origin": "https://other.example"}).status for _ in range(25)]
    assert made[0] == 201 and made[-1] == 429
