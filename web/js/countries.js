// Where the shop ships to. The rates are the shop's own data; the quote has the delivery's price.
import { kept } from "./storage.js";

/** ISO 3166-1 alpha-2. */
export const countries = (
  "DE AT BE BG CY CZ DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK CH GB IS LI NO AU BH BR CA HK IL JP LB NZ SA SG US ZA"
).split(" ");

/** The country to start with: the browser's region where we ship there, else Germany. */
export function homeCountry(languageTags) {
  const regions = languageTags.map((tag) => /-([A-Z]{2})\b/.exec(tag)?.[1]);
  return regions.find((region) => countries.includes(region)) ?? "DE";
}

/** The country the customer wants it shipped to. */
export const country = kept("kontor.country", (raw) => (countries.includes(raw) ? raw : homeCountry(navigator.languages ?? [navigator.language])));
