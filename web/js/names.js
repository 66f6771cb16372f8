// The catalogue shouts its names in capitals; the page says them in a pleasant case. A name with small letters is as its author wrote it.

const small = new Set(["a", "and", "as", "at", "by", "de", "des", "en", "for", "from", "in", "la", "le", "of", "on", "or", "the", "to", "with", "w"]);
const kept = new Set(["UK", "USA", "CD", "DVD", "3D", "2D", "LED", "TV", "A4", "A5", "A6", "BBQ", "XL", "M.O.P", "ABC", "T", "S", "I", "MR", "II", "III", "IV", "VIP", "DIY", "OK", "D.O.F", "HWB"]);

function pleasantWord(word, first) {
  const lower = word.toLowerCase();
  if (kept.has(word)) return word === "MR" ? "Mr" : word;
  if (/^\d/.test(word)) return lower.replace(/^(\d+)(st|nd|rd|th|cm|mm|m|g|kg|ml|w|pc|'s)?(.*)$/, (_, digits, unit = "", rest) => digits + unit + rest);
  if (!first && small.has(lower)) return lower;
  return lower.replace(/^\P{L}*\p{L}/u, (start) => start.toUpperCase());
}

/** "SET OF 6 T-LIGHTS SANTA" becomes "Set of 6 T-Lights Santa". @param {string} name */
export function pleasant(name) {
  const folded = name.replace(/\s+/g, " ").trim();
  if (/\p{Ll}/u.test(folded)) return folded;
  let first = true;
  return folded.replace(/[\p{L}\p{M}\p{N}'’.]+/gu, (word) => {
    const text = pleasantWord(word, first);
    first = false;
    return text;
  });
}
