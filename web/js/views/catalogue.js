// The catalogue: browse, search, more.
import * as api from "../api.js";
import { h, fill } from "../dom.js";
import { money, number, t } from "../i18n.js";
import { announce, heading, nameOf, notice, stamp } from "../parts.js";
import { picture } from "../picture/picture.js";
import { pleasant } from "../names.js";
import { putInCart } from "../put-in-cart.js";
import { see } from "../shop.js";

const DEBOUNCE = 250;
const shelves = [
  ["heart", "HEART RED"], ["candle", "CANDLE IVORY"], ["bag", "BAG BLUE POLKADOT"], ["christmas", "CHRISTMAS TREE"], ["mug", "MUG GREEN STAR"], ["cake", "CAKE PINK"],
  ["garden", "WATERING CAN TEAL"], ["necklace", "NECKLACE AMBER"], ["vintage", "ALARM CLOCK RED"], ["bird", "BIRD BLUE"], ["party", "BUNTING RED"], ["notebook", "NOTEBOOK PURPLE OWL"],
];

const heroes = ["RED RETROSPOT CAKESTAND", "BLUE BIRD CERAMIC", "IVORY HANGING LANTERN GOLD"];

// What the customer has browsed to stays when they come back from a product.
const shown = { q: null, correction: undefined, items: [], cursor: null, scroll: 0 };

/** The address of the catalogue as it was left. */
export const catalogueAddress = () => (shown.q ? `#/?q=${encodeURIComponent(shown.q)}` : "#/");

export default function catalogue(main, { query }, signal) {
  const q = query.get("q") ?? "";
  let asking = null;
  const input = h("input", { type: "search", id: "search", name: "q", value: q, "data-testid": "search", autocomplete: "off", enterkeyhint: "search", placeholder: t("search.placeholder"), maxlength: 100 });
  const status = h("p.quiet", { "aria-live": "polite" });
  const title = h("h2");
  const grid = h("ul.grid", { "aria-labelledby": "results", "data-testid": "products" });
  const foot = h("div.foot");
  title.id = "results";

  async function load({ q: words, cursor = null }) {
    asking?.abort();
    const own = new AbortController();
    asking = own;
    signal.addEventListener("abort", () => own.abort());
    grid.setAttribute("aria-busy", "true");
    try {
      const page = await api.products({ q: words, cursor }, own.signal);
      shown.items = cursor ? [...shown.items, ...page.items] : page.items;
      Object.assign(shown, { q: words, correction: page.correction, cursor: page.next_cursor });
      show(page.items, Boolean(cursor));
    } catch (error) {
      if (!own.signal.aborted) fail(error, { q: words, cursor });
    }
  }

  function show(items, more) {
    const cards = items.map(card);
    if (more) grid.append(...cards);
    else fill(grid, cards);
    grid.removeAttribute("aria-busy");
    title.hidden = shown.q !== "" && shown.items.length === 0;
    fill(title, shown.q ? t("catalogue.found", { q: shown.correction ?? shown.q }) : t("catalogue.all"));
    fill(status, shown.correction ? t("catalogue.corrected", { q: shown.q, words: shown.correction }) : "");
    fill(foot, shown.items.length === 0 ? nothing() : shown.cursor ? moreButton() : h("p.quiet", t("catalogue.end")));
    if (more) announce(t("catalogue.more_came", { count: items.length }));
    else if (shown.q) announce(t("catalogue.count", { count: shown.items.length, more: Boolean(shown.cursor) }));
  }

  function moreButton() {
    const button = h("button.button", { type: "button", "data-testid": "load-more", onclick: () => {
      button.setAttribute("aria-disabled", "true");
      button.classList.add("busy");
      load({ q: shown.q, cursor: shown.cursor }).then(() => foot.querySelector("button")?.focus({ preventScroll: true }));
    } }, h("span", t("catalogue.more")));
    return button;
  }

  const nothing = () => notice("info", t("catalogue.nothing"), t("catalogue.nothing_text"), h("a.button", { href: "#/" }, t("catalogue.show_all")));

  function fail(error, again) {
    grid.removeAttribute("aria-busy");
    if (!again.cursor) fill(grid);
    fill(foot, notice("bad", t("error.title"), t("error.text"), h("button.button", { type: "button", onclick: () => load(again) }, t("again"))));
  }

  let timer;
  const search = (words) => {
    clearTimeout(timer);
    history.replaceState(null, "", words ? `#/?q=${encodeURIComponent(words)}` : "#/");
    marked(words);
    load({ q: words });
  };
  const typed = () => input.value.trim().replace(/\s+/g, " ");
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => search(typed()), DEBOUNCE);
  });
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    shown.scroll = window.scrollY;
  });

  const chips = shelves.map(([words, drawn]) => h("li", h("a.chip", { href: `#/?q=${words}`, "data-q": words }, picture(drawn), h("span", t(`shelf.${words}`)))));
  const marked = (words) => chips.forEach((chip) => {
    const link = chip.firstChild;
    if (link.dataset.q === words) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  });

  fill(main,
    h("section.hero", heading(t("catalogue.title")), h("p.lead", t("catalogue.lead")),
      h("div.hero-stamps", { "aria-hidden": "true" }, heroes.map((name) => stamp(name)))),
    h("form.search", { role: "search", onsubmit: (event) => { event.preventDefault(); search(typed()); } },
      h("label.hidden", { for: "search" }, t("search.label")), input, h("button.button.main", { type: "submit" }, t("search.button"))),
    h("nav", { "aria-label": t("catalogue.shelves") }, h("ul.chips", chips)),
    h("section", h("div.shelf-head", title, h("p.quiet", t("price.note"))), status, grid, foot));
  marked(q);

  const pageTitle = q ? t("catalogue.found", { q }) : t("catalogue.title");
  if (shown.q === q && shown.items.length > 0) {
    show(shown.items, false);
    return { title: pageTitle, scroll: shown.scroll };
  }
  fill(title, t("catalogue.all"));
  fill(grid, Array.from({ length: 12 }, ghost));
  load({ q });
  return { title: pageTitle };
}

const ghost = () => h("li.card.ghost", { "aria-hidden": "true" }, h("div.stamp"), h("span.card-name", "\u00a0"), h("p.price", "\u00a0"));

function card(product) {
  see(product);
  const there = product.available > 0;
  const label = pleasant(product.name);
  return h("li.card", { "data-testid": "product-card", "data-sku": product.sku },
    h("a.card-link", { href: `#/product/${encodeURIComponent(product.sku)}` }, stamp(product.name), nameOf(product.name, "span.card-name")),
    h("div.card-foot",
      h("p.price", money(product.price)),
      there
        ? h("button.add", { type: "button", "data-testid": "add-to-cart", "aria-label": t("cart.add_this", { name: label }), title: t("cart.add"), onclick: (event) => putInCart(product, 1, event.currentTarget) }, h("span.plus", { "aria-hidden": "true" }, "+"))
        : h("span.sold-out", t("product.sold_out"))),
    there && product.available < 20 && h("p.few", t("product.few", { count: number(product.available) })));
}
