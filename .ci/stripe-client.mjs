// Stripe's client for Node against the sandbox: node stripe-client.mjs SANDBOX WEBHOOK_PORT
import assert from "node:assert/strict";
import { createServer } from "node:http";
import Stripe from "stripe";

const [sandbox, port] = process.argv.slice(2);
const { hostname: host, port: sandboxPort } = new URL(sandbox);
const stripe = new Stripe("sk_test_clients", { host, port: sandboxPort, protocol: "http", maxNetworkRetries: 0, telemetry: false });

const events = [];
const receiver = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  events.push(stripe.webhooks.constructEvent(body, request.headers["stripe-signature"], "whsec_clients"));
  assert.throws(() => stripe.webhooks.constructEvent(`${body} `, request.headers["stripe-signature"], "whsec_clients"));
  response.end("{}");
});
await new Promise((listening) => receiver.listen(Number(port), listening));

async function event(type) {
  for (let tries = 0; tries < 100; tries += 1) {
    const found = events.find((heard) => heard.type === type);
    if (found) return found.data.object;
    await new Promise((later) => setTimeout(later, 50));
  }
  throw new Error(`no ${type}`);
}

async function control(method, path, body) {
  const answer = await fetch(`${sandbox}/sandbox/${path}`, { method, body: JSON.stringify(body) });
  assert.equal(answer.status, 200);
  return answer.json();
}

const item = { quantity: 2, price_data: { currency: "eur", unit_amount: 745, product_data: { name: "Tea" } } };
const wish = { mode: "payment", success_url: "http://localhost/", line_items: [item], metadata: { order_id: "A" } };

const session = await stripe.checkout.sessions.create(wish, { idempotencyKey: "a" });
assert.equal(session.amount_total, 1_490);
assert.equal((await stripe.checkout.sessions.create(wish, { idempotencyKey: "a" })).id, session.id);
await assert.rejects(stripe.checkout.sessions.create({ ...wish, locale: "de" }, { idempotencyKey: "a" }), (error) => error instanceof Stripe.errors.StripeIdempotencyError);
const unknown = { ...wish, line_items: [{ ...item, price_data: { ...item.price_data, currncy: "eur" } }] };
await assert.rejects(stripe.checkout.sessions.create(unknown), (error) => error instanceof Stripe.errors.StripeInvalidRequestError && error.code === "parameter_unknown" && Boolean(error.requestId));
await assert.rejects(stripe.checkout.sessions.retrieve("cs_nobody"), (error) => error.statusCode === 404);

await control("POST", `sessions/${session.id}/pay`, { outcome: "paid" });
assert.equal((await event("checkout.session.completed")).id, session.id);
const paid = await stripe.checkout.sessions.retrieve(session.id, { expand: ["payment_intent"] });
assert.equal(paid.payment_intent.amount_received, 1_490);
const payment_intent = paid.payment_intent.id;
const refund = await stripe.refunds.create({ payment_intent, metadata: { order_id: "A" } }, { idempotencyKey: "r" });
assert.equal((await event("charge.refunded")).refunded, true);
await assert.rejects(stripe.refunds.create({ payment_intent }), (error) => error.code === "charge_already_refunded");
const refunds = [];
for await (const made of stripe.refunds.list({ payment_intent, limit: 1 })) refunds.push(made.id);
assert.deepEqual(refunds, [refund.id]);

const open = await stripe.checkout.sessions.create(wish);
assert.equal((await stripe.checkout.sessions.expire(open.id)).status, "expired");
assert.equal((await event("checkout.session.expired")).id, open.id);

const debit = await stripe.checkout.sessions.create({ ...wish, allowed_payment_method_types: ["card", "sepa_debit"] });
assert.deepEqual(debit.payment_method_types, ["card", "sepa_debit"]);
await control("POST", `sessions/${debit.id}/pay`, { outcome: "processing" });
const pending = await stripe.checkout.sessions.retrieve(debit.id, { expand: ["payment_intent"] });
assert.deepEqual([pending.status, pending.payment_status, pending.payment_intent.status], ["complete", "unpaid", "processing"]);
await control("POST", `sessions/${debit.id}/pay`, { outcome: "failed" });
assert.equal((await event("checkout.session.async_payment_failed")).id, debit.id);
await assert.rejects(stripe.checkout.sessions.create({ ...wish, payment_method_types: ["card"] }), (error) => error.code === "parameter_unknown");

const endpoint = await stripe.webhookEndpoints.create({ url: "https://shop.example/", enabled_events: ["charge.refunded"], api_version: Stripe.API_VERSION });
assert.match(endpoint.secret, /^whsec_/);
assert.equal((await stripe.webhookEndpoints.update(endpoint.id, { disabled: true })).status, "disabled");
assert.deepEqual((await stripe.webhookEndpoints.list()).data.map((one) => [one.id, one.secret]), [[endpoint.id, undefined]]);

await control("PUT", "faults", { error_rate: 1 });
await assert.rejects(stripe.checkout.sessions.create(wish, { idempotencyKey: "kept" }), (error) => error instanceof Stripe.errors.StripeAPIError);
await control("PUT", "faults", { error_rate: 0, rate_limited: 1 });
await assert.rejects(stripe.events.list(), (error) => error instanceof Stripe.errors.StripeRateLimitError);
await control("PUT", "faults", { rate_limited: 0 });
await assert.rejects(stripe.checkout.sessions.create(wish, { idempotencyKey: "kept" }), (error) => error.statusCode === 500);
const stranger = new Stripe("sk_test_other", { host, port: sandboxPort, protocol: "http", maxNetworkRetries: 0, telemetry: false });
await assert.rejects(stranger.events.list(), (error) => error instanceof Stripe.errors.StripeAuthenticationError);

receiver.close();
receiver.closeAllConnections();
console.log(`Node: stripe ${Stripe.PACKAGE_VERSION}, API ${Stripe.API_VERSION}`);
