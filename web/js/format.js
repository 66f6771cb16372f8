// Money, dates and numbers as the customer's language writes them.

const locales = { de: "de-DE", en: "en-GB" };
const formats = new Map();

function format(kind, language, options) {
  const id = `${kind} ${language} ${JSON.stringify(options)}`;
  if (!formats.has(id)) formats.set(id, new Intl[kind](locales[language], options));
  return formats.get(id);
}

/** `{amount: 1999, currency: "EUR"}` as "19,99 €" or "€19.99". */
export function money({ amount, currency }, language) {
  const currencyFormat = format("NumberFormat", language, { style: "currency", currency });
  return currencyFormat.format(amount / 10 ** currencyFormat.resolvedOptions().maximumFractionDigits);
}

/** 100000 as "100.000" or "100,000". */
export const number = (value, language) => format("NumberFormat", language, {}).format(value);

/** A moment with day and time. @param {string} at RFC 3339 */
export const moment = (at, language) => format("DateTimeFormat", language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));

/** The time alone, or with the day when it is another day than `now`. */
export function deadline(at, now, language) {
  const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
  return format("DateTimeFormat", language, sameDay ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
}

/** Whole minutes from now until then, never below 0. */
export const minutesUntil = (at, now) => Math.max(0, Math.floor((new Date(at).getTime() - now) / 60_000));

const beyondIso = { XI: { de: "Nordirland", en: "Northern Ireland" } };

/** A country's or territory's name. @param {string} code ISO 3166-1 alpha-2, or XI */
export function country(code, language) {
  return beyondIso[code]?.[language] ?? format("DisplayNames", language, { type: "region" }).of(code) ?? code;
}
