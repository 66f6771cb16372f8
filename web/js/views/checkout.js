// The checkout: who, where to, what it costs, and the button that orders.
import { itemsOf } from "../cart.js";
import { country, postalCodes } from "../countries.js";
import { h, fill, focusOn } from "../dom.js";
import { draft } from "../draft.js";
import { byField, fields, mistakes } from "../fields.js";
import { field } from "../form.js";
import { t } from "../i18n.js";
import { linesTable, sums } from "../controls.js";
import { heading, hush, notice, say } from "../parts.js";
import { orderedElsewhere } from "../ordered-elsewhere.js";
import { leaveFor, placeOrder } from "../place-order.js";
import { quoted } from "../quotation.js";
import { askAboutPrice, askAboutShortage, refusalText } from "../refusal.js";
import { attempt, cart, orders } from "../shop.js";
import { countryOptions } from "./cart.js";
import { openAttempt } from "./open-attempt.js";

export default function checkout(main, route, signal, refusal = null, newest = orders.get()[0]?.id ?? null) {
  const own = new AbortController();
  signal.addEventListener("abort", () => own.abort());
  const again = (result = null) => {
    own.abort();
    checkout(main, route, signal, result, newest);
  };
  if (attempt.get()) {
    openAttempt(main, own.signal, again);
    return { title: t("open.title") };
  }
  if (cart.get().length === 0) {
    fill(main, h("div.empty", orderedElsewhere(newest), heading(t("cart.empty")), h("p", t("cart.empty_text")), h("a.button.main", { href: "#/" }, t("cart.browse"))));
    return { title: t("checkout.title") };
  }
  const form = new CheckoutForm(main, own.signal, again);
  if (refusal?.answer) form.refused(refusal.answer, JSON.parse(refusal.attempt.body).expected_total);
  return { title: t("checkout.title") };
}

class CheckoutForm {
  constructor(main, signal, again) {
    Object.assign(this, { main, signal, again, quote: null, working: false });
    const values = draft.get();
    this.inputs = Object.fromEntries(Object.keys(fields).map((name) =>
      [name, field(name, values[name], name === "country" ? countryOptions(country.get()) : null)]));
    this.gift = h("input", { type: "checkbox", id: "gift", "data-testid": "checkout-gift", checked: Boolean(values.gift), onchange: () => this.giftChanged() });
    this.troubles = h("div", { tabindex: "-1" });
    this.closing = h("div.closing");
    this.label = h("span", t("checkout.order"));
    this.button = h("button.button.main.large.order", { type: "submit", "data-testid": "order-button", "aria-disabled": "true" }, this.label);
    this.waiting = h("p.quiet", { role: "status" });
    this.show();
    this.cost();
    cart.onChange(() => this.cartChanged(), signal);
    this.inputs.country.control.addEventListener("change", () => country.set(this.inputs.country.control.value));
    this.postalCode();
    country.onChange((code) => {
      this.inputs.country.control.value = code;
      this.postalCode();
      this.cost();
    }, signal);
  }

  show() {
    const put = (...names) => names.map((name) => this.inputs[name].node);
    const form = h("form.checkout", { novalidate: true, "aria-label": t("checkout.title"), oninput: () => this.keep(), onfocusin: () => hush(), onsubmit: (event) => { event.preventDefault(); this.order(); } },
      h("div.checkout-fields",
        this.troubles,
        h("fieldset", h("legend", t("checkout.you")), put("name", "email")),
        h("fieldset", h("legend", t("checkout.where")),
          h("label.check", this.gift, h("span", t("checkout.gift"))),
          put("recipient", "street"), h("div.side", put("postal_code", "city")), put("country")),
        h("p.quiet", t("checkout.payment"), " ", h("a", { href: "#/privacy" }, t("checkout.privacy")))),
      h("section.receipt", { "aria-labelledby": "closing-title" },
        h("h2", { id: "closing-title" }, t("checkout.summary")), this.closing,
        h("p.legal", t("checkout.terms"), " ", h("a", { href: "#/terms" }, t("legal.terms")), " · ", h("a", { href: "#/withdrawal" }, t("legal.withdrawal"))),
        this.button, this.waiting));
    fill(this.main, h("p.back", h("a", { href: "#/cart" }, `← ${t("checkout.back")}`)), heading(t("checkout.title")), form);
    this.giftChanged();
  }

  giftChanged() {
    this.inputs.recipient.node.hidden = !this.gift.checked;
    this.keep();
  }

  /** Some countries' addresses have no postal code, or may do without. */
  postalCode() {
    const kind = postalCodes(country.get());
    const { node, control } = this.inputs.postal_code;
    node.hidden = kind === "none";
    control.required = kind === "needed";
    fill(node.querySelector("label"), t(kind === "optional" ? "field.postal_code_optional" : "field.postal_code"));
  }

  values() {
    const entries = Object.entries(this.inputs).map(([name, { control }]) => [name, control.value.trim().replace(/\s+/g, " ")]);
    return { ...Object.fromEntries(entries), gift: this.gift.checked };
  }

  keep() {
    draft.set(this.values());
  }

  cartChanged() {
    if (this.working) return;
    if (cart.get().length > 0) this.cost();
    else {
      this.again();
      focusOn(this.main.querySelector("h1"));
    }
  }

  /** Asks for the quote of cart and country as they are now. */
  async cost() {
    const what = JSON.stringify([itemsOf(cart.get()), country.get()]);
    if (this.costed === what) return;
    this.costed = what;
    this.ready(null);
    this.asking?.abort();
    const own = new AbortController();
    this.asking = own;
    this.signal.addEventListener("abort", () => own.abort());
    try {
      const { quote, shortages, problem } = await quoted(cart.get(), country.get(), own.signal);
      if (quote) this.ready(quote);
      if (shortages) this.short({ shortages });
      if (problem) this.uncosted(problem);
    } catch (error) {
      if (!own.signal.aborted) this.uncosted(error);
    }
  }

  uncosted(problem) {
    this.closing.classList.remove("waiting");
    fill(this.closing, notice("bad", t("quote.failed"), refusalText(problem),
      h("button.button", { type: "button", onclick: () => { this.costed = null; this.cost(); } }, t("again"))));
  }

  /** Shows what will be ordered, right above the button, and lets the button order it. */
  ready(quote) {
    this.quote = quote;
    this.closing.classList.toggle("waiting", !quote);
    if (quote) this.button.removeAttribute("aria-disabled");
    else this.button.setAttribute("aria-disabled", "true");
    if (quote) fill(this.closing, linesTable(quote.lines, t("checkout.lines")), sums(quote, "checkout-total"), h("p.quiet", t("price.included")));
    else if (!this.closing.childElementCount) fill(this.closing, h("p.quiet", t("loading")));
  }

  faults(wrong) {
    for (const [name, input] of Object.entries(this.inputs)) input.show(wrong[name]);
    const names = Object.keys(fields).filter((name) => wrong[name]);
    if (names.length === 0) return false;
    fill(this.troubles, notice("bad", t("checkout.mistakes", { count: names.length }), null));
    this.inputs[names[0]].control.focus();
    return true;
  }

  work(on) {
    this.working = on;
    this.button.classList.toggle("busy", on);
    if (on) this.button.setAttribute("aria-disabled", "true");
    else if (this.quote) this.button.removeAttribute("aria-disabled");
    fill(this.label, t(on ? "checkout.sending" : "checkout.order"));
    if (!on) fill(this.waiting);
  }

  body() {
    const { name, email, recipient, street, postal_code, city, country: to, gift } = this.values();
    return {
      items: itemsOf(cart.get()), customer: { name, email },
      shipping_address: { name: gift ? recipient : name, street, postal_code: postalCodes(to) === "none" ? "" : postal_code, city, country: to },
      expected_total: this.quote.total,
    };
  }

  async order() {
    if (this.working) return;
    fill(this.troubles);
    if (this.faults(mistakes(this.values(), this.gift.checked))) return;
    if (!this.quote) {
      say(t("checkout.wait_for_total"));
      return;
    }
    this.work(true);
    const result = await placeOrder(this.body(), (seconds) => fill(this.waiting, t("checkout.busy", { seconds })));
    if (result.outcome === "placed") {
      leaveFor(result.answer.data.order);
      return;
    }
    if (this.signal.aborted) return;
    this.work(false);
    if (result.outcome === "refused") await this.refused(result.answer, this.quote?.total);
    else this.unsettled(result.outcome);
  }

  unsettled(outcome) {
    if (outcome === "unknown" || outcome === "earlier_open") {
      this.again();
      focusOn(this.main.querySelector("h1"));
    } else if (outcome === "cart_changed") {
      this.cartChanged();
      this.trouble("warn", t("checkout.cart_changed"));
    } else {
      this.trouble("warn", t("checkout.other_tab"));
    }
  }

  trouble(kind, title, text, ...actions) {
    fill(this.troubles, notice(kind, title, text, ...actions));
    focusOn(this.troubles);
    this.troubles.scrollIntoView({ block: "center" });
  }

  /** The shop said no, and why: each kind of no has its way on. */
  async refused(answer, expected) {
    if (answer.code === "price_changed" && answer.data.quote) return this.priceChanged(answer.data.quote, this.quote ?? { lines: [], total: expected });
    if (answer.code === "sold_out" || answer.code === "items_unavailable") return this.short(answer);
    const { wrong, rest } = byField(answer.errors, this.gift.checked);
    if (answer.code === "validation_failed" && rest.length === 0 && this.faults(wrong)) return undefined;
    if (answer.code === "idempotency_key_reused") return this.trouble("warn", t("problem.reused"), t("problem.reused_text"), h("a.button", { href: "#/orders" }, t("nav.orders")));
    return this.trouble("bad", t("problem.refused"), refusalText(answer), h("a.button", { href: "#/cart" }, t("checkout.back")));
  }

  async priceChanged(quote, before) {
    const accepted = await askAboutPrice(before, quote);
    if (!accepted) return;
    this.ready(quote);
    this.button.focus();
    this.button.scrollIntoView({ block: "center" });
    say(t("price_changed.accepted"));
  }

  async short(answer) {
    if (this.isAsking) return;
    this.isAsking = true;
    const adjusted = await askAboutShortage(answer);
    this.isAsking = false;
    this.costed = null;
    if (!adjusted) location.hash = "#/cart";
    else if (cart.get().length > 0) this.cost();
  }
}
