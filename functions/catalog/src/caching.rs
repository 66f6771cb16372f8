//! What caches may keep, and for how long.

use data_encoding::HEXLOWER;
use lambda_kit::http::{ReadRequest, ReadResponse, Request, Response, WithHeader, empty};
use sha2::{Digest, Sha256};

/// A browser asks again after 10 s, the CDN after 30; for another 5 minutes the CDN answers at once with what it has and
/// asks meanwhile (RFC 5861). Stock is only a hint here: placing an order decides.
const CACHE_CONTROL: &str = "public, max-age=10, s-maxage=30, stale-while-revalidate=300";

/// `response` with a validator and its time to live; 304 without a body where the client has it already.
pub(crate) fn cacheable(request: &Request, response: Response) -> Response {
    let tag = weak_tag(response.text());
    let response = if request
        .header("if-none-match")
        .is_some_and(|known| names(known, &tag))
    {
        empty(304)
    } else {
        response
    };
    response
        .with_header("etag", tag)
        .with_header("cache-control", CACHE_CONTROL)
}

/// A weak validator: the CDN compresses the body (RFC 9110, section 8.8.1).
fn weak_tag(body: &str) -> String {
    let digest = Sha256::digest(body);
    format!("W/\"{}\"", HEXLOWER.encode(&digest[..12]))
}

/// Whether `If-None-Match` names the tag; compared weakly (RFC 9110, section 13.1.2). A tag of ours holds no comma.
fn names(if_none_match: &str, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    if_none_match.trim() == "*" || if_none_match.split(',').any(|known| opaque(known) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly_and_in_lists() {
        let tag = weak_tag("{}");
        let strong = tag.trim_start_matches("W/").to_owned();
        for known in [tag.clone(), strong, "*".to_owned(), format!("\"x\" , {tag}")] {
            assert!(names(&known, &tag), "{known}");
        }
        for other in ["", "\"x\"", "x, y", "W/", "W/\"\""] {
            assert!(!names(other, &tag), "{other}");
        }
    }
}
