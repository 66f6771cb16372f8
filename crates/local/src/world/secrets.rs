//! The secrets of the local world: what Secrets Manager would hold. They protect nothing but a shop on this machine, and
//! stay the same, so that orders kept with `--data` can still be opened after a restart.

use crate::template::SecretReference;

/// Signs the access tokens of orders.
const ACCESS_TOKEN_KEYS: &str = "only-for-the-shop-on-this-machine-0001";
/// What the payment sandbox wants to see.
pub(super) const STRIPE_SECRET_KEY: &str = "sk_test_only_for_the_shop_on_this_machine";
/// What the payment sandbox signs its events with.
pub(super) const STRIPE_WEBHOOK_SECRET: &str = "whsec_only_for_the_shop_on_this_machine";
/// What the warehouse simulator wants to see.
pub(super) const ERP_TOKEN: &str = "only-for-the-warehouse-on-this-machine";

/// The secret's value by its key, whatever the secret is called.
pub(super) fn look_up(secret: &SecretReference<'_>) -> Option<String> {
    let value = match secret.key {
        "access_token_keys" => ACCESS_TOKEN_KEYS,
        "stripe_secret_key" => STRIPE_SECRET_KEY,
        "stripe_webhook_secrets" => STRIPE_WEBHOOK_SECRET,
        "erp_token" => ERP_TOKEN,
        _ => return None,
    };
    Some(value.to_owned())
}
