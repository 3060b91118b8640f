"""Twilio at a real Naru: texts, and whole calls. Signatures are made by Twilio's own SDK for Node; its REST API is played by a local
server that keeps what it was asked."""
import base64
import hashlib
import http.server
import json
import pathlib
import random
import subprocess
import tempfile
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ET

import pytest
from conftest import NODE, Naru, wait_for

PUBLIC = "https://naru.example.com"
SID = "AC0123456789abcdef0123456789abcdef"
POLICY = """
naru: 1
workspace: tw
public-url: {public}
channels:
  voice: {{ cost: 100, offer: 10s, wrapup: 1s }}
  sms: {{ cost: 10 }}
  whatsapp: {{ cost: 10 }}
accounts:
  text: {{ channel: sms, provider: twilio, secret: ["file:{f}/new", "file:{f}/old"], id: {sid}, from: "+8215880000", api: "{api}" }}
  wa: {{ channel: whatsapp, provider: twilio, secret: "file:{f}/other", id: {sid}, from: "+14155238886", api: "{api}" }}
  hotline:
    channel: voice
    provider: twilio
    secret: "file:{f}/new"
    id: {sid}
    from: "+8215880000"
    api: "{api}"
    voice:
      connect: "sip:{{agent}}@pbx.example.com"
      greet: {{ en: "Welcome to <Hanbit> & friends." }}
      music: "https://cdn.example.com/a.mp3?x=1&y=2"
      callback: yes
  quiet: {{ channel: voice, provider: twilio, secret: "file:{f}/new", voice: {{ language: ko, say-every: 0s }} }}
queues:
  calls: {{ takes: {{ channel: voice }}, sla: {{ answer: {{ within: 5m }} }} }}
  desk: {{ takes: default }}
agents:
  ann: {{ skills: {{ talk: 5 }}, capacity: 1000, max: {{ voice: 1 }} }}
  bob: {{ skills: {{ talk: 5 }}, capacity: 1000, max: {{ voice: 1 }}, phone: "+821011112222" }}
"""
SECRETS = {"new": "0123456789abcdef0123456789abcdef", "old": "fedcba9876543210fedcba9876543210", "other": "00000000000000000000000000000000"}


class Twilio:
    """The REST API: asks are (path, form, authorization); `status` answers them."""

    def __init__(self):
        self.asked, self.status, self.sids = [], 201, []
        me = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                me.asked.append((self.path, dict(urllib.parse.parse_qsl(body, keep_blank_values=True)), self.headers["Authorization"]))
                sid = me.sids.pop(0) if me.sids else "SMout"
                out = b'{"sid":"%s"}' % sid.encode() if me.status < 300 else b'{"code":21219,"message":"no"}'
                self.send_response(me.status)
                self.send_header("Content-Length", str(len(out)))
                self.end_headers()
                self.wfile.write(out)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def wait(self, what, cond, seconds=5):
        """The first ask, from now on or before, that fits; it is taken out."""
        def take():
            for i, ask in enumerate(self.asked):
                if cond(ask):
                    return self.asked.pop(i)
        return wait_for(what, take, seconds)


class Signer:
    def __init__(self):
        self.node = subprocess.Popen(["node", str(NODE / "twilio.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **what):
        self.node.stdin.write(json.dumps(what) + "\n")
        self.node.stdin.flush()
        got = json.loads(self.node.stdout.readline())
        assert got["valid"]
        return got


@pytest.fixture(scope="module")
def twilio():
    return Twilio()


@pytest.fixture(scope="module")
def signer():
    s = Signer()
    yield s
    s.node.stdin.close()
    s.node.wait(10)


@pytest.fixture(scope="module")
def naru(twilio):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="naru-twilio-"))
    for name, text in SECRETS.items():
        (folder / name).write_text(text + "\n")
    (folder / "policy.yaml").write_text(POLICY.format(f=folder, public=PUBLIC, sid=SID, api=twilio.url))
    n = Naru(folder, policy=folder / "policy.yaml")
    yield n
    n.stop()
    assert not n.faults()


def pairs_of(params):
    return [(k, v) for k, vs in params.items() for v in (vs if isinstance(vs, list) else [vs])]


@pytest.fixture(scope="module")
def hook(naru, signer):
    """hook(path, {…}) posts a form as Twilio does; path behind /v1/channels/, or a whole address of ours."""
    def post(path, params, secret="new", signature=None, url=None, headers=None, raw=None):
        target = path[len(PUBLIC):] if path.startswith(PUBLIC) else f"/v1/channels/{path}"
        signed = signer.ask(secret=SECRETS[secret], url=url or PUBLIC + target, params=params)["signature"]
        send = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8", "X-Twilio-Signature": signature or signed, **(headers or {})}
        body = raw if raw is not None else urllib.parse.urlencode(pairs_of(params)).encode()
        return naru.post(target, raw=body, token="", headers={k: v for k, v in send.items() if v is not None})
    return post


def text(sid, body="hello", who="+821012345678", **more):
    return {"MessageSid": sid, "AccountSid": SID, "From": who, "To": "+8215880000", "Body": body, "NumMedia": "0", "SmsStatus": "received", **more}


def ticket_of(naru, account, external):
    """The event's id is made of its identity."""
    h = bytearray(hashlib.sha256(account.encode() + b"\0" + external.encode()).digest()[:16])
    h[6], h[8] = h[6] & 0x0F | 0x80, h[8] & 0x3F | 0x80
    i = h.hex()
    event = f"{i[:8]}-{i[8:12]}-{i[12:16]}-{i[16:20]}-{i[20:]}"
    return wait_for("its ticket", lambda: naru.get(f"/v1/events/{event}").json.get("ticket"))


def event_count(naru):
    return naru.metric('naru_events_total{process="router-1",result="accepted"')


# ---- texts ----

def test_an_sms_becomes_a_ticket_and_twilio_says_nothing(naru, hook):
    got = hook("text", text("SM1", "환불해 주세요 😀 & <b>"))
    assert got.status == 200 and got.headers["Content-Type"] == "text/xml"
    assert ET.fromstring(got.text).tag == "Response" and len(ET.fromstring(got.text)) == 0
    t = naru.get(f"/v1/tickets/{ticket_of(naru, 'text', 'SM1')}").json
    assert (t["channel"], t["customer"], t["conversation"]) == ("sms", "+821012345678", "+821012345678")
    assert t["messages"][0]["text"] == "환불해 주세요 😀 & <b>"


def test_a_whatsapp_message_with_a_picture_has_a_name_and_attachments(naru, hook):
    got = hook("wa", text("SM2", "", "whatsapp:+821099998888", ProfileName="김나루", NumMedia="1", MediaUrl0="https://api.twilio.com/m/1",
                          MediaContentType0="image/jpeg"), secret="other")
    assert got.status == 200
    t = naru.get(f"/v1/tickets/{ticket_of(naru, 'wa', 'SM2')}").json
    assert (t["customer"], t["name"], t["messages"][0]["text"]) == ("whatsapp:+821099998888", "김나루", "[image]")


def test_the_same_message_again_is_one_event(naru, hook):
    before = event_count(naru)
    for _ in range(3):
        assert hook("text", text("SM3", "again")).status == 200
    assert event_count(naru) == before + 1


def test_both_live_secrets_count_and_no_other(naru, hook):
    assert hook("text", text("SM4"), secret="old").status == 200
    assert hook("text", text("SM5"), secret="other").status == 401


def test_what_is_not_signed_as_twilio_signs_is_refused(naru, hook):
    before = event_count(naru)
    params = text("SM6", "transfer 100")
    assert hook("text", params, headers={"X-Twilio-Signature": None}).status == 401
    assert hook("text", params, signature="AAAAAAAAAAAAAAAAAAAAAAAAAAA=").status == 401
    assert hook("text", params, signature="not base64 at all").status == 401
    assert hook("text", params, raw=urllib.parse.urlencode({**params, "Body": "transfer 900"}).encode()).status == 401
    assert hook("text", params, raw=urllib.parse.urlencode(params).encode() + b"&Extra=1").status == 401
    assert hook("text", params, url=PUBLIC + "/v1/channels/wa").status == 401  # another door's
    assert hook("text?x=1", params, url=PUBLIC + "/v1/channels/text").status == 401
    assert hook("text", {**params, "AccountSid": "AC9"}).status == 403
    assert hook("text", params, raw=b"Body=%zz").status == 400
    assert hook("text/nothing", params).status == 404
    assert hook("text", params, headers={"Content-Type": "text/plain"}).status == 415
    assert hook("text", params, raw=b"&".join(b"a%d=1" % i for i in range(1500))).status == 400
    assert hook("text", params, raw=b"Body=" + b"a" * 70000).status == 413
    assert event_count(naru) == before
    for cause in ("unsigned", "signature", "other_account", "malformed", "content_type"):
        assert naru.metric(f'naru_channel_refused_total{{process="router-1",cause="{cause}"') > 0, cause


def test_what_is_no_message_is_taken_and_counted(naru, hook):
    before = event_count(naru)
    assert hook("text/status", {"MessageSid": "SM1", "AccountSid": SID, "MessageStatus": "delivered", "To": "+1", "From": "+2"}).status == 200
    assert hook("text", {"AccountSid": SID, "From": "+1"}).status == 200
    assert hook("text", {"MessageSid": "SM7", "AccountSid": SID}).status == 200
    assert hook("text/elsewhere", text("SM8")).status == 404
    assert event_count(naru) == before
    assert naru.metric('naru_channel_skipped_total{process="router-1",what="receipt"') >= 1
    assert naru.metric('naru_channel_skipped_total{process="router-1",what="incomplete"') >= 2


def test_the_address_counts_with_and_without_the_port(naru, hook):
    for i, port in enumerate(("", ":443")):
        assert hook("text", text(f"SM9{i}"), url=f"{PUBLIC}{port}/v1/channels/text").status == 200
    assert hook("text", text("SM99"), url=f"{PUBLIC}:8443/v1/channels/text").status == 401


def test_a_body_whose_hash_is_signed_may_be_of_any_type(naru, signer):
    def send(body, sent=None):
        got = signer.ask(secret=SECRETS["new"], url=f"{PUBLIC}/v1/channels/text?kind=json", body=body)
        return naru.post(got["url"][len(PUBLIC):], raw=(sent or body).encode(), token="",
                         headers={"Content-Type": "application/json", "X-Twilio-Signature": got["signature"]}).status
    assert send('{"a": "유니코드 😀"}') == 200
    assert send('{"a": 1}', '{"a": 2}') == 401
    assert naru.metric('naru_channel_skipped_total{process="router-1",what="not_a_form"') == 1


def test_a_hundred_forms_are_signed_alike_by_twilios_sdk(hook):
    rnd = random.Random(6)
    letters = "abcXYZ019 _-+&=%#?/\\\"'<>\t\n가나다힣éßÿ中文字\ue000\ufffd😀🚢\U00020000"
    word = lambda least, most: "".join(rnd.choice(letters) for _ in range(rnd.randint(least, most)))
    for i in range(100):
        params = {"MessageStatus": "sent", "AccountSid": SID}
        for _ in range(rnd.randint(0, 12)):
            params[word(1, 8)] = rnd.choice([word(0, 20), "", word(300, 900), [word(0, 3) for _ in range(rnd.randint(1, 4))]])
        got = hook(f"text/status?n={i}&q=a%20b", params)
        assert got.status == 200, (i, params)


def test_words_of_opting_out_and_buttons_are_events_with_attributes(naru, hook):
    assert hook("text", text("SM20", "STOP", "+15550001111", OptOutType="STOP")).status == 200
    assert hook("wa", text("SM21", "", "whatsapp:+15550001112", ButtonText="Yes please", ButtonPayload="yes"), secret="other").status == 200
    assert hook("wa", text("SM22", "", "whatsapp:+15550001113", Latitude="37.5", Longitude="127.0", Label="Seoul"), secret="other").status == 200
    said = [naru.get(f"/v1/tickets/{ticket_of(naru, a, s)}").json["messages"][0]["text"] for a, s in (("text", "SM20"), ("wa", "SM21"), ("wa", "SM22"))]
    assert said == ["STOP", "Yes please", "[location]"]


def test_a_reply_goes_out_and_what_became_of_it_comes_back(naru, hook, twilio):
    assert hook("wa", text("SM30", "hi", "whatsapp:+15550009999", To="whatsapp:+14155238886"), secret="other").status == 200
    ticket = ticket_of(naru, "wa", "SM30")
    with naru.agent("ann") as ann:
        offer = ann.hear("offer", ticket=ticket)
        assert ann.act("accept", ticket=ticket, token=offer["token"])["status"] == 200
        sent = naru.post(f"/v1/tickets/{ticket}/messages", {"text": "안녕하세요 & +1"})
        assert sent.status == 200, sent.text
        path, form, login = twilio.wait("the message", lambda a: a[0].endswith("/Messages.json"))
        assert form == {"From": "whatsapp:+14155238886", "To": "whatsapp:+15550009999", "Body": "안녕하세요 & +1",
                        "StatusCallback": f"{PUBLIC}/v1/channels/wa/status"}
        assert base64.b64decode(login.split()[1]).decode() == f"{SID}:{SECRETS['other']}"
        told = lambda: naru.get(f"/v1/tickets/{ticket}/messages").json["messages"][-1]
        wait_for("it to be sent", lambda: told()["state"] == "sent")
        receipt = {"MessageSid": "SMout", "AccountSid": SID, "MessageStatus": "read", "From": form["From"], "To": form["To"]}
        assert hook(form["StatusCallback"], receipt, secret="other").status == 200
        wait_for("the receipt", lambda: told().get("receipt") == "read")
        # a long one leaves in parts: it is delivered when each of them is, and a part that is not is named
        twilio.sids = ["SMpart1", "SMpart2"]
        assert naru.post(f"/v1/tickets/{ticket}/messages", {"text": "word " * 400}).status == 200
        wait_for("both parts", lambda: told()["state"] == "sent" and told()["parts_sent"] == told()["parts"] == 2)
        tell = lambda sid, what: hook(form["StatusCallback"], {**receipt, "MessageSid": sid, "MessageStatus": what}, secret="other")
        assert tell("SMpart2", "delivered").status == 200
        assert "receipt" not in told()
        assert tell("SMpart1", "undelivered").status == 200
        wait_for("its failure", lambda: told()["state"] == "failed")
        assert told()["why"] == "the provider could not deliver part 1 of 2"
        twilio.sids, before = ["SMpart1b"], len(twilio.asked)
        assert naru.post(f"/v1/messages/{told()['id']}/resend", {}).status == 200
        wait_for("its first part again", lambda: told()["state"] == "sent")
        assert len(twilio.asked) == before + 1
        assert tell("SMpart1b", "delivered").status == 200
        wait_for("both receipts", lambda: told().get("receipt") == "delivered")
        twilio.status = 400
        assert naru.post(f"/v1/tickets/{ticket}/messages", {"text": "more"}).status == 200
        wait_for("its refusal", lambda: told()["state"] == "failed")
        twilio.status = 201
        assert "21219" in told()["why"]
        assert naru.post(f"/v1/tickets/{ticket}/resolve", {}).status == 200


# ---- calls ----

class Call:
    """A caller, and what Twilio does with what it is told."""

    def __init__(self, hook, sid, who="+15557654321", account="hotline", direction="inbound", first=None, to="+8215880000"):
        self.hook, self.sid, self.account = hook, sid, account
        self.form = {"CallSid": sid, "AccountSid": SID, "From": who, "To": to, "Direction": direction, "CallStatus": "in-progress"}
        self.doc = None
        self.go(first or account, CallStatus="ringing" if direction == "inbound" else "in-progress")

    def go(self, url, **more):
        got = self.hook(url, {**self.form, **more})
        assert got.status == 200 and got.headers["Content-Type"] == "text/xml", (got.status, got.text)
        self.doc = ET.fromstring(got.text)
        return self

    def tags(self):
        return [e.tag for e in self.doc.iter()][1:]

    def said(self):
        return " ".join(e.text or "" for e in self.doc.iter("Say"))

    def on(self):
        """Follows the redirect, or a Gather that nobody pressed a key in."""
        return self.go(self.doc.find("Redirect").text)

    def press(self, key):
        return self.go(self.doc.find("Gather").get("action"), Digits=key)

    def until(self, tag, seconds=10):
        """Polls as a waiting call does, without its pauses, until a tag is there."""
        def there():
            if tag in self.tags():
                return True
            self.on()
            return tag in self.tags()
        wait_for(f"<{tag}>", there, seconds)
        return self

    def end(self, status="completed", url=None):
        got = self.hook(url or f"{self.account}/status", {**self.form, "CallStatus": status})
        assert got.status == 200


def state(naru, ticket):
    return naru.get(f"/v1/tickets/{ticket}").json["state"]


def ended(naru, ticket, how):
    wait_for(f"{ticket} to be {how}", lambda: state(naru, ticket) == how)


def called_off(naru, ticket):
    """Put off, and its caller has hung up."""
    wait_for("the hang-up", lambda: naru.get(f"/v1/tickets/{ticket}").json.get("on_line") is False)
    assert state(naru, ticket) == "scheduled"


def test_a_call_from_its_greeting_to_its_wrap_up(naru, hook, twilio):
    call = Call(hook, "CA1")
    assert call.said() == "Welcome to <Hanbit> & friends." and call.doc.find("Say").get("language") == "en-US"
    ticket = ticket_of(naru, "hotline", "CA1")
    call.on()
    wait_for("its place", lambda: "number 1 in line" in call.go(f"{PUBLIC}/v1/channels/hotline/hold?s=0&m=0").said())
    assert call.doc.find("Gather/Play").text == "https://cdn.example.com/a.mp3?x=1&y=2"
    assert "press 1" in call.said()
    call.on()
    assert call.said() == ""  # it was told a moment ago
    with naru.agent("ann") as ann:
        offer = ann.hear("offer", ticket=ticket)
        assert ann.act("accept", ticket=ticket, token=offer["token"])["status"] == 200
        path, form, login = twilio.wait("the push", lambda a: "/Calls/CA1.json" in a[0])
        assert path == f"/2010-04-01/Accounts/{SID}/Calls/CA1.json" and form["Method"] == "POST"
        assert base64.b64decode(login.split()[1]).decode() == f"{SID}:{SECRETS['new']}"
        call.go(form["Url"])
        dial = call.doc.find("Dial")
        assert dial.find("Sip").text == "sip:ann@pbx.example.com" and dial.get("timeout") == "20"
        leg = dial.find("Sip").get("statusCallback")
        assert dial.find("Sip").get("statusCallbackEvent") == "answered"
        assert hook(leg, {"CallSid": "CA1leg", "ParentCallSid": "CA1", "AccountSid": SID, "CallStatus": "in-progress"}).status == 200
        wait_for("the start", lambda: naru.get(f"/v1/tickets/{ticket}").json["started"])
        call.go(dial.get("action"), DialCallStatus="completed")
        assert "Hangup" in call.tags() and "Goodbye" in call.said()
        call.end()
        ended(naru, ticket, "wrapup")
        ended(naru, ticket, "resolved")


def test_who_hangs_up_while_waiting_has_left(naru, hook):
    call = Call(hook, "CA2").on()
    ticket = ticket_of(naru, "hotline", "CA2")
    call.end()
    call.end()  # told twice
    ended(naru, ticket, "abandoned")
    assert "sorry" in call.go(f"{PUBLIC}/v1/channels/hotline/hold?s=0&m=0").said()


def test_a_phone_that_nobody_answers_gives_the_call_to_the_next(naru, hook, twilio):
    call = Call(hook, "CA3", who="+821055556666")
    assert "안녕하세요" in call.said()
    ticket = ticket_of(naru, "hotline", "CA3")
    with naru.agent("ann") as ann, naru.agent("bob") as bob:
        first, second = ann, bob
        def offered():
            for a in (ann, bob):
                try:
                    return a, a.hear("offer", seconds=0.4, ticket=ticket)
                except AssertionError:
                    pass
        first, offer = wait_for("an offer", offered)
        assert first.act("accept", ticket=ticket, token=offer["token"])["status"] == 200
        call.until("Dial")
        old = call.doc.find("Dial").get("action")
        call.go(old, DialCallStatus="no-answer")
        assert "Dial" not in call.tags() and call.doc.find("Redirect") is not None
        other = bob if first is ann else ann
        offer = other.hear("offer", ticket=ticket)
        assert other.act("accept", ticket=ticket, token=offer["token"])["status"] == 200
        call.until("Dial")
        phone = call.doc.find("Dial")[0]
        assert (phone.tag, phone.text) == (("Number", "+821011112222") if other is bob else ("Sip", "sip:ann@pbx.example.com"))
        call.go(old, DialCallStatus="no-answer")  # told late: the ticket is another's now
        assert state(naru, ticket) == "assigned"
        call.end()
        ended(naru, ticket, "abandoned")  # nobody had begun


def test_a_callback_keeps_the_place_and_calls_the_customer(naru, hook, twilio):
    call = Call(hook, "CA4")
    ticket = ticket_of(naru, "hotline", "CA4")
    call.until("Gather").press("5")
    assert state(naru, ticket) in ("waiting", "offered")
    call.until("Gather").press("1")
    assert "call you back" in call.said() and "Hangup" in call.tags()
    call.end()
    called_off(naru, ticket)
    assert naru.post(f"/v1/tickets/{ticket}/requeue", {}).status == 200  # its time has come
    with naru.agent("ann") as ann:
        offer = ann.hear("offer", ticket=ticket)
        assert ann.act("accept", ticket=ticket, token=offer["token"])["status"] == 200
        path, form, _ = twilio.wait("our call", lambda a: a[0].endswith("/Calls.json"))
        assert (form["To"], form["From"]) == ("+15557654321", "+8215880000")
        # nobody answers: it is put off once more
        back = {"CallSid": "CA4b", "AccountSid": SID, "From": "+8215880000", "To": "+15557654321", "Direction": "outbound-api"}
        assert hook(form["StatusCallback"], {**back, "CallStatus": "no-answer"}).status == 200
        ended(naru, ticket, "scheduled")
        assert naru.post(f"/v1/tickets/{ticket}/requeue", {}).status == 200
        offer = ann.hear("offer", ticket=ticket, seconds=40)
        assert ann.act("accept", ticket=ticket, token=offer["token"])["status"] == 200
        path, form, _ = twilio.wait("our call", lambda a: a[0].endswith("/Calls.json"))
        again = Call(hook, "CA4c", who="+8215880000", to="+15557654321", direction="outbound-api", first=form["Url"])
        assert "call you back" in again.said()
        again.until("Dial")
        hook(again.doc.find("Dial")[0].get("statusCallback"), {"CallSid": "CA4d", "AccountSid": SID, "CallStatus": "in-progress"})
        wait_for("the start", lambda: naru.get(f"/v1/tickets/{ticket}").json["started"])
        again.end(url=form["StatusCallback"])
        ended(naru, ticket, "resolved")


def test_a_callback_that_twilio_refuses_is_put_off(naru, hook, twilio):
    call = Call(hook, "CA5")
    ticket = ticket_of(naru, "hotline", "CA5")
    call.until("Gather").press("1")
    call.end()
    called_off(naru, ticket)
    twilio.status = 400
    try:
        assert naru.post(f"/v1/tickets/{ticket}/requeue", {}).status == 200
        with naru.agent("ann") as ann:
            offer = ann.hear("offer", ticket=ticket)
            assert ann.act("accept", ticket=ticket, token=offer["token"])["status"] == 200
            twilio.wait("our call", lambda a: a[0].endswith("/Calls.json"))
            ended(naru, ticket, "scheduled")
    finally:
        twilio.status = 201
    assert naru.post(f"/v1/tickets/{ticket}/cancel", {}).status == 200


def test_a_transfer_takes_the_caller_out_of_the_talk(naru, hook, twilio):
    call = Call(hook, "CA6")
    ticket = ticket_of(naru, "hotline", "CA6")
    with naru.agent("ann") as ann:
        offer = ann.hear("offer", ticket=ticket)
        assert ann.act("accept", ticket=ticket, token=offer["token"])["status"] == 200
        twilio.wait("the push", lambda a: "/Calls/CA6.json" in a[0])
        call.until("Dial")
        token = naru.get(f"/v1/tickets/{ticket}").json["token"]
        assert ann.act("transfer", ticket=ticket, token=token, queue="desk")["status"] == 200
        path, form, _ = twilio.wait("the push", lambda a: "/Calls/CA6.json" in a[0])
        call.go(form["Url"])
        assert "Dial" not in call.tags() and "Redirect" in call.tags()
        call.end()
        ended(naru, ticket, "abandoned")


def test_callers_without_a_number_are_not_offered_a_callback_and_may_be_spoken_to_in_silence(naru, hook):
    call = Call(hook, "CA7", who="+266696687").until("Redirect")
    call.on()
    assert "Gather" not in call.tags()
    call.end()
    quiet = Call(hook, "CA8", account="quiet")
    assert "안녕하세요" in quiet.said() and quiet.doc.find("Say").get("language") == "ko-KR"
    quiet.on()
    assert quiet.tags() == ["Pause", "Redirect"]
    quiet.end()


def test_wrong_requests_of_calls(naru, hook):
    call = Call(hook, "CA9")
    assert hook("hotline/nowhere", call.form).status == 404
    assert hook("hotline/hold?s=0&m=0", call.form, secret="old").status == 401
    assert hook("hotline/hold?s=1&m=0", call.form, url=f"{PUBLIC}/v1/channels/hotline/hold?s=0&m=0").status == 401
    for url in ("hotline/dialed?k=x&t=y", "hotline/leg?k=x&t=y", "hotline/dialed"):
        call.go(url, DialCallStatus="busy")
    before = event_count(naru)
    assert hook("hotline", {"AccountSid": SID, "CallStatus": "ringing"}).status == 200  # no CallSid
    call.go("hotline/status", CallStatus="ringing")
    assert event_count(naru) == before
    call.end()


def test_a_call_goes_on_when_the_router_is_killed(naru, hook, twilio):
    call = Call(hook, "CA10").on()
    ticket = ticket_of(naru, "hotline", "CA10")
    naru.kill("router-1")
    naru.find_port()
    naru.ready()
    call.until("Gather")
    with naru.agent("bob") as bob:
        offer = bob.hear("offer", ticket=ticket)
        assert bob.act("accept", ticket=ticket, token=offer["token"])["status"] == 200
        call.until("Dial")
        assert call.doc.find("Dial/Number").text == "+821011112222"
        call.end()
        ended(naru, ticket, "abandoned")


def test_without_a_leader_callers_wait_on_and_are_answered_in_time(naru, hook):
    call = Call(hook, "CA11").on()
    naru.kill("assign-1")
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        began = time.monotonic()
        call.on()
        assert time.monotonic() - began < 3.5
        assert "Redirect" in call.tags() and "Hangup" not in call.tags()
    naru.ready()
    call.end()
    ended(naru, ticket_of(naru, "hotline", "CA11"), "abandoned")
