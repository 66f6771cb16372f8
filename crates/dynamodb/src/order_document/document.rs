//! The packed document of an order.

use data_encoding::BASE64_NOPAD;
use domain::{
    Address, Country, Currency, Customer, Fingerprint, HistoryEntry, HistoryEvent, IssueKind, Money, Order,
    OrderParts, PricedLine, Quantity, Quote, Sku, Status, TaxPart, TaxRate, WarehouseIssue,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Head;
use super::job::{StoredJob, job_of, stored_job};
use super::payment::{StoredAttempt, StoredCapture, StoredParking};
use super::refund::StoredRefund;

/// SKU, name, pieces, unit price, tax rate.
type StoredLine = (String, String, u32, i64, u8);
/// Rate, net, tax.
type StoredTax = (u8, i64, i64);

/// All that has no attribute of its own. Times in milliseconds since 1970, money in minor units of `currency`, rates in percent. Stored names are short, since LZ4
/// does not make them so; a name that was in use never gets another meaning.
#[derive(Serialize, Deserialize)]
pub(super) struct Document {
    /// In base 64.
    #[serde(rename = "f")]
    fingerprint: String,
    #[serde(rename = "c")]
    customer: Person,
    #[serde(rename = "s")]
    ship_to: Destination,
    #[serde(rename = "u")]
    currency: String,
    #[serde(rename = "l")]
    lines: Vec<StoredLine>,
    #[serde(rename = "d")]
    shipping: i64,
    #[serde(rename = "x")]
    taxes: Vec<StoredTax>,
    #[serde(rename = "t")]
    total: i64,
    #[serde(rename = "h")]
    pub(super) held: usize,
    #[serde(rename = "r")]
    reserved_until: i64,
    /// Under [`super::ATTEMPT`].
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(super) payment: Option<StoredAttempt>,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    capture: Option<StoredCapture>,
    #[serde(rename = "b", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) refunds: Vec<StoredRefund>,
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    erp_number: Option<String>,
    /// Kind, since when.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    warehouse_issue: Option<(String, i64)>,
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    parked: Option<StoredParking>,
    /// Failed tries, as the release before counted them for whatever was due.
    #[serde(rename = "y", default, skip_serializing_if = "is_zero")]
    tries: u32,
    /// Missing where nothing is due, or where the release before wrote.
    #[serde(rename = "j", default, skip_serializing_if = "Option::is_none")]
    jobs: Option<Vec<StoredJob>>,
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

impl Document {
    pub(super) fn of(order: &Order) -> Self {
        let (quote, to) = (order.quote(), order.shipping_address());
        let history = order.history().iter();
        Self {
            fingerprint: BASE64_NOPAD.encode(order.fingerprint().as_bytes()),
            customer: Person {
                name: order.customer().name.clone(),
                email: order.customer().email.clone(),
            },
            ship_to: Destination {
                name: to.name.clone(),
                street: to.street.clone(),
                postal_code: to.postal_code.clone(),
                city: to.city.clone(),
                country: to.country.to_string(),
            },
            currency: quote.total.currency().code().to_owned(),
            lines: quote.lines.iter().map(stored_line).collect(),
            shipping: quote.shipping.minor(),
            taxes: quote.taxes.iter().map(stored_tax).collect(),
            total: quote.total.minor(),
            held: order.held(),
            reserved_until: order.reserved_until().as_millisecond(),
            payment: order
                .payment()
                .map(|attempt| StoredAttempt::of(attempt, order.status())),
            capture: order.capture().map(StoredCapture::of),
            refunds: order.refunds().iter().map(StoredRefund::of).collect(),
            erp_number: order.erp_number().map(str::to_owned),
            warehouse_issue: order.warehouse_issue().map(stored_issue),
            parked: order.parked().map(StoredParking::of),
            tries: 0,
            jobs: (!order.jobs().is_empty()).then(|| order.jobs().iter().map(stored_job).collect()),
            history: history
                .map(|entry| (entry.at.as_millisecond(), entry.event.name().to_owned()))
                .collect(),
        }
    }

    /// The status of an order that was stored under `status`: see [`super::stored_status`].
    pub(super) fn status_of(&self, status: Status) -> Status {
        let is_pending = self.payment.as_ref().is_some_and(|attempt| attempt.pending);
        if is_pending && status == Status::Placed {
            return Status::PaymentPending;
        }
        status
    }

    /// The order, or `None` where a part is not what it should be.
    pub(super) fn into_order(self, head: Head) -> Option<Order> {
        let currency = Currency::parse(&self.currency)?;
        let fingerprint = BASE64_NOPAD.decode(self.fingerprint.as_bytes()).ok()?;
        let jobs = self.jobs.iter().flatten().map(job_of);
        let history = self.history.iter().map(|(at, event)| {
            Some(HistoryEntry {
                at: time(*at)?,
                event: HistoryEvent::of_name(event),
            })
        });
        let lines = self.lines.into_iter().map(|line| line_of(line, currency));
        let taxes = self.taxes.into_iter().map(|part| tax_of(part, currency));
        let order = Order::restore(OrderParts {
            id: head.id,
            version: head.version,
            status: head.status,
            fingerprint: Fingerprint::from_bytes(fingerprint.try_into().ok()?),
            access_token: head.access_token,
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
                lines: lines.collect::<Option<_>>()?,
                shipping: Money::new(self.shipping, currency),
                taxes: taxes.collect::<Option<_>>()?,
                total: Money::new(self.total, currency),
            },
            held: self.held,
            reserved_until: time(self.reserved_until)?,
            payment: optional(self.payment, StoredAttempt::into_attempt)?,
            capture: optional(self.capture, StoredCapture::into_capture)?,
            refunds: self
                .refunds
                .into_iter()
                .map(StoredRefund::into_refund)
                .collect::<Option<_>>()?,
            erp_number: self.erp_number,
            warehouse_issue: optional(self.warehouse_issue, issue_of)?,
            parked: optional(self.parked, StoredParking::into_parked)?,
            jobs: jobs.collect::<Option<_>>()?,
            history: history.collect::<Option<_>>()?,
            carried: head.carried,
        });
        let order = order.ok()?;
        Some(match self.jobs {
            Some(_) => order,
            None => order.with_jobs_of_one_due_time(head.due_at, self.tries),
        })
    }
}

fn stored_issue(issue: &WarehouseIssue) -> (String, i64) {
    (issue.kind.name().to_owned(), issue.since.as_millisecond())
}

fn issue_of((kind, since): (String, i64)) -> Option<WarehouseIssue> {
    let kind = IssueKind::of_name(&kind);
    time(since).map(|since| WarehouseIssue { kind, since })
}

fn stored_line(line: &PricedLine) -> StoredLine {
    let (sku, name) = (line.sku.to_string(), line.name.clone());
    let (pieces, unit_price) = (line.quantity.get(), line.unit_price.minor());
    (sku, name, pieces, unit_price, line.tax_rate.percent())
}

fn line_of((sku, name, pieces, unit_price, rate): StoredLine, currency: Currency) -> Option<PricedLine> {
    let quantity = Quantity::new(i64::from(pieces))?;
    let unit_price = Money::new(unit_price, currency);
    Some(PricedLine {
        sku: Sku::parse(&sku).ok()?,
        name,
        quantity,
        unit_price,
        tax_rate: TaxRate::from_percent(rate)?,
        line_total: unit_price.times(quantity.get()).ok()?,
    })
}

fn stored_tax(part: &TaxPart) -> StoredTax {
    (part.rate.percent(), part.net.minor(), part.tax.minor())
}

fn tax_of((rate, net, tax): StoredTax, currency: Currency) -> Option<TaxPart> {
    Some(TaxPart {
        rate: TaxRate::from_percent(rate)?,
        net: Money::new(net, currency),
        tax: Money::new(tax, currency),
    })
}

/// Nothing stays nothing; what is there must be readable.
#[expect(clippy::option_option, reason = "unreadable, absent, present")]
fn optional<T, U>(stored: Option<T>, read: impl Fn(T) -> Option<U>) -> Option<Option<U>> {
    stored.map_or(Some(None), |stored| read(stored).map(Some))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(tries: &u32) -> bool {
    *tries == 0
}

pub(super) fn time(milliseconds: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(milliseconds).ok()
}
