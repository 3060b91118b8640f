"""10,000 idle web chats and 2,000 agents on WebSockets: what each takes of the router and of the kernel, and how soon an agent is offered
what a customer among them says."""
import base64
import hashlib
import hmac
import json
import os
import resource
import selectors
import socket
import time

from conftest import json_line, wait_for

POLICY = """
naru: 1
workspace: bench
accounts:
  web: {{ channel: webchat, provider: widget, secret: "file:{0}/secret", origins: [https://shop.example] }}
queues:
  desk: {{ takes: default }}
"""
SECRET = b"a secret of the benchmark"


def b64(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()


def token(who):
    head = b64(b'{"alg":"HS256","typ":"JWT"}')
    body = b64(json.dumps({"sub": who, "name": "Kim", "exp": int(time.time()) + 3600}).encode())
    return f"{head}.{body}." + b64(hmac.new(SECRET, f"{head}.{body}".encode(), hashlib.sha256).digest())


def frame(text):
    b = text.encode()
    size = bytes([0x80 | len(b)]) if len(b) < 126 else bytes([0xFE]) + len(b).to_bytes(2, "big")
    return b"\x81" + size + bytes(4) + b  # a mask of zeros


def heap(pid):
    """KiB of memory that are the process' own: pages that no other has."""
    return sum(int(l.split()[1]) for l in open(f"/proc/{pid}/smaps_rollup") if l.startswith(("Private_Dirty", "Private_Clean")))


def kernel():
    """KiB of the kernel for sockets of both sides: objects of the slabs where they may be read, and TCP's buffers."""
    pages = [l.split() for l in open("/proc/net/sockstat") if l.startswith("TCP:")][0]
    total = int(pages[pages.index("mem") + 1]) * os.sysconf("SC_PAGE_SIZE") / 1024
    try:
        rows = [l.split() for l in open("/proc/slabinfo")]
    except OSError:
        return total, False
    names = ("TCP", "sock_inode_cache", "filp", "dentry", "request_sock_TCP", "tw_sock_TCP", "skbuff_head_cache", "eventpoll_epi", "ep_item")
    return total + sum(int(r[1]) * int(r[3]) for r in rows if r[0] in names) / 1024, True


def connect(port, n):
    """n sockets with a chat each, all of them welcomed."""
    made, watch = [], selectors.DefaultSelector()
    for i in range(n):
        s = socket.create_connection(("127.0.0.1", port))
        s.sendall((f"GET /v1/channels/web/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://shop.example\r\nUpgrade: websocket\r\n"
                   f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                   f"Sec-WebSocket-Protocol: naru.chat.1, naru.token.{token(f'customer-{i}')}\r\n\r\n").encode())
        made.append(s)
        watch.register(s, selectors.EVENT_READ, [b""])
        if len(made) % 256 == 0 or i == n - 1:
            hear(watch, b"\r\n\r\n", lambda sock: sock.sendall(frame('{"type":"hello"}')))
            hear(watch, b'"state"', watch.unregister)
    return made


def hear(watch, until, then):
    waiting = {k.fd: k for k in watch.get_map().values()}
    ready = list(waiting.values())  # some may have been heard already
    while waiting:
        for key in ready:
            if key.fd in waiting and until in key.data[0]:
                del waiting[key.fd]
                key.data[0] = key.data[0].partition(until)[2]
                then(key.fileobj)
        ready = [key for key, _ in watch.select(20)] if waiting else []
        for key in ready:
            key.data[0] += key.fileobj.recv(65536)


def ticks(pid):
    return sum(int(f) for f in open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[11:13])


def say(sockets, rate):
    """A message of each socket in turn, at their times."""
    begin = time.monotonic()
    for i, s in enumerate(sockets):
        time.sleep(max(0, begin + i / rate - time.monotonic()))
        s.sendall(frame('{"type":"message","id":"1","text":"my card was swallowed by the machine"}'))


def tell(what, n, spent, outside, slabs, more):
    print(f"{n} idle {what}:  {spent / n:.2f} KiB each in the router; the kernel {outside / n / 2:.2f} KiB each side"
          f"{'' if slabs else ' (buffers alone: /proc/slabinfo cannot be read)'}; {more}", flush=True)


def chats(naru_of, crowd, drop, folder, n=10000, agents=2000, rate=200, messages=2000):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    (folder / "secret").write_bytes(SECRET)
    (folder / "chats.yaml").write_text(POLICY.format(folder))
    naru = naru_of(folder / "chats.yaml")
    pid = naru.children()["router-1"]
    warm = connect(naru.port, 64)
    before, outside = heap(pid), kernel()[0]
    people = crowd(naru, agents, "--until-idle", 5, "--seconds", 900)
    there = lambda: naru.metric('naru_agents{process="assign-1",presence="available"}') >= agents
    wait_for("agents", there, 120)
    time.sleep(3)
    with_agents, (outside_agents, slabs) = heap(pid), kernel()
    tell("agents", agents, with_agents - before, outside_agents - outside, slabs, "what each subscribed to and its row counted in")
    began = time.monotonic()
    open_ = connect(naru.port, n)
    took = time.monotonic() - began
    for s in warm:
        s.close()
    time.sleep(3)
    after, (outside_chats, slabs) = heap(pid), kernel()
    spent = ticks(pid)
    time.sleep(10)
    idle = ticks(pid) - spent
    tell("web chats", n, after - with_agents, outside_chats - outside_agents, slabs,
         f"opened in {took:.1f} s; idle CPU of the router with all of them {idle * 100 / os.sysconf('SC_CLK_TCK') / 10:.1f} %")
    say(open_[:messages], rate)
    got = json_line(people.communicate(timeout=300)[0])
    print(f"{messages} messages of them at {rate}/s: offered after p50 {got['offer_ms_p50']:.1f} p99 {got['offer_ms_p99']:.1f} "
          f"max {got['offer_ms_max']:.1f} ms   accepted {got['accepted']} double {got['double']}   load {os.getloadavg()[0]:.1f}\n")
    for s in open_:
        s.close()
    drop(naru)
