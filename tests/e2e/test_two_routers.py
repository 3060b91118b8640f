"""Two routers behind one balancer: who reaches the wrong one is told which one to ask, and nothing is silently empty."""
import json
import sys

import pytest
import websocket
from conftest import ROOT, by_hand, wait_for

sys.path.insert(0, str(ROOT / "tests" / "e2e" / "channels"))
from test_replies import Provider, hold, policy  # noqa: E402
from test_widget import SECRET, Chat, fresh, jwt  # noqa: E402


@pytest.fixture(scope="module")
def provider():
    p = Provider()
    yield p
    p.go_on.set()
    p.server.shutdown()
    p.server.server_close()


@pytest.fixture(scope="module")
def two(provider, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    (folder / "chat").write_text(SECRET + "\n")
    path = policy(folder, provider.url)
    path.write_text(path.read_text().replace("accounts:\n", f"""accounts:
  chat: {{ channel: webchat, provider: widget, secret: "file:{folder}/chat", origins: [https://shop.example] }}
""", 1))
    with by_hand(routers=2, policy=path) as hand:
        hand.start("redis", "router-1", "router-2", "triage-1", "assign-1").ready()
        yield hand


def unknown_message(two, provider, chat):
    """A reply of which nobody knows, sent by router 1 and written at router 2: (ticket, message)."""
    one, other = two.routers[1], two.routers[2]
    with one.agent("ann") as ann:
        ticket = hold(one, ann, chat)[0]
    provider.answer = lambda chat, body: "hang up"
    got = other.post(f"/v1/tickets/{ticket}/messages", {"text": "who knows"})
    assert got.status == 200, got.text
    wait_for("it to be unknown", lambda: one.get(f"/v1/tickets/{ticket}/messages").json["messages"][-1]["state"] == "unknown")
    provider.answer = lambda chat, body: 200
    return ticket, got.json["message"]


def test_the_wrong_router_names_the_one_that_has_the_messages(two, provider):
    one, other = two.routers[1], two.routers[2]
    ticket, message = unknown_message(two, provider, 1)
    for method, path in (("GET", f"/v1/tickets/{ticket}/messages"), ("POST", f"/v1/messages/{message}/resend"),
                         ("POST", f"/v1/messages/{message}/confirm")):
        refused = other.call(method, path, {} if method == "POST" else None)
        assert refused.status == 421 and refused.json["type"] == "/problems/wrong-router", (path, refused.text)
        assert "router number 1" in refused.json["detail"]
    assert other.post(f"/v1/messages/{ticket[:14]}7002{ticket[18:]}/resend", {}).status == 404  # its own, and none
    assert one.post(f"/v1/messages/{message}/confirm", {}).json["state"] == "sent"


def test_naru_messages_asks_every_router_that_it_is_given(two, provider):
    urls = [w for d in (two.routers[2], two.routers[1]) for w in ("--url", f"http://127.0.0.1:{d.port}")]
    person = [*urls, "--token", two.token]
    message = unknown_message(two, provider, 2)[1]
    listed = two.naru("messages", "unknown", *person)
    assert listed.returncode == 0 and message in listed.stdout, listed
    both = [json.loads(line)["messages"] for line in two.naru("messages", "unknown", "--json", *person).stdout.splitlines()]
    assert [[m["id"] for m in b] for b in both] == [[], [message]]
    sent = two.naru("messages", "resend", message, *person)
    assert sent.returncode == 0 and message in sent.stdout and not sent.stderr, sent
    wait_for("it to be sent", lambda: message in two.naru("messages", "sent", *person).stdout)
    nobody = two.naru("messages", "resend", message, "--url", f"http://127.0.0.1:{two.routers[2].port}", "--token", two.token)
    assert nobody.returncode == 1 and "421" in nobody.stderr and "router number 1" in nobody.stderr


def open_chat(door, who, query="", after=0):
    ws = websocket.create_connection(f"ws://127.0.0.1:{door.port}/v1/channels/chat/stream{query}", origin="https://shop.example",
                                     timeout=20, subprotocols=["naru.chat.1", f"naru.token.{jwt(who)}"])
    chat = Chat.__new__(Chat)
    chat.ws, chat.kept, chat.seq, chat.seen = ws, [], after, []
    chat.say(type="hello", after=after)
    return chat


def sent_home(chat):
    assert chat.closed() == 4421
    told = [m for m in chat.kept if m["type"] == "error"]
    assert told and told[0]["error"] == "wrong-router", chat.kept
    return told[0]["router"]


def test_a_chat_that_comes_back_to_another_router_is_sent_home_and_resumes_there(two):
    one, other, who = two.routers[1], two.routers[2], fresh()
    chat = open_chat(one, who)
    home = chat.hear("welcome")["router"]
    assert home == 1
    seq = chat.write("안녕하세요")["seq"]
    chat.close()
    assert sent_home(open_chat(other, who, f"?router={home}", seq)) == home
    again = open_chat(one, who, f"?router={home}")
    assert "lost" not in again.hear("welcome")
    assert again.hear("message")["text"] == "안녕하세요"
    again.close()
    with pytest.raises(websocket.WebSocketBadStatusException):
        open_chat(one, who, "?router=first")


def test_a_router_that_never_had_the_conversation_says_so(two):
    stranger = open_chat(two.routers[2], fresh(), after=1790000000000)
    assert stranger.hear("welcome")["lost"] is True
    stranger.close()


def test_who_writes_from_another_device_by_another_router_is_sent_to_the_one_whose_agent_answers(two):
    one, other, who = two.routers[1], two.routers[2], fresh()
    first = open_chat(one, who)
    first.hear("welcome")
    first.write("from the desk")
    with one.agent("ann") as ann:
        offer = ann.hear("offer", customer=who)
        token = ann.act("accept", ticket=offer["ticket"], token=offer["token"])["token"]
        phone = open_chat(other, who)
        assert phone.hear("welcome")["router"] == 2  # it has heard nothing of the ticket yet
        phone.say(type="message", id="phone-1", text="from the road")
        assert sent_home(phone) == 1
        assert sent_home(open_chat(other, who)) == 1  # now it knows, at hello
        phone = open_chat(one, who, "?router=1")
        phone.say(type="message", id="phone-1", text="from the road")  # no ack was heard: sent again, and one
        phone.hear("ack", id="phone-1")
        wait_for("both in one ticket", lambda: [m["text"] for m in one.get(f"/v1/tickets/{offer['ticket']}").json["messages"]] == [
            "from the desk", "from the road"])
        assert ann.act("reply", ticket=offer["ticket"], token=token, text="here I am")["status"] == 200
        for chat in (first, phone):
            chat.hear("message", by="agent", text="here I am")
            chat.close()
        ann.act("resolve", ticket=offer["ticket"], token=token)
