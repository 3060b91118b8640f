"""What holds over the whole HTTP API: the same request again, traces, problems. One Naru for all of it."""
import concurrent.futures
import http.server
import re
import threading

import pytest
from conftest import POLICY, ROOT, running, wait_for

HEARD = []


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        HEARD.append((self.headers["traceparent"], body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def naru(tmp_path_factory):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    folder = tmp_path_factory.mktemp("conventions")
    (folder / "key").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    (folder / "policy.yaml").write_text(POLICY.read_text() + f"""
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
    for id, flags in (("t0", "01"), ("t-later", "00")):
        version, theirs, own, end = told(id)[0].split("-")
        assert (version, theirs, end) == ("00", trace, flags) and own != span and re.fullmatch("[0-9a-f]{16}", own)
    assert all(told(id) == [None] for id in sent if "wrong" in id)
