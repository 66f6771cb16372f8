// The shop's refusals in the customer's words, and the questions that lead on.
import { shortagesOf } from "./cart.js";
import { h } from "./dom.js";
import { has, money, t } from "./i18n.js";
import { ask } from "./controls.js";
import { nameOf } from "./parts.js";
import { shortageList, takeWhatIsLeft } from "./shortage.js";

/** Why, in the customer's language; the request's id where only the shop's log explains it. */
export function refusalText({ code, errors = [], data }) {
  const known = [...errors.map((error) => error.code), code].find((one) => has(`problem.${one}`));
  if (known) return t(`problem.${known}`);
  return data?.request_id ? t("problem.unknown", { id: data.request_id }) : t("error.text");
}

/** Asks whether the new total is accepted. @returns {Promise<boolean>} */
export async function askAboutPrice(before, now) {
  const old = new Map(before.lines.map((line) => [line.sku, line]));
  const changed = now.lines.filter((line) => old.has(line.sku) && old.get(line.sku).unit_price.amount !== line.unit_price.amount);
  const row = (label, from, to, bold) => h("tr", h("th", { scope: "row" }, label), h("td", from && from.amount !== to.amount ? h("s", money(from)) : from ? money(from) : ""), h("td", bold ? h("strong", money(to)) : money(to)));
  const table = h("table.compare",
    h("thead", h("tr", h("th", { scope: "col" }, h("span.hidden", t("price_changed.what"))), h("th", { scope: "col" }, t("price_changed.before")), h("th", { scope: "col" }, t("price_changed.now")))),
    h("tbody",
      changed.slice(0, 8).map((line) => row(nameOf(line.name), old.get(line.sku).unit_price, line.unit_price, false)),
      row(t("sum.shipping"), before.shipping, now.shipping, false),
      row(t("sum.total"), before.total, now.total, true)));
  const answer = await ask(t("price_changed.title"), [h("p", t("price_changed.text")), table],
    [{ text: t("price_changed.accept"), value: "yes", main: true, testid: "accept-price" }, { text: t("price_changed.refuse"), value: "" }]);
  return answer === "yes";
}

/** Asks whether to take what is left, and does. @returns {Promise<boolean>} */
export async function askAboutShortage(answer) {
  const shortages = answer.shortages ?? shortagesOf(answer);
  const reply = await ask(t("shortage.title"), [h("p", t("shortage.text")), shortageList(shortages)],
    [{ text: t("shortage.adjust"), value: "yes", main: true, testid: "adjust-cart" }, { text: t("checkout.back"), value: "" }]);
  if (reply === "yes") takeWhatIsLeft(shortages);
  return reply === "yes";
}
