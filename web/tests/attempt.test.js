import assert from "node:assert/strict";
import { test } from "node:test";
import { LET_GO_AFTER, newKey, outcomeOf, RESEND_WITHIN, submit, waysOn } from "../js/attempt.js";
import { parseAttempt } from "../js/shop.js";

const placedAnswer = { status: 201, code: null, data: { order: { id: "01J" }, access_token: "t" } };
const refusal = (code, status = 409) => ({ status, code, data: { code } });
const order = { items: [{ sku: "A", quantity: 1 }], expected_total: { amount: 100, currency: "EUR" } };

/** A checkout with a shop that gives these answers, in turn. */
function aCheckout(...answers) {
  const world = { stored: null, sent: [], written: [], clock: 1_000, keys: 0 };
  const ports = {
    kept: { get: () => world.stored, set: (attempt) => { world.stored = attempt; } },
    send: async ({ key, body }) => {
      assert.deepEqual([world.stored?.key, world.stored?.body], [key, body], "an attempt is kept before it is sent");
      world.sent.push({ key, body });
      return answers.shift() ?? null;
    },
    placed: (data, body) => {
      assert.ok(world.stored, "the order is written down before the attempt is forgotten");
      world.written.push([data.order.id, body]);
    },
    now: () => (world.clock += 10),
    key: () => `key-${(world.keys += 1)}`,
  };
  return { world, submit: (body) => submit(body, ports) };
}

test("a placed order is written down once and the attempt forgotten", async () => {
  const { world, submit: send } = aCheckout(placedAnswer);
  assert.equal((await send(order)).outcome, "placed");
  assert.deepEqual(world.written, [["01J", order]]);
  assert.equal(world.stored, null);
});

test("a lost answer keeps the attempt, and the same order goes again under the same key", async () => {
  const { world, submit: send } = aCheckout(null, null, placedAnswer);
  assert.equal((await send(order)).outcome, "unknown");
  assert.equal((await send(order)).outcome, "unknown");
  assert.equal((await send(null)).outcome, "placed");
  assert.equal(new Set(world.sent.map(({ key }) => key)).size, 1);
  assert.equal(new Set(world.sent.map(({ body }) => body)).size, 1);
});

test("another order waits until the open one is settled", async () => {
  const { world, submit: send } = aCheckout(null);
  await send(order);
  const other = { ...order, expected_total: { amount: 200, currency: "EUR" } };
  assert.equal((await send(other)).outcome, "earlier_open");
  assert.equal(world.sent.length, 1);
  assert.equal(world.stored.key, "key-1");
});

test("after a refusal the next order has a key of its own, even the same order", async () => {
  for (const code of ["price_changed", "sold_out", "items_unavailable", "validation_failed", "idempotency_key_reused"]) {
    const { world, submit: send } = aCheckout(refusal(code), placedAnswer);
    assert.equal((await send(order)).outcome, "refused");
    assert.equal(world.stored, null);
    assert.equal((await send(order)).outcome, "placed");
    assert.deepEqual(world.sent.map(({ key }) => key), ["key-1", "key-2"], code);
  }
});

test("only the shop's own refusals settle an attempt", () => {
  for (const answer of [null, refusal("busy", 503), refusal("internal_error", 500), refusal("request_in_progress"), refusal(null, 403), refusal(null, 429),
    refusal("route_not_found", 404), { status: 200, code: null, data: "<html>" }, { status: 201, code: null, data: null }, refusal("price_changed", 502)]) {
    assert.equal(outcomeOf(answer), "unknown", JSON.stringify(answer));
  }
});

test("the first moment of an attempt stays when it is sent again", async () => {
  const { world, submit: send } = aCheckout(null, null);
  await send(order);
  const { started_at: started } = world.stored;
  await send(null);
  assert.equal(world.stored.started_at, started);
  assert.ok(world.stored.sent_at > started);
});

test("with nothing open there is nothing to send again", async () => {
  const { world, submit: send } = aCheckout();
  assert.equal((await send(null)).outcome, "nothing");
  assert.equal(world.sent.length, 0);
});

test("an open attempt may be sent while its key lives, and let go once its reservation has lapsed", () => {
  const open = { key: "k", body: "{}", started_at: 0, sent_at: 1_000 };
  assert.deepEqual(waysOn(open, 60_000), { resend: true, letGo: false });
  assert.deepEqual(waysOn(open, LET_GO_AFTER + 1_001), { resend: true, letGo: true });
  assert.deepEqual(waysOn(open, RESEND_WITHIN), { resend: false, letGo: true });
});

test("a key is a UUID, also without randomUUID", () => {
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  assert.match(newKey(), uuid);
  const { randomUUID } = crypto;
  try {
    Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
    assert.match(newKey(), uuid);
  } finally {
    Object.defineProperty(crypto, "randomUUID", { value: randomUUID, configurable: true });
  }
});

test("a broken stored attempt counts as none", () => {
  for (const bad of [null, {}, { key: 1, body: "{}", started_at: 0, sent_at: 0 }, { key: "k" }]) assert.equal(parseAttempt(bad), null);
});
