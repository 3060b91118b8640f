#!/usr/bin/env python3
"""Chaos: a whole Naru under load at all doors while its processes are killed, stopped and started again, and a ledger outside that
says what must have come of everything.

    tests/chaos/run.py --seed 7 --seconds 60 --topology hand

Ends with 0 when all that was promised was kept; else says what was not, and where the folder with logs, journals and Redis's log is.
The seed decides what goes wrong and when; how the processes take it is up to the machine."""
import argparse
import json
import pathlib
import random
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import judge
from ledger import Ledger
from load import SECRET, Agent, Chat, Customers
from outside import HOOK_KEY, Outside
from world import Chaos, HandWorld, UpWorld

POLICY = """
naru: 1
workspace: storm
channels:
  api: {{ cost: 10, offer: 4s }}
  webchat: {{ cost: 30, offer: 4s }}
  line: {{ cost: 20, offer: 4s }}
  slack: {{ cost: 20, offer: 4s }}
  messenger: {{ cost: 20, offer: 4s }}
  form: {{ cost: 15, offer: 4s }}
  telegram: {{ cost: 20, offer: 4s }}
  email: {{ cost: 15, offer: 4s }}
accounts:
  load: {{ channel: api }}
  chat: {{ channel: webchat, provider: widget, secret: "file:{f}/key", origins: ["https://shop.example"] }}
  ln: {{ channel: line, provider: line, secret: "file:{f}/key", id: "Udest", token: "file:{f}/token", api: "{url}/line" }}
  sl: {{ channel: slack, provider: slack, secret: "file:{f}/key", id: "T1", token: "file:{f}/token", api: "{url}/slack" }}
  fb: {{ channel: messenger, provider: meta, secret: "file:{f}/key", verify: "file:{f}/token", id: "P1", token: "file:{f}/token", api: "{url}/meta" }}
  tg: {{ channel: telegram, provider: telegram, secret: "file:{f}/word", token: "file:{f}/token", api: "{url}/telegram" }}
  gen:
    channel: form
    provider: generic
    secret: "file:{f}/key"
    signature: {{ kind: hmac, header: X-Sig, prefix: "sha256=" }}
    token: "file:{f}/token"
    map: {{ id: id, customer: {{ id: from }}, conversation: room, text: text, reply: {{ room: room }} }}
    send: {{ url: "{url}/generic/{{reply.room}}", body: {{ text: "{{text}}" }}, external: id }}
  help: {{ channel: email, provider: lmtp, addresses: [help@shop.example], from: "Shop <help@shop.example>", smtp: "{smtp}" }}
triage:
  rules:
    - name: refund
      when: {{ text: [refund] }}
      then: {{ intent: refund_request }}
queues:
  billing: {{ takes: {{ intent: [refund_*] }}, needs: {{ billing: 3 }}, sla: {{ answer: {{ within: 2m, target: 80% }} }} }}
  desk: {{ takes: default, needs: {{}} }}
agents:
{agents}
webhooks:
  all: {{ url: "{url}/hook", secret: "file:{f}/hook", private: yes, within: 5s, at-once: 16 }}
"""


def prepare(folder, outside, agents):
    for name, text in (("key", SECRET), ("token", "12:ab-c"), ("word", "telegrams-word-of-the-chaos"), ("hook", "whsec_" + HOOK_KEY)):
        (folder / name).write_text(text + "\n")
    rows = "\n".join(f"  a{i}: {{ skills: {{ billing: {i % 5 + 4} }}, capacity: {60 + 20 * (i % 3)} }}" for i in range(agents))
    path = folder / "policy.yaml"
    path.write_text(POLICY.format(f=folder, url=outside.url, smtp=outside.mail_url, agents=rows))
    return path


class Say:
    def __init__(self, path):
        self.file = open(path, "a")

    def __call__(self, text):
        self.file.write(text + "\n")
        self.file.flush()


def storm(seed, seconds=40, topology="hand", older=False, only=None, agents=8, chats=4, senders=4, pause=0.5, drain=150, keep=False):
    """One run; what was not kept, as a list of lines, and where it can be looked at."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"naru-chaos-{topology}-{seed}-"))
    outside, ledger, say = Outside(seed), Ledger(), Say(folder / "chaos.log")
    policy = prepare(folder, outside, agents)
    world = (UpWorld if topology == "up" else HandWorld)(folder, policy)
    workers, faults = [], []
    try:
        people = [Agent(world, ledger, seed, f"a{i}") for i in range(agents)]
        customers = [Customers(world, ledger, seed, f"s{i}", pause=pause) for i in range(senders)]
        chatters = [Chat(world, ledger, seed, f"chat-{i}", router=i % len(world.ports) + 1) for i in range(chats)]
        watch = judge.Watch(world, ledger, seed, "watch")
        workers = people + customers + chatters + [watch]
        for w in workers:
            w.start()
        chaos = Chaos(world, seed, seconds, older, only, say)
        chaos.start()
        chaos.join()
        for w in customers + chatters:
            w.over.set()
        for w in customers + chatters:
            w.join(120)
        say(f"chaos {time.time():.3f} all is sent")
        faults += judge.drained(world, ledger, people, drain)
        for w in [watch, *people, *[h for a in people for h in a.hands]]:
            w.over.set()
        for w in people:
            w.join(30)
        faults += judge.judge(world, ledger, outside, chatters, chaos, say)
    finally:
        with open(folder / "changes.jsonl", "w") as f:
            f.writelines(json.dumps(c) + "\n" for c in outside.changes)
        for w in workers:
            w.over.set()
        faults += [f"log: {line}" for line in world.stop()[:20]]
        outside.close()
    for line in faults:
        say("fault " + line)
    if not faults and not keep:
        shutil.rmtree(folder, ignore_errors=True)
    return faults, folder, ledger


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    p.add_argument("--seconds", type=float, default=40)
    p.add_argument("--topology", choices=["up", "hand"], default="hand")
    p.add_argument("--older", action="store_true", help="Redis is also set back to older data")
    p.add_argument("--only", nargs="*", help="processes whose names begin so")
    p.add_argument("--rounds", type=int, default=1, help="so many runs, each with the next seed")
    p.add_argument("--pause", type=float, default=0.5, help="between two messages of one customer, on average")
    p.add_argument("--keep", action="store_true", help="the folder stays in any case")
    o = p.parse_args()
    bad = 0
    for seed in range(o.seed, o.seed + o.rounds):
        begun = time.monotonic()
        faults, folder, ledger = storm(seed, o.seconds, o.topology, o.older, o.only, pause=o.pause, keep=o.keep)
        print(f"seed={seed} topology={o.topology} events={len(ledger.homes)} replies={len(ledger.replies)} faults={len(faults)} "
              f"seconds={time.monotonic() - begun:.0f}" + (f" folder={folder}" if faults or o.keep else ""), flush=True)
        for line in faults[:60]:
            print("  " + line, flush=True)
        bad += bool(faults)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
