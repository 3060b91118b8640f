"""One customer over all channels: stated, imported, met on two channels, forgotten."""
import pathlib
import subprocess
import tempfile
import time

import pytest
from conftest import NARU, Naru, by_hand, wait_for

POLICY = """
naru: 1
workspace: shop
channels:
  email:   { cost: 15, offer: 20s }
  webchat: { cost: 15, offer: 20s }
accounts:
  mail: { channel: email }
  chat: { channel: webchat }
triage:
  rules:
    - { name: gold, when: { customer.tier: gold }, then: { tag: gold } }
queues:
  desk: { takes: default, choose: [last-agent, longest-idle], last-agent: { within: 1d } }
agents:
  ann: { skills: { talk: 5 } }
  ben: { skills: { talk: 5 } }
"""


@pytest.fixture(scope="module")
def naru():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="naru-customers-"))
    (folder / "policy.yaml").write_text(POLICY)
    n = Naru(folder, policy=folder / "policy.yaml")
    yield n
    n.stop()
    assert not n.faults()


KIM = {"id": "crm-1", "name": "Kim", "tier": "gold", "language": "ko", "attributes": {"segment": "vip", "since": 2019},
       "identities": [{"account": "mail", "id": "kim@example.com"}, {"account": "chat", "id": "77"}]}


def test_a_customer_is_stated_read_and_found(naru):
    answer = naru.post("/v1/customers", KIM)
    assert (answer.status, answer.json) == (200, {"customer": "crm-1", "identities": 2, "moved": 0})
    got = naru.get("/v1/customers/crm-1").json
    assert got["tier"] == "gold" and got["attributes"] == {"segment": "vip", "since": "2019"}
    assert got["identities"] == [{"account": "mail", "id": "kim@example.com", "channel": "email"},
                                 {"account": "chat", "id": "77", "channel": "webchat"}]
    assert naru.get("/v1/customers?account=chat&id=77").json["id"] == "crm-1"
    assert naru.get("/v1/customers?account=mail&id=77").status == 404
    assert naru.get("/v1/customers/nobody").json["type"] == "/problems/customer-not-found"


def test_what_is_wrong_is_told_in_its_place_and_the_others_stand(naru):
    bad = {"id": "x", "identities": [{"account": "mial", "id": "1"}]}
    answer = naru.post("/v1/customers", [{"id": "a"}, bad, {"name": "no id"}, {"id": "b"}])
    assert answer.status == 200 and (answer.json["kept"], answer.json["refused"]) == (2, 2)
    assert 'did you mean "mail"' in answer.json["results"][1]["problem"]["detail"]
    assert naru.post("/v1/customers", bad).json["type"] == "/problems/bad-customer"
    lines = b'{"id":"c"}\n\nnot json\n{"id":"d"}\n'
    answer = naru.call("POST", "/v1/customers", raw=lines, headers={"Content-Type": "application/x-ndjson"})
    assert (answer.json["kept"], answer.json["refused"]) == (2, 1)
    assert naru.post("/v1/customers", [{"id": f"n{i}"} for i in range(1001)]).json["refused"] == 1
    assert naru.post("/v1/customers", {"id": "a"}, token="naru_nonsense").status == 401


def test_a_newer_statement_takes_an_identity(naru):
    assert naru.post("/v1/customers", {"id": "old", "identities": [{"account": "chat", "id": "9"}]}).status == 200
    assert naru.post("/v1/customers", {"id": "new", "identities": [{"account": "chat", "id": "9"}]}).json["moved"] == 1
    assert naru.get("/v1/customers?account=chat&id=9").json["id"] == "new"
    assert naru.get("/v1/customers/old").json["identities"] == []


def test_the_same_person_by_mail_and_by_chat_meets_the_same_agent(naru):
    with naru.agent("ann") as ann:
        naru.event("m1", "my order is late", account="mail", customer={"id": "kim@example.com"})
        offer = ann.hear("offer")
        assert offer["name"] == "Kim" and "gold" in offer["tags"]
        first = offer["ticket"]
        assert ann.act("accept", ticket=first, token=offer["token"])["status"] == 200
        token = wait_for("the ticket to be ann's", lambda: naru.get(f"/v1/tickets/{first}").json.get("state") == "assigned"
                         and naru.get(f"/v1/tickets/{first}").json["token"])
        assert ann.act("resolve", ticket=first, token=token)["status"] == 200
        with naru.agent("ben") as ben:  # has been idle longer than ann
            naru.event("c1", "still nothing", account="chat", customer={"id": "77"})
            again = ann.hear("offer")
            assert [p["ticket"] for p in again["previous"]] == [first]
            assert ann.act("accept", ticket=again["ticket"], token=again["token"])["status"] == 200
            naru.event("c2", "hello", account="chat", customer={"id": "stranger"})
            assert "previous" not in ben.hear("offer")


def test_who_is_forgotten_stays_forgotten(naru):
    assert naru.post("/v1/customers", {"id": "gone", "identities": [{"account": "chat", "id": "g"}]}).status == 200
    assert naru.call("DELETE", "/v1/customers/gone").json == {"forgotten": True}
    assert naru.get("/v1/customers/gone").status == 404
    assert naru.get("/v1/customers?account=chat&id=g").status == 404
    assert naru.call("DELETE", "/v1/customers/gone").status == 404


def test_fifty_thousand_are_imported_and_outlive_a_kill(naru):
    file = naru.folder / "people.csv"
    with file.open("w") as f:
        f.write("id,name,tier,account,identity,segment\n")
        for i in range(50000):
            f.write(f'p{i},"Lee, {i}",{"gold" if i % 10 == 0 else ""},mail,p{i}@example.com,s{i % 7}\n')
            if i % 100 == 0:
                f.write(f"p{i},,,chat,chat-{i},\n")
        f.write("bad,,,nowhere,1,\n,no id,,,,\n")
    begun = time.monotonic()
    url = f"http://127.0.0.1:{naru.port}"
    done = naru.naru("customers", "import", file, "--url", url, "--token", naru.token)
    took = time.monotonic() - begun
    assert "50000 customers kept, 2 refused" in done.stdout, done.stderr[-500:]
    assert f"{file}:50502: " in done.stderr and f"{file}:50503: the id is empty" in done.stderr
    assert done.returncode == 1 and took < 60
    count = naru.metric('naru_customers_linked{process="router-1",what="customers"}')
    naru.kill("router-1")
    naru.ready()
    assert naru.get("/v1/customers?account=chat&id=chat-49900").json["name"] == "Lee, 49900"
    wait_for("the count", lambda: naru.metric('naru_customers_linked{process="router-1",what="customers"}') >= max(count, 50000))
    assert naru.get("/v1/customers/gone").status == 404
    more = naru.folder / "more.jsonl"
    more.write_text('{"id":"j1"}\n{"id":"j2","teir":"x"}\n{"id":"j3"}\n')
    done = naru.naru("customers", "import", more, "--url", f"http://127.0.0.1:{naru.port}", "--token", naru.token, "--from", "2")
    assert "1 customers kept, 1 refused" in done.stdout and 'more.jsonl:2: "teir" is no member' in done.stderr
    assert naru.get("/v1/customers/j1").status == 404


def test_words_of_the_command_are_checked():
    assert subprocess.run([NARU, "customers"], capture_output=True).returncode == 2
    assert subprocess.run([NARU, "customers", "export", "x"], capture_output=True).returncode == 2


def test_what_one_router_is_told_all_know_also_those_that_were_away(tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY)
    with by_hand(routers=2, policy=tmp_path / "policy.yaml") as hand:
        hand.start("redis", "router-1", "router-2", "triage-1", "assign-1").ready()
        one, two = hand.routers[1], hand.routers[2]
        knows = lambda door, id: door.get(f"/v1/customers/{id}").status == 200
        assert one.post("/v1/customers", [{"id": f"k{i}", "name": "Kim " * 50} for i in range(1000)]).json["kept"] == 1000
        assert one.post("/v1/customers", KIM).status == 200
        wait_for("the other router to know all", lambda: knows(two, "k999") and knows(two, "k0") and knows(two, "crm-1"))
        assert two.get("/v1/customers?account=chat&id=77").json["name"] == "Kim"
        hand.kill("router-2")
        assert one.post("/v1/customers", {"id": "late"}).status == 200
        assert one.call("DELETE", "/v1/customers/k7").status == 200
        hand.start("router-2")
        wait_for("what was missed", lambda: knows(two, "late") and not knows(two, "k7"))
        assert knows(two, "k8")
