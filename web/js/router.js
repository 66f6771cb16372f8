// The page's addresses: #/, #/product/{sku}, #/cart, #/checkout, #/order/{id}, #/orders and the legal pages.

const patterns = [
  ["catalogue", /^\/?$/], ["product", /^\/product\/([^/]+)$/], ["cart", /^\/cart$/], ["checkout", /^\/checkout$/],
  ["order", /^\/order\/([^/]+)$/], ["orders", /^\/orders$/], ["legal", /^\/(imprint|privacy|withdrawal|terms|shipping)$/],
];

/**
 * Reads an address.
 * @param {string} hash such as `#/order/01JD?paid=1`
 * @returns {{view: string, id: string|null, query: URLSearchParams}}
 */
export function readAddress(hash) {
  const [path, search = ""] = hash.replace(/^#/, "").split("?");
  for (const [view, pattern] of patterns) {
    const found = pattern.exec(path);
    if (found) return { view, id: found[1] ? decoded(found[1]) : null, query: new URLSearchParams(search) };
  }
  return { view: "missing", id: null, query: new URLSearchParams() };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
