//! The secret of the local world: what Secrets Manager holds when it starts. It protects nothing but a shop on this machine, and stays the
//! same, so that what runs beside the shop can know it.

use serde_json::json;

/// What the payment sandbox wants to see.
pub(super) const STRIPE_SECRET_KEY: &str = "sk_test_only_for_the_shop_on_this_machine";
/// What the payment sandbox signs its events with.
pub(super) const STRIPE_WEBHOOK_SECRET: &str = "whsec_only_for_the_shop_on_this_machine";
/// What the warehouse simulator wants to see.
pub(super) const ERP_TOKEN: &str = "only-for-the-warehouse-on-this-machine";

/// The secret, as its owner would write it.
pub(super) fn text() -> String {
    json!({
        "stripe_secret_key": STRIPE_SECRET_KEY,
        "stripe_webhook_secrets": STRIPE_WEBHOOK_SECRET,
        "erp_token": ERP_TOKEN,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_events_for_sam_are_signed_with_the_same_secret() {
        let for_sam: serde_json::Value =
            serde_json::from_str(include_str!("../../../../events/secret.json")).expect("JSON");
        let own: serde_json::Value = serde_json::from_str(&text()).expect("JSON");
        assert_eq!(own, for_sam);
    }
}
