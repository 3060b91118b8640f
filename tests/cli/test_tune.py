"""`naru tune`: the real program; the change that it prints applies, passes the check and does what it says."""
import json
import os
import random
import signal
import subprocess

import pytest
from conftest import NARU

POLICY = """naru: 1
workspace: desk
channels:
  voice: { cost: 100, auto-accept: yes }
queues:
  # who waits for whom
  calm: { takes: default, order: fifo, sla: { answer: { within: 20m } }, choose: [longest-idle] } # the many
  hurried:
    takes: { tag: hurried }
    order: fifo
    sla: { answer: { within: { high: 1m, normal: 20m } } }
    choose: [longest-idle]
agents: { a1: {}, a2: {}, a3: {} }
simulate:
  from: 2026-03-02 00:00
  classes:
    calm: { work: { exponential: 4m } }
    hurried: { urgency: high, weight: 3, work: { exponential: 4m } }
"""
ARRIVALS = """naru: 1
for: 4h
classes:
  calm: { rate: 28/h, patience: 20m }
  hurried: { rate: 14/h, patience: 10m }
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "a.yaml").write_text(ARRIVALS)
    draw, rows = random.Random(3), []
    for day in range(6):
        at = day * 86_400_000 + 9 * 3_600_000
        for _ in range(80):
            at += draw.randrange(170_000)
            kind = draw.choice(["calm", "calm", "hurried"])
            rows.append(f"{len(rows)},{at},{kind},{draw.randrange(20_000, 460_000)},\n")
    (tmp_path / "t.csv").write_text("id,arrival_ms,class,work_ms,patience_ms\n" + "".join(rows))
    return tmp_path


def tune(folder, *args, status=0):
    r = subprocess.run([NARU, "tune", *args], cwd=folder, capture_output=True, text=True, timeout=120)
    assert r.returncode == status, r.stderr
    return r


def check(folder, name):
    r = subprocess.run([NARU, "check", name, "--json"], cwd=folder, capture_output=True, text=True, timeout=60)
    return json.loads(r.stdout)


def test_the_printed_change_applies_passes_the_check_and_is_worth_what_was_said(files):
    args = ["--policy", "p.yaml", "--trace", "t.csv", "--over", "queues.*.order,weights", "--objective", "breach", "--budget", "10"]
    out = tune(files, *args).stdout
    assert "4 days searched on, 2 not (day 3, 6, …)" in out
    assert "fifo → slack" in out or "fifo → priority" in out or "fifo → weights" in out
    assert tune(files, *args).stdout == out
    told = json.loads(tune(files, *args, "--json").stdout)
    assert told["proposed"] and told["diff"] and out.endswith(told["diff"])
    assert told["validation"]["objective"]["units"] == 2 and told["validation"]["objective"]["difference"] < 0

    (files / "all.txt").write_text(out)
    (files / "before.yaml").write_text(POLICY)
    subprocess.run(["patch", "p.yaml", "all.txt"], cwd=files, check=True, capture_output=True)
    edited = (files / "p.yaml").read_text()
    assert "# who waits for whom" in edited and "# the many" in edited and "order: fifo" not in edited
    before, after = check(files, "before.yaml"), check(files, "p.yaml")
    assert after["ok"] and len(after["findings"]) == len(before["findings"])
    r = subprocess.run([NARU, "simulate", "--policy", "before.yaml", "--compare", "p.yaml", "--trace", "t.csv", "--json"],
                       cwd=files, capture_output=True, text=True, timeout=120)
    assert r.returncode == 0, r.stderr


def test_drawn_arrivals_are_tried_on_other_seeds(files):
    told = json.loads(tune(files, "--policy", "p.yaml", "--arrivals", "a.yaml", "--over", "queues.*.order", "--objective",
                           "hurried.wait", "--keep", "abandoned + 100%", "--budget", "5", "--replications", "3", "--json").stdout)
    assert told["units"] == "seeds" and told["validation"]["objective"]["units"] == 3
    assert told["changes"] and all(c["key"].endswith(".order") and c["from"] == "fifo" for c in told["changes"])


def test_a_policy_with_closed_days_of_a_file_is_read_anew_for_another_begin(files):
    (files / "days.ics").write_text("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"
                                    "DTSTART;VALUE=DATE:20260501\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
    hours = 'hours:\n  desk: { timezone: UTC, open: { mon-sun: "00:00-24:00" }, closed: "file:days.ics" }\nqueues:\n'
    (files / "closed.yaml").write_text(POLICY.replace("queues:\n", hours, 1))
    (files / "later.yaml").write_text(ARRIVALS.replace("for: 4h", "for: 1h\nfrom: 2026-03-09 09:00"))
    out = tune(files, "--policy", "closed.yaml", "--arrivals", "later.yaml", "--over", "queues.*.weight", "--budget", "1", "--replications", "1").stdout
    assert "no change is proposed" in out


def test_what_helps_nothing_is_not_proposed(files):
    out = tune(files, "--policy", "p.yaml", "--trace", "t.csv", "--over", "queues.*.offers.back-off", "--budget", "5").stdout
    assert "nothing better was found: no change is proposed" in out
    assert "---" not in out and (files / "p.yaml").read_text() == POLICY


@pytest.mark.parametrize("args, message", [
    (["--over", "queues.*.wieght"], '--over: "queues.*.wieght" is nothing that can be tuned (did you mean "queues.*.weight"?)'),
    (["--over", "queues.calmm.weight"], 'no queue is named "calmm" (did you mean "calm"?)'),
    (["--over", "queues.*.gates"], "the policy writes none, so there is nothing to tune"),
    (["--over", "queues.*.weight", "--objective", "breech"], '"breech" is no figure (did you mean "breach"?) at column 1'),
    (["--over", "queues.*.weight", "--keep", "abandoned + 5"], "% is expected"),
    (["--over", "queues.*.weight", "--arrivals", "a.yaml"], "one of both"),
    ([], "what may be changed"),
])
def test_mistakes_are_told_with_the_nearest_right_answer(files, args, message):
    assert message in tune(files, "--policy", "p.yaml", "--trace", "t.csv", *args, status=2).stderr


def test_files_that_cannot_be_used_are_told(files):
    (files / "bare.yaml").write_text(POLICY[:POLICY.index("simulate:")])
    (files / "bad.csv").write_text("id,arrival_ms,class,work_ms,patience_ms\n1,0,clam,1,\n")
    over = ["--over", "queues.*.weight"]
    assert "simulate:" in tune(files, "--policy", "bare.yaml", "--trace", "t.csv", *over, status=1).stderr
    assert "bad.csv:2" in tune(files, "--policy", "p.yaml", "--trace", "bad.csv", *over, status=1).stderr
    two = [line for line in (files / "t.csv").read_text().splitlines() if "," in line][:100]
    (files / "two.csv").write_text("\n".join(two) + "\n")
    assert "--validate 2" in tune(files, "--policy", "p.yaml", "--trace", "two.csv", *over, status=1).stderr
    assert "none.yaml" in tune(files, "--policy", "none.yaml", "--trace", "t.csv", *over, status=1).stderr
    assert "none.csv" in tune(files, "--policy", "p.yaml", "--trace", "none.csv", *over, status=1).stderr


def test_an_interrupted_search_shows_its_best_so_far(files):
    p = subprocess.Popen([NARU, "tune", "--policy", "p.yaml", "--trace", "t.csv", "--over", "queues.*.order,weights,age-cap", "--objective",
                          "breach", "--budget", "100000"], cwd=files, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = p.stderr.readline()
    while "candidate" in line and "order" not in line:
        line = p.stderr.readline()
    os.kill(p.pid, signal.SIGINT)
    out, _ = p.communicate(timeout=60)
    assert p.returncode == 0
    assert "interrupted, the best so far" in out and "not searched on" in out
