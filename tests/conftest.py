"""A whole Naru for a test: `naru up` on a folder of its own, real processes, a real redis-server, any free port."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import described
import pytest
import websocket

ROOT = pathlib.Path(__file__).resolve().parent.parent
NARU = os.environ.get("NARU", str(ROOT / "build-test" / "naru"))
POLICY = pathlib.Path(__file__).parent / "policy.yaml"
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, and so would all its children


def wait_for(what, cond, seconds=30.0):
    """Waits until cond() is true and returns it; fails with `what` after the deadline."""
    until = time.monotonic() + seconds
    while True:
        value = cond()
        if value:
            return value
        assert time.monotonic() < until, f"waited {seconds} s for {what}"
        time.sleep(0.02)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.text = status, headers, body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.text)


class Agent:
    """An agent's WebSocket: say() and hear()."""

    def __init__(self, naru, name, token=None):
        self.ws = websocket.create_connection(
            f"ws://127.0.0.1:{naru.port}/v1/agents/{name}/stream",
            header=[f"Authorization: Bearer {token or naru.token}"], timeout=20)
        self.ref = 0
        self.kept = []

    def say(self, **message):
        self.ws.send(json.dumps(message))

    def hear(self, kind, seconds=20, **match):
        """The next message of that type (others are kept for later)."""
        fits = lambda m: m["type"] == kind and all(m.get(k) == v for k, v in match.items())
        for i, m in enumerate(self.kept):
            if fits(m):
                return self.kept.pop(i)
        until = time.monotonic() + seconds
        while True:
            assert time.monotonic() < until, f"no {kind} {match} in {seconds} s; heard {self.kept[-50:]}"
            self.ws.settimeout(0.5)  # pings begin it anew
            try:
                text = self.ws.recv()
            except websocket.WebSocketTimeoutException:
                continue
            m = json.loads(text)
            described.met("agentHears", m)
            if fits(m):
                return m
            self.kept.append(m)

    def act(self, kind, **more):
        self.ref += 1
        self.say(type=kind, ref=self.ref, **more)
        return self.hear("result", ref=self.ref)

    def available(self):
        self.hear("welcome")
        self.say(type="presence", presence="available")
        self.hear("presence", presence="available")
        return self

    def close(self):
        self.ws.close()

    def __enter__(self):
        """with door.agent("ann") as ann: at work; in the end offline, so that the next test does not meet them."""
        self.hear("welcome")
        got = self.act("presence", presence="available")
        assert got["status"] == 200, got
        return self

    def __exit__(self, kind, *_):
        if not kind:
            self.act("presence", presence="offline")
        self.close()


class Door:
    """A router's HTTP door: `port` and `token` say where and who."""

    port, token = 0, ""

    def call(self, method, path, body=None, token=None, headers=None, raw=None, timeout=20):
        data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data, method=method)
        if token != "":
            request.add_header("Authorization", f"Bearer {token or self.token}")
        request.add_header("Content-Type", "application/json")
        for k, v in (headers or {}).items():
            request.add_header(k, v)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as r:
                got = Answer(r.status, r.headers, r.read())
        except urllib.error.HTTPError as e:
            got = Answer(e.code, e.headers, e.read())
        described.answered(method, path, got.status, got.headers["Content-Type"], got.text, None if raw is not None else body)
        return got

    def get(self, path, **kw):
        return self.call("GET", path, **kw)

    def post(self, path, body=None, **kw):
        return self.call("POST", path, body, **kw)

    def event(self, id, text="hello", account="web", token=None, **more):
        return self.post("/v1/events", {"id": id, "account": account, "text": text, **more}, token=token)

    def agent(self, name, token=None):
        return Agent(self, name, token)

    def metric(self, line_start):
        """The sum of the values of all lines of /metrics that begin so."""
        total = 0.0
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(line_start):
                total += float(line.rsplit(" ", 1)[1])
        return total


class Naru(Door):
    def __init__(self, folder, policy=POLICY, options=(), wait=True):
        self.folder = pathlib.Path(folder)
        self.policy = policy
        self.options = list(options)
        self.up = None
        self.start(wait)

    def start(self, wait=True):
        self.log = open(self.folder / "up.log", "ab")
        self.up = subprocess.Popen(
            [NARU, "up", "--policy", str(self.policy), "--data", str(self.folder / "data"), "--listen", "127.0.0.1:0",
             "--triage", "2", *self.options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env={**os.environ, "NARU_LOG": os.environ.get("NARU_LOG", "info")})
        self.find_port()
        if wait:
            self.ready()

    def find_port(self):
        """The port file is written anew by every router."""
        run = self.folder / "data" / "run" / "port"
        self.port = int(wait_for("the router's port", lambda: run.exists() and run.read_text().strip()))
        self.token = (self.folder / "data" / "operator.token").read_text().strip()

    def ready(self):
        wait_for("readiness", lambda: self.try_call("GET", "/readyz") == 200, 60)
        return self

    def try_call(self, method, path):
        try:
            return self.call(method, path).status
        except OSError:
            try:
                self.find_port()
            except AssertionError:
                pass
            return 0

    def children(self):
        """name → pid of the processes that `naru up` keeps."""
        found = {}
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                stat = open(f"/proc/{entry}/stat").read()
                args = open(f"/proc/{entry}/cmdline", "rb").read().decode().split("\0")
            except OSError:
                continue
            fields = stat[stat.rindex(")") + 2:].split()
            if int(fields[1]) != self.up.pid or fields[0] == "Z":
                continue
            if "--name" in args:
                found[args[args.index("--name") + 1]] = int(entry)
            elif args[0].startswith("redis-server"):
                found["redis"] = int(entry)
        return found

    def kill(self, name):
        """kill -9, then waits until another one is there in its place."""
        pid = wait_for(f"{name} to run", lambda: self.children().get(name))
        os.kill(pid, signal.SIGKILL)
        wait_for(f"{name} to be started again", lambda: self.children().get(name, pid) != pid)
        if name.startswith("router"):
            wait_for("the new router", lambda: self.try_call("GET", "/healthz") == 200)

    def naru(self, *args, **kw):
        return subprocess.run([NARU, *map(str, args)], capture_output=True, text=True, timeout=kw.pop("timeout", 300), **kw)

    def client(self, *args):
        """A load client in the background, told where and who."""
        return subprocess.Popen([NARU, *map(str, args), "--url", f"http://127.0.0.1:{self.port}", "--token", self.token, "--json"],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def stop(self):
        if self.up and self.up.poll() is None:
            self.up.send_signal(signal.SIGTERM)
            try:
                status = self.up.wait(60)
            except subprocess.TimeoutExpired:
                self.up.kill()
                raise AssertionError("naru up did not stop in 60 s")
            assert status == 0, f"naru up ended with {status}"
        self.log.close()

    def faults(self):
        return faults_in([self.folder / "up.log", *(self.folder / "data" / "log").glob("*.log")])


def faults_in(logs):
    """Lines of sanitizers and panics, and of what one process of ours told another in vain."""
    bad = []
    for f in logs:
        for line in f.read_text(errors="replace").splitlines():
            if any(w in line for w in ("ERROR: AddressSanitizer", "runtime error:", "LeakSanitizer", "panic", "assertion", "refused: it is for no workspace")):
                bad.append(f"{f.name}: {line}")
    return bad


class Hand:
    """Processes started one by one, as on several machines: any number of routers, workers and assigners, and one redis-server.

    Names say the role: redis, router-1, triage-2, assign-1. Doors to the routers are in `routers`, by number."""

    def __init__(self, folder, routers=1, policy=POLICY, options=()):
        self.folder = pathlib.Path(folder)
        self.policy = policy
        self.options = options  # more of every router
        self.routers = {n: Door() for n in range(1, routers + 1)}
        self.running = {}
        self.redis = f"unix://{self.folder}/redis.sock"
        self.token = self.naru("token", "create", "--role", "operator", "--subject", "op", "--tokens", self.folder / "tokens").stdout.strip()

    def naru(self, *args, **kw):
        return subprocess.run([NARU, *map(str, args)], capture_output=True, text=True, timeout=kw.pop("timeout", 60), **kw)

    def inbox(self, name):
        return f"ipc://{self.folder}/{name}.inbox"

    def argv(self, name):
        role, _, number = name.partition("-")
        if role == "redis":
            return ["redis-server", "--port", "0", "--unixsocket", f"{self.folder}/redis.sock", "--dir", str(self.folder), "--save", "",
                    "--appendonly", "yes", "--maxmemory-policy", "noeviction"]
        common = [NARU, role, "--name", name, "--inbox", self.inbox(name)]
        if role == "router":
            return [*common, "--number", number, "--listen", "127.0.0.1:0", "--data", str(self.folder / name), "--tokens",
                    str(self.folder / "tokens"), "--policy", str(self.policy), "--port-file", str(self.folder / f"{name}.port"), *self.options]
        dial = [w for n in self.routers for w in ("--router", self.inbox(f"router-{n}"))]
        return [*common, *dial, *(["--redis", self.redis] if role == "assign" else [])]

    def start(self, *names):
        for name in names:
            port = self.folder / f"{name}.port"
            port.unlink(missing_ok=True)
            with open(self.folder / f"{name}.log", "ab") as log:
                self.running[name] = subprocess.Popen(self.argv(name), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            if name.startswith("router-"):
                door = self.routers[int(name[7:])]
                door.token = self.token
                door.port = int(wait_for(f"{name}'s port", lambda: port.exists() and port.read_text().strip()))
        return self

    def ready(self):
        for door in self.routers.values():
            wait_for("readiness", lambda: door.get("/readyz").status == 200, 60)
        return self

    def kill(self, name):
        self.running[name].kill()
        self.running.pop(name).wait(10)

    def stop(self):
        order = ("router", "triage", "assign", "redis")
        bad = []
        for name in sorted(self.running, key=lambda n: order.index(n.split("-")[0])):
            self.running[name].terminate()
            status = self.running[name].wait(30)
            if status:
                bad.append(f"{name} ended with {status}")
        self.running = {}
        return bad + faults_in(self.folder.glob("*.log"))


@contextlib.contextmanager
def by_hand(**kw):
    """with by_hand(routers=2) as hand: nothing runs yet; in the end all is stopped and the logs searched for faults."""
    folder = tempfile.mkdtemp(prefix="naru-e2e-")
    hand = Hand(folder, **kw)
    try:
        yield hand
    except BaseException:
        hand.stop()
        raise
    bad = hand.stop()
    assert not bad, "\n".join(bad[:20])
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running(**kw):
    """with running() as naru: `naru up`, for a whole module of tests."""
    folder = tempfile.mkdtemp(prefix="naru-e2e-")
    naru = Naru(folder, **kw)
    try:
        yield naru
    except BaseException:
        naru.stop()
        raise
    naru.stop()
    bad = naru.faults()
    assert not bad, "\n".join(bad[:20])
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start(request):
    """start(policy=…, options=…, wait=…) → a running Naru; stopped and its logs searched for faults afterwards."""
    made = []

    def make(**kw):
        folder = tempfile.mkdtemp(prefix="naru-e2e-")
        made.append((folder, Naru(folder, **kw)))
        return made[-1][1]

    yield make
    for folder, n in made:
        n.stop()
        bad = n.faults()
        assert not bad, "\n".join(bad[:20])
        if not getattr(request.node, "failed", False):
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def naru(start):
    return start()


def pytest_collection_modifyitems(items):
    """What looks at all that the run has met comes last."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if outcome.get_result().failed:
        item.failed = True


NODE = ROOT / "tests" / "node"


def node(script, *args, input=None, timeout=60):
    """Runs tests/node/SCRIPT with Node and gives its standard output. `input`: a text, or anything else as JSON.

    The scripts use the providers' own packages: `(cd tests/node && npm ci)`, which scripts/test does."""
    assert shutil.which("node"), "node is not installed: scripts/packages test"
    assert (NODE / "node_modules").is_dir(), "tests/node/node_modules is missing: (cd tests/node && npm ci), or scripts/test"
    if input is not None and not isinstance(input, str):
        input = json.dumps(input)
    got = subprocess.run(["node", str(NODE / script), *map(str, args)], input=input, capture_output=True, text=True, timeout=timeout)
    assert got.returncode == 0, f"{script} ended with {got.returncode}:\n{got.stderr.strip()[-2000:]}"
    return got.stdout


def json_line(text):
    """The last JSON object of an output."""
    return json.loads([l for l in text.splitlines() if l.startswith("{")][-1])
