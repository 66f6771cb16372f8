#!/usr/bin/env bash
# Package:  api-smart-diff 1.0.6 (npm), which sorts the differences between two OpenAPI descriptions into breaking and harmless ones.
# Expected: a request's field that is gone is breaking where the schema has `additionalProperties: false`: what clients send today is refused tomorrow.
# Seen:     it is harmless, whether the schema is closed or open. Only the same loss in an answer is breaking.
# Why here: the shop's requests are closed, so that a misspelt field is an error and not an order without it. A release that drops a field would pass
#           the check against the last one, and each page that is still open in a browser could not order. So `.ci/openapi-additive.mjs` counts it.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
npm install --silent --no-fund --no-audit --prefix "$scratch" api-smart-diff@1.0.6
cat >"$scratch/probe.js" <<'JS'
const { apiCompare } = require('api-smart-diff');

const content = (schema) => ({ 'application/json': { schema } });

/** An API with one note, whose request and answer must have these fields. */
function api(closed, asked, answered) {
  const object = (names) => ({
    type: 'object',
    required: names,
    properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
  });
  return {
    openapi: '3.0.3',
    info: { title: 'Notes', version: '1' },
    paths: {
      '/notes': {
        post: {
          requestBody: { content: content({ ...object(asked), additionalProperties: !closed }) },
          responses: { 200: { description: 'Kept.', content: content(object(answered)) } },
        },
      },
    },
  };
}

const both = ['text', 'colour'];
const kinds = (before, after) => apiCompare(before, after).diffs.map(({ type }) => type).join(', ');
const seen = {
  'a closed request loses a field': kinds(api(true, both, both), api(true, ['text'], both)),
  'an open request loses a field': kinds(api(false, both, both), api(false, ['text'], both)),
  'an answer loses a field': kinds(api(true, both, both), api(true, both, ['text'])),
};
for (const [what, how] of Object.entries(seen)) console.log(`${what}: ${how}`);
const [closed, open, answer] = Object.values(seen);
const harmless = (how) => how.split(', ').every((kind) => kind === 'non-breaking');
process.exit(harmless(closed) && harmless(open) && !harmless(answer) ? 0 : 1);
JS
sed -n 's/^ *"version": */api-smart-diff /p' "$scratch/node_modules/api-smart-diff/package.json"
node "$scratch/probe.js"
