// The cart, as plain arithmetic. A cart is a list of lines, one a SKU, in the order they were put in.
//
// A line keeps name and price as they were last seen, so that the cart shows without the network; what counts is the quote.

/** @typedef {{amount: number, currency: string}} Money integer minor units, gross */
/** @typedef {{sku: string, name: string, price: Money, quantity: number}} Line */

export const MAX_QUANTITY = 100_000;
export const MAX_LINES = 1_200;

const isQuantity = (value) => Number.isInteger(value) && value >= 1 && value <= MAX_QUANTITY;
const isMoney = (value) => Number.isSafeInteger(value?.amount) && typeof value?.currency === "string";
const isLine = (line) => typeof line?.sku === "string" && typeof line?.name === "string" && isQuantity(line?.quantity) && isMoney(line?.price);

/** A sound cart of whatever was stored; what is broken is left out. @returns {Line[]} */
export function parseCart(raw) {
  return Array.isArray(raw) ? raw.filter(isLine) : [];
}

const plainNumber = /^\d{1,7}$/;
const groupedNumber = /^\d{1,3}(?:([.,'’\s])\d{3})(?:\1\d{3})*$/;

/** What a customer typed as a quantity, or `null`. One kind of separator may stand between groups of three digits; "1,5" is no number of pieces. */
export function parseQuantity(text) {
  const typed = String(text).trim();
  const value = plainNumber.test(typed) || groupedNumber.test(typed) ? Number(typed.replace(/\D/g, "")) : NaN;
  return isQuantity(value) ? value : null;
}

/** Puts pieces of a product in; a product already there gets more of it, up to what an order takes and to what is left. */
export function add(cart, { sku, name, price, available = MAX_QUANTITY, max_per_order: limit = MAX_QUANTITY }, quantity = 1) {
  const known = cart.find((line) => line.sku === sku);
  const most = Math.max(known?.quantity ?? 0, Math.min(limit, available), 1);
  const line = { sku, name, price, quantity: Math.min(most, (known?.quantity ?? 0) + quantity) };
  return known ? cart.map((one) => (one === known ? line : one)) : [...cart, line];
}

/** Whether one more product still fits. */
export const hasRoomFor = (cart, sku) => cart.length < MAX_LINES || cart.some((line) => line.sku === sku);

/** Sets a line's quantity; 0 takes the line out. */
export function setQuantity(cart, sku, quantity) {
  return cart.flatMap((line) => (line.sku !== sku ? [line] : quantity > 0 ? [{ ...line, quantity: Math.min(MAX_QUANTITY, quantity) }] : []));
}

/** What stays when these items were ordered: what was put in meanwhile is not lost. */
export function without(cart, items) {
  const ordered = new Map(items.map(({ sku, quantity }) => [sku, quantity]));
  return cart.flatMap((line) => {
    const left = line.quantity - (ordered.get(line.sku) ?? 0);
    return left > 0 ? [{ ...line, quantity: left }] : [];
  });
}

/** The SKUs that cannot be had as wanted, and how many of each can: from a 409 or a 422. `limited` where an order takes no more. */
export const shortagesOf = ({ errors }) =>
  errors.filter((one) => one.sku && ["sold_out", "unknown_sku", "over_limit"].includes(one.code))
    .map(({ sku, code, available, max_per_order: limit }) => (code === "over_limit" ? { sku, available: limit, limited: true } : { sku, available: available ?? 0 }));

/**
 * Brings the cart down to what can be had.
 * @param {{sku: string, available?: number}[]} shortages a missing `available` means none
 */
export function reduceTo(cart, shortages) {
  return shortages.reduce((left, { sku, available }) => {
    const line = left.find((one) => one.sku === sku);
    return line ? setQuantity(left, sku, Math.min(line.quantity, available ?? 0)) : left;
  }, cart);
}

/** Takes names and prices from a fresh quote. */
export function refreshed(cart, quoteLines) {
  const fresh = new Map(quoteLines.map((line) => [line.sku, line]));
  return cart.map((line) => {
    const now = fresh.get(line.sku);
    return now ? { ...line, name: now.name, price: now.unit_price } : line;
  });
}

/** What the API wants: SKU and quantity of each line. */
export const itemsOf = (cart) => cart.map(({ sku, quantity }) => ({ sku, quantity }));

/** Pieces in the cart. */
export const pieces = (cart) => cart.reduce((sum, line) => sum + line.quantity, 0);

/** A line's gross total at the price last seen. @returns {Money} */
export const lineTotal = ({ price, quantity }) => ({ amount: price.amount * quantity, currency: price.currency });

/** The goods' gross total at the prices last seen, or `null` for an empty cart. @returns {Money|null} */
export function goodsTotal(cart) {
  if (cart.length === 0) return null;
  return { amount: cart.reduce((sum, line) => sum + lineTotal(line).amount, 0), currency: cart[0].price.currency };
}
