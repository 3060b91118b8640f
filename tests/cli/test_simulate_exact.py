"""`naru simulate` on queues whose figures are known exactly (tests/simulate/exact): the simulated core meets them.

Each figure must lie within 3 % of its exact value or within the program's own 95 % interval. Twenty short replications are what a
run of all tests has time for, and of so many intervals one in twenty misses whatever is simulated: the seed is one with which none
does. NARU_EXACT_REPLICATIONS=2000 asks the same of narrow intervals; NARU_EXACT_SEED is any other seed.

Nothing here is a number from a book: the formulas are below."""
import concurrent.futures
import json
import math
import os
import subprocess

import pytest
from conftest import NARU, ROOT

FOLDER = ROOT / "tests" / "simulate" / "exact"
REPLICATIONS = int(os.environ.get("NARU_EXACT_REPLICATIONS", 20))
SEED = int(os.environ.get("NARU_EXACT_SEED", 8))
HOUR = 3600.0


# ---- exact values; rates a second, times in seconds


def erlang_c(agents, erlang):
    """The share that waits in M/M/n (Erlang 1917), by the recursion of the loss formula."""
    lost = 1.0
    for n in range(1, agents + 1):
        lost = erlang * lost / (n + erlang * lost)
    return lost / (1 - erlang / agents * (1 - lost))


def mm(agents, rate, work, within):
    erlang = rate * work
    waited = erlang_c(agents, erlang)
    return {"waited": waited, "wait": waited * work / (agents - erlang),
            "within": 1 - waited * math.exp(-(agents - erlang) * within / work)}


def birth_death(rate, leave, states):
    """The stationary distribution of a queue that grows by `rate` and shrinks by leave(n)."""
    p = [1.0]
    for n in range(1, states):
        p.append(p[-1] * rate / leave(n))
    total = sum(p)
    return [x / total for x in p]


def patience(agents, rate, work, patient):
    """M/M/n with exponential patience: Erlang A (Palm 1957; Garnett, Mandelbaum and Reiman 2002)."""
    p = birth_death(rate, lambda n: min(n, agents) / work + max(0, n - agents) / patient, agents + 2000)
    abandoned = sum(max(0, n - agents) / patient * x for n, x in enumerate(p)) / rate
    served, waits = sum(p[:agents]), 0.0
    reach, spent = 1.0, 0.0  # of who has `ahead` before them: the chance to be served, and the wait times that chance
    for ahead, x in enumerate(p[agents:]):
        leaving = agents / work + (ahead + 1) / patient  # the next who goes: somebody served, one of those ahead, or they themselves
        stay = 1 - 1 / patient / leaving
        spent = stay * spent + stay * reach / leaving
        reach *= stay
        served += x * reach
        waits += x * spent
    return {"abandoned_share": abandoned, "wait": waits / served}


def places(agents, room, rate, work):
    """M/M/n with so many places to wait."""
    p = birth_death(rate, lambda n: min(n, agents) / work, agents + room + 1)
    waiting = sum((n - agents) * x for n, x in enumerate(p) if n > agents)
    return {"blocked_share": p[-1], "wait": waiting / rate / (1 - p[-1])}


def priority(agents, rates, work):
    """Strict priority without interruption in M/M/n, equal work (Cobham 1954): the wait of each class, the first class first."""
    share = erlang_c(agents, sum(rates.values()) * work) * work / agents
    waits, before = {}, 0.0
    for name, rate in rates.items():
        upto = before + rate * work / agents
        waits[name] = share / (1 - before) / (1 - upto)
        before = upto
    return waits


def two_speeds(each, rate, fast, slow, fastest_first):
    """`each` fast and as many slow agents, one line. The states are (busy fast, busy slow); behind the full one the line is geometric.
    Of the idle ones the longest idle is asked: the busy ones are distributed as if it were any of them (Adan and Weiss 2014)."""
    side = each + 1
    flow = [[0.0] * side ** 2 for _ in range(side ** 2)]
    for f in range(side):
        for s in range(side):
            here, idle = f * side + s, 2 * each - f - s
            to_fast = 0.0 if not idle else (1.0 if f < each else 0.0) if fastest_first else (each - f) / idle
            if f < each:
                flow[here][here + side] += rate * to_fast
            if s < each:
                flow[here][here + 1] += rate * (1 - to_fast)
            if f:
                flow[here][here - side] += f / fast
            if s:
                flow[here][here - 1] += s / slow
    full = stationary(flow)[-1]
    busy = rate / (each / fast + each / slow)
    waited = full / (1 - busy) / (1 + full * busy / (1 - busy))
    return {"waited": waited, "wait": waited * busy / (1 - busy) / rate}


def stationary(flow):
    """Of a chain with these rates, by elimination (Grassmann, Taksar and Heyman 1985)."""
    flow, n = [row[:] for row in flow], len(flow)
    for k in range(n - 1, 0, -1):
        out = sum(flow[k][:k])
        for i in range(k):
            if flow[i][k]:
                flow[i][k] /= out
                for j in range(k):
                    if i != j:
                        flow[i][j] += flow[i][k] * flow[k][j]
    p = [1.0] + [0.0] * (n - 1)
    for k in range(1, n):
        p[k] = sum(p[i] * flow[i][k] for i in range(k))
    return [x / sum(p) for x in p]


# ---- what is run, and what must come of it: run → figure → exact value

IDLE = two_speeds(10, 204 / HOUR, 240, 400, False)
FASTEST = two_speeds(10, 204 / HOUR, 240, 400, True)
RATES = {"gold": 120 / HOUR, "silver": 280 / HOUR, "bronze": 150 / HOUR}
RUNS = {"mm14": ("mm14", None, "mm14"), "patience": ("patience", None, "patience"), "places": ("places", None, "places"),
        "three": ("three-fifo", "three-priority", "three"), "two-speeds": ("two-speeds-idle", "two-speeds-fastest", "two-speeds")}
EXACT = [("mm14", 0, None, figure, value) for figure, value in mm(14, 200 / HOUR, 180, 20).items()]
EXACT += [("patience", 0, None, figure, value) for figure, value in patience(50, 48 / 60, 60, 120).items()]
EXACT += [("places", 0, None, figure, value) for figure, value in places(90, 30, 504 / HOUR, 600).items()]
EXACT += [("three", 0, None, "wait", mm(30, sum(RATES.values()), 180, 20)["wait"])]
EXACT += [("three", 1, name, "wait", value) for name, value in priority(30, RATES, 180).items()]
EXACT += [("two-speeds", 0, None, figure, value) for figure, value in IDLE.items()]
EXACT += [("two-speeds", 1, None, figure, value) for figure, value in FASTEST.items()]
EXACT += [("two-speeds", "difference", None, figure, IDLE[figure] - FASTEST[figure]) for figure in IDLE]


def simulate(policy, other, arrivals):
    args = [NARU, "simulate", "--policy", FOLDER / f"{policy}.yaml", "--arrivals", FOLDER / f"{arrivals}.arrivals.yaml",
            "--replications", REPLICATIONS, "--seed", SEED, "--json"]
    args += ["--compare", FOLDER / f"{other}.yaml"] if other else []
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=60 * max(5, REPLICATIONS / 20))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def runs():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:  # the longest first
        return dict(zip(reversed(RUNS), pool.map(lambda run: simulate(*run), reversed(RUNS.values()))))


def test_the_formulas_give_the_values_that_the_documentation_states():
    stated = [0.17413, 7.836, 0.88835, 0.030912, 3.616, 0.00364, 27.00, 39.05, 4.07, 12.20, 117.2, 0.39541, 39.54, 0.35900, 35.90]
    assert [value for *_, value in EXACT][:15] == pytest.approx(stated, rel=2e-3)


@pytest.mark.parametrize("run, side, name, figure, exact", EXACT, ids=lambda v: f"{v:.4g}" if isinstance(v, float) else str(v))
def test_a_simulated_queue_meets_its_exact_figure(runs, run, side, name, figure, exact):
    told = runs[run]["difference"] if side == "difference" else runs[run]["policies"][side]
    group = next(c for c in told["classes"] if c["name"] == name) if name else told["all"]
    mean, half = group[figure]["mean"], group[figure]["half"]
    assert group[figure]["n"] == REPLICATIONS
    assert abs(mean - exact) <= max(0.03 * exact, half), f"{mean:.5g} ± {half:.3g}, exactly {exact:.5g}"
    assert half < 0.7 * exact, f"{mean:.5g} ± {half:.3g} says too little"
