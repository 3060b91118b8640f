"""Recorded tickets as the arrivals of a simulation: who was served, who hung up, and what is drawn for both."""
import csv
import datetime

import pytest
from conftest import ROOT, running, wait_for

POLICY = ROOT / "tests" / "policy.yaml"
SERVED, HUNG_UP = 6, 3


@pytest.fixture(scope="module")
def door():
    """A Naru in which six customers of billing were served by one agent, and three of technical hung up."""
    with running() as naru:
        with naru.agent("bob") as bob:
            for i in range(SERVED):
                naru.event(f"s{i}", "please refund me")
                offer = bob.hear("offer")
                owner = bob.act("accept", ticket=offer["ticket"], token=offer["token"])
                bob.act("resolve", ticket=offer["ticket"], token=owner["token"])
        for i in range(HUNG_UP):
            naru.event(f"h{i}", "there is an outage", conversation=f"h{i}")
            wait_for("a ticket", lambda: naru.get("/v1/tickets?state=waiting").json["tickets"])
            naru.post("/v1/events", {"id": f"h{i}-end", "account": "web", "kind": "hangup", "conversation": f"h{i}"})
            wait_for("its end", lambda: len(closed(naru, "abandoned")) == i + 1)
        wait_for("the history", lambda: len(closed(naru, "resolved")) == SERVED)
        yield naru


def closed(naru, state):
    return naru.get(f"/v1/tickets?state={state}").json["tickets"]


def ms(text):
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def simulate(door, *more, policy=POLICY):
    return door.naru("simulate", "--policy", policy, *more)


def history(door, *more, **kw):
    return simulate(door, "--from-history", "--url", door.folder / "data", *more, **kw)


def table(text):
    """class: tickets, served, hung up"""
    return {line.split()[0]: [int(n) for n in line.split()[1:4]] for line in text.splitlines() if "-webchat-" in line.split()[0]}


def test_what_was_recorded_is_estimated_and_played(door, tmp_path):
    ran = history(door, "--out", tmp_path / "out.csv", "--write-trace", tmp_path / "trace.csv")
    assert ran.returncode == 0, ran.stderr
    assert table(ran.stderr) == {"billing-webchat-normal": [6, 6, 0], "technical-webchat-critical-tech5": [3, 0, 3]}
    assert "who was there is not recorded" in ran.stderr
    told = {t["ticket"]: t for state in ("resolved", "abandoned") for t in closed(door, state)}
    rows = list(csv.DictReader(open(tmp_path / "trace.csv")))
    assert {r["id"] for r in rows} == set(told) and [int(r["arrival_ms"]) for r in rows] == sorted(int(r["arrival_ms"]) for r in rows)
    works = []
    for r in rows:
        t = told[r["id"]]
        begin = ms(t["created"]) - int(r["arrival_ms"])
        assert begin % 3600000 == 0  # a full hour
        if t["state"] == "resolved":
            accepted = next(e["at"] for e in t["life"] if e["kind"] == "accepted")
            works.append(int(r["work_ms"]))
            assert works[-1] == ms(t["ended"]) - ms(accepted) and r["patience_ms"] == ""  # nobody of billing hung up
    for r in rows:
        t = told[r["id"]]
        if t["state"] == "abandoned":
            assert int(r["patience_ms"]) == ms(t["ended"]) - ms(t["created"]) and int(r["work_ms"]) in works
    outcomes = list(csv.DictReader(open(tmp_path / "out.csv")))
    assert {o["id"] for o in outcomes} == set(told) and {o["outcome"] for o in outcomes} <= {"served", "abandoned"}


def test_the_trace_that_is_written_plays_the_same_with_the_section_beside_it(door, tmp_path):
    assert history(door, "--out", tmp_path / "a.csv", "--write-trace", tmp_path / "t.csv", "--seed", "5").returncode == 0
    policy = tmp_path / "p.yaml"
    policy.write_text(POLICY.read_text() + "\n" + (tmp_path / "t.csv.yaml").read_text())
    again = simulate(door, "--trace", tmp_path / "t.csv", "--out", tmp_path / "b.csv", "--seed", "5", policy=policy)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()


def test_another_policy_is_compared_and_the_same_seed_says_the_same(door, tmp_path):
    other = tmp_path / "q.yaml"
    other.write_text(POLICY.read_text().replace("order: slack", "order: fifo")
                     + "\nsimulate:\n  classes:\n    of-their-own: { queue: billing }\n")
    runs = [history(door, "--compare", other, "--json", "--replications", "3") for _ in range(2)]
    assert runs[0].returncode == 0, runs[0].stderr
    assert runs[0].stdout == runs[1].stdout and runs[0].stderr == runs[1].stderr


def test_times_and_mistakes_are_told(door, tmp_path):
    late = history(door, "--since", "2999-01-01T00:00:00Z")
    assert late.returncode == 1 and "no closed tickets are recorded of that time" in late.stderr
    bad = history(door, "--since", "yesterday")
    assert bad.returncode == 1 and "--since yesterday is no time: write it like 2026-03-01T09:30:00Z" in bad.stderr
    alone = simulate(door, "--trace", tmp_path / "t.csv", "--since", "2026-03-01T00:00:00Z")
    assert alone.returncode == 2 and "go with --from-history" in alone.stderr
    policy = tmp_path / "t.csv.yaml"
    policy.write_text(POLICY.read_text())
    over = history(door, "--write-trace", tmp_path / "t.csv", policy=policy)
    assert over.returncode == 2 and "names a file that is read" in over.stderr and policy.read_text() == POLICY.read_text()
    nobody = simulate(door, "--from-history", "--url", "http://127.0.0.1:9", "--token", "x")
    assert nobody.returncode == 1 and "no answer from http://127.0.0.1:9" in nobody.stderr
