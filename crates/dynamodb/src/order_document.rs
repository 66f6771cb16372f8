//! How an order is stored: what conditions, indexes and searches need as attributes, the rest as one packed document: an order of 13 lines
//! stays below the kilobyte that a write unit is for, all its life.

use app::ports::StoreError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use data_encoding::BASE64_NOPAD;
use domain::{
    Address, AttemptState, Capture, Carried, Country, Currency, Customer, DueIndex, Fingerprint,
    HistoryEntry, HistoryEvent, Job, JobKind, Money, Order, OrderId, Parked, ParkedReason, PaymentAttempt,
    PricedLine, Quantity, Quote, Refund, RefundReason, RefundState, Sku, Status, TaxPart, TaxRate,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::carried::{Fields, attribute, attributes_beyond};
use crate::catalogue::Item;
use crate::failure::corrupt;
use crate::keys::{
    DOCUMENT, DUE, DUE_AT, DUE_INDEX, FORWARD_AT, FORWARD_DUE, FORWARD_INDEX, ORDER_ID, PARKED, PLACED_AT,
    STATUS, VERSION,
};
use crate::packed::{pack, unpack};

/// The item of an order.
pub(crate) fn to_item(order: &Order) -> Result<Item, StoreError> {
    let packed = pack(&Document::of(order), &stored_fields(order)).map_err(corrupt)?;
    let document = Blob::new(packed);
    let number = |n: String| AttributeValue::N(n);
    let mut item = Item::from([
        (ORDER_ID.to_owned(), AttributeValue::S(order.id.to_string())),
        (VERSION.to_owned(), number(order.version.to_string())),
        (
            PLACED_AT.to_owned(),
            number(order.placed_at.as_millisecond().to_string()),
        ),
        (
            STATUS.to_owned(),
            AttributeValue::S(order.status.name().to_owned()),
        ),
        (DOCUMENT.to_owned(), AttributeValue::B(document)),
    ]);
    for index in [DueIndex::Reconciler, DueIndex::Forwarder] {
        let Some(due_at) = order.due_in(index) else {
            continue;
        };
        let keys = IndexKeys::of(index);
        item.insert(
            keys.partition.to_owned(),
            AttributeValue::S(index_name(index).to_owned()),
        );
        item.insert(keys.sort.to_owned(), number(due_at.as_millisecond().to_string()));
    }
    if order.needs_human() {
        item.insert(PARKED.to_owned(), AttributeValue::Bool(true));
    }
    for (name, kept) in &order.carried.attributes {
        let value = attribute(kept).ok_or_else(|| corrupt("a carried attribute"))?;
        item.entry(name.clone()).or_insert(value);
    }
    Ok(item)
}

/// The index of a index.
pub(crate) struct IndexKeys {
    pub(crate) name: &'static str,
    pub(crate) partition: &'static str,
    pub(crate) sort: &'static str,
}

impl IndexKeys {
    /// Where the release before kept both lanes, as two partitions.
    pub(crate) const OF_BOTH: Self = Self {
        name: DUE_INDEX,
        partition: DUE,
        sort: DUE_AT,
    };

    pub(crate) fn of(index: DueIndex) -> Self {
        match index {
            DueIndex::Reconciler => Self::OF_BOTH,
            DueIndex::Forwarder => Self {
                name: FORWARD_INDEX,
                partition: FORWARD_DUE,
                sort: FORWARD_AT,
            },
        }
    }
}

/// The partition of a index.
pub(crate) fn index_name(index: DueIndex) -> &'static str {
    match index {
        DueIndex::Reconciler => "mending",
        DueIndex::Forwarder => "forwarding",
    }
}

/// The order of an item.
pub(crate) fn from_item(item: &Item) -> Result<Order, StoreError> {
    let text = |name: &str| {
        item.get(name)
            .and_then(|value| value.as_s().ok())
            .map(String::as_str)
    };
    let number = |name: &str| {
        item.get(name)
            .and_then(|value| value.as_n().ok())
            .and_then(|n| n.parse::<i64>().ok())
    };
    let document = item.get(DOCUMENT).and_then(|value| value.as_b().ok());
    let (document, fields) = unpack::<Document>(document.map_or(&[], Blob::as_ref)).map_err(corrupt)?;
    let read = || {
        let head = Head {
            id: OrderId::parse(text(ORDER_ID)?).ok()?,
            version: u64::try_from(number(VERSION)?).ok()?,
            placed_at: time(number(PLACED_AT)?)?,
            status: Status::parse(text(STATUS)?)?,
            due_at: match number(DUE_AT) {
                Some(due_at) => Some(time(due_at)?),
                None => None,
            },
        };
        let mut order = document.into_order(&head)?;
        order.carried = Carried {
            fields: carried_fields(&order, fields),
            attributes: attributes_beyond(item, &KNOWN),
        };
        Some(order)
    };
    read().ok_or_else(|| corrupt(format!("order {:?}", text(ORDER_ID))))
}

/// The attributes that this release reads and writes; it carries all others.
const KNOWN: [&str; 10] = [
    ORDER_ID,
    VERSION,
    PLACED_AT,
    STATUS,
    DOCUMENT,
    DUE,
    DUE_AT,
    FORWARD_DUE,
    FORWARD_AT,
    PARKED,
];

/// The stored name of the attempt to pay.
const ATTEMPT: &str = "p";

/// Fields of an attempt to pay, under a name that has the attempt's number: they must not pass to the next attempt.
fn attempt_name(order: &Order) -> Option<String> {
    let attempt = order.payment.as_ref()?;
    Some(format!("{ATTEMPT}{}", attempt.number))
}

/// Unknown fields, as an order carries them.
fn carried_fields(order: &Order, stored: Fields) -> Fields {
    rename(stored, ATTEMPT, attempt_name(order).as_deref())
}

/// Unknown fields, as they are stored.
fn stored_fields(order: &Order) -> Fields {
    match attempt_name(order) {
        Some(name) => rename(order.carried.fields.clone(), &name, Some(ATTEMPT)),
        None => order.carried.fields.clone(),
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
    due_at: Option<Timestamp>,
}

/// All the rest. Times in milliseconds since 1970, money in minor units of `currency`, rates in percent. Stored names are short, since LZ4
/// does not make them so; a name that was in use never gets another meaning.
#[derive(Serialize, Deserialize)]
struct Document {
    /// In base 64.
    #[serde(rename = "f")]
    fingerprint: String,
    #[serde(rename = "c")]
    customer: Person,
    #[serde(rename = "s")]
    ship_to: Destination,
    #[serde(rename = "u")]
    currency: String,
    /// SKU, name, pieces, unit price, tax rate.
    #[serde(rename = "l")]
    lines: Vec<(String, String, u32, i64, u8)>,
    #[serde(rename = "d")]
    shipping: i64,
    /// Rate, net, tax.
    #[serde(rename = "x")]
    taxes: Vec<(u8, i64, i64)>,
    #[serde(rename = "t")]
    total: i64,
    #[serde(rename = "h")]
    held: usize,
    #[serde(rename = "r")]
    reserved_until: i64,
    /// [`ATTEMPT`].
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    payment: Option<Attempt>,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    capture: Option<Taken>,
    #[serde(rename = "b", default, skip_serializing_if = "Vec::is_empty")]
    refunds: Vec<Back>,
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    erp_number: Option<String>,
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    parked: Option<SetAside>,
    /// Failed tries, as the release before counted them for whatever was due.
    #[serde(rename = "y", default, skip_serializing_if = "is_zero")]
    tries: u32,
    /// Kind, when it is due, how many milliseconds earlier it was due first, failed tries. Missing where the release before wrote. More about
    /// jobs goes into a field beside this one: a longer entry could not be read by the release before.
    #[serde(rename = "j", default, skip_serializing_if = "Option::is_none")]
    jobs: Option<Vec<(String, i64, i64, u32)>>,
    /// When, what.
    #[serde(rename = "e")]
    history: Vec<(i64, String)>,
}

#[derive(Serialize, Deserialize)]
struct Person {
    #[serde(rename = "n")]
    name: String,
    #[serde(rename = "m")]
    email: String,
}

#[derive(Serialize, Deserialize)]
struct Destination {
    #[serde(rename = "n")]
    name: String,
    #[serde(rename = "s")]
    street: String,
    #[serde(rename = "p")]
    postal_code: String,
    #[serde(rename = "c")]
    city: String,
    #[serde(rename = "l")]
    country: String,
}

#[derive(Serialize, Deserialize)]
struct Attempt {
    #[serde(rename = "n")]
    number: u32,
    #[serde(rename = "s")]
    started_at: i64,
    #[serde(rename = "e")]
    expires_at: i64,
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(rename = "f", default, skip_serializing_if = "std::ops::Not::not")]
    failed: bool,
}

#[derive(Serialize, Deserialize)]
struct Taken {
    #[serde(rename = "i")]
    payment_id: String,
    #[serde(rename = "a")]
    amount: i64,
    #[serde(rename = "u")]
    currency: String,
    #[serde(rename = "t")]
    at: i64,
}

#[derive(Serialize, Deserialize)]
struct Back {
    #[serde(rename = "i")]
    payment_id: String,
    #[serde(rename = "a")]
    amount: i64,
    #[serde(rename = "u")]
    currency: String,
    #[serde(rename = "r")]
    reason: String,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    refund_id: Option<String>,
    /// Why the provider will never do it. `refund_id` is [`REFUSED`] then.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SetAside {
    AmountDiffers {
        at: i64,
        payment_id: String,
        amount: i64,
        currency: String,
    },
}

impl Document {
    fn of(order: &Order) -> Self {
        let Order {
            quote,
            shipping_address: to,
            ..
        } = order;
        let line = |line: &PricedLine| {
            let PricedLine {
                sku,
                name,
                quantity,
                unit_price,
                tax_rate,
                line_total: _,
            } = line;
            (
                sku.to_string(),
                name.clone(),
                quantity.get(),
                unit_price.minor(),
                tax_rate.percent(),
            )
        };
        Self {
            fingerprint: BASE64_NOPAD.encode(order.fingerprint.as_bytes()),
            customer: Person {
                name: order.customer.name.clone(),
                email: order.customer.email.clone(),
            },
            ship_to: Destination {
                name: to.name.clone(),
                street: to.street.clone(),
                postal_code: to.postal_code.clone(),
                city: to.city.clone(),
                country: to.country.to_string(),
            },
            currency: quote.total.currency().code().to_owned(),
            lines: quote.lines.iter().map(line).collect(),
            shipping: quote.shipping.minor(),
            taxes: quote
                .taxes
                .iter()
                .map(|part| (part.rate.percent(), part.net.minor(), part.tax.minor()))
                .collect(),
            total: quote.total.minor(),
            held: order.held,
            reserved_until: order.reserved_until.as_millisecond(),
            payment: order.payment.as_ref().map(Attempt::of),
            capture: order.capture.as_ref().map(Taken::of),
            refunds: order.refunds.iter().map(Back::of).collect(),
            erp_number: order.erp_number.clone(),
            parked: order.parked.as_ref().map(SetAside::of),
            tries: 0,
            jobs: (!order.jobs.is_empty()).then(|| order.jobs.iter().map(stored_job).collect()),
            history: order
                .history
                .iter()
                .map(|e| (e.at.as_millisecond(), e.event.name().to_owned()))
                .collect(),
        }
    }

    fn into_order(self, head: &Head) -> Option<Order> {
        let currency = Currency::parse(&self.currency)?;
        let money = |minor: i64| Money::new(minor, currency);
        let line = |(sku, name, pieces, unit_price, rate): (String, String, u32, i64, u8)| {
            let (unit_price, quantity) = (money(unit_price), Quantity::new(i64::from(pieces))?);
            Some(PricedLine {
                sku: Sku::parse(&sku).ok()?,
                name,
                quantity,
                unit_price,
                tax_rate: TaxRate::from_percent(rate)?,
                line_total: unit_price.times(quantity.get()).ok()?,
            })
        };
        let part = |(rate, net, tax): (u8, i64, i64)| {
            Some(TaxPart {
                rate: TaxRate::from_percent(rate)?,
                net: money(net),
                tax: money(tax),
            })
        };
        let entry = |(at, event): (i64, String)| {
            Some(HistoryEntry {
                at: time(at)?,
                event: HistoryEvent::of_name(&event),
            })
        };
        let lines: Vec<_> = self.lines.into_iter().map(line).collect::<Option<_>>()?;
        if self.held > lines.len() {
            return None;
        }
        let fingerprint = BASE64_NOPAD.decode(self.fingerprint.as_bytes()).ok()?;
        let jobs = self.jobs;
        let order = Order {
            id: head.id,
            version: head.version,
            status: head.status,
            fingerprint: Fingerprint::from_bytes(fingerprint.try_into().ok()?),
            placed_at: head.placed_at,
            customer: Customer {
                name: self.customer.name,
                email: self.customer.email,
            },
            shipping_address: Address {
                name: self.ship_to.name,
                street: self.ship_to.street,
                postal_code: self.ship_to.postal_code,
                city: self.ship_to.city,
                country: Country::parse(&self.ship_to.country).ok()?,
            },
            quote: Quote {
                lines,
                shipping: money(self.shipping),
                taxes: self.taxes.into_iter().map(part).collect::<Option<_>>()?,
                total: money(self.total),
            },
            held: self.held,
            reserved_until: time(self.reserved_until)?,
            payment: optional(self.payment, Attempt::into_attempt).ok()?,
            capture: optional(self.capture, Taken::into_capture).ok()?,
            refunds: self
                .refunds
                .into_iter()
                .map(Back::into_refund)
                .collect::<Option<_>>()?,
            erp_number: self.erp_number,
            parked: optional(self.parked, SetAside::into_parked).ok()?,
            jobs: Vec::new(),
            history: self.history.into_iter().map(entry).collect::<Option<_>>()?,
            carried: Carried::default(),
        };
        Some(match jobs {
            Some(jobs) => Order {
                jobs: jobs.into_iter().map(job_of).collect::<Option<_>>()?,
                ..order
            },
            None => order.with_jobs_of_one_due_time(head.due_at, self.tries),
        })
    }
}

fn stored_job(job: &Job) -> (String, i64, i64, u32) {
    let due_at = job.due_at.as_millisecond();
    let late = due_at - job.first_due_at.as_millisecond();
    (job.kind.name().to_owned(), due_at, late, job.tries)
}

fn job_of((kind, due_at, late, tries): (String, i64, i64, u32)) -> Option<Job> {
    Some(Job {
        kind: JobKind::of_name(&kind),
        due_at: time(due_at)?,
        first_due_at: time(due_at.checked_sub(late)?)?,
        tries,
    })
}

impl Attempt {
    fn of(attempt: &PaymentAttempt) -> Self {
        Self {
            number: attempt.number,
            started_at: attempt.started_at.as_millisecond(),
            expires_at: attempt.expires_at.as_millisecond(),
            session: match &attempt.state {
                AttemptState::Open { session_id } => Some(session_id.clone()),
                AttemptState::Opening | AttemptState::Failed => None,
            },
            failed: attempt.state == AttemptState::Failed,
        }
    }

    fn into_attempt(self) -> Option<PaymentAttempt> {
        let state = match (self.session, self.failed) {
            (Some(session_id), _) => AttemptState::Open { session_id },
            (None, true) => AttemptState::Failed,
            (None, false) => AttemptState::Opening,
        };
        let (started_at, expires_at) = (time(self.started_at)?, time(self.expires_at)?);
        Some(PaymentAttempt {
            number: self.number,
            started_at,
            expires_at,
            state,
        })
    }
}

impl Taken {
    fn of(capture: &Capture) -> Self {
        Self {
            payment_id: capture.payment_id.clone(),
            amount: capture.amount.minor(),
            currency: capture.amount.currency().code().to_owned(),
            at: capture.at.as_millisecond(),
        }
    }

    fn into_capture(self) -> Option<Capture> {
        let amount = Money::new(self.amount, Currency::parse(&self.currency)?);
        Some(Capture {
            payment_id: self.payment_id,
            amount,
            at: time(self.at)?,
        })
    }
}

/// Stands for the provider's name of a refund that it refused for good. The release before knows no such refund: without any name it would ask
/// for the money again, which a human may have given back by then.
const REFUSED: &str = "refused";

impl Back {
    fn of(refund: &Refund) -> Self {
        Self {
            payment_id: refund.payment_id.clone(),
            amount: refund.amount.minor(),
            currency: refund.amount.currency().code().to_owned(),
            reason: refund.reason.name().to_owned(),
            refund_id: match &refund.state {
                RefundState::Due => None,
                RefundState::Refused { .. } => Some(REFUSED.to_owned()),
                RefundState::Done { refund_id } => Some(refund_id.clone()),
            },
            refused: match &refund.state {
                RefundState::Refused { reason } => Some(reason.clone()),
                RefundState::Due | RefundState::Done { .. } => None,
            },
        }
    }

    fn into_refund(self) -> Option<Refund> {
        Some(Refund {
            payment_id: self.payment_id,
            amount: Money::new(self.amount, Currency::parse(&self.currency)?),
            reason: RefundReason::of_name(&self.reason),
            state: match (self.refund_id, self.refused) {
                (_, Some(reason)) => RefundState::Refused { reason },
                (Some(id), None) if id == REFUSED => RefundState::Refused {
                    reason: "its reason was lost while another release ran".to_owned(),
                },
                (Some(refund_id), None) => RefundState::Done { refund_id },
                (None, None) => RefundState::Due,
            },
        })
    }
}

impl SetAside {
    fn of(parked: &Parked) -> Self {
        let ParkedReason::AmountDiffers { payment_id, captured } = &parked.reason;
        Self::AmountDiffers {
            at: parked.at.as_millisecond(),
            payment_id: payment_id.clone(),
            amount: captured.minor(),
            currency: captured.currency().code().to_owned(),
        }
    }

    fn into_parked(self) -> Option<Parked> {
        let Self::AmountDiffers {
            at,
            payment_id,
            amount,
            currency,
        } = self;
        let captured = Money::new(amount, Currency::parse(&currency)?);
        Some(Parked {
            at: time(at)?,
            reason: ParkedReason::AmountDiffers { payment_id, captured },
        })
    }
}

/// A part of a document is not what it should be.
struct Unreadable;

/// Nothing stays nothing; what is there must be readable.
fn optional<T, U>(stored: Option<T>, read: impl Fn(T) -> Option<U>) -> Result<Option<U>, Unreadable> {
    stored.map(|stored| read(stored).ok_or(Unreadable)).transpose()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(tries: &u32) -> bool {
    *tries == 0
}

fn time(milliseconds: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(milliseconds).ok()
}

#[cfg(test)]
mod tests {
    use testkit::{an_order, noon};

    use super::*;

    /// The item of `order`, as a release wrote it that knows a field `zz` in each of these parts, and an attribute.
    fn by_a_newer_release(order: &Order, parts: &[&[&str]]) -> Item {
        let field = |part: &&[&str]| {
            let path = part.iter().chain(&["zz"]).map(|&name| name.to_owned()).collect();
            (path, vec![7])
        };
        let fields: Fields = parts.iter().map(field).collect();
        let mut item = to_item(order).expect("an item");
        let document = pack(&Document::of(order), &fields).expect("packed");
        item.insert(DOCUMENT.to_owned(), AttributeValue::B(Blob::new(document)));
        item.insert("gift_note".to_owned(), AttributeValue::S("Alles Gute".to_owned()));
        item
    }

    fn written_back(order: &Order) -> Order {
        from_item(&to_item(order).expect("an item")).expect("an order")
    }

    #[test]
    fn what_a_newer_release_stored_is_carried_to_the_end() {
        let paid = an_order().paid();
        let order = paid.rejected_by_warehouse(noon()).expect("paid");
        let parts: [&[&str]; 5] = [&[], &["c"], &["s"], &["m"], &["b", "0"]];
        let read = from_item(&by_a_newer_release(&order, &parts)).expect("an order");
        assert_eq!(read.carried.names().len(), 6);
        let (emptied, _) = read.clone().give_back_step(noon());
        let done = emptied.refunded("pi_1", "re_1".to_owned(), noon());
        let again = written_back(&done);
        assert_eq!(again, done);
        assert_eq!(again.carried, read.carried);
        assert_eq!(
            to_item(&done).expect("an item")["gift_note"],
            AttributeValue::S("Alles Gute".to_owned())
        );
    }

    #[test]
    fn a_field_of_an_attempt_to_pay_ends_with_that_attempt() {
        let order = an_order().placed().start_attempt(noon());
        let read = from_item(&by_a_newer_release(&order, &[&["p"]])).expect("an order");
        let opened = written_back(&read.attempt_opened("cs_1".to_owned()));
        assert_eq!(opened.carried.fields.len(), 1);
        let next = written_back(&opened.start_attempt(noon()));
        assert_eq!(next.carried.fields.len(), 0);
        assert_eq!(next.carried.attributes.len(), 1);
    }

    /// The release before reads a refund that has a name as done, and drops the reason.
    #[test]
    fn a_refused_refund_is_never_due_again_in_any_release() {
        let rejected = an_order().paid().rejected_by_warehouse(noon()).expect("paid");
        let refused = rejected.refund_refused("pi_1", "charge_disputed".to_owned(), noon());
        assert_eq!(written_back(&refused), refused);
        let mut document = Document::of(&refused);
        assert!(document.refunds[0].refund_id.is_some());
        document.refunds[0].refused = None;
        let back = document.refunds.remove(0).into_refund().expect("a refund");
        assert!(matches!(back.state, RefundState::Refused { .. }), "{back:?}");
    }

    #[test]
    fn an_order_that_holds_more_lines_than_it_has_is_corrupt() {
        let order = an_order().placed();
        let mut document = Document::of(&order);
        document.held = 2;
        let mut item = to_item(&order).expect("an item");
        let packed = pack(&document, &Fields::new()).expect("packed");
        item.insert(DOCUMENT.to_owned(), AttributeValue::B(Blob::new(packed)));
        assert!(matches!(from_item(&item), Err(StoreError::Corrupt(_))));
    }

    #[test]
    fn an_unreadable_document_is_told_without_what_is_in_it() {
        let mut item = to_item(&an_order().placed()).expect("an item");
        let packed = pack(&"Ada Lovelace", &Fields::new()).expect("packed");
        item.insert(DOCUMENT.to_owned(), AttributeValue::B(Blob::new(packed)));
        let error = from_item(&item).expect_err("no order");
        assert!(!format!("{error:?}").contains("Ada"), "{error:?}");
    }

    /// Thirteen lines, the real shop's median, with names as long as there.
    fn a_usual_order() -> Order {
        let names = [
            "WHITE HANGING HEART T-LIGHT HOLDER",
            "REGENCY CAKESTAND 3 TIER",
            "JUMBO BAG RED RETROSPOT",
            "PARTY BUNTING",
            "LUNCH BAG RED RETROSPOT",
            "ASSORTED COLOUR BIRD ORNAMENT",
            "SET OF 3 CAKE TINS PANTRY DESIGN",
            "PACK OF 72 RETROSPOT CAKE CASES",
            "LUNCH BAG BLACK SKULL.",
            "NATURAL SLATE HEART CHALKBOARD",
            "HEART OF WICKER SMALL",
            "JAM MAKING SET WITH JARS",
            "PAPER CHAIN KIT 50'S CHRISTMAS",
        ];
        let mut order = an_order().lines(names.len()).draft();
        for (line, name) in order.quote.lines.iter_mut().zip(names) {
            name.clone_into(&mut line.name);
        }
        order
    }

    fn bytes_of(item: &Item) -> usize {
        let value = |value: &AttributeValue| match value {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(number) => number.len() / 2 + 2,
            AttributeValue::B(bytes) => bytes.as_ref().len(),
            other => unreachable!("{other:?}"),
        };
        item.iter().map(|(name, own)| name.len() + value(own)).sum()
    }

    /// What `DynamoDB` bills for `after` in the place of `before`: units of a kilobyte, and one for each entry of an index that goes or comes.
    fn units(before: &Item, after: &Item) -> usize {
        let kilobytes = bytes_of(before).max(bytes_of(after)).div_ceil(1024);
        let entry = |item: &Item, keys: &IndexKeys| item.get(keys.sort).cloned();
        let moved = |index| {
            let keys = IndexKeys::of(index);
            let (was, is) = (entry(before, &keys), entry(after, &keys));
            let entries = usize::from(was.is_some()) + usize::from(is.is_some());
            if was == is { 0 } else { entries }
        };
        kilobytes + moved(DueIndex::Reconciler) + moved(DueIndex::Forwarder)
    }

    #[test]
    fn an_order_takes_36_write_units_from_cart_to_warehouse() {
        let at = |seconds| noon() + jiff::SignedDuration::from_secs(seconds);
        let (placed, stock) = a_usual_order().reserve_step(noon()).expect("a draft");
        let opening = placed.clone().attempt_for(at(60)).expect("payable");
        let session = format!("cs_live_{}", "a1B2c3".repeat(10));
        let open = opening.clone().attempt_opened(session);
        let payment = domain::ReportedPayment {
            payment_id: "pi_3MtwBwLkdIwHu7ix28a3tqPa".to_owned(),
            amount: open.quote.total,
        };
        let domain::Settlement::Paid(paid) = open.clone().settle(payment, at(120)) else {
            panic!("not paid")
        };
        let forwarded = paid
            .clone()
            .accepted_by_warehouse("K-0001234".to_owned(), at(122))
            .expect("paid");
        let steps = [placed, opening, open, paid, forwarded];
        let items: Vec<_> = steps
            .iter()
            .map(|order| to_item(order).expect("an item"))
            .collect();
        assert!(items.iter().all(|item| bytes_of(item) <= 1024));
        // In a transaction an item counts twice; an entry of an index does not.
        let placing = 2 * (stock.len() + 1) + 1;
        let later: usize = items.windows(2).map(|pair| units(&pair[0], &pair[1])).sum();
        assert_eq!((placing, later), (29, 7));
    }

    #[test]
    fn an_order_without_anything_unknown_carries_nothing() {
        assert_eq!(written_back(&an_order().paid()).carried, Carried::default());
    }
}
