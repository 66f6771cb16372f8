// The shop's interface over HTTP. What went wrong is one of two things: a Problem (the shop answered) or NetworkGone (nothing came).

const REQUEST_TIMEOUT_MS = 20_000;
const FIRST_PAUSE = 600;
const LONGEST_PAUSE = 15_000;
const LONGEST_PROBE_PAUSE = 5_000;

/** The shop answered, but not with what was asked for (RFC 9457). */
export class Problem extends Error {
  constructor(status, data, retryAfter) {
    super(data?.detail ?? data?.title ?? `HTTP ${status}`);
    this.status = status;
    this.code = data?.code ?? null;
    this.errors = Array.isArray(data?.errors) ? data.errors : [];
    this.data = data;
    this.retryAfter = retryAfter;
  }
}

/** No answer, or none that is the shop's: whether the request arrived is unknown. */
export class NetworkGone extends Error {}

/** Whether the network is reachable: events `gone` and `back`; `hurry` ends pauses before the next try. */
export const network = new EventTarget();
let gone = false;

function setOffline(isGone) {
  if (gone === isGone) return;
  gone = isGone;
  network.dispatchEvent(new Event(isGone ? "gone" : "back"));
  if (gone) probe();
}

/** Asks until the shop answers again: whatever the page waits for need not ask by itself. */
async function probe() {
  for (let tries = 1; gone; tries += 1) {
    await pause(Math.min(LONGEST_PROBE_PAUSE, FIRST_PAUSE * 2 ** tries));
    if (gone) await call("HEAD", "/products?limit=1").catch(() => {});
  }
}

/** Something could not be fetched past this module: says so, until the shop answers again. */
export const lost = () => setOffline(true);
const hurry = () => network.dispatchEvent(new Event("hurry"));
/** Tries at once what is waiting for its next try. */
export const tryNow = hurry;
globalThis.addEventListener?.("online", hurry);
globalThis.addEventListener?.("offline", () => setOffline(true));

function secondsOf(header) {
  const seconds = Number(header ?? NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 300) : null;
}

async function call(method, path, { body, headers = {}, signal } = {}) {
  const stop = new AbortController();
  const end = () => stop.abort();
  signal?.addEventListener("abort", end);
  const timer = setTimeout(end, REQUEST_TIMEOUT_MS);
  try {
    const response = await fetch(`/api${path}`, { method, body, headers: body === undefined ? headers : { "content-type": "application/json", ...headers }, signal: stop.signal });
    const data = await response.json().catch((error) => {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    });
    setOffline(false);
    return { ok: response.ok && data !== undefined, status: response.status, data, retryAfter: secondsOf(response.headers.get("retry-after")) };
  } catch (error) {
    if (signal?.aborted) throw error;
    setOffline(true);
    throw new NetworkGone("no answer", { cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}

async function ask(method, path, options) {
  const answer = await call(method, path, options);
  if (answer.ok) return answer.data;
  if (answer.status < 400) throw new NetworkGone("an answer that is not the shop's");
  throw new Problem(answer.status, answer.data, answer.retryAfter);
}

/** Waits, ended early by the network's return; rejects when the signal ends it. */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      network.removeEventListener("hurry", done);
      signal?.removeEventListener("abort", done);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(done, milliseconds);
    network.addEventListener("hurry", done);
    signal?.addEventListener("abort", done);
  });
}

/** The pause before try number `tries` (from 0), with jitter. */
export const backoff = (tries, chance = Math.random()) => Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** tries) * (0.7 + 0.6 * chance);

/** Asks something harmless again until it is answered: without end while the network is gone, a few times while the shop is busy. */
async function patiently(once, signal, tries = 4) {
  for (let count = 0; ; count += 1) {
    try {
      return await once();
    } catch (error) {
      const busy = error instanceof Problem && (error.status >= 500 || error.status === 429) && count < tries;
      if (signal?.aborted || !(busy || error instanceof NetworkGone)) throw error;
      await pause(Math.max(backoff(count), (error.retryAfter ?? 0) * 1000), signal);
    }
  }
}

const bearer = (token) => ({ authorization: `Bearer ${token}` });
const one = encodeURIComponent;

/** The page of the catalogue after a cursor. A space goes as %20, not +: signatures like the CDN's know no other. */
export function products({ q = "", cursor = null }, signal) {
  const query = new URLSearchParams({ limit: "24", ...(q && { q }), ...(cursor && { cursor }) });
  return patiently(() => ask("GET", `/products?${String(query).replaceAll("+", "%20")}`, { signal }), signal);
}

/** One product. */
export const product = (sku, signal) => patiently(() => ask("GET", `/products/${one(sku)}`, { signal }), signal);

/** What a cart costs, delivered to a country. Changes nothing, so it is asked again like a read. */
export const quote = (items, shipTo, signal) =>
  patiently(() => ask("POST", "/quote", { body: JSON.stringify({ items, ship_to: shipTo }), signal }), signal);

/** An order. */
export const order = (id, token, signal) => patiently(() => ask("GET", `/orders/${one(id)}`, { headers: bearer(token), signal }), signal);

/** Starts (or finds again) the payment of an order. Not repeated by itself. */
export const payment = (id, token, signal) => ask("POST", `/orders/${one(id)}/payment`, { headers: bearer(token), signal });

/** Sends a checkout once. Never rejects: no answer is `null`. */
export async function checkout({ key, body }) {
  try {
    const { status, data, retryAfter } = await call("POST", "/checkout", { body, headers: { "idempotency-key": `"${key}"` } });
    return { status, data, code: data?.code ?? null, errors: Array.isArray(data?.errors) ? data.errors : [], retryAfter };
  } catch {
    return null;
  }
}
