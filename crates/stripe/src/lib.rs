//! Adapter: Stripe Checkout Sessions, refunds and webhooks.
