//! Queries, byte by byte: `.ci/fuzz` runs this target for long, `cargo test` replays what was found.

use crate::{Dictionary, Index};

#[test]
fn search_query() {
    let dictionary = Dictionary::parse("kerze,candle\nteelicht,t light\nhalter,holder\nkreis,kreis")
        .expect("a dictionary");
    let names = [
        ["A1", "RED T-LIGHT HOLDER"],
        ["B2", "Kerzenständer"],
        ["C3", "candle ✨ für İstanbul"],
        ["D4", ""],
    ];
    let index = Index::new(names, &dictionary);
    bolero::check!().for_each(|query: &[u8]| {
        let found = index.find(&String::from_utf8_lossy(query), |document| document != 1);
        let mut numbers = found.documents.clone();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), found.documents.len(), "each once");
        assert!(numbers.iter().all(|number| *number < names.len()));
        assert!(
            !found.documents.contains(&1) || found.documents.last() == Some(&1),
            "what is sold out is last"
        );
    });
}
