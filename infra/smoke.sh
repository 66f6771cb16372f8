#!/usr/bin/env bash
# Looks from outside whether a shop is open: smoke.sh SITE_URL [API_URL]. Places no order. The API's own address, where it is given, must be
# locked. Works for the local world too: smoke.sh http://localhost:3000
set -euo pipefail
site=${1:?the address of the website}
api=${2-}
body=$(mktemp)
trap 'rm -f "$body"' EXIT

# get EXPECTED URL [curl options]: asks, and ends the run where the status is another.
get() {
    local expected=$1 url=$2 status
    shift 2
    status=$(curl --silent --show-error --max-time 20 --output "$body" --write-out '%{http_code}' "$@" "$url")
    printf '%s %s\n' "$status" "$url"
    [ "$status" = "$expected" ] || { printf 'expected %s; the answer:\n' "$expected"; head -c 2000 "$body"; exit 1; }
}

get 200 "$site/"
grep -q '<script type="module" src="/js/main.js">' "$body" || { echo 'this is not the page of the shop'; exit 1; }
curl --silent --max-time 20 --head "$site/" | grep -qi '^content-security-policy: ' || { echo 'the page has no content security policy'; exit 1; }
get 200 "$site/js/main.js"
get 404 "$site/js/not-there.js"

get 200 "$site/api/products?limit=1"
sku=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["items"][0]["sku"])' <"$body") || { echo 'the catalogue is empty'; exit 1; }
get 200 "$site/api/products/$sku"
# With what must be escaped: the CDN signs the query as it understands it.
get 200 "$site/api/products?q=a%20b%C3%A4&limit=1"
get 200 "$site/api/openapi.yaml"
get 422 "$site/api/quote" --header 'content-type: application/json' --data '{"items": [{"sku": "NOT-THERE", "quantity": 1}], "ship_to": "DE"}'
get 404 "$site/api/orders/00000000000000000000000000"
get 400 "$site/api/webhooks/stripe" --header 'stripe-signature: t=1,v1=00' --data '{}'
[ -z "$api" ] || get 403 "$api/api/products?limit=1"
echo 'The shop is open.'
