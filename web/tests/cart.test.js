import assert from "node:assert/strict";
import { test } from "node:test";
import { add, goodsTotal, hasRoomFor, itemsOf, lineTotal, MAX_LINES, MAX_QUANTITY, parseCart, parseQuantity, pieces, reduceTo, refreshed, setQuantity, without } from "../js/cart.js";

const eur = (amount) => ({ amount, currency: "EUR" });
const mug = { sku: "22423", name: "RED MUG", price: eur(295) };
const bag = { sku: "85099B", name: "JUMBO BAG", price: eur(208) };

test("a product put in twice is one line with both quantities", () => {
  const cart = add(add(add([], mug, 2), bag), mug, 3);
  assert.deepEqual(itemsOf(cart), [{ sku: "22423", quantity: 5 }, { sku: "85099B", quantity: 1 }]);
  assert.equal(pieces(cart), 6);
});

test("a line never holds more than the shop takes", () => {
  assert.equal(add(add([], mug, MAX_QUANTITY), mug, 1)[0].quantity, MAX_QUANTITY);
  assert.equal(setQuantity(add([], mug), mug.sku, MAX_QUANTITY + 7)[0].quantity, MAX_QUANTITY);
});

test("a full cart has room for more of what is in it and for nothing else", () => {
  const full = Array.from({ length: MAX_LINES }, (_, at) => ({ ...mug, sku: String(at), quantity: 1 }));
  assert.equal(hasRoomFor(full, "0"), true);
  assert.equal(hasRoomFor(full, "new"), false);
  assert.equal(hasRoomFor(full.slice(1), "new"), true);
});

test("a quantity of nothing takes the line out", () => {
  assert.deepEqual(setQuantity(add(add([], mug), bag), mug.sku, 0), [{ ...bag, quantity: 1 }]);
});

test("totals are exact at the largest cart the shop takes", () => {
  const cart = Array.from({ length: MAX_LINES }, (_, at) => ({ sku: String(at), name: "X", price: eur(16_500), quantity: MAX_QUANTITY }));
  assert.deepEqual(lineTotal(cart[0]), eur(1_650_000_000));
  assert.deepEqual(goodsTotal(cart), eur(1_980_000_000_000));
  assert.equal(goodsTotal([]), null);
});

test("what was ordered leaves the cart and what came in meanwhile stays", () => {
  const ordered = itemsOf(add(add([], mug, 2), bag));
  const now = add(add(add([], mug, 3), bag), { ...mug, sku: "NEW" });
  assert.deepEqual(itemsOf(without(now, ordered)), [{ sku: "22423", quantity: 1 }, { sku: "NEW", quantity: 1 }]);
});

test("a shortage brings lines down to what is left, never up, and takes out what is gone", () => {
  const cart = add(add(add([], mug, 5), bag, 2), { ...mug, sku: "X" }, 1);
  const left = reduceTo(cart, [{ sku: "22423", available: 3 }, { sku: "85099B" }, { sku: "X", available: 9 }, { sku: "not there", available: 1 }]);
  assert.deepEqual(itemsOf(left), [{ sku: "22423", quantity: 3 }, { sku: "X", quantity: 1 }]);
});

test("a quote refreshes names and prices", () => {
  const [line] = refreshed(add([], mug, 2), [{ sku: "22423", name: "REDDER MUG", unit_price: eur(310) }]);
  assert.deepEqual(line, { sku: "22423", name: "REDDER MUG", price: eur(310), quantity: 2 });
});

test("quantities are read as people type them", () => {
  for (const [text, value] of [["1", 1], [" 12 ", 12], ["100.000", 100_000], ["100,000", 100_000], ["1 000", 1_000], ["1\u202f000", 1_000], ["1'000", 1_000], ["007", 7]]) assert.equal(parseQuantity(text), value, text);
  for (const bad of ["", "0", "-1", "1e3", "100001", "99999999", "ten", "１", null, "2.0", "1,5", "10.00", "1.5", "1,000.00", "1.0000", "1.00.000", "1.000,000", "1 0", ".5", "5."]) assert.equal(parseQuantity(bad), null, String(bad));
});

test("a broken stored cart loses only what is broken", () => {
  const good = { ...mug, quantity: 1 };
  assert.deepEqual(parseCart([good, null, 7, { sku: "A" }, { ...good, quantity: 0 }, { ...good, price: { amount: 1.5, currency: "EUR" } }]), [good]);
  for (const bad of [null, {}, "x", 3]) assert.deepEqual(parseCart(bad), []);
});

test("no more goes into the cart than is left, and what is there stays", () => {
  const rare = { ...mug, available: 3 };
  assert.equal(add([], { ...mug, max_per_order: 12 }, 20)[0].quantity, 12);
  assert.equal(add([], rare, 5)[0].quantity, 3);
  assert.equal(add(add([], rare, 2), rare, 2)[0].quantity, 3);
  assert.equal(add(add([], mug, 5), rare, 1)[0].quantity, 5);
});
