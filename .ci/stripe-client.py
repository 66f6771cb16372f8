"""Stripe's client for Python against the sandbox: python stripe-client.py SANDBOX"""

import json
import sys
import urllib.request

import stripe

sandbox = sys.argv[1]
client = stripe.StripeClient("sk_test_clients", base_addresses={"api": sandbox}, max_network_retries=0)


def control(method, path, body):
    request = urllib.request.Request(f"{sandbox}/sandbox/{path}", json.dumps(body).encode(), method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def refused(kind, call, code=None):
    try:
        call()
    except kind as error:
        assert code is None or error.code == code, error.code
        return
    raise AssertionError(f"{kind.__name__} was not raised")


wish = {
    "mode": "payment",
    "success_url": "http://localhost/",
    "line_items": [{"quantity": 2, "price_data": {"currency": "eur", "unit_amount": 745, "product_data": {"name": "Tea"}}}],
    "metadata": {"order_id": "B"},
}
sessions, refunds = client.v1.checkout.sessions, client.v1.refunds

session = sessions.create(wish, {"idempotency_key": "b"})
assert sessions.create(wish, {"idempotency_key": "b"}).id == session.id
refused(stripe.IdempotencyError, lambda: sessions.create({**wish, "locale": "de"}, {"idempotency_key": "b"}))
refused(stripe.InvalidRequestError, lambda: sessions.create({**wish, "basket": "1"}), "parameter_unknown")
refused(stripe.InvalidRequestError, lambda: sessions.create({**wish, "customer_email": "a..b@example.org"}), "email_invalid")
control("POST", f"sessions/{session.id}/pay", {"outcome": "paid"})
intent = sessions.retrieve(session.id).payment_intent
refund = refunds.create({"payment_intent": intent}, {"idempotency_key": "rb"})
assert refund.status == "succeeded" and refund.amount == 1_490
refused(stripe.InvalidRequestError, lambda: refunds.create({"payment_intent": intent}), "charge_already_refunded")
assert [made.id for made in refunds.list({"payment_intent": intent}).auto_paging_iter()] == [refund.id]
endpoint = {"url": "https://shop.example/python", "enabled_events": ["*"], "api_version": stripe.api_version}
made = client.v1.webhook_endpoints.create(endpoint)
assert made.secret.startswith("whsec_") and made.status == "enabled"
assert client.v1.webhook_endpoints.update(made.id, {"enabled_events": ["refund.failed"]}).enabled_events == ["refund.failed"]
refused(stripe.InvalidRequestError, lambda: client.v1.webhook_endpoints.create({**endpoint, "api_version": "1"}))
control("PUT", "faults", {"error_rate": 1})
refused(stripe.APIError, lambda: sessions.create(wish, {"idempotency_key": "kept-b"}))
control("PUT", "faults", {"error_rate": 0})
refused(stripe.APIError, lambda: sessions.create(wish, {"idempotency_key": "kept-b"}))
assert sessions.create(wish, {"idempotency_key": "fresh-b"}).status == "open"
print(f"Python: stripe {stripe.VERSION}, API {stripe.api_version}")
