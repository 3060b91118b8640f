"""Any webhook by the policy alone: each kind of signature, right and every way of wrong; challenges; mappings; CloudEvents at both
doors, made by the npm package. One Naru for all of it."""
import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import subprocess
import tempfile
import threading
import time
import urllib.parse

import pytest
from conftest import NARU, ROOT, Naru, node, wait_for

EXAMPLES = ROOT / "examples" / "channels"
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
POLICY = """
naru: 1
workspace: any
accounts:
  std:  {{ channel: api, provider: generic, signature: standard-webhooks, secret: ["file:{folder}/new", "file:{folder}/whsec"] }}
  hm:
    channel: form
    provider: generic
    secret: ["file:{folder}/new", "file:{folder}/key"]
    id: us
    signature: {{ kind: hmac, header: X-Sig, prefix: "sha256=" }}
    challenge: {{ value: $query.crc_token, answer: hmac, name: response_token, prefix: "sha256=" }}
    map:
      - each: "entry[].messages[]"
        when: {{ from.id: {{ not: "{{$account.id}}" }}, type: [text, "image*"] }}
        id: id
        customer: {{ id: from.id, name: "$body.names[from.id]" }}
        conversation: room.id
        text: [body, caption]
        attributes: {{ page: page.url }}
      - each: "entry[].messages[]"
        when: {{ type: hangup }}
        kind: hangup
        id: id
        customer: {{ id: from.id }}
  ts:   {{ channel: form, provider: generic, secret: "file:{folder}/key", signature: {{ kind: timestamp, header: x-sig, timestamp: x-at, separator: ":", encoding: base64, hash: sha512 }} }}
  tok:  {{ channel: form, provider: generic, secret: "file:{folder}/key", signature: {{ kind: token, header: x-token }},
          challenge: {{ value: challenge, verify: word, answer: json }}, verify: "file:{folder}/word",
          map: {{ id: MessageId, customer: {{ id: From }}, text: "{{Subject}}: {{Body}}" }} }}
  key:  {{ channel: form, provider: generic, secret: "file:{folder}/key", signature: {{ kind: token, query: key }} }}
  jw:   {{ channel: form, provider: generic, secret: "file:{folder}/key", signature: {{ kind: jwt, claim: payload_hash }} }}
  open: {{ channel: form, provider: generic, signature: none }}
  mail: {{ channel: email, provider: generic, secret: "file:{folder}/word", signature: {{ kind: token, query: key }},
          map: {{ customer: {{ id: envelope.from, name: from }}, subject: subject, text: text, attachments: yes }} }}
  out:
    channel: form
    provider: generic
    secret: "file:{folder}/key"
    signature: {{ kind: token, header: x-token }}
    token: "file:{folder}/word"
    map: {{ id: id, customer: {{ id: from }}, text: text, reply: {{ room: room }} }}
    send:
      url: "http://127.0.0.1:{port}/rooms/{{reply.room}}/messages?to={{customer}}"
      headers: {{ Authorization: "Bearer {{token}}" }}
      body: {{ text: "{{text}}", from: "{{by}}" }}
      external: data.id
  ce:   {{ channel: api, provider: cloudevents, signature: standard-webhooks, secret: "file:{folder}/whsec" }}
  load: {{ channel: api }}
queues:
  desk: {{ takes: default }}
agents:
  ann: {{ skills: {{ talk: 5 }}, capacity: 1000 }}
"""


class Receiver(http.server.BaseHTTPRequestHandler):
    """What a provider is sent; it has each message, or refuses the rooms that are called so."""

    heard = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        Receiver.heard.append((self.path, dict(self.headers.items()), json.loads(body)))
        said = json.dumps({"data": {"id": f"out-{len(Receiver.heard)}"}}).encode()
        self.send_response(400 if "closed" in self.path else 201)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def naru():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="naru-generic-"))
    for name, text in (("new", "whsec_bmV3bmV3bmV3bmV3bmV3bmV3"), ("whsec", WHSEC), ("key", "a key"), ("word", "the-word")):
        (folder / name).write_text(text + "\n")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (folder / "policy.yaml").write_text(POLICY.format(folder=folder, port=server.server_port))
    n = Naru(folder, policy=folder / "policy.yaml")
    yield n
    n.stop()
    server.shutdown()
    assert not n.faults()


def post(naru, account, body, headers=None, query=""):
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    return naru.call("POST", f"/v1/channels/{account}{query}", token="", raw=raw, headers=headers)


def accepted(naru):
    return naru.metric('naru_events_total{process="router-1",result="accepted"}')


def refused(naru, cause):
    return naru.metric(f'naru_channel_refused_total{{process="router-1",cause="{cause}"}}')


def skipped(naru, what):
    return naru.metric(f'naru_channel_skipped_total{{process="router-1",what="{what}"}}')


def expect(naru, send, status, cause=None):
    """send() is answered with that status, and counted under that cause."""
    before = refused(naru, cause) if cause else 0
    answer = send()
    assert answer.status == status, answer.text
    assert not cause or refused(naru, cause) == before + 1


def mac(body, key=b"a key", how=hashlib.sha256):
    return hmac.new(key, body, how).digest()


# ---- signatures ----


def standard(*asked):
    return node("generic.mjs", input={"standard": list(asked)})


def test_standard_webhooks_of_their_own_package_come_in(naru):
    now = int(time.time() * 1000)
    body = json.dumps({"id": "s1", "text": "로그인이 안 돼요", "customer": {"id": "c1"}}, ensure_ascii=False)
    asks = [{"secret": WHSEC, "id": "m1", "at": at, "body": body} for at in (now, now - 290_000, now - 400_000, now + 400_000)]
    asks += [{"secret": "whsec_b3RoZXJvdGhlcm90aGVyb3RoZXI=", "id": "m1", "at": now, "body": body},
             {"secret": "whsec_bmV3bmV3bmV3bmV3bmV3bmV3", "id": "m2", "at": now, "body": body}]
    good, late, old, early, other, second = json.loads(standard(*asks))["standard"]
    before = accepted(naru)
    for sent in (good, late, second, good):  # two live secrets; a replay is the same event
        expect(naru, lambda: post(naru, "std", sent["body"], sent["headers"]), 200)
    assert accepted(naru) == before + 1
    for sent, cause in ((old, "timestamp"), (early, "timestamp"), (other, "signature")):
        expect(naru, lambda: post(naru, "std", sent["body"], sent["headers"]), 401, cause)
    expect(naru, lambda: post(naru, "std", good["body"].replace("c1", "c2"), good["headers"]), 401, "signature")
    many = {**good["headers"], "webhook-signature": "v1,AAAA " + good["headers"]["webhook-signature"]}
    expect(naru, lambda: post(naru, "std", good["body"], many), 200)
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        less = {k: v for k, v in good["headers"].items() if k != name}
        expect(naru, lambda: post(naru, "std", good["body"], less), 401, "unsigned")


def test_an_event_without_a_map_is_told_what_is_wrong_with_it(naru):
    answer = post(naru, "open", [{"id": "p1", "txet": "x"}, {"id": "p2", "text": ""}])
    assert answer.status == 422 and "event 1" in answer.json["detail"] and '"text"' in answer.json["detail"]
    assert post(naru, "open", {"id": "p1", "text": "x", "account": "hm"}).status == 422  # another account is not its to name
    assert post(naru, "open", b"{").status == 400
    assert post(naru, "open", "a=b", {"Content-Type": "text/csv"}).status == 415


def test_a_signed_time_must_be_near(naru):
    def send(at, key=b"a key", body=b'{"id":"t1","text":"x"}'):
        sign = base64.b64encode(mac(f"{at}:".encode() + body, key, hashlib.sha512)).decode()
        return post(naru, "ts", body, {"X-Sig": sign, "X-At": str(at)})

    now = int(time.time())
    expect(naru, lambda: send(now), 200)
    expect(naru, lambda: send(now - 400), 401, "timestamp")
    expect(naru, lambda: send(now, b"other"), 401, "signature")
    expect(naru, lambda: send("soon"), 400, "malformed")


def test_a_shared_token_stands_in_a_header_or_in_the_query(naru):
    body = {"id": "k1", "text": "x"}
    expect(naru, lambda: post(naru, "tok", "MessageId=1&From=Kim&Subject=%EC%95%88%EB%85%95&Body=hello",
                      {"X-Token": "a key", "Content-Type": "application/x-www-form-urlencoded"}), 200)
    expect(naru, lambda: post(naru, "tok", body), 401, "unsigned")
    expect(naru, lambda: post(naru, "tok", body, {"X-Token": "a kez"}), 401, "signature")
    expect(naru, lambda: post(naru, "key", body, query="?a=b&key=a key".replace(" ", "%20")), 401)  # it is compared as it stands
    expect(naru, lambda: post(naru, "key", body), 401, "unsigned")


def test_a_jwt_is_hs256_and_ends(naru):
    body = json.dumps({"id": "j1", "text": "x"})
    digest = hashlib.sha256(body.encode()).hexdigest()
    now = int(time.time())
    fine = {"payload_hash": digest}
    asks = [({**fine}, "a key", {"expiresIn": 60}), ({**fine}, "a key", {}), ({**fine, "exp": now - 3600}, "a key", {}),
            ({**fine, "nbf": now + 3600}, "a key", {}), ({**fine, "iat": now - 3600}, "a key", {}),
            ({"payload_hash": "0" * 64}, "a key", {}), ({}, "a key", {}), ({**fine}, "other", {}),
            ({**fine}, "a key", {"algorithm": "HS512"}), ({**fine}, "a key", {"noTimestamp": True})]
    made = json.loads(node("generic.mjs", input={"jwt": [{"claims": c, "secret": s, "options": o, "body": body} for c, s, o in asks]}))
    wanted = [200, 200, 401, 401, 401, 401, 401, 401, 401, 401]
    assert [post(naru, "jw", m["body"], m["headers"]).status for m in made["jwt"]] == wanted
    head, claims, sign = made["jwt"][0]["headers"]["authorization"].split()[1].split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    for token in (f"{none}.{claims}.", f"{none}.{claims}.{sign}", f"{head}.{claims}", "a.b.c", "...", "x" * 9000):
        assert post(naru, "jw", body, {"Authorization": f"Bearer {token}"}).status == 401


# ---- challenges ----


def test_challenges_are_answered(naru):
    answer = naru.get("/v1/channels/hm?crc_token=MDA5ZjVk&nonce=1", token="")
    # the first live secret signs
    wanted = base64.b64encode(mac(b"MDA5ZjVk", b"whsec_bmV3bmV3bmV3bmV3bmV3bmV3")).decode()
    assert answer.status == 200 and answer.json == {"response_token": "sha256=" + wanted}
    # what could be a body is not signed for strangers
    for value in ('{"entry":[]}', "a=b", "x" * 600):
        assert naru.get(f"/v1/channels/hm?crc_token={urllib.parse.quote(value)}", token="").status == 400
    assert naru.get("/v1/channels/hm", token="").status == 400
    assert naru.get("/v1/channels/open", token="").status == 401
    headers = {"X-Token": "a key"}
    assert post(naru, "tok", {"challenge": "abc", "word": "the-word"}, headers).json == {"challenge": "abc"}
    expect(naru, lambda: post(naru, "tok", {"challenge": "abc", "word": "guess"}, headers), 403, "challenge")
    assert post(naru, "tok", {"challenge": "abc", "word": "the-word"}).status == 401


# ---- mappings ----


def signed(naru, body):
    raw = json.dumps(body, ensure_ascii=False).encode()
    return post(naru, "hm", raw, {"X-Sig": "sha256=" + mac(raw).hex()})


def message(number, **more):
    return {"id": f"h{number}", "type": "text", "from": {"id": "kim"}, "room": {"id": 7}, "body": "hello", **more}


def test_items_go_to_the_first_rule_that_takes_them_and_the_rest_is_counted(naru):
    before, unmapped, empty, inexact = accepted(naru), skipped(naru, "unmapped"), skipped(naru, "no_text"), skipped(naru, "inexact_number")
    body = {"names": {"kim": "김"}, "entry": [
        {"messages": [message(1), message(2, type="image/png", body=None, caption="사진"), message(3, **{"from": {"id": "us"}})]},
        {"messages": [message(4, type="video"), message(5, body=""), {"id": "h6", "type": "hangup", "from": {"id": "kim"}}]},
        {"messages": "no list"}, {}, 7,
        {"messages": [message(7, room={"id": 12345678901234567890}), None, [], message(1)]}]}
    assert signed(naru, body).status == 200
    assert accepted(naru) == before + 4  # 1, 2, 6, 7; 1 once
    assert skipped(naru, "unmapped") == unmapped + 4 and skipped(naru, "no_text") == empty + 1
    assert skipped(naru, "inexact_number") == inexact + 1
    for strange in ({}, [], {"entry": {}}, "text", 7):
        assert signed(naru, strange).status == 200
    assert accepted(naru) == before + 4


def test_a_thousand_of_one_body_come_in_and_more_do_not(naru):
    before = accepted(naru)
    items = [message(1000 + i) for i in range(1001)]
    expect(naru, lambda: signed(naru, {"entry": [{"messages": items}]}), 413, "batch")
    assert accepted(naru) == before
    assert signed(naru, {"entry": [{"messages": items[:1000]}]}).status == 200
    assert accepted(naru) == before + 1000
    assert post(naru, "open", b'"' + b"x" * (3 << 20) + b'"').status == 413


def curl(naru, account, *args):
    """A form that curl makes, with a boundary of its own each time."""
    said = subprocess.run(["curl", "-sS", "-w", "%{http_code}", f"http://127.0.0.1:{naru.port}/v1/channels/{account}", *args],
                          capture_output=True, text=True, check=True).stdout
    return int(said[-3:]), said[:-3]


def test_multipart_forms_of_curl_come_in_by_their_fields_and_files(naru, tmp_path):
    (tmp_path / "cup.png").write_bytes(bytes(range(256)) * 400)
    envelope = json.dumps({"to": ["help@shop.example"], "from": "kim@x.example"})
    form = ["-F", "from=Kim <kim@x.example>", "-F", f"envelope={envelope}", "-F", "subject=컵", "-F", "text=컵이 깨졌어요",
            "-F", f"attachment1=@{tmp_path}/cup.png"]
    before, again = accepted(naru), duplicates(naru)
    assert curl(naru, "mail?key=guess", *form)[0] == 401
    assert curl(naru, "mail?key=the-word", *form)[0] == 200
    assert curl(naru, "mail?key=the-word", *form)[0] == 200  # another boundary: the same mail
    assert accepted(naru) == before + 1 and duplicates(naru) == again + 1
    wrong = ["-H", "Content-Type: multipart/form-data; boundary=other", "--data-binary", "--one\r\n\r\nx\r\n--one--\r\n"]
    status, said = curl(naru, "mail?key=the-word", *wrong)
    assert status == 400 and "boundary" in json.loads(said)["detail"]
    assert curl(naru, "open", *form)[0] == 415  # without a map a body is JSON


def bad_items(naru, cause):
    return naru.metric(f'naru_channel_bad_items_total{{process="router-1",cause="{cause}"}}')


def duplicates(naru):
    return naru.metric('naru_events_total{process="router-1",result="duplicate"}')


def cloudevent(id, **more):
    return {"specversion": "1.0", "id": id, "source": "/batch", "type": "t", "data": {"text": "x", "customer": "c1"}, **more}


def test_bad_items_of_a_thousand_are_left_out_and_a_repetition_is_all_duplicates(naru):
    batches = {"open": [{"id": f"b{i}", "text": "x", "customer": "c1"} for i in range(1000)], "ce": [cloudevent(f"b{i}") for i in range(1000)]}
    for account, items in batches.items():
        items[3], items[500], items[999] = {**items[3], "kidn": 1}, None, {**items[999], "id": ""}
        raw = json.dumps(items)
        headers = {}
        if account == "ce":
            (sent,) = json.loads(standard({"secret": WHSEC, "id": "m1", "body": raw}))["standard"]
            headers = {**sent["headers"], "content-type": "application/cloudevents-batch+json"}
        bad = 2 if account == "ce" else 3  # to a CloudEvent "kidn" is an extension
        before, again, typed = accepted(naru), duplicates(naru), bad_items(naru, "type")
        assert post(naru, account, raw, headers).status == 200
        assert accepted(naru) == before + 1000 - bad
        assert post(naru, account, raw, headers).status == 200
        assert accepted(naru) == before + 1000 - bad and duplicates(naru) == again + 1000 - bad
        assert bad_items(naru, "type") >= typed + 2
    log = "".join(p.read_text() for p in (naru.folder / "data" / "log").glob("router*.log"))
    assert "account=open cause=unknown_key items=4,501,1000 bad=3 taken=997" in log and "account=ce" in log and "items=501,1000" in log


def test_a_batch_of_cloudevents_at_the_api_is_answered_item_by_item(naru):
    items = [cloudevent(f"api{i}") for i in range(100)]
    items[0], items[42] = 7, {**items[42], "specversion": "0.3"}
    sent = {"headers": {"content-type": "application/cloudevents-batch+json"}, "body": json.dumps(items)}
    for duplicate in (False, True):
        answer = put(naru, sent)
        assert answer.status == 200, answer.text
        results = answer.json["results"]
        assert len(results) == 100 and [i for i, r in enumerate(results) if "problem" in r] == [0, 42]
        assert "0.3" in results[42]["problem"]["detail"] and {r["duplicate"] for r in results if "event" in r} == {duplicate}
    all_bad = put(naru, {**sent, "body": json.dumps([7, {}])})
    assert all_bad.status == 200 and [r["problem"]["status"] for r in all_bad.json["results"]] == [422, 422]
    assert put(naru, {**sent, "body": json.dumps(items)[:-1]}).status == 400


def test_the_examples_make_events_of_their_bodies(naru):
    wanted = {"x": ("x-dm", "3001969357", "주문한"), "zendesk": ("zendesk", "5158", "이틀 전에"), "chatwoot": ("chatwoot", "1/902", "배송지를"),
              "sangdamtalk": ("sangdamtalk", "Xj1bW5wlE5SR", "카드 결제가"),
              "mailparser": ("mailparser", "minji.kim@customer.example", "컵이 깨져서")}
    assert sorted(p.stem for p in EXAMPLES.glob("*.yaml")) == sorted(wanted)
    for name, (account, conversation, text) in wanted.items():
        check = subprocess.run([NARU, "check", EXAMPLES / f"{name}.yaml"], capture_output=True, text=True)
        assert check.returncode == 0 and "0 warnings" in check.stdout, check.stdout
        got = subprocess.run([NARU, "check", EXAMPLES / f"{name}.yaml", "--try", account, "--body",
                              EXAMPLES / (f"{name}.json" if (EXAMPLES / f"{name}.json").exists() else f"{name}.form")],
                             capture_output=True, text=True)
        event = json.loads(got.stdout.splitlines()[0])
        assert (event["account"], event["conversation"]) == (account, conversation) and event["text"].startswith(text)
        assert got.returncode == 0 and ("skipped" in got.stdout) == (name == "x")


def test_mistakes_in_a_mapping_are_told_with_their_place(tmp_path):
    text = (EXAMPLES / "x.yaml").read_text()
    for old, new, say in (("signature: { kind: hmac", "signature: { kind: hmca", 'did you mean "hmac"?'),
                          ("$body.users", "$bdoy.users", 'did you mean "$body"?'),
                          ("text: message_create.message_data.text", "text: message_create..text", "a name is missing"),
                          ("conversation: message_create", "conversatoin: message_create", 'did you mean "conversation"?'),
                          ("with/{customer}/", "with/{custommer}/", 'did you mean "customer"?'),
                          ("https://api.x.com/2", "https://{customer}/2", "the host cannot be filled in"),
                          ("header: x-twitter-webhooks-signature, ", "", 'needs "header"'),
                          ('"direct_message_events[]"', "direct_message_events", "names no list"),
                          ("secret: env:X_CONSUMER_SECRET", "", '"secret" is missing'),
                          ("text: \"{text}\" }", "text: \"{text\" }", "a brace stands alone"),
                          ("provider: generic", "provider: line", "is for accounts of the provider generic")):
        assert old in text
        (tmp_path / "p.yaml").write_text(text.replace(old, new))
        got = subprocess.run([NARU, "check", tmp_path / "p.yaml"], capture_output=True, text=True)
        assert got.returncode == 1 and say in got.stdout, (new, got.stdout)


# ---- replies ----


def written(naru, ann, room, text, trace):
    """A customer writes from that room and is answered; the answer's message as it ended."""
    asked = post(naru, "out", {"id": f"w-{room}", "from": "kim/1", "room": room, "text": "언제 와요?"}, {"X-Token": "a key", "traceparent": trace})
    assert asked.status == 200, asked.text
    offer = ann.hear("offer", account="out")
    ticket = f"/v1/tickets/{offer['ticket']}"
    token = naru.post(f"{ticket}/accept", {"agent": "ann", "token": offer["token"]}).json["token"]
    answer = naru.post(f"{ticket}/messages", {"agent": "ann", "token": token, "text": text})
    assert answer.status == 200, answer.text

    def ended():
        (mine,) = [m for m in naru.get(f"{ticket}/messages").json["messages"] if m["id"] == answer.json["message"]]
        return mine if mine["state"] not in ("queued", "sending") else None
    message = wait_for("the end of the message", ended)
    assert naru.post(f"{ticket}/resolve", {"agent": "ann", "token": token, "reason": "over"}).status == 200
    return message


def test_a_reply_is_sent_as_the_policy_describes(naru):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    text = '내일 "오전"에 갑니다\n{customer}\\'
    naru.call("PUT", "/v1/agents/ann", {"skills": {"talk": 5}, "capacity": 100000})
    with naru.agent("ann") as ann:
        message = written(naru, ann, "r 7/?", text, f"00-{trace}-00f067aa0ba902b7-01")
        assert (message["state"], message["by"]) == ("sent", "ann")
        (path, headers, body), = [h for h in Receiver.heard if "closed" not in h[0]]
        assert path == "/rooms/r%207%2F%3F/messages?to=kim%2F1" and body == {"text": text, "from": "ann"}
        assert headers["Authorization"] == "Bearer the-word" and headers["traceparent"].split("-")[1] == trace
        message = written(naru, ann, "closed", "hello", "none")
        assert message["state"] == "failed" and "400" in message["why"]
        _, headers, _ = Receiver.heard[-1]
        assert "traceparent" not in headers


# ---- CloudEvents ----


def cloudevents(*asked):
    return json.loads(node("generic.mjs", input={"cloudevents": list(asked)}))["cloudevents"]


def put(naru, sent, path="/v1/events?account=load"):
    headers = {k: urllib.parse.quote(v, safe=" /;=+,:-.\"'") for k, v in sent["headers"].items()}
    return naru.call("POST", path, raw=sent["body"].encode(), headers=headers)


def test_cloudevents_of_their_own_package_come_in_by_every_mode(naru):
    def make(id, **more):
        return {"source": "/shop/7", "id": id, "type": "shop.asked", "subject": "주문", "data": {"text": "배송 언제 와요", "customer": "c9"}, **more}

    sent = cloudevents({"mode": "binary", "events": [make("1")]}, {"mode": "structured", "events": [make("1")]},
                       {"mode": "batch", "events": [make("1"), make("2"), make("3", source="/shop/8")]},
                       {"mode": "binary", "events": [make("4", data="그냥 글", datacontenttype="text/plain")]},
                       {"mode": "structured", "events": [make("5", account="hm")]})
    first, second, batch, text, elsewhere = [put(naru, s) for s in sent]
    assert first.status == 202 and not first.json["duplicate"]
    assert second.status == 202 and second.json == {**first.json, "duplicate": True}
    assert [r["duplicate"] for r in batch.json["results"]] == [True, False, False]
    assert text.status == 202
    # its identity is source and id, within the account
    assert naru.event("/shop/7 1", account="load").json == second.json
    assert naru.event("/shop/7 5", account="hm").json == {**elsewhere.json, "duplicate": True}


def test_a_cloudevent_that_is_none_is_told_why(naru):
    good = {"specversion": "1.0", "id": "9", "source": "/s", "type": "t", "data": {"text": "x"}}
    kind = "application/cloudevents+json"
    for change, say in (({"specversion": "0.3"}, "version 1.0"), ({"source": ""}, '"source"'), ({"id": None}, '"id"'), ({"type": 7}, '"type"'),
                        ({"data": [1]}, '"data"'), ({"data_base64": "eA=="}, "exclude"), ({"time": "today"}, '"time"'),
                        ({"Big": "x"}, "lower-case"), ({"data": {"txet": "x"}}, '"text"')):
        answer = put(naru, {"headers": {"content-type": kind}, "body": json.dumps({**good, **change})})
        assert answer.status == 422 and say in answer.json["detail"], (change, answer.text)
    coded = {**good, "data": None, "data_base64": base64.b64encode(b'{"text":"in base64"}').decode()}
    del coded["data"]
    assert put(naru, {"headers": {"content-type": kind}, "body": json.dumps(coded)}).status == 202
    # a body cannot add members to its envelope
    bad = put(naru, {"headers": {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}, "body": '{},"source":"/x"'})
    assert bad.status == 400


def test_cloudevents_by_webhook_are_signed(naru):
    event = json.dumps({"specversion": "1.0", "id": "w1", "source": "/s", "type": "t", "data": {"text": "x"}})
    (sent,) = json.loads(standard({"secret": WHSEC, "id": "m1", "body": event}))["standard"]
    headers = {**sent["headers"], "content-type": "application/cloudevents+json"}
    before = accepted(naru)
    assert post(naru, "ce", event, headers).status == 200 and accepted(naru) == before + 1
    assert post(naru, "ce", event, {**headers, "webhook-id": "m2"}).status == 401
    assert post(naru, "ce", event, sent["headers"]).status == 415  # signed, and plain JSON
    binary = {**sent["headers"], "content-type": "application/cloudevents+json", "webhook-timestamp": "1"}
    assert post(naru, "ce", event, binary).status == 401
