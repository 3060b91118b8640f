/* What several views show alike. */
import { el } from "./dom.js";
import { t, word, clock, wait, percent } from "./words.js";
import { live } from "./live.js";

export const urgency = (u) => el("span", { class: `badge u-${u}` }, word("urgency", u));
export const state = (s) => el("span", { class: `badge s-${s}` }, word("state", s));
export const presence = (p, reason) =>
  el(
    "span",
    { class: `presence p-${p}` },
    el("span", { class: "dot", "aria-hidden": "true" }),
    word("presence", p),
    reason && el("span", { class: "soft" }, " ", reason),
  );
/* Ids are made of time first: their last characters tell two of them apart. */
export const ticketLink = (id) =>
  el("a", { class: "id", href: `#/ticket/${encodeURIComponent(id)}`, title: id }, `…${String(id).slice(-6)}`);
/* Long names of machines' making are cut in their middle. */
export const shortName = (s) => (s && s.length > 28 && !/\s/.test(s) ? `${s.slice(0, 14)}…${s.slice(-8)}` : s || "");
export const shortId = (id) => `…${String(id).slice(-6)}`;

/* A bar that is read as its text. */
export function bar(share, text, kind = "") {
  const width = Math.round(Math.max(0, Math.min(1, share)) * 20);
  return el(
    "span",
    { class: `bar w${width} ${kind}` },
    el("span", { class: "fill", "aria-hidden": "true" }),
    el("span", { class: "bar-text" }, text),
  );
}
export const share = (v) =>
  v === undefined ? el("span", { class: "soft" }, "–") : bar(v, percent(v), v < 0.5 ? "bad" : v < 0.8 ? "warn" : "good");

/* "3 min 4 s left", "12 s over" of a deadline, by the clock of the feed that told it. */
export function due(at, clockNow) {
  const ms = Date.parse(at) - clockNow;
  if (Number.isNaN(ms)) return "";
  return el(
    "span",
    { class: ms < 0 ? "over" : ms < 60000 ? "soon" : "", title: clock(Date.parse(at) - live.skew) },
    ms < 0 ? t("overdue", wait(-ms)) : t("left", wait(ms)),
  );
}

/* A part of a view: heading, and under it what a feed knows. One that is not fresh says of when it is. */
export function section(feed, title, inside, { id, extra } = {}) {
  const known = feed.at > 0,
    old = known && !feed.fresh;
  return el(
    "section",
    { class: old ? "stale" : "", "aria-labelledby": id, "data-key": id },
    el("div", { class: "head" }, el("h2", { id }, title), old && el("span", { class: "as-of" }, t("as_of", clock(feed.at))), extra),
    feed.error?.status > 0 && el("p", { class: "problem" }, feed.error.message),
    known ? inside() : !feed.error && el("p", { class: "soft" }, t("loading")),
  );
}

/* A table: columns are { title, cell(row), class }. In narrow windows each cell tells its column itself. */
export function table(label, columns, rows, { key, empty, more }) {
  if (!rows.length) return el("p", { class: "soft" }, empty);
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "group", "aria-label": label },
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          columns.map((c) => el("th", { scope: "col", class: c.class }, c.title)),
        ),
      ),
      el(
        "tbody",
        {},
        rows.map((r) =>
          el(
            "tr",
            { "data-key": key(r), class: more?.(r) },
            columns.map((c, i) =>
              el(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: c.class, "data-title": c.title }, c.cell(r)),
            ),
          ),
        ),
      ),
    ),
  );
}
/* [[word, value], …]; what has no value is left out. */
export const factList = (rows) =>
  el(
    "dl",
    { class: "facts" },
    rows.filter(([, v]) => v).map(([name, v]) => el("div", {}, el("dt", {}, t(name)), el("dd", {}, v))),
  );
