/* The frame: who is signed in, which view is shown, in which language, and whether what stands there is true now. A view has
   start(argument), draw() which gives fresh elements, stop(), and acts: what its buttons, fields and forms do. Views are chosen by the
   part of the address behind "#", which never carries more than the name of a view, a ticket's id or an agent's name. */
import { session, get } from "./api.js";
import { el, morph, listen as on } from "./dom.js";
import { live, listen } from "./live.js";
import { t, clock, setLanguage, language } from "./words.js";
import { nowView } from "./now.js";
import { ticketView } from "./ticket.js";
import { troubleView, trouble } from "./trouble.js";
import { deskView } from "./desk.js";

const views = { now: nowView, ticket: ticketView, trouble: troubleView, desk: deskView };
const TOKEN = /^naru_[A-Za-z0-9_-]{43}$/;

let view = null,
  name = "",
  argument = "",
  drawing = false,
  said = "",
  signing = false;

/* ---- where ---- */

function place() {
  const [, word = "", rest = ""] = /^#\/?([a-z]*)\/?(.*)$/.exec(location.hash) || [];
  let thing = "";
  try {
    thing = decodeURIComponent(rest);
  } catch {
    /* a broken escape is no name */
  }
  if (session.me?.role === "agent")
    return ["desk", session.me.subject]; /* the one view of theirs: leaving it would put them offline */
  return views[word] && (word !== "desk" || thing) && (word !== "ticket" || thing) ? [word, thing] : ["now", ""];
}

function go() {
  if (!session.me) return draw();
  const [to, thing] = place();
  if (view && to === name && thing === argument) return;
  view?.stop();
  [name, argument, view] = [to, thing, views[to]];
  view.start(thing);
  draw();
  window.scrollTo(0, 0);
}

/* ---- signing in and out ---- */

async function enter(token, quiet) {
  const me = await get("/v1/me", {}, { token, calm: true });
  if (me.role === "source") throw new Error(t("source_token"));
  session.keep(token);
  session.me = me;
  session.workspace = me.workspaces.length > 1 ? me.workspaces[0] : "";
  said = "";
  if (session.staff) trouble.start();
  listen(session.staff);
  go();
  if (!quiet) document.querySelector("main")?.focus();
}

function leave(why) {
  view?.stop();
  view = null;
  name = "";
  trouble.stop();
  listen(false);
  live.stop();
  session.forget();
  said = why;
  document.querySelectorAll("dialog").forEach((d) => d.close());
  draw();
  document.getElementById("token")?.focus();
}
session.ended = (why) => {
  if (session.token) leave(why);
};

async function submitToken(form) {
  const token = form.querySelector("input").value.trim();
  if (signing) return;
  said = "";
  if (!token) said = t("token_missing");
  else if (!TOKEN.test(token)) said = t("token_shape");
  else {
    signing = true;
    draw();
    try {
      await enter(token);
    } catch (e) {
      said = e.status === 401 ? t(e.type === "token-expired" ? "expired" : "token_wrong") : e.message;
    }
    signing = false;
  }
  draw();
}

function waitingPage() {
  return el(
    "main",
    { class: "sign-in", tabindex: "-1" },
    el("h1", {}, "Naru"),
    el("p", { role: "status" }, said || t("connecting")),
    el("p", {}, el("button", { class: "quiet", "data-do": "sign-out" }, t("sign_out"))),
  );
}

function signInPage() {
  return el(
    "main",
    { class: "sign-in", tabindex: "-1" },
    el("h1", {}, "Naru", " ", el("span", { class: "soft", lang: "ko" }, "나루")),
    el("p", {}, t("what_this_is")),
    el(
      "form",
      { "data-do": "sign-in", novalidate: true },
      el(
        "p",
        { class: "field" },
        el("label", { for: "token" }, t("token")),
        el("input", {
          id: "token",
          type: "password",
          autocomplete: "off",
          spellcheck: "false",
          placeholder: "naru_…",
          "aria-describedby": "token-hint token-problem",
          "aria-invalid": said ? "true" : "false",
        }),
      ),
      el("p", { id: "token-problem", class: "problem", role: "alert" }, said),
      el("p", {}, el("button", { class: "main", type: "submit", disabled: signing }, t("sign_in"))),
    ),
    el(
      "div",
      { id: "token-hint", class: "hint" },
      el("p", {}, t("where_token")),
      el(
        "ul",
        {},
        el("li", {}, t("hint_up")),
        el("li", {}, t("hint_create"), " ", el("code", {}, "naru token create --role agent --subject NAME")),
      ),
      el("p", {}, t("kept_here")),
    ),
    el("p", { class: "controls" }, controls()),
  );
}

/* ---- the frame ---- */

function controls() {
  return [
    el(
      "button",
      { class: "quiet", "data-do": "language", lang: language === "ko" ? "en" : "ko" },
      language === "ko" ? "English" : "한국어",
    ),
    el("button", { class: "quiet", "data-do": "theme" }, t("theme"), ": ", t(`theme_${theme}`)),
  ];
}

function stateOfLine() {
  const paused = document.hidden,
    since = live.lost;
  if (since) return el("p", { class: "line lost", role: "status" }, t("lost_since", clock(since)));
  if (!live.heard && !paused && name !== "desk") return el("p", { class: "line", role: "status" }, t("connecting"));
  return el("p", { class: "line ok", role: "status" }, el("span", { class: "dot", "aria-hidden": "true" }), t("live"));
}

const link = (to, label, more) =>
  el("a", { href: `#/${to}`, "aria-current": name === to.split("/")[0] ? "page" : null }, label, more);

function frame() {
  const bad = trouble.count();
  return [
    el("a", { class: "skip", href: "#view", "data-do": "skip" }, t("skip")),
    el(
      "header",
      { class: "top" },
      el("b", { class: "brand" }, "Naru"),
      session.staff &&
        el(
          "nav",
          { "aria-label": t("views") },
          link("now", t("now")),
          link(
            "trouble",
            t("trouble"),
            bad ? el("span", { class: "count" }, " ", String(bad), el("span", { class: "hide" }, " ", t("things"))) : null,
          ),
          name === "desk" && link(`desk/${encodeURIComponent(argument)}`, t("desk_of", argument)),
        ),
      name === "desk" ? null : stateOfLine(),
      el("span", { class: "gap" }),
      session.me.workspaces.length > 1 &&
        el(
          "label",
          { class: "workspace" },
          el("span", { class: "hide" }, t("workspace")),
          el(
            "select",
            { "data-do": "workspace" },
            session.me.workspaces.map((w) => el("option", { value: w, selected: w === session.workspace }, w)),
          ),
        ),
      el(
        "details",
        { class: "menu" },
        el("summary", {}, session.me.subject, el("span", { class: "soft" }, " ", t(`role_${session.me.role}`))),
        el("div", {}, controls(), el("button", { class: "quiet", "data-do": "sign-out" }, t("sign_out"))),
      ),
    ),
    el("main", { id: "view", tabindex: "-1", class: `view-${name}` }, view.draw()),
  ];
}

function draw() {
  if (drawing) return;
  drawing = true;
  queueMicrotask(() => {
    drawing = false;
    document.documentElement.lang = language;
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    const fresh = deskView.news ? `(${deskView.news}) ` : "";
    document.title =
      session.me && view
        ? `${fresh}${view === nowView ? t("now") : view === deskView ? t("desk") : view === troubleView ? t("trouble") : t("ticket")} · Naru`
        : "Naru";
    morph(document.getElementById("app"), ...(session.me && view ? frame() : [session.token ? waitingPage() : signInPage()]));
    view?.drawn?.();
  });
}
live.changed = draw;

/* ---- language, light and dark ---- */

const THEMES = ["auto", "light", "dark"];
let theme = "auto";
try {
  theme = THEMES.find((x) => x === localStorage.getItem("naru.theme")) || "auto";
} catch {
  /* no storage: as the system says */
}

const acts = {
  "sign-in": submitToken,
  "sign-out": () => leave(""),
  language() {
    setLanguage(language === "ko" ? "en" : "ko");
    if (!session.me) said = "";
    draw();
  },
  theme() {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    try {
      localStorage.setItem("naru.theme", theme);
    } catch {
      /* for this page alone */
    }
    draw();
  },
  skip(_, event) {
    event.preventDefault();
    document.getElementById("view").focus();
  },
  workspace(select) {
    session.workspace = select.value;
    view.stop();
    live.stop();
    if (session.staff) trouble.start();
    listen(session.staff);
    view.start(argument);
    draw();
  },
};
on(
  document.body,
  (key) =>
    acts[key] ||
    (view?.acts?.[key] &&
      (async (e, event) => {
        await view.acts[key](e, event);
        draw();
      })),
  (e, event) => view?.keys?.(e, event),
);
window.addEventListener("hashchange", go);

/* The menu shuts when something else is meant. */
const shut = () => document.querySelector(".menu[open]")?.removeAttribute("open");
document.addEventListener("click", (event) => {
  if (!event.target.closest(".menu")) shut();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") shut();
});

/* A page that is loaded again goes on with its token; a server that does not answer is no reason to forget it. */
async function resume() {
  try {
    await enter(session.token, true);
  } catch (e) {
    if (!session.token) return;
    if (e.status === 401) return leave(t("signed_out"));
    said = e.message;
    setTimeout(resume, 2000);
    draw();
  }
}

draw();
if (session.token) resume();
