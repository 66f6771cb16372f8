//! Documents as they are stored: `MessagePack` (<https://msgpack.org>), compressed as a block of LZ4 behind its length in four bytes, lowest
//! first.
//!
//! Fields go by their names: while a deployment moves on, or back, each release reads what the other wrote.

use std::error::Error;

use lz4_flex::block::{compress_prepend_size, decompress, uncompressed_size};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// No document is larger: an order of 1,200 lines takes a tenth of it.
const LARGEST: usize = 1024 * 1024;

/// Packs a document.
///
/// # Errors
/// Where it cannot be written as `MessagePack`.
pub(crate) fn pack(document: &impl Serialize) -> Result<Vec<u8>, rmp_serde::encode::Error> {
    rmp_serde::to_vec_named(document).map(|written| compress_prepend_size(&written))
}

/// The document that was packed.
///
/// # Errors
/// For what is no such document, or by far too large.
pub(crate) fn unpack<T: DeserializeOwned>(packed: &[u8]) -> Result<T, Box<dyn Error + Send + Sync>> {
    let (size, block) = uncompressed_size(packed)?;
    if size > LARGEST {
        return Err("too large a document".into());
    }
    Ok(rmp_serde::from_slice(&decompress(block, size)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_unpacks_to_the_same() {
        let long = "WHITE HANGING HEART T-LIGHT HOLDER ".repeat(5_000);
        for text in ["", "85123A", &long] {
            let document = (text.to_owned(), Some(7_u64), None::<String>);
            let packed = pack(&document).expect("packed");
            assert_eq!(
                unpack::<(String, Option<u64>, Option<String>)>(&packed).expect("unpacked"),
                document
            );
        }
        assert!(pack(&long).expect("packed").len() * 50 < long.len());
    }

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Older {
        name: String,
    }

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Newer {
        name: String,
        #[serde(default)]
        nickname: Option<String>,
    }

    #[test]
    fn a_release_reads_what_the_one_before_and_the_one_after_it_wrote() {
        let name = || "Ada".to_owned();
        let older = Older { name: name() };
        let newer = Newer {
            name: name(),
            nickname: None,
        };
        let packed = pack(&older).expect("packed");
        assert_eq!(unpack::<Newer>(&packed).expect("of the release before"), newer);
        let packed = pack(&newer).expect("packed");
        assert_eq!(unpack::<Older>(&packed).expect("of the release after"), older);
    }

    #[test]
    fn what_is_not_packed_or_far_too_large_is_refused() {
        let cut = pack(&"a text".repeat(9)).expect("packed");
        for bytes in [
            &b""[..],
            b"{\"plain\": \"text\"}",
            &cut[..cut.len() - 1],
            &[0xff, 0xff, 0xff, 0xff, 0],
            &pack(&"x".repeat(LARGEST)).expect("packed"),
        ] {
            assert!(unpack::<String>(bytes).is_err(), "{}", bytes.len());
        }
    }
}
