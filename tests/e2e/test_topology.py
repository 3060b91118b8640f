"""Several routers, triage workers and assigners: who takes an event, who offers it and who ends it need not be the same."""
import time

import pytest
import websocket
from conftest import by_hand, wait_for
from listen import Curl


@pytest.fixture(scope="module")
def two():
    with by_hand(routers=2) as hand:
        hand.start("redis", "router-1", "router-2", "triage-1", "triage-2", "assign-1")
        hand.ready()
        hand.start("assign-2")  # stands by
        yield hand


def state(door, event):
    answer = door.get(f"/v1/events/{event}")
    return answer.json.get("state") if answer.status == 200 else answer.status


def serve(agent, seconds=20):
    """Takes the next offer that stands and ends it; the ticket."""
    while True:
        offer = agent.hear("offer", seconds=seconds)
        got = agent.act("accept", ticket=offer["ticket"], token=offer["token"])
        if got["status"] == 200:
            break
        assert got["problem"] in ("offer-expired", "old-token", "ticket-not-offered-to-you", "wrong-state"), got
    got = agent.act("resolve", ticket=offer["ticket"], token=got["token"])
    assert got["status"] == 200, got
    return offer["ticket"]


def test_an_event_taken_at_one_router_is_resolved_by_an_agent_at_the_other(two):
    one, other = two.routers[1], two.routers[2]
    with other.agent("ann") as ann:
        event = one.event("x1", "refund", customer="x1").json["event"]
        offer = ann.hear("offer")
        for door in (one, other):
            assert door.get(f"/v1/tickets/{offer['ticket']}").json["state"] == "offered"
        got = ann.act("accept", ticket=offer["ticket"], token=offer["token"])
        for door in (one, other):
            told = door.get(f"/v1/tickets/{offer['ticket']}").json
            assert (told["state"], told["agent"]) == ("assigned", "ann")
        assert ann.act("resolve", ticket=offer["ticket"], token=got["token"])["status"] == 200
        wait_for("the event to settle at its home", lambda: state(one, event) == "settled")
        ticket = one.get(f"/v1/tickets/{offer['ticket']}").json
        assert (ticket["state"], ticket["agent"]) == ("resolved", "ann")
        elsewhere = other.get(f"/v1/tickets/{offer['ticket']}")
        assert elsewhere.status == 404 and "router number 1" in elsewhere.json["detail"]


def test_every_router_tells_all_changes_and_the_home_tells_most(two):
    with Curl(two.routers[1]) as home, Curl(two.routers[2]) as other:
        event = two.routers[1].event("told", "refund", customer="told").json["event"]
        full, less = (e.hear("ticket.opened", event=event) for e in (home, other))
        assert (full["id"], full["data"]["id"], full["data"]["subject"]) == (less["id"], less["data"]["id"], less["data"]["subject"])
        only_home = {"account", "channel", "conversation", "customer", "external_id", "verdict"}
        assert set(full["data"]["data"]) - set(less["data"]["data"]) == only_home
        with two.routers[2].agent("ann") as ann:
            serve(ann)
        for ear in (home, other):
            ear.hear("ticket.ended", ticket=full["data"]["subject"])
        with Curl(two.routers[2], last=full["id"]) as moved:  # from the one to the other
            moved.hear("ticket.ended", ticket=full["data"]["subject"])
            assert moved.messages[0].name > full.name and not moved.of("gap")


def test_the_same_event_at_both_routers_is_one_ticket(two):
    first = two.routers[1].event("both", "hello", customer="both").json["event"]
    second = two.routers[2].event("both", "hello", customer="both").json["event"]
    assert first == second
    for door in two.routers.values():
        wait_for("it to be taken", lambda: state(door, first) == "taken")
    tickets = {d.get(f"/v1/events/{first}").json["ticket"] for d in two.routers.values()}
    assert len(tickets) == 1
    with two.routers[1].agent("bob") as bob:
        ticket = serve(bob)
        assert {ticket} == tickets
        for n, door in two.routers.items():
            wait_for(f"router-{n} to settle it", lambda: state(door, first) == "settled")
        assert not [m for m in bob.kept if m["type"] == "offer"]


def test_the_same_event_at_the_other_router_after_its_end_is_no_second_ticket(two):
    event = two.routers[1].event("late", "hello", customer="late").json["event"]
    with two.routers[1].agent("bob") as bob:
        ticket = serve(bob)
        wait_for("it to settle", lambda: state(two.routers[1], event) == "settled")
        assert two.routers[2].event("late", "hello", customer="late").json["event"] == event
        wait_for("it to settle there too", lambda: state(two.routers[2], event) == "settled")
        assert two.routers[2].get(f"/v1/events/{event}").json["ticket"] == ticket
        assert not [m for m in bob.kept if m["type"] == "offer"]


def test_a_conversation_over_both_routers_is_one_ticket_in_order(two):
    events = [(n % 2 + 1, two.routers[n % 2 + 1].event(f"conv{n}", f"part {n}", customer="conv").json["event"]) for n in range(2)]
    for n, e in events:
        wait_for("it to be taken", lambda: state(two.routers[n], e) == "taken")
    more = two.routers[2].event("conv2", "part 2", customer="conv").json["event"]
    wait_for("the third", lambda: state(two.routers[2], more) == "taken")
    assert len({two.routers[n].get(f"/v1/events/{e}").json["ticket"] for n, e in [*events, (2, more)]}) == 1
    with two.routers[1].agent("ann") as ann:
        serve(ann)
        for n, e in [*events, (2, more)]:
            wait_for("it to settle at its own home", lambda: state(two.routers[n], e) == "settled")


def test_an_agent_who_moves_to_the_other_router_keeps_what_they_hold(two):
    ann = two.routers[1].agent("ann").available()
    two.routers[1].event("move", "refund", customer="move")
    offer = ann.hear("offer")
    token = ann.act("accept", ticket=offer["ticket"], token=offer["token"])["token"]
    with two.routers[2].agent("ann") as again:
        assert again.hear("assigned")["ticket"] == offer["ticket"]
        two.routers[2].event("move2", "more of it", customer="move")
        assert again.hear("message")["messages"][-1]["text"] == "more of it"
        assert again.act("resolve", ticket=offer["ticket"], token=token)["status"] == 200


def test_the_second_socket_of_an_agent_closes_the_first_at_another_router(two):
    first = two.routers[1].agent("carl")
    first.hear("welcome")
    with two.routers[2].agent("carl"):
        until = time.monotonic() + 12  # longer than the pause between heartbeats
        first.ws.settimeout(0.5)
        closed = False
        while not closed and time.monotonic() < until:
            try:
                closed = first.ws.recv_data()[0] == 8
            except websocket.WebSocketTimeoutException:
                pass
        first.close()
        assert closed


def test_a_policy_posted_at_one_router_is_used_at_the_other(two):
    before = two.routers[1].get("/v1/policy")
    answer = two.routers[1].post("/v1/policy", raw=before.text.replace("text: { channel: sms }", "text: { channel: sms }\n  fresh: { channel: sms }").encode())
    assert answer.status == 200, answer.text
    wait_for("the other router to know", lambda: two.routers[2].get("/v1/policy").headers["ETag"] == f'"{answer.json["version"]}"')
    assert two.routers[2].event("fresh1", "hello", account="fresh").status == 202
    with two.routers[2].agent("bob") as bob:
        serve(bob)


def test_an_agent_put_at_one_router_connects_at_the_other(two):
    assert two.routers[2].call("PUT", "/v1/agents/zoe", {"skills": {"billing": 9}, "capacity": 30}).status == 200
    zoe = two.routers[1].agent("zoe")
    assert zoe.hear("welcome")["agent"] == "zoe"
    zoe.close()
    assert two.routers[1].call("DELETE", "/v1/agents/zoe").status == 200
    wait_for("zoe to be gone", lambda: two.routers[2].get("/v1/agents/zoe").status == 404)


def test_the_leader_is_killed_and_the_standby_leads(two):
    one, other = two.routers[1], two.routers[2]
    with other.agent("ann") as ann, Curl(other) as told:
        events = [(n % 2 + 1, two.routers[n % 2 + 1].event(f"lead{n}", f"refund {n}", customer=f"lead{n}").json["event"]) for n in range(5)]
        held = []
        for _ in range(2):
            offer = ann.hear("offer")
            held.append((offer["ticket"], ann.act("accept", ticket=offer["ticket"], token=offer["token"])["token"]))
        leader = wait_for("news of who leads", lambda: [n for n in ("assign-1", "assign-2") if one.metric(f'naru_leads_total{{process="{n}"')])[0]
        two.kill(leader)
        late = one.event("lead-late", "refund late", customer="late-lead")
        assert late.status == 202
        standby = {"assign-1": "assign-2", "assign-2": "assign-1"}[leader]  # it may lead before the routers have noticed the fall
        wait_for("the standby to lead", lambda: one.metric(f'naru_leads_total{{process="{standby}"'), 40)
        wait_for("both routers to know", lambda: one.get("/readyz").status == other.get("/readyz").status == 200, 40)
        for ticket, token in held:
            assert other.get(f"/v1/tickets/{ticket}").json["agent"] == "ann"
            got = ann.act("resolve", ticket=ticket, token=token)
            assert got["status"] == 200, got
        done = {t for t, _ in held}
        while len(done) < 6:
            ticket = serve(ann, 40)
            assert ticket not in done
            done.add(ticket)
        for n, e in [*events, (1, late.json["event"])]:
            wait_for("it to settle", lambda: state(two.routers[n], e) == "settled")
        wait_for("all ends to be told", lambda: done <= set(told.subjects("ticket.ended")))
        names = [m.name for m in told.messages]
        assert not told.of("gap") and names == sorted(set(names)) and len({epoch for epoch, _ in names}) == 2
        two.start(leader)  # stands by from now on


def test_a_router_is_killed_while_an_agent_of_the_other_holds_its_ticket(two):
    with two.routers[2].agent("ann") as ann:
        event = two.routers[1].event("dead-home", "refund", customer="dead-home").json["event"]
        offer = ann.hear("offer", customer="dead-home")
        token = ann.act("accept", ticket=offer["ticket"], token=offer["token"])["token"]
        two.kill("router-1")
        ann.ref += 1
        ann.say(type="resolve", ref=ann.ref, ticket=offer["ticket"], token=token)  # answered when its home has it
        two.start("router-1")
        result = ann.hear("result", ref=ann.ref, seconds=30)
        if result["status"] != 200:  # its time was over before: asking again is harmless
            assert result["status"] == 503, result
            wait_for("the home", lambda: ann.act("resolve", ticket=offer["ticket"], token=token)["status"] == 200, 30)
        wait_for("it to settle", lambda: state(two.routers[1], event) == "settled", 30)
