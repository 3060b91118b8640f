/* Now: queues, agents, tickets, and what just happened. Lists are pages: 50 tickets, 100 agents. */
import { el } from "./dom.js";
import { get } from "./api.js";
import { Feed, live } from "./live.js";
import { t, word, clock, wait, percent, number } from "./words.js";
import { section, table, urgency, state, presence, ticketLink, shortName, bar, share, due } from "./parts.js";
import { happened } from "./life.js";

const LIVE = ["waiting", "offered", "assigned", "wrapup", "parked", "scheduled"];
const ENDS = ["resolved", "abandoned", "cancelled", "expired", "dead"];
const TICKETS = 50,
  AGENTS = 100,
  HELD_SHOWN = 4;

let queues, agents, tickets;
const find = { state: "", queue: "", after: "", agents: "" };

const isEnd = (s) => ENDS.includes(s);

/* ---- figures at a glance ---- */

function tile(label, value, more, kind) {
  return el(
    "div",
    { class: `tile ${kind || ""}`, "data-key": label },
    el("dt", {}, label),
    el("dd", {}, el("b", {}, value), more && el("small", {}, more)),
  );
}

function tiles() {
  const qs = queues.value?.queues || [],
    as = agents.value?.agents || [];
  const sum = (name) => qs.reduce((n, q) => n + (q[name] || 0), 0);
  const shares = qs.filter((q) => q.answered_in_time !== undefined).sort((a, b) => a.answered_in_time - b.answered_in_time);
  const longest = qs.filter((q) => q.waiting).sort((a, b) => b.oldest_wait_ms - a.oldest_wait_ms)[0];
  const free = as.filter((a) => a.presence === "available").length;
  return el(
    "dl",
    { class: `tiles ${queues.at && !queues.fresh ? "stale" : ""}`, "data-key": "tiles" },
    tile(t("waiting"), queues.at ? number(sum("waiting")) : "–", longest?.queue),
    tile(t("oldest"), longest ? wait(aged(longest)) : queues.at ? wait(0) : "–", longest?.queue),
    tile(
      t("in_time"),
      shares.length ? percent(shares[0].answered_in_time) : "–",
      shares.length ? t("worst", shares[0].queue) : "",
      shares.length && shares[0].answered_in_time < 0.8 ? "warn" : "",
    ),
    tile(t("in_hand"), queues.at ? number(sum("assigned") + sum("offered")) : "–"),
    tile(
      t("agents"),
      agents.at ? number(free) : "–",
      agents.at ? t("available_of", number(free), number(as.length)) + (agents.value.next ? ` (${t("on_page")})` : "") : "",
      agents.at && !free ? "warn" : "",
    ),
  );
}

/* ---- queues ---- */

const aged = (q) => q.oldest_wait_ms + (queues.clock - live.skew - queues.at);

const queueColumns = () => [
  {
    title: t("queue"),
    cell: (q) =>
      el("button", { class: "link", "data-do": "queue", "data-value": q.queue, title: t("show_only", q.queue) }, q.queue),
  },
  { title: t("waiting"), class: "num", cell: (q) => number(q.waiting) },
  { title: t("oldest"), class: "num", cell: (q) => (q.waiting ? wait(aged(q)) : "–") },
  {
    title: t("expected"),
    class: "num",
    cell: (q) =>
      q.expected_wait_ms === undefined
        ? el("span", { class: "soft" }, q.staffed ? t("nobody") : t("unstaffed"))
        : wait(q.expected_wait_ms),
  },
  { title: t("in_time"), cell: (q) => share(q.answered_in_time) },
  { title: t("offered"), class: "num", cell: (q) => number(q.offered) },
  { title: t("assigned"), class: "num", cell: (q) => number(q.assigned) },
  { title: t("scheduled"), class: "num", cell: (q) => number(q.scheduled) },
  { title: t("hours"), cell: (q) => (q.open === false ? el("span", { class: "badge" }, t("closed")) : t("open")) },
];

/* ---- agents ---- */

const holds = (a) =>
  a.tickets?.length
    ? [
        a.tickets.slice(0, HELD_SHOWN).map((id) => [ticketLink(id), " "]),
        a.tickets.length > HELD_SHOWN && t("more", a.tickets.length - HELD_SHOWN),
      ]
    : "–";

const agentColumns = () => [
  { title: t("agent"), cell: (a) => [a.agent, a.kind === "bot" && el("span", { class: "soft" }, " ", t("bot"))] },
  {
    title: t("presence"),
    cell: (a) => [
      presence(a.presence, a.reason),
      a.presence !== "offline" && a.connected === false && el("small", { class: "soft" }, t("disconnected")),
    ],
  },
  {
    title: t("load"),
    cell: (a) =>
      bar(a.capacity ? (a.units_held + a.units_offered) / a.capacity : 0, t("units", a.units_held + a.units_offered, a.capacity)),
  },
  { title: t("holds"), cell: holds },
  { title: t("why_not"), cell: (a) => (a.presence === "offline" || !a.blocked_by?.length ? "" : a.blocked_by.join(", ")) },
  {
    title: t("desk"),
    cell: (a) =>
      a.kind === "bot"
        ? ""
        : el("a", { href: `#/desk/${encodeURIComponent(a.agent)}`, "aria-label": `${t("open_desk")}: ${a.agent}` }, t("open_desk")),
  },
];

const ORDER = { available: 0, away: 1, offline: 2 };
const byPresence = (list) => [...list].sort((a, b) => (ORDER[a.presence] ?? 3) - (ORDER[b.presence] ?? 3));

function pages(feed, what, after) {
  const next = feed.value?.next;
  if (!next && !after) return null;
  return el(
    "p",
    { class: "pages" },
    el("button", { class: "quiet", "data-do": "first", "data-value": what, disabled: !after }, t("first_page")),
    el("button", { class: "quiet", "data-do": "next", "data-value": what, disabled: !next }, t("next_page")),
  );
}

/* ---- tickets ---- */

const ticketColumns = () => [
  { title: t("ticket"), cell: (k) => ticketLink(k.ticket) },
  { title: t("urgency"), cell: (k) => urgency(k.urgency) },
  { title: t("queue"), cell: (k) => k.queue },
  { title: t("state"), cell: (k) => state(k.state) },
  {
    title: t("customer"),
    class: "wide",
    cell: (k) => [shortName(k.name || k.customer || k.conversation), k.intent && el("span", { class: "soft" }, " ", k.intent)],
  },
  { title: t("channel"), cell: (k) => k.channel },
  isEnd(find.state)
    ? { title: t("ended"), cell: (k) => clock(Date.parse(k.ended) - live.skew) }
    : { title: t("age"), class: "num", cell: (k) => wait(Math.max(0, tickets.clock - Date.parse(k.created))) },
  {
    title: t("deadline"),
    class: "num",
    cell: (k) => {
      const at = k.deadlines?.answer || k.deadlines?.reply || k.deadlines?.resolve;
      return at && !isEnd(k.state) ? due(at, tickets.clock) : "–";
    },
  },
  { title: t("agent"), cell: (k) => k.agent || "–" },
];

function filters() {
  const names = (queues.value?.queues || []).map((q) => q.queue);
  const option = (value, label, chosen) => el("option", { value, selected: value === chosen }, label);
  if (find.queue && !names.includes(find.queue)) names.push(find.queue);
  return el(
    "div",
    { class: "filters" },
    el(
      "label",
      {},
      t("state"),
      " ",
      el(
        "select",
        { "data-do": "state" },
        option("", t("all_live"), find.state),
        LIVE.map((s) => option(s, word("state", s), find.state)),
        el(
          "optgroup",
          { label: t("tickets_closed") },
          ENDS.map((s) => option(s, word("state", s), find.state)),
        ),
      ),
    ),
    el(
      "label",
      {},
      t("queue"),
      " ",
      el(
        "select",
        { "data-do": "queue" },
        option("", t("all_queues"), find.queue),
        names.map((n) => option(n, n, find.queue)),
      ),
    ),
    el(
      "form",
      { "data-do": "find", role: "search" },
      el("label", { for: "find-id", class: "hide" }, t("find_ticket")),
      el("input", {
        id: "find-id",
        type: "search",
        autocomplete: "off",
        spellcheck: "false",
        maxlength: 36,
        placeholder: t("find_ticket"),
      }),
    ),
  );
}

/* What a page goes on after may be gone: then the list begins anew. */
async function page(path, asked, forget) {
  try {
    return await get(path, asked);
  } catch (e) {
    if (e.status === 422 && asked.after) asked.after = forget();
    throw e;
  }
}

function watchTickets() {
  if (tickets) live.leave(tickets);
  const asked = { state: find.state, queue: find.queue, after: find.after, limit: TICKETS };
  tickets = live.watch(new Feed("tickets", () => page("/v1/tickets", asked, () => (find.after = ""))));
}

function watchAgents() {
  if (agents) live.leave(agents);
  const asked = { after: find.agents, limit: AGENTS };
  agents = live.watch(new Feed("agents", () => page("/v1/agents", asked, () => (find.agents = ""))));
}

/* ---- the view ---- */

function newsList() {
  if (!live.hearing && !live.news.length) return null;
  return el(
    "section",
    { class: live.hearing ? "" : "stale", "aria-labelledby": "news", "data-key": "news" },
    el("div", { class: "head" }, el("h2", { id: "news" }, t("news"))),
    live.news.length
      ? el(
          "ol",
          { class: "news" },
          live.news
            .slice(0, 12)
            .map((n) => el("li", { "data-key": n.id }, el("time", {}, clock(Date.parse(n.at) - live.skew)), " ", happened(n))),
        )
      : el("p", { class: "soft" }, t("no_news")),
  );
}

export const nowView = {
  start() {
    queues = live.watch(new Feed("queues", () => get("/v1/queues")));
    watchAgents();
    watchTickets();
  },
  stop() {
    for (const f of [queues, agents, tickets]) live.leave(f);
    agents = tickets = null;
    find.after = find.agents = "";
  },
  draw() {
    const list = tickets.value?.tickets || [];
    return [
      el("h1", { class: "hide", "data-key": "h1" }, t("now")),
      tiles(),
      section(
        queues,
        t("queues"),
        () => table(t("queues"), queueColumns(), queues.value.queues || [], { key: (q) => `q-${q.queue}`, empty: t("no_queues") }),
        { id: "queues" },
      ),
      el(
        "div",
        { class: "beside", "data-key": "beside" },
        section(
          agents,
          t("agents"),
          () => [
            table(t("agents"), agentColumns(), byPresence(agents.value.agents || []), {
              key: (a) => `a-${a.agent}`,
              empty: t("no_agents"),
            }),
            pages(agents, "agents", find.agents),
          ],
          { id: "agents" },
        ),
        newsList(),
      ),
      section(
        tickets,
        isEnd(find.state) ? t("tickets_closed") : t("tickets"),
        () => [
          table(t("tickets"), ticketColumns(), list, { key: (k) => `t-${k.ticket}`, empty: t("no_tickets") }),
          pages(tickets, "tickets", find.after),
        ],
        { id: "tickets", extra: filters() },
      ),
    ];
  },
  acts: {
    state(e) {
      Object.assign(find, { state: e.value, after: "" });
      watchTickets();
    },
    queue(e) {
      Object.assign(find, { queue: e.dataset.value ?? e.value, after: "" });
      watchTickets();
      if (e.dataset.value) document.getElementById("tickets").scrollIntoView({ block: "start" });
    },
    find(form) {
      const id = form.querySelector("input").value.trim();
      if (id) location.hash = `#/ticket/${encodeURIComponent(id)}`;
    },
    next(e) {
      if (e.dataset.value === "tickets") ((find.after = tickets.value.next), watchTickets());
      else ((find.agents = agents.value.next), watchAgents());
    },
    first(e) {
      if (e.dataset.value === "tickets") ((find.after = ""), watchTickets());
      else ((find.agents = ""), watchAgents());
    },
  },
};
