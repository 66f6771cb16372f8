// Putting a product into the cart, from wherever it is offered.
import { add, hasRoomFor, MAX_LINES, pieces } from "./cart.js";
import { number, t } from "./i18n.js";
import { pleasant } from "./names.js";
import { say } from "./parts.js";
import { cart } from "./shop.js";

const SHOWN = 1_400;

/** Puts pieces in, says so, and lets the button show it for a moment. */
export function putInCart(product, quantity, button) {
  if (!hasRoomFor(cart.get(), product.sku)) {
    say(t("cart.full", { count: number(MAX_LINES) }));
    return;
  }
  const before = pieces(cart.get());
  cart.update((lines) => add(lines, product, quantity));
  const inside = cart.get().find((line) => line.sku === product.sku)?.quantity ?? quantity;
  const all = pieces(cart.get()) - before < quantity;
  say(t(all ? "cart.all_there" : "cart.added", { name: pleasant(product.name), count: number(inside) }), { text: t("cart.show"), run: () => { location.hash = "#/cart"; } });
  button?.classList.add("done");
  setTimeout(() => button?.classList.remove("done"), SHOWN);
}
