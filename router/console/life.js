/* A ticket's life in words: what /v1/tickets/{id}/explain tells, in the order of `naru explain`: the verdict with its reasons,
   each change with why, and for each wait why nobody had it before. The server's own sentences (`says`) are English. */
import { el } from "./dom.js";
import { addWords, t, word, clock, span, language } from "./words.js";
import { live } from "./live.js";
import { ticketLink } from "./parts.js";

addWords({
  e_opened: ["접수되어 {0}에서 대기", "opened, and waits in {0}"],
  e_joined: ["고객이 이어서 씀", "the customer wrote again"],
  e_offered: ["{1}에게 제안", "offered to {1}"],
  e_accepted: ["{1}이(가) 맡음", "{1} accepted it"],
  e_declined: ["{1}이(가) 사양", "{1} declined"],
  e_offer_expired: ["{1}이(가) 제때 받지 않음", "{1} did not answer in time"],
  e_withdrawn: ["{1}에게 한 제안을 거둠", "the offer to {1} was withdrawn"],
  e_relaxed: ["조건을 늦춤", "asks for less"],
  e_moved: ["{0}(으)로 옮김", "moved to {0}"],
  e_returned: ["다시 대기", "waits again"],
  e_parked: ["고객을 기다리며 보류", "parked: waits for the customer"],
  e_resumed: ["다시 상담", "resumed"],
  e_wrapup: ["{1}이(가) 마무리 중", "{1} wraps it up"],
  e_ended: ["끝남", "ended"],
  e_retriaged: ["나중 메시지로 판단이 바뀜", "a later message changed the verdict"],
  e_started: ["고객과 연결됨", "in touch with the customer"],
  e_replied: ["{1}이(가) 답장", "{1} wrote to the customer"],
  e_notified: ["알림", "somebody was told"],
  e_updated: ["고객에게 안내", "the customer was told"],
  e_scheduled: ["예약", "put off"],
  e_due: ["예약 시각이 되어 대기", "due, and waits again"],
  e_deflected: ["다른 길을 권함", "another way was suggested"],
  e_consulted: ["{1}에게 함께 보자고 함", "{1} was asked in"],
  e_handed_over: ["봇이 사람에게 넘김", "handed over to people"],
  e_no_ticket: ["티켓과 관계없음", "no ticket concerned"],
  n_presence: ["{0}: {1}", "{0} is {1}"],
  n_changed: ["{0}의 설정이 바뀜", "{0} was changed"],
  n_removed: ["{0}이(가) 없어짐", "{0} is there no more"],
  by: ["{0}에 의해", "by {0}"],
  until: ["{0}까지", "until {0}"],
  new_policy: ["여기서부터 다른 정책: {0}", "from here on by another policy: {0}"],
  candidate: ["후보 {0}", "candidate {0}"],
  not_eligible: ["받을 수 없던 사람", "not eligible"],
  waited: ["{0} 기다림", "waited {0}"],
  waits_for: ["{0}째 기다리는 중", "waiting for {0}"],
  longer: ["그 전은 알 수 없음", "and longer: what was before is not known"],
  given_first: [
    "그동안 받을 수 있던 사람에게 다른 티켓 {0}건이 먼저 감",
    "{0} others were given first to somebody who could have had it",
  ],
  sooner: ["이랬다면 더 일찍", "sooner with"],
  would_take: ["이러면 받을 사람이 있음", "somebody would take it with"],
  nearest: ["가장 가까운 것", "the nearest"],
  never: ["아무도 받을 수 없음: {0}", "nobody could ever take it: {0}"],
  or: ["또는", "or"],
  why_waits: ["지금 기다리는 이유", "Why it waits"],
  could_take: ["{0}명이 받을 수 있지만 다른 티켓이 먼저", "{0} could take it, and others come first"],
  nobody_now: ["지금 받을 수 있는 사람이 없음", "nobody can take it now"],
  no_agents_at_all: ["상담원이 없음", "there are no agents"],
  kept_for: ["{0}을(를) 위해 남겨 둠", "it is kept for {0}"],
  ahead: ["같은 사람을 기다리는 다른 티켓 {0}건", "{0} more wait for the same agents"],
  looked_again: ["늦어도 {0} 뒤에 다시 봄", "looked at again in {0} at the latest"],
  known_from: ["{0} 이전의 이유는 알 수 없음", "why it waited is not known before {0}"],
  f_offline: ["접속 안 함", "offline"],
  f_away: ["자리 비움", "away"],
  f_off_shift: ["근무 시간 밖", "outside their shift"],
  f_skills: ["기술 부족", "without the skills"],
  f_backoff: ["방금 사양했거나 놓침", "declined, missed or gave it back a moment ago"],
  f_only: ["남겨 둔 사람이 아님", "not the one it is kept for"],
  f_bot: ["봇(사람이 받아야 함)", "a bot, and it is for people"],
  f_groups: ["대기열의 조가 아님", "not in the queue’s groups"],
  f_capacity: ["여유 없음", "full"],
  f_keep: ["남은 여유는 다른 일을 위한 것", "with no room but what is kept for others"],
  f_channel_max: ["이 채널의 최대", "at their most of this channel"],
  f_ramp: ["막 들어와서 아직", "given no more yet so soon after coming online"],
  f_daily: ["하루 최대", "at their most of the day"],
  f_exclusive: ["함께할 수 없는 일 중", "at work, which does not go with it"],
  f_gate: ["대기열의 문 뒤", "behind the queue’s gate"],
  v_text: ["고객의 말만", "own words"],
  v_language: ["언어", "language"],
  v_intent: ["의도", "intent"],
  v_sentiment: ["감정", "sentiment"],
  v_urgency: ["긴급도", "urgency"],
  v_needs: ["필요", "needs"],
  v_tags: ["꼬리표", "tags"],
  v_rule: ["규칙", "rules"],
  v_queue: ["대기열", "queue"],
  goes_to: ["가는 곳", "goes to"],
  unsure: ["확실하지 않음", "unsure"],
  raised: ["올림", "raised"],
  r_rule: ["규칙이 정함", "a rule named it"],
  r_unsure: ["판단이 확실하지 않음", "the verdict is unsure"],
  r_takes: ["받는다고 한 첫 대기열", "the first queue whose `takes` fits"],
  r_default: ["받는 다른 대기열이 없음", "no other queue takes it"],
  corrections: ["바로잡은 것", "Corrections"],
});

const at = (iso) => clock(Date.parse(iso) - live.skew);
const english = (text) => el("span", language === "ko" ? { lang: "en" } : {}, text);
const list = (items) =>
  (items || []).map((i) => (typeof i === "string" ? i : i.skill ? `${i.skill} ${i.level}` : i.name)).join(", ");
const cut = (text, n) => (text && text.length > n ? `${text.slice(0, n)}…` : text);

/* Texts of several parts with a separator between those that are there. */
const joined = (parts, between = " · ") =>
  parts
    .flat()
    .filter(Boolean)
    .flatMap((p, i) => (i ? [between, p] : [p]));

/* … and with one before each, behind what stands already. */
const then = (parts) => parts.filter(Boolean).flatMap((p) => [" · ", p]);

/* ---- one change ---- */

const told = (e) => t(`e_${e.kind}`, e.queue || "", e.agent || "");

/* A change as the stream tells it, on one line. */
export function happened(n) {
  const [of, kind] = n.kind.split(".");
  const d = n.data;
  if (of === "agent")
    return kind === "presence"
      ? t("n_presence", d.agent, joined([word("presence", d.presence), d.reason]).join(""))
      : t(d.removed ? "n_removed" : "n_changed", d.agent);
  if (of !== "ticket") return n.kind;
  return joined([
    [ticketLink(d.ticket || n.subject)],
    told({ kind, queue: d.queue, agent: d.agent }),
    kind === "ended" && word("state", d.state),
    d.queue !== undefined && kind !== "opened" && d.queue,
    d.cause,
  ]);
}

function failed(counts) {
  return Object.keys(counts || {})
    .filter((k) => counts[k] > 0 && t(`f_${k}`) !== `f_${k}`)
    .map((k) => `${counts[k]} ${t(`f_${k}`)}`)
    .join(", ");
}

function candidates(d) {
  const terms = (c) =>
    Object.entries(c)
      .filter(([, v]) => typeof v === "number")
      .map(([k, v]) => `${k} ${Math.round(v)}`)
      .join(", ");
  const out = failed(d?.failed);
  if (!d?.top?.length && !out) return null;
  return el(
    "ul",
    { class: "because" },
    (d.top || []).map((c, i) => el("li", {}, t("candidate", i + 1), ": ", el("b", {}, c.agent), " ", english(terms(c)))),
    out && el("li", {}, t("not_eligible"), ": ", out),
  );
}

function changes(d) {
  const rows = Object.entries(d?.changes || {}).map(([k, v]) => {
    const text =
      typeof v === "string" ? v : k === "tags" || k === "needs" ? list(v) : (v || []).map((x) => x || t("none")).join(" → ");
    return el("li", {}, `${word("v", k)}: ${text}`);
  });
  const why = (d?.verdict?.reasons || []).map((r) =>
    el("li", { class: "soft" }, english(`${r.part} by ${r.by}: ${cut(r.detail, 200)}`)),
  );
  return rows.length || why.length ? el("ul", { class: "because" }, rows, why) : null;
}

function said(d) {
  const to = typeof d?.to === "string" ? d.to : list(d?.to);
  const parts = [
    d?.until && t("until", at(d.until)),
    d?.held_back_until && t("until", at(d.held_back_until)),
    to,
    d?.needs && list(Object.entries(d.needs).map(([skill, level]) => (typeof level === "number" ? { skill, level } : level))),
    d?.text && `“${cut(d.text, 200)}”`,
  ];
  return parts.some(Boolean) ? el("p", { class: "because" }, joined(parts)) : null;
}

/* ---- waits ---- */

const BRIEF_MS = 10;

/* The wait that an entry of life ended by giving the ticket to somebody, or that ended at that moment without. */
const endedBy = (doc, e) =>
  (doc.waits || []).find((w) =>
    w.entry !== undefined
      ? w.entry === e.seq
      : w.until && w.until === e.at && ["moved", "scheduled", "parked", "ended"].includes(e.kind),
  );

function smallest(change, now) {
  const all = change?.changes || [];
  if (!change || (!all.length && !change.says)) return null;
  return el(
    "p",
    {},
    change.says && el("span", {}, t("never", ""), english(change.says), " "),
    all.length > 0 && [
      el("b", {}, change.says ? t("nearest") : t(now ? "would_take" : "sooner")),
      ": ",
      all.map((c, i) => [i > 0 && ` ${t("or")} `, english(c.says)]),
    ],
  );
}

function waited(w) {
  const now = w && !w.until;
  if (!w || (w.ms < BRIEF_MS && !now)) return null;
  const brief = (ms) => ms * 100 < w.ms;
  const lines = [...(w.spans || []).filter((s) => !brief(s.ms)), ...(w.moments || [])].sort(
    (a, b) => Date.parse(a.at) - Date.parse(b.at),
  );
  const winner = (w.winner || []).length > 1 ? w.winner : [];
  return el(
    "div",
    { class: "wait" },
    el(
      "p",
      {},
      el("b", {}, t(now ? "waits_for" : "waited", span(w.ms))),
      then([w.whole === false && t("longer"), w.given_first > 0 && t("given_first", w.given_first)]),
    ),
    lines.length > 0 &&
      el(
        "ul",
        {},
        lines.map((l) => el("li", {}, el("time", {}, at(l.at)), " ", english(l.says))),
      ),
    winner.length > 0 &&
      el(
        "p",
        {},
        el("b", {}, w.agent),
        ": ",
        joined(
          winner.map((o) => [`${at(o.at)} `, english(o.says)]).map((x) => el("span", {}, x)),
          "; ",
        ),
      ),
    smallest(w.smallest_change, now),
  );
}

/* Why nobody has it yet. */
export function whyItWaits(doc) {
  const w = doc.waiting_for;
  if (!w) return null;
  const out = failed(w);
  const going = (doc.waits || []).find((x) => !x.until);
  return el(
    "section",
    { class: "why", "aria-labelledby": "why", "data-key": "why" },
    el("div", { class: "head" }, el("h2", { id: "why" }, t("why_waits"))),
    el(
      "p",
      {},
      joined([
        w.free > 0 ? t("could_take", w.free) : t("nobody_now"),
        out || (!w.free && t("no_agents_at_all")),
        w.asked && t("kept_for", w.asked),
        w.ahead > 0 && t("ahead", w.ahead),
        w.next_change_in_ms > 0 && t("looked_again", span(w.next_change_in_ms)),
      ]),
    ),
    waited(going),
  );
}

/* ---- the whole life ---- */

export function life(doc) {
  let policy = "";
  const rows = (doc.life || []).map((e) => {
    const other = e.policy && policy && e.policy !== policy;
    policy = e.policy || policy;
    return el(
      "li",
      { "data-key": `e-${e.epoch}-${e.seq}`, class: `k-${e.kind}` },
      other && el("p", { class: "soft" }, t("new_policy", e.policy)),
      el(
        "p",
        {},
        el("time", { datetime: e.at }, at(e.at)),
        " ",
        el("b", {}, told(e)),
        then([
          e.kind === "ended" && word("state", e.state),
          e.queue && e.kind !== "opened" && e.kind !== "moved" && e.queue,
          e.cause && english(e.cause),
          e.actor && e.actor !== e.agent && t("by", e.actor),
        ]),
      ),
      said(e.detail),
      candidates(e.detail),
      changes(e.detail),
      waited(endedBy(doc, e)),
    );
  });
  const first = doc.life?.[0]?.at;
  const unknown = doc.known_from && first && Date.parse(first) < Date.parse(doc.known_from);
  return [el("ol", { class: "life" }, rows), unknown && el("p", { class: "soft" }, t("known_from", at(doc.known_from)))];
}

/* ---- the verdict ---- */

const FIELDS = [
  ["text", ["text"], () => ""],
  ["language", ["language"], (v) => v.language],
  ["intent", ["intent"], (v) => (v.unsure ? t("unsure") : v.intent || t("none"))],
  ["sentiment", ["sentiment"], (v) => v.sentiment],
  ["urgency", ["urgency", "raise"], (v) => `${word("urgency", v.urgency)} (${Number(v.score || 0).toFixed(2)})`],
  ["needs", ["needs"], (v) => list(v.needs)],
  ["tags", ["tags"], (v) => list(v.tags)],
  ["rule", ["rule"], () => ""],
  ["queue", ["queue"], (v) => v.queue],
];

export function verdict(doc) {
  const v = doc.verdict;
  if (!v) return null;
  const why = (r) => english(`${r.by}${r.part === "raise" ? `: ${t("raised")}` : ""}${r.detail ? `: ${cut(r.detail, 200)}` : ""}`);
  const rows = FIELDS.map(([name, parts, value]) => {
    const reasons = (v.reasons || []).filter((r) => parts.includes(r.part)),
      is = value(v);
    if (!is && !reasons.length) return null;
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, t(`v_${name}`)),
      el("td", {}, is),
      el(
        "td",
        {},
        reasons.map((r) => el("div", {}, why(r))),
      ),
    );
  });
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "group", "aria-label": t("verdict") },
    v.error && el("p", { class: "problem" }, v.error),
    el(
      "table",
      { class: "verdict" },
      el(
        "tbody",
        {},
        rows,
        doc.route &&
          el(
            "tr",
            {},
            el("th", { scope: "row" }, t("goes_to")),
            el("td", {}, doc.route.queue),
            el("td", {}, t(`r_${doc.route.by}`)),
          ),
      ),
    ),
  );
}

export function corrections(doc) {
  if (!doc.feedback?.length) return null;
  return [
    el("h3", {}, t("corrections")),
    el(
      "ul",
      {},
      doc.feedback.map((f) =>
        el(
          "li",
          {},
          `${at(f.at)} ${f.by} (${f.source}): ${Object.entries(f.correction || {})
            .map(([k, v]) => `${word("v", k)} ${v}`)
            .join(", ")}${f.note ? ` — ${f.note}` : ""}`,
        ),
      ),
    ),
  ];
}
