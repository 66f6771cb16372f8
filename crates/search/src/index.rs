//! The words of all documents, and where each stands.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::Dictionary;
use crate::words::{STEMS, Word, words};

/// Finds documents, which have numbers from 0, by their words.
pub struct Index {
    /// In the order of their texts.
    pub(crate) entries: Vec<Entry>,
    /// By kind of stem, and stem.
    by_stem: [HashMap<String, Vec<usize>>; STEMS],
    /// How many words each document has.
    pub(crate) lengths: Vec<usize>,
}

/// A word of a document or of the dictionary.
pub(crate) struct Entry {
    pub(crate) word: Word,
    /// The documents that hold it, in ascending order.
    pub(crate) documents: Vec<u32>,
    /// What it means: any of these, each by all of its words.
    pub(crate) meanings: Vec<Vec<Word>>,
}

impl Index {
    /// Indexes `documents`, the texts of each. Words of the dictionary find what they mean.
    pub fn new<'a>(documents: impl IntoIterator<Item = [&'a str; 2]>, dictionary: &Dictionary) -> Self {
        let mut lengths = Vec::new();
        // As they are written: most words are in many documents, and folded once.
        let mut written: HashMap<Cow<'a, str>, Vec<u32>> = HashMap::new();
        for (document, texts) in (0..).zip(documents) {
            let mut length = 0;
            for text in texts {
                let words: Vec<_> = words(text).collect();
                length += words.len();
                let hyphened = words.windows(2).filter(|pair| text[..pair[1].0].ends_with('-'));
                let joined = hyphened.map(|pair| Cow::Owned(format!("{}{}", pair[0].1, pair[1].1)));
                let single = words.iter().map(|(_, word)| Cow::Borrowed(*word));
                for word in single.chain(joined) {
                    written.entry(word).or_default().push(document);
                }
            }
            lengths.push(length);
        }
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        for (written, documents) in written {
            let word = Word::new(&written);
            Entry::of(word, &mut entries).documents.extend(documents);
        }
        let known: HashSet<String> = entries
            .values()
            .flat_map(|entry| entry.word.stems.clone())
            .collect();
        let is_known = |word: &Word| word.stems.iter().any(|stem| known.contains(stem));
        for (word, meanings) in dictionary.meanings.values() {
            // What means nothing that is there is not there either: no misspelt word is put right to it.
            let mut there = meanings
                .iter()
                .filter(|meaning| meaning.iter().all(is_known))
                .peekable();
            if there.peek().is_some() {
                Entry::of(word.clone(), &mut entries)
                    .meanings
                    .extend(there.cloned());
            }
        }
        let mut entries: Vec<Entry> = entries.into_values().collect();
        let mut by_stem: [HashMap<String, Vec<usize>>; STEMS] = Default::default();
        for (n, entry) in entries.iter_mut().enumerate() {
            entry.documents.sort_unstable();
            entry.documents.dedup();
            for (stems, stem) in by_stem.iter_mut().zip(&entry.word.stems) {
                stems.entry(stem.clone()).or_default().push(n);
            }
        }
        Self {
            entries,
            by_stem,
            lengths,
        }
    }

    /// The entry of a word as it is written.
    pub(crate) fn exact(&self, word: &Word) -> Option<&Entry> {
        let at = self
            .entries
            .binary_search_by(|entry| entry.word.text.cmp(&word.text));
        at.ok().map(|at| &self.entries[at])
    }

    /// The entries of a word with whatever ending, itself too.
    pub(crate) fn inflected<'a>(&'a self, word: &Word) -> impl Iterator<Item = &'a Entry> {
        let alike = self
            .by_stem
            .iter()
            .zip(&word.stems)
            .filter_map(|(stems, stem)| stems.get(stem));
        alike.flatten().map(|at| &self.entries[*at])
    }
}

impl Entry {
    /// The one of a word.
    fn of(word: Word, entries: &mut BTreeMap<String, Self>) -> &mut Self {
        entries.entry(word.text.clone()).or_insert_with(|| Self {
            word,
            documents: Vec::new(),
            meanings: Vec::new(),
        })
    }
}
