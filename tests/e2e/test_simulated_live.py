"""The same arrivals under the same policy, once through a whole Naru of real processes and once through `naru simulate`: the same
agents get the same tickets in the same order.

What is compared are decisions, so chance in time must not decide them. Arrivals and the ends of work are GAP_MS apart at least, and
the simulation gives the same order when each arrival is late by up to JITTER_MS (the test holds the traces to both). Live agents
accept at once and work as long as the trace says, counted from the instant on the schedule that their offer came of, so that what
the machine is late does not add up. A try that differs while something was later than JITTER_MS is no comparison, and is made
again."""
import csv
import heapq
import json
import pathlib
import random
import select
import subprocess
import tempfile
import time

import pytest
import websocket
from conftest import NARU, running, wait_for

GAP_MS, JITTER_MS, TRIES = 40, 30, 4

HEAD = """naru: 1
workspace: test
channels:
  webchat: { cost: 100, offer: 20s }
accounts:
  web: { channel: webchat }
"""

# Skills with levels, and steps that ask for less: whom a ticket waits for changes twice.
LEVELS = HEAD + """
triage:
  rules:
    - { name: easy, when: { text: [alpha] }, then: { queue: desk, urgency: normal, needs: { tech: 2 } } }
    - { name: hard, when: { text: [bravo] }, then: { queue: desk, urgency: high, needs: { tech: 7 } } }
    - { name: rare, when: { text: [charlie] }, then: { queue: desk, urgency: normal, needs: { tech: 5, korean: 4 } } }
queues:
  desk:
    takes: default
    order: fifo
    choose: [best-skill, longest-idle]
    sla: { answer: { within: 30s } }
    timeline:
      - { after: 740ms, needs: { tech: 4 } }
      - { after: 1460ms, drop: [korean] }
agents:
  ann: { skills: { tech: 3, korean: 5 } }
  bob: { skills: { tech: 5 } }
  cho: { skills: { tech: 9 } }
  dan: { skills: { tech: 6, korean: 4 } }
simulate:
  classes:
    alpha: { queue: desk, channel: webchat, needs: { tech: 2 } }
    bravo: { queue: desk, channel: webchat, urgency: high, needs: { tech: 7 } }
    charlie: { queue: desk, channel: webchat, needs: { tech: 5, korean: 4 } }
"""
LEVELS_STEPS = (740, 1460)
LEVELS_TRACE = [(1, 200, "charlie", 250), (2, 400, "bravo", 320), (3, 900, "alpha", 1040), (4, 1000, "bravo", 1130),
                (5, 1200, "charlie", 1240), (6, 1300, "charlie", 500), (7, 1400, "bravo", 260), (8, 1600, "charlie", 260),
                (9, 1700, "charlie", 620), (10, 1800, "bravo", 1260), (11, 2000, "alpha", 680), (12, 2500, "bravo", 610),
                (13, 2600, "charlie", 1020)]

# Slack over several queues with targets of their own, some of them missed; who has been idle longest.
SLACK = HEAD + """
triage:
  rules:
    - { name: sales, when: { text: [alpha] }, then: { queue: sales, urgency: normal } }
    - { name: repair, when: { text: [bravo] }, then: { queue: repair, urgency: high } }
    - { name: billing, when: { text: [charlie] }, then: { queue: billing, urgency: high } }
queues:
  sales: { takes: default, needs: { sales: 1 }, sla: { answer: { within: { normal: 3070ms, high: 1010ms } } }, choose: [longest-idle] }
  repair: { takes: { tag: repair }, needs: { repair: 1 }, sla: { answer: { within: { normal: 3070ms, high: 1540ms } } }, choose: [longest-idle] }
  billing: { takes: { tag: billing }, sla: { answer: { within: { normal: 3070ms, high: 1010ms } } }, choose: [longest-idle] }
agents:
  ann: { skills: { sales: 5 } }
  bob: { skills: { sales: 3, repair: 2 } }
  cho: { skills: { repair: 9 } }
simulate:
  classes:
    alpha: { queue: sales, channel: webchat }
    bravo: { queue: repair, channel: webchat, urgency: high }
    charlie: { queue: billing, channel: webchat, urgency: high }
"""
SLACK_TRACE = [(1, 200, "charlie", 530), (2, 400, "bravo", 710), (3, 900, "alpha", 850), (4, 1000, "bravo", 850),
               (5, 1200, "charlie", 960), (6, 1300, "charlie", 510), (7, 1400, "bravo", 470), (8, 1600, "charlie", 480),
               (9, 1700, "charlie", 690), (10, 1800, "bravo", 800), (11, 2000, "alpha", 670), (12, 2500, "bravo", 480),
               (13, 2600, "charlie", 900)]


# ---- simulated

def simulated(folder, policy, rows):
    """id → (agent, start, end)"""
    trace, out = folder / "trace.csv", folder / "out.csv"
    trace.write_text("id,arrival_ms,class,work_ms,patience_ms\n" + "".join(f"{i},{at},{kind},{work},\n" for i, at, kind, work in rows))
    done = subprocess.run([NARU, "simulate", "--policy", policy, "--trace", trace, "--out", out], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    with open(out, newline="") as f:
        return {int(r["id"]): (r["agent"], int(r["start_ms"]), int(r["end_ms"])) for r in csv.DictReader(f)}


def order(played):
    return [(i, agent) for i, (agent, _, _) in sorted(played.items(), key=lambda p: (p[1][1], p[0]))]


def hold_to_its_word(folder, policy, rows, played):
    """The trace leaves nothing to chance."""
    instants = {at for _, at, _, _ in rows} | {end for _, _, end in played.values()}
    assert len(instants) == 2 * len(rows)
    instants = sorted(instants | {start for _, start, _ in played.values()})
    assert min(b - a for a, b in zip(instants, instants[1:])) >= GAP_MS
    dice = random.Random(1)
    for _ in range(2):
        late = sorted(((i, at + dice.randrange(JITTER_MS + 1), kind, work) for i, at, kind, work in rows), key=lambda r: r[1])
        assert order(simulated(folder, policy, late)) == order(played)


# ---- live

class Stage:
    """Customers and agents by one schedule, in milliseconds since its begin."""

    def __init__(self, naru, agents, rows, steps):
        self.naru = naru
        self.crew = {name: naru.agent(name).available() for name in agents}  # in the policy's order
        self.work = {i: work for i, _, _, work in rows}
        self.todo = [(at, i, self.arrive, (i, kind)) for i, at, kind, _ in rows]
        self.todo += [(at + step, i, self.nothing, ()) for i, at, _, _ in rows for step in steps]
        heapq.heapify(self.todo)
        self.instant, self.late = 0, 0
        self.offered, self.tickets = {}, {}  # ticket → the instant its offer came of; → its arrival

    def play(self):
        self.began = time.monotonic() + 0.1
        while self.todo or len(self.tickets) < len(self.work) or self.offered:
            due = self.todo[0][0] if self.todo else self.now() + 50
            if self.listen(max(0, due - self.now())):
                continue
            if self.todo and self.now() >= due:
                self.instant, _, act, args = heapq.heappop(self.todo)
                self.late = max(self.late, self.now() - due)
                act(*args)
            assert self.now() < 60000, (self.offered, self.tickets)
        return self

    def now(self):
        return (time.monotonic() - self.began) * 1000

    def listen(self, ms):
        """One message at most, awaited for so long; true: something came."""
        ready, _, _ = select.select([a.ws.sock for a in self.crew.values()], [], [], ms / 1000)
        for agent in self.crew.values():
            if agent.ws.sock not in ready:
                continue
            agent.ws.settimeout(0.005)
            try:
                self.heard(agent, json.loads(agent.ws.recv()))
            except websocket.WebSocketTimeoutException:
                pass  # a ping
        return bool(ready)

    def heard(self, agent, m):
        if m["type"] == "offer":
            self.offered[m["ticket"]] = self.instant
            self.late = max(self.late, self.now() - self.instant)
            self.tickets[m["ticket"]] = int(m["conversation"][1:])
            agent.say(type="accept", ref=1, ticket=m["ticket"], token=m["token"])
        elif m["type"] == "result" and m.get("ref") == 1:
            assert m["status"] == 200, m
            ticket = m["ticket"]
            end = self.offered.pop(ticket) + self.work[self.tickets[ticket]]
            heapq.heappush(self.todo, (end, self.tickets[ticket], self.resolve, (agent, ticket, m["token"])))

    def arrive(self, i, kind):
        assert self.naru.event(f"e{i}", text=kind, conversation=f"c{i}").status == 202

    def resolve(self, agent, ticket, token):
        agent.say(type="resolve", ref=2, ticket=ticket, token=token)

    def nothing(self):
        """A step may be due: what comes now comes of it."""

    def starts(self):
        """(arrival, agent) in the order of the accepts on record."""
        lives = {i: self.naru.get(f"/v1/tickets/{t}/explain").json["life"] for t, i in self.tickets.items()}
        accepts = sorted((e["seq"], i, e["agent"]) for i, life in lives.items() for e in life if e["kind"] == "accepted")
        return [(i, agent) for _, i, agent in accepts]


def played_live(policy, agents, rows, steps):
    """(arrival, agent) in the order of the accepts, and by how much something was late."""
    with running(policy=policy) as naru:
        stage = Stage(naru, agents, rows, steps).play()
        wait_for("every ticket to end", lambda: naru.get("/v1/tickets").json["tickets"] == [])
        starts = stage.starts()
        for agent in stage.crew.values():
            agent.close()
    return starts, stage.late


@pytest.mark.parametrize("policy, rows, steps, agents, clauses", [
    pytest.param(LEVELS, LEVELS_TRACE, LEVELS_STEPS, ["ann", "bob", "cho", "dan"],
                 [("after: 740ms", "after: 9s"), ("drop: [korean]", "notify: [boss]"), ("best-skill, ", "")], id="levels and steps that relax"),
    pytest.param(SLACK, SLACK_TRACE, (), ["ann", "bob", "cho"],
                 [("choose:", "order: fifo, choose:"), ("choose:", "order: priority, choose:"), ("longest-idle", "best-skill")],
                 id="slack over queues and the longest idle"),
])
def test_live_and_simulated_runs_decide_the_same(policy, rows, steps, agents, clauses):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        path = folder / "policy.yaml"
        path.write_text(policy)
        played = simulated(folder, path, rows)
        hold_to_its_word(folder, path, rows, played)
        assert sum(start > at for i, at, _, _ in rows for start in [played[i][1]]) >= 6, "many wait, so that there is much to decide"
        for clause, other in clauses:  # each decides something here
            (folder / "other.yaml").write_text(policy.replace(clause, other))
            assert order(simulated(folder, folder / "other.yaml", rows)) != order(played), clause
        for _ in range(TRIES):
            live, late = played_live(path, agents, rows, steps)
            if live == order(played) or late <= JITTER_MS:
                break
        assert live == order(played), f"late by {late:.0f} ms at most"
