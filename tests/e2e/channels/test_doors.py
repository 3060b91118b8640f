"""What all doors of channels share: accounts and their secrets, refusals, lengths, batches, and the answer after the commit."""
import json
import os
import pathlib
import signal
import tempfile

import pytest
from conftest import Naru, wait_for

POLICY = """
naru: 1
workspace: doors
public-url: https://shop.example
channels:
  telegram: {{ cost: 20, offer: 20s }}
accounts:
  chat: {{ channel: telegram, provider: telegram, secret: ["file:{folder}/one", "file:{folder}/two"] }}
  shut: {{ channel: telegram, provider: telegram, secret: "file:{folder}/absent" }}
  bare: {{ channel: telegram }}
queues:
  desk: {{ takes: default }}
agents:
  ann: {{ skills: {{ talk: 5 }} }}
"""


@pytest.fixture(scope="module")
def naru():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="naru-doors-"))
    (folder / "one").write_text("first\n")
    (folder / "two").write_text("second\n")
    (folder / "policy.yaml").write_text(POLICY.format(folder=folder))
    n = Naru(folder, policy=folder / "policy.yaml")
    yield n
    n.stop()
    assert not n.faults()


def update(number, text="hello", chat=7, **more):
    return {"update_id": number, "message": {"message_id": number, "date": 1700000000, "chat": {"id": chat, "type": "private"},
                                             "from": {"id": chat, "first_name": "Kim"}, "text": text, **more}}


def send(naru, body, secret="first", account="chat", **kw):
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
    return naru.call("POST", f"/v1/channels/{account}", body, token="", headers=headers, **kw)


def refused(naru, cause):
    return naru.metric(f'naru_channel_refused_total{{process="router-1",cause="{cause}"}}')


def test_an_event_comes_in_once_however_often_it_is_sent(naru):
    accepted = naru.metric('naru_events_total{process="router-1",result="accepted"}')
    assert send(naru, update(1)).status == 200
    assert send(naru, update(1)).status == 200
    assert send(naru, update(1), secret="second").status == 200
    assert naru.metric('naru_events_total{process="router-1",result="accepted"}') == accepted + 1
    with naru.agent("ann") as ann:
        offer = ann.hear("offer")
        assert offer["account"] == "chat" and offer["channel"] == "telegram" and offer["name"] == "Kim"


def test_what_is_not_signed_as_it_should_be_is_refused_and_counted(naru):
    for secret, status, problem, cause in (("", 401, "bad-signature", "unsigned"), ("third", 401, "bad-signature", "signature")):
        before = refused(naru, cause)
        answer = send(naru, update(2), secret=secret)
        assert (answer.status, answer.json["type"]) == (status, f"/problems/{problem}")
        assert refused(naru, cause) == before + 1
    before = refused(naru, "malformed")
    assert send(naru, None, raw=b'{"update_id":').status == 400
    assert refused(naru, "malformed") == before + 1


def test_accounts_that_take_no_webhooks_are_not_there(naru):
    for account in ("nobody", "bare", "x" * 200):
        answer = send(naru, update(3), account=account)
        assert (answer.status, answer.json["type"]) == (404, "/problems/account-not-found")
    assert send(naru, update(3), account="chat/anything").status == 404
    assert naru.call("PUT", "/v1/channels/chat", {}, token="").status == 405


def test_a_secret_that_cannot_be_read_closes_its_door_until_sighup(naru):
    assert send(naru, update(4), account="shut").status == 503
    assert naru.metric('naru_doors{process="router-1",state="not_ready"}') == 1
    (naru.folder / "absent").write_text("late")
    os.kill(naru.children()["router-1"], signal.SIGHUP)
    wait_for("the door to open", lambda: send(naru, update(4), secret="late", account="shut").status == 200)
    assert naru.metric('naru_doors{process="router-1",state="not_ready"}') == 0
    assert send(naru, update(5), secret="late").status == 401  # another account's


def test_a_text_too_long_is_cut_and_told(naru):
    before = naru.metric('naru_channel_cut_total{process="router-1",what="text"}')
    long = "한" * 87000  # 261,000 bytes of three: one body of 256 KiB
    assert send(naru, None, raw=json.dumps(update(6, text=long, chat=8), ensure_ascii=False).encode()).status == 200
    assert naru.metric('naru_channel_cut_total{process="router-1",what="text"}') == before
    assert send(naru, None, raw=b"x" * 262145).status == 413


def test_a_new_policy_opens_and_closes_doors_at_once(naru):
    text = POLICY.format(folder=naru.folder).replace("  bare:", "  bare2:").replace("  shut:", "  more:")
    assert naru.call("PUT", "/v1/policy", raw=text.encode(), headers={"Content-Type": "application/yaml"}).status == 200
    assert send(naru, update(7), account="shut", secret="late").status == 404
    assert send(naru, update(7), account="more", secret="late").status == 200
    assert send(naru, update(8)).status == 200


def test_what_was_answered_outlives_a_kill(naru):
    assert send(naru, update(9, chat=9)).status == 200
    naru.kill("router-1")
    naru.ready()
    duplicate = naru.metric('naru_events_total{process="router-1",result="duplicate"}')
    assert send(naru, update(9, chat=9)).status == 200
    assert naru.metric('naru_events_total{process="router-1",result="duplicate"}') == duplicate + 1
