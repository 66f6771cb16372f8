//! The rules of the shop, and nothing else.
//!
//! Pure: no I/O, no async, no clock, no randomness. What is parsed here cannot be wrong further in.

mod access_token;
mod carried;
mod cart;
mod catalogue;
mod circuit;
mod contact;
mod country;
#[cfg(test)]
mod fuzz;
mod jobs;
mod money;
mod order;
mod order_id;
mod pricing;
mod shipping;
mod tax;
mod text;

pub use access_token::{AccessToken, AccessTokenError};
pub use carried::Carried;
pub use cart::{Cart, CartError, CartLine, MAX_LINES, MAX_QUANTITY, Quantity};
pub use catalogue::{Product, Sku, SkuError, StockLevel};
pub use circuit::{CallPermit, Circuit, OpenCircuit};
pub use contact::{Address, ContactError, ContactField, Customer};
pub use country::{Country, CountryError};
pub use jobs::{DueIndex, Job, JobKind};
pub use money::{Currency, Money, MoneyError, OtherCurrency};
pub use order::{
    AttemptState, Capture, DelayedPayment, Event, FIRST_LOOK, HOLD_WHILE_SOLD_OUT, HistoryEntry,
    HistoryEvent, InvalidOrder, IssueKind, LINES_PER_STEP, LONGEST_HOLD, Order, OrderParts, Parked,
    ParkedReason, PaymentAttempt, PaymentRefused, Refund, RefundReason, RefundState, ReportedPayment,
    Reversal, Settlement, Status, Step, StockChange, TakenBack, Unmoved, WarehouseIssue, is_erp_number,
};
pub use order_id::{Fingerprint, OrderId, OrderIdError};
pub use pricing::{MAX_TOTAL, PricedLine, PricingError, Quote, Unavailability, UnavailableItem, price_cart};
pub use shipping::{ShippingRate, ShippingTable};
pub use tax::{TaxPart, TaxRate, split_by_rate};
pub use text::TextError;
