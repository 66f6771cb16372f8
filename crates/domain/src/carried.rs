//! What a newer release stored with an order and this one does not know.

use std::collections::BTreeMap;

/// Stored parts that this release does not know. It writes them back as it read them, and never looks inside.
///
/// Only the store gives the bytes a meaning. The domain carries them from a read to the next write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Fields of the stored document, by the path to each.
    pub fields: BTreeMap<Vec<String>, Vec<u8>>,
    /// Attributes of the stored item, by name.
    pub attributes: BTreeMap<String, Vec<u8>>,
}

impl Carried {
    /// The names of all parts, for operators: `document.b.0.fee`, `gift_note`.
    pub fn names(&self) -> Vec<String> {
        let fields = self
            .fields
            .keys()
            .map(|path| format!("document.{}", path.join(".")));
        fields.chain(self.attributes.keys().cloned()).collect()
    }
}
