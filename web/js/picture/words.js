// Which motif a product's name asks for. English names put the thing last: "PINK POLKADOT CUP" is a cup.

const objectWords = `bag:BAG SHOPPER TOTE HANDBAG WASHBAG SACK RUCKSACK BACKPACK SATCHEL
mug:MUG BEAKER CUP TUMBLER TANKARD|teacup:TEACUP SAUCER ESPRESSO COFFEECUP|teapot:TEAPOT KETTLE|jug:JUG PITCHER
plate:PLATE PLATTER DINNER CHARGER|bowl:BOWL DISH COLANDER|cutlery:CUTLERY FORK KNIFE SPORK|jar:JAR CANISTER|bottle:BOTTLE DECANTER FLASK PERFUME OIL VINEGAR|waterbottle:HWB
tin:TIN CADDY CANISTERS CONTAINER TUBE|box:BOX GIFTBOX PRESENT CRACKERS|lunchbox:LUNCHBOX SNACK|case:SUITCASE TRUNK LUGGAGECASE SAFE|cabinet:CABINET DRAWERS CHEST DRESSER WARDROBE CUPBOARD ORGANISER|knob:KNOB DOORKNOB
hook:HOOK RACK|hanger:HANGER|key:KEY PADLOCK KEYRING FOB|frame:FRAME PHOTOFRAME MEMOBOARD CANVAS PRINT|mirror:MIRROR|clock:CLOCK|alarmclock:ALARM ALARMCLOCK
cushion:CUSHION PILLOW QUILT THROW BEDSPREAD BLANKET|doormat:DOORMAT RUG MAT PLACEMAT|apron:APRON PINAFORE TABARD|towel:TOWEL TEATOWEL FLANNEL CLOTH TABLECLOTH NAPKIN SERVIETTE SCARF SHAWL SARI
umbrella:UMBRELLA PARASOL|fan:FAN|necklace:NECKLACE NECKL PENDANT CHOKER LARIAT NECKLACE36|bracelet:BRACELET BANGLE BEADS ANKLET|ring:RING|earrings:EARRING|charm:CHARM BROOCH LOCKET CUFFLINKS MEDALLION|bow:BOW GRIP SLIDE HAIRBAND BANDEAU SCRUNCHIE HEADBAND HAIRCLIP TIARA
card:CARD POSTCARD FLASHCARDS CALENDAR POSTER|envelope:ENVELOPE LETTER-SET STATIONERY WRITING INVITES|wrap:WRAP WRAPPING WALLPAPER|reel:TAPE REEL RIBBON TRIM STRING TWINE PAPERCHAIN|tag:TAG LABEL|notebook:NOTEBOOK JOURNAL SKETCHBOOK DIARY PASSPORT PAD ALBUM MEMO SCRAPBOOK NOTE|book:BOOK GUIDE
pencil:PENCIL PEN CRAYONS CHALK STICK SHARPENER ERASER RUBBER|sign:SIGN PLAQUE|chalkboard:CHALKBOARD BLACKBOARD EASEL BOARD NOTICEBOARD SLATE|magnet:MAGNET BADGE COASTER TILE TRIVET|purse:PURSE|wallet:WALLET POUCH
sewing:SEWING KNITTING THREAD CROCHET EMBROIDERY|scissors:SCISSOR|lamp:LAMP LAMPSHADE SHADE NIGHTLIGHT NIGHT|chandelier:CHANDELIER DROP CANDELABRA
candle:CANDLE PILLAR|tealight:TLIGHT VOTIVE TEALIGHT CANDLEHOLDER|candlestick:CANDLESTICK CANDLEHOLDERS|lantern:LANTERN|lights:LIGHT LED
bunting:BUNTING FLAGS|garland:GARLAND|bauble:BAUBLE|decoration:DECORATION DEC DECORATED HANGING|stocking:STOCKING|wreath:WREATH|bell:BELL
basket:BASKET HAMPER PICNIC|bucket:BUCKET PAIL BIN|wateringcan:WATERINGCAN|pot:POT PLANTER PLANT TROUGH HERB|vase:VASE URN|birdhouse:BIRDHOUSE NESTING BIRDBOX FEEDER|tray:TRAY|cakestand:CAKESTAND STAND|doily:DOILY DOILIES|cakecase:CASES|mould:MOULD JELLY
doorstop:DOORSTOP|curtain:CURTAIN|stool:STOOL|shelf:SHELF SHELVES BOOKENDS|soap:SOAP SPONGE BATH LOOFAH BUBBLE|tissues:TISSUE|jigsaw:JIGSAW PUZZLE DOMINOES GAME LUDO|ball:BALL|balloon:BALLOON|skittles:SKITTLES
guitar:GUITAR UKULELE|pan:PAN|whisk:WHISK UTENSILS SPATULA BAKING|rollingpin:ROLLINGPIN|scales:SCALES TIMER|thermometer:THERMOMETER|washing:PEGS LAUNDRY WASHING CLOTHES|spoon:SPOON LADLE SCOOP MEASURING|incense:INCENSE
soft:TEDDY BEAR TOYBEAR|patch:PATCH|sticker:STICKER STAMP TATTOOS|chair:CHAIR BENCH SEAT|radio:RADIO|phone:PHONE MOBILEPHONE|bike:BICYCLE BIKE CYCLE|comb:COMB HAIRBRUSH BRUSH|shoe:SHOE BOOT SLIPPERS WELLIES|glove:GLOVE WARMER MITTENS OVEN|paperchain:CHAIN|globe:GLOBE WORLD ATLAS|cactus:CACTUS|goblet:GLASS GOBLET CHALICE WINEGLASS
bow:HAIRSLIDE ROSETTE|soft:TOY PUPPET|teapot:COSY TEA|tealight:CANDLEPOT|cutlery:COOKING|pencil:RULER PAINT|jar:JAM|basket:CRATE WHEELBARROW`;

const symbolWords = `heart:HEART LOVE SWEETHEART VALENTINE HEARTSHAPE WEDDING|star:STAR TWINKLE|flower:FLOWER DAISY DAISIES FLORAL SUNFLOWER POSY BOUQUET PANSY ORCHID BLOSSOM GERANIUM DAFFODIL TULIP GARDEN|rose:ROSE PEONY POPPY ROSEBUD|leaf:LEAF LEAVES FERN BOTANICAL OLIVE BAMBOO|tree:TREE CHRISTMAS XMAS FOREST
bird:BIRD ROBIN DOVE BIRDIE LOVEBIRD PARAKEET PEACOCK SPARROW SWALLOW BIRDCAGE|butterfly:BUTTERFLY BUTTERFLIES DRAGONFLY MOTH|cat:CAT KITTEN PUSSY|dog:DOG DOGGY PUPPY DACHSHUND DALMATIAN POODLE|rabbit:RABBIT BUNNY BUNNIES|hen:HEN COCKEREL ROOSTER CHICKEN|egg:EGG EASTER|duck:DUCK CHICK DUCKLING GOOSE SWAN|owl:OWL|skull:SKULL
mushroom:TOADSTOOL MUSHROOM WOODLAND GNOME|apple:APPLE PEAR FRUIT|strawberry:STRAWBERRY STRAWBERRIES BERRY|cherry:CHERRY CHERRIES|cake:CUPCAKE CAKE FAIRYCAKE MUFFIN|bigcake:CAKES BIRTHDAY PARTY CREPE|icecream:ICECREAM SUNDAE|rocket:SPACEBOY ROCKET SPACE ROBOT|babushka:BABUSHKA MATRYOSHKA RUSSIAN
house:HOUSE HOME COTTAGE GINGERBREAD VILLAGE CARAVAN SHED|crown:CROWN KING QUEEN PRINCESS REGENCY CORONATION PRINCE ROYAL|moon:MOON SLEEP|sun:SUN SUNSHINE|shell:SHELL MUSSEL BEACH|feather:FEATHER QUILL|snowflake:SNOWFLAKE SNOW FROSTED ICE|wings:ANGEL CHERUB WINGS FAIRY FAIRIES|anchor:ANCHOR BOAT SHIP NAUTICAL SAILOR|dinosaur:DINOSAUR DINO MONSTER|elephant:ELEPHANT|fish:FISH GOLDFISH WHALE
bee:BEE HONEYCOMB|ladybird:LADYBIRD|doll:DOLLY DOLL GIRL RAGDOLL LOLA BALLERINA|flag:UNION BRITISH ENGLAND|tower:PARIS PARISIENNE EIFFEL FRENCH|bus:LONDON BUS TRANSPORT|car:CAR RACING MINI-CAR VAN|soldier:SOLDIER DRUMMER NUTCRACKER|snowman:SNOWMAN SNOWMEN|deer:REINDEER DEER STAG RUDOLPH`;

function index(text) {
  const found = new Map();
  for (const entry of text.split(/[|\n]/)) {
    const [motif, list] = entry.split(":");
    for (const word of list.split(" ")) found.set(word, motif);
  }
  return found;
}
const objectOf = index(objectWords);
const symbolOf = index(symbolWords);

// Two words that are one thing, and spellings that hide it.
const joined = [
  [/T[- ]?LIGHTS?/g, "TLIGHT"], [/HOT WATER BOTTLE/g, "HWB"], [/HAND WARMER/g, "WARMER"], [/WATERING CAN/g, "WATERINGCAN"], [/ROLLING PIN/g, "ROLLINGPIN"],
  [/BIRD ?HOUSE/g, "BIRDHOUSE"], [/CAKE ?STAND/g, "CAKESTAND"], [/FAIRY CAKE/g, "CUPCAKE"], [/TEA TOWEL/g, "TEATOWEL"], [/ICE CREAM/g, "ICECREAM"], [/ALARM CLOCK/g, "ALARM"],
  [/TEA ?CUP( (AND|&) SAUCER)?|CUP (AND|&) SAUCER/g, "TEACUP"], [/LUNCH ?BOX/g, "LUNCHBOX"], [/LUNCH BAG/g, "BAG"], [/MAGIC GARDEN/g, "GARDEN"], [/PLAYING CARDS/g, "CARDS"],
  [/CHARLIE ?(\+|AND) ?LOLA/g, "LOLA"], [/PAPER CHAIN( KIT)?/g, "CHAIN"], [/DOOR ?MAT/g, "DOORMAT"], [/KEY ?RING/g, "KEYRING"], [/ROSE ?BUD/g, "ROSE"], [/LAMP ?SHADE/g, "LAMP"],
  [/PHONE CHARM/g, "CHARM"], [/LIGHT (BLUE|PINK|GREEN|BROWN)/g, "$1"], [/CANDLE HOLDER|HOLDER FOR .*CANDLE/g, "TLIGHT"], [/WALL ART/g, "FRAME"], [/CHILDS? GARDEN/g, "GARDEN"],
];

/** The words of a name in capitals, compounds joined. */
export function wordsOf(name) {
  let text = name.toUpperCase();
  for (const [pattern, word] of joined) text = text.replace(pattern, word);
  return text.match(/[A-Z0-9]+/g) ?? [];
}

function lastIn(index_, words) {
  for (let at = words.length - 1; at >= 0; at -= 1) {
    const motif = index_.get(words[at]) ?? index_.get(words[at].replace(/S$/, "")) ?? index_.get(words[at].replace(/ES$/, ""));
    if (motif) return { motif, at };
  }
  return null;
}

/**
 * What to draw: an object, a symbol, both (the symbol sits on the object), or neither.
 * @param {string} name a product's name
 * @returns {{object: string|null, symbol: string|null, glyph: string|null, words: string[], pieces: number}}
 */
export function motifOf(name) {
  const words = wordsOf(name);
  const cut = words.findIndex((word, at) => at > 0 && ["WITH", "W", "IN", "FOR"].includes(word));
  const head = cut > 0 ? words.slice(0, cut) : words;
  const object = lastIn(objectOf, head) ?? lastIn(objectOf, words);
  const symbol = lastIn(symbolOf, words.filter((word) => !objectOf.has(word) || symbolOf.has(word)));
  const glyph = /\b(?:LETTER|NUMBER|INITIAL|FONT|ALPHABET)S? (?:TILE )?(?:.* )?([A-Z]|\d{1,2})$/.exec(name.toUpperCase())?.[1] ?? null;
  const pieces = /\bPAIR\b|\bSET ?(?:OF |\/)? ?2\b/.test(name) ? 2 : /\b(?:SET|PACK|BOX) ?(?:OF |\/|\d)|S\/\d|^\d+ /.test(name) ? 3 : 1;
  return { object: object?.motif ?? null, symbol: symbol?.motif ?? null, glyph, words, pieces };
}
