"""Meta, LINE, Slack, Telegram and Kakao at a real Naru: right and every way of wrong. LINE's signatures are judged by LINE's own SDK
beside us; the others are signed here, from the providers' documentation, as the unit tests' vectors are."""
import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import tempfile
import threading
import time
import urllib.parse

import pytest
from conftest import Naru, node, wait_for

POLICY = """
naru: 1
workspace: talk
channels: {{ messenger: {{ cost: 1 }}, whatsapp: {{ cost: 1 }}, line: {{ cost: 1 }}, slack: {{ cost: 1 }}, telegram: {{ cost: 1 }}, kakao: {{ cost: 1 }} }}
accounts:
  fb: {{ channel: messenger, provider: meta, secret: ["file:{f}/new", "file:{f}/old"], verify: "file:{f}/word", id: "P1",
         token: "file:{f}/token", api: "{api}/v1" }}
  wa: {{ channel: whatsapp, provider: meta, secret: "file:{f}/other", verify: "file:{f}/word", id: "123456123",
         token: "file:{f}/token", api: "{api}/v1" }}
  ln: {{ channel: line, provider: line, secret: ["file:{f}/new", "file:{f}/old"], id: "Udest", token: "file:{f}/token", api: "{api}" }}
  sl: {{ channel: slack, provider: slack, secret: ["file:{f}/new", "file:{f}/old"], id: "T1", token: "file:{f}/token", api: "{api}" }}
  tg: {{ channel: telegram, provider: telegram, secret: ["file:{f}/new", "file:{f}/old"], token: "file:{f}/token", api: "{api}" }}
  kk: {{ channel: kakao, provider: kakao, secret: ["file:{f}/new", "file:{f}/old"], id: "bot1", receipt: received }}
  cb: {{ channel: kakao, provider: kakao, secret: "file:{f}/new", api: "{api}" }}
texts:
  received: {{ ko: "접수했습니다.", en: "Received." }}
queues:
  desk: {{ takes: default }}
agents:
  ann: {{ skills: {{ talk: 5 }}, capacity: 1000 }}
"""
WORDS = {"new": "the new secret", "old": "the old secret", "other": "another account's", "word": "open sesame", "token": "12:ab-c"}


@pytest.fixture(scope="module")
def api():
    """All their APIs in one: what was asked, in order, as (path, headers, body); `answers` says what of a path: (status, body)."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.asked.append((self.path, self.headers, body))
            status, out = server.answers.get(self.path, (200, {}))
            out = json.dumps(out).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(out)))
            self.end_headers()
            self.wfile.write(out)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.asked, server.answers = [], {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def naru(api):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="naru-messengers-"))
    for name, text in WORDS.items():
        (folder / name).write_text(text + "\n")
    (folder / "policy.yaml").write_text(POLICY.format(f=folder, api=f"http://127.0.0.1:{api.server_port}"))
    n = Naru(folder, policy=folder / "policy.yaml")
    yield n
    n.stop()
    assert not n.faults()


def mac(secret, data):
    return hmac.new(secret.encode(), data, hashlib.sha256)


def as_meta(raw, secret, **_):
    return {"X-Hub-Signature-256": "sha256=" + mac(secret, raw).hexdigest()}


def as_line(raw, secret, **_):
    return {"X-Line-Signature": base64.b64encode(mac(secret, raw).digest()).decode()}


def as_slack(raw, secret, at=None, **_):
    at = str(int(time.time()) if at is None else at)
    return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": "v0=" + mac(secret, f"v0:{at}:".encode() + raw).hexdigest()}


def as_telegram(raw, secret, **_):
    return {"X-Telegram-Bot-Api-Secret-Token": secret}


def as_kakao(raw, secret, **_):
    return {"X-Naru-Token": secret}


def page(text, id, user="U1", page="P1"):
    return {"object": "page", "entry": [{"id": page, "time": 1, "messaging": [
        {"sender": {"id": user}, "recipient": {"id": page}, "timestamp": 1458692752478, "message": {"mid": id, "text": text}}]}]}


def line(text, id, user="U2"):
    return {"destination": "Udest", "events": [{"type": "message", "mode": "active", "webhookEventId": id, "replyToken": "r",
                                                "timestamp": 1462629479859, "source": {"type": "user", "userId": user},
                                                "deliveryContext": {"isRedelivery": False},
                                                "message": {"id": "1", "type": "text", "text": text}}]}


def slack(text, id):
    return {"type": "event_callback", "team_id": "T1", "api_app_id": "A1", "event_id": "Ev" + id, "event": {
        "type": "message", "channel": "D1", "channel_type": "im", "user": "U3", "text": text, "ts": id}}


def telegram(text, id):
    return {"update_id": int(id), "message": {"message_id": 1, "date": 1441645532, "text": text, "chat": {"id": 4, "type": "private"},
                                              "from": {"id": 4, "is_bot": False, "first_name": "Kim"}}}


def kakao(text, id, user="U5"):
    return {"userRequest": {"utterance": text, "user": {"id": user}, "lang": "kr", "callbackUrl": f"https://bot-api.kakao.com/v1/{id}"},
            "bot": {"id": "bot1"}, "action": {"params": {}}}


# account → how it signs, a message of it, bodies of kinds that are none of ours, the limit of a body
DOORS = {
    "fb": (as_meta, page, [page("x", "1", page="P2"), {"object": "page", "entry": [{"id": "P1", "messaging": [{"read": {}}]}]},
                           {"object": "of tomorrow", "entry": []}], 3 << 20),
    "ln": (as_line, line, [{"destination": "Udest", "events": [{"type": "follow"}, {"type": "of tomorrow"}]}], 1 << 20),
    "sl": (as_slack, slack, [{"type": "of tomorrow"}, {**slack("x", "1.1"), "team_id": "T2"},
                             {"type": "event_callback", "team_id": "T1", "event": {"type": "of tomorrow"}}], 1 << 20),
    "tg": (as_telegram, telegram, [{"update_id": 1, "edited_message": {}}, {"update_id": 2, "of tomorrow": {}}], 256 << 10),
    "kk": (as_kakao, kakao, [], 256 << 10),
}
doors = pytest.mark.parametrize("account", DOORS)


def send(naru, account, body, secret=WORDS["new"], alter=None, type="application/json", path="", **kw):
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    headers = DOORS[account][0](raw, secret, **kw) if secret else {}
    return naru.call("POST", f"/v1/channels/{account}{path}", raw=alter or raw, token="", headers={"Content-Type": type, **headers})


def counted(naru, name, label):
    return naru.metric(f'naru_{name}{{process="router-1",{label}}}')


def accepted(naru):
    return counted(naru, "events_total", 'result="accepted"')


@doors
def test_a_message_is_one_event_however_often_it_comes(naru, account):
    message = DOORS[account][1]("안녕하세요 hello", "1001")
    before = accepted(naru)
    for secret in ("new", "new", "old"):
        assert send(naru, account, message, secret=WORDS[secret]).status == 200
    assert accepted(naru) == before + 1


@doors
def test_what_the_provider_did_not_sign_is_refused_and_counted(naru, account):
    sign, make, _, most = DOORS[account]
    message, before = make("never", "1002"), accepted(naru)
    raw = json.dumps(message).encode()
    altered = raw.replace(b"never", b"fever") if sign not in (as_telegram, as_kakao) else None
    wrong = [("unsigned", 401, {"secret": None}), ("signature", 401, {"secret": "a guess"}),
             ("signature", 401, {"secret": WORDS["other"]})]
    if altered:
        wrong.append(("signature", 401, {"alter": altered}))
    if sign is as_slack:
        wrong += [("timestamp", 401, {"at": int(time.time()) - 400}), ("timestamp", 401, {"at": int(time.time()) + 400}),
                  ("content_type", 415, {"type": "text/plain"})]
    for cause, status, how in wrong:
        count = counted(naru, "channel_refused_total", f'cause="{cause}"')
        assert send(naru, account, raw, **how).status == status, (cause, how)
        assert counted(naru, "channel_refused_total", f'cause="{cause}"') == count + 1
    for broken in (b"", b"{", b"[]", b"null", b'{"a":1}', raw[:-1], raw + b"x"):
        assert send(naru, account, broken).status == 400, broken
    assert send(naru, account, b" " * (most + 1)).status == 413
    assert accepted(naru) == before
    assert send(naru, account, b" " * (most - len(raw)) + raw).status == 200  # as long as it may be
    assert accepted(naru) == before + 1


@doors
def test_kinds_that_are_none_of_ours_are_taken_and_counted(naru, account):
    before = accepted(naru)
    for body in DOORS[account][2]:
        count = naru.metric("naru_channel_skipped_total")
        assert send(naru, account, body).status == 200
        assert naru.metric("naru_channel_skipped_total") > count, body
    assert accepted(naru) == before


def test_meta_confirms_an_address_to_who_knows_the_word(naru):
    def ask(word, mode="subscribe"):
        query = urllib.parse.urlencode({"hub.mode": mode, "hub.challenge": "1158201444", "hub.verify_token": word})
        return naru.call("GET", f"/v1/channels/fb?{query}", token="")
    good = ask(WORDS["word"])
    assert (good.status, good.text) == (200, "1158201444")
    assert good.headers["Content-Type"].startswith("text/plain")
    assert ask("another").status == 403
    assert ask(WORDS["word"], "unsubscribe").status == 400


def test_a_batch_of_a_thousand_is_taken_whole_and_a_larger_one_not_at_all(naru):
    def batch(first, n):
        talks = [{"sender": {"id": f"B{i % 5}"}, "timestamp": 1, "message": {"mid": f"b{first + i}", "text": "x"}} for i in range(n)]
        return {"object": "page", "entry": [{"id": "P1", "messaging": talks[:n // 2]}, {"id": "P1", "messaging": talks[n // 2:]}]}
    before = accepted(naru)
    assert send(naru, "fb", batch(0, 1001)).status == 413
    assert accepted(naru) == before
    assert send(naru, "fb", batch(0, 1000)).status == 200
    assert accepted(naru) == before + 1000
    assert send(naru, "fb", batch(500, 1000)).status == 200  # half of it came before
    assert accepted(naru) == before + 1500


def test_whatsapp_knows_its_number_and_the_customers_name(naru):
    def message(number, id):
        return {"object": "whatsapp_business_account", "entry": [{"id": "0", "changes": [{"field": "messages", "value": {
            "messaging_product": "whatsapp", "metadata": {"phone_number_id": number},
            "contacts": [{"profile": {"name": "Lee Jen"}, "wa_id": "16315551181"}],
            "messages": [{"from": "16315551181", "id": id, "timestamp": "1504902988", "type": "text", "text": {"body": "hi"}}],
            "statuses": [{"id": "w", "status": "delivered"}]}}]}]}
    before, raw = accepted(naru), json.dumps(message("123456123", "w1")).encode()
    for raw in (raw, json.dumps(message("999", "w2")).encode()):
        assert naru.call("POST", "/v1/channels/wa", raw=raw, token="", headers=as_meta(raw, WORDS["other"])).status == 200
    assert accepted(naru) == before + 1
    assert counted(naru, "channel_skipped_total", 'what="delivered"') == 1


def test_line_and_its_own_sdk_agree_on_signatures(naru):
    secret, empty = WORDS["new"], '{"destination":"Udest","events":[]}'  # the console's "Verify"
    good = as_line(empty.encode(), secret)["X-Line-Signature"]
    cases = [(empty, good), (empty + " ", good), (empty, good[:-2] + "A="), (empty, as_line(empty.encode(), "x")["X-Line-Signature"]),
             (empty.replace("[", "[ "), good), (empty, "nonsense")]
    theirs = json.loads(node("line.mjs", input=[{"body": b, "secret": secret, "signature": s} for b, s in cases]))
    assert theirs == [True] + [False] * 5
    for (body, signature), right in zip(cases, theirs):
        answer = naru.call("POST", "/v1/channels/ln", raw=body.encode(), token="", headers={"X-Line-Signature": signature})
        assert answer.status == (200 if right else 401), (body, signature)
    assert send(naru, "ln", {"destination": "Uother", "events": []}).status == 403


def test_slack_hears_its_challenge_and_forms_are_signed_as_events_are(naru):
    answer = send(naru, "sl", {"type": "url_verification", "token": "t", "challenge": "3eZbrw1a"})
    assert (answer.status, answer.text) == (200, "3eZbrw1a")
    form, before = "application/x-www-form-urlencoded", accepted(naru)
    command = b"team_id=T1&command=%2Fhelp&text=refund+please&channel_id=C1&user_id=U1&user_name=ann&trigger_id=1.2.3"
    button = urllib.parse.urlencode({"payload": json.dumps({
        "type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U1"}, "channel": {"id": "D9"},
        "actions": [{"action_id": "a", "text": {"text": "Yes"}, "action_ts": "9.1"}]})}).encode()
    for body in (command, button):
        assert send(naru, "sl", body, type=form).status == 200
        assert send(naru, "sl", body, type=form, alter=body + b"&x=y").status == 401
    assert send(naru, "sl", b"a=b", type=form).status == 400
    assert accepted(naru) == before + 2


def test_a_pressed_button_of_telegram_is_answered(naru):
    answer = send(naru, "tg", {"update_id": 77, "callback_query": {"id": "q1", "from": {"id": 4}, "data": "yes",
                                                                   "message": {"message_id": 1, "chat": {"id": 4}}}})
    assert answer.json == {"method": "answerCallbackQuery", "callback_query_id": "q1"}


def test_kakao_reads_its_answer_in_the_body(naru):
    callback = send(naru, "kk", kakao("환불", "cb1")).json
    assert callback["version"] == "2.0" and callback["useCallback"] is True and callback["data"]["text"] == "접수했습니다."
    plain = kakao("환불", "x")
    del plain["userRequest"]["callbackUrl"]
    answer = send(naru, "kk", plain).json
    assert answer["template"]["outputs"][0]["simpleText"]["text"]
    away = kakao("환불", "x")
    away["userRequest"]["callbackUrl"] = "http://127.0.0.1:6379/"
    assert "useCallback" not in send(naru, "kk", away).json
    assert counted(naru, "channel_skipped_total", 'what="callback_address"') == 1
    other = kakao("환불", "y")
    other["bot"]["id"] = "bot2"
    assert send(naru, "kk", other).status == 403


def test_agents_see_who_wrote_what_and_where(naru):
    update = telegram("무엇이든", "2001")
    update["message"].update({"chat": {"id": 40}, "from": {"id": 40, "first_name": "Lee"}})
    with naru.agent("ann") as ann:
        assert send(naru, "tg", update).status == 200
        offer = ann.hear("offer", account="tg", name="Lee")
        assert (offer["channel"], offer["messages"][0]["text"]) == ("telegram", "무엇이든")


def talk(naru, ann, account, body, **kw):
    """What was written ("hi" and a word of its own), in the agent's hands: reply(text) → what became of it."""
    assert send(naru, account, body, **kw).status == 200
    offer = None
    while not offer or json.dumps(offer["messages"][0]["text"]) not in json.dumps(body):
        offer = ann.hear("offer", account=account)  # of other tests' customers, too
    held = ann.act("accept", ticket=offer["ticket"], token=offer["token"])
    assert held["status"] == 200, held

    def reply(text):
        said = ann.act("reply", ticket=offer["ticket"], token=held["token"], text=text)
        assert said["status"] == 200, said
        return ann.hear("message_state", ticket=offer["ticket"], message=said["message"])
    return reply


def test_replies_reach_each_provider_in_its_own_form(naru, api):
    whatsapp = {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": {
        "metadata": {"phone_number_id": "123456123"},
        "messages": [{"from": "8210", "id": "r1", "type": "text", "text": {"body": "hi wa"}}]}}]}]}
    thread = {"type": "event_callback", "team_id": "T1", "event": {"type": "message", "channel": "C7", "channel_type": "channel",
                                                                   "user": "U3", "text": "hi sl", "ts": "7.7"}}
    topic = {"update_id": 3001, "message": {"message_id": 1, "text": "hi tg", "chat": {"id": -100}, "from": {"id": 9, "first_name": "Q"},
                                            "is_topic_message": True, "message_thread_id": 5}}
    callback = kakao("hi cb", "x", user="R5")
    callback["userRequest"]["callbackUrl"] = f"http://127.0.0.1:{api.server_port}/cb/1"
    api.answers.update({
        "/v1/me/messages": (200, {"message_id": "m_1"}), "/v1/123456123/messages": (200, {"messages": [{"id": "wamid.1"}]}),
        "/chat.postMessage": (200, {"ok": True, "ts": "8.8"}), "/bot12:ab-c/sendMessage": (200, {"ok": True, "result": {"message_id": 2}}),
        "/cb/1": (200, {"status": "SUCCESS", "taskId": "t"})})
    bearer, text = "Bearer 12:ab-c", "네 <곧> & \"바로\""
    cases = [
        ("fb", page("hi fb", "r2", user="R1"), "/v1/me/messages", bearer,
         {"recipient": {"id": "R1"}, "messaging_type": "RESPONSE", "message": {"text": text}}),
        ("wa", whatsapp, "/v1/123456123/messages", bearer,
         {"messaging_product": "whatsapp", "recipient_type": "individual", "to": "8210", "type": "text",
          "text": {"preview_url": False, "body": text}}),
        ("ln", line("hi ln", "r3", user="R2"), "/v2/bot/message/reply", bearer, {"replyToken": "r", "messages": [{"type": "text", "text": text}]}),
        ("sl", thread, "/chat.postMessage", bearer,
         {"channel": "C7", "thread_ts": "7.7", "mrkdwn": False, "text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}),
        ("tg", topic, "/bot12:ab-c/sendMessage", None, {"chat_id": -100, "message_thread_id": 5, "text": text}),
        ("cb", callback, "/cb/1", None, {"version": "2.0", "template": {"outputs": [{"simpleText": {"text": text}}]}}),
    ]
    DOORS["wa"], DOORS["cb"] = DOORS["fb"], DOORS["kk"]
    with naru.agent("ann") as ann:
        for account, body, path, auth, sent in cases:
            reply = talk(naru, ann, account, body, secret=WORDS["other" if account == "wa" else "new"])
            assert reply(text)["cause"] == "sent"
            asked, headers, got = api.asked[-1]
            assert (asked, headers.get("Authorization"), got) == (path, auth, sent)
            if account == "ln":  # the token is used: what comes next is pushed
                assert reply("more")["cause"] == "sent"
                asked, headers, got = api.asked[-1]
                assert (asked, got["to"], len(headers["X-Line-Retry-Key"])) == ("/v2/bot/message/push", "R2", 36)
            if account == "cb":  # the callback is used: the agent hears that nothing more will arrive
                before = len(api.asked)
                assert reply("more")["cause"] == "failed"
                assert len(api.asked) == before


def test_what_whatsapp_says_of_our_message_reaches_the_agent(naru, api):
    def value(**more):
        return {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": {
            "metadata": {"phone_number_id": "123456123"}, **more}}]}]}
    api.answers["/v1/123456123/messages"] = (200, {"messages": [{"id": "wamid.7"}]})
    DOORS["wa"] = DOORS["fb"]
    with naru.agent("ann") as ann:
        said = {"from": "8277", "id": "r7", "type": "text", "text": {"body": "hi state"}}
        assert talk(naru, ann, "wa", value(messages=[said]), secret=WORDS["other"])("hello")["cause"] == "sent"
        for state in ("sent", "delivered"):
            assert send(naru, "wa", value(statuses=[{"id": "wamid.7", "status": state}]), secret=WORDS["other"]).status == 200
        ann.hear("message_state", cause="delivered")


def test_a_refusal_is_told_to_the_agent_and_no_token_to_the_log(naru, api):
    api.answers["/v1/me/messages"] = (400, {"error": {"code": 10, "error_subcode": 2018278, "message": "outside"}})
    with naru.agent("ann") as ann:
        reply = talk(naru, ann, "fb", page("hi late", "r8", user="R8"))
        said = reply("late")
        assert said["cause"] == "failed" and "window" in json.dumps(said), said
    wait_for("the log", lambda: (naru.folder / "up.log").stat().st_size)
    assert "12:ab-c" not in (naru.folder / "up.log").read_text()
