#!/usr/bin/env node
/* A scorer for Naru: answers one stage of triage with a model of your own, here the intent.

     npm ci && node scorer.mjs --model my-model --name my-model-1 --inbox ipc:///tmp/my-model-1 --triage ipc:///tmp/naru-triage-1 [--triage …]

   Replace predict() with your model; the rest is the protocol (proto/README.md). */
import { decode, encode } from "@msgpack/msgpack";
import { parseArgs } from "node:util";
import { Pull, Push } from "zeromq";

const HELLO = 1, SCORER = 15, SCORE = 16, SCORED = 17; // messages
const ROLE_SCORER = 4;
const WINDOW = 256; // questions that a triage worker may have under way to us

/* {label, p, why}. A list of words, so that the example runs without a model: put yours here. It may be asynchronous. */
async function predict(text, _language) {
  const words = { refund: ["refund", "money back", "환불"], delivery: ["parcel", "delivery", "배송"] };
  for (const [label, found] of Object.entries(words)) {
    const word = found.find((w) => text.toLowerCase().includes(w));
    if (word) return { label, p: 0.9, why: `says ${word}` };
  }
  return { label: "", p: 0.6, why: "no word of mine" }; // an empty label: out of scope
}

const { values: opt } = parseArgs({
  options: {
    model: { type: "string", default: "my-model" }, // its name: explanations say scorer:NAME
    name: { type: "string", default: "my-model-1" }, // of this process: unique, and the same at its next start
    inbox: { type: "string", default: "ipc:///tmp/naru-my-model-1" }, // where this process takes questions
    triage: { type: "string", multiple: true, default: [] }, // triage workers' inboxes
  },
});
const incarnation = Date.now(); // differs at every start, and rises
const peers = new Map(); // triage workers by name, once they have said HELLO

/* A triage worker: one socket to it, and the counters of the protocol. */
class Peer {
  constructor(address, dialled) {
    Object.assign(this, { dialled, incarnation: 0, window: 0, sent: 0, acked: 0, consumed: 0, frames: [] });
    this.connect(address);
  }

  connect(address) {
    this.push?.close();
    this.address = address;
    this.frames = [];
    this.push = new Push({ linger: 0, sendHighWaterMark: 256 });
    this.push.connect(address);
    this.pump(this.push);
  }

  /* A socket sends one thing at a time: frames wait their turn here. */
  send(type, records) {
    if (this.frames.length > 256) return; // it takes nothing now; what is missing is answered by its own model
    this.frames.push(encode([1, type, opt.name, incarnation, this.sent, this.consumed, records]));
    if (type !== HELLO) this.sent += records.length;
    this.wake?.();
  }

  async pump(socket) {
    while (!socket.closed) {
      if (this.frames.length) await socket.send(this.frames.shift()).catch(() => {});
      else await new Promise((wake) => (this.wake = wake));
    }
  }

  hello() {
    this.send(HELLO, [[ROLE_SCORER, opt.inbox, WINDOW, 0, process.pid, "1", this.dialled]]);
    if (this.window) this.send(SCORER, [[opt.model, [["intent"]], [], 0]]); // what we can, as often as we say hello
  }
}

const dials = new Map(opt.triage.map((address) => [address, new Peer(address, address)]));

function onHello(name, life, [, inbox, window, , , , dialled]) {
  const peer = peers.get(name) ?? dials.get(dialled);
  if (!peer) return;
  peers.set(name, peer);
  if (peer.incarnation === life && peer.address === inbox) return;
  Object.assign(peer, { incarnation: life, consumed: 0, acked: peer.sent, window }); // new, or restarted: a fresh connection
  peer.connect(inbox);
  peer.hello();
}

async function answer([number, , , , , , language, subject, text]) { // in the order of the table `score`
  try {
    const { label, p, why } = await predict(`${subject} ${text}`, language);
    return [number, label, p, "", label === "", why.slice(0, 80), ""];
  } catch (e) { // the worker takes its own model's answer, and counts this one
    return [number, "", 0, "", false, "", String(e).slice(0, 80)];
  }
}

async function onFrame([version, type, name, life, seq, acked, records]) {
  if (version !== 1) return;
  if (type === HELLO && records.length) return onHello(name, life, records[0]);
  const peer = peers.get(name);
  if (peer?.incarnation !== life || seq < peer.consumed) return; // a stranger's, or late
  peer.consumed = seq + records.length;
  peer.acked = Math.max(peer.acked, acked);
  if (type !== SCORE) return;
  const answers = await Promise.all(records.map(answer));
  const room = peer.window - (peer.sent - peer.acked);
  peer.send(SCORED, answers.slice(0, Math.max(room, 0))); // beyond its window nothing may be sent; even an empty frame tells `acked`
}

const inbox = new Pull({ linger: 0 });
await inbox.bind(opt.inbox);
const greet = () => new Set([...dials.values(), ...peers.values()]).forEach((peer) => peer.hello());
greet();
setInterval(greet, 1000); // the heartbeat
process.on("SIGINT", () => process.exit(0));
for await (const [bytes] of inbox) {
  try {
    await onFrame(decode(bytes));
  } catch (e) {
    console.error(`dropped a frame: ${e}`);
  }
}
