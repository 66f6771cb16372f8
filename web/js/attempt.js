// One attempt to place an order, and what we know of its outcome.
//
// An attempt is an idempotency key with the exact bytes sent under it. It is written down before it is sent and kept until the
// outcome is known, so that whatever happens in between (a lost answer, a reload, a second tab), the same order is asked for
// under the same key and the shop places it once. Another order is asked for only after this one is known to be refused.

/** @typedef {import("./shop.js").Attempt} Attempt */

const HOUR = 3_600_000;
/** The shop keeps keys for 24 hours; up to here, with a margin, sending again is safe. */
export const RESEND_WITHIN = 23 * HOUR;
/** An order whose answer never arrived cannot have been paid, and its reservation has lapsed by now: it may be let go. */
export const LET_GO_AFTER = 2 * HOUR;

/** A random UUID, also where the page is served without TLS and the browser offers no `randomUUID`. */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// Only these answers say that nothing was placed under the key. Anything else (a lost answer, 5xx, an answer of a proxy
// in between, a request still running) leaves it open.
const refusals = new Set([
  "price_changed", "sold_out", "items_unavailable", "validation_failed", "idempotency_key_reused", "idempotency_key_missing",
  "idempotency_key_invalid", "malformed_json", "body_too_large", "unsupported_media_type",
]);

/**
 * What an answer says about the attempt.
 * @param {{status: number, code: string|null, data: any}|null} answer `null`: none came
 * @returns {"placed"|"refused"|"unknown"}
 */
export function outcomeOf(answer) {
  if (answer?.status === 201 && answer.data?.order?.id && answer.data?.access_token) return "placed";
  if (answer && answer.status >= 400 && answer.status < 500 && refusals.has(answer.code)) return "refused";
  return "unknown";
}

/** What may be done about an attempt whose outcome is unknown. */
export function waysOn(attempt, now) {
  return { resend: now - attempt.started_at < RESEND_WITHIN, letGo: now - attempt.sent_at > LET_GO_AFTER };
}

/**
 * Sends an order, or sends it again.
 *
 * @param {object|null} wanted the order's body; `null` sends the attempt that is open
 * @param {object} ports
 * @param {{get(): Attempt|null, set(attempt: Attempt|null): void}} ports.kept
 * @param {(attempt: Attempt) => Promise<{status: number, code: string|null, data: any}|null>} ports.send never rejects
 * @param {(data: any, body: any) => void} ports.placed writes the order down; called before the attempt is forgotten
 * @param {() => number} ports.now
 * @param {() => string} ports.key
 * @returns {Promise<{outcome: "placed"|"refused"|"unknown"|"earlier_open"|"nothing", answer: any, attempt: Attempt|null}>}
 *   `earlier_open`: another order is still open and was left untouched; nothing was sent
 */
export async function submit(wanted, { kept, send, placed, now, key }) {
  const open = kept.get();
  const body = wanted ? JSON.stringify(wanted) : open?.body;
  if (!body) return { outcome: "nothing", answer: null, attempt: null };
  if (open && open.body !== body) return { outcome: "earlier_open", answer: null, attempt: open };
  const attempt = { key: open?.key ?? key(), body, started_at: open?.started_at ?? now(), sent_at: now() };
  kept.set(attempt);
  const answer = await send(attempt);
  const outcome = outcomeOf(answer);
  if (outcome === "placed") placed(answer.data, JSON.parse(body));
  if (outcome !== "unknown") kept.set(null);
  return { outcome, answer, attempt };
}
