"""Figures of the whole pipeline with the real binaries, through the public doors. Prints, never judges.

  throughput  closed loop: single POSTs as fast as they are answered, 200 agents who accept and resolve at once
  latency     open loop at fixed rates
  doors       signed webhooks of six channels, mixed, at 1,000 a second, for 2 s and for --seconds; GET /healthz beside them
  memory      at rest, and with 100,000 tickets waiting (nobody there to take them)
  chats       10,000 idle web chats and 2,000 agents: bytes each, of the router and of the kernel; offers of what some of them say
  scorer      closed loop, with the example scorers asked for the intent of every message
  matcher     the matching core alone: a decision, a ticket's life, a matching step, bytes a waiting ticket
  hooks       webhooks of every change of a ticket to a local receiver, at 500 and 2,000 a second, alone and beside dead ones; then at most
  simulate    a trace through the simulator: 500 agents of three skills each, 20 queues, calls that hang up, 92 % load
  parts       the small benchmarks of single rooms
CPU is that of naru's processes and redis-server; the load clients are told apart. Everything shares this machine's cores."""
import argparse

import json
import os
import pathlib
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from chats import chats as idle_chats
import doors
from conftest import NARU, Naru, json_line, wait_for

HERE = pathlib.Path(__file__).parent
TICK = os.sysconf("SC_CLK_TCK")


def texts(folder, given):
    """A file of messages: the one given, else the demo's own texts."""
    if given:
        return given
    out = folder / "texts.tsv"
    source = (HERE.parent.parent / "cli" / "demo_texts.h").read_text()
    lines = [l.strip()[1:-2] for l in source.splitlines() if l.startswith('    "')]
    out.write_text("text\n" + "\n".join(lines) + "\n")
    return out


def cpu(pid):
    stat = open(f"/proc/{pid}/stat").read()
    f = stat[stat.rindex(")") + 2:].split()
    return (int(f[11]) + int(f[12])) * 1e6 / TICK


def rss(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024


def usage(naru):
    return {name: cpu(pid) for name, pid in naru.children().items()}


def crowd(naru, agents, *more):
    return naru.client("crowd", "--agents", agents, "--register", "--skills", "billing:5", "--think", 0, *more)


def run(naru, file, agents, count, *how):
    """One load; gives the clients' summaries and CPU per event by process."""
    people = crowd(naru, agents, "--until-idle", "3", "--seconds", 600)
    wait_for("agents", lambda: naru.metric("naru_agents{") and naru.metric('naru_agents{process="assign-1",presence="available"}') >= agents, 60)
    before, t0 = usage(naru), time.monotonic()
    sender = naru.client("send", "--file", file, "--account", "load", "--count", count, "--prefix", f"r{time.monotonic_ns()}", *how)
    sent = json_line(sender.communicate(timeout=900)[0])
    wait_for("all to settle", lambda: naru.metric("naru_events_live{") == 0, 300)
    sent["settled_rate"] = count / (time.monotonic() - t0)
    after = usage(naru)
    took = json_line(people.communicate(timeout=300)[0])
    per = {n: (after[n] - before[n]) / count for n in after if n in before}
    return sent, took, per


def show(title, sent, took, per):
    total = sum(per.values())
    print(f"{title:26} acked {sent['rate']:>7.0f}/s  settled {sent['settled_rate']:>7.0f}/s  ack p50 {sent['ack_ms_p50']:7.2f} p99 {sent['ack_ms_p99']:7.2f} ms   "
          f"offer p50 {took.get('offer_ms_p50', 0):7.2f} p99 {took.get('offer_ms_p99', 0):7.2f} ms   cpu {total:6.1f} us/event  "
          + " ".join(f"{n}={v:.1f}" for n, v in sorted(per.items())) + f"   accepted {took['accepted']} double {took['double']}")
    sys.stdout.flush()


def throughput(args, file):
    rates, cpus = [], []
    for i in range(args.runs):
        with_naru = make()
        sent, took, per = run(with_naru, file, 200, args.count, "--closed", args.closed)
        show(f"throughput run {i + 1}", sent, took, per)
        rates.append(sent["settled_rate"])
        cpus.append(sum(per.values()))
        drop(with_naru)
    print(f"throughput median {statistics.median(rates):.0f} events/s from POST to settled, cpu {statistics.median(cpus):.1f} us/event of {args.runs} runs\n")


def latency(args, file):
    for rate in (500, 2000, 5000, 20000):
        naru = make()
        sent, took, per = run(naru, file, 200, rate * args.seconds, "--rate", rate)
        show(f"latency at {rate}/s", sent, took, per)
        drop(naru)
    print()


def webhooks(args, file):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="naru-bench-"))
    (folder / "key").write_text(doors.SECRET)
    (folder / "policy.yaml").write_text(doors.POLICY.format(folder=folder))
    naru = make(folder / "policy.yaml")
    people = crowd(naru, 50, "--until-idle", "8", "--seconds", 900)
    wait_for("agents", lambda: naru.metric('naru_agents{process="assign-1",presence="available"}') >= 50, 60)
    lines = [l for l in pathlib.Path(file).read_text().splitlines()[1:] if l]
    doors.runs(naru, lines, 1000, args.runs, sorted({2, args.seconds}))
    people.communicate(timeout=300)
    drop(naru)
    shutil.rmtree(folder, ignore_errors=True)
    print()


def memory(args, file):
    naru = make()
    print("memory at rest, MiB:        " + " ".join(f"{n}={rss(p):.0f}" for n, p in sorted(naru.children().items())))
    base = {n: rss(p) for n, p in naru.children().items()}
    sender = naru.client("send", "--file", file, "--account", "load", "--count", 100000, "--closed", 512)
    sender.communicate(timeout=900)
    wait_for("100,000 waiting", lambda: naru.metric("naru_queue_length{") >= 100000, 120)
    kids = naru.children()
    print("with 100,000 waiting, MiB:  " + " ".join(f"{n}={rss(p):.0f}" for n, p in sorted(kids.items())))
    print("KiB a waiting ticket:       " + " ".join(f"{n}={(rss(p) - base[n]) * 1024 / 100000:.2f}" for n, p in sorted(kids.items())) + "\n")
    drop(naru)


def chats(args, file):
    idle_chats(make, crowd, drop, work)


def hook_policy(ports):
    """A webhook for each name, to its port of this machine."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="naru-bench-"))
    (folder / "key").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    lines = [f'  {n}: {{ url: "http://127.0.0.1:{port}/{n}", secret: "file:{folder}/key", only: ticket.*, private: yes, at-once: 16 }}'
             for n, port in ports.items()]
    (folder / "policy.yaml").write_text((HERE / "policy.yaml").read_text() + "\n" + "\n".join(["webhooks:", *lines]) + "\n")
    return folder / "policy.yaml"


def hooks_once(file, ports, count, *how):
    """What the receiver tells of one load, and the router's CPU for all there was to do. Without `ports` nobody is told."""
    ask = lambda: json.loads(urllib.request.urlopen(f"http://127.0.0.1:{ports['good']}/").read())
    if ports:
        ask()
    naru = make(hook_policy(ports) if ports else HERE / "policy.yaml")
    before = usage(naru)["router-1"]
    run(naru, file, 50, count, *how)
    if ports:
        wait_for("the good one to know all", lambda: naru.metric('naru_hook_backlog{process="router-1",webhook="bench/good"}') == 0, 120)
    spent, got = usage(naru)["router-1"] - before, ask() if ports else None
    drop(naru)
    return got, spent


def hooks_at(file, title, ports, tickets, seconds, none):
    """One line. `none`: the router's CPU for the same load without webhooks."""
    got, spent = hooks_once(file, ports, tickets * seconds, "--rate", tickets)
    print(f"hooks at {tickets * 4}/s, {title:24} told {got['different']:>6} in {got['seconds']:.1f} s  from change to delivery p50 {got['p50']:.1f} "
          f"p99 {got['p99']:.1f} max {got['max']:.1f} ms   twice {got['taken'] - got['different']}  late {got['late']}  "
          f"connections {got['connections']}   router {(spent - none) / got['different']:.1f} us of cpu a webhook")
    sys.stdout.flush()


def hooks(args, file):
    """A ticket has four changes. Fixed rates: alone, and beside one that refuses and one that never answers, at what each can hold;
    then as fast as they go."""
    receiver = subprocess.Popen([sys.executable, HERE / "hooks.py", "0"], stdout=subprocess.PIPE, text=True)
    silent = socket.create_server(("127.0.0.1", 0), backlog=1024)
    good = {"good": int(receiver.stdout.readline())}
    beside = {**good, "refuses": 9, "silent": silent.getsockname()[1]}
    try:
        for tickets in (125, 500):
            for _ in range(args.runs):
                none = hooks_once(file, {}, tickets * args.seconds, "--rate", tickets)[1]
                hooks_at(file, "alone", good, tickets, args.seconds, none)
                hooks_at(file, "beside two dead ones", beside, tickets, args.seconds, none)
        count = min(args.count, 20000)
        none = hooks_once(file, {}, count, "--closed", args.closed)[1]
        got, spent = hooks_once(file, good, count, "--closed", args.closed)
        print(f"hooks as fast as they go:  told {got['different']}, {got['taken'] / got['seconds']:.0f}/s  twice {got['taken'] - got['different']}  "
              f"late {got['late']}   router {(spent - none) / got['different']:.1f} us of cpu a webhook\n")
    finally:
        receiver.kill()
        silent.close()


def streams_once(file, listeners, rate, seconds):
    """The router's CPU for a load with so many listeners to all changes, and how many messages they were told."""
    naru = make()
    ears = [subprocess.Popen(["curl", "-sN", "-o", "/dev/null", "-H", f"Authorization: Bearer {naru.token}",
                              f"http://127.0.0.1:{naru.port}/v1/stream"]) for _ in range(listeners)]
    wait_for("the streams", lambda: naru.metric("naru_streams{") == listeners, 60)
    before = usage(naru)["router-1"]
    sent, _, _ = run(naru, file, 50, rate * seconds, "--rate", rate)
    spent, told = usage(naru)["router-1"] - before, naru.metric("naru_stream_messages_total{")
    slow = naru.metric('naru_streams_ended_total{process="router-1",cause="slow"')
    for ear in ears:
        ear.kill()
        ear.wait()
    drop(naru)
    return spent, told, slow, sent


def streams(args, file):
    """A ticket has four changes. The same load with nobody listening, and with listeners that read all."""
    rate = 2000
    for _ in range(args.runs):
        none = None
        for listeners in (0, 1, 10, 50):
            spent, told, slow, sent = streams_once(file, listeners, rate, args.seconds)
            none = spent if none is None else none
            each = f"{(spent - none) / told:.2f} us of cpu a message" if told else ""
            print(f"streams {listeners:>3} at {rate}/s  sent {sent['rate']:.0f}/s  router {spent / rate / args.seconds:.1f} us a ticket   "
                  f"told {told:.0f}  slow {slow:.0f}  {each}")
            sys.stdout.flush()


def wait_of_scorers(naru):
    """Milliseconds within which half, and 99 %, of a scorer's answers came: bounds of the histogram's buckets."""
    lines = [l for l in naru.get("/metrics").text.splitlines() if l.startswith("naru_scorer_seconds_bucket")]
    counts = [(l.split('le="')[1].split('"')[0], float(l.rsplit(" ", 1)[1])) for l in lines]
    return [next(float(le) * 1000 for le, n in counts if n >= share * counts[-1][1]) for share in (0.5, 0.99)]


def scorer(args, file):
    example = HERE.parent.parent / "examples" / "scorer"
    scorers = {"no scorer": None, "scorer.py": [sys.executable, example / "scorer.py"]}
    if (example / "node_modules").exists():
        scorers["scorer.mjs"] = ["node", example / "scorer.mjs"]
    policy = pathlib.Path(tempfile.mkdtemp(prefix="naru-bench-")) / "policy.yaml"
    policy.write_text((HERE / "policy.yaml").read_text().replace("triage:\n", "triage:\n  external: { intent: { within: 500ms } }\n", 1))
    for name, command in scorers.items():
        naru = make(policy)
        inbox = [f"ipc://{naru.folder}/scorer", f"ipc://{naru.folder}/data/run/triage-1.inbox"]
        other = command and subprocess.Popen([*map(str, command), "--inbox", inbox[0], "--triage", inbox[1]])
        if other:
            wait_for("the scorer to be asked", lambda: naru.event(str(time.monotonic_ns()), account="load") and naru.metric("naru_scorer_asked_total"))
        sent, took, per = run(naru, file, 200, args.count, "--closed", args.closed)
        show(name, sent, took, per)
        if other:
            asked, answered = naru.metric("naru_scorer_asked_total"), naru.metric("naru_scorer_answered_total")
            half, most = wait_of_scorers(naru)
            ours = [l.split('cause="')[1].replace('"}', "") for l in naru.get("/metrics").text.splitlines() if l.startswith("naru_scorer_fallback_total{")]
            print(f"{'':26} asked {asked:.0f} of {args.count}, answered {answered:.0f}, ours: {', '.join(ours) or 'none'}; half within {half:g} ms, 99 % within {most:g} ms, "
                  f"its cpu {cpu(other.pid) / args.count:.1f} us/event")
            other.kill()
            other.wait()
        drop(naru)
    shutil.rmtree(policy.parent)
    print()


def models(args, file):
    """The starter kit's four models before the bench policy's rules."""
    policy = pathlib.Path(tempfile.mkdtemp(prefix="naru-bench-")) / "policy.yaml"
    names = ", ".join(f"{kind}: {kind}.model" for kind in ("language", "intent", "urgency", "sentiment"))
    policy.write_text((HERE / "policy.yaml").read_text().replace("triage:\n", f"triage:\n  models: {{ {names} }}\n", 1))
    naru = make(policy)
    wait_for("models", lambda: naru.metric("naru_model_loads_total") >= 1, 30)
    for _ in range(args.runs):
        show("with four models", *run(naru, file, 200, args.count, "--closed", args.closed))
    drop(naru)
    shutil.rmtree(policy.parent)
    print()


def matcher(args, file):
    for i in range(args.runs):
        print(f"matcher run {i + 1}")
        sys.stdout.flush()
        subprocess.run([pathlib.Path(NARU).parent / "bench_match_bench"], check=False)


SIMULATED = """naru: 1
workspace: bench
channels:
  voice: {{ cost: 100, offer: 20s }}
queues:
{queues}
agents:
{agents}
simulate:
  classes:
{classes}
"""


def simulated_policy(queues, agents):
    takes = lambda i: "default" if i == 0 else f"{{ tag: t{i} }}"
    skills = lambda i: ", ".join(f"s{k}: {4 + (i + k) % 6}" for k in sorted({i % queues, (i * 7 + 1) % queues, (i + 2) % queues}))
    return SIMULATED.format(
        queues="\n".join(f"  q{i}: {{ takes: {takes(i)}, needs: {{ s{i}: 3 }}, sla: {{ answer: {{ within: {20 + 10 * i}s }} }} }}"
                         for i in range(queues)),
        agents="\n".join(f"  a{i}: {{ skills: {{ {skills(i)} }} }}" for i in range(agents)),
        classes="\n".join(f"    c{i}: {{ queue: q{i}, channel: voice, work: 180s }}" for i in range(queues)))


def simulate(args, file):
    """One core; reading the trace and the figures counted in."""
    queues, agents, draw, at = 20, 500, random.Random(1), 0
    folder = pathlib.Path(tempfile.mkdtemp(prefix="naru-bench-"))
    (folder / "policy.yaml").write_text(simulated_policy(queues, agents))
    with open(folder / "trace.csv", "w") as out:
        print("id,arrival_ms,class,work_ms,patience_ms", file=out)
        for i in range(args.count):
            at += draw.expovariate(agents / 180000 * 0.92)
            patience = "" if i % 2 else int(draw.expovariate(1 / 120000))
            print(f"{i},{int(at)},c{draw.randrange(queues)},{int(1 + draw.expovariate(1 / 180000))},{patience}", file=out)
    for i in range(args.runs):
        began = os.times()
        subprocess.run([NARU, "simulate", "--policy", folder / "policy.yaml", "--trace", folder / "trace.csv"], check=True,
                       stdout=subprocess.DEVNULL)
        took = sum(os.times()[2:4]) - sum(began[2:4])
        print(f"simulate run {i + 1}: {args.count} tickets, {took:.2f} s of CPU: {took / args.count * 1e6:.1f} us each, "
              f"{args.count / took * 60 / 1e6:.1f} million a minute")
    shutil.rmtree(folder)
    print()


def parts(args, file):
    for program in sorted((pathlib.Path(NARU).parent).glob("bench_*")):
        print(f"== {program.name}")
        sys.stdout.flush()
        subprocess.run([program], check=False)


made = {}


def make(policy=HERE / "policy.yaml"):
    folder = tempfile.mkdtemp(prefix="naru-bench-")
    naru = Naru(folder, policy=policy, options=["--triage", str(ARGS.triage)])
    made[naru] = folder
    return naru


def drop(naru):
    naru.stop()
    shutil.rmtree(made.pop(naru), ignore_errors=True)


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", nargs="*", default=["throughput", "latency", "memory", "parts"])
    p.add_argument("--file", help="messages, TSV (default: the demo's own)")
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--count", type=int, default=200000)
    p.add_argument("--closed", type=int, default=512)
    p.add_argument("--seconds", type=int, default=10)
    p.add_argument("--triage", type=int, default=1)
    ARGS = p.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="naru-bench-"))
    messages = texts(work, ARGS.file)
    os.environ["NARU_LOG"] = "warn"
    print(f"machine: {os.cpu_count()} cores; messages: {messages if ARGS.file else 'the demo texts'}; triage workers: {ARGS.triage}")
    for what in ARGS.what:
        {"throughput": throughput, "pipeline": throughput, "latency": latency, "doors": webhooks, "memory": memory, "chats": chats, "hooks": hooks, "streams": streams, "scorer": scorer, "models": models, "matcher": matcher, "simulate": simulate, "parts": parts}[what](ARGS, messages)
    shutil.rmtree(work, ignore_errors=True)
