// What the cart costs, as the shop says; what it cannot deliver, by SKU.
import * as api from "./api.js";
import { itemsOf, refreshed, shortagesOf } from "./cart.js";
import { cart } from "./shop.js";

/** As long as the shop's prices may be old elsewhere; the order itself is held against those of its moment. */
const FRESH = 30_000;
let last = { what: "", at: 0, quote: null };

/**
 * Asks for a quote, unless one was just fetched.
 * @returns {Promise<{quote?: any, shortages?: {sku: string, available: number}[], problem?: api.Problem}>} one of the three
 */
export async function quoted(lines, country, signal) {
  const what = JSON.stringify([itemsOf(lines), country]);
  if (what === last.what && Date.now() - last.at < FRESH) return { quote: last.quote };
  try {
    const quote = await api.quote(itemsOf(lines), country, signal);
    last = { what, at: Date.now(), quote };
    const now = refreshed(cart.get(), quote.lines);
    if (JSON.stringify(now) !== JSON.stringify(cart.get())) cart.set(now);
    return { quote };
  } catch (error) {
    if (!(error instanceof api.Problem)) throw error;
    const shortages = shortagesOf(error);
    return shortages.length > 0 ? { shortages } : { problem: error };
  }
}
