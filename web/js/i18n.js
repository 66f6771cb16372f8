// The page's languages. A text is a string with {names} to fill in, or a function of what is to be filled in.
import { kept } from "./storage.js";
import * as format from "./format.js";

export const languages = ["de", "en"];
const chosen = kept("kontor.language", (raw) => (languages.includes(raw) ? raw : null));

const asBrowser = () => (navigator.languages ?? [navigator.language]).map((tag) => tag.slice(0, 2)).find((tag) => languages.includes(tag)) ?? "en";

let language = chosen.get() ?? asBrowser();
let texts = {};
const changes = new EventTarget();

async function load(next) {
  const module = await import(`./i18n/${next}.js`);
  language = next;
  texts = module.default;
  document.documentElement.lang = next;
}

/** Fetches the texts of cart, checkout and orders. */
export async function moreTexts() {
  const asked = language;
  const module = await import(`./i18n/${asked}-more.js`);
  if (asked === language) texts = { ...texts, ...module.default };
}

/** Resolves when the texts are there. */
export const ready = load(language);
/** The language now: `de` or `en`. */
export const current = () => language;

/** Changes the language, for good. */
export async function setLanguage(next) {
  await load(next);
  chosen.set(next);
  changes.dispatchEvent(new Event("change"));
}

/** The language of the products' names, as index.html says it; `null` where it does not. */
export const catalogueLanguage = () => document.querySelector("meta[name=catalogue-language]")?.content || null;

/** Calls back after each change of language. */
export const onLanguage = (listener) => changes.addEventListener("change", listener);

/** A text in the customer's language. @param {string} key @param {Record<string, any>} [values] */
export function t(key, values = {}) {
  const text = texts[key] ?? key;
  return typeof text === "function" ? text(values) : text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** Whether a text exists. */
export const has = (key) => key in texts;

export const money = (value) => format.money(value, language);
export const number = (value) => format.number(value, language);
export const moment = (at) => format.moment(at, language);
export const deadline = (at) => format.deadline(at, Date.now(), language);
export const country = (code) => format.country(code, language);
