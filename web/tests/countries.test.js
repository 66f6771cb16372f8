// The page's countries are those that the shop ships to.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { countries } from "../js/countries.js";

test("the page offers exactly the countries that the shop has a rate for", async () => {
  const csv = await readFile(new URL("../../crates/domain/src/shipping_rates.csv", import.meta.url), "utf8");
  const rates = csv.trim().split("\n").slice(1).map((row) => row.split(",")[0]);
  assert.deepEqual([...countries].sort(), rates.sort());
});
