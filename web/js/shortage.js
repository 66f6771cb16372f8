// What to do when some of the cart cannot be had: say so line by line, and offer to take what is left.
import { reduceTo } from "./cart.js";
import { h } from "./dom.js";
import { number, t } from "./i18n.js";
import { nameOf } from "./parts.js";
import { cart, noteLeft } from "./shop.js";

/** The short lines as a list. */
export function shortageList(shortages) {
  const lines = new Map(cart.get().map((line) => [line.sku, line]));
  return h("ul.shortages", shortages.map(({ sku, available, limited }) => {
    const line = lines.get(sku);
    return h("li", line ? nameOf(line.name, "strong") : sku, ": ",
      limited ? t("quantity.limit", { count: number(available) }) : available > 0 ? t("shortage.left", { count: number(available), wanted: number(line?.quantity ?? 0) }) : t("shortage.none"));
  }));
}

/** Brings the cart down to what is left. */
export function takeWhatIsLeft(shortages) {
  shortages.filter(({ limited }) => !limited).forEach(({ sku, available }) => noteLeft(sku, available));
  cart.update((lines) => reduceTo(lines, shortages));
}
