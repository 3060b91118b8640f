"""The main job: a customer's message goes in, the right agent has it."""
from conftest import json_line, wait_for


def settled(naru, event):
    return lambda: naru.get(f"/v1/events/{event}").json["state"] == "settled"


def test_a_message_is_offered_accepted_and_resolved(naru):
    ann = naru.agent("ann").available()
    answer = naru.event("m1", "I want a refund", customer="c1")
    assert answer.status == 202 and answer.json["duplicate"] is False
    offer = ann.hear("offer")
    assert offer["queue"] == "billing" and offer["messages"][0]["text"] == "I want a refund"
    accepted = ann.act("accept", ticket=offer["ticket"], token=offer["token"])
    assert accepted["status"] == 200 and accepted["token"] != offer["token"]
    assert naru.get(f"/v1/tickets/{offer['ticket']}").json["state"] == "assigned"
    assert ann.act("resolve", ticket=offer["ticket"], token=accepted["token"])["status"] == 200
    wait_for("the event to settle", settled(naru, answer.json["event"]))
    ticket = naru.get(f"/v1/tickets/{offer['ticket']}").json
    assert ticket["state"] == "resolved"


def test_the_best_skilled_agent_is_chosen(naru):
    bob, ann = naru.agent("bob").available(), naru.agent("ann").available()
    naru.event("m1", "환불을 받고 싶어요", customer="c1")
    assert ann.hear("offer")["queue"] == "billing"


def test_the_same_identity_again_gives_the_same_answer(naru):
    first = naru.event("m1", "hello")
    again = naru.event("m1", "hello")
    other = naru.event("m1", "hello", account="text")
    assert first.status == again.status == 202
    assert first.json["event"] == again.json["event"] and again.json["duplicate"] is True
    assert other.json["event"] != first.json["event"]


def test_an_array_and_ndjson_are_answered_per_event(naru):
    good = {"id": "a1", "account": "web", "text": "one"}
    bad = {"id": "a2", "account": "nowhere", "text": "two"}
    answer = naru.post("/v1/events", [good, bad])
    assert [("event" in r) for r in answer.json["results"]] == [True, False]
    assert "unknown-account" in answer.json["results"][1]["problem"]["type"]
    lines = b'{"id":"n1","account":"web","text":"one"}\n{"id":"n2","account":"web","text":"two"}\n'
    answer = naru.post("/v1/events", raw=lines, headers={"Content-Type": "application/x-ndjson"})
    assert answer.status == 202 and len(answer.json["results"]) == 2


def test_a_new_message_of_a_live_conversation_reaches_the_agent_who_has_it(naru):
    ann = naru.agent("ann").available()
    naru.event("m1", "refund please", customer="c1")
    offer = ann.hear("offer")
    accepted = ann.act("accept", ticket=offer["ticket"], token=offer["token"])
    second = naru.event("m2", "it is order 77", customer="c1")
    message = ann.hear("message")
    assert message["ticket"] == offer["ticket"] and message["messages"][-1]["text"] == "it is order 77"
    assert naru.get(f"/v1/events/{second.json['event']}").json["ticket"] == offer["ticket"]
    ann.act("resolve", ticket=offer["ticket"], token=accepted["token"])
    wait_for("both to settle", settled(naru, second.json["event"]))


def test_a_burst_of_one_customer_is_one_ticket_in_order(naru):
    events = [naru.event(f"m{i}", f"part {i}", customer="c1").json["event"] for i in range(5)]
    wait_for("all taken", lambda: all(naru.get(f"/v1/events/{e}").json["state"] == "taken" for e in events))
    assert len({naru.get(f"/v1/events/{e}").json["ticket"] for e in events}) == 1
    ann = naru.agent("ann").available()
    assert [m["text"] for m in ann.hear("offer")["messages"]] == [f"part {i}" for i in range(5)]


def test_a_declined_ticket_goes_to_another_at_once(naru):
    ann = naru.agent("ann").available()
    naru.event("m1", "outage here", customer="c1")
    offer = ann.hear("offer")
    carl = naru.agent("carl").available()
    assert ann.act("decline", ticket=offer["ticket"], token=offer["token"], reason="lunch")["status"] == 200
    assert carl.hear("offer")["ticket"] == offer["ticket"]


def test_an_offer_nobody_answers_expires_and_goes_on(naru):
    ann = naru.agent("ann").available()
    naru.event("m1", "outage here", customer="c1")
    offer = ann.hear("offer")
    carl = naru.agent("carl").available()
    assert ann.hear("withdrawn", seconds=15)["ticket"] == offer["ticket"]
    assert carl.hear("offer")["ticket"] == offer["ticket"]
    late = ann.act("accept", ticket=offer["ticket"], token=offer["token"])
    assert late["status"] == 409


def test_tickets_wait_for_an_agent_and_are_offered_the_moment_one_comes(naru):
    for i in range(3):
        naru.event(f"m{i}", f"refund {i}", customer=f"c{i}")
    wait_for("three waiting", lambda: [q for q in naru.get("/v1/queues").json["queues"] if q["queue"] == "billing" and q["waiting"] == 3])
    ann = naru.agent("ann").available()
    assert [ann.hear("offer")["messages"][0]["text"] for _ in range(3)] == ["refund 0", "refund 1", "refund 2"]


def test_a_dropped_socket_resumes_with_what_it_held(naru):
    ann = naru.agent("ann").available()
    naru.event("m1", "refund", customer="c1")
    offer = ann.hear("offer")
    token = ann.act("accept", ticket=offer["ticket"], token=offer["token"])["token"]
    ann.ws.sock.close()
    back = naru.agent("ann")
    assert back.hear("assigned")["ticket"] == offer["ticket"]
    assert back.act("resolve", ticket=offer["ticket"], token=token)["status"] == 200


def test_explain_tells_the_life_of_a_ticket(naru):
    ann = naru.agent("ann").available()
    naru.event("m1", "there is an outage", customer="c1")
    ticket = ann.hear("offer")["ticket"]
    life = naru.get(f"/v1/tickets/{ticket}/explain").json
    assert [e["kind"] for e in life["life"]][:2] == ["opened", "offered"]
    out = naru.naru("explain", ticket, "--url", f"http://127.0.0.1:{naru.port}", "--token", naru.token)
    assert out.returncode == 0 and "outage" in out.stdout and "ann" in out.stdout


def test_metrics_are_clean_and_count(naru):
    import subprocess
    naru.event("m1")
    naru.event("m1")
    naru.event("m2", account="nowhere")
    text = naru.get("/metrics").text
    check = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr
    assert naru.metric('naru_events_total{process="router-1",result="accepted"}') == 1
    assert naru.metric('naru_events_total{process="router-1",result="duplicate"}') == 1


def test_the_load_clients_do_the_whole_job(naru, tmp_path):
    texts = tmp_path / "t.tsv"
    texts.write_text("text\n" + "".join(f"message number {i}\n" for i in range(300)))
    crowd = naru.client("crowd", "--agents", "5", "--register", "--until-idle", "3")
    sent = naru.naru("send", "--file", texts, "--account", "load", "--closed", "32", "--count", "300", "--json",
                     "--url", f"http://127.0.0.1:{naru.port}", "--token", naru.token)
    assert json_line(sent.stdout)["accepted_2xx"] == 300
    got = json_line(crowd.communicate(timeout=120)[0])
    assert got["resolved"] == 300 and got["double"] == 0
