//! What the words of one language mean in another.

use std::collections::BTreeMap;

use crate::words::{Word, words};

/// Words, and what each means: one or more translations, each of one or more words.
#[derive(Debug, Default)]
pub struct Dictionary {
    pub(crate) meanings: BTreeMap<String, (Word, Vec<Vec<Word>>)>,
}

/// A line of a dictionary that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: a word, a comma and its translations are needed")]
pub struct DictionaryError {
    /// Its number, from 1.
    pub line: usize,
}

impl Dictionary {
    /// German words for what English names of goods hold.
    ///
    /// # Panics
    /// Never: a test reads it.
    pub fn german() -> Self {
        Self::parse(include_str!("german.csv")).expect("a test reads it")
    }

    /// Reads lines such as `kiste,box|crate` and `teelicht,tea light|t light`: a word, and its translations. Lines that begin with
    /// `#` are remarks.
    ///
    /// # Errors
    /// [`DictionaryError`] for a line that is none of these.
    pub fn parse(text: &str) -> Result<Self, DictionaryError> {
        let mut meanings: BTreeMap<String, (Word, Vec<Vec<Word>>)> = BTreeMap::new();
        let is_remark = |line: &str| line.is_empty() || line.starts_with('#');
        let lines = text.lines().map(str::trim).zip(1..);
        for (text, line) in lines.filter(|(text, _)| !is_remark(text)) {
            let error = DictionaryError { line };
            let (word, translations) = text.split_once(',').ok_or(error)?;
            let read = |text| words(text).map(|(_, word)| Word::new(word)).collect::<Vec<_>>();
            let word = read(word).pop().ok_or(error)?;
            let translations: Vec<_> = translations.split('|').map(read).collect();
            if translations.iter().any(Vec::is_empty) {
                return Err(error);
            }
            let known = meanings.entry(word.text.clone());
            known.or_insert((word, Vec::new())).1.extend(translations);
        }
        Ok(Self { meanings })
    }
}

#[test]
fn a_broken_line_is_named() {
    let read = |text: &str| Dictionary::parse(text).map(|read| read.meanings.len());
    assert!(Dictionary::german().meanings.len() > 1_000);
    assert_eq!(read("# German\n\nkiste,box|crate\nKiste,chest\nei,egg"), Ok(2));
    for broken in ["kiste", "kiste,", ",box", "kiste,box|", "- ,box"] {
        let text = format!("ei,egg\n{broken}");
        assert_eq!(read(&text), Err(DictionaryError { line: 2 }), "{broken}");
    }
}
