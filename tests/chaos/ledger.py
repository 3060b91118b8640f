"""What was promised, kept outside of Naru."""
import collections
import hashlib
import threading
import uuid


def event_id(account, external):
    """As Naru makes it: the same on every router."""
    b = bytearray(hashlib.sha256(account.encode() + b"\0" + external.encode()).digest()[:16])
    b[6] = b[6] & 0x0F | 0x80
    b[8] = b[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(b)))


class Ledger:
    def __init__(self):
        self.lock = threading.Lock()
        self.homes = collections.defaultdict(set)  # event → routers that answered 2xx
        self.ids = {}  # event → (account, external id)
        self.replies = {}  # text → dict(ticket, kind, acked)
        self.acts = collections.defaultdict(list)  # ticket → (agent, act, status)
        self.said = []  # (kind of fault, words): broken while it ran
        self.counts = collections.Counter()

    def accepted(self, account, external, home):
        e = event_id(account, external)
        with self.lock:
            self.homes[e].add(home)
            self.ids[e] = (account, external)
            self.counts[f"events {account}"] += 1
        return e

    def reply(self, text, ticket, acked, message=None):
        with self.lock:
            r = self.replies.setdefault(text, {"ticket": ticket, "acked": False, "message": None, "chat": False})
            r["acked"] |= acked
            r["message"] = message or r["message"]

    def act(self, ticket, agent, act, status):
        with self.lock:
            self.acts[ticket].append((agent, act, status))
            self.counts[f"{act} {status}"] += 1

    def broken(self, what, words):
        with self.lock:
            self.said.append((what, words))
