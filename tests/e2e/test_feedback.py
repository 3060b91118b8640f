"""Corrections: given by those who had the ticket, kept, listed, shown."""
import json

import pytest
from conftest import by_hand, running, wait_for
from described import OPENAPI, wrong


@pytest.fixture(scope="module")
def door():
    with running() as naru:
        yield naru


def token(naru, role, subject, workspace="*"):
    made = naru.naru("token", "create", "--role", role, "--subject", subject, "--workspace", workspace, "--data",
                     naru.folder / "data")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def live(door, id, text, **more):
    """The ticket of a new message, live."""
    event = door.event(id, text, **more).json["event"]
    return wait_for("the ticket", lambda: door.get(f"/v1/events/{event}").json.get("ticket"))


def correct(door, ticket, **said):
    who = said.pop("token", None)
    return door.post(f"/v1/tickets/{ticket}/feedback", said, token=who)


def rows(door, ticket, query=""):
    return [r for r in door.get(f"/v1/feedback?limit=1000{query}").json["feedback"] if r["ticket"] == ticket]


def end(door, ticket):
    assert door.post(f"/v1/tickets/{ticket}/cancel", {}).status == 200
    wait_for("its end", lambda: door.get(f"/v1/tickets/{ticket}").json["state"] == "cancelled")


def test_a_correction_of_a_live_ticket_is_listed_with_the_text_and_the_verdict_it_is_about(door):
    ticket = live(door, "f1", "please refund me", subject="My order", customer="c-f1")
    before = door.metric('naru_feedback_total{process="router-1",field="intent"')
    given = correct(door, ticket, intent="refund_status", urgency="high", note="asks where the money is")
    assert given.status == 200 and given.json["ticket"] == ticket
    [row] = rows(door, ticket)
    assert row["text"] == "please refund me" and row["subject"] == "My order" and row["account"] == "web"
    assert row["correction"] == {"intent": "refund_status", "urgency": "high"} and row["note"] == "asks where the money is"
    assert row["source"] == "operator" and row["queue"] == "billing"
    verdict = row["verdict"]
    assert verdict["intent"] == "refund_request" and verdict["intent_by"] == "rule:refund" and verdict["confidence"] == 1
    assert verdict["policy"].startswith("sha256:") and verdict["urgency"] == "normal"
    assert door.metric('naru_feedback_total{process="router-1",field="intent"') == before + 1


def test_it_is_shown_with_the_ticket_and_by_explain_while_it_lives_and_when_it_is_closed(door):
    ticket = live(door, "f2", "where is my parcel")
    assert "feedback" not in door.get(f"/v1/tickets/{ticket}").json
    assert correct(door, ticket, language="en", intent="parcel").status == 200
    for _ in ("live", "closed"):
        for path in ("", "/explain"):
            [shown] = door.get(f"/v1/tickets/{ticket}{path}").json["feedback"]
            assert shown["correction"] == {"intent": "parcel", "language": "en"}, path
        told = door.naru("explain", ticket, "--url", f"http://127.0.0.1:{door.port}", "--token", door.token).stdout
        assert "intent parcel, language en" in told
        if _ == "live":
            end(door, ticket)


def test_a_closed_ticket_is_corrected_out_of_the_history_and_a_restart_keeps_it(door):
    ticket = live(door, "f3", "my invoice is wrong")
    end(door, ticket)
    assert correct(door, ticket, intent="invoice_wrong").status == 200
    door.kill("router-1")
    door.ready()
    [row] = rows(door, ticket)
    assert row["text"] == "my invoice is wrong" and row["verdict"]["urgency"] == "normal"
    assert door.get(f"/v1/tickets/{ticket}").json["feedback"][0]["correction"] == {"intent": "invoice_wrong"}


def test_the_same_persons_later_word_replaces_theirs_and_others_words_stand_beside_it(door):
    ticket = live(door, "f4", "hello there")
    boss = token(door, "supervisor", "boss")
    first = correct(door, ticket, intent="one")
    assert correct(door, ticket, intent="boss_says", token=boss).status == 200
    assert correct(door, ticket, intent="two").status == 200
    assert sorted(r["correction"]["intent"] for r in rows(door, ticket)) == ["boss_says", "two"]
    assert all(r["number"] > 0 for r in rows(door, ticket)) and first.status == 200


def test_an_agent_corrects_what_they_hold_or_held_and_nothing_else(door):
    ann, bob = token(door, "agent", "ann"), token(door, "agent", "bob")
    with door.agent("ann") as desk:
        ticket = live(door, "f5", "refund please")
        offer = desk.hear("offer", ticket=ticket)
        early = correct(door, ticket, intent="mine", token=ann)
        assert early.status == 403 and early.json["type"] == "/problems/forbidden"  # an offer is not yet theirs
        held = desk.act("accept", ticket=ticket, token=offer["token"])
        assert held["status"] == 200
        assert correct(door, ticket, intent="mine", token=ann).status == 200
        assert correct(door, ticket, intent="not_mine", token=bob).status == 403
        assert desk.act("transfer", ticket=ticket, token=held["token"], queue="technical")["status"] == 200
        assert correct(door, ticket, urgency="low", token=ann).status == 200  # they held it
        end(door, ticket)
        assert correct(door, ticket, sentiment="negative", token=ann).status == 200
        assert correct(door, ticket, sentiment="negative", token=bob).status == 403
    said = {r["source"]: r["correction"] for r in rows(door, ticket)}
    assert said == {"agent": {"sentiment": "negative"}, "transfer": {"queue": "technical"}}
    assert door.get("/v1/feedback", token=ann).status == 403


def test_a_transfer_is_a_correction_of_the_queue_unless_it_goes_nowhere(door):
    ticket = live(door, "f6", "refund me now")
    assert door.post(f"/v1/tickets/{ticket}/transfer", {"queue": "billing"}).status == 200
    assert correct(door, ticket, urgency="low").status == 200  # behind what the transfer may have left
    assert [r["source"] for r in rows(door, ticket)] == ["operator"]
    assert door.post(f"/v1/tickets/{ticket}/transfer", {"queue": "nowhere"}).status == 404
    assert door.post(f"/v1/tickets/{ticket}/transfer", {"queue": "general"}).status == 200
    [row] = wait_for("the correction", lambda: [r for r in rows(door, ticket) if r["source"] == "transfer"])
    assert row["correction"] == {"queue": "general"} and row["queue"] == "billing"
    assert row["text"] == "refund me now"


@pytest.mark.parametrize("said, detail", [
    ({}, "at least one of intent, queue, urgency"),
    ({"note": "hm"}, "at least one of intent, queue, urgency"),
    ({"intnet": "x"}, 'did you mean "intent"?'),
    ({"intent": ""}, "1 to 64 bytes"),
    ({"intent": "a b"}, "letters, digits and -_.@+"),
    ({"intent": "x" * 65}, "1 to 64 bytes"),
    ({"intent": 7}, "must be a string, not a number"),
    ({"queue": "biling"}, 'did you mean "billing"?'),
    ({"urgency": "urgent"}, "none of low, normal, high, critical"),
    ({"urgency": "hihg"}, 'did you mean "high"?'),
    ({"sentiment": "unknown"}, "none of negative, neutral, positive"),
    ({"language": "Korean"}, "like ko or en"),
    ({"intent": "x", "note": "n" * 513}, "longer than 512 bytes"),
])
def test_what_cannot_be_a_correction_is_refused_with_the_nearest_right_answer(door, said, detail):
    ticket = live(door, "f7", "whatever")
    before = door.metric('naru_feedback_refused_total{process="router-1",cause="bad-field"')
    answer = correct(door, ticket, **said)
    assert answer.status == 422 and answer.json["type"] == "/problems/bad-field"
    assert detail in answer.json["detail"], answer.json["detail"]
    assert door.metric('naru_feedback_refused_total{process="router-1",cause="bad-field"') == before + 1
    assert rows(door, ticket) == []


def test_unknown_tickets_bad_bodies_and_bad_queries_are_refused(door):
    assert correct(door, "0192aaaa-0000-7001-8000-000000000000", intent="x").status == 404
    assert correct(door, "nonsense", intent="x").json["type"] == "/problems/ticket-not-found"
    ticket = live(door, "f8", "whatever")
    assert door.call("POST", f"/v1/tickets/{ticket}/feedback", raw=b"{").json["type"] == "/problems/bad-json"
    for query in ("since=yesterday", "after=x", "limit=0", "limit=1001"):
        assert door.get(f"/v1/feedback?{query}").status == 422, query


def test_the_list_goes_on_where_it_ended_and_takes_a_time(door):
    tickets = [live(door, f"f9-{i}", f"message {i}") for i in range(5)]
    at = [correct(door, t, intent=f"i{i}").json["at"] for i, t in enumerate(tickets)]
    got, after = [], ""
    while True:
        page = door.get(f"/v1/feedback?limit=2&since={at[0]}{after}").json
        got += page["feedback"]
        if "next" not in page:
            break
        after = f"&after={page['next']}"
    assert [r["ticket"] for r in got if r["ticket"] in tickets] == tickets
    assert [r["number"] for r in got] == sorted(r["number"] for r in got)
    assert tickets[4] not in [r["ticket"] for r in door.get("/v1/feedback?since=2200-01-01T00:00:00Z").json["feedback"]]


def test_messages_said_at_once_are_one_text_and_korean_stays_whole(door):
    ticket = live(door, "f10", "안녕하세요", conversation="f10", customer="c-f10")
    joined = door.event("f10b", "환불이 " * 2000, conversation="f10", customer="c-f10").json["event"]
    wait_for("the second message", lambda: door.get(f"/v1/events/{joined}").json.get("ticket") == ticket)
    assert correct(door, ticket, intent="refund_request", language="ko").status == 200
    [row] = rows(door, ticket)
    assert row["text"].startswith("안녕하세요\n환불이 환불이") and 4090 < len(row["text"].encode()) <= 4096


def test_a_live_ticket_is_corrected_at_any_router_a_closed_one_at_its_home():
    with by_hand(routers=2) as hand:
        hand.start("redis", "router-1", "router-2", "triage-1", "assign-1").ready()
        one, two = hand.routers[1], hand.routers[2]
        ticket = live(one, "r1", "refund please")
        assert correct(two, ticket, intent="elsewhere").status == 200
        [row] = rows(two, ticket)
        assert row["text"] == "refund please" and row["verdict"]["intent"] == "refund_request" and row["queue"] == "billing"
        assert two.get(f"/v1/tickets/{ticket}").json["feedback"][0]["correction"] == {"intent": "elsewhere"}
        assert rows(one, ticket) == []
        end(one, ticket)
        wait_for("two to forget it", lambda: two.get(f"/v1/tickets/{ticket}").status == 404)
        away = correct(two, ticket, intent="late")
        assert away.status == 404 and "router number 1 has it" in away.json["detail"]
        assert correct(one, ticket, intent="late").status == 200


def test_answers_have_the_members_that_are_described(door):
    def known(schema, body):
        assert not wrong(OPENAPI, {"$ref": f"#/components/schemas/{schema}"}, body)
    ticket = live(door, "f11", "refund", subject="s")
    known("Correction", correct(door, ticket, intent="x", note="n").json)
    [row] = rows(door, ticket)
    known("Feedback", row)
    known("Ticket", door.get(f"/v1/tickets/{ticket}").json)
    known("Explanation", door.get(f"/v1/tickets/{ticket}/explain").json)


def test_naru_feedback_writes_a_line_for_each_out_of_a_router_a_folder_or_such_a_file(door):
    ticket = live(door, "f12", "다른 말\n\"인용\"")
    assert correct(door, ticket, intent="exported").status == 200
    for i in range(3):
        assert correct(door, live(door, f"f12-{i}", f"another {i}"), urgency="low").status == 200
    out = door.folder / "out.jsonl"
    url = f"http://127.0.0.1:{door.port}"
    done = door.naru("feedback", door.folder / "data", "--out", out)
    assert done.returncode == 0 and "corrections" in done.stderr, done.stderr
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert lines == door.get("/v1/feedback?limit=1000").json["feedback"]
    again = door.naru("feedback", url, "--token", door.token)
    assert again.stdout == out.read_text()
    assert door.naru("feedback", out).stdout == out.read_text()
    later = door.naru("feedback", url, "--token", door.token, "--since", lines[-1]["at"].replace("Z", "+00:00"))
    assert 1 <= len(later.stdout.splitlines()) < len(lines)


@pytest.mark.parametrize("args, told", [
    (["/nonexistent"], "a URL begins with http://"),
    (["http://127.0.0.1:1", "--token", "x"], "is it running?"),
    (["{url}", "--token", "wrong"], "401"),
    (["{url}", "--token", "{token}", "--since", "today"], '"since" must be a time'),
    (["{folder}"], "start it with naru up"),
    (["{bad}"], "line 2, byte"),
    (["{other}"], "line 1 is no correction"),
])
def test_what_naru_feedback_cannot_read_is_said_with_the_place(door, args, told):
    (door.folder / "bad.jsonl").write_text('{"correction": {"intent": "a"}}\n{"correction": \n')
    (door.folder / "other.jsonl").write_text('{"text": "a"}\n')
    where = {"url": f"http://127.0.0.1:{door.port}", "token": door.token, "folder": door.folder, "bad": door.folder / "bad.jsonl",
             "other": door.folder / "other.jsonl"}
    done = door.naru("feedback", *[a.format(**where) for a in args])
    assert done.returncode == 1 and told in done.stderr, done.stderr


# Words that the first model knows, and words that only corrections teach.
KNOWN = {"refund": ("kettle torn", "coat broken"), "delivery": ("parcel late", "courier lost"), "login": ("password refused", "account locked")}
TAUGHT = {"refund": ("zorb", "quixan"), "delivery": ("vumta", "neekol"), "login": ("hibbo", "trefly")}
OPENINGS = ("hello", "hi there", "please help", "안녕하세요", "저기요", "once more")


def classified(door, model, text):
    done = door.naru("classify", "--model", model, input=text + "\n")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["label"]


def test_what_was_judged_wrongly_is_corrected_learnt_and_swapped_only_when_better(door):
    folder = door.folder / "learning"
    folder.mkdir()
    base, model = folder / "base.tsv", folder / "intent.model"
    rows_of_base = [f"{o} {w} {n}\t{label}" for label, words in KNOWN.items() for w in words for o in OPENINGS for n in range(4)]
    base.write_text("text\tintent\n" + "\n".join(rows_of_base) + "\n", encoding="utf-8")
    train = ("train", "--data", base, "--text", "text", "--label", "intent", "--out", model, "--quiet")
    first = door.naru(*train)
    assert first.returncode == 0, first.stderr
    old = model.read_bytes()

    agree = {label: live(door, f"l-{label}", f"again {words[0]}") for label, words in KNOWN.items()}
    for label, ticket in agree.items():
        assert correct(door, ticket, intent=label).status == 200
    nothing = door.naru(*train, "--from-feedback", door.folder / "data", "--feedback-held", "90")
    assert nothing.returncode in (1, 2) and model.read_bytes() == old, nothing.stdout

    for i in range(24):
        for label, words in TAUGHT.items():
            ticket = live(door, f"l-{label}-{i}", f"{OPENINGS[i % 6]} refund {words[i % 2]} {i}")
            judged = door.get(f"/v1/tickets/{ticket}/explain").json["verdict"]
            assert judged["intent"] == "refund_request"  # the rule's word, and wrong
            assert correct(door, ticket, intent=label).status == 200
    said = door.naru(*train, "--from-feedback", f"http://127.0.0.1:{door.port}", "--token", door.token)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "corrections held back" in said.stdout and "base, cross-validated" in said.stdout and "\nbetter: " in said.stdout
    assert model.read_bytes() != old
    assert classified(door, model, "well then, my neekol refund") == "delivery"

    better = model.read_bytes()
    again = door.naru(*train, "--from-feedback", door.folder / "data")
    assert again.returncode == 1 and "no clear difference" in again.stdout and model.read_bytes() == better
    forced = door.naru(*train, "--from-feedback", door.folder / "data", "--force")
    assert forced.returncode == 0 and "written all the same" in forced.stdout
    assert not list(folder.glob("intent.model.*")) and {p.name for p in folder.iterdir()} == {"base.tsv", "intent.model"}
