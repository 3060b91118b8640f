#!/usr/bin/env python3
"""A scorer for Naru: answers one stage of triage with a model of your own, here the intent.

    ./scorer.py --model my-model --name my-model-1 --inbox ipc:///tmp/my-model-1 --triage ipc:///tmp/naru-triage-1 [--triage …]

Needs python3-zmq and python3-msgpack. Replace predict() with your model; the rest is the protocol (proto/README.md).
"""
import argparse
import os
import time

import msgpack
import zmq

HELLO, SCORER, SCORE, SCORED = 1, 15, 16, 17  # messages
ROLE_SCORER = 4
WINDOW = 256  # questions that a triage worker may have under way to us


def predict(text, language):
    """(label, probability, why). A list of words, so that the example runs without a model: put yours here."""
    words = {"refund": ["refund", "money back", "환불"], "delivery": ["parcel", "delivery", "배송"]}
    for label, found in words.items():
        for word in found:
            if word in text.lower():
                return label, 0.9, f"says {word}"
    return "", 0.6, "no word of mine"  # an empty label: out of scope


class Peer:
    """A triage worker: one socket to it, and the two counters of the protocol."""

    def __init__(self, scorer, address, dialled=""):
        self.scorer, self.dialled = scorer, dialled
        self.incarnation = self.window = 0  # of the worker, told by its HELLO
        self.sent = self.acked = self.consumed = 0
        self.connect(address)

    def connect(self, address):
        self.address = address
        self.push = self.scorer.socket(zmq.PUSH)
        self.push.connect(address)

    def send(self, kind, records):
        frame = [1, kind, self.scorer.name, self.scorer.incarnation, self.sent, self.consumed, records]
        try:
            self.push.send(msgpack.packb(frame), zmq.DONTWAIT)
        except zmq.Again:
            return  # it takes nothing now; what is missing is answered by its own model
        self.sent += len(records) if kind != HELLO else 0

    def hello(self):
        s = self.scorer
        self.send(HELLO, [[ROLE_SCORER, s.inbox, WINDOW, 0, os.getpid(), "1", self.dialled]])
        if self.window:  # it has answered: say what we can, as often as we say hello
            self.send(SCORER, [[s.model, [["intent"]], [], 0]])


class Scorer:
    def __init__(self, model, name, inbox, triage):
        self.ctx = zmq.Context()
        self.model, self.name, self.inbox = model, name, inbox
        self.incarnation = int(time.time() * 1000)  # differs at every start, and rises
        self.pull = self.socket(zmq.PULL)
        self.pull.bind(inbox)
        self.dials = {address: Peer(self, address, address) for address in triage}
        self.peers = {}  # by name, once they have said HELLO

    def socket(self, kind):
        s = self.ctx.socket(kind)
        s.linger = 0
        return s

    def on_hello(self, name, incarnation, hello):
        inbox, window, dialled = hello[1], hello[2], hello[6]
        peer = self.peers.get(name) or self.dials.get(dialled)
        if not peer:
            return
        if (peer.incarnation, peer.address) != (incarnation, inbox):  # new, or restarted: a fresh connection
            peer.push.close()
            peer.incarnation, peer.consumed, peer.acked = incarnation, 0, peer.sent
            peer.connect(inbox)
            peer.window = window
            peer.hello()
        self.peers[name] = peer

    def answer(self, question):
        number, _, _, _, _, _, language, subject, text, _, _ = question[:11]  # in the order of the table `score`
        try:
            label, p, why = predict(f"{subject} {text}", language)
            return [number, label, float(p), "", label == "", why[:80], ""]
        except Exception as e:  # the worker takes its own model's answer, and counts this one
            return [number, "", 0.0, "", False, "", str(e)[:80]]

    def on_frame(self, frame):
        version, kind, name, incarnation, seq, acked, records = msgpack.unpackb(frame)
        if version != 1:
            return
        if kind == HELLO and records:
            return self.on_hello(name, incarnation, records[0])
        peer = self.peers.get(name)
        if not peer or peer.incarnation != incarnation or seq < peer.consumed:  # a stranger's, or late
            return
        peer.consumed, peer.acked = seq + len(records), max(peer.acked, acked)
        if kind == SCORE:
            answers = [self.answer(q) for q in records]
            room = peer.window - (peer.sent - peer.acked)
            peer.send(SCORED, answers[:max(room, 0)])  # beyond its window nothing may be sent; even an empty frame tells `acked`

    def run(self):
        hello = 0.0
        while True:
            if time.monotonic() >= hello:  # the heartbeat
                for peer in {*self.dials.values(), *self.peers.values()}:
                    peer.hello()
                hello = time.monotonic() + 1
            if self.pull.poll(200):
                self.on_frame(self.pull.recv())


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--model", default="my-model", help="its name: explanations say scorer:NAME")
    p.add_argument("--name", default="my-model-1", help="of this process: unique, and the same at its next start")
    p.add_argument("--inbox", default="ipc:///tmp/naru-my-model-1", help="where this process takes questions")
    p.add_argument("--triage", action="append", required=True, help="a triage worker's inbox; may be given many times")
    o = p.parse_args()
    scorer = Scorer(o.model, o.name, o.inbox, o.triage)
    try:
        scorer.run()
    except KeyboardInterrupt:
        pass
    finally:
        scorer.ctx.destroy(linger=0)  # waits for nobody
