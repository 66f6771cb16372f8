// What the browser keeps for the customer. Where it keeps nothing (private mode, storage full or switched off),
// values live as long as the page, and `isLasting()` says so.

const memory = new Map();
let lasting = true;

try {
  localStorage.setItem("kontor.probe", "1");
  localStorage.removeItem("kontor.probe");
} catch {
  lasting = false;
}

/** Whether what is written survives a reload. */
export const isLasting = () => lasting;

function read(key) {
  if (memory.has(key)) return memory.get(key);
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key, text) {
  memory.delete(key);
  try {
    if (text === null) localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    lasting = false;
    memory.set(key, text);
  }
}

/**
 * A value kept under a key, shared with the shop's other tabs.
 * @template T
 * @param {string} key
 * @param {(raw: unknown) => T} parse makes a sound value of whatever was stored, or of `null`
 */
export function kept(key, parse) {
  const listeners = new Set();
  let seen = { text: undefined, value: undefined };
  const get = () => {
    const text = read(key);
    if (text !== seen.text) {
      let raw = null;
      try {
        raw = JSON.parse(text);
      } catch {
        // Broken storage counts as empty.
      }
      seen = { text, value: parse(raw) };
    }
    return seen.value;
  };
  const notify = () => listeners.forEach((listener) => listener(get()));
  globalThis.addEventListener?.("storage", (event) => {
    if (event.key === key || event.key === null) notify();
  });
  return {
    /** @returns {T} as of now, other tabs' writes included */
    get,
    /** @param {T|null} value `null` forgets it */
    set(value) {
      write(key, value === null ? null : JSON.stringify(value));
      notify();
    },
    /** Reads, changes and writes in one go. @param {(value: T) => T|null} change */
    update(change) {
      this.set(change(get()));
    },
    /** Calls back on every change, in any tab, until the signal ends it. */
    onChange(listener, signal) {
      listeners.add(listener);
      signal?.addEventListener("abort", () => listeners.delete(listener));
    },
  };
}
