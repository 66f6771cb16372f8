//! How an order is stored: what conditions, indexes and searches need as attributes, the rest as one packed document: an order of 13 lines
//! stays below the kilobyte that a write unit is for, all its life.

mod document;
mod job;
mod payment;
mod refund;
#[cfg(test)]
mod tests;

use app::ports::StoreError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{AccessToken, Carried, DueIndex, Order, OrderId, Status};
use jiff::Timestamp;

use crate::carried::{Fields, attribute, attributes_beyond};
use crate::failure::corrupt;
use crate::item::{Item, item, number, number_of, text, text_of};
use crate::keys::{
    ACCESS_TOKEN, DOCUMENT, DUE, DUE_AT, DUE_INDEX, FORWARD_AT, FORWARD_DUE, FORWARD_INDEX, ORDER_ID, PARKED,
    PLACED_AT, STATUS, VERSION,
};
use crate::packed::{pack, unpack};
use document::{Document, time};

/// The item of an order.
pub(crate) fn to_item(order: &Order) -> Result<Item, StoreError> {
    let packed = pack(&Document::of(order), &stored_fields(order)).map_err(corrupt)?;
    let document = Blob::new(packed);
    let mut item = item([
        (ORDER_ID, text(order.id())),
        (VERSION, number(order.version())),
        (PLACED_AT, number(order.placed_at().as_millisecond())),
        (STATUS, text(stored_status(order.status()).name())),
        (DOCUMENT, AttributeValue::B(document)),
    ]);
    for index in [DueIndex::Reconciler, DueIndex::Forwarder] {
        let Some(due_at) = order.due_in(index) else {
            continue;
        };
        let keys = IndexKeys::of(index);
        item.insert(keys.partition.to_owned(), text(keys.value));
        item.insert(keys.sort.to_owned(), number(due_at.as_millisecond()));
    }
    if let Some(token) = order.access_token() {
        item.insert(ACCESS_TOKEN.to_owned(), stored_token(token));
    }
    if order.needs_human() {
        item.insert(PARKED.to_owned(), AttributeValue::Bool(true));
    }
    for (name, kept) in &order.carried().attributes {
        let value = attribute(kept).ok_or_else(|| corrupt("a carried attribute"))?;
        item.entry(name.clone()).or_insert(value);
    }
    Ok(item)
}

/// An access token as it is stored.
pub(crate) fn stored_token(token: &AccessToken) -> AttributeValue {
    AttributeValue::B(Blob::new(token.as_bytes()))
}

/// A status as it is stored: the release before reads an order whose payment is on its way as one that waits for a payment, asks the provider as
/// this one does, and lets it neither expire nor be paid anew while the provider has the payment under way. The attempt says which it is.
fn stored_status(status: Status) -> Status {
    match status {
        Status::PaymentPending => Status::Placed,
        stored => stored,
    }
}

/// How one index of due orders is stored.
pub(crate) struct IndexKeys {
    pub(crate) name: &'static str,
    pub(crate) partition: &'static str,
    /// What the partition's key is in every entry.
    pub(crate) value: &'static str,
    pub(crate) sort: &'static str,
}

impl IndexKeys {
    const RECONCILER: Self = Self {
        name: DUE_INDEX,
        partition: DUE,
        value: "mending",
        sort: DUE_AT,
    };
    const FORWARDER: Self = Self {
        name: FORWARD_INDEX,
        partition: FORWARD_DUE,
        value: "forwarding",
        sort: FORWARD_AT,
    };
    /// Where the release before kept what is due for the warehouse.
    pub(crate) const FORWARDER_BEFORE: Self = Self {
        value: Self::FORWARDER.value,
        ..Self::RECONCILER
    };

    pub(crate) fn of(index: DueIndex) -> Self {
        match index {
            DueIndex::Reconciler => Self::RECONCILER,
            DueIndex::Forwarder => Self::FORWARDER,
        }
    }
}

/// The order of an item.
pub(crate) fn from_item(item: &Item) -> Result<Order, StoreError> {
    let document = item.get(DOCUMENT).and_then(|value| value.as_b().ok());
    let (document, fields) = unpack::<Document>(document.map_or(&[], Blob::as_ref)).map_err(corrupt)?;
    let read = || {
        let attempt = document
            .payment
            .as_ref()
            .map(|attempt| attempt_name(attempt.number));
        let head = Head {
            id: OrderId::parse(text_of(item, ORDER_ID)?).ok()?,
            version: number_of(item, VERSION)?,
            placed_at: time(number_of(item, PLACED_AT)?)?,
            status: document.status_of(Status::parse(text_of(item, STATUS)?)?),
            access_token: match item.get(ACCESS_TOKEN) {
                Some(stored) => Some(AccessToken::from_bytes(stored.as_b().ok()?.as_ref()).ok()?),
                None => None,
            },
            due_at: match number_of(item, DUE_AT) {
                Some(due_at) => Some(time(due_at)?),
                None => None,
            },
            carried: Carried {
                fields: rename(fields, ATTEMPT, attempt.as_deref()),
                attributes: attributes_beyond(item, &KNOWN),
            },
        };
        document.into_order(head)
    };
    read().ok_or_else(|| corrupt(format!("order {:?}", text_of(item, ORDER_ID))))
}

/// The attributes that this release reads and writes; it carries all others.
const KNOWN: [&str; 11] = [
    ORDER_ID,
    VERSION,
    PLACED_AT,
    STATUS,
    ACCESS_TOKEN,
    DOCUMENT,
    DUE,
    DUE_AT,
    FORWARD_DUE,
    FORWARD_AT,
    PARKED,
];

/// The stored name of the attempt to pay.
const ATTEMPT: &str = "p";

/// The part in which an order carries fields of an attempt to pay: they must not pass to the next attempt.
fn attempt_name(number: u32) -> String {
    format!("{ATTEMPT}{number}")
}

/// Unknown fields, as they are stored.
fn stored_fields(order: &Order) -> Fields {
    let fields = order.carried().fields.clone();
    match order.payment() {
        Some(attempt) => rename(fields, &attempt_name(attempt.number), Some(ATTEMPT)),
        None => fields,
    }
}

/// The fields within the part `from`, as fields within `to`.
fn rename(fields: Fields, from: &str, to: Option<&str>) -> Fields {
    let renamed = |(mut path, value): (Vec<String>, Vec<u8>)| {
        if let (Some(to), [part, _, ..]) = (to, path.as_mut_slice())
            && part == from
        {
            to.clone_into(part);
        }
        (path, value)
    };
    fields.into_iter().map(renamed).collect()
}

/// What is kept in attributes of its own.
struct Head {
    id: OrderId,
    version: u64,
    placed_at: Timestamp,
    status: Status,
    access_token: Option<AccessToken>,
    /// By the index of the release before.
    due_at: Option<Timestamp>,
    carried: Carried,
}
