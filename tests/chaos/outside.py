"""Who is outside: a receiver of webhooks and the providers' APIs in one, which remembers all that came and is not always well."""
import base64
import collections
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import random
import socketserver
import threading
import time

HOOK_KEY = base64.b64encode(b"a key of the chaos, 32 bytes long").decode()


class Outside:
    def __init__(self, seed, unwell=0.04):
        self.lock, self.rng, self.unwell = threading.Lock(), random.Random(seed), unwell
        self.changes = []  # webhooks that were taken, in order: CloudEvents
        self.unsigned, self.refused = [], set()
        self.replies = collections.defaultdict(list)  # text → [(account's kind, retry key, how it was answered)]
        outside = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                status, out, before = outside.take(self.path, self.headers, raw)
                time.sleep(before)
                if status == "hang up":
                    self.close_connection = True
                    self.connection.close()
                    return
                out = json.dumps(out).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(out)))
                self.end_headers()
                self.wfile.write(out)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 256

            def handle_error(self, *_):
                pass

        class Mails(socketserver.StreamRequestHandler):
            """Just enough of RFC 5321 to be handed mails; a client that speaks more is refused more."""

            def handle(self):
                self.wfile.write(b"220 chaos\r\n")
                for line in self.rfile:
                    verb = line[:4].upper()
                    if verb == b"DATA":
                        self.wfile.write(b"354 go on\r\n")
                        mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                        with outside.lock:
                            text = email.message_from_bytes(mail, policy=email.policy.default).get_content().strip()
                            outside.replies[text].append(("mail", None, 200))
                    self.wfile.write({b"QUIT": b"221 bye\r\n", b"EHLO": b"250-chaos\r\n250 8BITMIME\r\n"}.get(verb, b"250 ok\r\n"))
                    if verb == b"QUIT":
                        return

        class MailServer(socketserver.ThreadingTCPServer):
            daemon_threads, request_queue_size = True, 64

            def handle_error(self, *_):
                pass

        self.smtp = MailServer(("127.0.0.1", 0), Mails)
        threading.Thread(target=self.smtp.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    @property
    def mail_url(self):
        return f"smtp://127.0.0.1:{self.smtp.server_address[1]}"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def take(self, path, headers, raw):
        with self.lock:
            dice, wait = self.rng.random(), self.rng.choice([0, 0, 0, 0, 0.05, 0.5])
            if path.startswith("/hook"):
                return self.change(headers, raw, dice), {}, 0
            return self.reply(path, headers, json.loads(raw), dice) + (wait,)

    def change(self, headers, raw, dice):
        said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + raw
        mac = base64.b64encode(hmac.new(base64.b64decode(HOOK_KEY), said, hashlib.sha256).digest()).decode()
        if f"v1,{mac}" not in headers["webhook-signature"].split():
            self.unsigned.append(raw)
            return 401
        event = json.loads(raw)
        if dice < self.unwell and event["id"] not in self.refused:  # a second time would be five minutes later
            self.refused.add(event["id"])
            return 500
        event["told_as"] = headers["webhook-id"]
        self.changes.append(event)
        return 200

    def reply(self, path, headers, body, dice):
        kind = path.split("/")[1]
        text = body.get("text") or (body.get("messages") or [body.get("message")])[0]["text"]
        text = text["body"] if isinstance(text, dict) else text
        key = headers.get("X-Line-Retry-Key")
        for edge, status in ((1, 429), (2, 500), (3, "hang up")):
            if dice < self.unwell * edge / 3:
                break
        else:
            status = 200
        if status != 429:
            self.replies[text].append((kind, key, status))
        return status, {"ok": True, "ts": text, "message_id": text, "id": text, "result": {"message_id": len(self.replies)}}

    def close(self):
        for server in (self.server, self.smtp):
            server.shutdown()
            server.server_close()
