// Where the shop ships to. The rates are the shop's own data; the quote has the delivery's price.
import { kept } from "./storage.js";

/** ISO 3166-1 alpha-2, and IC (the Canary Islands) and XI (Northern Ireland). */
export const countries = (
  "DE AE AT AU AX BE BG BH BR CA CH CY CZ DK EE ES FI FO FR GB GF GG GI GL GP GR HK HR HU IC IE IL IM IS IT JE JP LB LI LT "
  + "LU LV MC MQ MT NL NO NZ PL PT RE RO SA SE SG SI SK SM US VA XI YT ZA"
).split(" ");

const withoutPostalCodes = new Set("AE HK".split(" "));
const optionalPostalCodes = new Set("BH GI IE LB SA".split(" "));

/** Whether a country's addresses have a postal code. @returns {"needed"|"optional"|"none"} */
export function postalCodes(code) {
  if (withoutPostalCodes.has(code)) return "none";
  return optionalPostalCodes.has(code) ? "optional" : "needed";
}

/** The country to start with: the browser's region where we ship there, else Germany. */
export function homeCountry(languageTags) {
  const regions = languageTags.map((tag) => /-([A-Z]{2})\b/.exec(tag)?.[1]);
  return regions.find((region) => countries.includes(region)) ?? "DE";
}

/** The country the customer wants it shipped to. */
export const country = kept("kontor.country", (raw) => (countries.includes(raw) ? raw : homeCountry(navigator.languages ?? [navigator.language])));
