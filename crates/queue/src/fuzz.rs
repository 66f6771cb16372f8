//! A message of the queue, byte by byte: `.ci/fuzz` runs this target for long, `cargo test` replays what was found.

use crate::{LONGEST_MESSAGE, message, parse_message};

#[test]
fn body() {
    bolero::check!().for_each(|body: &[u8]| {
        let Ok(body) = std::str::from_utf8(body) else {
            return;
        };
        if let Ok(id) = parse_message(body) {
            assert!(body.len() <= LONGEST_MESSAGE);
            let sent = message(id).expect("a message");
            assert_eq!(parse_message(&sent), Ok(id));
        }
    });
}
