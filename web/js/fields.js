// The checkout's fields: what they are called at the API, and what is wrong with what was typed.
import { postalCodes } from "./countries.js";

/** The fields by name. `pointer` is where the API finds fault with it; lengths are the API's. */
export const fields = {
  name: { pointer: "/customer/name", autocomplete: "name", maxlength: 100 },
  email: { pointer: "/customer/email", type: "email", autocomplete: "email", inputmode: "email", maxlength: 254, autocapitalize: "none", spellcheck: "false" },
  recipient: { pointer: "/shipping_address/name", autocomplete: "shipping name", maxlength: 100 },
  street: { pointer: "/shipping_address/street", autocomplete: "shipping address-line1", maxlength: 120 },
  postal_code: { pointer: "/shipping_address/postal_code", autocomplete: "shipping postal-code", maxlength: 12, autocapitalize: "characters" },
  city: { pointer: "/shipping_address/city", autocomplete: "shipping address-level2", maxlength: 80 },
  country: { pointer: "/shipping_address/country", autocomplete: "shipping country" },
};

const looksLikeMail = (text) => /^[^\s@.]+(\.[^\s@.]+)*@[^\s@.]+(\.[^\s@.]+)+$/.test(text);
const network = /^(?:4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3[0689]\d{12}|(?:35|6[0245])\d{14,17})$/;

/** Whether a card's number was typed: a network's prefix and length, and the right check digit (ISO/IEC 7812-1). The API looks more closely. */
export function looksLikeCard(text) {
  return (text.match(/\d+(?:[ .-]+\d+)*/g) ?? []).some((run) => {
    const groups = run.split(/\D+/);
    return groups.some((_, first) => groups.slice(first).some((_, more) => {
      const digits = groups.slice(first, first + more + 1).join("");
      return (more === 0 || digits.length > 13) && network.test(digits) && passesLuhn(digits);
    }));
  });
}

const passesLuhn = (digits) => [...digits].reverse().reduce((sum, digit, at) => sum + (at % 2 ? [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][digit] : Number(digit)), 0) % 10 === 0;

/**
 * What is wrong with the values, by field, as the API's codes; the API decides.
 * @returns {Record<string, string>} empty when all is well
 */
export function mistakes(values, gift) {
  const wrong = {};
  for (const name of Object.keys(fields)) {
    const value = (values[name] ?? "").trim();
    if (name === "recipient" && !gift) continue;
    if (name === "postal_code" && (postalCodes(values.country) === "none" || (!value && postalCodes(values.country) === "optional"))) continue;
    if (!value) wrong[name] = "missing";
    else if (name === "email" && !looksLikeMail(value)) wrong[name] = "invalid";
    else if (name !== "email" && name !== "country" && looksLikeCard(value)) wrong[name] = "card_number";
  }
  return wrong;
}

/** The API's errors by field; what concerns no field stays in `rest`. */
export function byField(errors, gift) {
  const wrong = {};
  const rest = [];
  for (const error of errors) {
    const found = Object.keys(fields).find((name) => fields[name].pointer === error.pointer);
    const name = found === "recipient" && !gift ? "name" : found;
    if (!name) rest.push(error);
    else wrong[name] ??= error.code;
  }
  return { wrong, rest };
}
