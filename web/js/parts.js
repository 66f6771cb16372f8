// Parts of the page that every view uses.
import { fill, h } from "./dom.js";
import { catalogueLanguage } from "./i18n.js";
import { pleasant } from "./names.js";
import { picture } from "./picture/picture.js";

/** A product's name in pleasant case, marked with the catalogue's language for screen readers. */
export const nameOf = (name, tag = "span") => h(tag, { lang: catalogueLanguage() }, pleasant(name));

/** A product's picture on a postage stamp. */
export const stamp = (name, tag = "div.stamp") => h(tag, picture(name));

/** The page's heading, where focus goes when the view changes. */
export const heading = (...children) => h("h1", { tabindex: "-1" }, ...children);

/** A message with ways on. @param {"info"|"warn"|"bad"|"good"} kind */
export function notice(kind, title, text, ...actions) {
  return h(`div.notice.${kind}`, { role: kind === "bad" || kind === "warn" ? "alert" : null },
    h("p.notice-title", title), text && h("p", text), actions.length > 0 && h("div.actions", actions));
}

const TOAST_MS = 5_000;
const ACTION_TOAST_MS = 8_000;
/** Said together with a change of view, a toast goes along. */
const ARRIVES_WITH_MS = 500;
let fading;
let saidAt = 0;
/** Says something for a moment, for eyes and for screen readers. */
export function say(text, action) {
  const toast = document.getElementById("toast");
  clearTimeout(fading);
  saidAt = Date.now();
  fill(toast, h("p", text), action && h("button.link", { type: "button", onclick: () => { fill(toast); action.run(); } }, action.text));
  fading = setTimeout(() => fill(toast), action ? ACTION_TOAST_MS : TOAST_MS);
}

/** Takes the toast away where it would be in the way: on another view, or over a field that is filled in. */
export function hush() {
  if (Date.now() - saidAt > ARRIVES_WITH_MS) fill(document.getElementById("toast"));
}

/** Says something to screen readers alone. */
export function announce(text) {
  fill(document.getElementById("announce"), text);
}
