"""Webhooks of six channels, mixed and signed, at a fixed rate: how long a provider waits for its 2xx.

Open loop: every request has its time, and its wait is counted from that time, whether or not an earlier one was late. All are built and
signed before the first leaves. 16 connections, as providers' proxies keep them; agents take the tickets meanwhile. Beside them the same
client asks GET /healthz, which touches nothing but the router's loop, at a tenth of the rate: what it waits is the machine's share of
every wait, what was late before it was sent is the client's, and what the journal's transactions take is the disk's and the machine's."""
import asyncio
import base64
import hashlib
import hmac
import json
import os
import pathlib
import statistics
import time

from conftest import wait_for

SECRET = "a secret of the figures"
CONNECTIONS = 16
POLICY = """
naru: 1
workspace: doors
accounts:
  fb: {{ channel: messenger, provider: meta, secret: "file:{folder}/key", verify: "file:{folder}/key" }}
  wa: {{ channel: whatsapp, provider: meta, secret: "file:{folder}/key", verify: "file:{folder}/key" }}
  ln: {{ channel: line, provider: line, secret: "file:{folder}/key" }}
  sl: {{ channel: slack, provider: slack, secret: "file:{folder}/key" }}
  tg: {{ channel: telegram, provider: telegram, secret: "file:{folder}/key" }}
  kk: {{ channel: kakao, provider: kakao, secret: "file:{folder}/key" }}
queues:
  desk: {{ takes: default, needs: {{ billing: 1 }} }}
"""


def mac(data):
    return hmac.new(SECRET.encode(), data, hashlib.sha256)


def meta_headers(raw):
    return f"X-Hub-Signature-256: sha256={mac(raw).hexdigest()}"


def slack_headers(raw):
    at = str(int(time.time()))
    return f"X-Slack-Request-Timestamp: {at}\r\nX-Slack-Signature: v0={mac(f'v0:{at}:'.encode() + raw).hexdigest()}"


CHANNELS = [  # account, body of the text and the number, headers of the bytes
    ("fb", lambda t, n: {"object": "page", "entry": [{"id": "P", "messaging": [
        {"sender": {"id": f"F{n}"}, "timestamp": 1458692752478, "message": {"mid": f"m{n}", "text": t}}]}]}, meta_headers),
    ("wa", lambda t, n: {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": {
        "metadata": {"phone_number_id": "1"}, "contacts": [{"wa_id": str(n), "profile": {"name": "Kim"}}],
        "messages": [{"from": str(n), "id": f"w{n}", "timestamp": "1504902988", "type": "text", "text": {"body": t}}]}}]}]},
     meta_headers),
    ("ln", lambda t, n: {"destination": "U", "events": [{"type": "message", "webhookEventId": f"l{n}", "timestamp": 1462629479859,
                                                         "source": {"type": "user", "userId": f"L{n}"}, "replyToken": "r",
                                                         "message": {"type": "text", "id": "1", "text": t}}]},
     lambda raw: f"X-Line-Signature: {base64.b64encode(mac(raw).digest()).decode()}"),
    ("sl", lambda t, n: {"type": "event_callback", "team_id": "T", "event": {
        "type": "message", "channel": f"D{n}", "channel_type": "im", "user": f"S{n}", "text": t, "ts": f"1355517523.{n:06}"}},
     slack_headers),
    ("tg", lambda t, n: {"update_id": n, "message": {"message_id": 1, "date": 1441645532, "chat": {"id": n, "type": "private"},
                                                     "from": {"id": n, "first_name": "Kim"}, "text": t}},
     lambda raw: f"X-Telegram-Bot-Api-Secret-Token: {SECRET}"),
    ("kk", lambda t, n: {"userRequest": {"utterance": t, "user": {"id": f"K{n}"}, "lang": "kr"}, "bot": {"id": "b"},
                         "action": {"params": {}}}, lambda raw: f"X-Naru-Token: {SECRET}"),
]


def requests(texts, first, count):
    """`count` requests as bytes, of each channel in turn, each of a customer of its own: numbers from `first` on."""
    made = []
    for n in range(first, first + count):
        account, body, headers = CHANNELS[n % len(CHANNELS)]
        raw = json.dumps(body(texts[n % len(texts)], n), ensure_ascii=False).encode()
        made.append(f"POST /v1/channels/{account} HTTP/1.1\r\nHost: naru\r\nContent-Type: application/json\r\n{headers(raw)}\r\n"
                    f"Content-Length: {len(raw)}\r\n\r\n".encode() + raw)
    return made


async def one_answer(reader):
    """The status; the rest of the answer is read."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(l.split(b":")[1]) for l in head.split(b"\r\n") if l.lower().startswith(b"content-length")), 0)
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


async def connection(port, mine, begin, waits, lags, refused):
    """Sends its own at their times, one after the other's answer. `lags`: how late each one left that nothing was in the way of."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for at, request in mine:
        due = begin + at
        if due > time.monotonic():
            await asyncio.sleep(due - time.monotonic())
            lags.append(time.monotonic() - due)
        writer.write(request)
        if await one_answer(reader) // 100 != 2:
            refused.append(request)
        waits.append(time.monotonic() - due)
    writer.close()


async def drive(port, made, rate):
    """Waits of webhooks, waits of /healthz, lags of the client, and what was refused."""
    waits, beside, lags, refused, begin = [], [], [], [], time.monotonic() + 0.2
    shares = [[(n / rate, made[n]) for n in range(i, len(made), CONNECTIONS)] for i in range(CONNECTIONS)]
    healthy = [[((n + 0.5) / rate, b"GET /healthz HTTP/1.1\r\nHost: naru\r\n\r\n") for n in range(i * 10, len(made), 40)] for i in range(4)]
    await asyncio.gather(*(connection(port, s, begin, waits, lags, refused) for s in shares),
                         *(connection(port, s, begin, beside, lags, refused) for s in healthy))
    return sorted(waits), sorted(beside), sorted(lags), refused


def at(sorted_waits, share):
    return sorted_waits[int(share * (len(sorted_waits) - 1))] * 1000 if sorted_waits else 0.0


def cpu_of_router(naru):
    f = open(f"/proc/{naru.children()['router-1']}/stat").read().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) * 1e6 / os.sysconf("SC_CLK_TCK")


def commits(naru):
    """Bound in seconds → transactions of the journal that took no longer, so far."""
    lines = [l for l in naru.get("/metrics").text.splitlines() if l.startswith('naru_journal_commit_seconds_bucket{process="router-1"')]
    return {float(l.split('le="')[1].split('"')[0].replace("+Inf", "inf")): float(l.rsplit(" ", 1)[1]) for l in lines}


def slow_commit(before, after, share):
    """Milliseconds within which `share` of the transactions between the two were durable: a bound of the histogram's buckets."""
    counts = {le: n - before.get(le, 0) for le, n in sorted(after.items())}
    return next((le * 1000 for le, n in counts.items() if n >= share * max(counts.values())), 0.0)


def waited_for_a_core(naru):
    """Microseconds that the router's threads could have run and did not, so far."""
    task = pathlib.Path(f"/proc/{naru.children()['router-1']}/task")
    return sum(int((t / "schedstat").read_text().split()[1]) / 1000 for t in task.iterdir())


def measure(naru, texts, first, rate, seconds):
    """One run, of webhooks numbered from `first` on. Prints one line; gives p50, p99 and p99 of /healthz in ms, and µs of CPU."""
    made = requests(texts, first, rate * seconds)
    accepted = lambda: naru.metric('naru_events_total{process="router-1",result="accepted"')
    before, spent, written, waiting = accepted(), cpu_of_router(naru), commits(naru), waited_for_a_core(naru)
    waits, beside, lags, refused = asyncio.run(drive(naru.port, made, rate))
    wait_for("all to settle", lambda: naru.metric("naru_events_live{") == 0, 60)
    spent, waiting = ((now - then) / len(made) for now, then in ((cpu_of_router(naru), spent), (waited_for_a_core(naru), waiting)))
    print(f"webhooks of six channels at {rate}/s, {seconds} s: ack p50 {at(waits, .5):.2f} p99 {at(waits, .99):.2f} p99.9 {at(waits, .999):.2f} "
          f"max {waits[-1] * 1000:.2f} ms   /healthz p50 {at(beside, .5):.2f} p99 {at(beside, .99):.2f} ms   client late p99 {at(lags, .99):.2f} ms   "
          f"journal p99 <= {slow_commit(written, commits(naru), .99):g} ms   "
          f"router {spent:.0f} us of cpu each and {waiting:.0f} us without a core   sent {len(made)} accepted {accepted() - before:.0f} refused {len(refused)}   "
          f"load {os.getloadavg()[0]:.1f}")
    return at(waits, .5), at(waits, .99), at(beside, .99), spent


def runs(naru, texts, rate, count, lengths):
    """`count` runs of each length in seconds, and their medians."""
    first = 1
    for seconds in lengths:
        got = []
        for _ in range(count):
            got.append(measure(naru, texts, first, rate, seconds))
            first += rate * seconds
        p50, p99, healthz, spent = (statistics.median(v) for v in zip(*got))
        print(f"median of {count} runs of {seconds} s: ack p50 {p50:.2f} p99 {p99:.2f} ms, /healthz p99 {healthz:.2f} ms, "
              f"router {spent:.0f} us of cpu a webhook", flush=True)
