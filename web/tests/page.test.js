import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { byField, fields, looksLikeCard, mistakes } from "../js/fields.js";
import { isPaymentPage } from "../js/pay.js";
import * as common from "../js/picture/common.js";
import { choices, coloursFor, mix } from "../js/picture/palette.js";
import * as rare from "../js/picture/rare.js";
import { motifOf } from "../js/picture/words.js";
import { pauseAfter } from "../js/poll.js";
import { backoff } from "../js/api.js";
import { shortagesOf } from "../js/cart.js";
import { readAddress } from "../js/router.js";

const objects = { ...common.objects, ...rare.objects };
const symbols = { ...common.symbols, ...rare.symbols };
const good = { name: "Ada", email: "ada@example.com", street: "Weg 1", postal_code: "10115", city: "Berlin", country: "DE" };

test("addresses name their view", () => {
  for (const [hash, view, id] of [["", "catalogue", null], ["#/?q=heart", "catalogue", null], ["#/product/85099B", "product", "85099B"], ["#/cart", "cart", null],
    ["#/order/01J?paid=1", "order", "01J"], ["#/orders", "orders", null], ["#/imprint", "legal", "imprint"], ["#/nowhere", "missing", null], ["#/product/%E0%A4%A", "product", "%E0%A4%A"]]) {
    const address = readAddress(hash);
    assert.deepEqual([address.view, address.id], [view, id], hash);
  }
  assert.equal(readAddress("#/order/01J?paid=1").query.get("paid"), "1");
});

test("a card number has a network's prefix and length, a parcel locker has not", () => {
  for (const card of ["4242424242424242", "4242 4242 4242 4242", "3782-822463-10005", "Weg 17 4242.4242.4242.4242", "5555 5555 5555 4444", "2223003122003222"]) assert.ok(looksLikeCard(card), card);
  for (const none of ["Packstation 145 8543100001", "Packstation 412 8543100001", "4242424242424241", "9780306406157006", "+49 170 1234567", "Weg 12"]) assert.ok(!looksLikeCard(none), none);
});

test("a postal code is asked for where the country has one", () => {
  assert.deepEqual(mistakes({ ...good, postal_code: "" }, false), { postal_code: "missing" });
  for (const country of ["HK", "AE", "IE", "BH"]) assert.deepEqual(mistakes({ ...good, postal_code: "", country }, false), {}, country);
});

test("the form finds what is missing, no mail address, or a card number", () => {
  assert.deepEqual(mistakes(good, false), {});
  assert.deepEqual(mistakes({ ...good, name: "  ", email: "ada@home" }, false), { name: "missing", email: "invalid" });
  assert.deepEqual(mistakes({ ...good, street: "4242 4242 4242 4242" }, false), { street: "card_number" });
  assert.deepEqual(mistakes(good, true), { recipient: "missing" });
});

test("the shop's errors find their fields", () => {
  const errors = [{ pointer: "/shipping_address/name", code: "too_long" }, { pointer: "/customer/email", code: "invalid" }, { pointer: "/items/3", code: "out_of_range" }];
  assert.deepEqual(byField(errors, true), { wrong: { recipient: "too_long", email: "invalid" }, rest: [errors[2]] });
  assert.deepEqual(byField(errors, false).wrong, { name: "too_long", email: "invalid" });
  assert.equal(new Set(Object.values(fields).map(({ pointer }) => pointer)).size, Object.keys(fields).length);
});

test("shortages are told by SKU; an unknown one has none left", () => {
  const errors = [{ sku: "A", code: "sold_out", available: 2 }, { sku: "B", code: "unknown_sku" }, { sku: "C", code: "over_limit", max_per_order: 12 }, { pointer: "/items", code: "too_many_lines" }];
  assert.deepEqual(shortagesOf({ errors }), [{ sku: "A", available: 2 }, { sku: "B", available: 0 }, { sku: "C", available: 12, limited: true }]);
});

test("only a web address is a payment page", () => {
  assert.equal(isPaymentPage("https://checkout.stripe.com/c/pay/cs_1", "https:"), true);
  assert.equal(isPaymentPage("http://localhost:3001/pay/cs_1", "http:"), true);
  for (const bad of ["http://example.com/", "javascript:alert(1)", "data:text/html,x", "/relative", "", undefined]) assert.equal(isPaymentPage(bad, "https:"), false, bad);
});

test("a payment is asked after quickly, then slower, a paid order seldom, a finished one not at all", () => {
  assert.equal(pauseAfter("delivered", 0, false), null);
  assert.ok(pauseAfter("placed", 0, true) <= 2_000);
  assert.ok(pauseAfter("placed", 60, true) <= 30_000);
  assert.ok(pauseAfter("placed", 100, false) <= 60_000);
  for (const status of ["payment_pending", "paid", "forwarded"]) for (const count of [0, 100]) assert.equal(pauseAfter(status, count, true), 300_000);
  for (let count = 0; count < 12; count += 1) assert.ok(backoff(count + 1, 0.5) >= backoff(count, 0.5));
});

test("every motif a word asks for is drawn, in known inks", () => {
  const notation = /^(?:[A-Za-z](?:M[MmLlHhVvCcSsQqTtAaZz0-9 .,-]+|[oer][-0-9. ]+)(?:\||$))+$/;
  for (const [name, shape] of [...Object.entries(symbols), ...Object.entries(objects).map(([key, { shape }]) => [key, shape])]) assert.match(shape, notation, name);
  const words = readFileSync(new URL("../js/picture/words.js", import.meta.url), "utf8");
  const asked = (constant) => [...words.split(`const ${constant} = \``)[1].split("`")[0].matchAll(/(?:^|[|\n])(\w+):/g)].map(([, motif]) => motif);
  for (const motif of asked("objectWords")) assert.ok(objects[motif], motif);
  for (const motif of asked("symbolWords")) assert.ok(symbols[motif], motif);
});

test("a name says what is drawn: the thing, what is on it, how many", () => {
  const drawn = (name) => { const { object, symbol, pieces } = motifOf(name); return [object, symbol, pieces]; };
  assert.deepEqual(drawn("WHITE HANGING HEART T-LIGHT HOLDER"), ["tealight", "heart", 1]);
  assert.deepEqual(drawn("JUMBO BAG OWLS"), ["bag", "owl", 1]);
  assert.deepEqual(drawn("SET OF 3 CAKE TINS PANTRY DESIGN"), ["tin", "cake", 3]);
  assert.deepEqual(drawn("XYZZY"), [null, null, 1]);
  assert.equal(motifOf("LETTER A").glyph, "A");
});

test("the same name always gets the same colours", () => {
  const colours = (name) => coloursFor(motifOf(name).words, choices(name));
  assert.deepEqual(colours("PINK BIRD"), colours("PINK BIRD"));
  assert.equal(colours("RED MUG").a, "#bd3f2e");
  assert.equal(mix("#000000", "#ffffff", 0.5), "#808080");
});

test("the page needs nothing its content security policy forbids", () => {
  const html = readFileSync(new URL("../index.html", import.meta.url), "utf8");
  assert.doesNotMatch(html, /\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)|https?:\/\/(?!www\.w3\.org)/);
  for (const folder of ["../js/", "../js/views/", "../js/picture/"]) {
    for (const file of readdirSync(new URL(folder, import.meta.url)).filter((name) => name.endsWith(".js"))) {
      assert.doesNotMatch(readFileSync(new URL(folder + file, import.meta.url), "utf8"), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/, file);
    }
  }
});

test("what the first view imports is preloaded, so that nothing is fetched in turns", () => {
  const html = readFileSync(new URL("../index.html", import.meta.url), "utf8");
  const wanted = new Set();
  const visit = (path) => {
    if (wanted.has(path)) return;
    wanted.add(path);
    const source = readFileSync(new URL(`..${path}`, import.meta.url), "utf8");
    for (const [, file] of source.matchAll(/^(?:import|export) .*?from "(\.[^"]+)";/gms)) visit(new URL(file, `file://${path}`).pathname);
  };
  visit("/js/main.js");
  const given = new Set([...html.matchAll(/(?:modulepreload" href|async src)="([^"]+)"/g)].map(([, path]) => path));
  assert.deepEqual([...given].sort(), [...wanted].sort());
});
