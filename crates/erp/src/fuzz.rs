//! What the warehouse answers, byte by byte: `.ci/fuzz` runs this target for long, `cargo test` replays what was found.

use super::*;

/// The first two bytes are the status, the rest is the body.
#[test]
fn answer() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let Some((status, body)) = bytes.split_first_chunk::<2>() else {
            return;
        };
        let status = 100 + u16::from_be_bytes(*status) % 900;
        let answer = Response::builder()
            .status(status)
            .body(Bytes::copy_from_slice(body))
            .expect("an answer");
        let assert_told = |number: &str| {
            let told: Value = serde_json::from_slice(body).expect("JSON");
            assert_eq!(told["erp_number"], number);
            assert!((1..=64).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_graphic()));
        };
        match submitted(&answer) {
            Submitted::Accepted { erp_number } => {
                assert!(matches!(status, 200 | 201 | 409), "{status}");
                assert_told(&erp_number);
            }
            // An order that is refused is paid back: never for a fault that may pass, or that is our own.
            Submitted::Rejected(_) => {
                assert!((400..500).contains(&status), "{status}");
                assert!(
                    !matches!(status, 401 | 403..=405 | 408 | 409 | 425 | 429),
                    "{status}"
                );
            }
            Submitted::Busy(_) => assert!((400..=503).contains(&status), "{status}"),
            Submitted::Unknown(_) => {}
        }
        match looked_up(&answer) {
            LookedUp::Found { erp_number } => {
                assert_eq!(status, 200);
                assert_told(&erp_number);
            }
            LookedUp::Absent => assert_eq!(status, 404),
            LookedUp::Unknown(_) => {}
        }
    });
}
