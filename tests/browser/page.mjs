// What shoppers ran into on the page, each with its right behaviour. Answers that the shop's own data does not give are made of its own.

import assert from "node:assert/strict";

const SKU = "22423";
const PHONE = { width: 390, height: 844 };
const address = { name: "Ada Lovelace", email: "ada@example.org", street: "Unter den Linden 1", "postal-code": "10117", city: "Berlin" };

/** Changes what the API answers to matching requests. */
async function changed(page, pattern, change) {
  await page.route(pattern, async (route) => {
    const response = await route.fetch();
    if (!(response.headers()["content-type"] ?? "").startsWith("application/json")) return route.fulfill({ response });
    return route.fulfill({ response, body: change(await response.text()) });
  });
}

async function putInCart(page, shop) {
  await page.goto(`${shop}/#/product/${SKU}`);
  await page.locator(".product").getByTestId("add-to-cart").click();
  await page.getByText(/^1$/).and(page.getByTestId("cart-count")).waitFor();
}

async function fillCheckout(page, shop) {
  await page.goto(`${shop}/#/checkout`);
  for (const [field, value] of Object.entries(address)) await page.getByTestId(`checkout-${field}`).fill(value);
  await page.locator('[data-testid="order-button"]:not([aria-disabled])').waitFor();
}

/** Places an order and stays: the payment page does not open. The order's address. */
async function placeOrder(page, shop) {
  await page.route("**/payment", (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: "{}" }));
  await putInCart(page, shop);
  await fillCheckout(page, shop);
  await page.getByTestId("order-button").click();
  await page.locator('[data-testid="order-status"][data-status="placed"]').waitFor();
  await page.unroute("**/payment");
  return page.url();
}

async function asWideAsTheScreen(page, view) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= PHONE.width, `${view} is ${wide} px wide`);
}

/** A cart of so many products that the shop has. */
async function fillCart(page, shop, count) {
  await page.goto(shop);
  await page.evaluate(async (wanted) => {
    const lines = [];
    for (let cursor = ""; lines.length < wanted; ) {
      const answer = await (await fetch(`/api/products?limit=100${cursor && `&cursor=${cursor}`}`)).json();
      lines.push(...answer.items.filter((one) => one.available > 0).map(({ sku, name, price }) => ({ sku, name, price, quantity: 1 })));
      cursor = answer.next_cursor;
    }
    localStorage.setItem("kontor.cart", JSON.stringify(lines.slice(0, wanted)));
  }, count);
  await page.goto(`${shop}/#/cart`);
  await page.reload();
}

export const tests = {
  async "a quantity is a whole number of pieces that are left"(page, shop) {
    await changed(page, `**/api/products/${SKU}`, (text) => text.replace(/"available":\d+/, '"available":3'));
    await page.goto(`${shop}/#/product/${SKU}`);
    const quantity = page.getByTestId("quantity");
    for (const typed of ["1,5", "2.0", "10.00"]) {
      await quantity.fill(typed);
      await quantity.press("Tab");
      assert.equal(await quantity.inputValue(), "1", typed);
      await page.getByText("Bitte eine ganze Zahl eingeben").waitFor();
    }
    for (let more = 0; more < 4; more += 1) await page.getByRole("button", { name: /^Mehr/ }).click();
    assert.equal(await quantity.inputValue(), "3");
    await page.getByText("Nur noch 3 Stück").first().waitFor();
    await page.getByTestId("add-to-cart").click();
    await page.getByText(/^3$/).and(page.getByTestId("cart-count")).waitFor();
    await page.getByTestId("cart-link").click();
    await page.getByTestId("cart-lines").getByRole("button", { name: /^Mehr/ }).click();
    assert.equal(await page.getByTestId("cart-lines").getByTestId("quantity").inputValue(), "3");
  },

  async "what is short is said without blaming anybody"(page, shop) {
    const short = { code: "items_unavailable", errors: [{ pointer: "/items/0", code: "sold_out", sku: SKU, available: 3 }] };
    await putInCart(page, shop);
    await page.route("**/api/quote", (route) => route.fulfill({ status: 422, contentType: "application/problem+json", body: JSON.stringify(short) }));
    await page.getByTestId("cart-link").click();
    await page.getByText("Nicht alles ist in dieser Menge da").waitFor();
    assert.doesNotMatch(await page.locator("main").innerText(), /schneller/);
  },

  async "a name is shown as its author wrote it, in the catalogue's language"(page, shop) {
    await changed(page, "**/api/products?**", (text) => text.replaceAll(/"name":"[^"]*"/g, '"name":"Müsli-Schüssel groß"'));
    await page.route(`${shop}/`, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.text()).replace('name="catalogue-language" content="en"', 'name="catalogue-language" content="de"') });
    });
    await page.goto(`${shop}/`);
    const name = page.locator(".card-name").filter({ hasText: "sel" }).first();
    await name.waitFor();
    assert.deepEqual([await name.innerText(), await name.getAttribute("lang")], ["Müsli-Schüssel groß", "de"]);
  },

  async "no view is wider than the screen, however long a name is"(page, shop) {
    await page.setViewportSize(PHONE);
    const long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellsch";
    assert.equal(long.length, 77);
    await changed(page, "**/api/**", (text) => text.replaceAll(/"name":"[^"]*"/g, `"name":"${long}"`));
    await page.goto(shop);
    await page.getByTestId("product-card").first().waitFor();
    await asWideAsTheScreen(page, "the catalogue");
    await putInCart(page, shop);
    await asWideAsTheScreen(page, "the product");
    await page.getByTestId("cart-link").click();
    await page.getByTestId("to-checkout").waitFor();
    await asWideAsTheScreen(page, "the cart");
    await fillCheckout(page, shop);
    await asWideAsTheScreen(page, "the checkout");
    await page.route("**/payment", (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: "{}" }));
    await page.getByTestId("order-button").click();
    await page.locator('[data-testid="order-status"][data-status="placed"]').waitFor();
    await asWideAsTheScreen(page, "the order");
  },

  async "the page recovers by itself after being offline"(page, shop) {
    await page.goto(shop);
    await page.getByTestId("product-card").first().waitFor();
    await page.context().setOffline(true);
    await page.getByTestId("orders-link").click();
    await page.getByText("Wir versuchen es von selbst weiter").first().waitFor();
    await page.context().setOffline(false);
    await page.getByRole("heading", { name: "Meine Bestellungen" }).waitFor({ timeout: 10_000 });
    await page.locator("#banner:empty").waitFor({ state: "attached", timeout: 10_000 });
    await page.getByTestId("cart-link").click();
    await page.getByText("Ihr Warenkorb ist leer").waitFor();
  },

  async "who may have paid is told that there is nothing to do"(page, shop) {
    const order = await placeOrder(page, shop);
    let asked = 0;
    page.on("request", (request) => { asked += request.url().endsWith("/payment") ? 1 : 0; });
    await page.clock.install();
    await page.goto(`${order}?paid=1`);
    await page.getByText("Wir warten noch auf die Bestätigung").waitFor();
    await page.clock.fastForward(30_000);
    await page.getByText("Haben Sie bezahlt? Dann ist nichts zu tun.").waitFor();
    await page.getByTestId("pay").waitFor();
    assert.ok(asked > 0, "the provider was asked");
    assert.equal(await page.getByTestId("paid-already").locator(".button").count(), 0, "no button to pay again");
  },

  async "a second tab names the order that the first one placed"(page, shop) {
    await putInCart(page, shop);
    const other = await page.context().newPage();
    await fillCheckout(page, shop);
    await fillCheckout(other, shop);
    await page.getByTestId("order-button").click();
    await other.getByTestId("ordered-elsewhere").click();
    await other.locator('[data-testid="order-status"][data-status]').waitFor();
    await other.close();
  },

  async "an address abroad is asked for as it is written there"(page, shop) {
    await putInCart(page, shop);
    await fillCheckout(page, shop);
    const country = page.getByTestId("checkout-country");
    await country.selectOption("HK");
    await page.getByTestId("checkout-postal-code").waitFor({ state: "hidden" });
    await country.selectOption("IE");
    await page.getByText("Postleitzahl (falls vorhanden)").waitFor();
    for (const name of ["Jersey", "Guernsey", "Isle of Man", "Gibraltar", "Kanarische Inseln", "Nordirland"]) {
      assert.equal(await country.locator("option").filter({ hasText: name }).count(), 1, name);
    }
    await country.selectOption("ES");
    await page.getByTestId("checkout-postal-code").fill("35001");
    await page.locator('[data-testid="order-button"]:not([aria-disabled])').click();
    await page.getByText("Diese Postleitzahl liegt in einem eigenen Gebiet").waitFor();
    await country.selectOption("AT");
    await page.locator('[data-testid="order-button"]:not([aria-disabled])').click();
    await page.getByText("So sieht in diesem Land keine Postleitzahl aus").waitFor();
  },

  async "a total that holds shipping does not say that shipping comes on top"(page, shop) {
    await putInCart(page, shop);
    await page.getByTestId("cart-link").click();
    await page.getByTestId("to-checkout").waitFor();
    assert.doesNotMatch(await page.locator(".closing").innerText(), /zzgl/);
  },

  async "only what has changed is struck through"(page, shop) {
    await putInCart(page, shop);
    await fillCheckout(page, shop);
    await page.route("**/api/checkout", async (route) => {
      const { items } = JSON.parse(route.request().postData());
      const quote = await (await page.request.post(`${shop}/api/quote`, { data: { items, ship_to: "DE" } })).json();
      quote.total.amount += 100;
      for (const line of quote.lines) line.unit_price.amount += 100;
      await route.fulfill({ status: 409, contentType: "application/problem+json", body: JSON.stringify({ code: "price_changed", quote }) });
    });
    await page.getByTestId("order-button").click();
    await page.getByTestId("accept-price").waitFor();
    const rows = await page.locator(".compare tbody tr").evaluateAll((all) => all.map((row) => Boolean(row.querySelector("s"))));
    assert.deepEqual(rows, [true, false, true]);
  },

  async "a toast goes with the view and covers no field"(page, shop) {
    await putInCart(page, shop);
    const toast = page.locator("#toast p");
    await toast.waitFor();
    await page.waitForTimeout(600);
    await page.getByTestId("orders-link").click();
    await page.getByRole("heading", { name: "Meine Bestellungen" }).waitFor();
    assert.equal(await toast.count(), 0);
  },

  async "the order button keeps its colour under the pointer"(page, shop) {
    await putInCart(page, shop);
    await fillCheckout(page, shop);
    const colour = () => page.getByTestId("order-button").evaluate((button) => getComputedStyle(button).backgroundColor);
    const before = await colour();
    await page.getByTestId("order-button").hover();
    assert.equal(await colour(), before);
  },

  async "a search without a hit has no heading above nothing"(page, shop) {
    await page.goto(`${shop}/#/?q=xyzzyxyzzy`);
    await page.getByText("Dazu haben wir nichts").waitFor();
    assert.ok(!(await page.locator("#results").isVisible()));
  },

  async "the way to the checkout is at hand in a cart of 300 lines"(page, shop) {
    await page.setViewportSize(PHONE);
    await fillCart(page, shop, 300);
    const on = page.getByTestId("to-checkout-bar");
    await on.waitFor();
    const { y } = await on.boundingBox();
    assert.ok(y < PHONE.height, `the button is at ${y} px`);
    await on.click();
    await page.getByTestId("order-button").waitFor();
  },
};
