// Starts the page: the frame around the views, and which view is shown.
import { lost, network, tryNow } from "./api.js";
import { pieces } from "./cart.js";
import { fill, focusOn, h } from "./dom.js";
import { current, languages, moreTexts, number, onLanguage, ready, setLanguage, t } from "./i18n.js";
import { heading, hush, notice, say } from "./parts.js";
import { readAddress } from "./router.js";
import { attempt, cart } from "./shop.js";
import { isLasting } from "./storage.js";
import catalogue from "./views/catalogue.js";

/** Styles and texts of cart, checkout and orders come with the first of these views. */
const ordering = (view) => () => Promise.all([view(), moreTexts(), orderStyles()]).then(([module]) => module);
const views = {
  catalogue: async () => ({ default: catalogue }),
  product: () => import("./views/product.js"),
  cart: ordering(() => import("./views/cart.js")), checkout: ordering(() => import("./views/checkout.js")),
  order: ordering(() => import("./views/order.js")), orders: ordering(() => import("./views/orders.js")), legal: ordering(() => import("./views/legal.js")),
};
let styles = null;
function orderStyles() {
  styles ??= new Promise((resolve, reject) => {
    const failed = () => {
      link.remove();
      styles = null;
      reject(new Error("no styles"));
    };
    const link = h("link", { rel: "stylesheet", href: "/styles/order.css", onload: resolve, onerror: failed });
    document.head.append(link);
  });
  return styles;
}
const byId = (id) => document.getElementById(id);
const main = byId("main");
const RELOAD_EVERY_MS = 30_000;
let leaving = new AbortController();
let offline = false;

/** Shows the view of the address. `arrive` moves focus and scroll, as going to another page would. */
async function show(arrive) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const route = readAddress(location.hash);
  main.dataset.view = route.view;
  if (arrive) hush();
  banner();
  const view = await viewOf(route, signal);
  if (!view || signal.aborted) return;
  try {
    const { title, scroll } = view.default(main, route, signal);
    document.title = `${title} · Kontor`;
    if (!arrive) return;
    window.scrollTo(0, scroll ?? 0);
    const place = main.querySelector("h1") ?? main;
    place.tabIndex = -1;
    place.focus({ preventScroll: true });
  } catch (error) {
    if (signal.aborted) return;
    console.error(error);
    fill(main, heading(t("error.title")), notice("bad", t("error.title"), t("error.text"), h("button.button", { type: "button", onclick: () => location.reload() }, t("again"))));
  }
}

/** The code of a view; `null` where it could not be fetched, which the page says until the shop answers again. */
async function viewOf({ view }, signal) {
  try {
    return views[view] ? await views[view]() : { default: missing };
  } catch (error) {
    if (signal.aborted) return null;
    console.error(error);
    fill(main, heading(t("error.title")), notice("bad", t("banner.offline"), null, h("button.button", { type: "button", onclick: tryNow }, t("again"))));
    network.addEventListener("back", () => again(signal), { once: true, signal });
    lost();
    return null;
  }
}

/** Browsers may remember that a module could not be fetched: the page is loaded anew, but not over and over. Address, cart and form are kept. */
function again(signal) {
  const last = Number(sessionStorage.getItem("kontor.reloaded") ?? 0);
  if (!isLasting() || Date.now() - last < RELOAD_EVERY_MS) {
    if (!signal.aborted) show(true);
    return;
  }
  sessionStorage.setItem("kontor.reloaded", String(Date.now()));
  location.reload();
}

function missing(place) {
  fill(place, h("div.empty", heading(t("missing.title")), h("p", t("missing.text")), h("a.button.main", { href: "#/" }, t("catalogue.show_all"))));
  return { title: t("missing.title") };
}

/** The texts of the frame: header and footer. */
function label() {
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", t(node.dataset.tLabel));
  const other = languages.find((one) => one !== current());
  const button = byId("language");
  button.lang = other;
  button.textContent = { de: "Deutsch", en: "English" }[other];
  count();
}

function count() {
  const all = pieces(cart.get());
  byId("cart-count").textContent = all > 999 ? "999+" : String(all);
  byId("cart-count").hidden = all === 0;
  byId("cart-link").setAttribute("aria-label", t("nav.cart_count", { count: all, text: number(all) }));
}

/** What the customer must know on every page: network, storage, an order left open. */
function banner() {
  const parts = [];
  if (offline) parts.push(h("p", t("banner.offline"), " ", h("button.link", { type: "button", onclick: tryNow }, t("banner.try"))));
  if (!isLasting()) parts.push(h("p", t("banner.storage")));
  if (attempt.get() && main.dataset.view !== "checkout") parts.push(h("p", t("open.banner"), " ", h("a", { href: "#/checkout" }, t("open.banner_link"))));
  fill(byId("banner"), parts);
}

function listen() {
  window.addEventListener("hashchange", () => {
    if (location.hash.startsWith("#/") || location.hash === "") show(true);
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) show(false);
  });
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    focusOn(main);
  });
  byId("language").addEventListener("click", () => setLanguage(languages.find((one) => one !== current())));
  onLanguage(() => {
    label();
    show(false);
  });
  cart.onChange(count);
  attempt.onChange(banner);
  network.addEventListener("gone", () => { offline = true; banner(); });
  network.addEventListener("back", () => {
    if (offline) say(t("banner.back"));
    offline = false;
    banner();
  });
  // A view's code is fetched when its link is about to be followed.
  for (const kind of ["pointerover", "focusin", "touchstart"]) {
    document.addEventListener(kind, ({ target }) => {
      const hash = target.closest?.("a[href^='#/']")?.getAttribute("href");
      if (hash) views[readAddress(hash).view]?.().catch(() => {});
    }, { passive: true });
  }
}

history.scrollRestoration = "manual";
await ready;
label();
document.documentElement.dataset.ready = "";
listen();
await show(false);
