#!/usr/bin/env python3
"""A bot for Naru's webhook, to begin with: answers a few questions, and gives everything else to people.

    BOT_KEY=some-long-secret python3 bot.py --port 9090

Needs Python 3 and nothing else. What it is asked and may answer: docs/bots.md.
"""
import argparse
import hashlib
import hmac
import json
import os
import re
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS = [
    (r"opening hours|when .*open|영업 ?시간", "We are open from Monday to Friday, 9 to 18 o'clock."),
    (r"\baddress\b|where are you|주소", "You find us at 1 Harbour Street."),
]
PERSON = r"\b(person|human|agent)\b|상담원"
THANKS = r"\b(thanks|thank you|bye)\b|감사"
SIGNED_AGO = 300  # seconds: an older signature is somebody's copy


def answer(ticket):
    """What to do with a ticket: `ticket` is what an agent would be shown, its last message is the one to answer."""
    said = next((m["text"] for m in reversed(ticket.get("messages", [])) if m["by"] == "customer"), "")
    if re.search(PERSON, said, re.I):
        return {"reply": "I am asking a colleague to help you.", "handover": "the customer asks for a person"}
    if re.search(THANKS, said, re.I):
        return {"reply": "You are welcome.", "done": True}
    for pattern, text in ANSWERS:
        if re.search(pattern, said, re.I):
            return {"reply": text, "confidence": 0.9}
    if ticket["type"] == "offer":
        return {"decline": "not for a bot"}
    return {"handover": "the bot knows no answer"}


def signed(header, body, key):
    """Is `body` from whoever knows `key`, and from these minutes?"""
    parts = dict(p.split("=", 1) for p in (header or "").split(",") if "=" in p)
    at = parts.get("t", "")
    if not at.isdigit() or abs(time.time() - int(at)) > SIGNED_AGO:
        return False
    mac = hmac.new(key.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(mac, parts.get("v1", ""))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    timeout = 60

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > 1 << 20:
            return self.tell(413, {})
        body = self.rfile.read(int(length))
        key = os.environ.get("BOT_KEY", "")
        if key and not signed(self.headers.get("Naru-Signature"), body, key):
            return self.tell(401, {})
        try:
            ticket = json.loads(body)
        except ValueError:
            return self.tell(400, {})
        self.tell(200, answer(ticket))

    def tell(self, status, doc):
        body = json.dumps(doc).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9090)
    o = parser.parse_args()
    server = ThreadingHTTPServer((o.host, o.port), Handler)
    print(f"listening on {o.host}:{server.server_port}", flush=True)
    server.serve_forever()
