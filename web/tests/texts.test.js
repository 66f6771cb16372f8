import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { country, deadline, minutesUntil, money, moment, number } from "../js/format.js";
import deFirst from "../js/i18n/de.js";
import deMore from "../js/i18n/de-more.js";
import enFirst from "../js/i18n/en.js";
import enMore from "../js/i18n/en-more.js";
import legalDe from "../js/i18n/legal-de.js";
import legalEn from "../js/i18n/legal-en.js";
import { pleasant } from "../js/names.js";
import { homeCountry } from "../js/countries.js";

const de = { ...deFirst, ...deMore };
const en = { ...enFirst, ...enMore };
const plain = (text) => text.replace(/[\u00a0\u202f]/g, " ");

test("money is written as the language does, to the cent", () => {
  assert.equal(plain(money({ amount: 1999, currency: "EUR" }, "de")), "19,99 €");
  assert.equal(money({ amount: 99_999_999, currency: "EUR" }, "en"), "€999,999.99");
  assert.equal(plain(money({ amount: 0, currency: "EUR" }, "de")), "0,00 €");
  assert.equal(money({ amount: 500, currency: "JPY" }, "en"), "JP¥500");
});

test("numbers, days and countries follow the language", () => {
  assert.equal(number(100_000, "de"), "100.000");
  assert.match(moment("2026-11-21T10:00:00Z", "en"), /21 Nov 2026/);
  assert.equal(country("CH", "de"), "Schweiz");
  assert.equal(country("CH", "en"), "Switzerland");
});

test("a deadline today is a time, another day's has its day", () => {
  const at = new Date(2026, 10, 21, 10, 30);
  assert.equal(deadline(at.toISOString(), at.getTime() - 60_000, "de"), "10:30");
  assert.match(deadline(at.toISOString(), at.getTime() - 86_400_000, "de"), /21\.11\.2026/);
  assert.equal(minutesUntil(at.toISOString(), at.getTime() - 90_000), 1);
  assert.equal(minutesUntil(at.toISOString(), at.getTime() + 90_000), 0);
});

test("names stop shouting", () => {
  for (const [shouted, said] of [
    ["WHITE HANGING HEART T-LIGHT HOLDER", "White Hanging Heart T-Light Holder"], ["SET OF 6 SOLDIER SKITTLES", "Set of 6 Soldier Skittles"],
    ["SET/6 FRUIT SALAD PAPER CUPS", "Set/6 Fruit Salad Paper Cups"], ["60CM CAKE STAND", "60cm Cake Stand"], ["RETRO 50'S TIN", "Retro 50's Tin"],
    ["GOLD/M.O.P PENDANT", "Gold/M.O.P Pendant"], ["IN THE GARDEN", "In the Garden"], ['RETRO "TEA FOR ONE"', 'Retro "Tea for One"'], ["", ""],
    ["MÜSLI-SCHÜSSEL ÉTÉ", "Müsli-Schüssel Été"], ["ΚΟΥΠΑ ΜΠΛΕ", "Κουπα Μπλε"],
  ]) assert.equal(pleasant(shouted), said);
});

test("a name with small letters is left as it was written", () => {
  for (const name of ["Müsli-Schüssel groß", "iPhone-Hülle XL", "Vase (Ø 12 cm)", "LED-Lampe 5W für A4"]) assert.equal(pleasant(name), name);
});

test("the page promises nothing that nobody does", () => {
  for (const text of [...Object.values(de), ...Object.values(en)]) {
    if (typeof text === "string") assert.doesNotMatch(text, /melden uns|write to you|jemand schneller|somebody was quicker/);
  }
});

test("both languages have the same texts, filled in from the same names", () => {
  assert.deepEqual(Object.keys(de).sort(), Object.keys(en).sort());
  const blanks = (text) => (typeof text === "string" ? [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort() : typeof text);
  for (const key of Object.keys(de)) assert.deepEqual(blanks(de[key]), blanks(en[key]), key);
  for (const page of Object.keys(legalDe)) assert.equal(legalDe[page].length, legalEn[page].length, page);
});

test("every text the page asks for exists", () => {
  const files = ["../js/", "../js/views/"].flatMap((folder) => readdirSync(new URL(folder, import.meta.url)).filter((file) => file.endsWith(".js")).map((file) => folder + file));
  const asked = [...files, "../index.html"].flatMap((file) => {
    const source = readFileSync(new URL(file, import.meta.url), "utf8");
    return [...source.matchAll(/\bt\((?:on \? )?"([\w.]+)"|data-t(?:-label)?="([\w.]+)"|(?: [?:] )"((?:checkout|order|open|product|sum|error|cart)\.\w+)"/g)].map((found) => found[1] ?? found[2] ?? found[3]);
  });
  assert.ok(asked.length > 100);
  for (const key of asked) assert.ok(key in de, key);
});

test("the first view and the products need no text that comes later", () => {
  for (const file of ["main.js", "parts.js", "put-in-cart.js", "views/catalogue.js", "views/product.js"]) {
    const source = readFileSync(new URL(`../js/${file}`, import.meta.url), "utf8");
    for (const [, key] of source.matchAll(/\bt\("([\w.]+)"/g)) assert.ok(key in deFirst, `${file}: ${key}`);
  }
});

test("the order button says what the law wants", () => {
  assert.equal(de["checkout.order"], "Zahlungspflichtig bestellen");
  assert.equal(en["checkout.order"], "Order with obligation to pay");
});

test("the first country is the browser's where we ship there", () => {
  assert.equal(homeCountry(["de-AT", "de"]), "AT");
  assert.equal(homeCountry(["xx-KP", "en"]), "DE");
  assert.equal(homeCountry(["en"]), "DE");
});
