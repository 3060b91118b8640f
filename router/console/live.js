/* What is known now, and how fresh it is. A feed is one question to the API that is asked again and again while somebody looks at
   it: every two seconds, or, where the stream of changes is heard, when something changed and every five seconds for safety.

   What is always true: a feed keeps its last answer with the time of it; when a newer one is overdue or failed, it is not `fresh`,
   and views say so instead of letting old figures pass for new ones. Nothing is asked while the page is hidden; what stood there is
   not fresh until it has been answered again. */
import { session, address } from "./api.js";

const POLL_MS = 2000,
  SWEEP_MS = 5000,
  TURN_MS = 250,
  WAKE_MS = 700,
  LATE_MS = 6500,
  NEWS_MAX = 40;

export class Feed {
  constructor(name, ask, { slow = 0 } = {}) {
    Object.assign(this, { name, ask, slow, value: null, at: 0, error: null, due: 0, asking: false, stopped: false, late: false });
  }
  get every() {
    return this.slow || (live.hearing ? SWEEP_MS : POLL_MS);
  }
  get fresh() {
    return this.at > 0 && !this.error && !this.late && Date.now() - this.at < this.every + LATE_MS;
  }
  /* What it was, in the time of its last answer: a clock that stands still while nothing is known. */
  get clock() {
    return (this.fresh ? Date.now() : this.at) + live.skew;
  }
}

export const live = {
  feeds: new Set(),
  hearing: false /* the stream is open */,
  heard: 0 /* when the last answer came */,
  lost: 0 /* since when there is none; 0: connected */,
  skew: 0 /* the server's clock, less ours */,
  news: [] /* the latest changes, the newest first */,
  changed: () => {} /* main.js: draws */,

  watch(feed) {
    feed.stopped = false;
    feed.due = 0;
    this.feeds.add(feed);
    return feed;
  },
  leave(feed) {
    feed.stopped = true;
    this.feeds.delete(feed);
  },
  /* Something changed: ask again soon. Of one ticket alone (`subject`): those who look at another are left in peace. */
  wake(subject) {
    const soon = Date.now() + WAKE_MS;
    for (const f of this.feeds) if (!f.slow && (!f.subject || !subject || f.subject === subject) && f.due > soon) f.due = soon;
  },
  /* … at once: after an act of ours. */
  now() {
    for (const f of this.feeds) f.due = 0;
    turn();
  },
  stop() {
    for (const f of this.feeds) f.stopped = true;
    this.feeds.clear();
    this.news = [];
    this.lost = this.heard = 0;
    hush();
  },
};

async function askOne(f) {
  f.asking = true;
  try {
    const value = await f.ask();
    if (f.stopped) return;
    Object.assign(f, { value, at: Date.now(), error: null, late: false });
    live.heard = Date.now();
    if (live.lost) back();
  } catch (e) {
    if (f.stopped) return;
    f.error = e;
    if (e.status) live.heard = Date.now();
    if ((!e.status || e.status >= 502) && !live.lost) live.lost = live.heard || Date.now();
  } finally {
    f.asking = false;
    f.due = Date.now() + f.every;
  }
  live.changed();
}

function turn() {
  if (document.hidden || !session.token) return;
  const now = Date.now();
  for (const f of live.feeds) if (!f.asking && now >= f.due) askOne(f);
}

setInterval(turn, TURN_MS);
setInterval(() => {
  if (!document.hidden) live.changed();
}, 1000); /* ages rise; what is overdue shows */
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    hush();
    for (const f of live.feeds) f.late = true;
  } else {
    live.now();
    listen();
    live.changed();
  }
});

/* ---- the stream of changes (server-sent events) ---- */

let stream = null,
  tries = 0,
  again = 0,
  wanted = false;

function hush() {
  clearTimeout(again);
  stream?.abort();
  stream = null;
  live.hearing = false;
}

export function listen(want = wanted) {
  wanted = want;
  hush();
  if (wanted && session.token && !document.hidden) hear((stream = new AbortController()));
}

/* The server answers again: so will its stream. With chance in it, for all pages notice at once. */
function back() {
  live.lost = 0;
  if (live.hearing) return;
  tries = 0;
  clearTimeout(again);
  again = setTimeout(listen, 200 + Math.random() * 800);
}

/* `data:` lines of one message; comments, ids and names of events are not needed, for the data tells its type. */
function take(block) {
  const data = block
    .split("\n")
    .filter((l) => l.startsWith("data:"))
    .map((l) => l.slice(5).trimStart())
    .join("\n");
  if (!data) return;
  let change;
  try {
    change = JSON.parse(data);
  } catch {
    return;
  }
  if (typeof change.type !== "string") return;
  const kind = change.type.replace(/^naru\./, "");
  live.news = [{ id: change.id, at: change.time, kind, subject: change.subject, data: change.data || {} }, ...live.news].slice(
    0,
    NEWS_MAX,
  );
  live.wake(kind.startsWith("ticket.") ? change.subject : undefined);
}

async function hear(mine) {
  let quiet;
  const alive = () => {
    clearTimeout(quiet);
    quiet = setTimeout(() => mine.abort(), 40000); /* a comment comes every 15 s */
  };
  try {
    const answer = await fetch(address("/v1/stream", { only: "ticket.*,agent.*" }), {
      headers: { Authorization: `Bearer ${session.token}` },
      cache: "no-store",
      signal: mine.signal,
    });
    if (!answer.ok) throw Object.assign(new Error(), { status: answer.status });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    live.hearing = true;
    tries = 0;
    live.now(); /* what changed before it was open */
    for (;;) {
      alive();
      const { value, done } = await reader.read();
      if (done) break;
      text = (text + value).replaceAll("\r\n", "\n");
      for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) take(text.slice(0, end));
      if (text.length > 1 << 20) break; /* no message is so long */
    }
  } catch (e) {
    if (e.status && e.status < 500 && e.status !== 429) tries = Math.max(tries, 5); /* it is not there, or not for us */
  }
  clearTimeout(quiet);
  if (stream !== mine) return;
  live.hearing = false;
  live.wake();
  const wait = Math.min(60000, 1000 * 2 ** tries++);
  again = setTimeout(listen, wait / 2 + (Math.random() * wait) / 2);
}

/* ---- the server's clock ---- */

/* Its answers say their second; half a second more is nearer on average than none. */
session.dated = (text) => {
  const off = Date.parse(text || "") + 500 - Date.now();
  if (!Number.isNaN(off)) live.skew = Math.abs(off) < 1500 ? 0 : off;
};
