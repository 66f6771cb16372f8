// What the cart costs, as the shop says; what it cannot deliver, by SKU.
import * as api from "./api.js";
import { itemsOf, refreshed, shortagesOf } from "./cart.js";
import { cart } from "./shop.js";

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
