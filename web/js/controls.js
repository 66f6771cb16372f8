// What cart, checkout and orders are made of: quantities, sums, lists of lines, dialogs.
import { MAX_QUANTITY, parseQuantity } from "./cart.js";
import { focusOn, h, newId } from "./dom.js";
import { money, number, t } from "./i18n.js";
import { nameOf, say } from "./parts.js";
import { picture } from "./picture/picture.js";

const later = globalThis.IntersectionObserver && new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries.filter((entry) => entry.isIntersecting)) {
    if (isIntersecting) later.unobserve(target);
    target.append(picture(target.dataset.name));
  }
}, { rootMargin: "400px" });

/** A small picture, drawn when it comes near the screen: a cart may have 1,200 of them. */
export function thumbnail(name) {
  const node = h("div.thumb", { "data-name": name });
  if (later) later.observe(node);
  else node.append(picture(name));
  return node;
}

/** A quantity: minus, a number, plus. Calls back with each good value. `most` says how many pieces are left, `limit` how many an order takes; more is not taken, and said. */
export function stepper({ value, label, onchange, testid, most = () => Infinity, limit = () => Infinity }) {
  const input = h("input", {
    type: "text", inputmode: "numeric", pattern: "[0-9.,]*", value: String(value), "aria-label": label, autocomplete: "off", maxlength: 9, "data-testid": testid ?? "quantity",
    onchange: () => take(parseQuantity(input.value)),
    onfocus: () => input.select(),
    onkeydown: (event) => {
      const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      take(value + step);
    },
  });
  const take = (next) => {
    const left = Math.max(1, Math.min(MAX_QUANTITY, most(), limit()));
    if (next === null) say(t("quantity.whole"));
    else if (next >= 1) {
      if (next > left && next > value) say(t(limit() < most() ? "quantity.limit" : "product.few", { count: number(left) }));
      value = next > left ? Math.min(next, Math.max(value, left)) : next;
      onchange?.(value);
    }
    input.value = String(value);
  };
  const button = (text, name, step) => h("button.step", { type: "button", "aria-label": `${name}: ${label}`, onclick: () => take(value + step) }, text);
  const node = h("div.stepper", { role: "group", "aria-label": label }, button("−", t("quantity.less"), -1), input, button("+", t("quantity.more"), 1));
  return { node, get value() { return parseQuantity(input.value) ?? value; }, set(next) { value = next; input.value = String(next); } };
}

/** The sums of a quote or an order, as a ledger closes them. */
export function sums({ lines, shipping, taxes, total }, totalTestid) {
  const goods = { amount: lines.reduce((sum, line) => sum + line.line_total.amount, 0), currency: total.currency };
  const row = (label, value, kind = "div.sum") => h(kind, h("dt", label), h("dd", value));
  return h("dl.sums",
    row(t("sum.goods"), money(goods)),
    row(t("sum.shipping"), shipping.amount === 0 ? t("sum.free") : money(shipping)),
    h("div.sum.total", h("dt", t("sum.total")), h("dd", { "data-testid": totalTestid ?? "total" }, money(total))),
    taxes.map(({ rate, net, tax }) => row(t("sum.tax", { rate, net: money(net) }), money(tax), "div.sum.tax")));
}

/** Lines of a quote or an order, in short. Long lists scroll in a box of their own. */
export function linesTable(lines, label) {
  const rows = lines.map((line) => h("tr",
    h("th", { scope: "row" }, nameOf(line.name), h("small", `${number(line.quantity)} × ${money(line.unit_price)}`)),
    h("td", money(line.line_total))));
  const table = h("table.lines", h("caption.hidden", label), h("tbody", rows));
  return lines.length <= 20 ? table : h("div.scroll", { role: "region", tabindex: "0", "aria-label": label }, table);
}

/** Asks in a dialog. Resolves with the chosen answer, `null` when closed without one. */
export function ask(title, content, answers) {
  return new Promise((resolve) => {
    const id = newId("dialog");
    const buttons = answers.map(({ text, value, main, testid }) =>
      h(main ? "button.button.main" : "button.button", { type: "button", "data-testid": testid, onclick: () => dialog.close(value) }, text));
    const dialog = h("dialog", { "aria-labelledby": id }, h("h2", { id, tabindex: "-1" }, title), content, h("div.actions", buttons));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue || null);
    });
    document.body.append(dialog);
    dialog.showModal();
    focusOn(dialog.querySelector("h2"));
  });
}

/** A button that shows it is at work and takes no second click meanwhile. */
export function busyButton(tag, properties, text, work) {
  const label = h("span", text);
  const button = h(tag, { type: "button", ...properties, onclick: async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    button.classList.add("busy");
    try {
      await work();
    } finally {
      button.removeAttribute("aria-disabled");
      button.classList.remove("busy");
    }
  } }, label);
  return button;
}
