/* The desk: where an agent takes offers, talks with customers and ends tickets. What is known of a ticket comes over the agent's
   WebSocket and stands in `mine` (offered or held), the words of its conversation are read from its home; after every new connection
   both begin anew from the server. A reply goes by POST under a key of its own, so that one that got no answer can be sent again
   and is still one. */
import { ask } from "./dom.js";
import { get, once, ticketPath, session } from "./api.js";
import { live } from "./live.js";
import { t } from "./words.js";
import { Link } from "./desk_link.js";
import { deskDoor, deskPage } from "./desk_look.js";
import "./desk_words.js";

const SIGN_MS = 3000,
  STILL_MS = 4000,
  NOTES = 5;
let name = "",
  link = null,
  mine,
  chosen,
  notes,
  presenceNow,
  waits,
  waitsTimer,
  notice,
  scrolled,
  toDraft = false;

const offered = () => [...mine.values()].filter((k) => k.offer).sort((a, b) => a.until - b.until);
const held = () => [...mine.values()].filter((k) => !k.offer);

function note(kind, m, pull) {
  notes = [{ key: `${Date.now()}-${m.ticket}`, kind, ticket: m.ticket, queue: m.queue, cause: m.cause, pull }, ...notes].slice(
    0,
    NOTES,
  );
}

/* ---- what the server says ---- */

function put(m, more) {
  const old = mine.get(m.ticket) || { words: null, draft: "", send: once(), seenAt: 0, unread: 0 };
  const k = Object.assign(old, m, { messages: m.messages?.length ? m.messages : old.messages }, more);
  mine.set(m.ticket, k);
  return k;
}

function drop(id) {
  mine.delete(id);
  if (chosen === id) chosen = held()[0]?.ticket || "";
  if (chosen) choose(chosen);
}

/* What went by an act of the agent's own is no news to them. */
function gone(kind, m) {
  if (mine.has(m.ticket) && !mine.get(m.ticket).doing) note(kind, m);
  drop(m.ticket);
}

const HEARD = {
  welcome(m) {
    presenceNow = { presence: m.presence, reason: m.reason };
    const there = new Set([...(m.held || []), ...(m.offers || [])].map((k) => k.ticket));
    for (const id of [...mine.keys()]) if (!there.has(id)) drop(id);
    if (chosen) choose(chosen);
  },
  presence(m) {
    presenceNow = { presence: m.presence, reason: m.reason };
  },
  offer(m) {
    put(m, { offer: true, until: Date.now() + (m.expires_in_ms || 0), whole: m.expires_in_ms });
    notice = t("new_offer", m.queue);
  },
  assigned(m) {
    put(m, { offer: false, state: m.state || "assigned" });
    if (!chosen) choose(m.ticket);
  },
  message(m) {
    const k = put(m, {});
    k.typing = false;
    if (chosen === m.ticket && !document.hidden) read(k);
    else (k.unread++, (notice = t("new_message", m.name || m.customer || m.queue)));
    words(k);
  },
  changed(m) {
    if (mine.has(m.ticket)) put(m, {});
  },
  withdrawn(m) {
    gone("withdrawn", m);
  },
  returned(m) {
    gone("returned", m);
  },
  ended(m) {
    gone("ended", m);
  },
  notice(m) {
    note("notice", m, true);
  },
  consult(m) {
    if (m.cause === "over") return drop(m.ticket);
    put(m, { offer: false, consulted: true });
    note("consult", m);
  },
  typing(m) {
    const k = mine.get(m.ticket);
    if (k) k.typing = m.on;
  },
  read(m) {
    const k = mine.get(m.ticket);
    if (k) k.seenAt = Math.max(k.seenAt, Date.parse(m.at) || 0);
  },
  message_state(m) {
    const k = mine.get(m.ticket);
    if (k) words(k);
  },
};

function hear(m) {
  if (Object.hasOwn(HEARD, m.type)) HEARD[m.type](m);
  live.changed();
}

/* ---- conversations ---- */

/* Reads what was said, from home; where that is another router, the ticket's record tells the last of it. */
async function words(k) {
  if (k.reading) return void (k.again = true);
  k.reading = true;
  try {
    k.words = (await get(ticketPath(k.ticket, "/messages"), { limit: 1000 })).messages;
  } catch (e) {
    if (e.status === 404 || !k.words) k.words = (k.messages || []).map((m, i) => ({ id: m.event || `r${i}`, ...m }));
  }
  k.reading = false;
  if (k.again) ((k.again = false), words(k));
  live.changed();
}

function read(k) {
  k.unread = 0;
  if (k.channel === "webchat") link?.say({ type: "read", ticket: k.ticket });
}

/* What came into the open conversation while nobody looked is read when somebody does. */
document.addEventListener("visibilitychange", () => {
  const k = link && mine.get(chosen);
  if (document.hidden || !k?.unread) return;
  read(k);
  live.changed();
});

function choose(id) {
  const k = mine.get(id);
  if (!k || k.offer) return;
  chosen = id;
  scrolled = -1;
  read(k);
  words(k);
}

/* ---- acts ---- */

/* Asks over the WebSocket; throws what is to be told when it was refused. */
async function doing(type, k, more = {}) {
  k.doing = true;
  const got = await link.ask(type, { ticket: k.ticket, token: k.token, ...more });
  k.doing = false;
  if (!got) throw new Error(t("act_lost"));
  if (got.status >= 300) throw new Error(got.detail || got.problem || t("status", got.status));
  const now = mine.get(k.ticket);
  if (now && got.token) now.token = got.token;
  if (now && got.state) now.state = got.state;
  if (now && ["resolved", "cancelled", "waiting", "offered", "scheduled"].includes(now.state)) drop(k.ticket);
  return got;
}

/* … and a refusal is told where the ticket stands. */
async function trying(type, k, more) {
  k.problem = "";
  k.busy = true;
  live.changed();
  try {
    await doing(type, k, more);
    return true;
  } catch (e) {
    k.problem = e.message;
    return false;
  } finally {
    k.busy = false;
    live.changed();
  }
}

const given = (v) => Object.fromEntries(Object.entries(v).filter(([, x]) => x));
const reason = () => ({ name: "reason", label: t("reason"), hint: t("reason_hint") });
const asking = (type, k, fields) =>
  ask({
    title: t(`${type}_title`),
    text: t(`${type}_text`),
    yes: t(`${type}_yes`),
    no: t("cancel_it"),
    fields,
    send: (v) => doing(type, k, given(v)),
  });
const of = (e) => mine.get(e.closest("[data-ticket]")?.dataset.ticket);

async function sendReply(k) {
  const box = document.getElementById("draft"),
    text = (box?.value || "").trim();
  if (!text || k.sending) return;
  k.sending = true;
  k.problem = "";
  live.changed();
  try {
    await k.send(ticketPath(k.ticket, "/messages"), { text, token: k.token, ...(session.staff ? { agent: name } : {}) });
    k.draft = "";
    if (box.isConnected && box.dataset.of === k.ticket) box.value = "";
    still(k);
    await words(k);
  } catch (e) {
    k.problem = e.status ? e.message : t("reply_lost");
  }
  k.sending = false;
  scrolled = -1;
  live.changed();
}

/* ---- typing: told at most every three seconds while it goes on, and that it stopped ---- */

function types(k) {
  if (k.channel !== "webchat") return;
  clearTimeout(k.stillTimer);
  k.stillTimer = setTimeout(() => still(k), STILL_MS);
  if (Date.now() - (k.toldAt || 0) < SIGN_MS) return;
  k.toldAt = Date.now();
  link?.say({ type: "typing", ticket: k.ticket, on: true });
}

function still(k) {
  clearTimeout(k.stillTimer);
  if (k.toldAt) link?.say({ type: "typing", ticket: k.ticket, on: false });
  k.toldAt = 0;
}

const acts = {
  open: () => begin(),
  takeOver() {
    (link.become("connecting"), link.open());
  },
  presence: async (e) => {
    const got = await link.ask("presence", { presence: e.dataset.value });
    if (got?.status === 200) presenceNow = { presence: got.presence || e.dataset.value, reason: got.reason };
    else notes = [{ key: `${Date.now()}`, kind: "notice", cause: got?.detail || t("act_lost") }, ...notes].slice(0, NOTES);
  },
  choose(e) {
    choose(e.dataset.value);
    if (matchMedia("(max-width: 60rem)").matches) document.getElementById("talk")?.scrollIntoView({ block: "start" });
  },
  accept: async (e) => {
    const k = of(e);
    if (!(await trying("accept", k)) || !mine.has(k.ticket)) return;
    Object.assign(k, { offer: false, state: k.state === "offered" ? "assigned" : k.state });
    choose(k.ticket);
    toDraft = true;
  },
  decline: (e) => asking("decline", of(e), [reason()]).then((did) => did && drop(of(e)?.ticket)),
  resolve: (e) => asking("resolve", of(e), [reason()]),
  finish: (e) => trying("resolve", of(e), { reason: "over" }),
  park: (e) => asking("park", of(e), [reason()]),
  resume: (e) => trying("resume", of(e)),
  start: (e) => trying("start", of(e)),
  transfer: async (e) => {
    const k = of(e);
    let queues = [];
    try {
      queues = (await get("/v1/queues")).queues.map((q) => [q.queue, q.queue]);
    } catch {
      /* by agent only, then */
    }
    await asking("transfer", k, [
      { name: "queue", label: t("to_queue"), kind: "choice", choices: [["", t("nowhere")], ...queues] },
      { name: "to", label: t("to_agent"), max: 128 },
      reason(),
    ]);
  },
  pull: (e) =>
    ask({
      title: t("pull_title"),
      text: t("pull_text"),
      yes: t("pull_yes"),
      no: t("cancel_it"),
      fields: [{ name: "ticket", label: t("ticket_id"), value: e.dataset.value, needed: true, max: 36 }],
      async send({ ticket }) {
        const got = await link.ask("pull", { ticket });
        if (!got) throw new Error(t("act_lost"));
        if (got.status >= 300) throw new Error(got.detail || got.problem);
        const k = put({ ticket, token: got.token, state: got.state, queue: got.queue }, { offer: false });
        Object.assign(k, await get(ticketPath(ticket)).catch(() => ({})), { token: got.token });
        choose(ticket);
      },
    }),
  why: async (e) => {
    const k = of(e);
    try {
      k.why = await get(ticketPath(k.ticket, "/explain"));
    } catch (x) {
      k.problem = x.message;
    }
  },
  closeNote(e) {
    notes = notes.filter((n) => n.key !== e.dataset.value);
  },
  reply: (form) => sendReply(of(form)),
  draft(box) {
    const k = of(box);
    k.draft = box.value;
    types(k);
  },
};

/* ---- the view ---- */

async function readQueues() {
  try {
    waits = (await get("/v1/queues")).queues.filter((q) => q.waiting);
  } catch {
    waits = null;
  }
  live.changed();
}

function begin() {
  link = new Link(name, hear, () => live.changed());
  readQueues();
  waitsTimer = setInterval(() => {
    if (!document.hidden) readQueues();
  }, 5000);
}

export const deskView = {
  start(of) {
    name = of;
    mine = new Map();
    notes = [];
    chosen = notice = "";
    waits = null;
    presenceNow = {};
    scrolled = -1;
    if (!session.staff) begin();
  },
  stop() {
    link?.close();
    link = null;
    clearInterval(waitsTimer);
    for (const k of mine.values()) clearTimeout(k.stillTimer);
  },
  get news() {
    return mine ? offered().length + held().filter((k) => k.unread).length : 0;
  },
  draw() {
    if (!link) return [deskDoor(name)];
    return deskPage({ name, link, mine, chosen, notes, presenceNow, waits, notice, offered: offered(), held: held() });
  },
  /* After drawing: the newest words are in sight, unless the agent reads older ones. */
  drawn() {
    const log = document.querySelector(".talking .talk"),
      box = document.getElementById("draft");
    if (toDraft && box?.dataset.of === chosen) (box.focus(), (toDraft = false));
    if (!log) return;
    const count = log.children.length,
      near = log.scrollHeight - log.scrollTop - log.clientHeight < 120;
    if (scrolled !== count && (scrolled < 0 || near)) log.scrollTop = log.scrollHeight;
    if (scrolled !== count) scrolled = count;
  },
  keys(e, event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    sendReply(of(e));
  },
  acts,
};
