// Whether openapi.yaml only adds to the last release's description, which is kept in openapi-released.yaml: neither the pipeline's source nor a
// shallow clone has a history to take it from. By api-smart-diff's rules, such as: what is answered stays, what may be sent may still be.
//
//   node .ci/openapi-additive.mjs NODE_MODULES
//
// openapi-released.breaks lists the breaks that the changelog announces: `# REASON`, then `ACTION PATH`, one a line. Any other fails, and so
// does a listed one that is not there.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const require = createRequire(resolve(process.argv[2], 'here'));
const { apiCompare } = require('api-smart-diff');
const { parse } = require('yaml');
const read = (file) => readFileSync(new URL(file, import.meta.url), 'utf8');

/** The breaking changes between two descriptions, sorted: `ACTION PATH`. */
function breaks(before, after) {
  // Our schemas allow no other properties: what may not be sent any more is refused.
  const isRefused = ({ action, path }) => action === 'remove' && path.includes('requestBody') && path.at(-2) === 'properties';
  const breaking = apiCompare(before, after).diffs.filter((diff) => diff.type === 'breaking' || isRefused(diff));
  return breaking.map(({ action, path }) => `${action} ${path.join('.')}`).sort();
}

/** The description with one thing changed. */
function changed(description, change) {
  const copy = structuredClone(description);
  change(copy);
  return copy;
}

/** What the comparison finds, or it says nothing about anything: one break for each of these, and none for an addition. */
function tryComparison(description) {
  const schemas = (copy) => copy.components.schemas;
  const changes = [
    [true, 'a field of an answer is gone', (copy) => delete schemas(copy).Product.properties.name],
    [true, 'a field of a request is gone', (copy) => delete schemas(copy).CheckoutRequest.properties.customer],
    [true, 'a field of a request is now required', (copy) => schemas(copy).Address.required.push('postal_code')],
    [true, 'a parameter is gone', (copy) => copy.paths['/api/products'].get.parameters.pop()],
    [true, 'a status is gone', (copy) => delete copy.paths['/api/checkout'].post.responses['201']],
    [true, 'a field has another type', (copy) => (schemas(copy).Product.properties.name.type = 'integer')],
    [true, 'a route is gone', (copy) => delete copy.paths['/api/products']],
    [false, 'a route is new', (copy) => (copy.paths['/api/news'] = copy.paths['/api/products'])],
  ];
  const wrong = changes.filter(([breaking, , change]) => breaks(description, changed(description, change)).length > 0 !== breaking);
  return wrong.map(([, what]) => `the comparison is blind: ${what}`);
}

const [released, current] = ['openapi-released.yaml', '../openapi.yaml'].map((file) => parse(read(file)));
const lastRelease = read('../CHANGELOG.md').match(/^## (\d+\.\d+\.\d+)/m)[1];
const announced = read('openapi-released.breaks').split('\n').filter((line) => line && !line.startsWith('# '));
const found = breaks(released, current);
const faults = [
  ...tryComparison(current),
  ...found.filter((line) => !announced.includes(line)).map((line) => `breaks clients of ${lastRelease}: ${line}`),
  ...announced.filter((line) => !found.includes(line)).map((line) => `listed in openapi-released.breaks, and not there: ${line}`),
];
if (released.info.version !== lastRelease) {
  faults.push(`openapi-released.yaml is of ${released.info.version}: copy openapi.yaml of ${lastRelease} there and empty openapi-released.breaks`);
}
console.log(faults.join('\n') || `adds to ${lastRelease}, apart from ${announced.length} announced breaks`);
process.exitCode = Math.min(faults.length, 1);
