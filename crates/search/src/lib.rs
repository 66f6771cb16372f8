//! Finding products by words, in German and English.
//!
//! - `words`: a text's words, folded: case, accents, umlauts, `ß`, widths and the plural make no difference.
//! - `dictionary`: German words and what they mean in the English of the names.
//! - `index`: the words of all products.
//! - `query`: what a shopper typed, matched word by word: as written, inflected, translated, as a part of a compound, misspelt.

mod dictionary;
#[cfg(test)]
mod fuzz;
mod index;
mod query;
mod words;

pub use dictionary::{Dictionary, DictionaryError};
pub use index::Index;
pub use query::Found;
