"""Bad input: each gets a clear refusal with a stable type, is counted, and disturbs nothing else."""
import json
import socket

import pytest
from conftest import wait_for


@pytest.fixture(scope="module")
def shared(request):
    import shutil
    import tempfile
    from conftest import Naru
    folder = tempfile.mkdtemp(prefix="naru-e2e-")
    n = Naru(folder)
    yield n
    n.stop()
    assert not n.faults()
    shutil.rmtree(folder, ignore_errors=True)


BAD_EVENTS = [
    ("not JSON", b'{"id":', 400, "bad-json"),
    ("a duplicate key", b'{"id":"1","id":"2","account":"web","text":"x"}', 400, "bad-json"),
    ("bad UTF-8", b'{"id":"1","account":"web","text":"\xff"}', 400, "bad-"),
    ("too deep", b'{"id":"1","account":"web","text":"x","attributes":' + b'{"a":' * 80 + b"1" + b"}" * 81, 400, "bad-json"),
    ("no id", b'{"account":"web","text":"x"}', 422, "bad-event"),
    ("an unknown key", b'{"id":"1","account":"web","txt":"x"}', 422, "bad-event"),
    ("an unknown account", b'{"id":"1","account":"wbe","text":"x"}', 422, "unknown-account"),
    ("a number as text", b'{"id":"1","account":"web","text":7}', 422, "bad-event"),
    ("too many", json.dumps([{"id": str(i), "account": "web", "text": "x"} for i in range(101)]).encode(), 422, "batch-too-large"),
    ("too large", b'{"id":"1","account":"web","text":"' + b"x" * 300000 + b'"}', 413, "body-too-large"),
]


@pytest.mark.parametrize("what,body,status,type", BAD_EVENTS, ids=[b[0] for b in BAD_EVENTS])
def test_a_bad_event_is_refused_with_its_reason(shared, what, body, status, type):
    try:
        answer = shared.post("/v1/events", raw=body)
    except (ConnectionError, OSError):
        assert status == 413
        return
    assert answer.status == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert type in answer.json["type"] and answer.json["detail"]


def test_the_nearest_right_word_is_named(shared):
    assert '"text"' in shared.post("/v1/events", raw=b'{"id":"1","account":"web","txt":"x"}').json["detail"]
    assert "web" in shared.post("/v1/events", raw=b'{"id":"1","account":"wbe","text":"x"}').json["detail"]


def test_a_parameter_that_is_not_known_is_not_passed_over(shared):
    wrong = shared.get("/v1/tickets?sate=waiting&limit=5")
    assert wrong.status == 422 and 'did you mean "state"' in wrong.json["detail"], wrong.text
    assert shared.call("POST", "/v1/policy?chekc=1", raw=shared.policy.read_bytes()).status == 422
    assert shared.get("/v1/queues?queue=billing").status == 422
    assert shared.get("/v1/queues?workspace=test").status == 200
    assert shared.get("/v1/tickets?state=waiting&queue=billing&limit=5&workspace=test").status == 200


def test_agents_come_in_pages(shared):
    whole = [a["agent"] for a in shared.get("/v1/agents").json["agents"]]
    seen, after = [], ""
    while True:
        page = shared.get(f"/v1/agents?limit=2{after}").json
        seen += [a["agent"] for a in page["agents"]]
        if "next" not in page:
            break
        after = f"&after={page['next']}"
    assert seen == whole and len(whole) > 2
    assert shared.get("/v1/agents?limit=1001").status == 422


def token(shared, role, subject="x", *more):
    out = shared.naru("token", "create", "--role", role, "--subject", subject, "--workspace", "test",
                      "--tokens", shared.folder / "data" / "tokens", *more)
    assert out.returncode == 0, out.stderr
    return out.stdout.strip()


def test_tokens_and_roles(shared):
    assert shared.get("/v1/queues", token="").status == 401
    assert shared.get("/v1/queues", token="naru_" + "x" * 43).status == 401
    source = token(shared, "source")
    wait_for("the token to be known", lambda: shared.event("t1", token=source).status == 202)
    assert shared.get("/v1/policy", token=source).status == 403
    ann = token(shared, "agent", "ann")
    wait_for("the token to be known", lambda: shared.get("/v1/agents/ann", token=ann).status == 200)
    assert shared.get("/v1/agents/bob", token=ann).status == 403
    assert shared.event("t2", token=ann).status == 403


def test_an_expired_token_is_refused(shared):
    old = token(shared, "source", "x", "--expires", "1ms")
    wait_for("it to expire and be read", lambda: "expired" in shared.event("t3", token=old).text)


def test_unknown_things_are_not_found(shared):
    nobody = "00000000-0000-7000-8000-000000000000"
    for path in (f"/v1/events/{nobody}", f"/v1/tickets/{nobody}", "/v1/agents/nobody", "/v1/queues/nowhere", "/v1/nothing"):
        answer = shared.get(path)
        assert answer.status == 404 and answer.json["type"], path
    assert shared.get("/v1/tickets/not-an-id").status in (400, 404)
    assert shared.call("DELETE", "/v1/queues").status == 405


def raw(shared, data):
    with socket.create_connection(("127.0.0.1", shared.port), timeout=15) as s:
        s.sendall(data)
        got = b""
        while True:
            try:
                more = s.recv(65536)
            except (ConnectionResetError, socket.timeout):
                break
            if not more:
                break
            got += more
    return got


RAW = [
    ("garbage", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"400"),
    ("two hosts", b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
    ("no host", b"GET /healthz HTTP/1.1\r\n\r\n", b"400"),
    ("both lengths", b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
    ("a long line", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"414"),
    ("long headers", b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20000 + b"\r\n\r\n", b"431"),
]


@pytest.mark.parametrize("what,data,status", RAW, ids=[r[0] for r in RAW])
def test_ambiguous_http_is_refused(shared, what, data, status):
    assert status in raw(shared, data).split(b"\r\n", 1)[0]


def test_a_bad_policy_is_refused_and_the_last_good_one_stays(shared):
    before = shared.get("/v1/policy")
    answer = shared.post("/v1/policy", raw=before.text.replace("order: slack", "order: slak", 1).encode(),
                         headers={"Content-Type": "application/yaml"})
    assert answer.status == 422, answer.text
    finding = [f for f in answer.json["findings"] if f["level"] == "error"][0]
    assert "slack" in finding["text"] and finding["line"] > 0
    assert shared.get("/v1/policy").headers["ETag"] == before.headers["ETag"]


def test_a_good_policy_is_swapped_in(shared):
    before = shared.get("/v1/policy")
    answer = shared.post("/v1/policy", raw=before.text.replace("tech: 5", "tech: 4").encode(), headers={"Content-Type": "application/yaml"})
    assert answer.status in (200, 202), answer.text
    wait_for("the swap", lambda: shared.get("/v1/policy").headers["ETag"] != before.headers["ETag"])
    shared.post("/v1/policy", raw=before.text.encode(), headers={"Content-Type": "application/yaml"})


def test_refusals_are_counted(shared):
    assert shared.metric("naru_events_refused_total{") >= 1
    assert shared.metric("naru_http_refused_total{") >= 1
