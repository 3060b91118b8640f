"""Replies out: real senders against a provider of the tests' own, which takes, refuses, hangs up, and remembers what it got."""
import http.server
import json
import os
import pathlib
import signal
import tempfile
import threading
import time

import pytest
from conftest import POLICY, running, wait_for

TOKEN = "123456:tests"


class Provider:
    """Telegram and LINE in one. `answer(chat, body)` gives a status, (status, json, headers), "hang up" or "wait"; all that came is
    in `got`, by chat."""

    def __init__(self):
        self.got, self.headers = {}, {}
        self.answer = lambda chat, body: 200
        self.go_on = threading.Event()
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                chat = str(body.get("chat_id", body.get("to")))
                provider.got.setdefault(chat, []).append(body)
                provider.headers.setdefault(chat, []).append(dict(self.headers))
                said = provider.answer(chat, body)
                if said == "wait":
                    provider.go_on.wait(30)
                if said in ("hang up", "wait"):
                    self.close_connection = True
                    self.connection.close()
                    return
                status, out, more = said if isinstance(said, tuple) else (said, {}, {})
                if status == 200 and not out:
                    out = {"ok": True, "result": {"message_id": len(provider.got[chat])}}
                out = json.dumps(out).encode()
                self.send_response(status)
                for k, v in more.items():
                    self.send_header(k, v)
                self.send_header("Content-Length", str(len(out)))
                self.end_headers()
                self.wfile.write(out)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def texts(self, chat):
        return [b.get("text") or b["messages"][0]["text"] for b in self.got.get(str(chat), [])]


def policy(folder, url):
    (folder / "key").write_text("a secret of the tests\n")
    (folder / "token").write_text(TOKEN + "\n")
    text = POLICY.read_text()
    text = text.replace("accounts:\n", f"""accounts:
  tg:    {{ channel: telegram, provider: telegram, secret: "file:{folder}/key", token: "file:{folder}/token", api: "{url}" }}
  quiet: {{ channel: telegram, provider: telegram, secret: "file:{folder}/key", api: "{url}" }}
  ack:   {{ channel: telegram, provider: telegram, secret: "file:{folder}/key", token: "file:{folder}/token", api: "{url}" }}
  full:  {{ channel: telegram, provider: telegram, secret: "file:{folder}/key", token: "file:{folder}/token", api: "{url}" }}
  late:  {{ channel: telegram, provider: telegram, secret: "file:{folder}/key", token: "file:{folder}/token", api: "{url}" }}
  line:  {{ channel: line, provider: line, secret: "file:{folder}/key", token: "file:{folder}/token", api: "{url}" }}
""", 1).replace("channels:\n", "channels:\n  telegram: { cost: 1, offer: 5s }\n  line: { cost: 1, offer: 5s }\n", 1)
    closed_today = (time.gmtime().tm_wday + 3) % 7  # open on one day only, which is not today nor tomorrow
    text = text.replace("accounts:\n", f"""hours:
  far: {{ timezone: UTC, open: {{ {"mon tue wed thu fri sat sun".split()[closed_today]}: "09:00-10:00" }} }}
texts:
  received: {{ ko: "{{name}}님, 접수했습니다. {{position}}번째입니다. {{wait}}분쯤 걸립니다.", en: "Dear {{name}}, hello. We have it." }}
  closed: {{ en: "We are closed. We open at {{opens}}.", ko: "{{opens}}에 엽니다." }}
accounts:
""", 1).replace("queues:\n", """queues:
  acknowledged: { takes: { account: ack }, needs: { nobody: 9 }, acknowledge: received }
  full: { takes: { account: full }, needs: { nobody: 9 }, overflow: [{ when: { closed: far }, refuse: "Please write again tomorrow." }] }
  closed: { takes: { account: late }, needs: { nobody: 9 }, overflow: [{ when: { closed: far }, answer: closed }] }
""", 1)
    path = folder / "replies.yaml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def provider():
    p = Provider()
    yield p
    p.go_on.set()
    p.server.shutdown()
    p.server.server_close()


@pytest.fixture(scope="module")
def naru(provider):
    with tempfile.TemporaryDirectory() as folder, running(policy=policy(pathlib.Path(folder), provider.url)) as n:
        yield n


@pytest.fixture(autouse=True)
def all_well(provider):
    provider.answer = lambda chat, body: 200


def hold(naru, agent, chat, account="tg"):
    """A ticket of this chat, with the agent: (id, token)."""
    event = naru.event(f"{account}-{chat}", "hello", account=account, conversation=str(chat), customer=str(chat)).json
    ticket = wait_for("its ticket", lambda: naru.get(f"/v1/events/{event['event']}").json.get("ticket"))
    offer = agent.hear("offer", ticket=ticket)
    got = agent.act("accept", ticket=ticket, token=offer["token"])
    assert got["status"] == 200, got
    return ticket, got["token"]


def reply(naru, ticket, text, **more):
    return naru.post(f"/v1/tickets/{ticket}/messages", {"text": text, **more})


def messages(naru, ticket):
    return naru.get(f"/v1/tickets/{ticket}/messages").json["messages"]


def state_of(naru, ticket, id):
    return next(m for m in messages(naru, ticket) if m["id"] == id)


def until(naru, ticket, id, state):
    return wait_for(f"it to be {state}", lambda: (lambda m: m["state"] == state and m)(state_of(naru, ticket, id)))


def test_a_reply_goes_out_and_its_state_is_told(naru, provider):
    with naru.agent("ann") as ann:
        ticket, token = hold(naru, ann, 1001)
        got = ann.act("reply", ticket=ticket, token=token, text="안녕하세요, 무엇을 도와드릴까요?")
        assert got["status"] == 200, got
        said = ann.hear("message_state", ticket=ticket, message=got["message"])
        assert said["cause"] == "sent"
        assert provider.texts(1001) == ["안녕하세요, 무엇을 도와드릴까요?"]
        listed = messages(naru, ticket)
        assert [(m["by"], m["text"], m.get("state")) for m in listed] == [
            ("customer", "hello", None), ("ann", "안녕하세요, 무엇을 도와드릴까요?", "sent")]
        # the supervisor's way, and the older name of the path
        sent = naru.post(f"/v1/tickets/{ticket}/reply", {"text": "A word of the supervisor's"})
        assert sent.status == 200 and sent.json["message_state"] in ("queued", "sending", "sent"), sent.text
        until(naru, ticket, sent.json["message"], "sent")
        assert provider.texts(1001)[1:] == ["A word of the supervisor's"]
        assert naru.metric('naru_messages_total{process="router-1",state="sent"') >= 2
        ann.act("resolve", ticket=ticket, token=token)


def test_who_does_not_hold_the_ticket_is_refused(naru, provider):
    with naru.agent("ann") as ann:
        ticket, token = hold(naru, ann, 1002)
        other = naru.naru("token", "create", "--role", "agent", "--subject", "bob", "--workspace", "test", "--tokens",
                          naru.folder / "data" / "tokens").stdout.strip()
        refused = wait_for("the token", lambda: (lambda a: a.status != 401 and a)(
            naru.post(f"/v1/tickets/{ticket}/messages", {"text": "I am not asked", "token": token}, token=other)))
        assert refused.status == 403 and refused.json["type"].endswith("not-your-ticket"), refused.text
        assert naru.get(f"/v1/tickets/{ticket}/messages", token=other).status == 403
        missing = naru.post(f"/v1/tickets/{ticket}/messages", {"txt": "x"})
        assert missing.status == 422 and "text" in missing.text
        assert provider.texts(1002) == []
        ann.act("resolve", ticket=ticket, token=token)


def test_without_a_token_and_when_sent_elsewhere_it_is_put_on_record(naru, provider):
    with naru.agent("ann") as ann:
        ticket, token = hold(naru, ann, 1003, account="quiet")
        got = reply(naru, ticket, "Written down")
        assert got.json["message_state"] == "recorded", got.text
        other, other_token = hold(naru, ann, 1004)
        got = reply(naru, other, "Sent by the help desk", sent=True)
        assert got.json["message_state"] == "recorded", got.text
        assert [m.get("state") for m in messages(naru, other)] == [None, "recorded"]
        ann.act("resolve", ticket=ticket, token=token)
        ann.act("resolve", ticket=other, token=other_token)
        assert provider.texts(1003) == provider.texts(1004) == []


def test_too_many_requests_then_ok_and_the_order_is_kept(naru, provider):
    with naru.agent("ann") as ann:
        ticket, token = hold(naru, ann, 1005)
        busy = [(429, {"ok": False, "error_code": 429, "parameters": {"retry_after": 1}}, {})]
        provider.answer = lambda chat, body: busy.pop() if busy else 200
        ids = [reply(naru, ticket, f"part {i}").json["message"] for i in range(5)]
        for id in ids:
            until(naru, ticket, id, "sent")
        assert provider.texts(1005) == ["part 0"] + [f"part {i}" for i in range(5)]
        ann.act("resolve", ticket=ticket, token=token)


def test_a_refusal_is_told_with_its_reason(naru, provider):
    with naru.agent("ann") as ann:
        ticket, token = hold(naru, ann, 1006)
        provider.answer = lambda chat, body: (403, {"ok": False, "error_code": 403}, {})
        id = reply(naru, ticket, "Nobody reads this").json["message"]
        said = ann.hear("message_state", ticket=ticket, message=id)
        assert said["cause"] == "failed" and "blocked" in said["why"], said
        assert "blocked" in until(naru, ticket, id, "failed")["why"]
        life = naru.get(f"/v1/tickets/{ticket}/explain").json["life"]
        assert any(c["kind"] == "notified" and c["cause"] == "message failed" for c in life), life
        ann.act("resolve", ticket=ticket, token=token)


def test_a_broken_connection_leaves_it_unknown_and_a_person_decides(naru, provider):
    with naru.agent("ann") as ann:
        ticket, token = hold(naru, ann, 1007)
        provider.answer = lambda chat, body: "hang up"
        id = reply(naru, ticket, "Did it come?").json["message"]
        assert ann.hear("message_state", ticket=ticket, message=id)["cause"] == "unknown"
        provider.answer = lambda chat, body: 200
        assert id in [m["id"] for m in naru.get("/v1/messages?state=unknown").json["messages"]]
        after = reply(naru, ticket, "The next one").json["message"]  # it does not wait for the person
        until(naru, ticket, after, "sent")
        assert provider.texts(1007) == ["Did it come?", "The next one"]
        person = ("--url", f"http://127.0.0.1:{naru.port}", "--token", naru.token)
        listed = naru.naru("messages", *person).stdout  # unknown is what is asked for, when nothing is said
        assert id in listed and ticket in listed and "did not answer" in listed and "Did it come?" not in listed
        assert naru.naru("messages", "resend", id, *person).returncode == 0
        until(naru, ticket, id, "sent")
        assert provider.texts(1007)[2:] == ["Did it come?"]
        again = naru.naru("messages", "resend", id, *person)
        assert again.returncode == 1 and again.stderr.startswith("naru messages: 409 ")
        assert naru.naru("messages", "sended", *person).stderr.startswith("naru messages: 422 ")
        assert naru.naru("messages", "resend", *person).returncode == 2
        assert naru.post(f"/v1/messages/{id}/resend").status == 409
        assert naru.post(f"/v1/messages/{ticket}/confirm").status == 404
        ann.act("resolve", ticket=ticket, token=token)


def test_of_a_ticket_that_is_over_an_unknown_reply_is_still_listed_and_can_be_sent_again(naru, provider):
    with naru.agent("ann") as ann:
        unsure, token = hold(naru, ann, 1017)
        provider.answer = lambda chat, body: "hang up"
        id = reply(naru, unsure, "Did it come?").json["message"]
        until(naru, unsure, id, "unknown")
        provider.answer = lambda chat, body: 200
        sure, other = hold(naru, ann, 1018)
        written = reply(naru, sure, "This one need not", sent=True).json["message"]
        ann.act("resolve", ticket=unsure, token=token)
        ann.act("resolve", ticket=sure, token=other)
        kept = lambda: [m["id"] for state in ("recorded", "unknown") for m in naru.get(f"/v1/messages?state={state}").json["messages"]]
        wait_for("what is done with to go", lambda: written not in kept())
        assert id in kept()
        assert naru.post(f"/v1/messages/{id}/resend").status == 200
        wait_for("it to go out", lambda: provider.texts(1017) == ["Did it come?"] * 2)


def test_a_provider_that_knows_ids_again_is_asked_again(naru, provider):
    with naru.agent("ann") as ann:
        ticket, token = hold(naru, ann, "U1008", account="line")
        broken = ["hang up"]
        provider.answer = lambda chat, body: broken.pop() if broken else 200
        id = reply(naru, ticket, "Once is enough").json["message"]
        until(naru, ticket, id, "sent")
        assert provider.texts("U1008") == ["Once is enough"] * 2
        keys = [h.get("X-Line-Retry-Key") for h in provider.headers["U1008"]]
        assert keys[0] and keys[0] == keys[1]
        ann.act("resolve", ticket=ticket, token=token)


def test_killed_while_it_is_sent_it_is_never_sent_twice_unknowingly(naru, provider):
    ann = naru.agent("ann").available()
    try:
        ticket, token = hold(naru, ann, 1009)
        line, line_token = hold(naru, ann, "U1010", account="line")
        provider.go_on.clear()
        provider.answer = lambda chat, body: "wait"
        id = reply(naru, ticket, "Perhaps").json["message"]
        again = reply(naru, line, "Surely").json["message"]
        def under_a_key():
            return naru.post(f"/v1/tickets/{ticket}/messages", {"text": "Behind it"}, headers={"Idempotency-Key": "behind"}).json["message"]
        waits = under_a_key()
        wait_for("both to be there", lambda: provider.texts(1009) and provider.texts("U1010"))
        provider.answer = lambda chat, body: 200
        naru.kill("router-1")
        provider.go_on.set()
        naru.find_port()
        naru.ready()
        assert until(naru, ticket, id, "unknown")["why"]
        until(naru, line, again, "sent")
        until(naru, ticket, waits, "sent")
        assert under_a_key() == waits  # the key was forgotten with the process; the message was not
        assert provider.texts(1009) == ["Perhaps", "Behind it"]
        assert provider.texts("U1010") == ["Surely"] * 2
        assert naru.post(f"/v1/messages/{id}/confirm").json["state"] == "sent"
        lives = {t: naru.get(f"/v1/tickets/{t}/explain").json["life"] for t in (ticket, line)}  # as the leader has them
        for t in (ticket, line):
            assert naru.post(f"/v1/tickets/{t}/resolve", {}).status == 200
        said = lambda life: [[c.get(k) for k in ("seq", "at", "agent", "actor", "state", "queue", "detail")] for c in life if c["kind"] == "replied"]
        for t, words in ((ticket, ["Perhaps", "Behind it"]), (line, ["Surely"])):  # in the history: of before the kill too
            closed = wait_for("the end", lambda: (lambda d: d["state"] == "resolved" and d)(naru.get(f"/v1/tickets/{t}/explain").json))
            assert said(closed["life"]) == said(lives[t]) and [c[-1]["text"] for c in said(closed["life"])] == words
    finally:
        ann.close()


# ---- what the policy says by itself ----

def ticket_only(naru, chat, text="hello", **more):
    event = naru.event(f"auto-{chat}-{time.monotonic_ns()}", text, **{"conversation": str(chat), "customer": str(chat), **more}).json
    return wait_for("its ticket", lambda: naru.get(f"/v1/events/{event['event']}").json.get("ticket"))


def test_an_acknowledgement_is_sent_in_the_customers_language(naru, provider):
    ticket = ticket_only(naru, 2001, "안녕하세요 주문한 물건이 아직 안 왔어요 언제 오나요", account="ack", customer={"id": "2001", "name": "김민지"}, language="ko")
    wait_for("the acknowledgement", lambda: provider.texts(2001))
    assert provider.texts(2001)[0].startswith("김민지님, 접수했습니다. 1번째입니다."), provider.texts(2001)
    said = [m for m in messages(naru, ticket) if m["by"] == "policy"]
    assert [m["word"] for m in said] == ["received"]
    ticket_only(naru, 2001, "한 가지 더요", account="ack")  # the same ticket: once is enough
    assert naru.post(f"/v1/tickets/{ticket}/cancel", {}).status == 200
    again = wait_for("another ticket", lambda: (lambda t: t != ticket and t)(ticket_only(naru, 2001, "또 왔어요", account="ack")))
    wait_for("it to be left out", lambda: naru.metric('naru_messages_refused_total{process="router-1",cause="recent"'))
    assert len(provider.texts(2001)) == 1
    assert naru.post(f"/v1/tickets/{again}/cancel", {}).status == 200


def test_outside_of_the_hours_the_answer_says_so(naru, provider):
    ticket = ticket_only(naru, 2002, "hello", account="late", language="en")
    wait_for("the answer", lambda: provider.texts(2002))
    assert provider.texts(2002)[0].startswith("We are closed. We open at 20"), provider.texts(2002)
    life = naru.get(f"/v1/tickets/{ticket}/explain").json["life"]
    assert [c["cause"] for c in life if c["kind"] == "updated"] == ["overflow:closed"]
    assert naru.post(f"/v1/tickets/{ticket}/cancel", {}).status == 200


def test_a_refusal_of_the_policy_is_told_to_the_customer(naru, provider):
    event = naru.event("full-1", "hello", account="full", conversation="2005", customer="2005").json
    wait_for("the end", lambda: naru.get(f"/v1/events/{event['event']}").json["state"] == "settled")
    wait_for("the words", lambda: provider.texts(2005))
    assert provider.texts(2005) == ["Please write again tomorrow."]


def test_a_machine_is_never_answered_by_one(naru, provider):
    ticket = ticket_only(naru, 2003, "I am out of office", account="ack", attributes={"automatic": "auto-replied"})
    other = ticket_only(naru, 2004, "hello", account="ack", language="en")
    wait_for("the other's acknowledgement", lambda: provider.texts(2004))
    assert provider.texts(2003) == []
    for t in (ticket, other):
        assert naru.post(f"/v1/tickets/{t}/cancel", {}).status == 200
