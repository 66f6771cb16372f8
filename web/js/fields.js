// The checkout's fields: what they are called at the API, and what is wrong with what was typed.

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

const looksLikeMail = (text) => /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(text);
const looksLikeCard = (text) => /(?:\d[ -]?){13,19}/.test(text);

/**
 * What is wrong with the values, by field, as the API's codes; the API decides.
 * @returns {Record<string, string>} empty when all is well
 */
export function mistakes(values, gift) {
  const wrong = {};
  for (const name of Object.keys(fields)) {
    const value = (values[name] ?? "").trim();
    if (name === "recipient" && !gift) continue;
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
