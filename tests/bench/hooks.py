"""A receiver of webhooks that is faster than what it measures: `hooks.py PORT` answers 200 to whatever comes and, asked with GET,
tells how many changes it has taken, from when to when, how many came before an earlier one of their subject, and how long after it
happened half and 99 % of them came."""
import asyncio
import datetime
import json
import sys
import time


def text_of(body, name):
    """A member's text; the outer ones come first."""
    at = body.index(b'"%s":"' % name) + len(name) + 4
    return body[at:body.index(b'"', at)]


class Receiver(asyncio.Protocol):
    taken, late, connections, first, last, order, seen, waits = 0, 0, 0, 0.0, 0.0, {}, set(), []

    def connection_made(self, transport):
        self.transport, self.rest = transport, b""
        Receiver.connections += 1

    def data_received(self, data):
        self.rest += data
        while True:
            end = self.rest.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.rest[:end].lower()
            if head.startswith(b"get "):
                self.rest = self.rest[end + 4:]
                self.tell()
                continue
            at = head.index(b"content-length: ") + 16
            stop = head.find(b"\r", at)
            size = int(head[at:stop if stop > 0 else end])
            if len(self.rest) < end + 4 + size:
                return
            self.take(self.rest[end + 4:end + 4 + size])
            self.rest = self.rest[end + 4 + size:]
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    def take(self, body):
        cls = Receiver
        subject, sequence, id = (text_of(body, name) for name in (b"subject", b"sequence", b"id"))
        cls.taken += 1
        cls.last = time.monotonic()
        cls.first = cls.first or cls.last
        if id in cls.seen:
            return
        cls.seen.add(id)
        cls.waits.append(time.time() - datetime.datetime.fromisoformat(text_of(body, b"time").decode()).timestamp())
        cls.late += sequence <= cls.order.get(subject, b"")
        cls.order[subject] = sequence

    def tell(self):
        cls = Receiver
        waits = sorted(cls.waits) or [0]
        ms = lambda share: waits[int(share * (len(waits) - 1))] * 1000
        said = {"taken": cls.taken, "different": len(cls.seen), "late": cls.late, "seconds": cls.last - cls.first,
                "connections": cls.connections - 1, "p50": ms(.5), "p99": ms(.99), "max": ms(1)}
        body = json.dumps(said).encode()
        self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        cls.taken = cls.late = cls.connections = 0
        cls.first = cls.last = 0.0
        cls.order.clear()
        cls.seen.clear()
        cls.waits.clear()


async def main(port):
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1])))
