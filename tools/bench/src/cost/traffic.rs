//! What a time of the shop's life costs.

use std::collections::BTreeMap;

use super::Basis;
use super::bill::{Bill, Line};
use super::deployment::count;
use super::request::{Work, is_called};
use crate::stand::Request;

/// CloudWatch's gigabyte.
pub(super) const GIB: f64 = 1_073_741_824.0;
/// A month, as AWS counts it.
pub(crate) const HOURS_A_MONTH: f64 = 730.0;
/// A process copies the catalogue about every 30 seconds (`functions/catalog/src/keeper.rs`).
const COPIES_AN_HOUR: f64 = 120.0;
/// A key that was used is remembered for five minutes, by tables and queues alike.
const KEY_USES_AN_HOUR: f64 = 12.0;
/// What the reconciler tells in every run.
pub(crate) const WAITING: [&str; 2] = ["OrdersWaiting", "OldestWaitingOrder"];
/// What is told besides where there are orders and all goes well. CloudWatch bills the hours in which a metric has a figure.
pub(crate) const ALL_WELL: [&str; 6] = [
    "OrdersPlaced",
    "RevenuePlaced",
    "OrdersPaid",
    "RevenuePaid",
    "OrdersForwarded",
    "ForwardDelay",
];

/// What an order asks of the shop, besides looking at the catalogue, as `web/js` does it: a quote for the cart and one more for a changed
/// quantity, which serves at the checkout too; the order, its payment page, the provider's word; its status after the return. Stripe sends
/// a shopper back when its word was heard (<https://docs.stripe.com/checkout/fulfillment>): the order is paid then, and nobody keeps the page
/// open for the five minutes until the next look.
pub(crate) const ORDER: [(Request, f64); 6] = [
    (Request::Quote, 2.0),
    (Request::Checkout, 1.0),
    (Request::PaymentPage, 1.0),
    (Request::Paid, 1.0),
    (Request::Status, 1.0),
    (Request::HandOver, 1.0),
];

/// What happens in some hours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Traffic {
    /// For how long.
    pub(crate) hours: f64,
    /// Requests at the CDN.
    pub(crate) cdn: f64,
    /// Requests for products that reach their function.
    pub(crate) catalogue: f64,
    /// Orders.
    pub(crate) orders: f64,
}

impl Traffic {
    /// An hour with so many requests a second at the CDN, so many of them behind it, those of the orders among them, and so many orders a
    /// minute.
    pub(crate) fn hour(cdn_a_second: f64, behind_a_second: f64, orders_a_minute: f64) -> Self {
        let orders = orders_a_minute * 60.0;
        Self {
            hours: 1.0,
            cdn: cdn_a_second * 3_600.0,
            catalogue: (behind_a_second * 3_600.0 - orders * calls_of_an_order()).max(0.0),
            orders,
        }
    }
}

/// The requests of an order that come through the CDN.
pub(crate) fn calls_of_an_order() -> f64 {
    ORDER
        .iter()
        .filter(|(request, _)| is_called(*request))
        .map(|(_, times)| times)
        .sum()
}

/// So many requests of a kind, and what each takes.
pub(super) struct Share {
    pub(super) request: Request,
    pub(super) times: f64,
    pub(super) work: Work,
}

/// A function's part.
#[derive(Default)]
pub(super) struct Busy {
    pub(super) invocations: f64,
    pub(super) gb_s: f64,
    pub(super) billed_s: f64,
}

impl Basis {
    /// What it costs. The reconciler looks every minute, and the queue is asked for messages all the time.
    pub(crate) fn bill(&self, traffic: Traffic) -> anyhow::Result<Bill> {
        let shares = self.shares(traffic)?;
        let mut busy: BTreeMap<&str, Busy> = BTreeMap::new();
        for Share { request, times, work } in &shares {
            let entry = busy.entry(request.function()).or_default();
            entry.invocations += times;
            entry.gb_s += times * work.gb_s;
            entry.billed_s += times * work.billed_ms / 1_000.0;
        }
        let mut bill = Bill::default();
        self.cdn(&mut bill, traffic);
        self.api(&mut bill, &shares);
        let mut processes = 0.0;
        let mut secrets = 0.0;
        for (name, busy) in &busy {
            let function = self.function(name)?;
            let started = self.processes(name, busy, traffic.hours);
            processes += started;
            // Where nothing is due, the reconciler needs none.
            let age = function
                .secret_max_age_s
                .filter(|_| *name != Request::Minute.function());
            secrets += age.map_or(0.0, |age| started * traffic.hours * 3_600.0 / age);
            self.invocations(&mut bill, name, function, busy, started)?;
        }
        self.queue(&mut bill, traffic, &shares);
        let readers = busy.get(Request::Page.function());
        let readers = readers.map_or(0.0, |readers| {
            self.processes(Request::Page.function(), readers, traffic.hours)
        });
        let copied =
            readers * COPIES_AN_HOUR * traffic.hours * self.list.assumptions.catalogue_copy_reads.value;
        bill.add(
            Line::Tables,
            "the catalogue copied",
            copied,
            &self.list.prices.table_reads,
        );
        self.tables(&mut bill, traffic, &shares);
        self.logs(&mut bill, &shares);
        self.observing(&mut bill, traffic, &busy)?;
        let prices = &self.list.prices;
        bill.add(Line::Secrets, "secrets read again", secrets, &prices.secret_calls);
        let keys = processes.min(count(busy.len()) * 2.0) * KEY_USES_AN_HOUR * traffic.hours;
        bill.add(
            Line::Secrets,
            "key used by tables and queues",
            keys,
            &prices.key_requests,
        );
        let outside = traffic.orders * self.list.assumptions.outside_bytes.value / GIB;
        bill.add(Line::Transfer, "orders", outside, &prices.transfer);
        Ok(bill)
    }

    /// All requests of that time.
    fn shares(&self, traffic: Traffic) -> anyhow::Result<Vec<Share>> {
        let assumed = &self.list.assumptions;
        let catalogue = [
            (Request::Page, assumed.listed.value),
            (Request::Search, assumed.searched.value),
            (Request::Product, assumed.shown.value),
        ];
        let catalogue = catalogue.map(|(request, share)| (request, share * traffic.catalogue));
        let orders = ORDER.map(|(request, times)| (request, times * traffic.orders));
        let minutes = (Request::Minute, traffic.hours * 60.0);
        let all = catalogue.into_iter().chain(orders).chain([minutes]);
        let share = |(request, times)| {
            let work = self.work(request)?;
            Ok(Share { request, times, work })
        };
        all.filter(|(_, times)| *times > 0.0).map(share).collect()
    }
}
