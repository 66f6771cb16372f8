// Draws the notation of common.js and rare.js as SVG elements.
//
// A part is one ink letter and one shape: an SVG path (M...), a circle (o x y r), an ellipse (e x y rx ry)
// or a rectangle (r x y width height radius).

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with attributes. */
export function element(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  node.append(...children);
  return node;
}

const stroke = (colour, width, more = {}) => ({
  fill: "none", stroke: colour, "stroke-width": width, "stroke-linecap": "round", "stroke-linejoin": "round", ...more,
});
const fill = (colour, opacity) => (opacity === undefined ? { fill: colour } : { fill: colour, "fill-opacity": opacity });

/** What each ink letter paints; capital A may carry the product's pattern on top. */
const inks = {
  A: (c) => fill(c.a), a: (c) => fill(c.a), b: (c) => fill(c.b), c: (c) => fill(c.shade), p: (c) => fill(c.paper), i: (c) => fill(c.ink),
  F: (c) => fill(c.leafOr), f: (c) => fill(c.leaf), n: (c) => fill(c.wood), m: (c) => fill(c.gold), k: (c) => fill(c.blush), r: (c) => fill(c.red),
  o: (c) => fill(c.metal), y: (c) => fill(c.glass), v: (c) => fill(c.navy),
  s: (c) => fill(c.ink, 0.15), h: (c) => fill(c.paper, 0.4), g: (c) => fill(c.glow, 0.45), u: (c) => fill(c.weave),
  L: (c) => stroke(c.ink, 2), l: (c) => stroke(c.ink, 1.6), Q: (c) => stroke(c.ink, 3), w: (c) => stroke(c.paper, 1.8, { "stroke-opacity": 0.75 }),
  W: (c) => stroke(c.paper, 4), G: (c) => stroke(c.leaf, 3), K: (c) => stroke(c.a, 5.5), S: (c) => stroke(c.b, 5), N: (c) => stroke(c.wood, 4.5),
  O: (c) => stroke(c.metal, 2.6), E: (c) => stroke(c.metal, 7), J: (c) => stroke(c.metal, 2), B: (c) => stroke(c.b, 2, { "stroke-dasharray": "4 5" }),
  Z: (c) => stroke(c.leaf, 17, { "stroke-dasharray": "7 2.2" }), T: (c) => stroke(c.paper, 9, { "stroke-dasharray": "0 9.43" }),
  P: (c) => stroke(c.paper, 3, { "stroke-dasharray": "0 6.28" }),
  d: (c) => stroke(c.paper, 8), x: (c) => stroke(c.red, 3), D: (c) => stroke(c.paper, 16), X: (c) => stroke(c.red, 9),
};

const geometry = {
  o: ([cx, cy, r]) => ["circle", { cx, cy, r }],
  e: ([cx, cy, rx, ry]) => ["ellipse", { cx, cy, rx, ry }],
  r: ([x, y, width, height, rx = 0]) => ["rect", { x, y, width, height, rx }],
};

function shapeOf(text) {
  if (text[0] === "M") return ["path", { d: text }];
  return geometry[text[0]](text.slice(1).split(" ").map(Number));
}

/**
 * The parts of one motif.
 * @param {string} notation
 * @param {Record<string, string>} colours
 * @param {string} [pattern] a paint server (`url(#...)`) laid over every part in the ink A
 */
export function draw(notation, colours, pattern) {
  const nodes = [];
  for (const part of notation.split("|")) {
    const [name, attributes] = shapeOf(part.slice(1));
    nodes.push(element(name, { ...attributes, ...inks[part[0]](colours) }));
    if (pattern && part[0] === "A") nodes.push(element(name, { ...attributes, fill: pattern }));
  }
  return nodes;
}
