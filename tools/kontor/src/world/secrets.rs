//! The secrets of the local world: what Parameter Store holds when it starts. They protect nothing but a shop on this machine, and
//! stay the same, so that what runs beside the shop can know them.

/// What the payment sandbox wants to see.
pub(super) const STRIPE_SECRET_KEY: &str = "sk_test_only_for_the_shop_on_this_machine";
/// What the payment sandbox signs its events with.
pub(super) const STRIPE_WEBHOOK_SECRET: &str = "whsec_only_for_the_shop_on_this_machine";
/// What the warehouse simulator wants to see.
pub(super) const ERP_TOKEN: &str = "only-for-the-warehouse-on-this-machine";

/// The parameters by their names under the functions' `SECRETS_PATH`.
pub(super) fn parameters() -> [(&'static str, String); 3] {
    [
        ("stripe_secret_key", STRIPE_SECRET_KEY.to_owned()),
        ("stripe_webhook_secrets", STRIPE_WEBHOOK_SECRET.to_owned()),
        ("erp_credentials", format!("{{\"token\":\"{ERP_TOKEN}\"}}")),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_events_for_sam_are_signed_with_the_same_secrets() {
        let for_sam: Value =
            serde_json::from_str(include_str!("../../../../events/secrets.json")).expect("JSON");
        let own = parameters().map(|(name, text)| {
            let value = serde_json::from_str(&text).unwrap_or(Value::from(text));
            (name.to_owned(), value)
        });
        assert_eq!(Value::Object(own.into_iter().collect()), for_sam);
    }
}
