"""Customers at all doors, and agents; all of them go on until they are told, whatever dies meanwhile."""
import base64
import hashlib
import hmac
import http.client
import json
import queue
import random
import smtplib
import threading
import time
import uuid

import websocket

SECRET = "a secret of the chaos, 32 bytes long"
AWAY = (OSError, http.client.HTTPException, ValueError, websocket.WebSocketException, smtplib.SMTPException)


def mac(data, secret=SECRET):
    return hmac.new(secret.encode(), data, hashlib.sha256)


def b64url(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()


def jwt(sub):
    head = b64url(b'{"alg":"HS256","typ":"JWT"}')
    body = b64url(json.dumps({"sub": sub, "exp": int(time.time()) + 6000}).encode())
    return f"{head}.{body}." + b64url(mac(f"{head}.{body}".encode()).digest())


class Worker(threading.Thread):
    """A client of its own thread: `turn` again and again until stopped."""

    def __init__(self, world, ledger, seed, name):
        super().__init__(daemon=True, name=name)
        self.world, self.ledger, self.rng, self.over = world, ledger, random.Random(f"{seed}/{name}"), threading.Event()

    def call(self, router, method, path, body=None, headers=None, raw=None, timeout=15):
        """(status, JSON or text). Errors of the connection are OSError and the like: nobody knows whether it was done."""
        c = http.client.HTTPConnection("127.0.0.1", self.world.ports[router], timeout=timeout)
        try:
            data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
            c.request(method, path, data, {"Content-Type": "application/json", "Authorization": f"Bearer {self.world.token}", **(headers or {})})
            r = c.getresponse()
            text = r.read().decode("utf-8", "replace")
            return r.status, json.loads(text) if text.startswith(("{", "[")) else text
        finally:
            c.close()

    def insist(self, router, method, path, *args, wander=False, **kw):
        """Until there is an answer that is final; (router that gave it, status, JSON)."""
        tries = 0
        while True:
            try:
                status, out = self.call(router, method, path, *args, **kw)
                if status not in (429, 500, 502, 503, 504):
                    return router, status, out
            except AWAY:
                pass
            tries += 1
            if wander and len(self.world.ports) > 1 and tries % 2 == 0:
                router = self.rng.choice(list(self.world.ports))
            if self.over.is_set() and tries > 400:
                return router, 0, {}
            time.sleep(min(1.0, 0.05 * tries))

    def run(self):
        while not self.over.is_set():
            try:
                self.turn()
            except AWAY as e:
                self.ledger.counts[f"{self.name.split('-')[0]} {type(e).__name__}"] += 1
                time.sleep(0.3)
        self.finish()

    def finish(self):
        pass

    def router(self):
        return self.rng.choice(list(self.world.ports))


class Customers(Worker):
    """Events and signed webhooks, mails: every one with retries until it is answered 2xx, as providers do; now and then once more
    although it was."""

    def __init__(self, *args, pause=0.12, **kw):
        super().__init__(*args, **kw)
        self.n, self.pause = 0, pause
        self.doors = [self.event, self.event, self.batch, self.line, self.slack, self.meta, self.generic, self.telegram, self.mail]

    def turn(self):
        self.n += 1
        self.rng.choice(self.doors)(f"{self.name}-{self.n}")
        self.over.wait(self.rng.expovariate(1 / self.pause))

    def took(self, account, external, home, status, out):
        if status == 0:
            return
        if not 200 <= status < 300:
            self.ledger.broken("refused", f"{account} {external}: {status} {out}")
            return
        self.ledger.accepted(account, external, home)

    def post(self, path, account, external, **kw):
        for _ in range(2 if self.rng.random() < 0.1 else 1):
            home, status, out = self.insist(self.router(), "POST", path, wander=self.rng.random() < 0.5, **kw)
            self.took(account, external, home, status, out)

    def event(self, id):
        conversation = id if self.rng.random() < 0.7 else f"{self.name}-{self.n // 3}-c"
        body = {"id": id, "account": "load", "text": f"refund {id}" if self.rng.random() < 0.5 else f"hello {id}", "conversation": conversation,
                "customer": conversation}
        self.post("/v1/events", "load", id, body=body)

    def batch(self, id):
        body = [{"id": f"{id}.{k}", "account": "load", "text": f"hello {id}.{k}", "customer": f"{id}.{k % 3}"} for k in range(self.rng.randint(2, 8))]
        while True:  # an item may be refused alone
            home, status, out = self.insist(self.router(), "POST", "/v1/events", body=body)
            if status == 0 or not isinstance(out, dict) or "results" not in out:
                return self.ledger.broken("refused", f"batch {id}: {status} {out}") if status else None
            left = []
            for item, r in zip(body, out["results"]):
                if "event" in r:
                    self.ledger.accepted("load", item["id"], home)
                else:
                    left.append(item)
            if not left:
                return None
            body = left
            time.sleep(0.2)

    def webhook(self, account, external, body, headers):
        raw = json.dumps(body).encode()
        self.post(f"/v1/channels/{account}", account, external, raw=raw, headers=headers(raw))

    def line(self, id):
        body = {"destination": "Udest", "events": [{
            "type": "message", "mode": "active", "webhookEventId": id, "replyToken": "r", "timestamp": int(time.time() * 1000),
            "source": {"type": "user", "userId": f"U{id}"}, "deliveryContext": {"isRedelivery": False},
            "message": {"id": "1", "type": "text", "text": f"line {id}"}}]}
        self.webhook("ln", id, body, lambda raw: {"X-Line-Signature": base64.b64encode(mac(raw).digest()).decode()})

    def slack(self, id):
        body = {"type": "event_callback", "team_id": "T1", "api_app_id": "A1", "event_id": id, "event": {
            "type": "message", "channel": f"D{id}", "channel_type": "im", "user": f"U{id}", "text": f"slack {id}", "ts": str(time.time())}}
        external = f"{body['event']['channel']}:{body['event']['ts']}"
        at = str(int(time.time()))
        self.webhook("sl", external, body, lambda raw: {
            "X-Slack-Request-Timestamp": at, "X-Slack-Signature": "v0=" + mac(f"v0:{at}:".encode() + raw).hexdigest()})

    def meta(self, id):
        body = {"object": "page", "entry": [{"id": "P1", "time": 1, "messaging": [
            {"sender": {"id": f"U{id}"}, "recipient": {"id": "P1"}, "timestamp": int(time.time() * 1000), "message": {"mid": id, "text": f"meta {id}"}}]}]}
        self.webhook("fb", id, body, lambda raw: {"X-Hub-Signature-256": "sha256=" + mac(raw).hexdigest()})

    def generic(self, id):
        self.webhook("gen", id, {"id": id, "from": f"u{id}", "room": f"r{id}", "text": f"generic {id}"},
                     lambda raw: {"X-Sig": "sha256=" + mac(raw).hexdigest()})

    def telegram(self, id):
        number = int(hashlib.sha256(id.encode()).hexdigest()[:12], 16)
        self.webhook("tg", f"message:{number}", {"update_id": number, "message": {
            "message_id": 1, "date": int(time.time()), "text": f"telegram {id}", "chat": {"id": number, "type": "private"},
            "from": {"id": number, "is_bot": False, "first_name": "Kim"}}}, lambda raw: {"X-Telegram-Bot-Api-Secret-Token": "telegrams-word-of-the-chaos"})

    def mail(self, id):
        text = f"From: Kim <{id}@x.example>\r\nTo: help@shop.example\r\nSubject: s\r\nMessage-ID: <{id}@x.example>\r\n\r\nmail {id}\r\n"
        tries = 0
        while not (self.over.is_set() and tries > 200):
            home, tries = self.router(), tries + 1
            try:
                with smtplib.LMTP("127.0.0.1", self.world.lmtp[home], timeout=15) as s:
                    s.sendmail(f"{id}@x.example", ["help@shop.example"], text.encode())
                self.ledger.accepted("help", f"{id}@x.example", home)
                return
            except AWAY:
                time.sleep(min(1, 0.1 * tries))


class Chat(Worker):
    """A customer of the web chat, always at the same router: writes lines, again until they are acknowledged, and reads."""

    def __init__(self, *args, router=1, **kw):
        super().__init__(*args, **kw)
        self.home, self.ws, self.seq, self.n = router, None, 0, 0
        self.lines, self.mine, self.unacked = {}, {}, {}  # seq → id; id → seq; id → text
        self.next_at = 0

    def connect(self, after):
        self.ws = websocket.create_connection(f"ws://127.0.0.1:{self.world.ports[self.home]}/v1/channels/chat/stream", suppress_origin=True,
                                              timeout=5, subprotocols=["naru.chat.1", f"naru.token.{jwt(self.name)}"])
        self.ws.send(json.dumps({"type": "hello", "after": after}))

    def write(self, id, text):
        self.ws.send(json.dumps({"type": "message", "id": id, "text": text}))

    def turn(self):
        try:
            if not self.ws:
                self.connect(self.seq)
                for id, text in self.unacked.items():
                    self.write(id, text)
            if time.monotonic() > self.next_at and len(self.unacked) < 3 and len(self.mine) < 70:
                self.n += 1
                id, text = f"l{self.n}", f"chat {self.name} {self.n}"
                self.unacked[id] = text
                self.write(id, text)
                self.next_at = time.monotonic() + self.rng.expovariate(1 / 2.5)
            self.hear(0.3)
            if self.rng.random() < 0.01:
                self.drop()
        except AWAY:
            self.drop()
            raise

    def drop(self):
        if self.ws:
            try:
                self.ws.close(timeout=0)
            except AWAY:
                pass
        self.ws = None

    def hear(self, seconds):
        self.ws.settimeout(seconds)
        try:
            m = json.loads(self.ws.recv())
        except websocket.WebSocketTimeoutException:
            return None
        if m["type"] == "message":
            self.line(m["seq"], m["id"], m["text"], m["by"])
        elif m["type"] == "ack":
            if m["id"] in self.mine and self.mine[m["id"]] != m["seq"]:
                self.ledger.broken("chat", f"{self.name}: {m['id']} was {self.mine[m['id']]} and is now {m['seq']}")
            if m["id"] not in self.mine:
                self.ledger.accepted("chat", f"{self.name}/{m['id']}", self.home)
            self.mine[m["id"]] = m["seq"]
            self.lines[m["seq"]] = m["id"]
            self.unacked.pop(m["id"], None)
            self.seq = max(self.seq, m["seq"])
        elif m["type"] == "error":
            self.ledger.counts[f"chat error {m['error']}"] += 1
            if m.get("id") in self.unacked:  # such as "busy": it was sent twice at once
                time.sleep(m.get("retry_ms", 500) / 1000)
                self.write(m["id"], self.unacked[m["id"]])
        return m

    def line(self, seq, id, text, by):
        if seq in self.lines and self.lines[seq] != id:
            self.ledger.broken("chat", f"{self.name}: line {seq} was {self.lines[seq]} and is now {id}")
        if seq <= self.seq and seq not in self.lines:
            self.ledger.broken("chat", f"{self.name}: line {seq} ({by}: {text}) came after {self.seq}")
        self.lines[seq] = id
        self.seq = max(self.seq, seq)

    def transcript(self):
        """All lines as a customer who comes anew gets them: (seq, id, by, text)."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                self.drop()
                self.connect(0)
                lines = []
                self.ws.settimeout(20)
                while True:
                    m = json.loads(self.ws.recv())
                    if m["type"] == "message":
                        lines.append((m["seq"], m["id"], m["by"], m["text"]))
                    elif m["type"] == "state":
                        return lines
            except AWAY:
                time.sleep(0.3)
        return None

    def finish(self):
        until = time.monotonic() + 90
        while self.unacked and time.monotonic() < until:
            try:
                if not self.ws:
                    self.connect(self.seq)
                    for id, text in self.unacked.items():
                        self.write(id, text)
                self.hear(0.5)
            except AWAY:
                self.drop()
                time.sleep(0.3)
        self.drop()


class Agent(Worker):
    """Holds a socket; what they accept is worked off by hands of their own (Desk), over HTTP."""

    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        self.ws, self.ref, self.asked, self.held, self.desk = None, 0, {}, {}, queue.Queue()
        self.offers = []  # (when to answer, offer)
        self.hands = [Desk(self, k) for k in range(2)]
        for h in self.hands:
            h.start()

    def connect(self):
        self.ws = websocket.create_connection(f"ws://127.0.0.1:{self.world.ports[self.router()]}/v1/agents/{self.name}/stream",
                                              header=[f"Authorization: Bearer {self.world.token}"], timeout=5)
        self.asked, self.offers = {}, []

    def say(self, **m):
        self.ref += 1
        self.ws.send(json.dumps({**m, "ref": self.ref}))
        return self.ref

    def turn(self):
        try:
            if not self.ws:
                self.connect()
            self.answer()
            self.ws.settimeout(0.05 if self.offers else 0.5)
            try:
                text = self.ws.recv()
            except websocket.WebSocketTimeoutException:
                return
            if not text:
                raise OSError("closed")
            self.heard(json.loads(text))
            if self.rng.random() < 0.002:
                self.drop()
        except AWAY:
            self.drop()
            raise

    def drop(self):
        if self.ws:
            try:
                self.ws.close(timeout=0)
            except AWAY:
                pass
        self.ws = None

    def answer(self):
        now = time.monotonic()
        for due, offer in [o for o in self.offers if o[0] <= now]:
            self.offers.remove((due, offer))
            kind = "decline" if self.rng.random() < 0.05 else "accept"
            ref = self.say(type=kind, ticket=offer["ticket"], token=offer["token"])
            if kind == "accept":
                self.asked[ref] = offer["ticket"]

    def hold(self, ticket, token):
        if self.held.get(ticket) != token:
            self.held[ticket] = token
            self.desk.put((ticket, token))

    def heard(self, m):
        kind = m["type"]
        if kind == "welcome" or (kind == "presence" and m["presence"] != "available" and not self.over.is_set()):
            self.say(type="presence", presence="available")
        elif kind == "offer" and self.rng.random() > 0.03:
            self.offers.append((time.monotonic() + self.rng.uniform(0, 0.4), m))
        elif kind == "assigned":
            self.hold(m["ticket"], m["token"])
        elif kind == "result" and m.get("ref") in self.asked:
            ticket = self.asked.pop(m["ref"])
            self.ledger.act(ticket, self.name, "accept", m["status"])
            if m["status"] == 200:
                self.hold(ticket, m["token"])
        elif kind in ("ended", "returned"):
            self.held.pop(m["ticket"], None)


class Desk(Worker):
    def __init__(self, agent, k):
        super().__init__(agent.world, agent.ledger, 0, f"{agent.name}-{k}")
        self.agent, self.n = agent, 0

    def act(self, ticket, token, act, **more):
        router, status, out = self.insist(self.router(), "POST", f"/v1/tickets/{ticket}/{act}",
                                          {"agent": self.agent.name, "token": token, **more}, wander=True)
        self.ledger.act(ticket, self.agent.name, act, status)
        return status, out

    def reply(self, ticket, token):
        """True: it is still ours."""
        self.n += 1
        text, key = f"reply {self.name} {self.n}", str(uuid.uuid4())
        self.ledger.reply(text, ticket, False)
        router, status, out = self.insist(self.router(), "POST", f"/v1/tickets/{ticket}/messages", {
            "agent": self.agent.name, "token": token, "text": text}, headers={"Idempotency-Key": key}, wander=self.rng.random() < 0.5)
        self.ledger.act(ticket, self.agent.name, "reply", status)
        if 200 <= status < 300:
            self.ledger.reply(text, ticket, out.get("message_state") != "recorded", out.get("message"))
        return 200 <= status < 300

    def turn(self):
        try:
            ticket, token = self.agent.desk.get(timeout=0.5)
        except queue.Empty:
            return
        for _ in range(self.rng.choice([0, 0, 1, 1, 2])):
            if not self.reply(ticket, token):
                break
            time.sleep(self.rng.choice([0, 0, 0.2]))
        dice = self.rng.random()
        if dice < 0.06 and self.act(ticket, token, "transfer", queue=self.rng.choice(["desk", "billing"]))[0] == 200:
            self.agent.held.pop(ticket, None)
            return
        if dice > 0.94:
            for act in ("park", "resume"):
                status, out = self.act(ticket, token, act)
                token = out.get("token", token) if status == 200 else token
                time.sleep(self.rng.uniform(0, 1))
        self.act(ticket, token, "resolve")
        self.agent.held.pop(ticket, None)  # if it was not to be, the next socket is told that it is still ours
