/* Trouble: what is not in place, and what to do about it. Asked for every ten seconds from the sign-in on, for the number beside the
   word in the frame. */
import { el, ask } from "./dom.js";
import { get, post, session } from "./api.js";
import { Feed, live } from "./live.js";
import { t, word, clock, number } from "./words.js";
import { section, table, ticketLink } from "./parts.js";

const EVERY = { slow: 10000 },
  SHOWN = 50,
  HELD = ["failed", "unknown", "queued"],
  OLD_MS = 60000;
let ready, dead, hooks, replies;

/* Replies that wait are no trouble until they have waited for a minute. */
async function heldReplies() {
  const pages = await Promise.all(HELD.map((state) => get("/v1/messages", { state, limit: SHOWN })));
  const before = Date.now() + live.skew - OLD_MS;
  return {
    more: pages.some((p) => p.next),
    messages: pages.flatMap((p) => p.messages).filter((m) => m.state !== "queued" || Date.parse(m.since || m.at) < before),
  };
}

/* … and so with changes, which go by themselves once the receiver is back. */
const waitsLong = (h) => h.last_failure && Date.parse(h.oldest) < Date.now() + live.skew - OLD_MS;
const hookIsBad = (h) => h.dead_letters > 0 || (h.state !== "on" && h.state !== undefined) || waitsLong(h);

export const trouble = {
  start() {
    ready = live.watch(new Feed("ready", () => get("/readyz", {}, { also: [503] }), { slow: 4000 }));
    dead = live.watch(new Feed("dead", () => get("/v1/events", { state: "dead", limit: SHOWN }), EVERY));
    replies = live.watch(new Feed("replies", heldReplies, EVERY));
    hooks = session.me.role === "operator" ? live.watch(new Feed("hooks", () => get("/v1/webhooks"), EVERY)) : null;
  },
  stop() {
    for (const f of [ready, dead, replies, hooks]) if (f) live.leave(f);
    ready = dead = replies = hooks = null;
  },
  count() {
    if (!ready) return 0;
    return (
      (ready.value?.missing?.length || 0) +
      (dead.value?.events?.length || 0) +
      (replies.value?.messages.length || 0) +
      (hooks?.value?.webhooks || []).filter(hookIsBad).length
    );
  },
};

const at = (iso) => (iso ? clock(Date.parse(iso) - live.skew) : "–");

function readiness() {
  const v = ready.value;
  if (!v.missing?.length) return [el("p", { class: "good-news" }, t("ready")), v.note && el("p", { class: "problem" }, v.note)];
  return [
    el(
      "ul",
      { class: "todo" },
      v.missing.map((m) => el("li", {}, el("b", {}, t("missing", word("part", m))), " ", word("todo", m))),
    ),
    v.note && el("p", { class: "problem" }, v.note),
  ];
}

const deadColumns = () => [
  { title: t("since"), class: "when", cell: (e) => at(e.died || e.received) },
  { title: t("cause"), class: "wide", cell: (e) => e.cause || "–" },
  { title: t("attempts"), class: "num", cell: (e) => number(e.attempts || 0) },
  { title: t("acts"), cell: (e) => el("button", { "data-do": "replay", "data-value": e.event }, t("replay")) },
];
const hookColumns = () => [
  { title: t("webhooks"), cell: (h) => [el("b", {}, h.webhook), el("small", { class: "soft" }, " ", h.url)] },
  { title: t("state"), cell: (h) => word("hook", h.state) },
  { title: t("backlog"), class: "num", cell: (h) => number(h.backlog) },
  { title: t("dead_letters"), class: "num", cell: (h) => number(h.dead_letters) },
  {
    title: t("last_failure"),
    cell: (h) => (h.last_failure ? `${at(h.last_failure.at)} ${h.last_failure.how || ""} ${h.last_failure.status || ""}` : "–"),
  },
  { title: t("acts"), cell: (h) => h.dead_letters > 0 && el("button", { "data-do": "replayHook", "data-value": h.webhook }, t("replay")) },
];
const replyColumns = () => [
  { title: t("since"), class: "when", cell: (m) => at(m.since || m.at) },
  { title: t("ticket"), cell: (m) => (m.ticket ? ticketLink(m.ticket) : "–") },
  { title: t("state"), cell: (m) => word("msg", m.state) },
  { title: t("account"), cell: (m) => m.account || "–" },
  { title: t("why"), class: "wide", cell: (m) => m.why || "–" },
  {
    title: t("acts"),
    cell: (m) =>
      m.state !== "queued" && [
        el("button", { "data-do": "resend", "data-value": m.id, "data-state": m.state }, t("resend")),
        " ",
        m.state === "unknown" && el("button", { "data-do": "confirm", "data-value": m.id }, t("confirm")),
      ],
  },
];

const sure = async (title, text, yes, send) => {
  if (await ask({ title, text, yes, no: t("cancel_it"), send })) live.now();
};

export const troubleView = {
  start() {},
  stop() {},
  draw() {
    const none = trouble.count() === 0 && [ready, dead, replies, hooks].every((f) => !f || f.fresh); /* what is not known is not well */
    return [
      el("h1", { "data-key": "h1" }, t("trouble")),
      none && el("p", { class: "good-news", "data-key": "well" }, t("all_well")),
      section(ready, t("readiness"), readiness, { id: "readiness" }),
      section(
        dead,
        t("dead_events"),
        () => [
          dead.value.events.length > 0 && el("p", {}, t("dead_todo")),
          table(t("dead_events"), deadColumns(), dead.value.events, { key: (e) => e.event, empty: t("no_dead") }),
        ],
        { id: "dead" },
      ),
      section(
        replies,
        t("replies"),
        () => [
          replies.value.messages.length > 0 && el("p", {}, t("replies_todo")),
          table(t("replies"), replyColumns(), replies.value.messages, { key: (m) => m.id, empty: t("no_dead") }),
        ],
        { id: "replies" },
      ),
      hooks
        ? section(
            hooks,
            t("webhooks"),
            () => [
              hooks.value.webhooks.some(hookIsBad) && el("p", {}, t("hooks_todo")),
              table(t("webhooks"), hookColumns(), hooks.value.webhooks, { key: (h) => h.webhook, empty: t("no_dead") }),
            ],
            { id: "hooks" },
          )
        : el("p", { class: "soft", "data-key": "nohooks" }, t("only_operator")),
    ];
  },
  acts: {
    replay: (e) =>
      sure(t("replay"), t("dead_todo"), t("replay"), () => post(`/v1/events/${encodeURIComponent(e.dataset.value)}/replay`)),
    replayHook: (e) =>
      sure(t("replay_hook_title"), t("replay_hook_text", e.dataset.value), t("replay"), () =>
        post(`/v1/webhooks/${encodeURIComponent(e.dataset.value)}/replay`, { all: true }),
      ),
    resend: (e) =>
      sure(t("resend_title"), t(e.dataset.state === "unknown" ? "resend_unknown" : "resend_failed"), t("resend"), () =>
        post(`/v1/messages/${encodeURIComponent(e.dataset.value)}/resend`),
      ),
    confirm: (e) =>
      sure(t("confirm_title"), t("confirm_text"), t("confirm"), () =>
        post(`/v1/messages/${encodeURIComponent(e.dataset.value)}/confirm`),
      ),
  },
};
