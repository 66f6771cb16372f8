// What this customer has with the shop: cart, orders, the open attempt, and products seen.
import { parseCart } from "./cart.js";
import { kept } from "./storage.js";

const MOST_ORDERS = 200;

/** @typedef {{key: string, body: string, started_at: number, sent_at: number}} Attempt times in epoch milliseconds; see attempt.js */

/** A sound attempt of whatever was stored, or `null`. @returns {Attempt|null} */
export function parseAttempt(raw) {
  const sound = typeof raw?.key === "string" && typeof raw?.body === "string" && Number.isFinite(raw?.started_at) && Number.isFinite(raw?.sent_at);
  return sound ? raw : null;
}

export const cart = kept("kontor.cart", parseCart);
export const attempt = kept("kontor.attempt", parseAttempt);

/** Orders placed from this browser, newest first: id, access token, when and for how much. */
export const orders = kept("kontor.orders", (raw) =>
  Array.isArray(raw) ? raw.filter((one) => typeof one?.id === "string" && typeof one?.token === "string") : []);

/** Keeps an order and its token; known already: false. */
export function keepOrder({ order, access_token: token }) {
  if (orders.get().some((one) => one.id === order.id)) return false;
  orders.update((list) => [{ id: order.id, token, placed_at: order.placed_at, total: order.total }, ...list].slice(0, MOST_ORDERS));
  return true;
}

/** The access token of an order, or `null` if it was placed elsewhere. */
export const tokenOf = (id) => orders.get().find((one) => one.id === id)?.token ?? null;

/** Orders placed on this page, as the shop confirmed them, by id: their own page need not ask at once. */
export const confirmed = new Map();

/** Products seen on this page, by SKU, so that a product opens at once. */
export const seen = new Map();

/** As long as the pieces left are believed without asking again. */
const STOCK_FRESH_MS = 120_000;
const stock = new Map();

/** Remembers products and how many of each are left. */
export function see(...products) {
  for (const product of products) {
    seen.set(product.sku, product);
    noteLeft(product.sku, product.available);
  }
}

/** How many pieces an order takes, `Infinity` where the product was not seen. */
export const limitOf = (sku) => seen.get(sku)?.max_per_order ?? Infinity;

/** The shop has just said how many pieces of a SKU are left. */
export const noteLeft = (sku, pieces) => stock.set(sku, { pieces, at: Date.now() });

/** How many pieces are left, `Infinity` where nothing is known of late. */
export function leftOf(sku) {
  const known = stock.get(sku);
  return known && Date.now() - known.at < STOCK_FRESH_MS ? known.pieces : Infinity;
}
