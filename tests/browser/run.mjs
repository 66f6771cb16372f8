// The shop in a browser: a shopper with headless Chromium buys a product on the page of the running local world.
//
// Needs the packages playwright-core and axe-core beside it, Chromium (CHROMIUM, else /usr/bin/chromium) and Cargo.
// `ONLY=WORDS` runs the tests whose names hold the words.
// `SHOP=http://localhost:3000 node run.mjs` uses a shop that runs already. With `SCREENSHOT=FILE` the catalogue is kept as a picture.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { tests as pageTests } from "./page.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const FIRST_VIEW = 60_000; // bytes over the wire
const PAGE_TIMEOUT_MS = 20_000; // for anything that the page waits for

/** Starts the local world on free ports; its address, and how to end it. */
async function shop() {
  if (process.env.SHOP) return { address: process.env.SHOP, end: async () => {} };
  const flags = ["--port", "0", "--payments-port", "0", "--warehouse-port", "0", "--dynamodb-port", "0", "--sqs-port", "0"];
  const world = spawn("cargo", ["run", "--quiet", "--", ...flags], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => world.once("exit", resolve));
  let said = "";
  const address = await new Promise((resolve, reject) => {
    ended.then((code) => reject(new Error(`the local world ended with ${code}:\n${said}`)));
    world.stdout.on("data", (text) => {
      said += text;
      const found = /shop is open: (http:\/\/\S+)/.exec(said);
      if (found) resolve(found[1]);
    });
  });
  return { address, end: async () => { world.kill("SIGINT"); await ended; } };
}

/** Every view must be free of accessibility errors. */
async function accessible(page, view) {
  const require = createRequire(import.meta.url);
  if (!(await page.evaluate(() => "axe" in window))) {
    await page.evaluate(await readFile(require.resolve("axe-core/axe.min.js"), "utf8"));
  }
  const { violations } = await page.evaluate(() => window.axe.run());
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(" | ")}`);
  assert.deepEqual(told, [], `${view} has accessibility errors`);
}

const tests = {
  ...pageTests,

  async "the catalogue's first view is small"(page, address) {
    const client = await page.context().newCDPSession(page);
    await client.send("Network.enable");
    let bytes = 0;
    client.on("Network.loadingFinished", ({ encodedDataLength }) => { bytes += encodedDataLength; });
    await page.goto(address);
    await page.getByTestId("product-card").first().waitFor();
    await page.waitForLoadState("networkidle");
    console.log(`    ${bytes} bytes`);
    assert.ok(bytes > 5_000 && bytes < FIRST_VIEW, `${bytes} bytes`);
    if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
  },

  async "a product is found, bought, paid and followed to the warehouse"(page, address) {
    await page.goto(address);
    await accessible(page, "the catalogue");
    await page.getByTestId("search").fill("regency cakestand");
    const card = page.locator('[data-testid="product-card"][data-sku="22423"]');
    await card.waitFor();
    await card.getByTestId("add-to-cart").click();
    await page.getByText(/^1$/).and(page.getByTestId("cart-count")).waitFor();
    await page.reload();
    await page.getByText(/^1$/).and(page.getByTestId("cart-count")).waitFor();

    await page.getByTestId("cart-link").click();
    await page.getByTestId("to-checkout").waitFor();
    await accessible(page, "the cart");
    await page.getByTestId("to-checkout").click();
    const typed = {
      name: "Ada Lovelace", email: "ada@example.org", street: "Unter den Linden 1", "postal-code": "10117", city: "Berlin",
    };
    for (const [field, value] of Object.entries(typed)) await page.getByTestId(`checkout-${field}`).fill(value);
    await page.locator('[data-testid="order-button"]:not([aria-disabled])').waitFor();
    await accessible(page, "the checkout");
    assert.match(await page.getByTestId("order-button").innerText(), /zahlungspflichtig bestellen/i);
    await page.getByTestId("order-button").click();

    await page.waitForURL(/\/pay\//, { timeout: PAGE_TIMEOUT_MS });
    await accessible(page, "the payment page");
    await page.getByRole("button", { name: /pay|bezahlen/i }).first().click();
    await page.waitForURL(/#\/order\//, { timeout: PAGE_TIMEOUT_MS });
    assert.ok(!page.url().includes("token"), "no token in an address");
    await page.getByText(/^(Bezahlt|Im Lager)$/).and(page.getByTestId("order-status")).waitFor({ timeout: PAGE_TIMEOUT_MS });
    await accessible(page, "the order");
    const inTheWarehouse = page.getByText("Im Lager").and(page.getByTestId("order-status"));
    for (const end = Date.now() + PAGE_TIMEOUT_MS; !(await inTheWarehouse.isVisible()) && Date.now() < end; ) {
      await page.waitForTimeout(500);
      await page.reload();
      await page.locator('[data-testid="order-status"][data-status]').waitFor();
    }
    await inTheWarehouse.waitFor();
    assert.ok(await page.getByTestId("cart-count").isHidden(), "the cart is empty");

    await page.getByTestId("orders-link").click();
    await page.getByTestId("orders").waitFor();
    await accessible(page, "my orders");
  },

  async "an unknown mail address is pointed at and nothing is sent"(page, address) {
    await page.goto(address);
    await page.getByTestId("add-to-cart").first().click();
    await page.goto(`${address}/#/checkout`);
    await page.getByTestId("checkout-email").fill("nowhere");
    await page.locator('[data-testid="order-button"]:not([aria-disabled])').click();
    await page.waitForFunction(() => document.activeElement?.getAttribute("aria-invalid") === "true");
    assert.ok(!page.url().includes("/order/"));
    await accessible(page, "a checkout with mistakes");
  },

  async "the page speaks English on request and remembers it"(page, address) {
    await page.goto(address);
    await page.getByTestId("product-card").first().waitFor();
    assert.equal(await page.locator("html").getAttribute("lang"), "de");
    await page.getByTestId("language-switch").click();
    await page.locator('html[lang="en"]').waitFor({ state: "attached" });
    await page.reload();
    await page.locator('html[lang="en"]').waitFor({ state: "attached" });
    await page.getByTestId("product-card").first().waitFor();
    await accessible(page, "the English catalogue");
  },

  async "the catalogue can be used by keyboard alone"(page, address) {
    await page.goto(address);
    await page.getByTestId("product-card").first().waitFor();
    await page.keyboard.press("Tab");
    assert.match(await page.evaluate(() => document.activeElement.className), /skip/);
    await page.getByTestId("add-to-cart").first().focus();
    await page.keyboard.press("Enter");
    await page.getByText(/^1$/).and(page.getByTestId("cart-count")).waitFor();
  },
};

const { address, end } = await shop();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
let failed = 0;
const chosen = Object.entries(tests).filter(([name]) => name.includes(process.env.ONLY ?? ""));
for (const [name, test] of chosen) {
  // A phone, as most shoppers have.
  const context = await browser.newContext({ locale: "de-DE", viewport: { width: 412, height: 915 } });
  const page = await context.newPage();
  page.setDefaultTimeout(PAGE_TIMEOUT_MS);
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.message));
  try {
    await test(page, address);
    assert.deepEqual(faults, [], "the page threw");
    console.log(`ok: ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED: ${name}\n${error.stack}`);
  }
  await context.close();
}
await browser.close();
await end();
console.log(`${chosen.length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
