/* A conversation: the customer's messages and those to them, in the order of their times. */
import { el } from "./dom.js";
import { t, word, clock } from "./words.js";
import { live } from "./live.js";

export const SHOWN = 200; /* messages on the page at once: the latest */

const who = (m) => (m.by === "customer" ? t("by_customer") : m.by === "policy" ? t("by_policy") : m.by);

/* `m`: as GET /v1/tickets/{id}/messages tells it. */
export function bubble(m, extra) {
  const mine = m.by !== "customer",
    fate = mine && (m.receipt ? word("msg", m.receipt) : m.state && word("msg", m.state));
  return el(
    "li",
    {
      class: `msg ${mine ? "ours" : "theirs"} ${m.state === "failed" || m.state === "unknown" || m.receipt === "failed" ? "bad" : ""}`,
      "data-key": `m-${m.id}`,
    },
    m.subject && el("b", { class: "subject" }, m.subject),
    el("p", { class: "text" }, m.text),
    el("small", { class: "meta" }, [who(m), clock(Date.parse(m.at) - live.skew), fate, m.why].filter(Boolean).join(" · "), extra),
  );
}

export function talk(messages, more = () => null, label = t("conversation")) {
  const last = messages.slice(-SHOWN);
  if (!last.length) return el("p", { class: "soft" }, t("no_messages"));
  return el(
    "ol",
    { class: "talk", tabindex: "0", "aria-label": label },
    last.map((m) => bubble(m, more(m))),
  );
}
