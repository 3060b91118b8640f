"""`naru simulate`: the real program on traces, rosters and drawn arrivals; what it prints, writes and refuses."""
import csv
import json
import os
import random
import signal
import subprocess
import xml.dom.minidom

import pytest
from conftest import NARU, ROOT, wait_for

POLICY = """naru: 1
workspace: desk
channels:
  voice: { cost: 100, offer: 15s }
  email: { cost: 100, offer: 1m }
queues:
  calls: { takes: { channel: [voice] }, sla: { answer: { within: 20s } }, order: ORDER, choose: [longest-idle] }
  mail: { takes: default, sla: { answer: { within: 30m } }, order: ORDER, choose: [longest-idle] }
agents: { a1: {}, a2: {}, a3: {} }
"""
SECTION = """simulate:
  from: 2026-03-02 00:00
  classes:
    calls: { channel: voice, urgency: high, weight: 3, work: { exponential: 180s } }
    mail: { channel: email, work: { exponential: 5m } }
"""
ARRIVALS = """naru: 1
for: 4h
warm-up: 30m
classes:
  calls: { rate: 35/h, patience: { lognormal: 4m, cv: 1.2 } }
  mail: { rate: { "00:00": 5/h, "02:00": 8/h } }
"""
HEADER = "id,arrival_ms,class,work_ms,patience_ms\n"


@pytest.fixture
def files(tmp_path):
    (tmp_path / "p.yaml").write_text(POLICY.replace("ORDER", "slack") + SECTION)
    (tmp_path / "q.yaml").write_text(POLICY.replace("ORDER", "fifo"))
    (tmp_path / "a.yaml").write_text(ARRIVALS)
    draw, at, rows = random.Random(5), 0, []
    for i in range(300):
        at += draw.randrange(120_000)
        patience = draw.choice(["", draw.randrange(200_000)])
        rows.append(f"{i},{at},{draw.choice(['calls', 'mail'])},{draw.randrange(1000, 400_000)},{patience}\n")
    (tmp_path / "t.csv").write_text(HEADER + "".join(rows))
    return tmp_path


def start(folder, *args):
    return subprocess.Popen([NARU, "simulate", *map(str, args)], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def simulate(folder, *args, status=0):
    p = start(folder, "--policy", "p.yaml", *args)
    out, err = p.communicate(timeout=120)
    assert p.returncode == status, err
    return out if status == 0 else err


def figures(folder, *args):
    return json.loads(simulate(folder, "--json", *args))


def test_the_same_inputs_give_the_same_bytes_in_every_output(files):
    seen = []
    for run in range(2):
        page = simulate(files, "--arrivals", "a.yaml", "--compare", "q.yaml", "--replications", 2, "--out", "o.csv", "--plot", "f.svg")
        whole = simulate(files, "--arrivals", "a.yaml", "--replications", 2, "--json")
        seen.append((page, whole, (files / "o.csv").read_bytes(), (files / "f.svg").read_bytes()))
    assert seen[0] == seen[1]
    assert figures(files, "--arrivals", "a.yaml", "--replications", 2, "--seed", 2) != json.loads(whole)


def test_a_policy_compared_with_itself_differs_in_nothing(files):
    got = figures(files, "--arrivals", "a.yaml", "--compare", "p.yaml", "--replications", 3)
    rows = [got["difference"]["all"], *got["difference"]["queues"], *got["difference"]["classes"]]
    differences = [v for row in rows for v in row.values() if isinstance(v, dict) and v["n"]]
    assert len(differences) > 60
    assert all(v["mean"] == 0 and v["half"] == 0 and not v["sure"] for v in differences)
    assert got["policies"][0] == got["policies"][1]


def test_another_order_differs_and_who_pays_is_told(files):
    page = simulate(files, "--arrivals", "a.yaml", "--compare", "q.yaml", "--replications", 5)
    assert "P: p.yaml\nQ: q.yaml\n" in page
    assert "class calls" in page and "class mail" in page and "pays for P: " in page
    assert figures(files, "--arrivals", "a.yaml", "--compare", "q.yaml", "--replications", 5)["difference"]["all"]["wait"]["mean"] != 0


def test_policies_with_other_targets_are_warned_of(files):
    (files / "q.yaml").write_text(POLICY.replace("ORDER", "fifo").replace("20s", "40s"))
    page = simulate(files, "--trace", "t.csv", "--compare", "q.yaml")
    assert "WARNING: class calls has a target of 20.0s in P and of 40.0s in Q" in page
    assert "class mail has a target" not in page


def outcomes(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def test_the_rows_written_add_up_to_the_report(files):
    got = figures(files, "--trace", "t.csv", "--out", "o.csv")
    rows, arrivals = outcomes(files / "o.csv"), {r["id"]: r for r in outcomes(files / "t.csv")}
    figure = {k: v["mean"] for k, v in got["policies"][0]["all"].items()}
    count = {o: sum(r["outcome"] == o for r in rows) for o in ("served", "abandoned", "blocked")}
    waits = [int(r["start_ms"]) - int(arrivals[r["id"]]["arrival_ms"]) for r in rows if r["start_ms"]]
    assert sorted(arrivals) == sorted(r["id"] for r in rows)
    assert [int(r["end_ms"]) for r in rows] == sorted(int(r["end_ms"]) for r in rows)
    assert (figure["offered"], figure["answered"], figure["abandoned"], figure["blocked"]) == (300, count["served"], count["abandoned"], 0)
    assert count["abandoned"] > 0 and figure["wait"] == pytest.approx(sum(waits) / len(waits) / 1000, abs=1e-6)
    target = {"calls": 20_000, "mail": 1_800_000}
    in_time = sum(int(r["start_ms"]) - int(a["arrival_ms"]) <= target[a["class"]] for r in rows if r["start_ms"] for a in [arrivals[r["id"]]])
    assert figure["within"] == pytest.approx(in_time / 300, abs=1e-6)
    served = {a["name"]: a["served"] for a in got["policies"][0]["agents"]}
    assert served == {name: sum(r["agent"] == name for r in rows) for name in ("a1", "a2", "a3")}
    for row in rows:  # who was served had their work, whoever hung up was patient until then
        a = arrivals[row["id"]]
        if row["outcome"] == "served":
            assert int(row["end_ms"]) - int(row["start_ms"]) == int(a["work_ms"])
        else:
            assert int(row["end_ms"]) - int(a["arrival_ms"]) == int(a["patience_ms"])


def keys_of(value):
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from [key] * isinstance(key, str)
        yield from keys_of(inner)


def test_every_key_of_the_json_is_explained(files):
    told = (ROOT / "docs" / "simulate.md").read_text()
    for args in ((), ("--compare", "q.yaml")):
        for key in set(keys_of(figures(files, "--trace", "t.csv", *args))):
            assert f"`{key}`" in told or f'"{key}"' in told, key


def test_the_sample_workspace_can_be_simulated():
    p = start(ROOT, "--policy", "config/hanbit.yaml", "--arrivals", "config/arrivals/hanbit-day.yaml", "--replications", 1)
    out, err = p.communicate(timeout=60)
    assert p.returncode == 0 and not err and "worst class: " in out


def test_what_has_no_randomness_is_run_once_and_says_so(files):
    assert "Nothing in it is random" in simulate(files, "--trace", "t.csv", "--replications", 9)
    got = figures(files, "--trace", "t.csv", "--replications", 9)
    assert (got["equal"], got["replications"], got["asked"]) == (True, 1, 9)
    assert got["policies"][0]["all"]["wait"]["half"] is None


def test_a_roster_says_who_is_there_when(files):
    (files / "r.csv").write_text("agent,from_ms,to_ms\na2,0,99000000\n")
    agents = figures(files, "--trace", "t.csv", "--roster", "r.csv")["policies"][0]["agents"]
    assert [a["served"] > 0 for a in agents] == [False, True, False]
    assert [a["occupancy"] is None for a in agents] == [True, False, True]


def test_a_picture_is_well_formed_names_its_axes_and_runs_nothing(files):
    (files / "p<&.yaml").write_text((files / "p.yaml").read_text())
    p = start(files, "--policy", "p<&.yaml", "--trace", "t.csv", "--compare", "q.yaml", "--plot", "f.svg")
    p.communicate(timeout=60)
    assert p.returncode == 0
    svg = xml.dom.minidom.parse(str(files / "f.svg"))
    texts = [t.firstChild.data for t in svg.getElementsByTagName("text") if t.firstChild]
    assert "P: p<&.yaml, mean" in texts and "Q: q.yaml, mean" in texts and "time of arrival" in texts
    assert svg.getElementsByTagName("title") and svg.getElementsByTagName("desc") and not svg.getElementsByTagName("script")


def test_a_signal_ends_it_with_what_there_is(files):
    (files / "a.yaml").write_text(ARRIVALS.replace("4h", "400d"))
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        p = start(files, "--policy", "p.yaml", "--arrivals", "a.yaml", "--out", f"o{status}.csv")
        wait_for("outcomes", lambda: any(f.stat().st_size > 4096 for f in files.glob(f"o{status}.csv.*.new")))
        p.send_signal(number)
        out, err = p.communicate(timeout=60)
        assert p.returncode == status, err
        assert "INTERRUPTED after" in out and "the figures are of what had ended until then" in out
        assert len(outcomes(files / f"o{status}.csv")) > 50
        assert not list(files.glob("*.new"))


@pytest.mark.parametrize(
    "rows, why",
    [
        (None, "t.csv: No such file or directory"),
        ("", "t.csv: is empty; its first line names the columns"),
        ("id,class,work_ms,patience_ms\n1,calls,1,\n", "t.csv:1: the header lacks arrival_ms."),
        ("id,arival_ms,class,work_ms,patience_ms\n", '("arival_ms": did you mean "arrival_ms"?)'),
        ("id,id,arrival_ms,class,work_ms,patience_ms\n", "t.csv:1: the header names id twice"),
        (HEADER + "1,1000,calls,1,\n2,999,calls,1,\n", "t.csv:3: arrival_ms 999 is before 1000 of line 2"),
        (HEADER + "1,-5,calls,1,\n", 't.csv:2: arrival_ms "-5" is negative'),
        (HEADER + "1,5,calls,-1,\n", 't.csv:2: work_ms "-1" is negative'),
        (HEADER + "1,5.5,calls,1,\n", "no whole number of milliseconds"),
        (HEADER + "1,1772409600000,calls,1,\n", "is beyond 315360000000 (ten years)"),
        (HEADER + "1,18446744073709551617,calls,1,\n", "is beyond 315360000000 (ten years)"),
        (HEADER + "1,5,calls,99999999999999,\n", 't.csv:2: work_ms "99999999999999" is beyond'),
        (HEADER + "1,soon,calls,1,\n", 't.csv:2: arrival_ms "soon" is no whole number of milliseconds'),
        (HEADER + "1,,calls,1,\n", "t.csv:2: arrival_ms is empty"),
        (HEADER + "1,5,calls,1,long\n", 't.csv:2: patience_ms "long" is no whole number'),
        (HEADER + "1,5,cals,1,\n", 't.csv:2: class "cals" is not in the policy\'s simulate.classes (did you mean "calls"?)'),
        (HEADER + "1,5,,1,\n", "t.csv:2: class is empty"),
        (HEADER + "a,5,calls,1,\na,6,calls,1,\n", 't.csv:3: id "a" is that of line 2 already'),
        (HEADER + ",5,calls,1,\n", "t.csv:2: id is empty"),
        (HEADER + "x" * 65 + ",5,calls,1,\n", "has 65 bytes, 64 at most"),
        (HEADER + "1,5\n", "t.csv:2: has 2 fields, the header 5"),
        (HEADER + "1,5,calls,1,2,3\n", "t.csv:2: has 6 fields, the header 5"),
        (HEADER + '"1,5,calls,1,\n', "t.csv:2: the row opens a quote that is not closed"),
        (HEADER + '"1"x,5,calls,1,\n', "t.csv:2: the row has text behind a closing quote"),
        (HEADER.encode() + b"1,5,calls,1,\n\xff,6,calls,1,\n", "t.csv:3: is not UTF-8: its byte 1 is 0xff"),
        (HEADER.encode("utf-16"), "t.csv: is UTF-16; save it as UTF-8"),
        (HEADER + "1\0,5,calls,1,\n", "t.csv:2: has a NUL byte"),
        (HEADER + "1,5,calls,1," + "9" * 100_000 + "\n", "t.csv:2: the row is too long"),
    ],
)
def test_a_bad_trace_is_told_by_line_and_leaves_no_file(files, rows, why):
    (files / "t.csv").unlink()
    if rows is not None:
        (files / "t.csv").write_bytes(rows if isinstance(rows, bytes) else rows.encode())
    assert why in simulate(files, "--trace", "t.csv", "--out", "o.csv", "--plot", "f.svg", status=1)
    assert not list(files.glob("o.csv*")) and not list(files.glob("f.svg*"))


@pytest.mark.parametrize(
    "rows, why",
    [
        ("", "r.csv: is empty"),
        ("agent,from_ms\na1,1\n", "r.csv:1: the header lacks to_ms"),
        ("agent,from_ms,to_ms\nb1,0,5\n", 'r.csv:2: agent "b1" is not in the policy\'s agents (did you mean "a1"?)'),
        ("agent,from_ms,to_ms\na1,5,5\n", "r.csv:2: from_ms 5 is not before to_ms 5"),
        ("agent,from_ms,to_ms\na1,0,5000\na2,0,1\na1,4000,9000\n", "r.csv:4: \"a1\" is on duty from 4000 to 9000, which overlaps line 2"),
        ("agent,from_ms,to_ms\na1,0,noon\n", 'r.csv:2: to_ms "noon" is no whole number'),
    ],
)
def test_a_bad_roster_is_told_by_line(files, rows, why):
    (files / "r.csv").write_text(rows)
    assert why in simulate(files, "--trace", "t.csv", "--roster", "r.csv", status=1)


@pytest.mark.parametrize(
    "args, why",
    [
        ((), "say what comes in"),
        (("--trace", "t.csv", "--arrivals", "a.yaml"), "exclude each other"),
        (("--trace", "t.csv", "--out", "x", "--plot", "x"), "name the same file"),
        (("--trace", "t.csv", "--out", "t.csv"), "names a file that is read"),
        (("--trace", "t.csv", "--out", "none/o.csv"), "none: No such file or directory"),
        (("--trace", "t.csv", "--replications", "10001"), "not a whole number from 0 to 10000"),
        (("--trace", "t.csv", "--replicatons", "2"), "did you mean --replications?"),
    ],
)
def test_wrong_usage_is_told(files, args, why):
    assert why in simulate(files, *args, status=2)


def test_a_policy_without_the_section_is_shown_one_that_works(files):
    p = start(files, "--policy", "q.yaml", "--trace", "t.csv")
    err = p.communicate(timeout=60)[1]
    assert p.returncode == 1 and 'it has no "simulate" section' in err and "classes:" in err
    p = start(files, "--policy", "q.yaml", "--example")
    example = p.communicate(timeout=60)[0]
    assert p.returncode == 0 and example.startswith("simulate:\n")
    (files / "p.yaml").write_text(POLICY.replace("ORDER", "slack") + example)
    assert "300 tickets of trace t.csv" in simulate(files, "--trace", "t.csv")


def test_a_second_policy_that_lacks_a_queue_is_told_which(files):
    (files / "q.yaml").write_text(POLICY.replace("ORDER", "fifo").replace("  calls:", "  phone:"))
    err = simulate(files, "--trace", "t.csv", "--compare", "q.yaml", status=1)
    assert "q.yaml: error: simulate.classes.calls" in err and '"calls"' in err


PEAK = """import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"""


def peak_kb(folder, *command):
    env = os.environ | {"ASAN_OPTIONS": "quarantine_size_mb=1:" + os.environ.get("ASAN_OPTIONS", "")}
    return int(subprocess.run(["/usr/bin/python3", "-c", PEAK, *command], cwd=folder, env=env, capture_output=True, text=True, check=True).stdout)


def test_memory_does_not_grow_with_the_tickets(files):
    peaks = []
    for hours in ("100h", "400h"):  # after the first, tables and the day's histograms have all their room
        (files / "a.yaml").write_text(ARRIVALS.replace("4h", hours))
        peaks.append(peak_kb(files, NARU, *"simulate --policy p.yaml --arrivals a.yaml --replications 1 --out o.csv".split()))
    assert len(outcomes(files / "o.csv")) > 12_000
    assert peaks[1] - peaks[0] < 3000, peaks  # KB, of 9,000 tickets more
