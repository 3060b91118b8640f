"""GET /v1/stream: what curl and the npm package eventsource hear of a whole Naru."""
import socket
import threading

import pytest
from conftest import running, wait_for
from listen import Curl, EventSource

LONG_AGO = "1.1"


@pytest.fixture(scope="module")
def naru():
    with running() as n:
        yield n


@pytest.fixture(scope="module")
def ear(naru):
    """One who listens to everything all the time, with eventsource."""
    with EventSource(naru) as e:
        yield e


class Proxy:
    """Passes bytes on, until its connections are cut; while `shut`, new ones are closed at once."""

    def __init__(self, to):
        self.to, self.shut, self.pairs = to, False, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.socket.accept()
            except OSError:
                return
            if self.shut:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.to))
            self.pairs.append((near, far))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(a, b), daemon=True).start()

    def carry(self, a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        self.end(a, b)

    def end(self, *sockets):
        for s in sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.shut = True
        for pair in self.pairs:
            self.end(*pair)

    def close(self):
        self.cut()
        self.socket.close()


def opened(naru, ear, id, text="hello", **more):
    """A new ticket, once it was heard of; the message."""
    event = naru.event(id, text, **more).json["event"]
    return ear.hear("ticket.opened", event=event)


def token(naru, role, subject="somebody"):
    made = naru.naru("token", "create", "--role", role, "--subject", subject, "--tokens", naru.folder / "data" / "tokens")
    return made.stdout.strip()


def in_order(messages):
    names = [m.name for m in messages if m["event"] != "gap"]
    return names == sorted(set(names))


def test_everybody_hears_the_life_of_a_ticket_in_its_order(naru, ear):
    with Curl(naru) as curl:
        with naru.agent("ann") as ann:
            ticket = opened(naru, ear, "life", "refund", customer="life")["data"]["subject"]
            offer = ann.hear("offer", ticket=ticket)
            got = ann.act("accept", ticket=ticket, token=offer["token"])
            ann.act("resolve", ticket=ticket, token=got["token"], reason="over")
            ear.hear("ticket.ended", ticket=ticket)
        last = ear.hear("agent.presence", presence="offline")
        wait_for("curl to have heard as much", lambda: curl.messages and curl.messages[-1].name >= last.name)
        mine = [m["event"] for m in ear.messages if m["data"].get("subject") == ticket]
        assert [e for e in mine if e in ("ticket.opened", "ticket.offered", "ticket.accepted", "ticket.ended")] == \
            ["ticket.opened", "ticket.offered", "ticket.accepted", "ticket.ended"]
        assert curl.messages == ear.messages[len(ear.messages) - len(curl.messages):]
    assert in_order(ear.messages) and not ear.of("gap")
    data = ear.hear("ticket.opened", ticket=ticket)["data"]["data"]
    assert (data["account"], data["customer"], data["external_id"], data["verdict"]["intent"]) == ("web", "life", "life", "refund_request")


def test_the_head_says_that_nothing_may_be_kept_or_held_back(naru):
    got = naru.call("HEAD", "/v1/stream")
    assert (got.status, got.headers["Content-Type"], got.text) == (200, "text/event-stream", "")
    assert (got.headers["Cache-Control"], got.headers["X-Accel-Buffering"], got.headers["Content-Length"]) == ("no-store", "no", None)
    with Curl(naru, only="agent.*") as curl:
        assert "HTTP/1.1 200 OK" in curl.lines and "X-Accel-Buffering: no" in curl.lines


def test_each_hears_what_it_asked_for(naru, ear):
    first = opened(naru, ear, "f1", "refund", customer="f1")["data"]["subject"]
    with Curl(naru, only="agent.presence,ticket.offered") as people, Curl(naru, queue="general") as general, \
            Curl(naru, ticket=first) as one:
        opened(naru, ear, "f2", "refund", customer="f2")
        with naru.agent("bob"):
            ear.hear("ticket.offered", ticket=first)
        last = opened(naru, ear, "f3", "hello", customer="f3")
        general.hear("ticket.opened", ticket=last["data"]["subject"])
        people.hear("agent.presence", presence="offline")
        wait_for("the rest of it", lambda: one.messages[-1:] == [m for m in ear.of() if m["data"].get("subject") == first][-1:])
        assert {m["event"] for m in people.messages} == {"agent.presence", "ticket.offered"}
        assert {m["data"]["data"]["queue"] for m in general.messages} == {"general"}
        assert set(one.subjects()) == {first} and "ticket.offered" in {m["event"] for m in one.messages}


def test_after_a_dropped_connection_it_goes_on_without_a_loss_or_a_repetition(naru, ear):
    proxy = Proxy(naru.port)
    try:
        with EventSource(naru, port=proxy.port, only="ticket.opened") as far:
            first = opened(naru, ear, "d1", customer="d1")
            far.hear("ticket.opened", ticket=first["data"]["subject"])
            proxy.cut()
            wait_for("the client to see it", lambda: any('"error"' in l for l in far.lines))
            missed = [opened(naru, ear, f"d{i}", customer=f"d{i}") for i in range(2, 6)]
            proxy.shut = False
            after = opened(naru, ear, "d9", customer="d9")
            far.hear("ticket.opened", ticket=after["data"]["subject"])
            assert far.messages == [first, *missed, after]
    finally:
        proxy.close()


def test_a_last_id_is_gone_on_from_and_one_that_is_none_of_ours_is_a_gap(naru, ear):
    before = opened(naru, ear, "g1", customer="g1")
    missed = opened(naru, ear, "g2", customer="g2")
    with Curl(naru, last="no id of ours") as lost, Curl(naru, after=before["id"]) as found, \
            Curl(naru, after=before["id"], last=missed["id"]) as both:
        new = opened(naru, ear, "g3", customer="g3")
        for listener in (lost, found, both):
            listener.hear("ticket.opened", ticket=new["data"]["subject"])
        assert lost.messages == [{"id": "", "event": "gap", "data": {}}, new]
        assert (found.messages, both.messages) == ([missed, new], [new])


@pytest.mark.parametrize("query, part", [
    ("only=ticket.opend", 'did you mean "ticket.opened"?'),
    ("only=ticket.*,agnet.*", 'did you mean "agent.*"?'),
    ("queue=biling", 'did you mean "billing"?'),
    ("ticket=7", "id of a ticket"),
    ("after=yesterday", "id of a message"),
    ("onyl=ticket.*", 'did you mean "only"?'),
])
def test_a_wrong_question_is_answered_with_the_nearest_right_one(naru, query, part):
    got = naru.get(f"/v1/stream?{query}")
    assert (got.status, got.json["type"]) == (422, "/problems/bad-field") and part in got.json["detail"]


def test_sources_and_agents_may_not_listen(naru):
    assert naru.get("/v1/stream", token="").status == 401
    for role in ("source", "agent"):
        assert naru.get("/v1/stream", token=token(naru, role, "ann")).status == 403


def test_a_stream_ends_when_its_token_is_revoked(naru):
    before = naru.metric('naru_streams_ended_total{process="router-1",cause="token"}')
    tokens = naru.folder / "data" / "tokens"
    mine = token(naru, "supervisor", "leaves-us")
    row = next(l for l in tokens.read_text().splitlines() if " leaves-us " in l)
    with Curl(naru, token=mine) as curl:
        assert naru.naru("token", "revoke", row[:16], "--tokens", tokens).returncode == 0
        wait_for("its end", curl.ended)
    assert naru.metric('naru_streams_ended_total{process="router-1",cause="token"}') == before + 1


def test_after_a_kill_of_the_router_it_goes_on_or_says_that_it_cannot(naru, ear):
    """Last: what the router remembered is gone with it, what the leader tells again is not."""
    first = opened(naru, ear, "k1", customer="k1")
    last = opened(naru, ear, "k2", customer="k2")
    naru.kill("router-1")
    naru.find_port()
    naru.ready()
    with Curl(naru, last=last["id"], only="ticket.*") as fresh, Curl(naru, last=LONG_AGO) as old:
        gap = old.hear("gap")
        assert old.messages[0] is gap and gap["data"]["after"] == LONG_AGO
        new = opened(naru, fresh, "k3", customer="k3")
        assert fresh.of("ticket.opened") == [new] and new.name > last.name
        assert not fresh.of("gap")
    assert first.name < last.name
