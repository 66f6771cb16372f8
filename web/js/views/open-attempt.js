// An order whose outcome is unknown: it was sent, but no answer came. The way on is to send the very same again.
import { waysOn } from "../attempt.js";
import { h, fill, focusOn } from "../dom.js";
import { country as countryName, money, number, t } from "../i18n.js";
import { ask, busyButton } from "../controls.js";
import { heading, nameOf, notice } from "../parts.js";
import { leaveFor, placeOrder } from "../place-order.js";
import { attempt, cart } from "../shop.js";

/**
 * Shows the open attempt.
 * @param {(result: any) => void} refused called when the order was turned down, or settled elsewhere: the checkout can go on
 */
export function openAttempt(main, signal, refused) {
  const open = attempt.get();
  const body = JSON.parse(open.body);
  const ways = waysOn(open, Date.now());
  const said = h("div", { role: "status" });
  let isAsking = false;
  // Settled in another tab.
  attempt.onChange((left) => {
    if (!left && !isAsking) refused(null);
  }, signal);

  const again = busyButton("button.button.main.large", { "data-testid": "send-again" }, t("checkout.order"), async () => {
    fill(said, h("p.quiet", t("open.asking")));
    isAsking = true;
    const result = await placeOrder(null, (seconds) => fill(said, h("p.quiet", t("checkout.busy", { seconds }))));
    isAsking = false;
    if (result.outcome === "placed") leaveFor(result.answer.data.order);
    else if (signal.aborted) return;
    else if (result.outcome === "refused" || result.outcome === "nothing") refused(result);
    else fill(said, notice("warn", result.answer ? t("open.still_busy") : result.outcome === "other_tab" ? t("checkout.other_tab") : t("open.still_gone"), null));
  });
  const letGo = h("button.button", { type: "button", onclick: async () => {
    const sure = await ask(t("open.let_go"), h("p", t("open.let_go_text")), [{ text: t("open.let_go"), value: "yes", main: true }, { text: t("cancel"), value: "" }]);
    if (sure !== "yes") return;
    isAsking = true;
    attempt.set(null);
    location.hash = "#/cart";
  } }, t("open.let_go"));

  const { shipping_address: to, items, expected_total: total } = body;
  fill(main, h("div.narrow", heading(t("open.title")), h("p", t("open.text")),
    h("div.receipt", { "data-testid": "open-attempt" },
      orderedList(items),
      h("address", to.name, h("br"), to.street, h("br"), `${to.postal_code} ${to.city}`, h("br"), countryName(to.country)),
      h("dl.sums", h("div.sum.total", h("dt", t("sum.total")), h("dd", money(total))))),
    ways.resend ? h("p.legal", t("open.once")) : h("p.legal", t("open.too_old")),
    h("div.actions", ways.resend && again, ways.letGo && letGo), said));
  focusOn(main.querySelector("h1"));
}

/** What was ordered, by the names the cart still has. */
function orderedList(items) {
  const names = new Map(cart.get().map((line) => [line.sku, line.name]));
  const list = h("ul", items.map(({ sku, quantity }) => h("li", `${number(quantity)} × `, names.has(sku) ? nameOf(names.get(sku)) : sku)));
  return items.length <= 20 ? list : h("div.scroll", { role: "region", tabindex: "0", "aria-label": t("checkout.lines") }, list);
}
