// The orders placed from this browser.
import { h, fill } from "../dom.js";
import { moment, money, t } from "../i18n.js";
import { heading } from "../parts.js";
import { attempt, orders } from "../shop.js";

export default function ordersView(main, _, signal) {
  const show = () => {
    const all = orders.get();
    fill(main, h("div.narrow", heading(t("orders.title")),
      h("p.quiet", t("orders.where")),
      attempt.get() && h("p.notice.warn", t("open.banner"), " ", h("a", { href: "#/checkout" }, t("open.banner_link"))),
      all.length === 0
        ? h("p", t("orders.none"))
        : h("ul.orders", { "data-testid": "orders" }, all.map((one) => h("li", h("a.order-link", { href: `#/order/${encodeURIComponent(one.id)}` },
          h("span.order-when", one.placed_at ? moment(one.placed_at) : one.id), h("span.sku", one.id), one.total && h("strong", money(one.total)))))),
      h("p", h("a.button", { href: "#/" }, t("cart.browse")))));
  };
  orders.onChange(show, signal);
  show();
  return { title: t("orders.title") };
}
