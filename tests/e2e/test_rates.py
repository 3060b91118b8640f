"""How often somebody may come: each account, each agent; told as each door tells it, and nobody else is hurt. Beside it: what an agent
says before the welcome, and lists that name what there is not."""
import os
import pathlib
import signal
import socket
import subprocess
import tempfile

import pytest
from conftest import NARU, Agent, running, wait_for

POLICY = """
naru: 1
workspace: rates
capacity: {{ acts: {acts} }}
accounts:
  slow: {{ channel: api, most: {most} }}
  web: {{ channel: webchat }}
  hook: {{ channel: form, provider: generic, signature: none, most: 2/min, map: {{ each: "items[]", id: id, customer: {{ id: from }}, text: text }} }}
  help: {{ channel: email, provider: lmtp, addresses: [help@shop.example], most: 2/min }}
queues:
  first: {{ takes: default }}
agents:
  ann: {{ skills: {{ tech: 5 }} }}
  ben: {{ skills: {{ tech: 5 }} }}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def naru():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="naru-e2e-"))
    (folder / "policy.yaml").write_text(POLICY.format(acts="4/min", most="3/min"))
    port = free_port()
    with running(policy=folder / "policy.yaml", options=["--lmtp", f"127.0.0.1:{port}"]) as n:
        n.lmtp = port
        yield n


def token_of(naru, agent):
    return naru.naru("token", "create", "--role", "agent", "--subject", agent, "--workspace", "rates", "--tokens",
                     naru.folder / "data" / "tokens").stdout.strip()


def refused(naru, name, label):
    return naru.metric(f'naru_{name}{{process="router-1",{label}}}')


# ---- accounts ----


def test_events_beyond_their_accounts_rate_are_asked_to_come_again(naru):
    assert [naru.event(f"s-{i}", account="slow").status for i in range(3)] == [202, 202, 202]
    late = naru.event("s-3", account="slow")
    assert late.status == 429 and late.json["type"] == "/problems/too-many-requests", late.text
    assert 1 <= int(late.headers["Retry-After"]) <= 21 and "3/min" in late.json["detail"]
    assert naru.event("s-0", account="slow").json["duplicate"]  # what is known costs nothing
    assert naru.event("w-0").status == 202  # nobody else is refused for it
    assert refused(naru, "account_refused_total", 'account="rates/slow"') == 1
    assert refused(naru, "events_refused_total", 'cause="rate"') == 1


def test_of_an_array_each_item_is_told(naru):
    got = naru.post("/v1/events", [{"id": "a-1", "account": "web", "text": "one"}, {"id": "a-2", "account": "slow", "text": "two"}])
    assert got.status == 200, got.text
    taken, not_now = got.json["results"]
    assert taken["event"] and not_now["problem"]["status"] == 429 and 1 <= not_now["problem"]["retry_after_ms"] <= 21000
    all_of_it = naru.post("/v1/events", [{"id": f"a-{i}", "account": "slow", "text": "x"} for i in (3, 4)])
    assert all_of_it.status == 429 and all_of_it.headers["Retry-After"]


def test_a_provider_hears_what_makes_it_send_again_and_a_delivery_is_taken_whole(naru):
    send = lambda *ids: naru.post("/v1/channels/hook", {"items": [{"id": i, "from": "kim", "text": "hi"} for i in ids]}, token="")
    assert send("h-1").status == 200
    assert send(*(f"h-{i}" for i in range(2, 12))).status == 200  # one place was free: all ten are in, and owed
    late = send("h-20")
    assert late.status == 503 and late.json["type"] == "/problems/too-many-requests", late.text
    assert int(late.headers["Retry-After"]) > 200  # nine are owed at two a minute
    assert send("h-5").status == 200  # a repetition
    assert refused(naru, "account_refused_total", 'account="rates/hook"') == 1
    assert refused(naru, "channel_refused_total", 'cause="rate"') == 1


def lmtp(naru, id):
    """The answers to RCPT and, when that is taken, to the mail."""
    with socket.create_connection(("127.0.0.1", naru.lmtp), timeout=30) as s:
        f = s.makefile("rb")
        say = lambda *lines: s.sendall("".join(l + "\r\n" for l in lines).encode())
        line = lambda: f.readline().decode().strip()
        assert line().startswith("220")
        say("LHLO test", "MAIL FROM:<kim@x.example>", "RCPT TO:<help@shop.example>")
        while line()[3] == "-":
            pass
        line()
        told = [line()]
        if told[0].startswith("250"):
            say("DATA", "From: kim@x.example", "To: help@shop.example", f"Message-ID: <{id}@x.example>", "", "hello", ".")
            assert line().startswith("354")
            told.append(line())
        return told


def test_a_mail_server_is_asked_to_come_later(naru):
    for i in range(2):
        assert lmtp(naru, f"m{i}")[1].startswith("250"), i
    told = lmtp(naru, "m9")
    assert len(told) == 1 and told[0].startswith("450 4.7.1"), told  # before the mail is read
    assert refused(naru, "lmtp_refused_total", 'cause="rate"') == 1


# ---- agents ----


def test_an_agent_gone_wild_is_refused_by_result_and_stays_connected(naru):
    ann, ben = Agent(naru, "ann", token_of(naru, "ann")), Agent(naru, "ben", token_of(naru, "ben"))
    ann.hear("welcome"), ben.hear("welcome")
    for i in range(50):
        ann.say(type="presence", ref=100 + i, presence="available")
    told = [ann.hear("result", ref=100 + i) for i in range(50)]
    good = [r for r in told if r["status"] == 200]
    late = [r for r in told if r["status"] == 429]
    assert len(good) == 3 and len(late) == 47, [r["status"] for r in told]  # to connect was the first of four
    assert late[0]["problem"] == "too-many-requests" and 1 <= late[0]["retry_after_ms"] <= 16000, late[0]
    assert ben.act("presence", presence="available")["status"] == 200
    ann.say(type="heartbeat"), ann.say(type="nonsense", ref=7)
    assert ann.hear("result", ref=7)["status"] == 400  # the socket is as it was
    token = token_of(naru, "ann")
    got = naru.get("/v1/tickets", token=token)  # one bucket, whichever door
    assert got.status == 429 and got.headers["Retry-After"], got.text
    assert naru.get("/v1/agents/ann").status == 200  # a supervisor's question is none of hers
    assert refused(naru, "agent_refused_total", 'workspace="rates"') == 48
    ann.close(), ben.close()


def test_another_rate_holds_as_soon_as_the_policy_does(naru):
    tag = naru.get("/v1/policy").headers["ETag"]
    assert naru.event("n-1", account="slow").status == 429
    assert naru.event("n-0", account="slow", kind="hangup", conversation="c").status == 202  # what ends work is never refused
    got = naru.call("PUT", "/v1/policy", raw=POLICY.format(acts="100/s", most="500/s").encode(),
                    headers={"Content-Type": "application/yaml", "If-Match": tag})
    assert got.status == 200, got.text
    assert [naru.event(f"n-{i}", account="slow").status for i in range(1, 9)] == [202] * 8
    assert naru.get("/v1/tickets", token=token_of(naru, "ann")).status == 200
    log = "".join(f.read_text() for f in (naru.folder / "data" / "log").glob("router-1*"))
    log += (naru.folder / "up.log").read_text()
    assert log.count("raise accounts.slow.most") == 1 and log.count("raise capacity.acts") == 1  # one line a minute of each kind


def test_naru_check_names_the_place_of_a_wrong_rate_and_the_nearest_right_one(tmp_path):
    (tmp_path / "p.yaml").write_text(POLICY.format(acts="50/second", most="500"))
    got = subprocess.run([NARU, "check", tmp_path / "p.yaml"], capture_output=True, text=True)
    assert got.returncode == 1 and "did you mean 50/s?" in got.stdout and "write 500/s or 500/min" in got.stdout, got.stdout
    assert ":4:19" in got.stdout, got.stdout


# ---- before the welcome ----


def test_what_an_agent_says_before_the_welcome_is_done_after_it(naru):
    pid = naru.children()["assign-1"]
    os.kill(pid, signal.SIGSTOP)  # nobody welcomes now
    try:
        cat = Agent(naru, "ben", token_of(naru, "ben"))
        for i in range(10):
            cat.say(type="presence", ref=i, presence="away", reason=f"r{i}")
        for i in (8, 9):  # beyond a few
            assert cat.hear("result", ref=i)["status"] == 503
        assert not [m for m in cat.kept if m["type"] in ("welcome", "result")]
    finally:
        os.kill(pid, signal.SIGCONT)
    cat.hear("welcome", seconds=60)
    assert [cat.hear("result", ref=i)["status"] for i in range(8)] == [200] * 8
    assert naru.get("/v1/agents/ben").json["reason"] == "r7"  # in their order
    cat.close()


# ---- lists ----


@pytest.mark.parametrize("query, status, says", [
    ("tickets?queue=frist", 404, '"first"'), ("tickets?queue=zzzzzz", 404, "no queue is called"),
    ("tickets?state=resolved&queue=frist", 404, '"first"'), ("tickets?state=waitng", 422, '"waiting"'),
    ("tickets?agent=anm", 404, '"ann"'), ("tickets?state=resolved&agent=ann", 422, "live tickets"),
    ("queues/frist", 404, '"first"'), ("messages?state=sned", 422, "queued, sending"), ("events?state=deda", 422, "state=dead")])
def test_a_list_says_what_there_is_not(naru, query, status, says):
    got = naru.get(f"/v1/{query}")
    assert got.status == status and says in got.json["detail"], got.text


def test_a_list_of_what_there_is_is_a_list(naru):
    for query in ("tickets?queue=first", "tickets?agent=ann", "tickets?state=resolved&queue=first", "tickets?state=waiting&queue=first", "queues/first"):
        assert naru.get(f"/v1/{query}").status == 200, query
