//! Adapter: Stripe Checkout Sessions, refunds and webhooks.
//!
//! The shopper pays on Stripe's own page, so that no card number ever comes near the shop (PCI DSS, self-assessment A). Every write carries an
//! idempotency key that follows from what is stored, and what is not known for certain is looked up.

mod call;
#[cfg(test)]
mod fuzz;
mod objects;
mod past;
mod payment_methods;
mod provider;
mod session_form;
pub mod webhook;
pub mod webhook_endpoint;

pub use past::{OpenPage, PastMessage};

use https::{Credential, HttpsClient};

pub use payment_methods::{PaymentMethods, PaymentMethodsError};

/// Where Stripe is, who we are, and where shoppers come back to.
#[derive(Clone, Debug)]
pub struct StripeConfig {
    /// `https://api.stripe.com`, or a sandbox's address; without a slash at the end.
    pub api_base: String,
    /// The account's secret key, `sk_...` or a restricted `rk_...`.
    pub secret_key: Credential,
    /// The website's address, without a slash at the end.
    pub site_url: String,
    /// The stage: sessions, payments and refunds carry it, since one account may serve several.
    pub stage: String,
    /// What a page that is opened offers.
    pub payment_methods: PaymentMethods,
}

/// Stripe.
#[derive(Clone, Debug)]
pub struct Stripe {
    config: StripeConfig,
    client: HttpsClient,
}

impl Stripe {
    /// Stripe by way of `client`, whose time limit holds for each call.
    pub fn new(config: StripeConfig, client: HttpsClient) -> Self {
        Self { config, client }
    }
}
