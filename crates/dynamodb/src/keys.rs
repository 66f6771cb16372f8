//! Every name of a table's attribute or index, spelt once. `template.yaml` declares the same keys: the
//! contract's tests run on tables that are made from it.

/// Products: partition key. One value for all, so that a Query lists the catalogue in the order of the SKUs; reads of one
/// partition reach 3,000 units a second, and shared caches stand before them.
pub(crate) const CATALOGUE: &str = "catalogue";
/// The one value of [`CATALOGUE`].
pub(crate) const WHOLE_CATALOGUE: &str = "all";
/// Products: sort key. Stock: partition key.
pub(crate) const SKU: &str = "sku";
/// Products: the name.
pub(crate) const NAME: &str = "name";
/// Products: the gross price of a piece in minor units.
pub(crate) const PRICE: &str = "price";
/// Products: the price's currency, ISO 4217.
pub(crate) const CURRENCY: &str = "currency";
/// Products: the tax rate in percent.
pub(crate) const TAX_RATE: &str = "tax_rate";
/// Products: the most pieces that one order takes.
pub(crate) const MAX_PER_ORDER: &str = "max_per_order";
/// Stock: pieces left.
pub(crate) const AVAILABLE: &str = "available";

/// Orders: partition key.
pub(crate) const ORDER_ID: &str = "order_id";
/// Orders: counts the writes.
pub(crate) const VERSION: &str = "version";
/// Orders: when it was placed, in milliseconds since 1970.
pub(crate) const PLACED_AT: &str = "placed_at";
/// Orders: the state's name.
pub(crate) const STATUS: &str = "status";
/// Orders: there only while it is set aside for a human.
pub(crate) const PARKED: &str = "parked";
/// Orders: what admits to it, in bytes; missing where the release before placed it and nobody has stored its token yet.
pub(crate) const ACCESS_TOKEN: &str = "access_token";
/// Orders: all the rest, packed.
pub(crate) const DOCUMENT: &str = "document";
/// Orders: partition key of the sparse index [`DUE_INDEX`]; there only while work is due: which of the two indexes. A partition takes 1,000
/// writes a second, 60 times the orders of the busiest hour so far.
pub(crate) const DUE: &str = "due";
/// Orders: when work is due, in milliseconds since 1970; sort key of [`DUE_INDEX`].
pub(crate) const DUE_AT: &str = "due_at";
/// Orders: the index of what is due.
pub(crate) const DUE_INDEX: &str = "due";
/// Orders: partition key of the sparse index [`FORWARD_INDEX`]; there only while the order is to be forwarded. Of its own, since one order
/// may be due for the warehouse and for something else.
pub(crate) const FORWARD_DUE: &str = "forward_due";
/// Orders: when it is to be forwarded, in milliseconds since 1970; sort key of [`FORWARD_INDEX`].
pub(crate) const FORWARD_AT: &str = "forward_at";
/// Orders: the index of what is to be forwarded.
pub(crate) const FORWARD_INDEX: &str = "forward";

/// Circuits: partition key, the outside system's name.
pub(crate) const CIRCUIT: &str = "circuit";
/// Circuits: the pauses so far; there only while it is open.
pub(crate) const PAUSES: &str = "pauses";
/// Circuits: when one call is to be tried, in milliseconds since 1970; there only while it is open.
pub(crate) const RETRY_AT: &str = "retry_at";
