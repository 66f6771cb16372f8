//! The use cases of the shop, one a file, and the ports they need.
//!
//! A use case is an async function over ports. It decides by the rules of [`domain`] and writes with conditions only, so that
//! any number of runs of it, crashed or repeated at any point, come to one end.

mod breaker;
mod browse_catalogue;
mod catalogue_snapshot;
mod decide_order;
mod forward_order;
mod jobs;
mod place_order;
pub mod ports;
mod price_memory;
mod quote_cart;
mod reconcile;
mod release_holds;
mod resend_orders;
mod settle_payment;
mod show_order;
mod start_payment;

pub use breaker::{Breaker, BreakerMemory};
pub use browse_catalogue::{Listing, Offer, browse_catalogue, show_product};
pub use catalogue_snapshot::CatalogueSnapshot;
pub use decide_order::{DecideError, Decision, decide_order};
pub use forward_order::{ForwardError, Forwarded, forward_order};
pub use place_order::{PlaceOrder, PlaceOrderError, Placed, place_order};
pub use price_memory::{PriceMemory, Remembered};
pub use quote_cart::{QuoteError, quote_cart};
pub use reconcile::{Reconciled, reconcile};
pub use release_holds::{Released, UnpaidOrders, release_hold, release_scarce_holds};
pub use resend_orders::{ResendError, Resent, resend_orders};
pub use settle_payment::{PaymentNotice, SettleError, Settled, dispute_notice, settle_payment};
pub use show_order::{ShowOrderError, show_order};
pub use start_payment::{PaymentPage, StartPaymentError, start_payment};
