// Asking the service, and telling in plain words what went wrong.

const STORED_KEY = "key";
let key = remembered();

function remembered() {
  try {
    return sessionStorage.getItem(STORED_KEY) ?? "";
  } catch {
    return "";
  }
}

/** Use a key from now on: in memory only, or until the tab is closed where `session` is true. */
export function useKey(value, session) {
  key = value;
  try {
    if (session) sessionStorage.setItem(STORED_KEY, value);
    else sessionStorage.removeItem(STORED_KEY);
  } catch {
    // storage is forbidden: memory it is
  }
}

/** An answer that is none. `message` is for readers; `wait` is in seconds, where the service named a time. */
export class Trouble extends Error {
  constructor(message, { status = 0, wait = null, detail = "", wantsKey = false } = {}) {
    super(message);
    this.wantsKey = wantsKey; // a key, or another one, would help
    this.status = status;
    this.wait = wait;
    this.detail = detail;
  }
}

/** The JSON that `path` answers. Throws Trouble; an AbortError passes. */
export async function ask(path, { body, signal } = {}) {
  const headers = { Accept: "application/json" };
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  let text;
  try {
    response = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
    });
    text = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble("The service does not answer. It may have been stopped, or the connection is gone. Nothing is lost here: start it and try again.");
  }
  let answer = null;
  try {
    answer = JSON.parse(text);
  } catch {
    // told below
  }
  if (response.ok && answer !== null) return answer;
  throw troubleOf(response, answer);
}

function troubleOf(response, problem) {
  const { status } = response;
  const detail = typeof problem?.detail === "string" ? problem.detail : "";
  const wait = secondsOf(response.headers.get("Retry-After"));
  const request = response.headers.get("X-Request-ID");
  const later = wait === null ? "Try again in a moment." : `Try again in ${wait} s.`;
  const message =
    {
      401: key ? "The service does not know this key." : "This service asks for a key.",
      403: `The service refuses this${detail ? `: ${detail}` : ""}.`,
      404: detail || "The service has nothing there.",
      409: `This was decided otherwise before${detail ? `: ${detail}` : ""}.`,
      413: `This is too large for the service${detail ? `: ${detail}` : ""}. Send a part of it.`,
      422: `The service cannot take this${detail ? `: ${detail}` : ""}.`,
      429: `The service is busy, or you have asked too often. ${later}`,
      500: `The service failed; whoever runs it finds the reason in its log${request ? ` under ${request}` : ""}. Try again, and tell them if it stays.`,
      503: `The service cannot answer now${detail ? `: ${detail}` : ""}. ${later}`,
    }[status] ??
    (problem === null
      ? `Something other than the service answered (status ${status}). Is a proxy in between?`
      : `The service answered with status ${status}${detail ? `: ${detail}` : ""}.`);
  const wantsKey = status === 401 || (status === 403 && key !== "");
  return new Trouble(message.replace(/([.!?])\.(?=\s|$)/g, "$1"), { status, wait, detail, wantsKey });
}

function secondsOf(header) {
  if (!header) return null;
  const seconds = /^\d+$/.test(header) ? Number(header) : Math.ceil((Date.parse(header) - Date.now()) / 1000);
  return Number.isFinite(seconds) ? Math.max(1, seconds) : null;
}

/** A random id; crypto.randomUUID exists on https and localhost only. */
export function randomId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
