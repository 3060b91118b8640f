/* How the desk looks: elements of what desk.js knows at this moment (`d`), and nothing that lasts. */
import { el } from "./dom.js";
import { live } from "./live.js";
import { t, word, clock, wait, number } from "./words.js";
import { urgency, state, due, shortId, shortName, factList } from "./parts.js";
import { talk } from "./talk.js";
import { life, whyItWaits } from "./life.js";

let d;

const called = (k) => shortName(k.name || k.customer || k.conversation || shortId(k.ticket));
const lastText = (k) => {
  const m = (k.words || k.messages || []).at(-1);
  return m ? m.text : "";
};
const cut = (text, n) => (text.length > n ? `${text.slice(0, n)}…` : text);

function offerCard(k) {
  const left = Math.max(0, k.until - Date.now());
  return el(
    "li",
    { class: `offer ${left < 5000 ? "hurry" : ""}`, "data-key": `o-${k.ticket}`, "data-ticket": k.ticket },
    el("p", {}, el("b", {}, called(k)), " ", urgency(k.urgency), " ", el("span", { class: "soft" }, `${k.queue} · ${k.channel}`)),
    k.subject && el("p", {}, el("b", {}, k.subject)),
    el("p", { class: "said" }, cut(lastText(k), 300)),
    el(
      "p",
      { class: "soft" },
      [k.intent, k.language, (k.tags || []).map((x) => x.name || x).join(", ")].filter(Boolean).join(" · "),
    ),
    el("progress", { max: k.whole || 1, value: left, "aria-label": t("expires", wait(left)) }),
    el(
      "p",
      { class: "buttons" },
      el("span", { class: "left" }, t("expires", wait(left))),
      el("button", { "data-do": "decline", disabled: !d.link.ready || k.busy }, t("decline")),
      el("button", { class: "main", "data-do": "accept", disabled: !d.link.ready || k.busy }, t("accept")),
    ),
    k.problem && el("p", { class: "problem", role: "alert" }, k.problem),
  );
}

function heldCard(k) {
  return el(
    "li",
    { "data-key": `h-${k.ticket}` },
    el(
      "button",
      { class: "held", "data-do": "choose", "data-value": k.ticket, "aria-current": d.chosen === k.ticket ? "true" : null },
      el("span", {}, el("b", {}, called(k)), k.unread > 0 && el("span", { class: "count" }, `${k.unread} `, t("unread"))),
      el("span", {}, state(k.state), " ", urgency(k.urgency), " ", el("span", { class: "soft" }, `${k.queue} · ${k.channel}`)),
      el("span", { class: "soft one-line" }, cut(lastText(k), 80)),
    ),
  );
}

function noteLine(n) {
  return el(
    "li",
    { "data-key": n.key },
    el("span", {}, [t(`went_${n.kind}`), n.ticket && shortId(n.ticket), n.queue, n.cause].filter(Boolean).join(" · ")),
    " ",
    n.pull && el("button", { "data-do": "pull", "data-value": n.ticket }, t("pull")),
    el("button", { class: "quiet", "data-do": "closeNote", "data-value": n.key, "aria-label": t("close_note") }, "×"),
  );
}

const WAYS = { assigned: ["resolve", "park", "transfer"], parked: ["resume", "resolve", "transfer"], wrapup: ["finish"] };

function about(k) {
  const rows = [
    ["customer", [k.name, k.customer].filter(Boolean).join(" · ")],
    ["language", k.language],
    ["intent", k.intent],
    ["sentiment", k.sentiment !== "unknown" && k.sentiment],
    ["tags", (k.tags || []).map((x) => x.name || x).join(", ")],
    ["created", k.created && clock(Date.parse(k.created) - live.skew)],
  ];
  return el(
    "details",
    { class: "about" },
    el("summary", {}, t("about")),
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
            [clock(Date.parse(p.at) - live.skew), p.queue, p.agent, word("state", p.state), p.intent].filter(Boolean).join(" · "),
          ),
        ),
      ),
    ],
    k.why
      ? [el("h3", {}, t("full_page")), whyItWaits(k.why), life(k.why)]
      : el("p", {}, el("button", { "data-do": "why" }, t("full_page"))),
  );
}

function conversation(k) {
  const next = k.deadlines?.reply || k.deadlines?.resolve,
    ways = k.consulted ? [] : [...(k.channel === "voice" && k.state === "assigned" ? ["start"] : []), ...(WAYS[k.state] || [])];
  const can = d.link.ready && !k.busy,
    writes = ["assigned", "parked", "wrapup"].includes(k.state);
  return el(
    "section",
    { class: "talking", "data-key": `c-${k.ticket}`, "data-ticket": k.ticket, "aria-labelledby": "talk" },
    el(
      "div",
      { class: "head" },
      el("h2", { id: "talk" }, called(k)),
      state(k.state),
      urgency(k.urgency),
      el("span", { class: "soft" }, `${k.queue} · ${k.channel}`),
      next && due(next, Date.now() + live.skew),
      el("span", { class: "gap" }),
      el(
        "span",
        { class: "acts" },
        ways.map((w) =>
          el("button", { "data-do": w, class: w === "resolve" || w === "finish" ? "main" : "", disabled: !can }, t(w)),
        ),
      ),
    ),
    about(k),
    talk(k.words || [], (m) => m.by !== "customer" && k.seenAt >= Date.parse(m.at) && m.receipt !== "read" && ` · ${t("seen")}`),
    el("p", { class: "typing soft", role: "status" }, k.typing ? t("types") : ""),
    el("p", { class: "problem", role: "alert" }, k.problem || ""),
    writes &&
      el(
        "form",
        { class: "reply", "data-do": "reply", "data-key": `f-${k.ticket}` },
        el("label", { for: "draft", class: "hide" }, t("write")),
        el(
          "textarea",
          {
            id: "draft",
            "data-do": "draft",
            "data-keys": true,
            "data-of": k.ticket,
            rows: 3,
            maxlength: 16000,
            placeholder: t("write"),
            "aria-describedby": "keys",
          },
          k.draft,
        ),
        el(
          "p",
          { class: "buttons" },
          el("small", { id: "keys", class: "soft" }, t("keys")),
          el("button", { class: "main", type: "submit", disabled: k.sending || !d.link.ready }, t("send")),
        ),
      ),
  );
}

const SWITCH = ["available", "away", "offline"];

function line() {
  const says = {
    connecting: t("desk_connecting"),
    lost: t("desk_lost", clock(d.link.since)),
    replaced: t("desk_replaced"),
    unknown: t("desk_unknown", d.name),
    refused: t("desk_refused"),
  }[d.link.state];
  if (!says) return null;
  return el(
    "p",
    { class: `line ${d.link.state === "connecting" ? "" : "lost"}`, role: "status", "data-key": "line" },
    says,
    d.link.problem && ` ${d.link.problem}`,
    d.link.state === "replaced" && [" ", el("button", { "data-do": "takeOver" }, t("take_over"))],
  );
}

function presenceSwitch() {
  return el(
    "section",
    { "data-key": "presence", "aria-labelledby": "me" },
    el("h1", { id: "me" }, t("you_are", d.name)),
    el(
      "div",
      { class: "switch", role: "group", "aria-labelledby": "me" },
      SWITCH.map((p) =>
        el(
          "button",
          {
            class: `p-${p}`,
            "data-do": "presence",
            "data-value": p,
            "aria-pressed": String(d.presenceNow.presence === p),
            disabled: !d.link.ready,
          },
          el("span", { class: "dot", "aria-hidden": "true" }),
          word("presence", p),
        ),
      ),
    ),
    d.presenceNow.presence === "away" &&
      d.presenceNow.reason &&
      el("p", { class: "problem" }, d.presenceNow.reason === "missed" ? t("missed") : d.presenceNow.reason),
  );
}

/* An operator who opens somebody's desk puts out whoever is there: that is asked first. */
export const deskDoor = (name) =>
  el(
    "section",
    { "data-key": "door" },
    el("h1", {}, t("whose_desk", name)),
    el("p", {}, t("whose_text", name)),
    el(
      "p",
      { class: "buttons" },
      el("a", { href: "#/now" }, t("cancel_it")),
      el("button", { class: "main", "data-do": "open" }, t("open_it")),
    ),
  );

/* Everything: `now` is what desk.js knows. */
export function deskPage(now) {
  d = now;
  const k = d.mine.get(d.chosen);
  return [
    line(),
    el(
      "div",
      { class: `desk ${d.link.ready ? "" : "stale"}`, "data-key": "desk" },
      el(
        "div",
        { class: "column", "data-key": "left" },
        presenceSwitch(),
        el(
          "section",
          { "data-key": "offers", "aria-labelledby": "offers" },
          el("h2", { id: "offers" }, t("offers")),
          d.offered.length ? el("ul", { class: "cards" }, d.offered.map(offerCard)) : el("p", { class: "soft" }, t("no_offers")),
        ),
        el(
          "section",
          { "data-key": "mine", "aria-labelledby": "mine" },
          el("h2", { id: "mine" }, t("mine")),
          d.held.length ? el("ul", { class: "cards" }, d.held.map(heldCard)) : el("p", { class: "soft" }, t("nothing_held")),
          el(
            "p",
            { class: "soft" },
            d.waits?.length ? `${t("queue_waits")}: ${d.waits.map((q) => `${q.queue} ${number(q.waiting)}`).join(", ")}` : "",
          ),
          el("p", {}, el("button", { "data-do": "pull", disabled: !d.link.ready }, t("pull"))),
        ),
      ),
      el(
        "div",
        { class: "column", "data-key": "right" },
        d.notes.length > 0 && el("ul", { class: "notes", "data-key": "notes" }, d.notes.map(noteLine)),
        k ? conversation(k) : el("section", { "data-key": "nobody" }, el("p", { class: "soft" }, t("choose"))),
      ),
    ),
    el("p", { class: "hide", role: "alert", "data-key": "notice" }, d.notice),
  ];
}
