//! The query of a list of products, byte by byte: `.ci/fuzz` runs this target for long, `cargo test` replays what was found.

use lambda_kit::http::{BuildRequest, request};

use crate::wire::{Page, cursor};

#[test]
fn query() {
    bolero::check!().for_each(|query: &[u8]| {
        let Ok(query) = std::str::from_utf8(query) else {
            return;
        };
        match Page::read(&request("GET /api/products").with_query(query)) {
            Ok(page) => {
                assert!((1..=100).contains(&page.limit));
                let words = page.query.as_deref().unwrap_or("x");
                assert!((1..=100).contains(&words.chars().count()) && words == words.trim());
                if let Some(after) = &page.after {
                    let next = format!("cursor={}", cursor(after));
                    let again = Page::read(&request("GET /api/products").with_query(&next));
                    assert_eq!(again.expect("our own cursor").after.as_ref(), Some(after));
                }
            }
            Err(problem) => {
                assert_eq!(problem.status(), 400);
                assert!(matches!(problem.code(), "invalid_cursor" | "invalid_parameter"));
            }
        }
    });
}
