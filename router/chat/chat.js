/* Naru's web chat, for a shop's page:

     <script src="https://naru.example/chat.js" data-account="web" data-language="ko" async></script>

   data-account     the account of the policy (provider: widget)
   data-language    ko or en; without it the browser's
   data-token-url   where the shop's own server gives {"token": "…"} to who is logged in; asked with the page's cookies
   data-token       such a token, when the page was made with one
   Without either the customer is a visitor, the same one for a day.

   What is true here: a message of the customer's is `pending` from its writing to its ack, is sent again after every new connection
   under its own id, and is shown once. Lines are in the order of seq, pending ones behind them. Texts are put in as texts, never as
   HTML. Styles are constructed sheets within a shadow root: the page's own do not reach in, and its CSP need not allow inline ones. */
(() => {
  "use strict";
  const script = document.currentScript;
  const account = script.dataset.account || "web";
  const base = new URL(script.src).origin;
  const ko = (script.dataset.language || navigator.language || "en").toLowerCase().startsWith("ko");
  const api = `${base}/v1/channels/${encodeURIComponent(account)}/`;
  const WORDS = {
    title: ["상담", "Chat"], open: ["상담 열기", "Open chat"], close: ["상담 닫기", "Close chat"],
    unread: ["새 메시지 {n}개", "{n} new messages"], log: ["대화", "Conversation"], label: ["메시지", "Message"],
    hint: ["메시지를 입력하세요", "Write a message"], send: ["보내기", "Send"],
    keys: ["Enter로 보내기, Shift+Enter로 줄 바꿈", "Enter sends, Shift+Enter begins a new line"],
    hello: ["안녕하세요! 무엇을 도와드릴까요?", "Hello! How can we help?"],
    connecting: ["연결 중…", "Connecting…"], lost: ["연결이 끊겨 다시 연결하고 있습니다…", "Connection lost. Reconnecting…"],
    none: ["메시지를 남겨 주세요", "Send us a message"], waiting: ["상담원을 기다리고 있습니다", "Waiting for an agent"],
    ahead: ["내 순서: {n}번째", "you are number {n}"], wait: ["약 {n}분", "about {n} min"], soon: ["곧 연결됩니다", "any moment now"],
    agent: ["{n} 상담원과 대화 중", "Talking with {n}"], ended: ["상담이 끝났습니다. 다시 쓰시면 이어집니다.", "The chat has ended. Write again to go on."],
    typing: ["상담원이 입력하고 있습니다…", "The agent is typing…"], me: ["나", "You"], system: ["안내", "Notice"],
    sending: ["보내는 중…", "Sending…"], sent: ["보냄", "Sent"], read: ["읽음", "Read"], failed: ["보내지 못했습니다", "Not sent"],
    retry: ["다시 보내기", "Send again"], long: ["{n}자까지 보낼 수 있습니다", "At most {n} characters"],
    moved: ["이전 대화는 여기에 없습니다", "Earlier messages are not here"],
    stopped: ["상담에 연결할 수 없습니다", "The chat cannot be reached"], many: ["다른 창에서 상담이 열려 있습니다", "The chat is open in another window"],
  };
  const say = (key, n) => WORDS[key][ko ? 0 : 1].replace("{n}", () => n);

  /* ---- what is remembered over page loads: who a visitor is, what was not sent yet, what was read ---- */
  const KEY = `naru:${account}`;
  let kept = {};
  try { kept = JSON.parse(localStorage.getItem(KEY)) || {}; } catch { /* no storage, or not ours */ }
  const keep = (more) => {
    Object.assign(kept, more);
    try { localStorage.setItem(KEY, JSON.stringify(kept)); } catch { /* the conversation lives as long as the page */ }
  };

  /* ---- the panel ---- */
  const CSS = `
:host { all: initial !important; position: fixed !important; inset: auto 0 0 auto !important; z-index: 2147483000 !important;
  display: block !important; color-scheme: light dark !important; line-height: 1.5 !important; font-family: system-ui, -apple-system,
  "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans KR", sans-serif !important;
  --c: #1f4fd8; --on: #fff; --bg: #fff; --fg: #1b1b1f;
  --soft: #f0f1f5; --dim: #595c66; --line: #c9ccd6; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :host { --bg: #1b1c20; --fg: #ececf1; --soft: #2c2e35; --dim: #b4b7c2; --line: #4a4d57; --bad: #ffb4ab; } }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
button, textarea { font: inherit; color: inherit; }
button { cursor: pointer; border: 0; }
:focus-visible { outline: 3px solid var(--fg); outline-offset: 2px; box-shadow: 0 0 0 2px var(--bg); }
.launch { position: fixed; right: 1.25em; bottom: 1.25em; width: 3.5em; height: 3.5em; border-radius: 50%; background: var(--c);
  color: var(--on); box-shadow: 0 2px 12px #0006; transition: transform .15s; }
.launch:hover { transform: scale(1.05); }
.launch svg { width: 1.75em; height: 1.75em; fill: currentColor; display: block; margin: auto; }
.badge { position: absolute; top: -.25em; right: -.25em; min-width: 1.5em; padding: 0 .35em; border-radius: 1em; background: #b3261e;
  color: #fff; font-size: .875em; line-height: 1.5em; text-align: center; }
.panel { position: fixed; right: 1.25em; bottom: 1.25em; width: min(24em, calc(100vw - 2.5em)); height: min(38em, calc(100dvh - 2.5em));
  display: flex; flex-direction: column; background: var(--bg); color: var(--fg); border: 1px solid var(--line); border-radius: 1em;
  overflow: hidden; box-shadow: 0 8px 32px #0005; animation: rise .18s ease-out; }
@keyframes rise { from { transform: translateY(1em); opacity: 0; } }
.head { display: flex; align-items: flex-start; gap: .5em; padding: .75em .75em .75em 1em; background: var(--c); color: var(--on); }
.head div { flex: 1; min-width: 0; }
h2 { margin: 0; font-size: 1.0625em; font-weight: 700; overflow-wrap: anywhere; }
.state { margin: 0; font-size: .875em; overflow-wrap: anywhere; }
.shut { width: 2.75em; height: 2.75em; flex: none; background: none; color: inherit; border-radius: .5em; font-size: 1.25em; }
.head :focus-visible { outline-color: var(--on); box-shadow: none; }
.log { flex: 1; min-height: 4em; overflow-y: auto; overscroll-behavior: contain; padding: 1em; margin: 0; display: flex;
  flex-direction: column; gap: .625em; }
.log:focus-visible { outline-offset: -4px; }
.msg { max-width: 85%; align-self: flex-start; }
.msg.customer { align-self: flex-end; text-align: right; }
.text { display: inline-block; text-align: left; padding: .5em .75em; border-radius: .875em; background: var(--soft); color: var(--fg);
  white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
.customer .text { background: var(--c); color: var(--on); }
.msg.system { align-self: center; text-align: center; }
.meta { display: block; font-size: .8125em; color: var(--dim); }
.fail { color: var(--bad); }
.again { background: none; color: var(--fg); text-decoration: underline; padding: .25em; font-size: .8125em; }
.typing { margin: 0; padding: 0 1em; min-height: 1.5em; font-size: .875em; color: var(--dim); }
form { display: flex; gap: .5em; align-items: flex-end; padding: .75em; border-top: 1px solid var(--line); }
textarea { flex: 1; min-width: 0; resize: none; height: 2.75em; max-height: 8em; padding: .5em .75em; border: 1px solid var(--dim);
  border-radius: .75em; background: var(--bg); color: var(--fg); }
textarea::placeholder { color: var(--dim); opacity: 1; }
.send { flex: none; height: 2.75em; padding: 0 1em; border-radius: .75em; background: var(--c); color: var(--on); font-weight: 600; }
.note { margin: 0; padding: 0 .75em; color: var(--bad); font-size: .875em; }
.hide { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 480px), (max-height: 420px) { .panel { inset: 0; width: auto; height: auto; border: 0; border-radius: 0; } }
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
@media (forced-colors: active) { .launch, .send, .text, .head { border: 1px solid; } }`;

  const make = (tag, attrs = {}, ...inside) => {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(attrs)) k.startsWith("on") ? e.addEventListener(k.slice(2), v) : e.setAttribute(k, v);
    e.append(...inside);
    return e;
  };
  const icon = () => {
    const NS = "http://www.w3.org/2000/svg", svg = document.createElementNS(NS, "svg"), path = document.createElementNS(NS, "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", "M4 3h16a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2h-8l-5 4v-4H4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z");
    svg.append(path);
    return svg;
  };
  const host = make("div", { lang: ko ? "ko" : "en" });
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet(), tint = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  root.adoptedStyleSheets = [sheet, tint];

  const badge = make("span", { class: "badge", "aria-hidden": "true", hidden: "" });
  const launch = make("button", { class: "launch", type: "button", "aria-haspopup": "dialog", "aria-expanded": "false", onclick: () => show(true) },
    icon(), badge);
  const title = make("h2", { id: "t" }, say("title"));
  const stateLine = make("p", { class: "state", role: "status" });
  const log = make("div", { class: "log", role: "log", "aria-live": "polite", "aria-relevant": "additions", "aria-label": say("log"), tabindex: "0" });
  const typingLine = make("p", { class: "typing", "aria-live": "off" });
  const note = make("p", { class: "note", role: "alert", id: "n" });
  const box = make("textarea", { id: "x", rows: "1", placeholder: say("hint"), "aria-describedby": "k n", enterkeyhint: "send", oninput: onInput, onkeydown: onKey });
  const form = make("form", { onsubmit: (e) => { e.preventDefault(); submit(); } },
    make("label", { class: "hide", for: "x" }, say("label")), make("span", { class: "hide", id: "k" }, say("keys")), box,
    make("button", { class: "send", type: "submit" }, say("send")));
  const panel = make("section", { class: "panel", role: "dialog", "aria-modal": "true", "aria-labelledby": "t", hidden: "", onkeydown: onPanelKey },
    make("div", { class: "head" }, make("div", {}, title, stateLine),
      make("button", { class: "shut", type: "button", "aria-label": say("close"), onclick: () => show(false) }, "✕")),
    log, typingLine, note, form);
  root.append(launch, panel);
  const greeting = make("p", { class: "text" }, say("hello"));
  log.append(make("div", { class: "msg agent" }, greeting));

  const isOpen = () => !panel.hidden;
  function show(open) {
    if (open === isOpen()) return;
    panel.hidden = !open;
    launch.hidden = open;
    launch.setAttribute("aria-expanded", String(open));
    if (open) {
      connect();
      log.scrollTop = log.scrollHeight;
      box.focus();
      seen();
    } else launch.focus();
  }
  /* Tab goes round within the panel; Escape closes it. */
  function onPanelKey(e) {
    if (e.key === "Escape" && !e.isComposing) show(false);
    if (e.key !== "Tab") return;
    const stops = [...panel.querySelectorAll("button, textarea, [tabindex='0']")].filter((s) => s.offsetParent || s === log);
    const at = stops.indexOf(root.activeElement), last = stops.length - 1;
    if (e.shiftKey ? at <= 0 : at === last) {
      e.preventDefault();
      stops[e.shiftKey ? last : 0].focus();
    }
  }

  /* ---- lines ---- */
  const lines = new Map(); /* id → {id, by, name, text, at, seq (0: pending), tries, el, meta} */
  let seq = 0, readByAgent = 0, limit = 4000;

  function place(l) {
    let next = null; /* the line that comes behind it */
    for (const o of l.seq ? lines.values() : []) if (o !== l && o.el && (o.seq || Infinity) > l.seq && (!next || (o.seq || Infinity) < (next.seq || Infinity))) next = o;
    const low = log.scrollHeight - log.scrollTop - log.clientHeight < 80, before = next ? next.el : null;
    if (!l.el.isConnected || (l.seq && l.el.nextSibling !== before)) log.insertBefore(l.el, before);
    if (low || l.by === "customer") log.scrollTop = log.scrollHeight;
  }
  function draw(l) {
    l.meta = make("span", { class: "meta" });
    l.el = make("div", { class: `msg ${l.by}` }, make("span", { class: "hide" }, l.by === "customer" ? say("me") : l.by === "system" ? say("system") : ""),
      make("p", { class: "text" }, l.text), l.meta);
    place(l);
  }
  const clock = (at) => new Date(at).toLocaleTimeString(ko ? "ko" : "en", { hour: "numeric", minute: "2-digit" });
  function mark(l) {
    const bits = [];
    if (l.by === "agent" && l.name) bits.push(l.name);
    if (l.seq) bits.push(clock(l.at));
    if (l.by === "customer") bits.push(l.failed || say(!l.seq ? "sending" : l.seq <= readByAgent ? "read" : "sent"));
    l.meta.textContent = bits.join(" · ");
    l.meta.classList.toggle("fail", !!l.failed);
    if (l.failed) l.meta.append(" ", make("button", { class: "again", type: "button", onclick: () => retry(l) }, say("retry")));
  }
  const pending = () => [...lines.values()].filter((l) => !l.seq);
  const keepPending = () => keep({ unsent: pending().map(({ id, text, at }) => ({ id, text, at })), who: kept.customer });

  function arrived(m) {
    seq = Math.max(seq, m.seq);
    let l = lines.get(m.id);
    if (l) { /* ours, whose ack was lost */
      if (!l.seq) settle(l, m.seq, m.at);
      return;
    }
    l = { ...m };
    lines.set(l.id, l);
    draw(l);
    mark(l);
    if (l.by !== "customer") {
      typing(false);
      seen();
    }
  }
  function settle(l, at, time) {
    l.seq = at;
    l.failed = "";
    if (time) l.at = time;
    seq = Math.max(seq, at);
    place(l);
    mark(l);
    keepPending();
  }
  /* What is on the screen has been read. */
  function seen() {
    const theirs = [...lines.values()].filter((l) => l.seq && l.by !== "customer");
    const last = theirs.reduce((n, l) => Math.max(n, l.seq), 0);
    if (isOpen() && document.visibilityState === "visible" && last > (kept.read || 0)) {
      keep({ read: last });
      tell({ type: "read", seq: last });
    }
    const n = theirs.filter((l) => l.seq > (kept.read || 0)).length;
    badge.hidden = !n;
    badge.textContent = n > 99 ? "99+" : n;
    launch.setAttribute("aria-label", n ? `${say("open")}, ${say("unread", n)}` : say("open"));
  }
  let typingEnd;
  function typing(on) {
    clearTimeout(typingEnd);
    typingLine.textContent = on ? say("typing") : "";
    if (on) typingEnd = setTimeout(typing, 8000, false);
  }

  /* ---- writing ---- */
  let typed = 0, typingTold;
  function onInput() {
    note.textContent = [...box.value].length > limit ? say("long", limit) : "";
    box.toggleAttribute("aria-invalid", !!note.textContent);
    if (Date.now() - typed > 3000 && box.value.trim()) {
      typed = Date.now();
      tell({ type: "typing", on: true });
    }
    clearTimeout(typingTold);
    typingTold = setTimeout(stopTyping, 4000);
  }
  function stopTyping() {
    clearTimeout(typingTold);
    if (typed) tell({ type: "typing", on: false });
    typed = 0;
  }
  function onKey(e) {
    if (e.key !== "Enter" || e.shiftKey || e.isComposing || e.keyCode === 229) return; /* 229: a syllable is being composed */
    e.preventDefault();
    submit();
  }
  function submit() {
    const text = box.value.trim();
    if (!text || [...text].length > limit) return;
    const l = { id: newId(), by: "customer", text, at: new Date().toISOString(), seq: 0, failed: "" };
    box.value = "";
    stopTyping();
    lines.set(l.id, l);
    draw(l);
    post(l);
    keep({ talks: true });
    keepPending();
    box.focus();
  }
  function newId() {
    return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
  }
  function post(l) {
    l.failed = "";
    mark(l);
    clearTimeout(l.timer);
    if (!tell({ type: "message", id: l.id, text: l.text })) {
      connect();
      l.timer = setTimeout(fail, 30000, l);
    } else l.timer = setTimeout(() => { if (!l.seq) { fail(l); socket?.close(); } }, 10000); /* no ack: the line is dead */
  }
  function fail(l, why) {
    if (l.seq) return;
    l.failed = why || say("failed");
    mark(l);
  }
  function retry(l) {
    box.focus();
    post(l);
  }

  /* ---- the connection ---- */
  let socket = null, ready = false, tries = 0, timer = 0, stopped = "", status = { state: "none" }, away = 0;

  function tell(m) {
    if (!ready || socket.readyState !== 1) return false;
    socket.send(JSON.stringify(m));
    return true;
  }
  function showState() {
    let text;
    if (stopped) text = stopped;
    else if (!ready) text = say(tries > 1 ? "lost" : "connecting");
    else if (status.state === "agent") text = say("agent", status.agent || "");
    else if (status.state === "waiting") {
      const min = Math.ceil((status.expected_wait_ms || 0) / 60000);
      text = [say("waiting"), status.position > 1 ? say("ahead", status.position) : "", status.expected_wait_ms === undefined ? "" : min > 0 ? say("wait", min) : say("soon")]
        .filter(Boolean).join(" · ");
    } else text = say(status.state);
    if (stateLine.textContent !== text) stateLine.textContent = text;
  }
  async function token() {
    const own = script.dataset.token, url = script.dataset.tokenUrl;
    if (own) return own;
    if (!url && kept.token && kept.until > Date.now() + 60000) return kept.token;
    const answer = await fetch(url || api + "session", url ? { credentials: "include" }
      : { method: "POST", headers: kept.token ? { authorization: `Bearer ${kept.token}` } : {} });
    if (!answer.ok) throw new Error(answer.status);
    const got = await answer.json();
    if (!url) keep({ token: got.token, until: Date.now() + got.expires_in * 1000 });
    return got.token;
  }
  async function connect() {
    if (socket || stopped || navigator.onLine === false) return;
    clearTimeout(timer);
    const mine = socket = { close() {}, readyState: 0 };
    showState();
    let bearer;
    try {
      bearer = await token();
      if (socket !== mine) return; /* the network went meanwhile */
    } catch (e) {
      if (socket !== mine) return;
      socket = null;
      return e.message === "403" || e.message === "404" ? stop(say("stopped")) : later();
    }
    const s = socket = new WebSocket(`${api.replace(/^http/, "ws")}stream${kept.router ? `?router=${kept.router}` : ""}`, ["naru.chat.1"]);
    s.onopen = () => s.send(JSON.stringify({ type: "hello", token: bearer, after: seq }));
    s.onmessage = (e) => s === socket && heard(JSON.parse(e.data));
    s.onclose = (e) => s === socket && lost(e.code);
  }
  function later() {
    ready = false;
    showState();
    clearTimeout(timer);
    timer = setTimeout(connect, Math.min(30000, 500 * 2 ** Math.min(tries++, 6)) * (0.5 + Math.random() / 2));
  }
  const moved = () => log.append(make("div", { class: "msg system" }, make("p", { class: "text" }, say("moved"))));
  /* Another router has the conversation (kept.router), and a balancer brought us here. Asked again it may bring us there; after some 50 s
     we begin anew here, and say so. */
  function elsewhere() {
    seq = 0;
    tries = Math.max(tries, 2);
    if (++away > 40) {
      away = 0;
      keep({ router: 0 });
      moved();
    }
    showState();
    clearTimeout(timer);
    timer = setTimeout(connect, 250 + 50 * away);
  }
  function stop(why) {
    stopped = why;
    ready = false;
    showState();
    pending().forEach((l) => fail(l));
  }
  function lost(code) {
    socket = null;
    ready = false;
    typing(false);
    if (code === 4401) {
      keep({ token: "" });
      if (script.dataset.token && !script.dataset.tokenUrl) return stop(say("stopped"));
    }
    if (code === 4409) return stop(say("many"));
    if (code === 4421) return elsewhere();
    later();
  }
  const WHEN = {
    welcome(m) {
      ready = true;
      tries = away = 0;
      keep({ router: m.router });
      if (m.lost) moved();
      limit = m.max_length;
      readByAgent = Math.max(readByAgent, m.read || 0);
      if (kept.customer !== m.customer) keep({ customer: m.customer, read: 0, unsent: kept.who === undefined || kept.who === m.customer ? kept.unsent : [] });
      for (const u of kept.unsent || [])
        if (!lines.has(u.id)) {
          const l = { ...u, by: "customer", seq: 0, failed: "" };
          lines.set(l.id, l);
          draw(l);
        }
      pending().forEach(post);
      seen();
    },
    message: arrived,
    ack(m) { const l = lines.get(m.id); if (l) { clearTimeout(l.timer); settle(l, m.seq); } },
    typing(m) { typing(m.on); },
    read(m) {
      if (m.by === "agent") {
        readByAgent = Math.max(readByAgent, m.seq);
        lines.forEach((l) => l.by === "customer" && l.seq && mark(l));
      } else if (m.seq > (kept.read || 0)) {
        keep({ read: m.seq });
        seen();
      }
    },
    state(m) { status = m; },
    error(m) {
      if (m.error === "wrong-router") keep({ router: m.router });
      const l = lines.get(m.id);
      if (!l || l.seq) return;
      clearTimeout(l.timer);
      if (m.retry_ms) l.timer = setTimeout(post, m.retry_ms, l);
      else fail(l, m.error === "too-long" ? say("long", limit) : "");
    },
  };
  function heard(m) {
    WHEN[m.type]?.(m);
    showState();
  }
  addEventListener("online", () => { tries = 0; connect(); });
  addEventListener("offline", () => { const s = socket; if (s) { lost(1006); clearTimeout(timer); s.close(); } });
  document.addEventListener("visibilitychange", () => { seen(); if (document.visibilityState === "visible" && !socket && kept.talks) connect(); });

  /* ---- the beginning ---- */
  const onColour = (c) => { /* black or white, whichever contrasts more (WCAG 2.1) */
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(c.slice(i, i + 2), 16) / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
  };
  async function look() {
    try {
      const answer = await fetch(api + "widget");
      if (!answer.ok) return;
      const w = await answer.json();
      if (w.title) title.textContent = w.title;
      if (w.hello[ko ? "ko" : "en"]) greeting.textContent = w.hello[ko ? "ko" : "en"];
      if (/^#[0-9a-f]{6}$/i.test(w.colour)) tint.replaceSync(`:host { --c: ${w.colour}; --on: ${onColour(w.colour)}; }`);
    } catch { /* its own looks do */ }
  }
  function begin() {
    document.body.append(host);
    seen();
    showState();
    look();
    if (kept.talks) connect(); /* what came meanwhile shows as a number on the button */
    window.naruChat = { open: () => show(true), close: () => show(false) };
  }
  if (document.body) begin();
  else addEventListener("DOMContentLoaded", begin);
})();
