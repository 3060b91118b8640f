/* Elements, and how a page follows its state. A view is a function that makes fresh elements of what is known now; `morph` changes
   the page that stands into them, so that focus, selection, scrolling and what is being typed survive. Fresh elements carry no
   listeners: whoever owns a part of the page listens once at its root and is told which `data-do` was meant.

   Texts go in as text nodes, always: there is no way here to put HTML in. */

export function el(tag, attrs, ...inside) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attrs || {}))
    if (v !== undefined && v !== null && v !== false) e.setAttribute(k, v === true ? "" : String(v));
  e.append(
    ...inside
      .flat(4)
      .filter((x) => x !== undefined && x !== null && x !== false && x !== "")
      .map((x) => (x instanceof Node ? x : String(x))),
  );
  return e;
}

/* What a person may have changed by hand: it is theirs. */
const THEIRS = { DETAILS: ["open"], DIALOG: ["open"] };

function morphAttributes(old, fresh) {
  const theirs = THEIRS[old.tagName] || [];
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !theirs.includes(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes)
    if (old.getAttribute(name) !== value && !theirs.includes(name)) old.setAttribute(name, value);
}

const same = (a, b) =>
  a.nodeType === b.nodeType &&
  a.nodeName === b.nodeName &&
  (a.nodeType !== 1 || (a.getAttribute("data-key") === b.getAttribute("data-key") && a.id === b.id));

function morphNode(old, fresh) {
  if (old.nodeType !== 1) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  morphAttributes(old, fresh);
  if (old.tagName === "TEXTAREA") return; /* its text is its child, and theirs */
  morph(old, ...fresh.childNodes);
}

/* Makes the children of `host` like `fresh`. Elements with a `data-key` keep their identity when they change places. */
export function morph(host, ...fresh) {
  const keyed = new Map();
  for (const c of host.children) if (c.dataset.key !== undefined) keyed.set(c.dataset.key, c);
  let at = host.firstChild;
  for (const f of [...fresh].flat(4).filter(Boolean)) {
    const key = f.nodeType === 1 ? f.dataset.key : undefined;
    const known = key === undefined ? undefined : keyed.get(key);
    if (known && known !== at && same(known, f)) (host.insertBefore(known, at), (at = known));
    if (at && same(at, f)) {
      const next = at.nextSibling;
      morphNode(at, f);
      at = next;
    } else {
      host.insertBefore(f, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/* What a kind of element tells its acts; all others tell when they are clicked. */
const TELLS = { FORM: "submit", SELECT: "change", INPUT: "input", TEXTAREA: "input" };

/* Listens once for a whole part of the page: `act(name)` gives the function of the nearest `data-do`, called with element and event;
   `keys` hears keys pressed in an element with `data-keys`. */
export function listen(root, act, keys) {
  for (const type of ["click", "submit", "change", "input"])
    root.addEventListener(type, (event) => {
      const e = event.target.closest?.("[data-do]");
      if (!e || type !== (TELLS[e.tagName] || "click") || e.disabled) return;
      if (type === "submit") event.preventDefault();
      act(e.dataset.do)?.(e, event);
    });
  root.addEventListener("keydown", (event) => {
    const e = event.target.closest?.("[data-keys]");
    if (e) keys(e, event);
  });
}

/* ---- a question in a dialog ---- */

/* fields: { name, label, kind ("text", "area", "choice"), choices: [[value, text], …], value, needed, list: […], hint }.
   `send(values)` does it, and throws what is to be told. Resolves with true when it was done. */
export function ask({ title, text, fields = [], yes, no, danger, send }) {
  return new Promise((done) => {
    const problem = el("p", { class: "problem", role: "alert" });
    const field = (f) => {
      const id = `ask-${f.name}`;
      let input;
      if (f.kind === "choice")
        input = el(
          "select",
          { id, name: f.name },
          f.choices.map(([value, label]) => el("option", { value, selected: value === f.value }, label)),
        );
      else if (f.kind === "area")
        input = el("textarea", { id, name: f.name, rows: 3, maxlength: f.max || 256, required: f.needed });
      else
        input = el("input", {
          id,
          name: f.name,
          type: "text",
          autocomplete: "off",
          maxlength: f.max || 256,
          required: f.needed,
          value: f.value,
          list: f.list && `${id}-list`,
        });
      return el(
        "p",
        { class: "field" },
        el("label", { for: id }, f.label),
        input,
        f.list &&
          el(
            "datalist",
            { id: `${id}-list` },
            f.list.slice(0, 200).map((v) => el("option", { value: v })),
          ),
        f.hint && el("small", {}, f.hint),
      );
    };
    const sure = el("button", { class: danger ? "danger" : "main", type: "submit" }, yes);
    const form = el(
      "form",
      { method: "dialog" },
      el("h2", { id: "ask-title" }, title),
      text && el("p", {}, text),
      fields.map(field),
      problem,
      el("p", { class: "buttons" }, el("button", { type: "button", class: "quiet" }, no), sure),
    );
    const box = el("dialog", { "aria-labelledby": "ask-title" }, form);
    const before = document.activeElement;
    let did = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (sure.disabled) return;
      sure.disabled = true;
      problem.textContent = "";
      try {
        await send(Object.fromEntries([...new FormData(form)].map(([k, v]) => [k, v.trim()])));
        did = true;
        box.close();
      } catch (e) {
        problem.textContent = e.message;
        sure.disabled = false;
      }
    });
    form.querySelector(".quiet").addEventListener("click", () => box.close());
    box.addEventListener("close", () => {
      box.remove();
      if (before?.isConnected) before.focus();
      done(did);
    });
    document.body.append(box);
    box.showModal();
    (form.querySelector("input,select,textarea") || sure).focus();
  });
}
