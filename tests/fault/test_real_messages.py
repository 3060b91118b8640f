"""Real customers' messages, English and Korean, while every process is killed with -9 once: each is acknowledged, triaged,
offered and resolved; none lost, none twice. The messages are public data sets, not part of the project; without them this says so
and skips. They are looked for in $NARU_DATASETS, else in ../shared/data beside the project."""
import os
import pathlib
import time

import pytest
from conftest import ROOT, json_line, wait_for

DATA = pathlib.Path(os.environ.get("NARU_DATASETS", ROOT.parent / "shared" / "data"))
ENGLISH, KOREAN = DATA / "banking77" / "train.tsv", DATA / "korean_nsmc" / "ratings_train.txt.gz"


@pytest.mark.skipif(not (ENGLISH.exists() and KOREAN.exists()), reason=f"no data sets banking77 and korean_nsmc in {DATA}")
def test_25003_real_messages_survive_every_kill(naru, tmp_path):
    crowd = naru.client("crowd", "--agents", 60, "--register", "--skills", "billing:8,tech:8", "--think", 2, "--decline", 0.01,
                        "--until-idle", 8)
    senders = []
    for file, column, count, prefix in ((ENGLISH, "text", 10003, "en"), (KOREAN, "document", 15000, "ko")):
        ids = tmp_path / prefix
        senders.append((naru.client("send", "--file", file, "--text", column, "--account", "load", "--rate", count // 20, "--count", count,
                                    "--prefix", prefix, "--ids", ids, "--retry-for", "120s"), ids, count))
    for name in ("triage-1", "assign-1", "redis", "router-1"):
        until = time.monotonic() + 4
        wait_for("its turn", lambda: time.monotonic() > until, 10)
        naru.kill(name)
    events = set()
    for sender, ids, count in senders:
        sent = json_line(sender.communicate(timeout=300)[0])
        assert sent["accepted_2xx"] == count, sent
        events |= set(ids.read_text().split())
    assert len(events) == 25003
    wait_for("every event to settle", lambda: naru.metric("naru_events_live{") == 0, 240)
    got = json_line(crowd.communicate(timeout=120)[0])
    assert got["double"] == 0, got
    tickets, states = set(), {}
    for event in events:
        e = naru.get(f"/v1/events/{event}").json
        states[e["state"]] = states.get(e["state"], 0) + 1
        tickets.add(e["ticket"])
    assert states == {"settled": 25003}
    assert len(tickets) == 25003
    ends = {}
    for ticket in sorted(tickets)[::50]:
        state = naru.get(f"/v1/tickets/{ticket}").json["state"]
        ends[state] = ends.get(state, 0) + 1
    assert set(ends) == {"resolved"}, ends
