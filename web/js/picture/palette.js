// The inks and papers of the pictures, and which of them a product gets.

/** A repeatable source of choices from a text (FNV-1a to seed, then mulberry32). */
export function choices(text) {
  let seed = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) seed = Math.imul(seed ^ text.charCodeAt(i), 0x01000193);
  const next = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return { next, pick: (list) => list[Math.floor(next() * list.length)] };
}

/** The colour between two colours (`#rrggbb`), `share` of the way to the second. */
export function mix(from, to, share) {
  const channel = (at) => {
    const [a, b] = [from, to].map((colour) => parseInt(colour.slice(at, at + 2), 16));
    return Math.round(a + (b - a) * share).toString(16).padStart(2, "0");
  };
  return `#${channel(1)}${channel(3)}${channel(5)}`;
}

const PAPER = "#fbf5e8";
const INK = "#2b2723";

const papers = {
  blush: "#f2d3c8", sand: "#ead9bb", sage: "#cfd9c3", sky: "#c6d8de", lilac: "#d9cde0", butter: "#f4e0a6", peach: "#f5cfae", stone: "#dcd3c4",
  night: "#2c3f55", forest: "#2f4f42", oxblood: "#70302d", plum: "#50395a",
};

// name: the main ink, the papers it stands well on, the second inks that go with it
const inks = {
  red: ["#bd3f2e", "sand sky butter blush sage forest", "#e2a33c #fbf5e8 #e9a79a #35506b"],
  pink: ["#dd7f86", "butter sand sage sky oxblood forest", "#fbf5e8 #b9433c #7c9a6b #e2a33c"],
  blue: ["#4672a3", "peach sand butter blush stone", "#fbf5e8 #e2a33c #d9733f #9cc0cf"],
  sky: ["#7fb0bf", "blush butter peach night oxblood", "#fbf5e8 #d9733f #35506b #e2a33c"],
  green: ["#5f8a63", "butter peach blush sand lilac", "#e2a33c #fbf5e8 #dd7f86 #bd3f2e"],
  mint: ["#93bfa4", "peach blush plum oxblood sand", "#fbf5e8 #d9733f #dd7f86 #35506b"],
  purple: ["#7d5b90", "butter sage peach blush sand", "#e6b3c4 #e2a33c #fbf5e8 #93bfa4"],
  yellow: ["#e3ab3d", "sky lilac night plum blush forest", "#bd3f2e #fbf5e8 #4672a3 #d9733f"],
  orange: ["#d8733c", "sky sage butter night stone", "#fbf5e8 #e3ab3d #35506b #7c9a6b"],
  brown: ["#8b5a3c", "butter sky peach sage blush", "#e2a33c #fbf5e8 #d98e73 #93bfa4"],
  black: ["#34302d", "blush sand butter sky sage", "#bd3f2e #e2a33c #fbf5e8 #dd7f86"],
  white: ["#fbf5e8", "oxblood night forest sky blush plum", "#dd7f86 #e2a33c #7fb0bf #bd3f2e"],
  cream: ["#f6e6c4", "oxblood forest plum sky blush night", "#bd3f2e #d8733c #5f8a63 #dd7f86"],
  silver: ["#a9b3b8", "night oxblood plum blush butter", "#fbf5e8 #dd7f86 #4672a3 #e2a33c"],
  gold: ["#cf9c3f", "forest night oxblood plum blush", "#fbf5e8 #bd3f2e #f4e0a6 #93bfa4"],
  teal: ["#3c8086", "peach butter blush sand", "#e2a33c #fbf5e8 #d8733c #dd7f86"],
};

const words = {
  RED: "red", RUBY: "red", CRIMSON: "red", SCARLET: "red", RETROSPOT: "red", SANTA: "red", POPPY: "red", STRAWBERRY: "red", CHERRY: "red", APPLE: "red",
  PINK: "pink", ROSE: "pink", FUSCHIA: "pink", FUSHIA: "pink", CORAL: "pink", BLOSSOM: "pink", GIRL: "pink", DOLLY: "pink", FAIRY: "pink",
  BLUE: "blue", NAVY: "blue", DELPHINIUM: "blue", DENIM: "blue", BOY: "blue", SPACEBOY: "blue", CHAMBRE: "blue", WILLOW: "blue",
  SKY: "sky", SKYBLUE: "sky", AQUA: "sky", AQUAMARINE: "sky", TURQUOISE: "sky", TURQ: "sky", OCEAN: "sky", SEA: "sky", DUCK: "yellow",
  GREEN: "green", OLIVE: "green", LIME: "green", EMERALD: "green", LEAF: "green", HERB: "green", JADE: "green", WOODLAND: "green", GARDEN: "green",
  MINT: "mint", PISTACHIO: "mint", PURPLE: "purple", LILAC: "purple", LAVENDER: "purple", AMETHYST: "purple", VIOLET: "purple", MAUVE: "purple", MAGENTA: "pink",
  YELLOW: "yellow", LEMON: "yellow", SUN: "yellow", SUNFLOWER: "yellow", HONEYCOMB: "yellow", ORANGE: "orange", AMBER: "orange", TERRACOTTA: "orange", COPPER: "orange",
  BROWN: "brown", CHOCOLATE: "brown", COFFEE: "brown", WOODEN: "brown", WOOD: "brown", WICKER: "brown", NATURAL: "brown", BRONZE: "brown", COCONUT: "brown",
  BLACK: "black", SLATE: "black", JET: "black", CHALK: "black", CHALKBOARD: "black", GOTHIC: "black", WHITE: "white", CLEAR: "silver", LACE: "white", PEARL: "white", PORCELAIN: "white", CERAMIC: "white",
  IVORY: "cream", CREAM: "cream", VANILLA: "cream", BEIGE: "cream", CARAMEL: "cream", BUTTER: "cream",
  SILVER: "silver", ZINC: "silver", CRYSTAL: "silver", METAL: "silver", CHROME: "silver", GREY: "silver", TIN: "silver", STEEL: "silver",
  GOLD: "gold", BRASS: "gold", ANTIQUE: "gold", BAROQUE: "gold", TEAL: "teal", PEACOCK: "teal", ENAMEL: "teal",
};

/**
 * The colours of one picture: paper, main and second ink, and the natural inks that never change.
 * @param {string[]} name the words of the product's name, in capitals
 * @param {ReturnType<typeof choices>} chance
 */
export function coloursFor(name, chance) {
  const named = name.map((word) => words[word]).filter(Boolean);
  const key = named[0] ?? chance.pick(["red", "pink", "blue", "green", "yellow", "orange", "teal", "purple", "sky", "mint"]);
  const [a, grounds, seconds] = inks[key];
  const ground = papers[chance.pick(grounds.split(" "))];
  const dark = parseInt(ground.slice(3, 5), 16) < 100;
  const other = named.find((one) => one !== key);
  const b = other ? inks[other][0] : chance.pick(seconds.split(" ").filter((colour) => colour !== a));
  return {
    ground, dark, backdrop: dark ? mix(ground, PAPER, 0.13) : mix(ground, PAPER, 0.5), detail: dark ? mix(ground, PAPER, 0.24) : mix(ground, a, 0.22),
    a, b, shade: mix(a, INK, 0.28), paper: PAPER, ink: key === "black" ? "#171412" : INK,
    leaf: "#6b8f63", leafOr: key === "white" || key === "cream" || named.length === 0 ? "#5f8a63" : a, wood: "#9a6b45", gold: "#e0a63f", blush: "#f0c3b0", red: "#b9402f",
    navy: "#35506b", metal: dark ? "#d9c9a0" : "#7d7164", glass: "#d5e6e6", glow: "#ffe39a", weave: INK,
  };
}
