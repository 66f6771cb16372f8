// Parts of the page that every view uses.
import { fill, h } from "./dom.js";
import { pleasant } from "./names.js";
import { picture } from "./picture/picture.js";

/** A product's name in pleasant case. The catalogue is English, and is marked so for screen readers. */
export const nameOf = (name, tag = "span") => h(tag, { lang: "en" }, pleasant(name));

/** A product's picture on a postage stamp. */
export const stamp = (name, tag = "div.stamp") => h(tag, picture(name));

/** The page's heading, where focus goes when the view changes. */
export const heading = (...children) => h("h1", { tabindex: "-1" }, ...children);

/** A message with ways on. @param {"info"|"warn"|"bad"|"good"} kind */
export function notice(kind, title, text, ...actions) {
  return h(`div.notice.${kind}`, { role: kind === "bad" || kind === "warn" ? "alert" : null },
    h("p.notice-title", title), text && h("p", text), actions.length > 0 && h("div.actions", actions));
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
