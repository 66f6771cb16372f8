// The legal pages: honest placeholders of a demonstration shop.
import { h, fill } from "../dom.js";
import { current, t } from "../i18n.js";
import { heading, notice } from "../parts.js";

export default function legal(main, { id }, signal) {
  fill(main, h("div.narrow", heading(t(`legal.${id}`)), h("p.quiet", t("loading"))));
  import(`../i18n/legal-${current()}.js`).then(({ default: pages }) => {
    if (signal.aborted) return;
    fill(main, h("div.narrow.prose", heading(t(`legal.${id}`)), notice("info", t("legal.demo"), t("legal.demo_text")),
      pages[id].map((part) => (part.startsWith("## ") ? h("h2", part.slice(3)) : h("p", part)))));
    if (document.activeElement === document.body) main.querySelector("h1").focus();
  }, () => {
    if (!signal.aborted) fill(main, h("div.narrow", heading(t(`legal.${id}`)), notice("bad", t("error.title"), t("error.text"))));
  });
  return { title: t(`legal.${id}`) };
}
