"""The processes that are put through it: `naru up`, or a Naru by hand of two routers, workers and assigners. Ports stay the same over
restarts, so that clients come back by themselves."""
import os
import pathlib
import random
import signal
import socket
import threading
import time

from conftest import Hand, Naru


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class UpWorld:
    """`naru up`: it starts again what dies."""

    def __init__(self, folder, policy):
        self.ports, self.lmtp = {1: free_port()}, {1: free_port()}
        self.naru = Naru(folder, policy=policy, options=["--listen", f"127.0.0.1:{self.ports[1]}", "--lmtp", f"127.0.0.1:{self.lmtp[1]}"])
        self.token = self.naru.token
        self.folder = pathlib.Path(folder)
        self.names = ["router-1", "triage-1", "triage-2", "assign-1", "redis"]

    def pid(self, name):
        return self.naru.children().get(name)

    def kill(self, name, sign=signal.SIGKILL, between=None, pause=0):
        pid = self.pid(name)
        if not pid:
            return
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, sign)
        if between:
            between()

    def reload(self):
        self.naru.up.send_signal(signal.SIGHUP)

    def aof(self):
        return self.folder / "data" / "redis" / "appendonlydir"

    def logs(self):
        return [self.folder / "up.log", *(self.folder / "data" / "log").glob("*.log")]

    def stop(self):
        self.naru.stop()
        return self.naru.faults()


class HandWorld(Hand):
    """As on several machines: two of each, one redis-server; what is killed is started again after a while."""

    def __init__(self, folder, policy):
        super().__init__(folder, routers=2, policy=policy)
        self.ports = {n: free_port() for n in self.routers}
        self.lmtp = {n: free_port() for n in self.routers}
        self.names = ["redis", "router-1", "router-2", "triage-1", "triage-2", "assign-1", "assign-2"]
        self.lock = {name: threading.Lock() for name in self.names}
        self.start(*self.names).ready()

    def argv(self, name):
        args = super().argv(name)
        if name.startswith("router-"):
            n = int(name[7:])
            args[args.index("--listen") + 1] = f"127.0.0.1:{self.ports[n]}"
            args += ["--lmtp", f"127.0.0.1:{self.lmtp[n]}"]
        return args

    def pid(self, name):
        return self.running[name].pid if name in self.running else None

    def kill(self, name, sign=signal.SIGKILL, between=None, pause=0):
        with self.lock[name]:
            p = self.running.get(name)
            if not p:
                return
            p.send_signal(signal.SIGCONT)
            p.send_signal(sign)
            p.wait(60)
            if between:
                between()
            time.sleep(pause)
            self.start(name)

    def reload(self):
        for n in self.routers:
            pid = self.pid(f"router-{n}")
            if pid:
                os.kill(pid, signal.SIGHUP)

    def aof(self):
        return self.folder / "appendonlydir"

    def logs(self):
        return list(self.folder.glob("*.log"))


class Chaos(threading.Thread):
    """What goes wrong, in random order; `said` tells what was done when, from the seed alone but for the machine's own timing."""

    def __init__(self, world, seed, seconds, older=False, only=None, say=print):
        super().__init__(daemon=True)
        self.world, self.rng, self.until, self.older, self.say = world, random.Random(seed), time.monotonic() + seconds, older, say
        self.only, self.begun = only, time.monotonic()
        self.stopped = set()
        self.rollbacks = 0

    def tell(self, what):
        self.say(f"chaos {time.time():.3f} +{time.monotonic() - self.begun:.1f}s {what}")

    def name(self):
        names = [n for n in self.world.names if not self.only or any(n.startswith(o) for o in self.only)]
        weights = [2 if n.startswith(("router", "assign")) else 1 for n in names]
        return self.rng.choices(names, weights)[0]

    def kill(self, name):
        self.tell(f"kill {name}")
        self.world.kill(name, pause=self.rng.choice([0, 0, 0.3, 2, 5]))

    def restart(self, name):
        self.tell(f"restart {name}")
        self.world.kill(name, signal.SIGTERM, pause=self.rng.choice([0, 0.5, 3]))

    def stall(self, name, seconds=None, during=None):
        seconds = seconds or self.rng.choice([1, 2, 3, 4, 6, 8, 12]) * self.rng.uniform(0.5, 1)
        pid = self.world.pid(name)
        if not pid:
            return
        self.tell(f"stop {name} for {seconds:.1f} s")
        try:
            os.kill(pid, signal.SIGSTOP)
            until = time.monotonic() + seconds
            if during:
                time.sleep(self.rng.uniform(0, seconds / 2))
                during()
            time.sleep(max(0, until - time.monotonic()))
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass

    def together(self, name):
        """One is stopped, another dies meanwhile: what the first was about to tell comes late, to another life."""
        other = self.rng.choice([n for n in self.world.names if n != name])
        self.stall(name, self.rng.uniform(0.2, 5), lambda: self.kill(other))

    def burst(self, name):
        for _ in range(self.rng.randint(2, 4)):
            self.kill(name)
            time.sleep(self.rng.uniform(0, 1.5))

    def all_at_once(self, _):
        names = self.rng.sample(self.world.names, self.rng.randint(2, len(self.world.names)))
        for name in names:
            threading.Thread(target=self.kill, args=(name,), daemon=True).start()

    def reload(self, _):
        """A new version of the policy, which says the same."""
        path = pathlib.Path(self.world.folder) / "policy.yaml"
        path.write_text(path.read_text() + f"# {self.rng.random()}\n")
        self.tell("the policy is read again")
        self.world.reload()

    def set_back(self, _):
        """Redis comes back with an append-only file that has lost its end."""
        def cut():
            log = max(self.world.aof().glob("*.incr.aof"), key=lambda f: f.stat().st_mtime)
            size = log.stat().st_size
            os.truncate(log, max(0, size - self.rng.choice([200, 1000, 5000, 20000])))
        self.tell("redis is set back")
        self.rollbacks += 1
        self.world.kill("redis", between=cut)

    def run(self):
        acts = [(self.kill, 5), (self.stall, 4), (self.together, 5), (self.restart, 1), (self.burst, 1), (self.all_at_once, 1), (self.reload, 1)]
        if self.older:
            acts.append((self.set_back, 2))
        while time.monotonic() < self.until:
            time.sleep(self.rng.choice([0.2, 1, 2, 4]) * self.rng.uniform(0.3, 1.2))
            act = self.rng.choices([a for a, _ in acts], [w for _, w in acts])[0]
            try:
                act(self.name())
            except Exception as e:  # a process that is gone just now: the next time
                self.tell(f"{act.__name__}: {e!r}")
