"""Was everything kept that was promised? Asked of Naru at the end, and held against the ledger."""
import collections
import re
import signal
import time

from load import AWAY, Worker

LIVE = ("waiting", "offered", "assigned", "wrapup", "parked", "scheduled")
# Lines of the logs that are no fault of anybody: what a killed process leaves behind, told by who lives on.
ERRORS = re.compile(r" error ")
EXPECTED = re.compile(r"redis: cannot connect|is away|died|ended by signal|ended with|cannot be connected|connection refused|closed by", re.I)
# Refusals that nothing that was done explains; frames of or for another life of a process (late, lost, unknown_peer, stale) are.
UNEXPLAINED = re.compile(r'naru_mailbox_refused_total(?!.*cause="(late|lost|unknown_peer|stale)")|naru_hooks_total.*result="(dropped|dead)"|'
                         r'naru_messages_refused_total|naru_assign_stray')


class Watch(Worker):
    """Looks at the agents while it all goes on: nobody over their capacity."""

    def turn(self):
        status, out = self.call(self.router(), "GET", "/v1/agents", timeout=5)
        for a in out.get("agents", []) if status == 200 else []:
            if a.get("units_held", 0) > a["capacity"]:
                self.ledger.broken("capacity", f"{a['agent']} holds {a['units_held']} of {a['capacity']} units")
        self.over.wait(0.5)


def metrics(world, asker, router):
    status, text = asker.call(router, "GET", "/metrics")
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


def live(world, asker):
    """What is not over yet, by router; None: somebody cannot say."""
    left = {}
    for router in world.ports:
        try:
            found = metrics(world, asker, router)
            ready = asker.call(router, "GET", "/readyz")[0]
        except AWAY:
            return None
        if ready != 200:
            return None
        left[router] = {k: v for k, v in found.items()
                        if v and re.match(r"naru_(events_live|hook_backlog|messages_kept\{.*state=\"(queued|sending)\"|tickets_live|tickets\{)", k)}
    return left


def drained(world, ledger, people, seconds):
    """Until nothing is left to do. Agents' sockets are opened anew now and then: each is told again what it holds."""
    asker = Worker(world, ledger, 0, "asker")
    until, again = time.monotonic() + seconds, time.monotonic() + 15
    left, hooks_since = None, 0
    while time.monotonic() < until:
        left = live(world, asker)
        if left is not None and not any(left.values()):
            return []
        hooks_alone = left is not None and all("hook_backlog" in k for found in left.values() for k in found)
        hooks_since = (hooks_since or time.monotonic()) if hooks_alone else 0
        if hooks_since and time.monotonic() - hooks_since > 15:  # failed twice: the third try is minutes later, or after a start
            hooks_since = 0
            for router in world.ports:
                world.kill(f"router-{router}", signal.SIGTERM)
        if time.monotonic() > again:
            again = time.monotonic() + 15
            for a in people:
                a.held.clear()
                if a.ws:
                    a.ws.close(timeout=0)
        time.sleep(0.5)
    return [f"drain: after {seconds} s there is left {left}"]


class Case:
    def __init__(self, world, ledger):
        self.asker, self.world, self.ledger, self.faults = Worker(world, ledger, 0, "asker"), world, ledger, []
        self.accounts = {}  # ticket → by which account its customer writes

    def broken(self, what, words):
        self.faults.append(f"{what}: {words}")

    def get(self, router, path):
        self.asker.over.set()
        _, status, out = self.asker.insist(router, "GET", path)
        if status not in (200, 404):
            self.broken("asked", f"router-{router} {path}: {status} {out}")
        return status, out


def events(case):
    """Every event that was answered 2xx has settled at each of its homes, in one ticket."""
    tickets = collections.defaultdict(set)  # ticket → homes that know it
    for e, homes in sorted(case.ledger.homes.items()):
        found = set()
        for home in homes:
            status, out = case.get(home, f"/v1/events/{e}")
            if status != 200 or out["state"] != "settled" or not out.get("ticket"):
                case.broken("event", f"{e} {case.ledger.ids[e]} at router-{home}: {status} {out.get('state')} ticket={out.get('ticket')}")
            else:
                found.add(out["ticket"])
        if len(found) > 1:
            case.broken("event", f"{e} {case.ledger.ids[e]} is in {sorted(found)}")
        for t in found:
            tickets[t] |= homes
    return tickets


def told_short(life):
    return " ".join(f"{c['seq']}:{c['kind']}" + "".join(f":{c[k]}" for k in ("agent", "cause", "token") if c.get(k)) for c in life)


def lives(case, tickets, outside):
    """Each ticket was ended by the agent who had it, and never had two owners."""
    found, causes, told = {}, collections.Counter(), collections.defaultdict(dict)
    for e in outside.changes:
        told[e["subject"]][e["id"]] = {**e["data"], "kind": e["type"].removeprefix("naru.ticket.")}
    for t in sorted(tickets):
        for home in case.world.ports:
            status, out = case.get(home, f"/v1/tickets/{t}/explain")
            if status == 200 and out.get("life"):
                break
        else:
            case.broken("ticket", f"{t} is known nowhere: {status} {str(out)[:200]}")
            continue
        life = found[t] = out["life"]
        case.accounts[t] = out["account"]
        owner, changes = None, sorted(told[t].values(), key=lambda c: c["seq"])  # all: a router's restart keeps those with rows
        for c in changes:
            if c["kind"] == "accepted":
                if owner not in (None, c.get("agent")):
                    case.broken("owners", f"{t} is {owner}'s and was accepted by {c.get('agent')} at seq {c['seq']}: {told_short(changes)}")
                owner = c.get("agent")
            elif c["kind"] in ("returned", "moved", "resumed", "ended"):
                owner = None
        end = [c for c in life if c.get("cause") != "repeat"][-1]  # a repeat: told again to a router that had forgotten
        causes[(end["kind"], end.get("state"), end.get("cause"))] += 1
        by_agent = any(act == "resolve" for _, act, _ in case.ledger.acts[t])
        if end["kind"] not in ("ended", "replied", "notified") or not by_agent or end.get("state", "resolved") != "resolved":
            case.broken("end", f"{t} ended by {end.get('kind')} state={end.get('state')} cause={end.get('cause')} actor={end.get('actor')}; "
                               f"asked: {case.ledger.acts[t]}")
        kinds = [c["kind"] for c in life if c.get("cause") != "repeat"]
        if kinds.count("opened") != 1 and not case.older:
            case.broken("life", f"{t} was opened {kinds.count('opened')} times: {told_short(life)}")
        if kinds.count("ended") > 1:
            case.broken("life", f"{t} ended {kinds.count('ended')} times: {told_short(life)}")
    return found, causes


def replies(case, outside, found):
    """Each reply came exactly once, or is shown as unknown or failed."""
    shown = collections.defaultdict(set)
    for router in case.world.ports:
        for state in ("unknown", "failed"):
            status, out = case.get(router, f"/v1/messages?state={state}&limit=100")
            for m in out.get("messages", []):
                shown[m["id"]].add(state)
    for life in found.values():
        for c in life:
            if c["kind"] == "notified" and str(c.get("cause", "")).startswith("message "):
                shown[(c.get("detail") or {}).get("message", "")].add(c["cause"])
    counts = collections.Counter()
    for text, r in case.ledger.replies.items():
        came, account = outside.replies.get(text, []), case.accounts.get(r["ticket"])
        told = shown.get(r["message"], set())
        if len({c[:2] for c in came}) > 1 or (len(came) > 1 and not came[0][1]):
            case.broken("reply", f"{text!r} ({r['message']}) of {r['ticket']} came {len(came)} times: {came}")
        if r["acked"] and not came and not told and account != "load" and not r["chat"]:
            case.broken("reply", f"{text!r} ({r['message']}) of {r['ticket']} by {account} never came, and nobody is told")
        if r["acked"] and came and all(c[2] != 200 for c in came) and not told:
            case.broken("reply", f"{text!r} ({r['message']}) of {r['ticket']} may not have come {came}, and nobody is told")
        times = sum(c["kind"] == "replied" and (c.get("detail") or {}).get("message") == r["message"] for c in found.get(r["ticket"], []))
        if r["message"] and times != 1 and r["ticket"] in found and not case.older:
            case.broken("reply", f"{text!r} ({r['message']}) is {times} times in the life of {r['ticket']}")
        counts[f"{account} " + ("came" if came or r["chat"] else "told" if told else "neither")] += 1
    return counts


def chats(case, chatters):
    for c in chatters:
        lines = c.transcript()
        if lines is None:
            case.broken("chat", f"{c.name}: no transcript")
            continue
        seqs = [seq for seq, *_ in lines]
        if seqs != sorted(set(seqs)):
            case.broken("chat", f"{c.name}: numbers {seqs}")
        ids = collections.Counter(id for _, id, by, _ in lines if by == "customer")
        for id, seq in c.mine.items():
            if ids[id] != 1:
                case.broken("chat", f"{c.name}: {id} (seq {seq}) is there {ids[id]} times")
        there = {seq: id for seq, id, *_ in lines}
        for seq, id in c.lines.items():
            if there.get(seq) != id:
                case.broken("chat", f"{c.name}: line {seq} {id} was heard, and is {there.get(seq)} now")
        told = collections.Counter(text for _, _, by, text in lines if by != "customer")
        for text, n in told.items():
            if n != 1:
                case.broken("chat", f"{c.name}: {text!r} is there {n} times")
        for text, r in case.ledger.replies.items():
            if text in told:
                r["chat"] = True


def hooks(case, outside, found):
    """Each change of each ticket was told at least once, in order of its subject, under one id."""
    first, order, told = {}, collections.defaultdict(list), collections.defaultdict(set)
    if outside.unsigned:
        case.broken("hook", f"{len(outside.unsigned)} were not signed well")
    for e in outside.changes:
        key = (e["sequence"], e["subject"], e["type"])
        if e["told_as"] != e["id"]:
            case.broken("hook", f"webhook-id {e['told_as']} is not the event's {e['id']}")
        if e["id"] not in first:
            first[e["id"]] = key
            order[e["subject"]].append((int(e["sequence"]), e["type"]))
        elif first[e["id"]] != key:
            case.broken("hook", f"{e['id']} is {first[e['id']]} and {key}")
        told[e["subject"]].add((int(e["sequence"]), e["type"].removeprefix("naru.ticket.")))
    same = collections.Counter(first.values())
    for key, n in same.items():
        if n > 1 and not case.older:
            case.broken("hook", f"{key} was told under {n} ids")
    for subject, seqs in order.items():
        for a, b in zip(seqs, seqs[1:]):
            if b[0] < a[0] and not case.older and subject in found:  # of agents and queues another router tells when the first is away
                case.broken("hook", f"of {subject}, {a} was told before {b}")
    for t, life in found.items():
        for c in life:
            if (c["seq"], c["kind"]) not in told[t]:
                case.broken("hook", f"of {t} nobody was told of seq {c['seq']} {c['kind']}")


def leftovers(case):
    for router in case.world.ports:
        status, out = case.get(router, "/v1/agents")
        for a in out.get("agents", []):
            if a.get("units_held") or a.get("tickets"):
                case.broken("held", f"at the end {a['agent']} holds {a.get('units_held')} units: {a.get('tickets')}")
        status, out = case.get(router, "/v1/tickets")
        for t in out.get("tickets", []):
            if t["state"] in LIVE:
                case.broken("left", f"{t['ticket']} is {t['state']}")


def refusals(case):
    for router in case.world.ports:
        for name, value in metrics(case.world, case.asker, router).items():
            if value and UNEXPLAINED.match(name):
                case.broken("metric", f"router-{router}: {name} {value:g}")


def log_errors(case):
    seen = collections.Counter()
    for f in case.world.logs():
        if f.name == "redis.log" and case.older:
            continue
        for line in f.read_text(errors="replace").splitlines():
            if ERRORS.search(line) and not EXPECTED.search(line):
                seen[re.sub(r"\d[\d.:TZ-]*|[0-9a-f]{8}-[0-9a-f-]{27}", "#", line)[:200]] += 1
    for line, n in seen.most_common(20):
        case.broken("log", f"{n} × {line}")


def judge(world, ledger, outside, chatters, chaos, say):
    case = Case(world, ledger)
    case.older = chaos.rollbacks > 0
    for what, words in ledger.said:
        case.broken(what, words)
    tickets = events(case)
    found, causes = lives(case, tickets, outside)
    chats(case, chatters)
    counts = replies(case, outside, found)
    hooks(case, outside, found)
    leftovers(case)
    refusals(case)
    log_errors(case)
    say(f"causes {dict(causes)}")
    say(f"replies {dict(counts)}")
    say(f"counts {dict(ledger.counts)}")
    return case.faults
