// Places an order: one attempt at a time over all tabs, and what follows from its outcome.
import { checkout, pause } from "./api.js";
import { newKey, submit } from "./attempt.js";
import { itemsOf, without } from "./cart.js";
import { attempt, cart, confirmed, keepOrder } from "./shop.js";

const MOST_WAITS = 3;
const LONGEST_WAIT = 10;

/** One tab at a time; `otherwise` when another one is at it. */
function exclusively(work, otherwise) {
  if (!navigator.locks) return work();
  return navigator.locks.request("kontor.checkout", { ifAvailable: true }, (lock) => (lock ? work() : otherwise));
}

/** Seconds to wait before the same request makes sense again, or `null`: the answer is not of that kind. */
function waitOf({ outcome, answer }) {
  const waiting = outcome === "unknown" && (answer?.status === 503 || answer?.status === 429 || answer?.code === "request_in_progress");
  const seconds = answer?.retryAfter ?? 2;
  return waiting && seconds <= LONGEST_WAIT ? Math.max(1, seconds) : null;
}

/**
 * Sends the order, waiting a few times where the shop says it is busy.
 * @param {object|null} body `null` sends the open attempt again
 * @param {(seconds: number) => void} onWait
 * @returns as `submit`, or `outcome` `other_tab` or `cart_changed`: nothing was sent
 */
export function placeOrder(body, onWait) {
  return exclusively(async () => {
    if (body && JSON.stringify(itemsOf(cart.get())) !== JSON.stringify(body.items)) return { outcome: "cart_changed" };
    for (let waits = 0; ; waits += 1) {
      const result = await submit(body, { kept: attempt, send: checkout, placed: settle, now: Date.now, key: newKey });
      const seconds = waitOf(result);
      if (seconds === null || waits >= MOST_WAITS) return result;
      onWait(seconds);
      await pause(seconds * 1000);
    }
  }, { outcome: "other_tab" });
}

/** Writes the order down, and takes out of the cart what was ordered: once, however often the answer comes. */
function settle(data, body) {
  if (keepOrder(data)) cart.update((lines) => without(lines, body.items));
}

/** The order is placed: on to its page, and going back must not come to the checkout again. */
export function leaveFor(order) {
  confirmed.set(order.id, order);
  location.replace(`#/order/${encodeURIComponent(order.id)}?new=1`);
}
