"""A whole Naru for a test: `naru up` on a folder of its own, real processes, a real redis-server, any free port."""
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

import pytest
import websocket

ROOT = pathlib.Path(__file__).resolve().parent.parent
NARU = os.environ.get("NARU", str(ROOT / "build-test" / "naru"))
POLICY = pathlib.Path(__file__).parent / "policy.yaml"


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
            self.ws.settimeout(max(0.01, until - time.monotonic()))
            try:
                text = self.ws.recv()
            except websocket.WebSocketTimeoutException:
                raise AssertionError(f"no {kind} {match} in {seconds} s; heard {self.kept}")
            m = json.loads(text)
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


class Naru:
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
                return Answer(r.status, r.headers, r.read())
        except urllib.error.HTTPError as e:
            return Answer(e.code, e.headers, e.read())

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
        """Lines of sanitizers and panics in any process's log."""
        bad = []
        for f in [self.folder / "up.log", *(self.folder / "data" / "log").glob("*.log")]:
            for line in f.read_text(errors="replace").splitlines():
                if any(w in line for w in ("ERROR: AddressSanitizer", "runtime error:", "LeakSanitizer", "panic", "assertion")):
                    bad.append(f"{f.name}: {line}")
        return bad


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


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if outcome.get_result().failed:
        item.failed = True


def json_line(text):
    """The last JSON object of an output."""
    return json.loads([l for l in text.splitlines() if l.startswith("{")][-1])
