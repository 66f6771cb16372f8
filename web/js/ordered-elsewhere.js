// Two tabs share a cart: what became of it in the other one.
import { h } from "./dom.js";
import { money, t } from "./i18n.js";
import { notice } from "./parts.js";
import { orders } from "./shop.js";

/** Names the order that another tab has placed since `newest` was the newest one; `null` where none was. */
export function orderedElsewhere(newest) {
  const [order] = orders.get();
  if (!order || order.id === newest) return null;
  return notice("good", t("checkout.ordered_elsewhere"), order.total && money(order.total),
    h("a.button.main", { href: `#/order/${encodeURIComponent(order.id)}`, "data-testid": "ordered-elsewhere" }, t("checkout.show_order")));
}
