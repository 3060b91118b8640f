"""Conversations: later messages change what is known of a ticket; customers are known again; whose words a mail holds."""
import json

import pytest
from conftest import running, wait_for

POLICY = """
naru: 1
workspace: test
channels:
  webchat: { cost: 30, offer: 10s }
  email: { cost: 15, offer: 10s }
accounts:
  web: { channel: webchat }
  mail: { channel: email }
triage:
  rules:
    - { name: money, when: { text: [my money is gone] }, then: { urgency: critical, intent: payment_lost, needs: { billing: 3 }, tag: angry } }
    - { name: still, when: { text: [still nothing] }, then: { urgency: high, sentiment: negative } }
    - { name: refund, when: { text: [refund, 환불] }, then: { intent: refund_request } }
    - { name: again, when: { customer.contacts_7d: ">=2" }, then: { tag: again } }
    - { name: open, when: { customer.open_tickets: ">=1" }, then: { tag: other-open } }
    - { name: upset, when: { conversation.sentiment: negative }, then: { tag: upset } }
    - { name: waits, when: { conversation.waiting: ">=0" }, then: { tag: waits } }
    - { name: pressing, when: { conversation.urgency: [high, critical] }, then: { tag: pressing } }
queues:
  billing: { takes: { intent: [payment_*] }, sla: { answer: { within: { critical: 30s, high: 1m, normal: 5m } } } }
  desk: { takes: default, sla: { answer: { within: { critical: 30s, high: 1m, normal: 5m } } } }
agents:
  ann: { skills: { billing: 5 }, capacity: 30 }
  bob: { skills: { tech: 5 }, capacity: 30 }
"""


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    policy = tmp_path_factory.mktemp("conversation") / "policy.yaml"
    policy.write_text(POLICY)
    with running(policy=policy) as naru:
        yield naru


def ticket_of(door, event):
    return wait_for("the ticket", lambda: door.get(f"/v1/events/{event}").json.get("ticket"))


def said(door, id, text, **more):
    """The event's id once it has its ticket."""
    event = door.event(id, text, **more).json["event"]
    ticket_of(door, event)
    return event


def verdict(door, event):
    return door.get(f"/v1/events/{event}").json["verdict"]


def tags(door, event):
    return {t["name"] for t in verdict(door, event)["tags"]}


def cancel(door, ticket):
    assert door.post(f"/v1/tickets/{ticket}/cancel", {}).status == 200
    wait_for("its end", lambda: door.get(f"/v1/tickets/{ticket}").json["state"] == "cancelled")


def test_a_later_message_raises_moves_and_is_explained(door):
    older = ticket_of(door, said(door, "a1", "hello?", customer="older"))
    first = said(door, "a2", "where is my parcel", customer="kim")
    mine = ticket_of(door, first)
    assert door.get(f"/v1/tickets/{mine}").json["queue"] == "desk"
    second = said(door, "a3", "still nothing!! my money is gone", customer="kim")
    assert ticket_of(door, second) == mine
    now = door.get(f"/v1/tickets/{mine}").json
    assert (now["queue"], now["urgency"], now["intent"]) == ("billing", "critical", "payment_lost")
    assert {"skill": "billing", "level": 3} in now["needs"]

    explained = door.get(f"/v1/tickets/{mine}/explain").json
    assert explained["verdict"]["urgency"] == "normal"  # of the first message
    assert (explained["verdict"]["event"], explained["verdict"]["workspace"]) == (first, "test")
    (change,) = [e for e in explained["life"] if e["kind"] == "retriaged"]
    assert change["detail"]["event"] == second
    assert change["detail"]["changes"]["urgency"] == ["normal", "critical"]
    assert change["detail"]["changes"]["queue"] == ["desk", "billing"]
    assert change["detail"]["verdict"]["urgency"] == "critical"
    text = door.naru("explain", mine, "--url", f"http://127.0.0.1:{door.port}", "--token", door.token).stdout
    assert "urgency: normal → critical" in text and "queue: desk → billing" in text and "rule:money" in text

    with door.agent("ann") as ann:  # room for one: the later, pressing one comes first
        offer = ann.hear("offer")
        assert offer["ticket"] == mine
        accepted = ann.act("accept", ticket=mine, token=offer["token"])
        assert accepted["status"] == 200
        door.event("a4", "thank you, you are kind", customer="kim")
        ann.hear("message", ticket=mine)
        assert door.get(f"/v1/tickets/{mine}").json["urgency"] == "critical"  # a polite word lowers nothing
        assert ann.act("resolve", ticket=mine, token=accepted["token"])["status"] == 200
        assert ann.hear("offer")["ticket"] == older
    cancel(door, older)


def test_the_agent_who_has_it_is_told_what_changed(door):
    with door.agent("bob") as bob:
        door.event("b1", "good morning", customer="lee")
        offer = bob.hear("offer")
        accepted = bob.act("accept", ticket=offer["ticket"], token=offer["token"])
        door.event("b2", "still nothing!! my money is gone", customer="lee")
        changed = bob.hear("changed", ticket=offer["ticket"])
        assert changed["urgency"] == "critical" and changed["intent"] == "payment_lost" and changed["tags"][0] == "angry"
        assert changed["needs"]["billing"] == 3 and changed["cause"] == "urgency, needs, intent, tags"
        assert changed["queue"] == "desk" and changed["token"] == accepted["token"]  # it stays theirs
        assert bob.act("resolve", ticket=offer["ticket"], token=accepted["token"])["status"] == 200


def test_an_event_sent_twice_changes_nothing_twice(door):
    first = said(door, "c1", "hello", customer="cho")
    for _ in range(3):
        again = door.event("c2", "still nothing", customer="cho").json
        wait_for("it", lambda: door.get(f"/v1/events/{again['event']}").json.get("ticket"))
    ticket = ticket_of(door, first)
    life = door.get(f"/v1/tickets/{ticket}/explain").json["life"]
    assert [e["kind"] for e in life].count("retriaged") == 1
    cancel(door, ticket)


def test_triage_knows_the_customer_and_the_conversation(door):
    one = said(door, "d1", "still nothing", customer="park")
    assert tags(door, one) == set()
    two = said(door, "d2", "hello", customer="park")
    assert tags(door, two) == {"other-open", "upset", "waits", "pressing"}
    three = said(door, "d3", "hello", customer={"id": "park", "contacts_7d": 0, "open_tickets": 0}, conversation="another")
    assert tags(door, three) == {"again", "other-open"}  # whatever its source says
    assert door.metric("naru_customer_facts_missed_total") >= 2
    for event in (one, three):
        cancel(door, ticket_of(door, event))
    four = said(door, "d4", "hello", customer="park")
    assert tags(door, four) == {"again"}
    cancel(door, ticket_of(door, four))


def test_the_router_knows_its_customers_again_after_a_crash(door):
    for n in range(2):
        cancel(door, ticket_of(door, said(door, f"e{n}", "hello", customer="yoon")))
    stays = said(door, "e2", "still nothing", customer="choi")
    wait_for("the history", lambda: all(door.get(f"/v1/events/{e}").json["state"] == "settled"
                                        for e in [door.event(f"e{n}", "hello", customer="yoon").json["event"] for n in range(2)]))
    before = door.metric("naru_customers ")
    door.kill("router-1")
    door.find_port()
    door.ready()
    wait_for("the customers", lambda: door.metric("naru_customers ") >= before)
    assert tags(door, said(door, "e3", "hello", customer="yoon")) == {"again"}
    assert tags(door, said(door, "e4", "hello", customer="choi")) >= {"other-open", "upset"}
    cancel(door, ticket_of(door, stays))


def test_quoted_mail_is_not_the_customers_word(door):
    text = "It arrived, thank you.\n\nOn Tue, Nov 3, 2026 at 10:22 AM Shop <shop@naru.example> wrote:\n\n> Do you want a refund?\n"
    event = said(door, "f1", text, account="mail", customer="han")
    got = verdict(door, event)
    assert "intent" not in got
    (reason,) = [r for r in got["reasons"] if r["part"] == "text"]
    assert reason["by"] == "quote" and reason["detail"] == f"22 of {len(text)} bytes"
    ticket = ticket_of(door, event)
    assert door.get(f"/v1/tickets/{ticket}").json["messages"][0]["text"] == text  # shown whole
    cancel(door, ticket)
