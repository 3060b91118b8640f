"""Mails at a real Naru: by LMTP from swaks and nodemailer, and by Postmark's and Mailgun's webhooks; right and every way of wrong."""
import base64
import email
import email.policy
import hashlib
import hmac
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import uuid

import pytest
from conftest import NODE, Naru, json_line, node, wait_for

POLICY = """
naru: 1
workspace: talk
accounts:
  help: {{ channel: email, provider: lmtp, addresses: [help@shop.example, "@care.example"], from: "Shop <help@shop.example>", smtp: "smtp://127.0.0.1:{smtp}" }}
  sales: {{ channel: email, provider: lmtp, addresses: sales@shop.example }}
  pm: {{ channel: email, provider: postmark, secret: ["file:{f}/new", "file:{f}/old"] }}
  mg: {{ channel: email, provider: mailgun, secret: ["file:{f}/new", "file:{f}/old"] }}
queues:
  desk: {{ takes: default }}
agents:
  ann: {{ skills: {{ talk: 5 }}, capacity: 10000 }}
"""
WORDS = {"new": "the-new-secret", "old": "the-old-secret"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Receiver:
    """smtp-server beside us: `port`, and the mails it got."""

    def __init__(self):
        self.p = subprocess.Popen(["node", str(NODE / "mail_receiver.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.p.stdout.readline())
        self.got = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.p.stdout:
            self.got.append(json.loads(line))

    def mail_to(self, address):
        mails = [m for m in self.got if m["to"] == [address]]
        return mails and (mails[0], email.message_from_bytes(mails[0]["raw"].encode("latin1"), policy=email.policy.default))

    def stop(self):
        self.p.stdin.close()
        self.p.wait(30)


@pytest.fixture(scope="module")
def receiver():
    r = Receiver()
    yield r
    r.stop()


@pytest.fixture(scope="module")
def naru(receiver):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="naru-email-"))
    for name, text in WORDS.items():
        (folder / name).write_text(text + "\n")
    (folder / "policy.yaml").write_text(POLICY.format(f=folder, smtp=receiver.port))
    port = free_port()
    n = Naru(folder, policy=folder / "policy.yaml", options=["--lmtp", f"127.0.0.1:{port}"])
    n.lmtp = port
    yield n
    n.stop()
    assert not n.faults()
    shutil.rmtree(folder, ignore_errors=True)


def event_id(account, external):
    b = bytearray(hashlib.sha256(account.encode() + b"\0" + external.encode()).digest()[:16])
    b[6] = b[6] & 0x0F | 0x80
    b[8] = b[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(b)))


def ticket_of(naru, account, external):
    """The ticket that a mail went into, once it is there."""
    path = f"/v1/events/{event_id(account, external)}"

    def look():
        got = naru.get(path)
        return got.status == 200 and got.json.get("ticket")
    return wait_for(f"the ticket of {external}", look)


def told(naru, account, external):
    return naru.get(f"/v1/tickets/{ticket_of(naru, account, external)}").text


def counted(naru, name, label):
    return naru.metric(f'naru_{name}{{process="router-1",{label}}}')


class Lmtp:
    """The bare protocol, for what no client would send."""

    def __init__(self, port, hello=True):
        self.s = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.f = self.s.makefile("rb")
        assert self.line().startswith("220 ")
        if hello:
            self.say("LHLO test")
            while self.line()[3] == "-":
                pass

    def line(self):
        return self.f.readline().decode().rstrip("\r\n")

    def say(self, *lines):
        self.s.sendall("".join(l + "\r\n" for l in lines).encode())

    def ask(self, line):
        self.say(line)
        return self.line()

    def send(self, data, to=("help@shop.example",), sender="kim@x.example"):
        self.say(f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{a}>" for a in to), "DATA")
        got = [self.line() for _ in range(len(to) + 2)]
        assert got[-1].startswith("354"), got
        self.s.sendall(data if isinstance(data, bytes) else data.replace("\n", "\r\n").encode())
        self.s.sendall(b"\r\n.\r\n")
        return [self.line() for a, r in zip(to, got[1:]) if r.startswith("250")]

    def close(self):
        self.s.close()


def mail(id, text="hello", head="", sender="Kim <kim@x.example>"):
    return f"From: {sender}\nTo: help@shop.example\nSubject: s\nMessage-ID: <{id}>\n{head}\n{text}\n"


def deliver(naru, *args, **kw):
    c = Lmtp(naru.lmtp)
    got = c.send(*args, **kw)
    c.close()
    return got


# ---- independent clients ----

def test_swaks_delivers_a_korean_mail(naru):
    data = ("From: =?EUC-KR?B?sei5zsH2?= <minji@x.example>\r\nTo: help@shop.example\r\nSubject: =?EUC-KR?B?yK+60iC5rsDH?=\r\n"
            "Message-ID: <swaks1@x.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=euc-kr\r\n\r\n").encode() + \
        "환불해 주세요.\r\n.점으로 시작\r\n\r\n2026년 11월 3일 (화) 오전 10:22, 나루 <help@shop.example>님이 작성:\r\n> 안녕하세요\r\n".encode("euc-kr")
    path = naru.folder / "mail.eml"
    path.write_bytes(data)
    got = subprocess.run(["swaks", "--protocol", "LMTP", "--server", "127.0.0.1", "--port", str(naru.lmtp), "--from", "minji@x.example",
                          "--to", "help@shop.example", "--data", f"@{path}", "--helo", "mx"], capture_output=True, errors="replace", timeout=60)
    assert got.returncode == 0, got.stdout + got.stderr
    ticket = told(naru, "help", "swaks1@x.example")
    assert "환불해 주세요." in ticket and "점으로 시작" in ticket and "안녕하세요" not in ticket, ticket
    kept = naru.folder / "data" / "mail" / (event_id("help", "swaks1@x.example") + ".eml")
    assert kept.read_bytes().replace(b"\r\n", b"\n").strip().endswith(b"> \xbe\xc8\xb3\xe7\xc7\xcf\xbc\xbc\xbf\xe4")


def test_nodemailer_delivers_attachments_to_several_and_threads_its_answers(naru):
    first = {"from": "Lee <lee@x.example>", "to": ["help@shop.example", "nobody@shop.example", "help+42@shop.example", "sales@shop.example"],
             "subject": "영수증 첨부", "text": "첨부 확인 부탁드립니다.", "messageId": "<nm1@x.example>",
             "attachments": [{"filename": "영수증.pdf", "content": "hello", "contentType": "application/pdf"}]}
    answer = {"from": "lee@x.example", "to": "help@shop.example", "subject": "other words", "html": "<p>추가 <b>문의</b></p>",
              "messageId": "<nm2@x.example>", "inReplyTo": "<nm1@x.example>", "references": "<nm1@x.example>"}
    third = {**answer, "messageId": "<nm3@x.example>", "inReplyTo": "<nm2@x.example>", "references": None, "text": "세 번째", "html": None}
    alike = {**first, "to": "help@shop.example", "messageId": "<nm4@x.example>"}
    ends = json_line(node("mail.mjs", naru.lmtp, input=[first, answer, third, alike]))["ends"]
    assert ends[0]["rejected"] == ["nobody@shop.example"] and len(ends[0]["accepted"]) == 3, ends
    tickets = [ticket_of(naru, "help", f"nm{i}@x.example") for i in (1, 2, 3, 4)]
    assert tickets[0] == tickets[1] == tickets[2] != tickets[3]
    assert ticket_of(naru, "sales", "nm1@x.example") != tickets[0]
    ticket = told(naru, "help", "nm1@x.example")
    assert "추가 문의" in ticket and "세 번째" in ticket


def test_a_mail_of_25_mb_is_streamed_and_a_larger_one_refused(naru):
    large = {"from": "a@x.example", "to": "help@shop.example", "subject": "big", "text": "see the file", "messageId": "<big1@x.example>",
             "attachments": [{"filename": "film.bin", "bytes": 18_800_000}]}
    ends = json_line(node("mail.mjs", naru.lmtp, input=[large]))["ends"]
    assert ends[0].get("accepted") == ["help@shop.example"], ends
    assert "see the file" in told(naru, "help", "big1@x.example")
    assert deliver(naru, b"From: a@x\r\n\r\n" + b"x" * (25 << 20)) == ["552 5.3.4 the mail is larger than what is taken here"]
    assert counted(naru, "lmtp_mails_total", 'result="too_big"') == 1


# ---- the protocol ----

def test_what_is_sent_twice_is_one_event_and_a_pipeline_is_answered_in_order(naru):
    before = counted(naru, "events_total", 'result="accepted"')
    c = Lmtp(naru.lmtp)
    one = mail("twice@x").replace("\n", "\r\n")
    block = "MAIL FROM:<a@b>\r\nRCPT TO:<help@shop.example>\r\nRCPT TO:<no@shop.example>\r\nDATA\r\n"
    c.s.sendall(block.encode())
    assert [c.line()[:3] for _ in range(4)] == ["250", "250", "550", "354"]
    c.s.sendall((one + ".\r\n" + block + one + ".\r\nQUIT\r\n").encode())
    assert [c.line()[:3] for _ in range(7)] == ["250", "250", "250", "550", "354", "250", "221"]
    assert c.f.read() == b""
    assert counted(naru, "events_total", 'result="accepted"') == before + 1


def test_only_a_dot_between_line_ends_of_networks_ends_a_mail(naru):
    """A server before us that takes LF . LF for an end would be fooled by us, or we by it."""
    smuggled = b"From: a@b\r\nMessage-ID: <smuggle1@x>\r\n\r\nfirst\n.\nMAIL FROM:<evil@x>\nRCPT TO:<help@shop.example>\nDATA\n" \
               b"From: evil@x\nMessage-ID: <smuggle2@x>\n\nsecond\r\n..\r\nlast"
    assert deliver(naru, smuggled) == ["250 2.0.0 kept"]
    text = told(naru, "help", "smuggle1@x")
    assert "last" in text
    assert naru.get(f"/v1/events/{event_id('help', 'smuggle2@x')}").status == 404


def test_a_mail_that_nobody_was_answered_for_comes_again_as_the_same_event(naru):
    c = Lmtp(naru.lmtp)
    c.say("MAIL FROM:<a@b>", "RCPT TO:<help@shop.example>", "DATA")
    for _ in range(3):
        c.line()
    c.s.sendall(mail("again@x", "sent twice").replace("\n", "\r\n").encode() + b".\r\n")
    naru.kill("router-1")  # whether it had kept it or not

    def resend():
        try:
            return deliver(naru, mail("again@x", "sent twice")) == ["250 2.0.0 kept"]
        except (OSError, AssertionError, IndexError):
            return False
    wait_for("the mail to be taken", resend, 60)
    naru.ready()
    assert told(naru, "help", "again@x").count("sent twice") == 1
    third = mail("again3@x", "third", "In-Reply-To: <again2@x>\n")
    assert deliver(naru, mail("again2@x", "second", "In-Reply-To: <again@x>\nReferences: <again@x>\n")) == ["250 2.0.0 kept"]
    assert ticket_of(naru, "help", "again2@x") == ticket_of(naru, "help", "again@x")
    naru.kill("router-1")
    wait_for("the mail door", lambda: naru.try_call("GET", "/readyz") == 200 and resend(), 60)
    assert deliver(naru, third) == ["250 2.0.0 kept"]
    assert ticket_of(naru, "help", "again3@x") == ticket_of(naru, "help", "again@x"), "the conversation is remembered by its events"


def test_machines_are_marked_or_let_go(naru):
    def skipped(what):
        return counted(naru, "channel_skipped_total", f'what="{what}"')
    loop = "naru." + "0" * 31 + "1." + "0" * 31 + "2.0@shop.example"
    ours = "naru." + "0" * 31 + "1." + "0" * 31 + "2." + hashlib.sha256(b"root@x").hexdigest()[:32] + "@shop.example"
    for what, id, head, sender in (("mail_loop", loop, "", "a@b"), ("mail_bounce", "b1@x", "", ""),
                                   ("mail_auto_replied", "r1@x", "Auto-Submitted: auto-replied\n", "")):
        before = skipped(what)
        assert deliver(naru, mail(id, head=head), sender=sender) == ["250 2.0.0 kept"]
        assert skipped(what) == before + 1
    assert deliver(naru, mail("root@x", "the first")) == ["250 2.0.0 kept"]
    assert deliver(naru, mail("r2@x", "out of office", f"Auto-Submitted: auto-replied\nIn-Reply-To: <{ours}>\n"), sender="") == ["250 2.0.0 kept"]
    assert ticket_of(naru, "help", "r2@x") == ticket_of(naru, "help", "root@x")
    assert deliver(naru, mail("list@x", "news", "List-Id: <x>\n")) == ["250 2.0.0 kept"]
    assert "news" in told(naru, "help", "list@x")


def test_what_cannot_be_read_is_refused_for_good(naru):
    many = "From: a@b\nContent-Type: multipart/mixed; boundary=x\n\n" + "--x\n\nhi\n" * 1500
    assert deliver(naru, many) == ["554 5.6.0 the mail cannot be read"]
    c = Lmtp(naru.lmtp)
    assert c.ask("MAIL FROM:<a@b> SIZE=99999999").startswith("552")
    assert c.ask("RCPT TO:<help@shop.example>").startswith("503")
    c.say("x" * 5000)
    assert c.line().startswith("500") and c.line() == ""
    c = Lmtp(naru.lmtp, hello=False)
    assert c.ask("EHLO x").startswith("500")
    c.close()


# ---- replies ----

def reply_to(naru, ann, id, sender, text, head=""):
    """A mail of this sender, accepted by ann and answered: what became of the answer."""
    assert deliver(naru, mail(id, f"question {id}", head, f"Kim <{sender}>"), sender=sender) == ["250 2.0.0 kept"]
    ticket = ticket_of(naru, "help", id)
    offer = ann.hear("offer", ticket=ticket)
    held = ann.act("accept", ticket=ticket, token=offer["token"])
    assert held["status"] == 200, held
    said = ann.act("reply", ticket=ticket, token=held["token"], text=text)
    assert said["status"] == 200, said
    return ticket, said["message"]


def test_a_reply_goes_out_by_a_mail_server_and_its_answer_comes_home(naru, receiver):
    with naru.agent("ann") as ann:
        ticket, message = reply_to(naru, ann, "ask@x", "minji@x.example", "환불해 드렸습니다.\n.점 하나\n", "References: <root@y> <mid@y>\nIn-Reply-To: <mid@y>\n")
        ann.hear("message_state", message=message, cause="sent")
    envelope, got = wait_for("the reply", lambda: receiver.mail_to("minji@x.example"))
    assert envelope["from"] == "help@shop.example" and got["From"] == "Shop <help@shop.example>" and got["Subject"] == "Re: s"
    assert got["In-Reply-To"] == "<ask@x>" and got["References"].split() == ["<root@y>", "<mid@y>", "<ask@x>"]
    assert got.get_content().replace("\r\n", "\n") == "환불해 드렸습니다.\n.점 하나\n"
    assert got["Message-ID"].startswith("<naru.") and got["Message-ID"].endswith("@shop.example>") and got["Auto-Submitted"] is None
    assert deliver(naru, mail("cut@x", "감사합니다", f"In-Reply-To: {got['Message-ID']}\n")) == ["250 2.0.0 kept"]
    assert ticket_of(naru, "help", "cut@x") == ticket
    report = ("From: MAILER-DAEMON@x\nMessage-ID: <dsn@x>\nContent-Type: multipart/report; report-type=delivery-status; boundary=q\n\n--q\n\nsorry\n--q\n"
              "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nAction: failed\nStatus: 5.1.1\n\n--q\n"
              f"Content-Type: text/rfc822-headers\n\nMessage-ID: {got['Message-ID']}\n\n--q--\n")
    assert deliver(naru, report, sender="") == ["250 2.0.0 kept"]
    wait_for("the report to be kept", lambda: naru.get(f"/v1/events/{event_id('help', 'dsn@x')}").status == 200)


def test_a_mailbox_that_is_none_is_told_and_one_that_is_busy_asked_again(naru, receiver):
    with naru.agent("ann") as ann:
        _, refused = reply_to(naru, ann, "ask2@x", "refused@x.example", "no")
        ann.hear("message_state", message=refused, cause="failed")
        _, later = reply_to(naru, ann, "ask3@x", "later@x.example", "yes")
        ann.hear("message_state", message=later, cause="sent")
    wait_for("the mail", lambda: receiver.mail_to("later@x.example"))  # its server tells of it after it has answered
    assert not receiver.mail_to("refused@x.example")


# ---- webhooks ----

def postmark(id, **more):
    return {"MessageID": "pm-" + id, "From": "kim@X.example", "FromFull": {"Email": "kim@X.example", "Name": "김민지"},
            "Subject": "문의", "TextBody": "배송이 안 와요\n\nOn Tue, Nov 3, 2026 at 10:22 AM Shop <h@s.example> wrote:\n> old words\n",
            "Headers": [{"Name": "Message-ID", "Value": f"<{id}>"}],
            "Attachments": [{"Name": "a.txt", "ContentType": "text/plain", "Content": base64.b64encode(b"hello").decode(), "ContentLength": 5}],
            **more}


def post_postmark(naru, body, secret="the-new-secret", query="", type="application/json", account="pm"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": type}
    if secret:
        headers["Authorization"] = "Basic " + base64.b64encode(f"naru:{secret}".encode()).decode()
    return naru.call("POST", f"/v1/channels/{account}{query}", raw=raw, token="", headers=headers, timeout=60)


def test_postmark_right_and_every_way_of_wrong(naru):
    before = counted(naru, "events_total", 'result="accepted"')
    for secret, query in (("the-new-secret", ""), ("the-old-secret", ""), (None, "?token=the-new-secret")):
        assert post_postmark(naru, postmark("pm1@x"), secret, query).status == 200
    assert counted(naru, "events_total", 'result="accepted"') == before + 1
    text = told(naru, "pm", "pm1@x")
    assert "배송이 안 와요" in text and "old words" not in text
    for status, body, secret, kw in ((401, postmark("no@x"), None, {}), (401, postmark("no@x"), "the-new-secre", {}),
                                     (401, postmark("no@x"), None, {"query": "?token=guess"}),
                                     (415, postmark("no@x"), "the-new-secret", {"type": "text/plain"}),
                                     (400, b"{", "the-new-secret", {}), (400, {"Subject": "x"}, "the-new-secret", {}),
                                     (404, postmark("no@x"), "the-new-secret", {"account": "help"})):
        assert post_postmark(naru, body, secret, **kw).status == status
    large = postmark("large@x", Attachments=[{"Name": "b", "ContentType": "x/y", "Content": "A" * 8_000_000, "ContentLength": 6_000_000}])
    assert post_postmark(naru, large).status == 200
    assert "배송이" in told(naru, "pm", "large@x")
    ticket = ticket_of(naru, "pm", "large@x")  # a chain of answers of which each names the last one alone is one conversation
    for id, of, padding in (("pm2@x", "large@x", 0), ("pm3@x", "pm2@x", 300_000), ("pm4@x", "pm3@x", 0)):
        answer = postmark(id, TextBody="네 " + "x" * padding)
        answer["Headers"].append({"Name": "In-Reply-To", "Value": f"<{of}>"})
        assert post_postmark(naru, answer).status == 200
        assert ticket_of(naru, "pm", id) == ticket
    assert post_postmark(naru, b'{"MessageID":"' + b"x" * 300_000).status == 400


def mailgun(id, at=None, secret="the-new-secret", token=None, **more):
    at = str(int(time.time()) if at is None else at)
    token = token or uuid.uuid4().hex
    return {"timestamp": at, "token": token, "signature": hmac.new(secret.encode(), (at + token).encode(), hashlib.sha256).hexdigest(),
            "recipient": "help@shop.example", "sender": "kim@x.example", "from": "김민지 <kim@X.example>", "subject": "문의",
            "body-plain": "환불 부탁드려요\n\n> old words\n", "stripped-text": "환불 부탁드려요", "Message-Id": f"<{id}>",
            "message-headers": json.dumps([["Message-Id", f"<{id}>"], ["X-Thing", "1"]]), **more}


def post_mailgun(naru, fields, files=(), query=""):
    if not files:
        return naru.call("POST", f"/v1/channels/mg{query}", raw=urllib.parse.urlencode(fields).encode(), token="",
                         headers={"Content-Type": "application/x-www-form-urlencoded"})
    raw = b""
    for name, value in fields.items():
        raw += f'--frontier\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    for name, file, data in files:
        raw += f'--frontier\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\nContent-Type: text/x\r\n\r\n'.encode() + data + b"\r\n"
    return naru.call("POST", f"/v1/channels/mg{query}", raw=raw + b"--frontier--\r\n", token="", timeout=60,
                     headers={"Content-Type": "multipart/form-data; boundary=frontier"})


def test_mailgun_right_and_every_way_of_wrong(naru):
    before = counted(naru, "events_total", 'result="accepted"')
    fields = mailgun("mg1@x")
    assert post_mailgun(naru, fields).status == 200
    assert post_mailgun(naru, fields, [("attachment-1", "a.txt", b"\0\xff binary")]).status == 200
    assert post_mailgun(naru, mailgun("mg2@x", secret="the-old-secret"), [("attachment-1", "a.txt", b"x")]).status == 200
    assert counted(naru, "events_total", 'result="accepted"') == before + 2
    text = told(naru, "mg", "mg1@x")
    assert "환불 부탁드려요" in text and "old words" not in text
    mime = mailgun("mg3@x", **{"body-mime": "From: Lee <lee@x>\r\nMessage-ID: <mg3@x>\r\nSubject: whole\r\n\r\nthe whole mail\r\n"})
    assert post_mailgun(naru, mime, [("x", "y", b"z")]).status == 200
    assert "the whole mail" in told(naru, "mg", "mg3@x")
    for status, wrong in ((401, mailgun("no@x", secret="guess")), (401, mailgun("no@x", at=int(time.time()) - 400)),
                          (401, mailgun("no@x", at=int(time.time()) + 400)), (401, {"from": "a@b"}),
                          (401, {**fields, "Message-Id": "<forged@x>"}), (401, {**fields, "token": "0"})):
        assert post_mailgun(naru, wrong).status == status, wrong
        assert post_mailgun(naru, wrong, [("a", "b", b"c")]).status == status, wrong
    assert naru.call("POST", "/v1/channels/mg", raw=b"{}", token="").status == 415
    large = mailgun("mg4@x")
    assert post_mailgun(naru, large, [("attachment-1", "big", b"z" * 5_000_000)]).status == 200
    assert "환불" in told(naru, "mg", "mg4@x")
