/* An agent's WebSocket. It is opened again after every loss, later and later up to 15 s, with chance in it so that a whole floor does not come back
   at once; what the agent has and is offered comes anew from the server each time (`welcome`), so nothing has to be remembered here.

   A browser cannot send Authorization with a WebSocket: the token goes beside the subprotocol, in the handshake's header, never in the
   address. The browser does not say why a handshake was refused; the API is asked then. */
import { session, get, address } from "./api.js";

const FIRST_MS = 500,
  MOST_MS = 15000,
  BEAT_MS = 10000,
  SLEPT_MS = 90000 /* a hidden tab's timers ring once a minute: that is no sleep */,
  WITHIN_MS = 15000;
const REPLACED = 4001,
  NO_AGENT = 4004;

export class Link {
  /* name: the agent's. hear(message) for each word of the server; changed() when `state` did. */
  constructor(name, hear, changed) {
    Object.assign(this, {
      name,
      hear,
      changed,
      sock: null,
      state: "connecting",
      since: Date.now(),
      problem: "",
      tries: 0,
      ref: 0,
      asked: new Map(),
      closed: false,
    });
    this.beat = setInterval(() => this.tick(), BEAT_MS);
    this.ticked = Date.now();
    this.wake = () => {
      if (this.state === "lost") this.open();
    };
    addEventListener("online", this.wake);
    document.addEventListener("visibilitychange", this.wake); /* who looks does not wait for the next try */
    this.open();
  }

  get ready() {
    return this.state === "ready";
  }

  become(state, problem = "") {
    if (state === "lost" && this.state !== "lost") this.since = Date.now();
    this.state = state;
    this.problem = problem;
    this.changed();
  }

  open() {
    clearTimeout(this.again);
    this.drop();
    if (this.closed) return;
    const url = new URL(address(`/v1/agents/${encodeURIComponent(this.name)}/stream`), location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const sock = (this.sock = new WebSocket(url, ["naru.agent.1", `naru.token.${session.token}`]));
    this.late = setTimeout(() => sock.close(), WITHIN_MS);
    sock.onopen = () => clearTimeout(this.late);
    sock.onmessage = (e) => {
      if (this.sock === sock) this.take(e.data);
    };
    sock.onclose = (e) => {
      if (this.sock === sock) this.lost(e.code);
    };
  }

  take(text) {
    let m;
    try {
      m = JSON.parse(text);
    } catch {
      return;
    }
    if (m.type === "welcome") {
      this.tries = 0;
      this.become("ready");
    }
    if (m.type === "result" && this.asked.has(m.ref)) {
      this.asked.get(m.ref)(m);
      this.asked.delete(m.ref);
    }
    this.hear(m);
  }

  async lost(code) {
    const opened = this.ready;
    this.drop();
    if (code === REPLACED || code === NO_AGENT) return this.become(code === REPLACED ? "replaced" : "unknown");
    this.become("lost", this.problem);
    if (!opened && code === 1006 && !(await this.mayTry())) return;
    if (this.closed) return;
    const wait = Math.min(MOST_MS, FIRST_MS * 2 ** this.tries++);
    this.again = setTimeout(() => this.open(), wait / 2 + (Math.random() * wait) / 2);
  }

  /* Why was it refused? A 401 ends the session by itself. */
  async mayTry() {
    try {
      await get(`/v1/agents/${encodeURIComponent(this.name)}`);
    } catch (e) {
      if (this.closed || e.status === 401) return false;
      if (e.status === 404) return (this.become("unknown"), false);
      if (e.status === 403) return (this.become("refused", e.message), false);
    }
    return true;
  }

  /* Says what needs no answer; false: nobody hears it. */
  say(message) {
    if (!this.ready || this.sock?.readyState !== WebSocket.OPEN) return false;
    this.sock.send(JSON.stringify(message));
    return true;
  }

  /* Asks for an act; the result, or undefined when the connection broke before it came. */
  ask(type, more = {}) {
    const ref = ++this.ref;
    return new Promise((done) => {
      if (!this.say({ type, ref, ...more })) return done(undefined);
      this.asked.set(ref, done);
    });
  }

  /* A timer that rings far too late: the machine slept, and the connection is likely dead without knowing it. */
  tick() {
    const slept = Date.now() - this.ticked > SLEPT_MS,
      stuck = this.sock?.bufferedAmount > 0 && this.ready;
    this.ticked = Date.now();
    if ((slept || stuck) && this.ready) (this.become("lost"), this.open());
    else this.say({ type: "heartbeat" });
  }

  drop() {
    clearTimeout(this.late);
    const sock = this.sock;
    this.sock = null;
    if (sock) ((sock.onclose = sock.onmessage = null), sock.close());
    for (const done of this.asked.values()) done(undefined);
    this.asked.clear();
  }

  close() {
    this.closed = true;
    clearTimeout(this.again);
    clearInterval(this.beat);
    removeEventListener("online", this.wake);
    document.removeEventListener("visibilitychange", this.wake);
    this.drop();
  }
}
