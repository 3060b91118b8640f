"""What holds over the whole HTTP API: the same request again, traces, problems. One Naru for all of it."""
import concurrent.futures
import http.server
import json
import re
import threading

import described
import pytest
from conftest import POLICY, ROOT, running, wait_for

HEARD, ASKED = [], []  # what the webhook and the bot were posted, each with its trace


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/bot":
            ASKED.append((self.headers["traceparent"], body))
        else:
            HEARD.append((self.headers["traceparent"], body))
            described.met("tellChange", json.loads(body))
        said = b'{"decline": "closed"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def naru(tmp_path_factory):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.handle_error = lambda *_: None  # who asked has gone
    threading.Thread(target=server.serve_forever, daemon=True).start()
    folder = tmp_path_factory.mktemp("conventions")
    (folder / "key").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    (folder / "policy.yaml").write_text(POLICY.read_text() + f"""
  robot: {{ kind: bot, skills: {{ "lang:ko": 5 }}, capacity: 1000, bot: {{ webhook: "http://127.0.0.1:{server.server_port}/bot", secret: "file:{folder}/key" }} }}
  paula: {{ skills: {{ billing: 2 }} }}
webhooks:
  crm: {{ url: "http://127.0.0.1:{server.server_port}/", secret: "file:{folder}/key", private: yes }}
""")
    with running(policy=folder / "policy.yaml") as n:
        yield n
    server.shutdown()


def keyed(naru, path, body, key, **kw):
    return naru.post(path, body, headers={"Idempotency-Key": key}, **kw)


def ticket_of(naru, ann, id):
    assert naru.event(id, "refund", customer=id).status == 202
    return ann.hear("offer")


def test_an_act_that_is_sent_again_under_its_key_is_answered_as_the_first_was(naru):
    with naru.agent("ann") as ann:
        offer = ticket_of(naru, ann, "i1")
        path, body = f"/v1/tickets/{offer['ticket']}/accept", {"agent": "ann", "token": offer["token"]}
        first = keyed(naru, path, body, "k-1")
        assert first.status == 200 and first.headers["Idempotency-Replayed"] is None
        again = keyed(naru, path, body, "k-1")
        assert (again.status, again.json, again.headers["Idempotency-Replayed"]) == (200, first.json, "true")
        other = keyed(naru, path, {**body, "reason": "x"}, "k-1")
        assert (other.status, other.json["type"]) == (422, "/problems/idempotency-reused")
        path, body = f"/v1/tickets/{offer['ticket']}/resolve", {"agent": "ann", "token": first.json["token"]}
        assert keyed(naru, path, body, "k-1").status == 422  # another path
        done = keyed(naru, path, body, "k-2")
        assert done.status == 200
        path = f"/v1/tickets/{offer['ticket']}/park"
        refused = keyed(naru, path, body, "k-3")
        assert refused.status == 409
        assert keyed(naru, path.replace("park", "resolve"), body, "k-2").json == done.json
        again = keyed(naru, path, body, "k-3")  # a refusal is an answer, too
        assert (again.json, again.headers["Idempotency-Replayed"]) == (refused.json, "true")
    assert naru.metric('naru_idempotent_total{process="router-1",what="replayed"}') == 3
    assert naru.metric('naru_idempotent_total{process="router-1",what="refused"}') == 2


def pages(naru, path, member, limit):
    """All of a list by pages of that size; none is told twice."""
    after, all = "", []
    while True:
        page = naru.get(f"{path}{'&' if '?' in path else '?'}limit={limit}{after}").json
        all += page[member]
        assert len(page[member]) == limit or "next" not in page
        if "next" not in page:
            return all
        after = f"&after={page['next']}"


def test_lists_come_in_pages_of_one_kind(naru):
    events = [naru.event(f"p{i}", "refund", customer=f"p{i}").json["event"] for i in range(3)]
    tickets = [wait_for("its ticket", lambda: naru.get(f"/v1/events/{e}").json.get("ticket")) for e in events]
    ticket = f"/v1/tickets/{tickets[0]}"
    with naru.agent("ann") as ann:
        offer = ann.hear("offer", ticket=tickets[0])
        token = naru.post(f"{ticket}/accept", {"agent": "ann", "token": offer["token"]}).json["token"]
        sent = [naru.post(f"{ticket}/messages", {"agent": "ann", "token": token, "text": f"answer {i}"}).json["message"] for i in range(3)]
    assert naru.event("p-later", "and another thing", customer="p0").status == 202
    wait_for("the later message", lambda: len(naru.get(f"{ticket}/messages").json["messages"]) == 5)
    for path, member, key in ((f"{ticket}/messages", "messages", "id"), ("/v1/messages?state=recorded", "messages", "id"),
                              ("/v1/agents", "agents", "agent"), ("/v1/tickets", "tickets", "ticket")):
        whole = [v[key] for v in pages(naru, path, member, 100)]
        assert len(whole) >= 3 and len(set(whole)) == len(whole)
        assert [v[key] for v in pages(naru, path, member, 2)] == whole, path
    assert set(sent) <= {m["id"] for m in pages(naru, "/v1/messages?state=recorded", "messages", 1)}
    somebody = "00000000-0000-8000-8000-000000000001"
    for path, most in ((f"{ticket}/messages", 1000), ("/v1/messages", 100), ("/v1/tickets", 100), ("/v1/agents", 1000), ("/v1/feedback", 1000),
                       ("/v1/events?state=dead", 100), ("/v1/webhooks/crm/dead", 1000)):
        ask = lambda more: naru.get(f"{path}{'&' if '?' in path else '?'}{more}")
        assert ask(f"limit={most}").status == 200, path
        for wrong in ("limit=0", f"limit={most + 1}", "limit=x", f"after={'x' * 200}"):
            assert (ask(wrong).status, ask(wrong).json["type"]) == (422, "/problems/bad-field"), (path, wrong)
        if path in (f"{ticket}/messages", "/v1/agents", "/v1/events?state=dead", "/v1/webhooks/crm/dead"):
            assert ask(f"after={somebody}").status == 422, path  # not in the list: neither the first page nor none


def test_keys_of_one_asker_are_not_those_of_another(naru):
    made = naru.naru("token", "create", "--role", "source", "--workspace", "test", "--subject", "shop", "--tokens",
                     naru.folder / "data" / "tokens").stdout.strip()
    event = {"id": "o1", "account": "web", "text": "hello"}
    first = keyed(naru, "/v1/events", event, "mine")
    theirs = keyed(naru, "/v1/events", {**event, "id": "o2"}, "mine", token=made)
    assert first.status == theirs.status == 202 and first.json["event"] != theirs.json["event"]
    assert keyed(naru, "/v1/events", event, "mine").json == first.json  # not "duplicate": the first answer


def test_a_key_that_is_none_is_refused(naru):
    for key in ("x" * 256, "two words", "\x7f"):
        answer = keyed(naru, "/v1/events", {"id": "n1", "account": "web", "text": "x"}, key)
        assert answer.status == 400, key
    assert keyed(naru, "/v1/events", {"id": "n1", "account": "web", "text": "x"}, '"quoted-1"').status == 202


def test_the_same_request_many_times_at_once_acts_once(naru):
    body = [{"id": f"c{i}", "account": "load", "text": "hello"} for i in range(100)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: keyed(naru, "/v1/events", body, "burst"), range(16)))
    taken = [a for a in answers if a.status == 202]
    assert taken and {a.status for a in answers} <= {202, 409}
    assert all(a.json == taken[0].json for a in taken) and not any(r["duplicate"] for r in taken[0].json["results"])
    assert all(a.json["type"] == "/problems/idempotency-under-way" for a in answers if a.status == 409)


def test_every_problem_type_leads_somewhere(naru):
    for status, type, title in re.findall(r'X\([A-Z_0-9]+, (\d+), "([a-z0-9-]+)",\s*\\?\s*"([^"]+)"\)', (ROOT / "router" / "problems.h").read_text()):
        assert naru.get(f"/problems/{type}", token="").json == {"type": f"/problems/{type}", "title": title, "status": int(status)}
    assert naru.get("/problems/none", token="").status == 404


def test_a_trace_goes_on_with_what_leaves_for_the_ticket(naru):
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    wrong = (f"00-{'0' * 32}-{span}-01", f"00-{trace}-{'0' * 16}-01", f"ff-{trace}-{span}-01", f"00-{trace.upper()}-{span}-01",
             f"00-{trace}-{span}-01-x", f"00-{trace}-{span}", "x" * 55)
    sent = {"t0": f"00-{trace}-{span}-01", "t-later": f"01-{trace}-{span}-00-more", **{f"t-wrong-{i}": w for i, w in enumerate(wrong)}}
    for id, header in sent.items():
        body = {"id": id, "account": "load", "text": "hello", "customer": id}
        assert naru.post("/v1/events", body, headers={"traceparent": header}).status == 202
    told = lambda id: [t for t, body in HEARD if "naru.ticket.opened" in body and f'"{id}"' in body]
    for id in sent:
        wait_for(f"{id} to be told", lambda: told(id))
    asked = lambda id: [t for t, body in ASKED if f'"{id}"' in body]
    wait_for("the bot to be asked", lambda: asked("t0") and asked("t-later") and asked("t-wrong-0"))
    assert asked("t-wrong-0")[0] is None
    for by, id, flags in [(by, *row) for by in (told, asked) for row in (("t0", "01"), ("t-later", "00"))]:
        version, theirs, own, end = by(id)[0].split("-")
        assert (version, theirs, end) == ("00", trace, flags) and own != span and re.fullmatch("[0-9a-f]{16}", own)
    assert all(told(id) == [None] for id in sent if "wrong" in id)


# ---- the same, or changed meanwhile ----


def tag_of(naru, path, **kw):
    answer = naru.get(path, **kw)
    assert answer.status == 200 and answer.headers["ETag"], answer.text
    return answer.headers["ETag"]


def put(naru, path, body, match=None, method="PUT", raw=None):
    return naru.call(method, path, body, raw=raw, headers={"If-Match": match} if match else {})


def test_a_read_of_what_is_known_is_answered_304(naru):
    assert naru.post("/v1/customers", {"id": "e1", "name": "Kim", "identities": [{"account": "web", "id": "e1"}]}).status == 200
    for path in ("/v1/policy", "/v1/agents/paula", "/v1/customers/e1", "/v1/customers?account=web&id=e1"):
        tag = tag_of(naru, path)
        for header in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            answer = naru.get(path, headers={"If-None-Match": header})
            assert (answer.status, answer.text, answer.headers["ETag"]) == (304, "", tag), (path, header)
        for header in ('"other"', tag.strip('"'), tag[:-1]):
            assert naru.get(path, headers={"If-None-Match": header}).status == 200, (path, header)


def test_an_agent_is_changed_by_who_has_read_it_last(naru):
    path, refused = "/v1/agents/paula", "/problems/precondition-failed"
    of_policy = tag_of(naru, path)
    assert put(naru, path, {"skills": {"billing": 4}}, '"other/1"').json["type"] == refused
    first = put(naru, path, {"skills": {"billing": 4}}, of_policy)
    assert first.status == 200
    assert put(naru, path, {"skills": {"billing": 5}}, of_policy).status == 412
    tag = tag_of(naru, path)
    assert tag.startswith(f'"{first.json["version"]}/') and naru.get(path).json["skills"]["billing"] == 4
    with naru.agent("paula"):  # presence changes the tag, and is nothing that a PUT replaces
        assert naru.get(path, headers={"If-None-Match": tag}).status == 200
        assert put(naru, path, {"skills": {"billing": 6}}, tag).status == 200
    with concurrent.futures.ThreadPoolExecutor(4) as pool:  # of several who have read the same, one changes it
        tag = tag_of(naru, path)
        made = list(pool.map(lambda n: put(naru, path, {"skills": {"billing": n}}, tag).status, (1, 2, 3, 7)))
    assert sorted(made) == [200, 412, 412, 412]
    assert put(naru, path, None, tag, "DELETE").status == 412
    assert put(naru, path, None, f'"x", {tag_of(naru, path)}', "DELETE").status == 200
    assert naru.get(path).json["skills"]["billing"] == 2  # what the policy says of them
    assert put(naru, "/v1/agents/nobody", {"skills": {}}, "*").status == 412
    assert put(naru, "/v1/agents/nobody", None, "*", "DELETE").status == 404
    assert put(naru, path, {"skills": {}}, 'W/"weak"').status == 412


def test_a_customer_is_changed_by_who_has_read_it_last(naru):
    said = {"id": "e2", "name": "Lee", "identities": [{"account": "web", "id": "e2"}]}
    assert put(naru, "/v1/customers", said, "*", "POST").status == 412  # there is none yet
    assert naru.post("/v1/customers", said).status == 200
    tag = tag_of(naru, "/v1/customers/e2")
    assert put(naru, "/v1/customers", {**said, "tier": "gold"}, tag, "POST").status == 200
    late = put(naru, "/v1/customers", {**said, "tier": "silver"}, tag, "POST")
    assert (late.status, late.json["type"]) == (412, "/problems/precondition-failed")
    assert naru.get("/v1/customers/e2").json["tier"] == "gold"
    several = put(naru, "/v1/customers", [said], tag, "POST")
    assert (several.json["refused"], several.json["results"][0]["problem"]["status"]) == (1, 422)
    tag = tag_of(naru, "/v1/customers/e2")
    assert naru.post("/v1/customers", {"id": "e3", "identities": [{"account": "web", "id": "e2"}]}).json["moved"] == 1
    assert put(naru, "/v1/customers/e2", None, tag, "DELETE").status == 412  # it has lost an identity
    assert put(naru, "/v1/customers/e2", None, tag_of(naru, "/v1/customers/e2"), "DELETE").status == 200


def test_a_policy_is_changed_by_who_has_read_it_last(naru):
    tag, text = tag_of(naru, "/v1/policy"), naru.get("/v1/policy").text.encode()
    assert put(naru, "/v1/policy", None, '"sha256:0"', raw=text + b"# other\n").status == 412
    assert put(naru, "/v1/policy", None, tag, raw=text + b"# other\n").status == 200
    assert put(naru, "/v1/policy", None, tag, raw=text + b"# late\n").status == 412
    assert tag_of(naru, "/v1/policy") != tag
