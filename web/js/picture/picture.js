// A picture of a product, drawn from its name alone: the same name always gives the same picture.
import * as common from "./common.js";
import { draw, element } from "./draw.js";
import { choices, coloursFor, mix } from "./palette.js";
import { backdropFor, printFor, quilt } from "./patterns.js";
import { motifOf } from "./words.js";

const objects = { ...common.objects };
const symbols = { ...common.symbols };
let fetching = null;

/** Fetches the rare motifs, once; tried again with the next picture when the network was gone. */
function fetchRare() {
  fetching ??= import("./rare.js").then(
    (rare) => {
      Object.assign(objects, rare.objects);
      Object.assign(symbols, rare.symbols);
    },
    () => { fetching = null; });
  return fetching;
}

/** Whether all that the picture shows has been fetched; the symbol only where it shows. */
const isHere = ({ object, symbol }) => (object ? objects[object] && (!symbol || !objects[object].at || symbols[symbol]) : !symbol || symbols[symbol]);

/**
 * The picture as an SVG element, a square that fills its box. It is decoration: the name is beside it as text.
 * @param {string} name the product's name as the catalogue has it
 * @returns {SVGElement}
 */
export function picture(name) {
  const motif = motifOf(name);
  const chance = choices(name);
  const colours = coloursFor(motif.words, chance);
  const print = printFor(name, colours);
  const svg = element("svg", { viewBox: "0 0 120 120", "aria-hidden": "true", focusable: "false", class: "picture" });
  if (print) svg.append(element("defs", {}, print.node));
  svg.append(element("rect", { width: 120, height: 120, fill: colours.ground }));
  if (!motif.object && !motif.symbol && !motif.glyph) {
    svg.append(...quilt(colours, chance));
    return svg;
  }
  svg.append(...backdropFor(name, colours, chance));
  const finish = () => isHere(motif) && svg.append(...arranged(motif, name, colours, print));
  if (isHere(motif)) finish();
  else fetchRare().then(finish);
  return svg;
}

const at = (x, y, size, ...children) =>
  element("g", { transform: `translate(${x - size / 2} ${y - size / 2}) scale(${size / 100})` }, ...children);

/** One, two or three of the thing, as the name says. */
function arranged(motif, name, colours, print) {
  const size = /\b(MINI|SMALL|TINY|LITTLE)\b/.test(name) ? 66 : /\b(LARGE|JUMBO|BIG|GIANT|TALL)\b/.test(name) ? 92 : 80;
  const shadow = (x, y, width) => element("ellipse", { cx: x, cy: y, rx: width / 2.4, ry: width / 18, fill: colours.ink, "fill-opacity": 0.16 });
  const one = (x, y, width, own = colours) => [shadow(x, y + width * 0.43, width), at(x, y, width, ...motifNodes(motif, own, print))];
  const other = { ...colours, a: colours.b, b: colours.a, shade: mix(colours.b, colours.ink, 0.28) };
  if (motif.pieces === 1) return one(60, 60, size);
  const pair = [...one(41, 52, size * 0.62, other), ...one(78, 68, size * 0.68)];
  if (motif.pieces === 2) return pair;
  return [...one(60, 42, size * 0.52, { ...colours, a: mix(colours.a, colours.paper, 0.4) }), ...one(37, 70, size * 0.6, other), ...one(83, 72, size * 0.62)];
}

function motifNodes(motif, colours, print) {
  if (motif.glyph) return glyph(motif.glyph, colours);
  if (!motif.object) return draw(symbols[motif.symbol], colours, print?.paint);
  const { shape, at: spot } = objects[motif.object];
  const nodes = draw(shape, colours, print?.paint);
  if (spot && motif.symbol) nodes.push(emblem(motif.symbol, spot, colours, print));
  return nodes;
}

/** The symbol on an object, on a paper roundel where a print would swallow it. */
function emblem(symbol, [x, y, size], colours, print) {
  const pale = colours.a === colours.paper || parseInt(colours.a.slice(3, 5), 16) > 200;
  const onPaper = print || pale;
  const main = onPaper ? (pale ? colours.b : colours.a) : colours.paper;
  const own = { ...colours, a: main, b: onPaper ? mix(main, colours.paper, 0.45) : colours.b, paper: onPaper ? colours.paper : mix(colours.paper, colours.a, 0.35), shade: mix(main, colours.ink, 0.25), leafOr: onPaper ? main : colours.paper };
  const group = at(x, y, size, ...draw(symbols[symbol], own));
  if (!print) return group;
  return element("g", {}, element("circle", { cx: x, cy: y, r: size * 0.66, fill: colours.paper }), group);
}

function glyph(text, colours) {
  return [
    element("rect", { x: 16, y: 10, width: 68, height: 78, rx: 4, fill: colours.a }),
    element("rect", { x: 21, y: 15, width: 58, height: 68, rx: 2, fill: "none", stroke: colours.paper, "stroke-width": 1.6 }),
    element("text", { x: 50, y: 68, "text-anchor": "middle", "font-family": "Georgia, serif", "font-size": text.length > 1 ? 42 : 54, "font-weight": 700, fill: colours.paper }, text),
  ];
}
