"""A triage worker and a scorer in Python, written by proto/README.md alone: a frame's reader and writer over libzmq, and what tests
let them say."""
import ctypes
import os
import struct
import threading
import time

HELLO, EVENT, VERDICT, CONFIG, SCORER, SCORE, SCORED = 1, 2, 3, 10, 15, 16, 17
ROUTER, TRIAGE, ASSIGN, SCORER_ROLE = 1, 2, 3, 4


def pack(v):
    if v is None:
        return b"\xc0"
    if isinstance(v, bool):
        return b"\xc3" if v else b"\xc2"
    if isinstance(v, int):
        return struct.pack(">BQ", 0xCF, v)
    if isinstance(v, float):
        return struct.pack(">Bd", 0xCB, v)
    if isinstance(v, str):
        return struct.pack(">BI", 0xDB, len(v.encode())) + v.encode()
    if isinstance(v, bytes):
        return struct.pack(">BI", 0xC6, len(v)) + v
    return struct.pack(">BI", 0xDD, len(v)) + b"".join(map(pack, v))


def unpack(b, at=0):
    """(value, where it ends); msgpack as Naru writes it: no maps, no extensions."""
    t = b[at]
    at += 1
    if t < 0x80 or t >= 0xE0:
        return (t if t < 0x80 else t - 256), at
    if t in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[t], at
    numbers = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
    if t in numbers:
        n = struct.calcsize(numbers[t])
        return struct.unpack_from(numbers[t], b, at)[0], at + n
    sizes = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I", 0xD9: ">B", 0xDA: ">H", 0xDB: ">I", 0xDC: ">H", 0xDD: ">I"}
    if t in sizes:
        n = struct.unpack_from(sizes[t], b, at)[0]
        at += struct.calcsize(sizes[t])
    else:
        n = t & (0x1F if t >= 0xA0 else 0x0F)
    if t in (0xDC, 0xDD) or 0x90 <= t < 0xA0:
        v = []
        for _ in range(n):
            one, at = unpack(b, at)
            v.append(one)
        return v, at
    assert t in sizes or t >= 0xA0, hex(t)
    raw = bytes(b[at:at + n])
    return (raw if t in (0xC4, 0xC5, 0xC6) else raw.decode()), at + n


zmq = ctypes.CDLL("libzmq.so.5")
for name in ("zmq_ctx_new", "zmq_socket"):
    getattr(zmq, name).restype = ctypes.c_void_p


class Key:
    """A pair of CURVE keys, in Z85."""

    def __init__(self):
        public, secret = ctypes.create_string_buffer(41), ctypes.create_string_buffer(41)
        assert zmq.zmq_curve_keypair(public, secret) == 0
        self.public, self.secret = public.value.decode(), secret.value.decode()


class Peer(threading.Thread):
    """Joins the process at `at`. answer(peer, record) → what is sent back for each record of type `takes`: the fields of one of
    type `gives`, bytes as they are, or None. Records are lists in the order of their tables; `seen` keeps them."""

    PULL, PUSH, LINGER, RCVTIMEO = 7, 8, 17, 27
    CURVE_SERVER, CURVE_PUBLIC, CURVE_SECRET, CURVE_THEIRS = 47, 48, 49, 50
    role = takes = gives = 0

    def __init__(self, name, inbox, at, answer, key=None):
        super().__init__(daemon=True)
        self.key = key
        self.name, self.inbox, self.at, self.answer = name, inbox, at, answer
        self.incarnation = int(time.time() * 1000)
        self.sent = self.consumed = 0
        self.seen = []
        self.over = threading.Event()
        self.ctx = zmq.zmq_ctx_new()
        self.pull, self.push = self.socket(self.PULL), self.socket(self.PUSH)
        if key:
            self.secure(at.partition("?key=")[2])
            self.inbox += f"?key={key.public}"
        assert zmq.zmq_bind(ctypes.c_void_p(self.pull), inbox.encode()) == 0
        assert zmq.zmq_connect(ctypes.c_void_p(self.push), at.partition("?key=")[0].encode()) == 0
        self.start()

    def socket(self, kind):
        s = zmq.zmq_socket(ctypes.c_void_p(self.ctx), kind)
        for option, value in ((self.LINGER, 0), (self.RCVTIMEO, 50)):
            assert zmq.zmq_setsockopt(ctypes.c_void_p(s), option, ctypes.byref(ctypes.c_int(value)), 4) == 0
        return s

    def secure(self, theirs):
        server, text = ctypes.byref(ctypes.c_int(1)), lambda z: z.encode()
        for s, option, value, n in ((self.pull, self.CURVE_SERVER, server, 4), (self.pull, self.CURVE_SECRET, text(self.key.secret), 41),
                                    (self.push, self.CURVE_THEIRS, text(theirs), 41), (self.push, self.CURVE_PUBLIC, text(self.key.public), 41),
                                    (self.push, self.CURVE_SECRET, text(self.key.secret), 41)):
            assert zmq.zmq_setsockopt(ctypes.c_void_p(s), option, value, n) == 0

    def send_bytes(self, b):
        zmq.zmq_send(ctypes.c_void_p(self.push), b, len(b), 1)

    def frame(self, kind, records, version=1):
        """The bytes of our next frame."""
        b = pack([version, kind, self.name, self.incarnation, self.sent, self.consumed, records])
        if kind != HELLO:
            self.sent += len(records)
        return b

    def send(self, kind, records):
        self.send_bytes(self.frame(kind, records))

    def hello(self):
        self.send(HELLO, [[self.role, self.inbox, 256, 0, os.getpid(), "0", self.at]])

    def on_records(self, kind, records):
        pass

    def on_frame(self, b):
        (version, kind, _, _, seq, _, records), end = unpack(b)
        assert version == 1 and end == len(b)
        if kind == HELLO:
            return
        self.consumed = seq + len(records)
        self.on_records(kind, records)
        for record in records if kind == self.takes else []:
            self.seen.append(record)
            said = self.answer(self, record)
            if isinstance(said, bytes):
                self.send_bytes(said)
            elif said is not None:
                self.send(self.gives, [said])

    def run(self):
        room, next_hello = ctypes.create_string_buffer(1 << 20), 0
        while not self.over.is_set():
            if time.monotonic() >= next_hello:
                self.hello()
                next_hello = time.monotonic() + 1
            n = zmq.zmq_recv(ctypes.c_void_p(self.pull), room, len(room), 0)
            if n >= 0:
                self.on_frame(room.raw[:n])
        for s in (self.pull, self.push):
            zmq.zmq_close(ctypes.c_void_p(s))

    def leave(self):
        self.over.set()
        self.join(10)


class Worker(Peer):
    """A triage worker of a router."""

    role, takes, gives = TRIAGE, EVENT, VERDICT

    def __init__(self, *args):
        self.policies = []
        super().__init__(*args)

    def on_records(self, kind, records):
        self.policies += [r for r in records if kind == CONFIG]

    def verdict(self, event, error="", queue="", policy="sha256:none"):
        """The fields of a verdict that says nothing but these."""
        return [event[0], event[1], policy, error, "und", "", 0.0, False, 1, 0.4, 0, [], [], queue, [], [], 1]


class Scorer(Peer):
    """A scorer of a triage worker, for the intent unless `stages` says else."""

    role, takes, gives = SCORER_ROLE, SCORE, SCORED

    def __init__(self, *args, model="py-model", stages=("intent",), workspaces=(), at_once=0, key=None):
        self.offer = [model, [[s] for s in stages], [[w] for w in workspaces], at_once]
        super().__init__(*args, key=key)

    def hello(self):
        super().hello()
        self.send(SCORER, [self.offer])

    def scored(self, question, label="", p=0.9, second="", oos=False, reason="", error=""):
        return [question[0], label, p, second, oos, reason, error]
