// Placeholders of the legal pages. "## " starts a heading.
export default {
  imprint: ["In a real shop this page names the operator, address, representatives, contact, register and VAT number (section 5 DDG).", "This demonstration shop has no operator who sells anything."],
  privacy: [
    "## What this browser keeps", "Basket, country, language, an order whose outcome is still open, and the access keys of your orders are kept in this browser’s storage. What you enter at the checkout stays only while this window is open. There are no cookies and no third-party services on this page.",
    "## What we receive", "With an order you send your name, email and shipping address. Card details are entered only on the payment service’s own page.",
    "## In a real shop", "Here would stand the controller, purposes, legal bases, recipients, storage periods and your rights (Art. 13 GDPR)."],
  withdrawal: ["In a real shop this page explains the right of withdrawal with its period, consequences and model form (sections 355, 356 BGB, Art. 246a EGBGB), and offers the way to withdraw on the page itself.", "No contract comes about in this demonstration shop."],
  terms: ["In a real shop this page holds the general terms: conclusion of contract, prices, delivery, retention of title, warranty and dispute resolution.", "This demonstration shop has none."],
  shipping: ["## Shipping", "Shipping costs a flat amount for each country and is free from a certain value of goods. What it costs for your order stands in the basket as soon as you choose the country, and again above the order button.", "## Payment", "You pay right after ordering, on the payment page. Everything stays put by for you until the time named there."],
};
