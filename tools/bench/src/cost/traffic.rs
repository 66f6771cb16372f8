//! The bill of a period, from how often each request is made in it.

use std::collections::BTreeMap;

use anyhow::Context;

use super::Basis;
use super::bill::{
    API, Bill, CDN, FORWARDER, FUNCTIONS, LOGS, METRICS, QUEUE, RECONCILER, SECRETS, TABLES, TRACES, TRANSFER,
};
use super::deployment::{Architecture, Tracing, count};
use super::prices::Price;
use super::request::{Work, billed, gb_s, number};
use crate::rig::Request;

/// CloudWatch's gigabyte.
const GIB: f64 = 1_073_741_824.0;
/// A month, as AWS counts it.
pub(crate) const HOURS_A_MONTH: f64 = 730.0;
/// What an HTTP API bills as one request, in bytes.
const API_UNIT: f64 = 512.0 * 1_024.0;
/// A process copies the catalogue about every 30 seconds.
const COPIES_AN_HOUR: f64 = 120.0;
/// A process reads the state of the warehouse's circuit breaker every 30 seconds.
const CIRCUIT_READS_AN_HOUR: f64 = 120.0;
/// Tables and queues remember a key that was used for five minutes.
const KEY_USES_AN_HOUR: f64 = 12.0;
/// Metrics that the reconciler writes in every run.
pub(crate) const WAITING: [&str; 2] = ["OrdersWaiting", "OldestWaitingOrder"];
/// Metrics besides, where orders come and nothing fails. CloudWatch bills the hours in which a metric has a value.
pub(crate) const ALL_WELL: [&str; 6] = [
    "OrdersPlaced",
    "RevenuePlaced",
    "OrdersPaid",
    "RevenuePaid",
    "OrdersForwarded",
    "ForwardDelay",
];
/// One metric counts the cold starts of all functions.
const COLD_STARTS: f64 = 1.0;

/// What an order asks of the shop, besides the catalogue, as `web/js` does it: a quote for the cart, one more for a changed quantity, the order,
/// its payment page, the provider's webhook, its status after the return. Stripe sends a shopper back when the webhook was answered
/// (<https://docs.stripe.com/checkout/fulfillment>): the order is paid then, and the page asks once.
pub(crate) const ORDER: [(Request, f64); 6] = [
    (Request::Quote, 2.0),
    (Request::Checkout, 1.0),
    (Request::PaymentPage, 1.0),
    (Request::Paid, 1.0),
    (Request::Status, 1.0),
    (Request::HandOver, 1.0),
];

/// What happens in a period.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Traffic {
    pub(crate) hours: f64,
    /// Requests at the CDN.
    pub(crate) cdn: f64,
    /// Requests for products that reach their function.
    pub(crate) catalogue: f64,
    pub(crate) orders: f64,
}

impl Traffic {
    /// An hour with so many requests a second at the CDN and behind it, those of orders included, and so many orders a minute.
    pub(crate) fn hour(cdn_a_second: f64, behind_a_second: f64, orders_a_minute: f64) -> Self {
        let orders = orders_a_minute * 60.0;
        Self {
            hours: 1.0,
            cdn: cdn_a_second * 3_600.0,
            catalogue: (behind_a_second * 3_600.0 - orders * requests_of_an_order()).max(0.0),
            orders,
        }
    }
}

/// The requests of an order that come through the CDN.
pub(crate) fn requests_of_an_order() -> f64 {
    let through_cdn = ORDER.iter().filter(|(request, _)| request.is_http());
    through_cdn.map(|(_, times)| times).sum()
}

/// The requests of one kind.
struct Share {
    request: Request,
    times: f64,
    work: Work,
}

/// A function's part.
#[derive(Default)]
struct Busy {
    invocations: f64,
    gb_s: f64,
    billed_s: f64,
}

fn sum<'s>(shares: impl IntoIterator<Item = &'s Share>, of: impl Fn(&Work) -> f64) -> f64 {
    let products = shares.into_iter().map(|share| share.times * of(&share.work));
    // From zero: an empty sum of floats is a negative one.
    products.fold(0.0, |sum, product| sum + product)
}

impl Basis {
    /// What the period costs. The reconciler runs every minute, and Lambda polls the queue all the time.
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
        self.edge(&mut bill, traffic, &shares);
        self.functions(&mut bill, traffic, &busy)?;
        self.storage(&mut bill, traffic, &shares, &busy);
        self.observability(&mut bill, traffic, &shares, &busy)?;
        let outside = traffic.orders * self.list.assumptions.outside_bytes.value / GIB;
        bill.add(TRANSFER, "orders", outside, &self.list.prices.transfer);
        Ok(bill)
    }

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

    /// The CDN, its firewall and the API.
    fn edge(&self, bill: &mut Bill, traffic: Traffic, shares: &[Share]) {
        let p = &self.list.prices;
        let bytes = traffic.cdn * self.list.assumptions.cdn_answer_bytes.value;
        bill.add(CDN, "requests", traffic.cdn, &p.cdn_requests);
        bill.add(CDN, "answers", bytes / GIB, &p.cdn_transfer);
        bill.add(CDN, "firewall", traffic.cdn, &p.firewall_requests);
        let (price, unit) = if self.shop.rest_api {
            (&p.rest_api_requests, f64::INFINITY)
        } else {
            (&p.http_api_requests, API_UNIT)
        };
        let units = |work: &Work| (work.answer_bytes / unit).ceil().max(1.0);
        let (catalogue, orders) = self.by_api(shares);
        bill.add(API, "requests for products", sum(catalogue, units), price);
        bill.add(API, "requests of orders", sum(orders, units), price);
    }

    /// What the API is asked: for products, and for orders.
    fn by_api<'s>(&self, shares: &'s [Share]) -> (Vec<&'s Share>, Vec<&'s Share>) {
        let asked = shares.iter().filter(|share| share.request.is_http());
        let (mut catalogue, orders): (Vec<_>, Vec<_>) = asked.partition(|share| share.request.is_catalogue());
        if !self.shop.catalogue_by_api {
            catalogue.clear();
        }
        (catalogue, orders)
    }

    /// Processes of a function: as many as are busy on average, and some to spare. A schedule never starts two at once.
    fn processes(&self, name: &str, busy: &Busy, hours: f64) -> f64 {
        let spare = number(name != Request::Minute.function()) * self.list.assumptions.spare_processes.value;
        (busy.billed_s / (hours * 3_600.0)).ceil() + spare
    }

    /// Invocations and their durations, secrets and keys.
    fn functions(
        &self,
        bill: &mut Bill,
        traffic: Traffic,
        busy: &BTreeMap<&str, Busy>,
    ) -> anyhow::Result<()> {
        let p = &self.list.prices;
        let (mut all_processes, mut secret_reads) = (0.0, 0.0);
        for (name, busy) in busy {
            let (function, line) = (self.function(name)?, line_of(name));
            let processes = self.processes(name, busy, traffic.hours);
            all_processes += processes;
            // Where nothing is due, the reconciler needs no secret.
            let reads = function.secret_max_age_s.filter(|_| line != RECONCILER);
            secret_reads += reads.map_or(0.0, |age| processes * traffic.hours * 3_600.0 / age);
            let invocations = format!("{name}: invocations");
            bill.add(line, invocations, busy.invocations, &p.lambda_requests);
            bill.add(
                line,
                format!("{name}: duration"),
                busy.gb_s,
                self.duration_price(),
            );
            let cold = processes * gb_s(self.cold_ms(name, function.memory_mb)?, function.memory_mb);
            bill.add(line, format!("{name}: cold starts"), cold, self.duration_price());
        }
        bill.add(SECRETS, "secrets read again", secret_reads, &p.secret_calls);
        let key_uses = all_processes.min(count(busy.len()) * 2.0) * KEY_USES_AN_HOUR * traffic.hours;
        bill.add(
            SECRETS,
            "key used by tables and queues",
            key_uses,
            &p.key_requests,
        );
        Ok(())
    }

    fn duration_price(&self) -> &Price {
        match self.shop.architecture {
            Architecture::Arm64 => &self.list.prices.lambda_arm64_duration,
            Architecture::X86 => &self.list.prices.lambda_x86_64_duration,
        }
    }

    /// What a cold start adds to the billed duration.
    fn cold_ms(&self, name: &str, memory_mb: f64) -> anyhow::Result<f64> {
        let mut all = self.cold.functions.iter();
        let cold = all.find(|cold| cold.function == name);
        let cold = cold.with_context(|| format!("`cold` measured no {name}"))?;
        let own = cold.own.cpu_us / 1_000.0 / self.cpu_share(memory_mb);
        Ok(billed(self.list.assumptions.platform_init_ms.value + own))
    }

    /// The queue and the tables.
    fn storage(&self, bill: &mut Bill, traffic: Traffic, shares: &[Share], busy: &BTreeMap<&str, Busy>) {
        let (p, assumed) = (&self.list.prices, &self.list.assumptions);
        let sent = sum(shares, |work| work.queue_calls);
        bill.add(QUEUE, "sent by functions", sent, &p.queue_requests);
        let received = 2.0 * traffic.orders;
        bill.add(QUEUE, "received and deleted", received, &p.queue_requests);
        let polls = self.shop.event_source_mappings * assumed.queue_polls_an_hour.value * traffic.hours;
        bill.add(QUEUE, "polls", polls, &p.queue_requests);

        let readers = busy.get(Request::Page.function());
        let readers = readers.map_or(0.0, |busy| {
            self.processes(Request::Page.function(), busy, traffic.hours)
        });
        let copied = readers * COPIES_AN_HOUR * traffic.hours * assumed.catalogue_copy_reads.value;
        bill.add(TABLES, "the catalogue copied", copied, &p.table_reads);
        let circuit = number(traffic.orders > 0.0) * CIRCUIT_READS_AN_HOUR * traffic.hours;
        let reads = sum(shares, |work| work.reads) + circuit;
        bill.add(TABLES, "reads", reads, &p.table_reads);
        let together = sum(shares, |work| work.transaction_writes);
        bill.add(TABLES, TRANSACTIONS, together, &p.table_writes);
        let single = sum(shares, |work| work.writes);
        bill.add(TABLES, "single writes", single, &p.table_writes);
    }

    /// Logs, metrics and traces.
    fn observability(
        &self,
        bill: &mut Bill,
        traffic: Traffic,
        shares: &[Share],
        busy: &BTreeMap<&str, Busy>,
    ) -> anyhow::Result<()> {
        let p = &self.list.prices;
        let functions = sum(shares, |work| work.log_bytes);
        bill.add(LOGS, "functions", functions / GIB, &p.log_ingestion);
        let (catalogue, orders) = self.by_api(shares);
        let line = self.shop.access_log_bytes + self.list.assumptions.log_event_bytes.value;
        let api = sum(catalogue.into_iter().chain(orders), |_| line);
        bill.add(LOGS, "API", api / GIB, &p.log_ingestion);

        let mut metrics = count(WAITING.len()) + COLD_STARTS;
        metrics += number(traffic.orders > 0.0) * count(ALL_WELL.len());
        for name in busy.keys() {
            // Each operation has its duration.
            metrics += self.function(name)?.operations;
        }
        let months = metrics * traffic.hours / HOURS_A_MONTH;
        bill.add(METRICS, "the shop's metrics", months, &p.custom_metrics);
        let traced = busy
            .values()
            .map(|busy| self.traced(busy.invocations, traffic.hours));
        bill.add(TRACES, "recorded", traced.sum(), &p.traces);
        Ok(())
    }

    /// How many of a function's invocations are traced.
    pub(crate) fn traced(&self, invocations: f64, hours: f64) -> f64 {
        match self.shop.tracing {
            Tracing::Off => 0.0,
            Tracing::Everything => invocations,
            Tracing::Sampled => {
                // The first of each second that has any, where they come at random, and a share of the rest.
                let seconds = hours * 3_600.0;
                let first = seconds * (1.0 - (-invocations / seconds).exp());
                first + (invocations - first) * self.list.assumptions.trace_share.value
            }
        }
    }
}

/// The item of orders and stock that are written in one transaction.
pub(crate) const TRANSACTIONS: &str = "writes in transactions";

fn line_of(function: &str) -> &'static str {
    match function {
        "order-forwarder" => FORWARDER,
        "reconciler" => RECONCILER,
        _ => FUNCTIONS,
    }
}
