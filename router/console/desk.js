/* The desk: where an agent takes offers, talks with customers and ends tickets. What is known of a ticket comes over the agent's
   WebSocket and stands in `mine` (offered or held), the words of its conversation are read from its home; after every new connection
   both begin anew from the server. A reply goes by POST under a key of its own, so that one that got no answer can be sent again
   and is still one. */
import { el, ask } from "./dom.js";
import { get, once, ticketPath, session } from "./api.js";
import { live } from "./live.js";
import { t, word, clock, wait, number, addWords } from "./words.js";
import { urgency, state, due, shortId, shortName } from "./parts.js";
import { talk } from "./talk.js";
import { Link } from "./desk_link.js";

addWords({
  offers: ["제안", "Offers"], mine: ["내 티켓", "My tickets"], no_offers: ["지금은 제안이 없습니다.", "Nothing is offered now."], nothing_held: ["맡은 티켓이 없습니다.", "You have no tickets."],
  accept: ["받기", "Accept"], decline: ["사양", "Decline"], resolve: ["해결", "Resolve"], finish: ["마무리 끝", "Finish wrap-up"], park: ["보류", "Park"], resume: ["다시 상담", "Resume"], start: ["연결됨", "In touch"], pull: ["대기 티켓 가져오기", "Pull a ticket"],
  expires: ["{0} 남음", "{0} left"], you_are: ["{0}: 내 상태", "{0}, you are"], choose: ["왼쪽에서 티켓을 고르거나 제안을 받으세요.", "Choose a ticket, or accept an offer."], write: ["답장", "Reply"], send: ["보내기", "Send"], keys: ["Enter로 보내기, Shift+Enter로 줄 바꿈", "Enter sends, Shift+Enter begins a new line"],
  desk_lost: ["{0}부터 연결이 끊겼습니다. 다시 연결하고 있습니다…", "Not connected since {0}. Trying again…"], desk_connecting: ["연결하고 있습니다…", "Connecting…"], desk_replaced: ["이 데스크가 다른 곳에서 열렸습니다.", "This desk was opened elsewhere."], desk_unknown: ["이런 상담원은 없습니다: {0}", "There is no such agent: {0}"], desk_refused: ["이 데스크를 열 수 없습니다.", "This desk cannot be opened."],
  take_over: ["여기서 다시 열기", "Open it here again"], whose_desk: ["{0}의 데스크를 열까요?", "Open {0}’s desk?"], whose_text: ["{0}이(가) 다른 곳에서 일하고 있으면 그쪽 연결이 끊기고, 제안은 여기로 옵니다.", "If {0} works elsewhere, that connection is closed, and offers come here."], open_it: ["열기", "Open"],
  missed: ["제안을 놓쳐서 자리 비움이 되었습니다.", "Offers were missed, so you are away."], types: ["고객이 입력하고 있습니다…", "The customer is typing…"], seen: ["고객이 읽음", "read by the customer"], new_offer: ["새 제안: {0}", "New offer: {0}"], new_message: ["새 메시지: {0}", "New message: {0}"],
  went_withdrawn: ["제안이 거두어졌습니다", "The offer was withdrawn"], went_returned: ["대기열로 돌아갔습니다", "It went back to its queue"], went_ended: ["끝났습니다", "It has ended"], went_notice: ["알림", "Notice"], went_consult: ["함께 보자는 부탁", "You are asked in"], unread: ["새 글", "new"],
  decline_title: ["이 제안을 사양할까요?", "Decline this offer?"], decline_text: ["다른 사람에게 갑니다.", "It goes to somebody else."], decline_yes: ["사양", "Decline"], resolve_title: ["해결되었나요?", "Is it solved?"], resolve_text: ["마무리 시간이 있는 대기열이면 마무리로 갑니다.", "Where the queue has a wrap-up, that comes next."], resolve_yes: ["해결", "Resolve"],
  park_title: ["고객을 기다릴까요?", "Wait for the customer?"], park_text: ["보류하는 동안에는 여유가 조금만 쓰입니다.", "While it is parked it takes a part of its units."], park_yes: ["보류", "Park"], pull_title: ["어떤 티켓을 가져올까요?", "Pull which ticket?"], pull_text: ["대기 중인 티켓의 번호를 넣으세요.", "The id of a ticket that waits."], pull_yes: ["가져오기", "Pull"], ticket_id: ["티켓 번호", "Ticket’s id"],
  act_lost: ["연결이 끊겨, 되었는지 알 수 없습니다. 다시 연결되면 보입니다.", "The connection broke, so it is not known whether it was done. It shows once connected again."], reply_lost: ["응답이 없습니다. 다시 보내도 한 번만 나갑니다.", "There was no answer. Send again: it goes out once."], wrap_until: ["마무리 {0}까지", "wrap-up until {0}"], queue_waits: ["대기열", "Waiting now"], about: ["고객과 티켓", "About"], full_page: ["경과와 이유", "Life, and why"], close_note: ["닫기", "Close"],
});

const SIGN_MS = 3000, STILL_MS = 4000, NOTES = 5;
let name = "", link = null, mine, chosen, notes, presenceNow, waits, waitsTimer, notice, scrolled;

const offered = () => [...mine.values()].filter((k) => k.offer).sort((a, b) => a.until - b.until);
const held = () => [...mine.values()].filter((k) => !k.offer);

function note(kind, m, pull) {
  notes = [{ key: `${Date.now()}-${m.ticket}`, kind, ticket: m.ticket, queue: m.queue, cause: m.cause, pull }, ...notes].slice(0, NOTES);
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
  presence(m) { presenceNow = { presence: m.presence, reason: m.reason }; },
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
    else k.unread++, (notice = t("new_message", m.name || m.customer || m.queue));
    words(k);
  },
  changed(m) { if (mine.has(m.ticket)) put(m, {}); },
  withdrawn(m) { gone("withdrawn", m); },
  returned(m) { gone("returned", m); },
  ended(m) { gone("ended", m); },
  notice(m) { note("notice", m, true); },
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
  if (k.again) k.again = false, words(k);
  live.changed();
}

function read(k) {
  k.unread = 0;
  if (k.channel === "webchat") link?.say({ type: "read", ticket: k.ticket });
}

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
const asking = (type, k, fields) => ask({ title: t(`${type}_title`), text: t(`${type}_text`), yes: t(`${type}_yes`), no: t("cancel_it"), fields, send: (v) => doing(type, k, given(v)) });
const of = (e) => mine.get(e.closest("[data-ticket]")?.dataset.ticket);

async function sendReply(k) {
  const box = document.getElementById("draft"), text = (box?.value || "").trim();
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
  takeOver() { link.become("connecting"), link.open(); },
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
    try { queues = (await get("/v1/queues")).queues.map((q) => [q.queue, q.queue]); } catch { /* by agent only, then */ }
    await asking("transfer", k, [{ name: "queue", label: t("to_queue"), kind: "choice", choices: [["", t("nowhere")], ...queues] }, { name: "to", label: t("to_agent"), max: 128 }, reason()]);
  },
  pull: (e) => ask({ title: t("pull_title"), text: t("pull_text"), yes: t("pull_yes"), no: t("cancel_it"), fields: [{ name: "ticket", label: t("ticket_id"), value: e.dataset.value, needed: true, max: 36 }],
    async send({ ticket }) {
      const got = await link.ask("pull", { ticket });
      if (!got) throw new Error(t("act_lost"));
      if (got.status >= 300) throw new Error(got.detail || got.problem);
      const k = put({ ticket, token: got.token, state: got.state, queue: got.queue }, { offer: false });
      Object.assign(k, await get(ticketPath(ticket)).catch(() => ({})), { token: got.token });
      choose(ticket);
    } }),
  closeNote(e) { notes = notes.filter((n) => n.key !== e.dataset.value); },
  reply: (form) => sendReply(of(form)),
  draft(box) {
    const k = of(box);
    k.draft = box.value;
    types(k);
  },
};

/* ---- how it looks ---- */

const called = (k) => shortName(k.name || k.customer || k.conversation || shortId(k.ticket));
const lastText = (k) => { const m = (k.words || k.messages || []).at(-1); return m ? m.text : ""; };
const cut = (text, n) => (text.length > n ? `${text.slice(0, n)}…` : text);

function offerCard(k) {
  const left = Math.max(0, k.until - Date.now());
  return el("li", { class: `offer ${left < 5000 ? "hurry" : ""}`, "data-key": `o-${k.ticket}`, "data-ticket": k.ticket },
    el("p", {}, el("b", {}, called(k)), " ", urgency(k.urgency), " ", el("span", { class: "soft" }, `${k.queue} · ${k.channel}`)),
    k.subject && el("p", {}, el("b", {}, k.subject)), el("p", { class: "said" }, cut(lastText(k), 300)),
    el("p", { class: "soft" }, [k.intent, k.language, (k.tags || []).map((x) => x.name || x).join(", ")].filter(Boolean).join(" · ")),
    el("progress", { max: k.whole || 1, value: left, "aria-label": t("expires", wait(left)) }),
    el("p", { class: "buttons" }, el("span", { class: "left" }, t("expires", wait(left))), el("button", { "data-do": "decline", disabled: !link.ready || k.busy }, t("decline")),
      el("button", { class: "main", "data-do": "accept", disabled: !link.ready || k.busy }, t("accept"))),
    k.problem && el("p", { class: "problem", role: "alert" }, k.problem));
}

function heldCard(k) {
  return el("li", { "data-key": `h-${k.ticket}` },
    el("button", { class: "held", "data-do": "choose", "data-value": k.ticket, "aria-current": chosen === k.ticket ? "true" : null },
      el("span", {}, el("b", {}, called(k)), k.unread > 0 && el("span", { class: "count" }, `${k.unread} `, t("unread"))), el("span", {}, state(k.state), " ", urgency(k.urgency), " ", el("span", { class: "soft" }, `${k.queue} · ${k.channel}`)),
      el("span", { class: "soft one-line" }, cut(lastText(k), 80))));
}

function noteLine(n) {
  return el("li", { "data-key": n.key }, el("span", {}, [t(`went_${n.kind}`), n.ticket && shortId(n.ticket), n.queue, n.cause].filter(Boolean).join(" · ")), " ",
    n.pull && el("button", { "data-do": "pull", "data-value": n.ticket }, t("pull")), el("button", { class: "quiet", "data-do": "closeNote", "data-value": n.key, "aria-label": t("close_note") }, "×"));
}

const WAYS = { assigned: ["resolve", "park", "transfer"], parked: ["resume", "resolve", "transfer"], wrapup: ["finish"] };

function about(k) {
  const rows = [["customer", [k.name, k.customer].filter(Boolean).join(" · ")], ["language", k.language], ["intent", k.intent], ["sentiment", k.sentiment !== "unknown" && k.sentiment], ["tags", (k.tags || []).map((x) => x.name || x).join(", ")], ["created", k.created && clock(Date.parse(k.created) - live.skew)]];
  return el("details", { class: "about" }, el("summary", {}, t("about")), el("dl", { class: "facts" }, rows.filter(([, v]) => v).map(([n, v]) => el("div", {}, el("dt", {}, t(n)), el("dd", {}, v)))),
    k.previous?.length > 0 && [el("h3", {}, t("previous")), el("ul", {}, k.previous.map((p) => el("li", {}, [clock(Date.parse(p.at) - live.skew), p.queue, p.agent, word("state", p.state), p.intent].filter(Boolean).join(" · "))))],
    el("p", {}, el("a", { href: `#/ticket/${encodeURIComponent(k.ticket)}` }, t("full_page"))));
}

function conversation(k) {
  const next = k.deadlines?.reply || k.deadlines?.resolve, ways = k.consulted ? [] : [...(k.channel === "voice" && k.state === "assigned" ? ["start"] : []), ...(WAYS[k.state] || [])];
  const can = link.ready && !k.busy, writes = ["assigned", "parked", "wrapup"].includes(k.state);
  return el("section", { class: "talking", "data-key": `c-${k.ticket}`, "data-ticket": k.ticket, "aria-labelledby": "talk" },
    el("div", { class: "head" }, el("h2", { id: "talk" }, called(k)), state(k.state), urgency(k.urgency), el("span", { class: "soft" }, `${k.queue} · ${k.channel}`), next && due(next, Date.now() + live.skew),
      el("span", { class: "gap" }), el("span", { class: "acts" }, ways.map((w) => el("button", { "data-do": w, class: w === "resolve" || w === "finish" ? "main" : "", disabled: !can }, t(w))))),
    about(k),
    talk(k.words || [], (m) => m.by !== "customer" && k.seenAt >= Date.parse(m.at) && m.receipt !== "read" && ` · ${t("seen")}`),
    el("p", { class: "typing soft", role: "status" }, k.typing ? t("types") : ""),
    el("p", { class: "problem", role: "alert" }, k.problem || ""),
    writes && el("form", { class: "reply", "data-do": "reply", "data-key": `f-${k.ticket}` }, el("label", { for: "draft", class: "hide" }, t("write")),
      el("textarea", { id: "draft", "data-do": "draft", "data-keys": true, "data-of": k.ticket, rows: 3, maxlength: 16000, placeholder: t("write"), "aria-describedby": "keys" }, k.draft),
      el("p", { class: "buttons" }, el("small", { id: "keys", class: "soft" }, t("keys")), el("button", { class: "main", type: "submit", disabled: k.sending || !link.ready }, t("send")))));
}

const SWITCH = ["available", "away", "offline"];

function line() {
  const says = { connecting: t("desk_connecting"), lost: t("desk_lost", clock(link.since)), replaced: t("desk_replaced"), unknown: t("desk_unknown", name), refused: t("desk_refused") }[link.state];
  if (!says) return null;
  return el("p", { class: `line ${link.state === "connecting" ? "" : "lost"}`, role: "status", "data-key": "line" }, says, link.problem && ` ${link.problem}`, link.state === "replaced" && [" ", el("button", { "data-do": "takeOver" }, t("take_over"))]);
}

function presenceSwitch() {
  return el("section", { "data-key": "presence", "aria-labelledby": "me" }, el("h1", { id: "me" }, t("you_are", name)),
    el("div", { class: "switch", role: "group", "aria-labelledby": "me" }, SWITCH.map((p) => el("button", { class: `p-${p}`, "data-do": "presence", "data-value": p, "aria-pressed": String(presenceNow.presence === p), disabled: !link.ready }, el("span", { class: "dot", "aria-hidden": "true" }), word("presence", p)))),
    presenceNow.presence === "away" && presenceNow.reason && el("p", { class: "problem" }, presenceNow.reason === "missed" ? t("missed") : presenceNow.reason));
}

/* An operator who opens somebody's desk puts out whoever is there: that is asked first. */
const door = () => el("section", { "data-key": "door" }, el("h1", {}, t("whose_desk", name)), el("p", {}, t("whose_text", name)), el("p", { class: "buttons" }, el("a", { href: "#/now" }, t("cancel_it")), el("button", { class: "main", "data-do": "open" }, t("open_it"))));

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
  waitsTimer = setInterval(() => { if (!document.hidden) readQueues(); }, 5000);
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
  get news() { return mine ? offered().length + held().filter((k) => k.unread).length : 0; },
  draw() {
    if (!link) return [door()];
    const k = mine.get(chosen);
    return [
      line(),
      el("div", { class: `desk ${link.ready ? "" : "stale"}`, "data-key": "desk" },
        el("div", { class: "column", "data-key": "left" },
          presenceSwitch(),
          el("section", { "data-key": "offers", "aria-labelledby": "offers" }, el("h2", { id: "offers" }, t("offers")), offered().length ? el("ul", { class: "cards" }, offered().map(offerCard)) : el("p", { class: "soft" }, t("no_offers"))),
          el("section", { "data-key": "mine", "aria-labelledby": "mine" }, el("h2", { id: "mine" }, t("mine")), held().length ? el("ul", { class: "cards" }, held().map(heldCard)) : el("p", { class: "soft" }, t("nothing_held")),
            el("p", { class: "soft" }, waits?.length ? `${t("queue_waits")}: ${waits.map((q) => `${q.queue} ${number(q.waiting)}`).join(", ")}` : ""), el("p", {}, el("button", { "data-do": "pull", disabled: !link.ready }, t("pull"))))),
        el("div", { class: "column", "data-key": "right" },
          notes.length > 0 && el("ul", { class: "notes", "data-key": "notes" }, notes.map(noteLine)),
          k ? conversation(k) : el("section", { "data-key": "nobody" }, el("p", { class: "soft" }, t("choose"))))),
      el("p", { class: "hide", role: "alert", "data-key": "notice" }, notice),
    ];
  },
  /* After drawing: the newest words are in sight, unless the agent reads older ones. */
  drawn() {
    const log = document.querySelector(".talking .talk");
    if (!log) return;
    const count = log.children.length, near = log.scrollHeight - log.scrollTop - log.clientHeight < 120;
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
