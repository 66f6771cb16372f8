// What the cart costs, as the shop says; what it cannot deliver, by SKU.
import * as api from "./api.js";
import { itemsOf, refreshed } from "./cart.js";
import { cart } from "./shop.js";

/** The SKUs that cannot be had as wanted, and how many of each can: from a 409 or a 422. */
export const shortagesOf = ({ errors }) =>
  errors.filter((one) => one.sku && ["sold_out", "unknown_sku"].includes(one.code)).map(({ sku, available }) => ({ sku, available: available ?? 0 }));

/**
 * Asks for a quote.
 * @returns {Promise<{quote?: any, shortages?: {sku: string, available: number}[], problem?: api.Problem}>} one of the three
 */
export async function quoted(lines, country, signal) {
  try {
    const quote = await api.quote(itemsOf(lines), country, signal);
    const now = refreshed(cart.get(), quote.lines);
    if (JSON.stringify(now) !== JSON.stringify(cart.get())) cart.set(now);
    return { quote };
  } catch (error) {
    if (!(error instanceof api.Problem)) throw error;
    const shortages = shortagesOf(error);
    return shortages.length > 0 ? { shortages } : { problem: error };
  }
}
