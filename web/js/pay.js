// To the payment page.
import * as api from "./api.js";
import { isLasting } from "./storage.js";

/** Whether an address may be gone to: a web address, encrypted unless this page is not either. */
export function isPaymentPage(url, ownProtocol) {
  try {
    const { protocol } = new URL(url);
    return protocol === "https:" || (protocol === "http:" && ownProtocol === "http:");
  } catch {
    return false;
  }
}

/**
 * Starts the payment and leaves for the payment page.
 * Where the browser keeps nothing, leaving would lose the order: then the address is returned, to be opened in another tab.
 * @returns {Promise<string|null>} the address when it is to be opened by a link, `null` when the page is being left
 */
export async function goAndPay(id, token, signal) {
  const { redirect_url: url } = await api.payment(id, token, signal);
  if (!isPaymentPage(url, location.protocol)) throw new api.Problem(502, { code: "payment_provider_unavailable" }, null);
  if (!isLasting()) return url;
  location.assign(url);
  return null;
}
