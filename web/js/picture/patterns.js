// Patterns printed on a product (polka dots, gingham...), what lies behind it, and quilts for names that say nothing.
import { element } from "./draw.js";

let count = 0;

const dot = (x, y, r, fill) => element("circle", { cx: x, cy: y, r, fill });

const prints = {
  spots: [12, (c) => [dot(3, 3, 2.3, c), dot(9, 9, 2.3, c)]],
  stripes: [9, (c) => [element("rect", { width: 3.6, height: 9, fill: c })]],
  gingham: [9, (c) => [element("path", { d: "M0 0h4.5v9H0zM0 0h9v4.5H0z", fill: c, "fill-opacity": 0.42 })]],
  petals: [18, (c, b) => [element("path", { d: "M4.5 0a2.3 2.3 0 0 1 0 4.5 2.3 2.3 0 0 1 0-4.5zM4.5 4.5a2.3 2.3 0 0 1 0 4.5 2.3 2.3 0 0 1 0-4.5zM0 4.5a2.3 2.3 0 0 1 4.5 0 2.3 2.3 0 0 1-4.5 0zM4.5 4.5a2.3 2.3 0 0 1 4.5 0 2.3 2.3 0 0 1-4.5 0z", fill: c }), dot(4.5, 4.5, 1.4, b), dot(13.5, 13.5, 2, c)]],
  stars: [14, (c) => [element("path", { d: "M4 1l.9 2 2.1.2-1.6 1.5.5 2.1L4 5.7 2.1 6.8l.5-2.1L1 3.2 3.1 3z", fill: c }), dot(11, 10, 1, c)]],
};

const asked = [
  ["spots", /SPOT|POLKA|DOTT?Y|DOTS?\b/], ["gingham", /GINGHAM|CHECK|TARTAN|PICNIC|COTTAGE/], ["stripes", /STRIP|DECKCHAIR|CIRCUS|CANDY/],
  ["petals", /FLORAL|PAISLEY|BOTANICAL|DAISY|BLOSSOM|FLOWER|ROSE|POSY|GARDEN|LIBERTY|EDWARDIAN|VICTORIAN|REGENCY|FRENCH|JARDIN/], ["stars", /SPACE|STAR|COSMIC|TWINKLE/],
];

/**
 * The pattern a name asks for, as an SVG `<pattern>` and the paint that refers to it.
 * @returns {{node: SVGElement, paint: string}|null}
 */
export function printFor(name, colours) {
  const key = asked.find(([, words]) => words.test(name))?.[0];
  if (!key) return null;
  count += 1;
  const id = `print-${count}`;
  const [size, tile] = prints[key];
  const ink = colours.a === colours.paper || key === "gingham" ? (colours.a === colours.paper ? colours.b : colours.paper) : colours.paper;
  const node = element("pattern", { id, width: size, height: size, patternUnits: "userSpaceOnUse", patternTransform: key === "stripes" ? "rotate(20)" : "" }, ...tile(ink, colours.b));
  return { node, paint: `url(#${id})` };
}

const ring = (x, y, r, colour, width) => element("circle", { cx: x, cy: y, r, fill: "none", stroke: colour, "stroke-width": width });

const backdrops = [
  (c) => [dot(60, 54, 42, c.backdrop)],
  (c) => [element("path", { d: "M24 120V56a36 36 0 0 1 72 0v64z", fill: c.backdrop })],
  (c) => [element("rect", { y: 82, width: 120, height: 38, fill: c.backdrop })],
  (c) => [element("path", { d: "M0 92c24-14 40-14 62-4s40 6 58-6v38H0z", fill: c.backdrop }), dot(96, 24, 12, c.backdrop)],
  (c) => [element("path", { d: rays(60, 60, 90), fill: c.backdrop })],
  (c) => [ring(60, 58, 46, c.backdrop, 7), ring(60, 58, 34, c.backdrop, 7), dot(60, 58, 24, c.backdrop)],
  (c, chance) => [dot(60, 56, 40, c.backdrop), ...confetti(c, chance)],
  (c) => [element("path", { d: "M60 2l56 56-56 56L4 58z", fill: c.backdrop })],
  (c) => [element("path", { d: "M16 108c-14-30-6-82 30-92s66 14 62 50-20 52-50 54-36 2-42-12z", fill: c.backdrop })],
];

function rays(x, y, length) {
  let path = "";
  for (let turn = 0; turn < 12; turn += 1) {
    const [from, to] = [turn * 30, turn * 30 + 15].map((degrees) => (degrees * Math.PI) / 180);
    const point = (angle) => `${(x + length * Math.cos(angle)).toFixed(1)} ${(y + length * Math.sin(angle)).toFixed(1)}`;
    path += `M${x} ${y}L${point(from)} ${point(to)}z`;
  }
  return path;
}

function confetti(colours, chance) {
  return Array.from({ length: 14 }, () => dot(Math.round(6 + chance.next() * 108), Math.round(6 + chance.next() * 108), 1.6 + Math.round(chance.next() * 2), colours.detail));
}

/** What lies behind the motif. */
export function backdropFor(name, colours, chance) {
  if (/CHRISTMAS|XMAS|SNOW|NOEL|SANTA|REINDEER|ADVENT/.test(name)) {
    return [element("path", { d: "M0 96c30-12 80-12 120 0v24H0z", fill: colours.backdrop }), ...confetti({ detail: colours.dark ? colours.paper : colours.backdrop }, chance)];
  }
  return chance.pick(backdrops)(colours, chance);
}

/** A patchwork for a name without a motif. */
export function quilt(colours, chance) {
  const patches = [
    (x, y) => element("path", { d: `M${x} ${y}h30v30A30 30 0 0 1 ${x} ${y}z` }),
    (x, y) => element("path", { d: `M${x + 30} ${y}v30H${x}a30 30 0 0 1 30-30z` }),
    (x, y) => element("path", { d: `M${x} ${y}h30L${x} ${y + 30}z` }),
    (x, y) => element("circle", { cx: x + 15, cy: y + 15, r: 11 }),
    (x, y) => element("path", { d: `M${x + 15} ${y}l15 15-15 15-15-15z` }),
    (x, y) => element("path", { d: `M${x} ${y + 15}a15 15 0 0 1 30 0zM${x} ${y + 30}a15 15 0 0 1 30 0z` }),
  ];
  const mirrored = chance.pick(patches);
  const second = chance.pick(patches);
  const fills = [colours.a, colours.b, colours.shade, colours.backdrop];
  const nodes = [];
  for (let cell = 0; cell < 16; cell += 1) {
    const [column, row] = [cell % 4, Math.floor(cell / 4)];
    const patch = ((column + row) % 2 ? mirrored : second)(column * 30, row * 30);
    patch.setAttribute("fill", fills[(column * 3 + row * 2 + Math.floor(chance.next() * 2)) % fills.length]);
    nodes.push(patch);
  }
  return nodes;
}
