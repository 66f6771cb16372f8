//! Texts as they are stored: deflated (RFC 1951).

use std::sync::{Mutex, PoisonError};

use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output, create_comp_flags_from_zip_params,
};
use miniz_oxide::inflate::{DecompressError, decompress_to_vec_with_limit};

/// Of ten: more is slower, and makes names of products hardly shorter.
const EFFORT: i32 = 6;
/// No document is larger: an order of 1,200 lines takes a tenth of it.
const LARGEST: usize = 2 * 1024 * 1024;
/// Made once: its tables take 300 kB, and to get those from the system for each order costs more than to deflate it.
static COMPRESSOR: Mutex<Option<Box<CompressorOxide>>> = Mutex::new(None);

/// Deflates a document.
pub(crate) fn deflate(document: &[u8]) -> Vec<u8> {
    let mut kept = COMPRESSOR.lock().unwrap_or_else(PoisonError::into_inner);
    let compressor = kept.get_or_insert_with(|| {
        // No window bits: no header and no checksum either.
        Box::new(CompressorOxide::new(create_comp_flags_from_zip_params(
            EFFORT, 0, 0,
        )))
    });
    compressor.reset();
    let mut deflated = Vec::with_capacity(document.len());
    let (status, _) = compress_to_output(compressor, document, TDEFLFlush::Finish, |part| {
        deflated.extend_from_slice(part);
        true
    });
    debug_assert_eq!(status, TDEFLStatus::Done, "there is room for all of it");
    deflated
}

/// The document that was deflated.
///
/// # Errors
/// For what is not deflated, or by far too large.
pub(crate) fn inflate(deflated: &[u8]) -> Result<Vec<u8>, DecompressError> {
    decompress_to_vec_with_limit(deflated, LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deflated_inflates_to_the_same_one_after_the_other() {
        let long = "WHITE HANGING HEART T-LIGHT HOLDER ".repeat(5_000);
        for text in ["", "{}", "85123A", &long, "once more"] {
            let deflated = deflate(text.as_bytes());
            assert_eq!(inflate(&deflated).expect("deflated"), text.as_bytes());
        }
        assert!(deflate(long.as_bytes()).len() * 50 < long.len());
    }

    #[test]
    fn what_is_not_deflated_or_far_too_large_is_refused() {
        assert!(inflate(b"{\"plain\": \"text\"}").is_err());
        assert!(inflate(&[]).is_err());
        assert!(inflate(&deflate(&vec![0; LARGEST + 1])).is_err());
    }
}
