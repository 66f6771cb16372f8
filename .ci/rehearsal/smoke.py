"""Does a deployed shop work? Every route and every function is tried once, in ways that leave nothing behind."""
import base64
import json
import urllib.error
import urllib.request

import boto3

from .processes import Failed

NO_ORDER = "0" * 26
# Method, path, headers, body; the status and the problem's code that a sound shop answers.
PROBES = [
    ("GET", "/api/products?limit=1", {}, None, 200, None),
    ("GET", "/api/products?q=x&limit=1", {}, None, 200, None),
    ("GET", "/api/products/NO-SUCH-PRODUCT", {}, None, 404, "product_not_found"),
    ("GET", "/api/openapi.yaml", {}, None, 200, None),
    ("GET", "/api/health", {}, None, 200, None),
    ("POST", "/api/quote", {}, {"items": [{"sku": "NO-SUCH-PRODUCT", "quantity": 1}], "ship_to": "DE"}, 422, "items_unavailable"),
    ("POST", "/api/checkout", {}, {}, 400, "idempotency_key_missing"),
    ("POST", f"/api/orders/{NO_ORDER}/payment", {"authorization": "Bearer none"}, None, 404, "order_not_found"),
    ("GET", f"/api/orders/{NO_ORDER}", {"authorization": "Bearer none"}, None, 404, "order_not_found"),
    ("POST", "/api/webhooks/stripe", {"stripe-signature": "none"}, {}, 400, "invalid_signature"),
]
# What is called by no route.
INVOCATIONS = {"order-forwarder": {"Records": []}, "reconciler": {"detail-type": "Scheduled Event", "source": "aws.events"}}


def smoke(stack, url):
    """Fails with the first thing that is not as it should be, and what the function had to say about it."""
    for method, path, headers, body, status, code in PROBES:
        got, answer = _call(url, method, path, headers, body)
        if (got, answer.get("code")) != (status, code):
            said = " ".join(filter(None, (str(got), answer.get("code") or answer.get("message"))))
            expected = " ".join(filter(None, (str(status), code)))
            raise Failed(f"{method} {path}: {said} instead of {expected}{_why(stack, got, answer)}")
    functions = boto3.client("lambda")
    for name, event in INVOCATIONS.items():
        answer = functions.invoke(FunctionName=f"{stack}-{name}", Payload=json.dumps(event), LogType="Tail")
        if "FunctionError" in answer:
            lines = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace").splitlines()
            payload = answer["Payload"].read().decode(errors="replace")
            raise Failed(f"{name} does not run: {_errors(lines) or payload}")


def _call(url, method, path, headers, body):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"content-type": "application/json", **headers}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, {}
    except urllib.error.HTTPError as error:
        text = error.read()
        try:
            return error.code, json.loads(text)
        except ValueError:
            return error.code, {"message": text.decode(errors="replace")[:200]}


def _why(stack, status, answer):
    """The last error in the functions' logs, where one of them is to blame."""
    if status < 500:
        return "; is there such a route?" if status == 404 else ""
    # Of a function that did not start the emulator tells here, and has no log.
    told = answer.get("errorMessage", "")
    if "{" in told:
        return f"; the function says: {_errors([told[told.index('{'):]]) or told}"
    logs = boto3.client("logs")
    found = []
    for group in logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{stack}-")["logGroups"]:
        events = logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        error = _errors(event["message"] for event in events)
        if error:
            found.append((max(event["timestamp"] for event in events), group["logGroupName"].rsplit("/", 1)[1], error))
    return f"; {max(found)[1]} says: {max(found)[2]}" if found else ""


def _errors(lines):
    """The last line of level error, shortly."""
    for line in reversed(list(lines)):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if str(entry.get("level", "")).lower() == "error":
            return ": ".join(str(entry[key]) for key in ("message", "error") if entry.get(key))
    return ""
