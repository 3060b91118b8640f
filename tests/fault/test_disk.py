"""The disk is full: nothing more is accepted, nothing accepted is lost, and all goes on by itself when there is room."""
import contextlib
import pathlib
import subprocess
import tempfile

import pytest
from conftest import NARU, POLICY, Naru, by_hand, wait_for

BYTES = 24 << 20


@contextlib.contextmanager
def small_disk(at):
    at = pathlib.Path(at)
    at.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={BYTES},mode=700", "naru-test", str(at)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=False)


def fill(at):
    """Takes all the room there is, to the last block."""
    ballast = at / "ballast"
    with open(ballast, "ab", buffering=0) as f:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    if f.write(b"x" * size) < size:
                        break
    return ballast


def post_until(naru, start, stop, step=1, wanted=lambda a: a.status == 503):
    """Posts events until one is answered as wanted: the ids of those taken, and that answer."""
    taken = {}
    for i in range(start, stop, step):
        answer = naru.event(f"d{i}", "x" * 2000, customer=f"c{i}")
        if wanted(answer):
            return taken, answer
        assert answer.status == 202, answer.text
        taken[f"d{i}"] = answer.json["event"]
    raise AssertionError(f"{stop - start} events were taken by a full disk")


def is_refusal(answer):
    assert answer.status == 503, answer.text
    assert answer.json["type"] == "/problems/journal-full"
    assert int(answer.headers["Retry-After"]) >= 1
    return True


def all_known(door, taken):
    for id, event in taken.items():
        assert door.event(id, "x" * 2000, customer="c" + id[1:]).json == {"event": event, "duplicate": True}


def test_a_full_disk_refuses_and_takes_again_when_there_is_room():
    with by_hand() as hand, small_disk(hand.folder / "router-1") as disk:
        hand.start("redis", "router-1", "triage-1", "assign-1").ready()
        door = hand.routers[1]
        taken = {}
        for i in range(20):
            taken[f"d{i}"] = door.event(f"d{i}", "x" * 2000, customer=f"c{i}").json["event"]
        ballast = fill(disk)
        more, refusal = post_until(door, 20, 3000)
        taken |= more
        assert is_refusal(refusal)
        assert door.get("/healthz").status == 503 and "journal" in door.get("/readyz").json["missing"]
        assert door.get(f"/v1/events/{taken['d0']}").status == 200
        batch = door.post("/v1/events", [{"id": "b1", "account": "web", "text": "x"}, {"id": "d0", "account": "web", "text": "x" * 2000}])
        new, old = batch.json["results"]
        assert new["problem"]["type"] == "/problems/journal-full" and old == {"event": taken["d0"], "duplicate": True}
        ballast.unlink()
        wait_for("it to take again", lambda: door.event("after", "hello", customer="after").status == 202, 10)
        wait_for("health", lambda: door.get("/healthz").status == 200, 10)
        all_known(door, taken)
        hand.kill("router-1")
        hand.start("router-1")
        hand.ready()
        all_known(door, taken)
        for event in taken.values():
            wait_for("it to be a ticket", lambda: door.get(f"/v1/events/{event}").json["state"] == "taken")
        assert hand.running["router-1"].poll() is None


def test_an_agent_goes_on_after_the_disk_was_full():
    with by_hand() as hand, small_disk(hand.folder / "router-1") as disk:
        hand.start("redis", "router-1", "triage-1", "assign-1").ready()
        door = hand.routers[1]
        with door.agent("ann") as ann:
            event = door.event("held", "refund", customer="held", account="load").json["event"]
            offer = ann.hear("offer")
            token = ann.act("accept", ticket=offer["ticket"], token=offer["token"])["token"]
            ballast = fill(disk)
            _, refusal = post_until(door, 0, 3000)
            assert is_refusal(refusal)
            ann.ref += 1
            ann.say(type="resolve", ref=ann.ref, ticket=offer["ticket"], token=token)
            wait_for("the leader to have it", lambda: door.get("/v1/agents/ann").json["units_held"] == 0)
            assert door.get(f"/v1/events/{event}").json["state"] != "settled"  # home cannot write it down
            ballast.unlink()
            got = ann.hear("result", ref=ann.ref, seconds=40)
            if got["status"] != 200:  # the question's time was over
                assert got["status"] == 503, got
                wait_for("the same act again", lambda: ann.act("resolve", ticket=offer["ticket"], token=token)["status"] == 200)
            wait_for("it to settle", lambda: door.get(f"/v1/events/{event}").json["state"] == "settled")


def test_up_lives_through_a_full_disk_under_all_it_keeps():
    """Journal, Redis's log and all logs on the same full disk."""
    folder = tempfile.mkdtemp(prefix="naru-e2e-")
    with small_disk(pathlib.Path(folder) / "data") as disk:
        naru = Naru(folder)
        taken = {f"d{i}": naru.event(f"d{i}", "x" * 2000, customer=f"c{i}").json["event"] for i in range(10)}
        ballast = fill(disk)
        more, refusal = post_until(naru, 10, 3000)
        taken |= more
        assert is_refusal(refusal)
        wait_for("Redis to meet it too", lambda: naru.get("/readyz").status == 503)
        pids = naru.children()
        ballast.unlink()
        wait_for("it to take again", lambda: naru.event("after", "hello", customer="after").status == 202, 20)
        naru.ready()
        all_known(naru, taken)
        for event in taken.values():
            wait_for("it to be a ticket", lambda: naru.get(f"/v1/events/{event}").json["state"] == "taken")
        assert naru.children()["router-1"] == pids["router-1"]
        naru.stop()
        assert not naru.faults()


def test_a_start_on_a_full_disk_is_a_clear_error():
    folder = tempfile.mkdtemp(prefix="naru-e2e-")
    with small_disk(pathlib.Path(folder) / "data") as disk:
        fill(disk)
        out = subprocess.run([NARU, "up", "--policy", str(POLICY), "--data", str(disk), "--listen", "127.0.0.1:0"],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        assert out.returncode == 1 and out.stderr
