// What this customer has with the shop: cart, country, orders, the open attempt, and products seen.
import { parseAttempt } from "./attempt.js";
import { parseCart } from "./cart.js";
import { countries, homeCountry } from "./countries.js";
import { kept } from "./storage.js";

const MOST_ORDERS = 200;

export const cart = kept("kontor.cart", parseCart);
export const attempt = kept("kontor.attempt", parseAttempt);
export const country = kept("kontor.country", (raw) => (countries.includes(raw) ? raw : homeCountry(navigator.languages ?? [navigator.language])));

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

/** Products seen on this page, by SKU, so that a product opens at once. */
export const seen = new Map();

/** What the customer has typed into the checkout, kept while the page lives and across a reload of the tab. */
export const draft = {
  get() {
    try {
      return JSON.parse(sessionStorage.getItem("kontor.draft")) ?? this.memory;
    } catch {
      return this.memory;
    }
  },
  set(values) {
    this.memory = values;
    try {
      sessionStorage.setItem("kontor.draft", JSON.stringify(values));
    } catch {
      // Kept in memory.
    }
  },
  memory: {},
};
