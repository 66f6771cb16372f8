//! An access token, byte by byte: `.ci/fuzz` runs this target for long, `cargo test` replays what was found.

use crate::AccessToken;

#[test]
fn access_token() {
    let drawn = AccessToken::of_random(std::array::from_fn(|n| u8::try_from(n).expect("below 16")));
    let derived = AccessToken::from_bytes(&[7; 32]).expect("a token");
    let genuine = [drawn, derived].map(|token| (token.to_text(), token));
    bolero::check!().for_each(|shown: &[u8]| {
        let Ok(shown) = std::str::from_utf8(shown) else {
            return;
        };
        let Ok(token) = AccessToken::parse(shown) else {
            assert!(genuine.iter().all(|(text, _)| text != shown));
            return;
        };
        assert!(matches!(token.as_bytes().len(), 16 | 32));
        assert_eq!(token.to_text(), shown, "one text for each token");
        for (text, own) in &genuine {
            assert_eq!(token == *own, text == shown);
        }
    });
}
