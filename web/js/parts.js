// Parts of the page that several views use.
import { MAX_QUANTITY, parseQuantity } from "./cart.js";
import { h, fill, newId, focusOn } from "./dom.js";
import { money, number, t } from "./i18n.js";
import { pleasant } from "./names.js";
import { picture } from "./picture/picture.js";

/** A product's name in pleasant case. The catalogue is English, and screen readers are told so. */
export const nameOf = (name, tag = "span") => h(tag, { lang: "en" }, pleasant(name));

/** A product's picture on a postage stamp. */
export const stamp = (name, tag = "div.stamp") => h(tag, picture(name));

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

/** The page's heading, where focus goes when the view changes. */
export const heading = (...children) => h("h1", { tabindex: "-1" }, ...children);

/** A message with ways on. @param {"info"|"warn"|"bad"|"good"} kind */
export function notice(kind, title, text, ...actions) {
  return h(`div.notice.${kind}`, { role: kind === "bad" || kind === "warn" ? "alert" : null },
    h("p.notice-title", title), text && h("p", text), actions.length > 0 && h("div.actions", actions));
}

/** A quantity: minus, a number, plus. Calls back with each good value. */
export function stepper({ value, label, onchange, testid }) {
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
    if (next !== null && next >= 1) {
      value = Math.min(MAX_QUANTITY, next);
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

let fading;
/** Says something for a moment, for eyes and for screen readers. */
export function say(text, action) {
  const toast = document.getElementById("toast");
  clearTimeout(fading);
  fill(toast, h("p", text), action && h("button.link", { type: "button", onclick: () => { fill(toast); action.run(); } }, action.text));
  fading = setTimeout(() => fill(toast), action ? 12_000 : 5_000);
}

/** Says something to screen readers alone. */
export function announce(text) {
  fill(document.getElementById("announce"), text);
}
