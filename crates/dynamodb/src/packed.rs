//! Documents as they are stored: `MessagePack` (<https://msgpack.org>), compressed as a block of LZ4 behind its length in four bytes, lowest
//! first.
//!
//! Fields go by their names: while a deployment moves on, or back, each release reads what the other wrote, and writes back what it does not
//! know.

use std::error::Error;

use lz4_flex::block::{compress_prepend_size, decompress, uncompressed_size};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::carried::{Fields, fields_beyond, with_fields};

/// No document is larger: an order of 1,200 lines takes a tenth of it.
const LARGEST: usize = 1024 * 1024;

/// Packs a document, and with it the fields that another release knows.
///
/// # Errors
/// Where it cannot be written as `MessagePack`.
pub(crate) fn pack(
    document: &impl Serialize,
    carried: &Fields,
) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let mut written = rmp_serde::to_vec_named(document)?;
    if !carried.is_empty() {
        written = with_fields(&written, carried).ok_or("a carried field cannot be read")?;
    }
    Ok(compress_prepend_size(&written))
}

/// The document that was packed, and the fields in it that `T` does not know.
///
/// # Errors
/// For what is no such document, or by far too large.
pub(crate) fn unpack<T>(packed: &[u8]) -> Result<(T, Fields), Box<dyn Error + Send + Sync>>
where
    T: DeserializeOwned + Serialize,
{
    let (size, block) = uncompressed_size(packed)?;
    if size > LARGEST {
        return Err("too large a document".into());
    }
    let stored = decompress(block, size)?;
    let mut reader = rmp_serde::Deserializer::from_read_ref(&stored);
    let mut passed_over = false;
    // Never the text of that error: it may quote what is stored, and with it personal data.
    let document: T = serde_ignored::deserialize(&mut reader, |_| passed_over = true)
        .map_err(|_| "not a document of this release")?;
    if !passed_over {
        return Ok((document, Fields::new()));
    }
    let known = rmp_serde::to_vec_named(&document)?;
    let carried = fields_beyond(&stored, &known).ok_or("a field of another release cannot be read")?;
    Ok((document, carried))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_unpacks_to_the_same() {
        let long = "WHITE HANGING HEART T-LIGHT HOLDER ".repeat(5_000);
        for text in ["", "85123A", &long] {
            let document = (text.to_owned(), Some(7_u64), None::<String>);
            let packed = pack(&document, &Fields::new()).expect("packed");
            assert_eq!(
                unpack::<(String, Option<u64>, Option<String>)>(&packed).expect("unpacked"),
                (document, Fields::new())
            );
        }
        assert!(pack(&long, &Fields::new()).expect("packed").len() * 50 < long.len());
    }

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Older {
        name: String,
        visits: Vec<OlderVisit>,
    }

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct OlderVisit {
        at: u64,
    }

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Newer {
        name: String,
        #[serde(default)]
        nickname: Option<String>,
        visits: Vec<NewerVisit>,
    }

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct NewerVisit {
        at: u64,
        #[serde(default)]
        with: Option<(String, u64)>,
    }

    fn newer(nickname: Option<String>, with: Option<(String, u64)>) -> Newer {
        let visits = vec![NewerVisit { at: 1, with }, NewerVisit { at: 2, with: None }];
        let name = "Ada".to_owned();
        Newer {
            name,
            nickname,
            visits,
        }
    }

    #[test]
    fn a_release_reads_what_the_one_before_it_wrote() {
        let older = Older {
            name: "Ada".to_owned(),
            visits: vec![OlderVisit { at: 1 }, OlderVisit { at: 2 }],
        };
        let packed = pack(&older, &Fields::new()).expect("packed");
        let (read, carried) = unpack::<Newer>(&packed).expect("of the release before");
        assert_eq!((read, carried.len()), (newer(None, None), 0));
    }

    #[test]
    fn what_only_a_newer_release_knows_is_written_back_unchanged() {
        let newer = newer(Some("Countess".to_owned()), Some(("Charles".to_owned(), 7)));
        let packed = pack(&newer, &Fields::new()).expect("packed");
        let (mut older, carried) = unpack::<Older>(&packed).expect("of the release after");
        assert_eq!(carried.len(), 3, "the nickname, and who came to each visit");
        older.name = "Ada Lovelace".to_owned();
        older.visits.push(OlderVisit { at: 3 });
        let packed = pack(&older, &carried).expect("packed");
        let (mut again, nothing) = unpack::<Newer>(&packed).expect("unpacked");
        assert_eq!(nothing, Fields::new());
        assert_eq!((again.name.as_str(), again.visits.len()), ("Ada Lovelace", 3));
        again.name = newer.name.clone();
        again.visits.truncate(2);
        assert_eq!(again, newer);
    }

    #[test]
    fn what_is_not_packed_or_far_too_large_is_refused() {
        let cut = pack(&"a text".repeat(9), &Fields::new()).expect("packed");
        for bytes in [
            &b""[..],
            b"{\"plain\": \"text\"}",
            &cut[..cut.len() - 1],
            &[0xff, 0xff, 0xff, 0xff, 0],
            &pack(&"x".repeat(LARGEST), &Fields::new()).expect("packed"),
        ] {
            assert!(unpack::<String>(bytes).is_err(), "{}", bytes.len());
        }
    }
}
