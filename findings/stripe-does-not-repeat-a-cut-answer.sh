#!/usr/bin/env bash
# Package:  stripe 16.1.0 (PyPI), the official client, with requests 2.32.5 beneath it.
# Expected: with max_network_retries=2, a refund whose answer is lost on the way is sent again under the same idempotency key: that is what the key
#           and the option are for, and the client does so when the connection breaks before the answer.
# Seen:     if the connection breaks after the answer's head, it raises APIConnectionError after one request. The refund may have been made. Where the
#           caller gave no key, the client invented one and it is gone, so the same refund cannot be asked for again.
# Why here: a lost answer must not mean a second refund, or none. The shop derives each key from the order, and looks the refund up before it tries again.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check stripe==16.1.0 requests==2.32.5
"$scratch/venv/bin/python" - <<'PYTHON'
import http.server
import importlib.metadata
import sys
import threading

import stripe

ANSWER = b'{"id": "re_1", "object": "refund"}'


class Provider(http.server.BaseHTTPRequestHandler):
    """Takes every refund, and breaks its first answers off where it is told to."""

    protocol_version = "HTTP/1.1"
    keys, breaks = [], ""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.keys.append(self.headers["idempotency-key"])
        self.close_connection = True
        if self.breaks == "before the head":
            return
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER[:10] if self.breaks == "after the head" else ANSWER)

    def log_message(self, *_):
        pass


def requests_made(breaks):
    Provider.keys, Provider.breaks = [], breaks
    client = stripe.StripeClient(
        "sk_test_of_nobody",
        base_addresses={"api": f"http://127.0.0.1:{server.server_port}"},
        max_network_retries=2,
        http_client=stripe.RequestsClient(),
    )
    try:
        client.v1.refunds.create({"payment_intent": "pi_1"})
        outcome = "refunded"
    except stripe.APIConnectionError as error:
        outcome = type(error).__name__
    print(f"broken off {breaks}: {len(Provider.keys)} requests, {len(set(Provider.keys))} key, {outcome}")
    return len(Provider.keys)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("stripe", importlib.metadata.version("stripe"))
seen = requests_made("before the head"), requests_made("after the head"), requests_made("nowhere")
sys.exit(0 if seen == (3, 1, 1) else f"the behaviour has changed: {seen}")
PYTHON
