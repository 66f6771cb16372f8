// One order: its live status, and how to pay it.
import * as api from "../api.js";
import { add } from "../cart.js";
import { h, fill } from "../dom.js";
import { minutesUntil } from "../format.js";
import { deadline, has, moment, money, t } from "../i18n.js";
import { busyButton, linesTable, sums } from "../controls.js";
import { heading, notice, say } from "../parts.js";
import { goAndPay, isPaymentPage } from "../pay.js";
import { pauseAfter, restWhileSeen } from "../poll.js";
import { cart, confirmed, tokenOf } from "../shop.js";

const way = ["placed", "paid", "forwarded", "shipped", "delivered"];
const LONG_WAIT = 20_000;

export default function orderView(main, { id, query }, signal) {
  const token = tokenOf(id);
  const title = t("order.title");
  if (!token) {
    unknownOrder(main);
    return { title };
  }
  const page = new OrderPage(main, { id, token, signal, paid: query.has("paid"), left: query.has("left") });
  const isNew = query.has("new");
  if (isNew) history.replaceState(history.state, "", `#/order/${encodeURIComponent(id)}`);
  page.watch();
  if (isNew) page.pay();
  return { title };
}

function unknownOrder(main) {
  fill(main, h("div.narrow", heading(t("order.unknown")), h("p", t("order.unknown_text")),
    h("div.actions", h("a.button.main", { href: "#/orders" }, t("nav.orders")), h("a.button", { href: "#/" }, t("cart.browse")))));
}

class OrderPage {
  constructor(main, { id, token, signal, paid, left }) {
    Object.assign(this, { main, id, token, signal, paid, left, since: Date.now(), order: null, text: "" });
    this.status = h("strong.rubber", { "data-testid": "order-status" }, "…");
    this.meaning = h("p.lead");
    this.said = h("div.said", { role: "status" });
    this.paying = h("div", this.said);
    this.body = h("div");
    fill(main, heading(t("order.title")), h("p.sku", id),
      h("div.status", { role: "status", "aria-live": "polite" }, h("span.hidden", t("order.status")), this.status, this.meaning),
      this.paying, this.body);
  }

  async watch() {
    for (let count = 0; !this.signal.aborted; count += 1) {
      try {
        const fresh = this.justConfirmed() ?? await api.order(this.id, this.token, this.signal);
        if (fresh.status !== this.order?.status) count = 0;
        this.show(fresh);
      } catch (error) {
        if (this.signal.aborted) return;
        if (error.status === 404) {
          unknownOrder(this.main);
          return;
        }
        if (!this.order) this.failed();
      }
      const pause = pauseAfter(this.order?.status ?? "placed", count, this.paid);
      if (pause === null) return;
      await restWhileSeen(pause, this.signal).catch(() => {});
    }
  }

  /** The order as it was confirmed, once. */
  justConfirmed() {
    const order = confirmed.get(this.id);
    confirmed.delete(this.id);
    return order;
  }

  failed() {
    fill(this.body, notice("bad", t("error.title"), t("error.text"), h("button.button", { type: "button", onclick: () => location.reload() }, t("again"))));
  }

  show(order) {
    const changed = JSON.stringify(order) !== JSON.stringify(this.order);
    this.order = order;
    this.showStatus();
    this.showPaying();
    if (changed) fill(this.body, steps(order), this.ways(order), details(order));
  }

  showStatus() {
    const { status, refunded, history } = this.order;
    const failed = status === "cancelled" && history.some(({ event }) => event === "payment_failed");
    const waits = status === "placed" && this.paid;
    const meaning = waits ? (this.isLong() ? "order.confirming_long" : "order.confirming") : status === "placed" && this.left ? "order.left" : failed ? "order.means.payment_failed" : `order.means.${status}`;
    const text = refunded ? `${t(meaning)} ${t("order.refunded", { amount: money(refunded) })}` : t(meaning);
    const key = `${status} ${text}`;
    if (key === this.text) return;
    this.text = key;
    this.status.dataset.status = status;
    fill(this.status, t(`status.${status}`));
    fill(this.meaning, text);
  }

  isLong() {
    return Date.now() - this.since > LONG_WAIT;
  }

  /** The way to the payment page, while the order waits for it. */
  showPaying() {
    const { status, expires_at: until, total } = this.order;
    const doubtful = status === "placed" && this.paid;
    const open = status === "placed" && (!this.paid || this.isLong());
    const minutes = until ? minutesUntil(until, Date.now()) : null;
    const key = open ? (doubtful ? "doubtful" : `${until} ${minutes}`) : "";
    if (key === this.payingKey) return;
    this.payingKey = key;
    if (!open) {
      fill(this.paying, status === "placed" && this.said);
      return;
    }
    if (doubtful) {
      this.askProvider();
      return;
    }
    const due = until && h("p", t("order.pay_until", { at: deadline(until), minutes }));
    const box = this.paying.querySelector(".pay");
    if (box && due) box.querySelector(".due").replaceChildren(due);
    else fill(this.paying, h("section.pay.notice.warn", h("p.notice-title", t("order.to_pay", { total: money(total) })), h("div.due", due), this.said, h("div.actions", this.payButton())));
  }

  /** The webhook is late: asks the provider. While the page is still open there, the way to it is a small one. */
  async askProvider() {
    fill(this.paying, h("section.pay.notice.info", { "data-testid": "paid-already" }, h("p.notice-title", t("order.paid_already")), h("p", t("order.paid_already_text")), this.said));
    try {
      const { redirect_url: url } = await api.payment(this.id, this.token, this.signal);
      if (this.order.status === "placed" && isPaymentPage(url, location.protocol)) this.say(h("p", t("order.not_paid"), " ", h("a", { href: url, "data-testid": "pay" }, t("order.pay_again"))));
    } catch (error) {
      if (error.code === "order_not_payable" || error.code === "payment_window_closed") api.order(this.id, this.token, this.signal).then((fresh) => this.show(fresh), () => {});
    }
  }

  payButton() {
    return busyButton("button.button.main.large", { "data-testid": "pay" }, t(this.left ? "order.pay_again" : "order.pay"), () => this.pay());
  }

  /** To the payment page; an obstacle is shown beside the button. */
  async pay() {
    try {
      this.say(h("p.quiet", t("order.leaving")));
      const link = await goAndPay(this.id, this.token, this.signal);
      if (link) this.say(h("p", t("order.keep_page")), h("a.button.main", { href: link, target: "_blank", rel: "noopener noreferrer" }, t("order.open_payment")));
    } catch (error) {
      if (!this.signal.aborted) this.payFailed(error);
    }
  }

  payFailed(error) {
    if (error.code === "order_not_payable" || error.code === "payment_window_closed") {
      this.say(h("p", t(error.code === "order_not_payable" ? "order.not_payable" : "order.too_late")));
      api.order(this.id, this.token, this.signal).then((fresh) => this.show(fresh), () => {});
      return;
    }
    const seconds = error.retryAfter;
    const text = error instanceof api.NetworkGone ? t("order.pay_gone") : error.code === "payment_refused" ? t("order.pay_refused") : seconds ? t("order.pay_later", { seconds }) : t("order.pay_failed");
    this.say(h("p", text));
  }

  say(...content) {
    fill(this.said, content);
  }

  ways(order) {
    if (order.status === "expired" || order.status === "cancelled") {
      return h("div.actions", h("button.button.main", { type: "button", "data-testid": "order-again", onclick: () => this.putBack() }, t("order.again")), h("a.button", { href: "#/" }, t("cart.browse")));
    }
    return order.status === "placed" ? null : h("div.actions", h("a.button", { href: "#/" }, t("order.go_on")));
  }

  putBack() {
    cart.update((lines) => this.order.lines.reduce((all, line) => add(all, { sku: line.sku, name: line.name, price: line.unit_price }, line.quantity), lines));
    say(t("order.put_back"));
    location.hash = "#/cart";
  }
}

function steps({ status, history }) {
  const reached = way.indexOf(status === "payment_pending" ? "placed" : status);
  if (reached < 0) return null;
  const when = new Map(history.map(({ event, at }) => [event, at]));
  return h("ol.steps", { "aria-label": t("order.way") }, way.map((step, at) =>
    h(at < reached ? "li.past" : at === reached ? "li.now" : "li", { "aria-current": at === reached ? "step" : null },
      h("span.step-name", t(`step.${step}`)), when.has(step) && h("time", { datetime: when.get(step) }, moment(when.get(step))))));
}

function details(order) {
  const events = order.history.filter(({ event }) => has(`event.${event}`));
  return h("div.order-details",
    h("section.receipt", { "aria-labelledby": "order-lines" }, h("h2", { id: "order-lines" }, t("order.lines")), linesTable(order.lines, t("order.lines")), sums(order)),
    h("section", { "aria-labelledby": "order-history" }, h("h2", { id: "order-history" }, t("order.history")),
      h("ol.history", events.map(({ at, event }) => h("li", h("time", { datetime: at }, moment(at)), " ", t(`event.${event}`)))),
      h("p.quiet", t("order.kept_here"))));
}
