// Elements without markup strings: text stays text, whatever it says.

/**
 * An element.
 * @param {string} tag a name with classes, such as `p.note.quiet`
 * @param {Record<string, any>} [properties] attributes; `onclick` and the like are functions; `true` sets, `false` and `null` leave out
 * @param {...any} children nodes, texts, lists of them; `null` and `false` are left out
 */
export function h(tag, properties, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name);
  if (classes.length) node.className = classes.join(" ");
  const plain = properties && typeof properties === "object" && !(properties instanceof Node) && !Array.isArray(properties);
  if (plain) Object.entries(properties).forEach(([key, value]) => set(node, key, value));
  fill(node, plain ? children : [properties, ...children]);
  return node;
}

function set(node, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
  else node.setAttribute(key, value === true ? "" : String(value));
}

/** Replaces what is in a node. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

let ids = 0;
/** An id no other element has. */
export const newId = (stem) => `${stem}-${(ids += 1)}`;

/** Focuses an element that is no control, for the keyboard and the screen reader to go on from. */
export function focusOn(node) {
  if (!node) return;
  if (!node.matches("a[href],button,input,select,textarea")) node.tabIndex = -1;
  node.focus();
}
