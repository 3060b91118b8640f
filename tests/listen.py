"""Who listens to GET /v1/stream in the tests: curl, and the npm package eventsource. Neither is ours."""
import json
import re
import shutil
import subprocess
import threading
import urllib.parse

import described
from conftest import ROOT, wait_for

KINDS = re.findall(r'X\(ENTRY_\w+, "(\w+)"\)', (ROOT / "proto" / "records.h").read_text())
NAMES = [f"ticket.{k}" for k in KINDS] + ["agent.presence", "agent.changed", "queue.changed"]


class Heard(dict):
    """One message: id, event, data; seq and epoch of its id."""

    @property
    def name(self):
        epoch, seq = self["id"].split(".")
        return int(epoch), int(seq)


class Listener:
    """with Curl(door, only="ticket.*") as heard: …; `messages` so far, in their order."""

    def __init__(self, door, last=None, port=None, token=None, **query):
        self.address = f"http://127.0.0.1:{port or door.port}/v1/stream" + ("?" + urllib.parse.urlencode(query) if query else "")
        self.token, self.last = token or door.token, last
        self.messages, self.lines = [], []
        self.process = subprocess.Popen(self.argv(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        wait_for("the stream to open", lambda: self.opened() or self.process.poll() is not None)
        assert self.opened(), self.lines

    def read(self):
        for line in self.process.stdout:
            self.line(line.rstrip("\n"))

    def keep(self, id, event, data):
        self.messages.append(Heard(id=id, event=event, data=data))
        described.met("streamChange", data)
        if event != "gap":
            assert data["type"] == f"naru.{event}", data

    def of(self, *events):
        return [m for m in list(self.messages) if not events or m["event"] in events]

    def subjects(self, *events):
        return [m["data"].get("subject") for m in self.of(*events)]

    def hear(self, event, /, seconds=20, **match):
        """The first message of this kind whose CloudEvent's data has these members."""
        fits = lambda m: all(m["data"].get("data", {}).get(k) == v for k, v in match.items())
        return wait_for(f"{event} {match}", lambda: next((m for m in self.of(event) if fits(m)), None), seconds)

    def ended(self):
        return self.process.poll() is not None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(10)
        self.thread.join(10)


class Curl(Listener):
    """curl -N, read by the rules of text/event-stream."""

    part = None

    def argv(self):
        last = ["-H", f"Last-Event-ID: {self.last}"] if self.last else []
        return ["curl", "-sN", "-i", "-H", f"Authorization: Bearer {self.token}", *last, self.address]

    def opened(self):
        return any(l.startswith("retry:") for l in self.lines)

    def line(self, line):
        self.lines.append(line.rstrip("\r"))
        part = self.part = self.part or {}
        if line and not line.startswith(":") and self.opened():
            name, _, value = line.partition(": ")
            part[name] = value
        elif not line:
            if "data" in part:
                self.keep(part.get("id", ""), part["event"], json.loads(part["data"]))
            self.part = {}


class EventSource(Listener):
    """The npm package, which connects again by itself."""

    def argv(self):
        assert (ROOT / "tests" / "node" / "node_modules" / "eventsource").is_dir(), "(cd tests/node && npm ci)"
        return [shutil.which("node"), str(ROOT / "tests" / "node" / "stream.mjs"), self.address, self.token, *NAMES]

    def opened(self):
        return any('"open"' in l for l in self.lines)

    def line(self, line):
        self.lines.append(line)
        m = json.loads(line)
        if "data" in m:
            self.keep(m["id"], m["event"], m["data"])
