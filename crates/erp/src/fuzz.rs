//! What the warehouse answers, byte by byte: `.ci/fuzz` runs this target for long, `cargo test` replays what was found.

use domain::{OrderId, is_erp_number};
use http::StatusCode;
use serde_json::Value;

use super::*;

/// Of the answer, by the first byte: most seeds begin with a small one.
const TYPES: [&str; 4] = [
    "application/json",
    "text/html",
    "text/plain",
    "Application/JSON; charset=utf-8",
];

/// The first two bytes are the status, the rest is the body.
#[test]
fn answer() {
    let id = OrderId::for_key("an answer");
    bolero::check!().for_each(|bytes: &[u8]| {
        let Some((head, body)) = bytes.split_first_chunk::<2>() else {
            return;
        };
        let content_type = TYPES[usize::from(head[0] >> 6)];
        let answer = Response::builder()
            .status(100 + u16::from_be_bytes(*head) % 900)
            .header(CONTENT_TYPE, content_type)
            .body(Bytes::copy_from_slice(body))
            .expect("an answer");
        assert_submitted(id, &answer, content_type);
        match looked_up(id, &answer) {
            LookedUp::Found { erp_number } => {
                assert_eq!(answer.status(), StatusCode::OK);
                assert!(is_erp_number(&erp_number) && says(body, &erp_number));
            }
            LookedUp::Absent => assert_eq!(answer.status(), StatusCode::NOT_FOUND),
            LookedUp::Unreadable(_) => assert_eq!(answer.status(), StatusCode::OK),
            LookedUp::Unknown(_) => {}
        }
    });
}

fn assert_submitted(id: OrderId, answer: &Response<Bytes>, content_type: &str) {
    let (status, body) = (answer.status(), answer.body());
    match submitted(id, answer) {
        Submitted::Accepted { erp_number } => {
            assert!(status.is_success() || status == StatusCode::CONFLICT, "{status}");
            assert!(is_erp_number(&erp_number) && says(body, &erp_number));
        }
        // An order that is refused is paid back: never without an answer that names it.
        Submitted::Rejected(_) => {
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(content_type.to_lowercase().starts_with("application/json"));
            assert!(says(body, id.as_str()));
        }
        Submitted::Unreadable(_) => assert!(status.is_success(), "{status}"),
        Submitted::Busy(_) => assert!((400..=503).contains(&status.as_u16()), "{status}"),
        Submitted::Unknown(_) => {}
    }
}

/// Whether one of the body's fields is that text, or that number.
fn says(body: &[u8], wanted: &str) -> bool {
    let text = String::from_utf8_lossy(body);
    let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).expect("JSON");
    let is_it = |value: &Value| match value {
        Value::String(text) => text.trim() == wanted,
        Value::Number(number) => number.to_string() == wanted,
        _ => false,
    };
    value.as_object().is_some_and(|fields| fields.values().any(is_it))
}
