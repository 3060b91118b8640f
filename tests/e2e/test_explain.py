"""Why it went where it went, and why not before: of tickets that waited, were declined twice, moved, or that nobody could take; while
they live and after they were resolved, as JSON and as a page."""
import re

import pytest
from conftest import running, wait_for

POLICY = """
naru: 1
workspace: test
channels:
  webchat: { cost: 30, offer: 30s, max: 1 }
accounts:
  web: { channel: webchat }
triage:
  rules:
    - { name: mine, when: { text: [invoice] }, then: { intent: invoice } }
    - { name: other, when: { text: [martian] }, then: { intent: martian } }
    - { name: slow, when: { text: [slow] }, then: { intent: slow } }
queues:
  billing: { takes: { intent: [invoice] }, needs: { billing: 5 }, offers: { back-off: 1s } }
  mars: { takes: { intent: [martian] }, needs: { lang:xx: 4 } }
  first: { takes: { intent: [slow] }, needs: { billing: 9 }, timeline: [{ after: 1s, move: desk }] }
  desk: { takes: default, needs: { billing: 5 }, timeline: [{ after: 2s, since: step, needs: { billing: 4 } }] }
agents:
  minji: { skills: { billing: 6 } }
  sora: { skills: { billing: 4 } }
  joohan: { skills: { billing: 7 } }
"""


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    policy = tmp_path_factory.mktemp("explain") / "policy.yaml"
    policy.write_text(POLICY)
    with running(policy=policy) as naru:
        yield naru


def opened(door, id, text):
    event = door.event(id, text, customer=id).json["event"]
    return wait_for("the ticket", lambda: door.get(f"/v1/events/{event}").json.get("ticket"))


def explained(door, ticket):
    got = door.get(f"/v1/tickets/{ticket}/explain")
    assert got.status == 200, got.text
    return got.json


def page(door, ticket):
    out = door.naru("explain", ticket, "--url", f"http://127.0.0.1:{door.port}", "--token", door.token)
    assert out.returncode == 0, out.stderr
    print(out.stdout)
    return out.stdout


def accept(agent, ticket):
    offer = agent.hear("offer", ticket=ticket)
    return agent.act("accept", ticket=ticket, token=offer["token"])["token"]


def done(door, agent, ticket, token):
    """Resolved, and told by its home from then on."""
    assert agent.act("resolve", ticket=ticket, token=token)["status"] == 200
    wait_for("it is closed", lambda: explained(door, ticket)["state"] == "resolved")


def says(items):
    return " | ".join(i["says"] for i in items)


def without_ms(doc):
    """What stays the same however often it is asked."""
    return re.sub(r'"known_from":"[^"]*"', "", repr(doc["waits"]))


def test_one_that_waited(door):
    with door.agent("minji") as minji:
        first = opened(door, "w1", "my invoice")
        held = accept(minji, first)
        second = opened(door, "w2", "the other invoice")
        wait_for("it waits", lambda: explained(door, second)["state"] == "waiting")
        now = explained(door, second)["waits"][-1]
        assert "until" not in now and now["whole"], now
        changes = now["smallest_change"]["changes"]
        assert not now["smallest_change"]["never"] and len(changes) == 3, changes
        assert "one more webchat, maximum 1: minji" in says(changes), changes
        wait_for("a wait worth telling", lambda: explained(door, second)["waits"][-1]["ms"] >= 100)
        done(door, minji, first, held)
        token = accept(minji, second)
        (wait,) = explained(door, second)["waits"]
        assert wait["agent"] == "minji" and wait["ms"] > 0
        assert wait["entry"] == next(e["seq"] for e in explained(door, second)["life"] if e["kind"] == "offered")
        assert "1 at their maximum of webchat" in wait["spans"][0]["says"] and "2 offline" in wait["spans"][0]["says"], wait
        assert "minji's webchat ticket was over" in says(wait["moments"]), wait
        assert [o["test"] for o in wait["winner"]] == ["channel_max", "fit"], wait
        before = without_ms(explained(door, second))
        done(door, minji, second, token)
        assert without_ms(explained(door, second)) == before  # the same, after it was resolved
        text = page(door, second)
        for line in ("candidate minji", "waited ", "minji's webchat ticket was over", "sooner with: one more webchat, maximum 1: minji", "resolved"):
            assert line in text, text


def test_one_that_was_declined_twice(door):
    with door.agent("minji") as minji, door.agent("joohan") as joohan:
        ticket = opened(door, "d1", "an invoice")
        offers = []
        for _ in range(2):
            at = wait_for("an offer", lambda: explained(door, ticket).get("agent"))
            agent = {"minji": minji, "joohan": joohan}[at]
            offer = agent.hear("offer", ticket=ticket)
            assert agent.act("decline", ticket=ticket, token=offer["token"], reason="busy")["status"] == 200
            offers.append(at)
        assert sorted(offers) == ["joohan", "minji"]
        last = wait_for("the third offer", lambda: explained(door, ticket).get("agent"))
        token = accept({"minji": minji, "joohan": joohan}[last], ticket)
        doc = explained(door, ticket)
        declined = [e for e in doc["life"] if e["kind"] == "declined"]
        assert [e["agent"] for e in declined] == offers and all(e["detail"]["held_back_until"] > e["at"] for e in declined), declined
        wait = doc["waits"][-1]
        assert "2 held back (declined, missed or gave it back)" in says(wait["spans"]), wait
        assert f"{last} may be asked again" in says(wait["moments"]), wait
        text = page(door, ticket)
        assert text.count("held back until") == 2 and text.count("(busy)") == 2 and text.count("candidate ") >= 3, text
        done(door, {"minji": minji, "joohan": joohan}[last], ticket, token)
        assert page(door, ticket).count("held back until") == 2


def test_one_that_moved_queues(door):
    with door.agent("sora") as sora:
        ticket = opened(door, "q1", "slow")
        token = accept(sora, ticket)
        doc = explained(door, ticket)
        moments = says(doc["waits"][-1]["moments"])
        assert "moved from first to desk, needs billing 9 → 5" in moments and "needs billing 5 → 4" in moments, moments
        assert "sora had billing 4 of 9" in says(doc["waits"][-1]["winner"])
        assert {s["queue"] for s in doc["waits"][-1]["spans"]} == {"first", "desk"}
        relaxed = [e for e in doc["life"] if e["kind"] == "relaxed"]
        assert relaxed[-1]["detail"]["needs"] == [{"skill": "billing", "level": 4}], relaxed
        text = page(door, ticket)
        assert re.search(r"queues +first [0-9 ms]+, desk since then", text) and "needs billing 9 → 5" in text, text
        done(door, sora, ticket, token)
        assert re.search(r"queues +first [0-9 ms]+, desk [0-9 ms]+\n", page(door, ticket))


def test_one_that_nobody_could_take(door):
    ticket = opened(door, "n1", "martian")
    wait_for("it waits", lambda: explained(door, ticket)["state"] == "waiting")
    change = explained(door, ticket)["waits"][-1]["smallest_change"]
    assert change["never"] and change["says"] == "nobody knows lang:xx: add the skill to somebody, or drop it by a step", change
    text = page(door, ticket)
    assert "waits because nobody can take it now" in text and "nobody could ever take it: nobody knows lang:xx" in text, text
    assert door.post(f"/v1/tickets/{ticket}/cancel", {}).status == 200
    wait_for("it is closed", lambda: explained(door, ticket)["state"] == "cancelled")
    assert explained(door, ticket)["waits"][-1]["smallest_change"]["never"]
    assert "nobody could ever take it" in page(door, ticket)
