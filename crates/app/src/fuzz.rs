//! An access token, byte by byte: `.ci/fuzz` runs this target for long, `cargo test` replays what was found.

use domain::OrderId;

use crate::AccessKeys;

#[test]
fn access_token() {
    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";
    let keys = AccessKeys::parse(&format!("{NEW},{OLD}")).expect("keys");
    let old = AccessKeys::parse(OLD).expect("a key");
    let id = OrderId::for_key("mine");
    let genuine = [keys.token(id), old.token(id)];
    bolero::check!().for_each(|token: &[u8]| {
        let Ok(token) = std::str::from_utf8(token) else {
            return;
        };
        let admitted = keys.admit(id, token);
        assert_eq!(admitted, genuine.iter().any(|own| own == token));
        assert!(!keys.admit(OrderId::for_key("other"), token) || !admitted);
    });
}
