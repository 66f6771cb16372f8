//! What shoppers find in the real catalogue, in both languages.

use search::{Dictionary, Index};

/// A query, and the words of which each of the first three names has one.
const QUERIES: &str = "
    Teelicht              | T-LIGHT TEALIGHT TEA
    Teelichthalter        | T-LIGHT TEALIGHT
    mugs                  | MUG
    Bilderrahmen          | FRAME PHOTOFRAME
    Kerzenständer         | CANDLESTICK CANDLE
    Weihnachtskugeln      | BALL BAUBLE
    Schmetterling         | BUTTERFLY BUTTERFLIES
    Schmeterling          | BUTTERFLY BUTTERFLIES
    Wärmflasche           | BOTTLE
    waermflaschen         | BOTTLE
    Gießkanne             | WATERING
    Regenschirme          | UMBRELLA
    Vogelhäuschen         | BIRD NESTING BIRDHOUSE
    Holzherz              | HEART
    Küchenuhr             | CLOCK
    blauer Becher         | BLUE
    graues Kissen         | GREY GRAY CUSHION
    Papierlaternen        | LANTERN
    weiße Schale          | BOWL DISH
    rote Tasse            | CUP MUG
    Geschenkpapier        | WRAP
    Ohrringe              | EARRING
    Kissenbezug           | CUSHION
    umbrela               | UMBRELLA
    cake stand            | CAKE
    cakestand             | CAKE
    polka dot             | POLKA
    chrismas tree         | CHRISTMAS
    hot water botle       | BOTTLE
";

#[test]
fn ordinary_words_find_what_they_name() {
    let names = include_str!("../tools/kontor/data/online-retail/products.csv");
    let names: Vec<&str> = names.lines().skip(1).collect();
    let index = Index::new(names.iter().map(|name| [*name, ""]), &Dictionary::german());
    for query in QUERIES.trim().lines() {
        let (query, fitting) = query.split_once('|').expect("what is found");
        let found = index.find(query, |_| true).documents;
        let best: Vec<&str> = found.iter().take(3).map(|at| names[*at]).collect();
        assert!(!best.is_empty(), "{query}");
        for name in best {
            assert!(
                fitting.split_whitespace().any(|word| name.contains(word)),
                "{query}: {name}"
            );
        }
    }
}
