// The page's countries are those that the shop ships to.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { countries, postalCodes } from "../js/countries.js";
import { country } from "../js/format.js";

const csv = await readFile(new URL("../../crates/domain/src/countries.csv", import.meta.url), "utf8");
const shippedTo = csv.trim().split("\n").slice(1).map((row) => row.split(",")).filter(([, , , , , flat]) => flat !== "");

test("the page offers exactly the countries that the shop has a rate for", () => {
  assert.deepEqual([...countries].sort(), shippedTo.map(([code]) => code).sort());
  for (const code of ["JE", "GG", "IM", "GI", "IC", "XI", "AE"]) assert.ok(countries.includes(code), code);
});

test("postal codes are asked for where the shop wants them", () => {
  for (const [code, , , , templates] of shippedTo) {
    assert.equal(postalCodes(code), templates === "" ? "none" : templates.startsWith("?") ? "optional" : "needed", code);
  }
});

test("each country and territory has a name in both languages", () => {
  for (const code of countries) for (const language of ["de", "en"]) assert.notEqual(country(code, language), code, code);
  assert.equal(country("IC", "de"), "Kanarische Inseln");
  assert.equal(country("XI", "de"), "Nordirland");
});
