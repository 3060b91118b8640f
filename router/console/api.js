/* The public API, by the token that a person gave. The token lives in sessionStorage, in the header of each call, and nowhere else:
   never in an address. */
import { t } from "./words.js";

const KEY = "naru.token";
const WITHIN_MS = 8000;

/* What an answer said when it did not do what was asked; `message` is a sentence for people. status 0: there was no answer. */
export class Refusal extends Error {
  constructor(status, message, type) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

export const session = {
  token: sessionStorage.getItem(KEY) || "",
  me: null,
  workspace: "",
  ended: () => {} /* main.js: called with the sentence that says why */,
  dated: () => {} /* … with the Date of each answer */,
  keep(token) {
    this.token = token;
    sessionStorage.setItem(KEY, token);
  },
  forget() {
    this.token = "";
    this.me = null;
    sessionStorage.removeItem(KEY);
  },
  get staff() {
    return this.me?.role === "supervisor" || this.me?.role === "operator";
  },
};

export function address(path, query = {}) {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(query)) if (v !== undefined && v !== "") q.set(k, v);
  if (session.workspace) q.set("workspace", session.workspace);
  return q.size ? `${path}?${q}` : path;
}

async function problem(answer) {
  let doc = {};
  try {
    doc = await answer.json();
  } catch {
    /* not JSON: its status says enough */
  }
  const says = doc.detail || doc.title || t("status", answer.status);
  return new Refusal(answer.status, says, String(doc.type || "").replace("/problems/", ""));
}

/* GET, or a POST of `body` under `key` (Idempotency-Key). The JSON of a 2xx, else it throws a Refusal. `calm`: a 401 is only
   thrown, and does not end the session. `also`: statuses that are answers like 2xx. */
export async function call(method, path, { query, body, key, calm, also = [], token = session.token } = {}) {
  const headers = { Authorization: `Bearer ${token}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  let answer;
  try {
    answer = await fetch(address(path, query), {
      method,
      headers,
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(WITHIN_MS),
    });
  } catch {
    throw new Refusal(0, t("no_answer"));
  }
  session.dated(answer.headers.get("Date"));
  if (answer.ok || also.includes(answer.status)) {
    try {
      return await answer.json();
    } catch {
      throw new Refusal(0, t("no_answer"));
    }
  }
  const refused = await problem(answer);
  if (answer.status === 401 && !calm && token === session.token)
    session.ended(t(refused.type === "token-expired" ? "expired" : "signed_out"));
  throw refused;
}

export const get = (path, query, more) => call("GET", path, { query, ...more });
export const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
export const post = (path, body = {}, more) => call("POST", path, { body, key: newKey(), ...more });
/* A way to post that acts once: what got no answer is sent again under its first key, so that the server knows it; what was answered,
   or is another body, has a new one. */
export function once() {
  let key = "",
    said = "";
  return async (path, body) => {
    const text = JSON.stringify(body);
    if (!key || text !== said) [key, said] = [newKey(), text];
    try {
      const got = await post(path, body, { key });
      key = "";
      return got;
    } catch (e) {
      if (e.status) key = "";
      throw e;
    }
  };
}
export const ticketPath = (id, rest = "") => `/v1/tickets/${encodeURIComponent(id)}${rest}`;
