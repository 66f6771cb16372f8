// One product.
import * as api from "../api.js";
import { h, fill } from "../dom.js";
import { money, number, t } from "../i18n.js";
import { stepper } from "../controls.js";
import { heading, nameOf, notice, stamp } from "../parts.js";
import { pleasant } from "../names.js";
import { motifOf } from "../picture/words.js";
import { putInCart } from "../put-in-cart.js";
import { leftOf, limitOf, see, seen } from "../shop.js";
import { catalogueAddress } from "./catalogue.js";

export default function product(main, { id: sku }, signal) {
  const known = seen.get(sku);
  const back = h("p.back", h("a", { href: catalogueAddress() }, `← ${t("product.back")}`));
  const place = h("div");
  const alike = h("section.alike");
  fill(main, back, place, alike);
  if (known) show(known);
  else fill(place, heading(t("loading")));

  api.product(sku, signal).then(
    (fresh) => {
      see(fresh);
      if (!known || JSON.stringify(known) !== JSON.stringify(fresh)) show(fresh);
      document.title = `${pleasant(fresh.name)} · Kontor`;
      similar(fresh).catch(() => fill(alike));
    },
    (error) => {
      if (!signal.aborted) fail(error);
    });

  function fail(error) {
    const missing = error.code === "product_not_found" || error.status === 404;
    fill(place, heading(missing ? t("product.missing") : t("error.title")),
      notice(missing ? "info" : "bad", missing ? t("product.missing_text") : t("error.text"), null, h("a.button.main", { href: "#/" }, t("catalogue.show_all"))));
  }

  function show(one) {
    const there = one.available > 0;
    const amount = stepper({ value: 1, label: t("quantity"), most: () => leftOf(sku), limit: () => limitOf(sku) });
    const button = h("button.button.main.large", { type: "button", "data-testid": "add-to-cart", onclick: () => putInCart(one, amount.value, button) }, h("span", t("cart.add")));
    const focused = place.contains(document.activeElement);
    fill(place, h("article.product", stamp(one.name, "div.stamp.big"),
      h("div.facts",
        heading(nameOf(one.name)),
        h("p.sku", t("product.sku", { sku: one.sku })),
        h("p.price.large", money(one.price)),
        h("p.quiet", t("product.tax", { rate: one.tax_rate }), " ", h("a", { href: "#/shipping" }, t("product.shipping"))),
        h(there ? "p.stock" : "p.stock.out", { "data-testid": "stock" }, !there ? t("product.sold_out_text") : one.available < 20 ? t("product.few", { count: number(one.available) }) : t("product.there")),
        there && h("div.buy", amount.node, button),
        h("p.quiet", t("product.picture")))));
    if (focused) place.querySelector("h1").focus();
  }

  async function similar({ name }) {
    const { object, symbol, words } = motifOf(name);
    const word = words.findLast?.((one) => one.length > 3 && (object || symbol)) ?? null;
    if (!word) return;
    const { items } = await api.products({ q: word.toLowerCase() }, signal);
    const others = items.filter((one) => one.sku !== sku).slice(0, 6);
    see(...others);
    if (others.length < 2) return;
    fill(alike, h("h2", t("product.alike")), h("ul.grid.small", others.map((one) => h("li.card",
      h("a.card-link", { href: `#/product/${encodeURIComponent(one.sku)}` }, stamp(one.name), nameOf(one.name, "span.card-name")), h("p.price", money(one.price))))));
  }

  return { title: known ? pleasant(known.name) : t("product.title") };
}
