/* One ticket: what was said, what was decided and why, and what a supervisor can do about it. */
import { el, ask } from "./dom.js";
import { get, once, ticketPath, session } from "./api.js";
import { Feed, live } from "./live.js";
import { t, word, clock, wait } from "./words.js";
import { section, urgency, state, due, ticketLink, factList } from "./parts.js";
import { life, whyItWaits, verdict, corrections } from "./life.js";
import { talk } from "./talk.js";

const ENDS = ["resolved", "abandoned", "cancelled", "expired", "dead"];
let id = "",
  ticket,
  explained,
  words;

/* The messages that home keeps; another router tells those of the ticket's record. */
async function messagesOf(of) {
  try {
    return (await get(ticketPath(of, "/messages"), { limit: 1000 })).messages;
  } catch (e) {
    if (e.status !== 404) throw e;
    const doc = ticket.value || (await get(ticketPath(of)));
    return (doc.messages || []).map((m, i) => ({ id: m.event || `r${i}`, ...m }));
  }
}

/* A closed one does not change: it is asked for seldom. */
function feed(name, ask) {
  const f = new Feed(name, ask);
  Object.defineProperty(f, "every", { get: () => (ENDS.includes(ticket?.value?.state) ? 30000 : live.hearing ? 5000 : 2000) });
  f.subject = id;
  return live.watch(f);
}

/* ---- facts ---- */

const list = (items) => (items || []).map((i) => i.agent || (i.skill ? `${i.skill} ${i.level}` : i.name)).join(", ");
const at = (iso) => iso && clock(Date.parse(iso) - live.skew);

function facts(k) {
  const rows = [
    ["customer", [k.name, k.customer].filter(Boolean).join(" · ")],
    ["account", [k.account, k.channel].filter(Boolean).join(" · ")],
    ["subject", k.subject],
    ["language", k.language],
    ["intent", k.intent],
    ["sentiment", k.sentiment !== "unknown" && k.sentiment],
    ["needs", list(k.needs)],
    ["tags", list(k.tags)],
    ["created", at(k.created)],
    ["ended", at(k.ended)],
    [
      "position",
      k.position && `${k.position}${k.expected_wait_ms !== undefined ? ` (${t("expected")}: ${wait(k.expected_wait_ms)})` : ""}`,
    ],
    ["owners", list(k.owners)],
    ["policy", k.policy],
  ];
  return [
    factList(rows),
    k.previous?.length > 0 && [
      el("h3", {}, t("previous")),
      el(
        "ul",
        {},
        k.previous.map((p) =>
          el(
            "li",
            {},
            ticketLink(p.ticket),
            ` ${[at(p.at), p.queue, p.agent, word("state", p.state), p.intent].filter(Boolean).join(" · ")}`,
          ),
        ),
      ),
    ],
  ];
}

/* ---- acts ---- */

async function names(path, member, name) {
  try {
    return (await get(path, path.endsWith("agents") ? { limit: 200 } : {}))[member].map((x) => x[name]);
  } catch {
    return [];
  }
}
const reason = () => ({ name: "reason", label: t("reason"), hint: t("reason_hint") });
const given = (v) => Object.fromEntries(Object.entries(v).filter(([, x]) => x));

async function act(kind, fields, danger) {
  const send = once();
  const did = await ask({
    title: t(`${kind}_title`),
    text: t(`${kind}_text`),
    yes: t(`${kind}_yes`),
    no: t("cancel_it"),
    danger,
    fields: [...fields, reason()],
    send: (v) => send(ticketPath(id, `/${kind}`), given(v)),
  });
  if (did) live.now();
}

const agentField = async (label, needed) => ({
  name: "to",
  label,
  needed,
  list: await names("/v1/agents", "agents", "agent"),
  max: 128,
});
const queueField = async (label, none) => ({
  name: "queue",
  label,
  kind: "choice",
  choices: [["", none], ...(await names("/v1/queues", "queues", "queue")).map((q) => [q, q])],
});

const acts = {
  assign: async () => act("assign", [await agentField(t("to_agent"), true)]),
  requeue: async () => act("requeue", [await queueField(t("to_queue"), t("same_queue"))]),
  transfer: async () => act("transfer", [await queueField(t("to_queue"), t("nowhere")), await agentField(t("to_agent"))]),
  cancel: () => act("cancel", [], true),
  async reply() {
    const send = once();
    if (
      await ask({
        title: t("reply_title"),
        text: t("reply_text"),
        yes: t("reply_yes"),
        no: t("cancel_it"),
        fields: [{ name: "text", kind: "area", label: t("text"), needed: true, max: 16000 }],
        send: (v) => send(ticketPath(id, "/messages"), v),
      })
    )
      live.now();
  },
};

/* Which acts make sense in a state; the server refuses the others, and says why. */
const SENSE = {
  waiting: ["assign", "transfer", "reply", "cancel"],
  offered: ["assign", "requeue", "transfer", "reply", "cancel"],
  assigned: ["assign", "requeue", "transfer", "reply", "cancel"],
  wrapup: ["requeue", "reply", "cancel"],
  parked: ["assign", "requeue", "transfer", "reply", "cancel"],
  scheduled: ["assign", "requeue", "transfer", "cancel"],
};

export const ticketView = {
  start(of) {
    id = of;
    ticket = explained = words = null;
    ticket = feed("ticket", () => get(ticketPath(of)));
    explained = feed("explain", () => get(ticketPath(of, "/explain")));
    words = feed("messages", () => messagesOf(of));
  },
  stop() {
    for (const f of [ticket, explained, words]) live.leave(f);
  },
  draw() {
    const k = ticket.value;
    if (!k)
      return [
        el("h1", {}, t("ticket")),
        ticket.error?.status
          ? el("p", { class: "problem" }, ticket.error.status === 404 ? t("no_ticket", id) : ticket.error.message)
          : el("p", { class: "soft" }, t("loading")),
      ];
    const next = k.deadlines?.answer || k.deadlines?.reply || k.deadlines?.resolve,
      can = session.staff ? SENSE[k.state] || [] : [];
    return [
      el(
        "div",
        { class: "title", "data-key": "title" },
        el("h1", {}, t("ticket"), " ", el("span", { class: "id" }, id)),
        el(
          "p",
          {},
          state(k.state),
          " ",
          urgency(k.urgency),
          " ",
          k.queue,
          k.agent && ` · ${k.agent}`,
          next && [" · ", due(next, ticket.clock)],
        ),
        can.length > 0 &&
          el(
            "div",
            { class: "acts", role: "group", "aria-label": t("acts") },
            can.map((a) => el("button", { "data-do": a, class: a === "cancel" ? "danger" : "" }, t(a))),
          ),
      ),
      el(
        "div",
        { class: "two", "data-key": "two" },
        el(
          "div",
          { class: "column", "data-key": "left" },
          section(words, t("conversation"), () => talk(words.value), { id: "conversation" }),
          section(ticket, t("facts"), () => facts(k), { id: "facts" }),
        ),
        el(
          "div",
          { class: "column", "data-key": "right" },
          explained.value && whyItWaits(explained.value),
          section(explained, t("life"), () => life(explained.value), { id: "life" }),
          explained.value?.verdict &&
            section(explained, t("verdict"), () => [verdict(explained.value), corrections(explained.value)], { id: "verdict" }),
        ),
      ),
    ];
  },
  acts,
};
