// The cart.
import { goodsTotal, lineTotal, pieces, setQuantity } from "../cart.js";
import { countries, country } from "../countries.js";
import { h, fill, focusOn } from "../dom.js";
import { country as countryName, current, money, number, t } from "../i18n.js";
import { busyButton, stepper, sums, thumbnail } from "../controls.js";
import { heading, nameOf, notice, say } from "../parts.js";
import { pleasant } from "../names.js";
import { quoted } from "../quotation.js";
import { orderedElsewhere } from "../ordered-elsewhere.js";
import { shortageList, takeWhatIsLeft } from "../shortage.js";
import { cart, leftOf, limitOf, orders } from "../shop.js";

const DEBOUNCE = 300;
const FILTER_FROM = 12;

export default function cartView(main, _, signal) {
  if (cart.get().length === 0) return empty(main);
  const rows = new Map();
  const list = h("ul.cart-lines", { "data-testid": "cart-lines" });
  const closing = h("div.closing", { "aria-live": "polite" });
  // A long list has the way on at hand, wherever it is scrolled to.
  const bar = h("div.cart-bar");
  const newest = orders.get()[0]?.id ?? null;
  const count = h("p.quiet");
  const find = h("input", { type: "search", placeholder: t("cart.find"), "aria-label": t("cart.find"), oninput: narrow });

  function narrow() {
    const words = find.value.trim().toLowerCase();
    for (const row of rows.values()) row.node.hidden = words !== "" && !row.text.includes(words);
  }

  function show() {
    const lines = cart.get();
    const wanted = new Set(lines.map((line) => line.sku));
    for (const [sku, row] of rows) {
      if (!wanted.has(sku)) {
        row.node.remove();
        rows.delete(sku);
      }
    }
    lines.forEach((line, at) => {
      const row = rows.get(line.sku) ?? rowOf(line);
      rows.set(line.sku, row);
      row.show(line);
      if (list.children[at] !== row.node) list.insertBefore(row.node, list.children[at] ?? null);
    });
    find.hidden = bar.hidden = lines.length < FILTER_FROM;
    fill(count, t("cart.size", { lines: lines.length, pieces: pieces(lines), pieces_text: number(pieces(lines)) }));
  }

  function takeOut(line) {
    const at = cart.get().findIndex((one) => one.sku === line.sku);
    const next = list.children[at + 1] ?? list.children[at - 1];
    cart.update((lines) => setQuantity(lines, line.sku, 0));
    focusOn(next?.querySelector(".remove") ?? main.querySelector("h1"));
    say(t("cart.removed", { name: pleasant(line.name) }), { text: t("undo"), run: () => cart.update((lines) => lines.toSpliced?.(at, 0, line) ?? [...lines, line]) });
  }

  function rowOf(first) {
    let line = first;
    const name = pleasant(line.name);
    const amount = stepper({ value: line.quantity, label: t("cart.quantity_of", { name }), most: () => leftOf(line.sku), limit: () => limitOf(line.sku), onchange: (next) => cart.update((lines) => setQuantity(lines, line.sku, next)) });
    const [price, total] = [h("p.quiet"), h("p.line-total")];
    const node = h("li.cart-line", { "data-sku": line.sku },
      thumbnail(line.name),
      h("div.line-name", h("a", { href: `#/product/${encodeURIComponent(line.sku)}` }, nameOf(line.name)), price),
      amount.node, total,
      h("button.remove", { type: "button", "aria-label": t("cart.remove", { name }), title: t("cart.take_out"), onclick: () => takeOut(line) }, h("span", { "aria-hidden": "true" }, "×")));
    let shown = "";
    return { node, text: `${line.name} ${line.sku}`.toLowerCase(), show(now) {
      line = now;
      const what = `${now.quantity} ${now.price.amount}`;
      if (what === shown) return;
      shown = what;
      if (!amount.node.contains(document.activeElement) || amount.value !== now.quantity) amount.set(now.quantity);
      fill(price, t("cart.each", { price: money(now.price) }));
      fill(total, money(lineTotal(now)));
    } };
  }

  let timer;
  let asking;
  let costed = "";
  function cost() {
    const lines = cart.get();
    const what = JSON.stringify([lines.map(({ sku, quantity }) => [sku, quantity]), country.get()]);
    if (what === costed) return;
    costed = what;
    clearTimeout(timer);
    asking?.abort();
    closing.classList.add("waiting");
    timer = setTimeout(async () => {
      const own = new AbortController();
      asking = own;
      signal.addEventListener("abort", () => own.abort());
      try {
        close(await quoted(lines, country.get(), own.signal));
      } catch {
        if (!own.signal.aborted) close({ problem: {} });
      }
    }, closing.childElementCount ? DEBOUNCE : 0);
  }

  function close({ quote, shortages, problem }) {
    closing.classList.remove("waiting");
    const on = h("a.button.main.large", { href: "#/checkout", "data-testid": "to-checkout" }, t("cart.to_checkout"));
    fill(bar, quote && [h("strong", money(quote.total)), h("a.button.main", { href: "#/checkout", "data-testid": "to-checkout-bar" }, t("cart.to_checkout"))]);
    if (quote) fill(closing, sums(quote, "cart-total"), on, h("p.quiet", t("price.included")));
    if (shortages) fill(closing, short(shortages));
    if (problem) fill(closing, notice("bad", t("quote.failed"), reason(problem), again()));
  }

  const again = () => h("button.button", { type: "button", onclick: () => { costed = ""; cost(); } }, t("again"));
  const short = (shortages) => notice("warn", t("shortage.title"), null, shortageList(shortages),
    busyButton("button.button.main", { "data-testid": "adjust-cart" }, t("shortage.adjust"), async () => {
      takeWhatIsLeft(shortages);
      say(t("shortage.adjusted"));
      if (cart.get().length > 0) focusOn(main.querySelector("h1"));
    }));

  const select = h("select", { id: "ship-to", "data-testid": "country", onchange: () => country.set(select.value) }, countryOptions(country.get()));
  fill(main, heading(t("cart.title")), count, find,
    h("div.cart-layout", list,
      h("aside.receipt", { "aria-label": t("cart.summary") },
        h("h2", t("cart.summary")),
        h("div.field", h("label", { for: "ship-to" }, t("cart.ship_to")), select),
        closing,
        h("p.quiet", t("cart.payment_note")))), bar);
  fill(closing, sumsBefore(cart.get()));
  const changed = () => {
    if (cart.get().length === 0) {
      empty(main, newest);
      focusOn(main.querySelector("h1"));
      return;
    }
    show();
    cost();
  };
  cart.onChange(changed, signal);
  country.onChange(cost, signal);
  show();
  cost();
  return { title: t("cart.title") };
}

/** What is known before the shop has answered, so that nothing jumps. */
const sumsBefore = (lines) => h("dl.sums", h("div.sum", h("dt", t("sum.goods")), h("dd", money(goodsTotal(lines)))), h("div.sum", h("dt", t("sum.shipping")), h("dd", "…")), h("div.sum.total", h("dt", t("sum.total")), h("dd", "…")));

/** Why a quote was refused, in the customer's words. */
function reason({ errors = [] }) {
  const known = ["too_many_lines", "total_too_large", "not_shipped_to", "unknown_country", "out_of_range"].find((code) => errors.some((one) => one.code === code));
  return t(known ? `problem.${known}` : "error.text");
}

/** The countries as options, by name; the chosen one selected. */
export function countryOptions(chosen) {
  const named = countries.map((code) => [code, countryName(code)]).sort(([, a], [, b]) => a.localeCompare(b, current()));
  return named.map(([code, name]) => h("option", { value: code, selected: code === chosen }, name));
}

/** Nothing in the cart; an order placed in another tab since `newest` is named. */
function empty(main, newest = orders.get()[0]?.id ?? null) {
  fill(main, h("div.empty", orderedElsewhere(newest), heading(t("cart.empty")), thumbnail("BASKET RED GINGHAM"), h("p", t("cart.empty_text")), h("a.button.main", { href: "#/" }, t("cart.browse"))));
  return { title: t("cart.title") };
}
