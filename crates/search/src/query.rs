//! What a shopper typed, matched word by word.

use std::cmp::Reverse;
use std::collections::HashMap;

use rapidfuzz::distance::osa;

use crate::Index;
use crate::index::Entry;
use crate::words::{Word, words};

/// The most words of a query that are looked at.
const MAX_WORDS: usize = 12;
/// The fewest letters of a word that is looked for inside longer ones.
const LEAST_PART: usize = 4;
/// The fewest letters of either half of a compound.
const LEAST_HALF: usize = 3;
/// The most letters of a word that may be a compound, or misspelt: no word is longer, but what NFKC makes of one letter may be.
const LONGEST_WORD: usize = 40;
/// What a query holds beside what is looked for, in German and English.
const STOP_WORDS: [&str; 22] = [
    "a", "an", "and", "das", "dem", "den", "der", "des", "die", "ein", "eine", "for", "fur", "in", "mit",
    "of", "on", "or", "the", "to", "und", "with",
];

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The documents' numbers, the best first.
    pub documents: Vec<usize>,
    /// The query with its misspelt words put right, where that was needed.
    pub correction: Option<String>,
}

/// How a word of the query is met, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Exact,
    Inflected,
    /// It means the word.
    Translated,
    /// It begins the word, or means it with another ending.
    Related,
    /// It is a part of the word, or the word of it.
    Compound,
    Misspelt,
}

impl Fit {
    /// What a document pays for it in the order of the best: one far off outweighs two that are nearly there.
    fn cost(self) -> u32 {
        (self as u32).pow(2)
    }
}

/// How well a document meets a word: the fit, and how rare what it has is.
type Hits = HashMap<u32, (Fit, f32)>;

impl Index {
    /// The documents that meet each word of `query`, or, where none does, as many words as can be. In the order of how well the words
    /// are met and how rare they are; those that are not available last.
    pub fn find(&self, query: &str, is_available: impl Fn(usize) -> bool) -> Found {
        let typed = meant(query);
        let mut spelt = Vec::with_capacity(typed.len());
        let mut ranks: HashMap<u32, (usize, u32, f32)> = HashMap::new();
        for (n, word) in typed.iter().enumerate() {
            let mut hits = self.hits(word, n + 1 == typed.len());
            for pair in typed[n.saturating_sub(1)..].windows(2).take(1 + n.min(1)) {
                // Written as two words, which may be one: `cake stand`.
                let joined = Word::new(&format!("{}{}", pair[0].shown, pair[1].shown));
                self.add(&mut hits, self.exact(&joined).into_iter(), Fit::Inflected);
            }
            let is_known = !hits.is_empty();
            if hits.values().all(|(fit, _)| *fit > Fit::Translated) {
                let nearest = self.nearest(word);
                self.add(&mut hits, nearest.iter().copied(), Fit::Misspelt);
                let likeliest = nearest.iter().max_by_key(|entry| entry.documents.len());
                spelt.push(
                    likeliest
                        .filter(|_| !is_known)
                        .map(|entry| entry.word.shown.as_str()),
                );
            } else {
                spelt.push(None);
            }
            for (document, (fit, rarity)) in hits {
                let rank = ranks.entry(document).or_default();
                *rank = (rank.0 + 1, rank.1 + fit.cost(), rank.2 + rarity);
            }
        }
        let most = ranks.values().map(|rank| rank.0).max().unwrap_or_default();
        let mut best: Vec<_> = ranks.into_iter().filter(|(_, rank)| rank.0 == most).collect();
        best.sort_by_cached_key(|(document, (_, cost, rarity))| {
            let at = *document as usize;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a hundredth is fine enough to order by"
            )]
            let rarity = (rarity * 100.0) as i64;
            (!is_available(at), *cost, Reverse(rarity), self.lengths[at], at)
        });
        let corrected = spelt
            .iter()
            .zip(&typed)
            .map(|(spelt, word)| spelt.unwrap_or(&word.shown));
        Found {
            documents: best.into_iter().map(|(document, _)| document as usize).collect(),
            correction: spelt
                .iter()
                .any(Option::is_some)
                .then(|| corrected.collect::<Vec<_>>().join(" ")),
        }
    }

    /// What meets a word as it is spelt. Of the last word, which may not be typed to its end, the beginning is enough.
    fn hits(&self, word: &Word, is_last: bool) -> Hits {
        let mut hits = Hits::new();
        self.add(&mut hits, self.exact(word).into_iter(), Fit::Exact);
        self.add(&mut hits, self.inflected(word), Fit::Inflected);
        let length = word.text.chars().count();
        if is_last && length > 1 {
            let begun = |entry: &&Entry| entry.word.text.starts_with(&word.text);
            self.add(&mut hits, self.entries.iter().filter(begun), Fit::Related);
        }
        if (LEAST_PART..=LONGEST_WORD).contains(&length) {
            let holds = |entry: &&Entry| {
                entry.word.text.starts_with(&word.text) || entry.word.text.ends_with(&word.text)
            };
            self.add(&mut hits, self.entries.iter().filter(holds), Fit::Compound);
            for (front, back) in halves(&word.text) {
                better(&mut hits, self.meeting_all(&[front, back], Fit::Compound));
            }
        }
        if hits.is_empty() && length <= LONGEST_WORD {
            // What is unknown but for its end is a kind of that: a `Holzkerze` a candle.
            let back = halves(&word.text).map(|(_, back)| back);
            let mut known = back
                .filter(|back| back.text.len() >= LEAST_PART)
                .map(|back| self.meeting(&back, Fit::Compound));
            better(&mut hits, known.find(|hits| !hits.is_empty()).unwrap_or_default());
        }
        hits
    }

    /// The known words that are spelt most like this one, with few letters more, less, other or exchanged. A SKU or a size is none but itself.
    fn nearest(&self, word: &Word) -> Vec<&Entry> {
        let most = match word.text.chars().count() {
            _ if !word.text.chars().all(char::is_alphabetic) => return Vec::new(),
            ..4 => return Vec::new(),
            4..8 => 1,
            8..=LONGEST_WORD => 2,
            _ => return Vec::new(),
        };
        let typed = osa::BatchComparator::new(word.text.chars());
        let cutoff = osa::Args::default().score_cutoff(most);
        let distance = |entry: &Entry| typed.distance_with_args(entry.word.text.chars(), &cutoff);
        let words = self
            .entries
            .iter()
            .filter(|entry| entry.word.text.len() >= LEAST_HALF);
        let near: Vec<_> = words
            .filter_map(|entry| Some((distance(entry)?, entry)))
            .collect();
        let least = near.iter().map(|(distance, _)| *distance).min();
        let nearest = near.into_iter().filter(|(distance, _)| Some(*distance) == least);
        nearest.map(|(_, entry)| entry).collect()
    }

    /// Adds what holds these words, and what they mean.
    fn add<'a>(&self, hits: &mut Hits, entries: impl Iterator<Item = &'a Entry>, fit: Fit) {
        for entry in entries {
            better(hits, self.holding(entry, fit));
            for meaning in &entry.meanings {
                let translated = if fit == Fit::Exact {
                    Fit::Translated
                } else {
                    Fit::Related
                };
                better(hits, self.meaning(meaning, fit.max(translated)));
            }
        }
    }

    /// What holds a word or what it means, with whatever ending.
    fn meeting(&self, word: &Word, fit: Fit) -> Hits {
        let mut hits = Hits::new();
        self.add(&mut hits, self.inflected(word), fit);
        hits
    }

    /// What holds all of these words or what they mean.
    fn meeting_all(&self, words: &[Word], fit: Fit) -> Hits {
        in_all(words.iter().map(|word| self.meeting(word, fit)))
    }

    /// What holds all words of a translation.
    fn meaning(&self, words: &[Word], fit: Fit) -> Hits {
        in_all(words.iter().map(|word| {
            let mut hits = Hits::new();
            self.inflected(word)
                .for_each(|entry| better(&mut hits, self.holding(entry, fit)));
            hits
        }))
    }

    fn holding(&self, entry: &Entry, fit: Fit) -> impl IntoIterator<Item = (u32, (Fit, f32))> {
        let rarity = self.rarity(entry.documents.len());
        entry
            .documents
            .iter()
            .map(move |document| (*document, (fit, rarity)))
    }

    /// Inverse document frequency, as BM25 has it.
    #[expect(clippy::cast_precision_loss, reason = "it orders, no more")]
    fn rarity(&self, documents: usize) -> f32 {
        let (all, with) = (self.lengths.len() as f32, documents as f32);
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }
}

/// The words of a query that mean something; all of them, where none does.
fn meant(query: &str) -> Vec<Word> {
    let typed: Vec<Word> = words(query)
        .take(MAX_WORDS)
        .map(|(_, word)| Word::new(word))
        .collect();
    let is_meant = |word: &&Word| !STOP_WORDS.contains(&word.text.as_str());
    let meant: Vec<Word> = typed.iter().filter(is_meant).cloned().collect();
    if meant.is_empty() { typed } else { meant }
}

/// The ways to take a word for a compound of two.
fn halves(text: &str) -> impl Iterator<Item = (Word, Word)> + Clone {
    let length = text.chars().count();
    let cuts = text.char_indices().enumerate();
    let cuts = cuts.filter(move |(n, _)| (LEAST_HALF..=length.saturating_sub(LEAST_HALF)).contains(n));
    cuts.map(|(_, (at, _))| (Word::new(&text[..at]), Word::new(&text[at..])))
}

/// What is in all of these, as rare as all are together.
fn in_all(hits: impl Iterator<Item = Hits>) -> Hits {
    let both = |one: Hits, other: Hits| {
        let both = one.into_iter().filter_map(|(document, (fit, rarity))| {
            let (other_fit, other_rarity) = other.get(&document)?;
            Some((document, (fit.max(*other_fit), rarity + other_rarity)))
        });
        both.collect()
    };
    hits.reduce(both).unwrap_or_default()
}

/// Keeps the better hit of each document.
fn better(hits: &mut Hits, more: impl IntoIterator<Item = (u32, (Fit, f32))>) {
    let rank = |(fit, rarity): (Fit, f32)| (Reverse(fit), rarity);
    for (document, hit) in more {
        let known = hits.entry(document).or_insert(hit);
        if rank(hit) > rank(*known) {
            *known = hit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dictionary;

    const NAMES: &[&str] = &[
        "RED MUG",
        "MUG HOLDER",
        "SET OF 2 MUGS",
        "T-LIGHT HOLDER",
        "BLACK CANDELABRA",
        "ROUND CANDLE",
        "CAKE STAND",
        "CAKESTAND 3 TIER",
        "POLKADOT BOWL",
        "Müsli-Schüssel groß",
        "WOODEN PICTURE FRAME",
        "HEIGHT CHART",
        "RED HEART",
        "İSTANBUL PLATE",
    ];

    const GERMAN: &str = "becher,mug|beaker\nschale,bowl\nschal,heart\nteelicht,tea light|t light\nhalter,holder\nbild,picture\nrahmen,frame\nkerze,candle";

    fn found(query: &str) -> Found {
        let skus: Vec<String> = (0..NAMES.len()).map(|n| format!("SKU{n}")).collect();
        let texts = NAMES.iter().zip(&skus).map(|(name, sku)| [*name, sku]);
        let index = Index::new(texts, &Dictionary::parse(GERMAN).expect("a dictionary"));
        index.find(query, |at| NAMES[at] != "RED MUG")
    }

    fn names(query: &str) -> Vec<&str> {
        found(query).documents.into_iter().map(|at| NAMES[at]).collect()
    }

    #[test]
    fn exact_comes_before_inflected_and_sold_out_last() {
        assert_eq!(names("mug"), ["MUG HOLDER", "SET OF 2 MUGS", "RED MUG"]);
        assert_eq!(names("mugs"), ["SET OF 2 MUGS", "MUG HOLDER", "RED MUG"]);
    }

    #[test]
    fn each_word_counts_and_where_none_has_all_the_most() {
        assert_eq!(names("red heart"), ["RED HEART"]);
        assert_eq!(names("red istanbul heart"), ["RED HEART"]);
        assert_eq!(names("the red of"), ["RED HEART", "RED MUG"]);
    }

    #[test]
    fn of_the_last_word_the_beginning_is_enough() {
        assert_eq!(names("round cand"), ["ROUND CANDLE"]);
        assert_eq!(names("cand").len(), 2);
        assert_eq!(names("SKU12"), ["RED HEART"]);
        assert_eq!(names("sku1").len(), 5, "and none of SKU2");
    }

    #[test]
    fn words_joined_or_apart_are_the_same() {
        assert_eq!(names("cake stand").len(), 2);
        assert_eq!(names("cakestand").len(), 2);
        assert_eq!(names("polka dot"), ["POLKADOT BOWL"]);
        assert_eq!(names("tlight"), names("t-light"));
    }

    #[test]
    fn german_words_find_what_they_mean() {
        assert_eq!(names("Becher").len(), 3);
        assert_eq!(names("Teelichter"), ["T-LIGHT HOLDER"]);
        assert_eq!(names("Teelichthalter"), ["T-LIGHT HOLDER"]);
        assert_eq!(names("Bilderrahmen"), ["WOODEN PICTURE FRAME"]);
        assert_eq!(names("Honigkerze"), ["ROUND CANDLE"]);
        assert_eq!(names("schuessel"), ["Müsli-Schüssel groß"]);
        assert_eq!(names("Schale")[0], "POLKADOT BOWL", "and not what a `Schal` is");
        assert_eq!(names("MUSLI"), names("mu\u{308}sli"));
        assert_eq!(names("istanbul"), ["İSTANBUL PLATE"]);
    }

    #[test]
    fn a_misspelt_word_is_put_right_and_told() {
        let misspelt = found("chrat");
        assert_eq!(misspelt.correction.as_deref(), Some("chart"));
        assert_eq!(names("chrat"), ["HEIGHT CHART"]);
        assert_eq!(found("red herat").correction.as_deref(), Some("red heart"));
        assert_eq!(names("red hart"), ["RED HEART"], "though a CHART ends so");
        assert_eq!(found("kerzn").correction.as_deref(), Some("kerze"));
        assert_eq!(found("heart").correction, None);
    }

    #[test]
    fn what_no_word_is_in_finds_nothing() {
        let long = "ﷺ".repeat(100);
        for nothing in ["", " ", "\"", "- OR *", "name:(", "xyzzy", &long] {
            assert_eq!(names(nothing).len(), 0, "{nothing}");
        }
    }
}
