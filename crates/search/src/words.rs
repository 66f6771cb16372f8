//! A text's words, folded so that different spellings of a word are one.

use std::sync::LazyLock;

use caseless::Caseless;
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

/// How many stems a word has.
pub(crate) const STEMS: usize = 3;

static STEMMERS: LazyLock<[Stemmer; 2]> =
    LazyLock::new(|| [Algorithm::English, Algorithm::German].map(Stemmer::create));

/// A word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// As it was written, folded by case: what a shopper is shown.
    pub(crate) shown: String,
    /// Compatibility forms and case folded (NFKC; Unicode, section 3.13), without marks. Umlauts are their vowel, written as one
    /// letter or as two.
    pub(crate) text: String,
    /// The text's stem in English and in German (snowballstem.org), and that of what it is a small one of: of `Haus` for `Häuschen`.
    pub(crate) stems: [String; STEMS],
}

impl Word {
    /// Folds a word.
    pub(crate) fn new(written: &str) -> Self {
        let shown: String = written.nfkc().default_case_fold().nfc().collect();
        let text = fold(&shown);
        let [english, german] = &*STEMMERS;
        let large = text.strip_suffix("chen").filter(|large| large.len() > 2);
        let large = large.unwrap_or(singular(&text));
        let stems = [
            english.stem(&text),
            german.stem(singular(&text)),
            german.stem(large),
        ]
        .map(String::from);
        Self { shown, text, stems }
    }
}

/// The words of a text: letters and digits that belong together (UAX #29), each with its place.
pub(crate) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let owned = |word: &str| word.len() - usize::from(word.to_lowercase().ends_with("'s")) * 2;
    text.unicode_word_indices()
        .map(move |(at, word)| (at, &word[..owned(word)]))
}

/// Without the plural that the German stemmer leaves: `Kugeln`.
fn singular(text: &str) -> &str {
    text.strip_suffix('n')
        .filter(|rest| rest.ends_with("el"))
        .unwrap_or(text)
}

fn fold(shown: &str) -> String {
    let mut text = String::with_capacity(shown.len());
    for c in shown.nfd().filter(|c| !is_combining_mark(*c)) {
        match c {
            'ø' => text.push('o'),
            'ł' => text.push('l'),
            'đ' | 'ð' => text.push('d'),
            'œ' => text.push('o'),
            'æ' => text.push('a'),
            '\'' | '’' | '.' => {}
            'e' if is_umlaut(&text) => {}
            c => text.push(c),
        }
    }
    text
}

/// Whether an `e` after this is an umlaut's second letter: in `ueber` it is, in `queen`, `blaue` and `neue` not.
fn is_umlaut(before: &str) -> bool {
    before.ends_with(['a', 'o', 'u']) && !["qu", "au", "eu"].iter().any(|two| before.ends_with(two))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> String {
        let texts = words(text).map(|(_, word)| Word::new(word).text);
        texts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn spellings_of_a_word_are_one() {
        for (one, other) in [
            ("Müsli", "mu\u{308}sli"),
            ("Müsli", "MUESLI"),
            ("Müsli", "musli"),
            ("İSTANBUL", "istanbul"),
            ("Straße", "STRASSE"),
            ("café", "cafe"),
            ("Ｔｅｅ", "tee"),
            ("Smørrebrød", "smorrebrod"),
            ("Œuvre", "oeuvre"),
            ("baker's", "BAKER"),
            ("ﬁne", "fine"),
        ] {
            assert_eq!(texts(one), texts(other), "{one} {other}");
        }
        assert_eq!(texts("queen blaue neun neue"), "queen blaue neun neue");
    }

    #[test]
    fn a_text_falls_into_words() {
        assert_eq!(texts(" 6 T-LIGHTS, \"red\"; (50cm) + £ "), "6 t lights red 50cm");
        assert_eq!(texts("\" - * :: ✨"), "");
    }

    #[test]
    fn endings_make_no_difference() {
        for (one, other) in [
            ("Kerze", "Kerzen"),
            ("Häuser", "Haus"),
            ("Teelichter", "Teelicht"),
            ("candles", "candle"),
            ("Gläser", "glas"),
            ("boxes", "box"),
            ("berries", "berry"),
            ("Kugeln", "Kugel"),
            ("Häuschen", "Haus"),
            ("Kirschen", "Kirsche"),
            ("Flaschen", "Flasche"),
            ("blauer", "blau"),
            ("grauen", "grau"),
            ("Frauen", "Frau"),
        ] {
            let [one, other] = [one, other].map(Word::new);
            let mut stems = one.stems.iter().zip(&other.stems);
            assert!(stems.any(|(one, other)| one == other), "{one:?} {other:?}");
        }
    }
}
