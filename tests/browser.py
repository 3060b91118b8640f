"""A headless Chromium, driven over its DevTools protocol, and a line between it and Naru that can be cut."""
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import urllib.request

import websocket
from conftest import wait_for


class Page:
    """One page. js() evaluates an expression (a promise is awaited); keys go to what has the focus."""

    def __init__(self, address):
        self.ws = websocket.create_connection(address, timeout=60)
        self.n, self.console = 0, []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        self.n += 1
        self.ws.send(json.dumps({"id": self.n, "method": method, "params": params}))
        while True:
            m = json.loads(self.ws.recv())
            if m.get("method") == "Log.entryAdded":
                self.console.append(m["params"]["entry"]["text"])
            if m.get("method") == "Runtime.exceptionThrown":
                self.console.append(json.dumps(m["params"]["exceptionDetails"]))
            if m.get("id") == self.n:
                assert "error" not in m, (method, m)
                return m["result"]

    def js(self, expression):
        got = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in got, got["exceptionDetails"]
        return got["result"].get("value")

    def open(self, url):
        self.call("Page.navigate", url=url)
        wait_for("the page", lambda: self.js("document.readyState") == "complete")

    KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowDown": 40, " ": 32}

    def key(self, key, shift=False):
        text = {"Enter": "\r", " ": " "}.get(key, "")
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code="Space" if key == " " else key, windowsVirtualKeyCode=self.KEYS[key],
                      modifiers=8 if shift else 0, **({"text": text} if text and kind == "keyDown" and not shift else {}))

    def write(self, text):
        self.call("Input.insertText", text=text)

    def picture(self, path):
        import base64
        pathlib.Path(path).write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


class Browser(Page):
    """A Chromium with its first page."""

    def __init__(self, width=900, height=900, language="ko"):
        self.folder = tempfile.mkdtemp(prefix="naru-chromium-")
        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-extensions", "--disable-background-networking", "--remote-debugging-port=0", f"--window-size={width},{height}",
             "--remote-allow-origins=*", f"--user-data-dir={self.folder}", f"--lang={language}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        told = pathlib.Path(self.folder) / "DevToolsActivePort"
        wait_for("Chromium", lambda: told.exists() and told.read_text().count("\n"), 60)
        self.door = f"http://127.0.0.1:{told.read_text().split(chr(10))[0]}/json"
        pages = wait_for("a page", lambda: [p for p in json.load(urllib.request.urlopen(self.door)) if p["type"] == "page"])
        super().__init__(pages[0]["webSocketDebuggerUrl"])

    def tab(self):
        """Another page, which counts as seen like the first."""
        made = urllib.request.urlopen(urllib.request.Request(f"{self.door}/new?about:blank", method="PUT"))
        return Page(json.load(made)["webSocketDebuggerUrl"])

    def close(self):
        self.ws.close()
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


class Line:
    """Passes connections on to a port of this machine; cut() breaks all of them and refuses new ones until mend()."""

    def __init__(self, to):
        self.to, self.up, self.open = to, True, set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if not self.up:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.to() if callable(self.to) else self.to))
            except OSError:
                near.close()
                continue
            self.open |= {near, far}
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.copy, args=(a, b), daemon=True).start()

    def copy(self, a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            self.open.discard(s)
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def cut(self):
        self.up = False
        for s in list(self.open):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def mend(self):
        self.up = True

    def close(self):
        self.cut()
        self.listener.close()
