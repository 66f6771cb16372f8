//! What a time of the shop's life costs.

use std::collections::BTreeMap;

use anyhow::Context;

use super::Basis;
use super::bill::{Bill, Line};
use super::deployment::{Api, Architecture, Function, Tracing, count};
use super::prices::Price;
use super::request::{Work, billed, gb_s, is_called};
use crate::stand::Request;

/// What an HTTP API bills as one request, in bytes.
const API_UNIT: f64 = 512.0 * 1_024.0;
/// CloudWatch's gigabyte.
const GIB: f64 = 1_073_741_824.0;
/// A month, as AWS counts it.
pub(crate) const HOURS_A_MONTH: f64 = 730.0;
/// A process goes by what it read of the warehouse's circuit for 30 seconds (`app::Breaker`).
const CIRCUIT_READS_AN_HOUR: f64 = 120.0;
/// A process copies the catalogue every 30 seconds (`functions/catalog/src/keeper.rs`).
const COPIES_AN_HOUR: f64 = 120.0;
/// A key that was used is remembered for five minutes, by tables and queues alike.
const KEY_USES_AN_HOUR: f64 = 12.0;
/// Every operation has its duration and its failures, and in an hour with traffic a cold start.
const METRICS_OF_OPERATION: f64 = 3.0;
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

/// What an order asks of the shop, besides looking at the catalogue, as `web/js` does it: a quote for the cart, one more for a changed
/// quantity, one at the checkout; the order, its payment page, the provider's word; its status on arrival, and after the return at once, after
/// 1.5 s, 10 s and 13 s, then the page is closed.
pub(crate) const ORDER: [(Request, f64); 6] = [
    (Request::Quote, 3.0),
    (Request::Checkout, 1.0),
    (Request::PaymentPage, 1.0),
    (Request::Paid, 1.0),
    (Request::Status, 5.0),
    (Request::HandOver, 1.0),
];

/// What happens in some hours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Traffic {
    /// For how long.
    pub(crate) hours: f64,
    /// Requests at the CDN.
    pub(crate) cdn: f64,
    /// Requests for products that reach the API.
    pub(crate) catalogue: f64,
    /// Orders.
    pub(crate) orders: f64,
}

impl Traffic {
    /// An hour with so many requests a second at the CDN, so many of them at the API, those of the orders among them, and so many orders a
    /// minute.
    pub(crate) fn hour(cdn_a_second: f64, api_a_second: f64, orders_a_minute: f64) -> Self {
        let orders = orders_a_minute * 60.0;
        Self {
            hours: 1.0,
            cdn: cdn_a_second * 3_600.0,
            catalogue: (api_a_second * 3_600.0 - orders * calls_of_an_order()).max(0.0),
            orders,
        }
    }
}

/// The requests of an order that come through the API.
pub(crate) fn calls_of_an_order() -> f64 {
    ORDER
        .iter()
        .filter(|(request, _)| is_called(*request))
        .map(|(_, times)| times)
        .sum()
}

/// So many requests of a kind, and what each takes.
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
            secrets += function
                .secret_max_age_s
                .map_or(0.0, |age| started * traffic.hours * 3_600.0 / age);
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

    fn cdn(&self, bill: &mut Bill, traffic: Traffic) {
        let prices = &self.list.prices;
        let bytes = traffic.cdn * self.list.assumptions.cdn_answer_bytes.value;
        bill.add(Line::Cdn, "requests", traffic.cdn, &prices.cdn_requests);
        bill.add(Line::Cdn, "answers", bytes / GIB, &prices.cdn_transfer);
        bill.add(Line::Cdn, "firewall", traffic.cdn, &prices.firewall_requests);
    }

    fn api(&self, bill: &mut Bill, shares: &[Share]) {
        let prices = &self.list.prices;
        let (price, unit) = match self.shop.api {
            Api::Http => (&prices.http_api_requests, API_UNIT),
            Api::Rest => (&prices.rest_api_requests, f64::INFINITY),
        };
        let units = |share: &Share| {
            let each = (share.work.answer_bytes / unit).ceil().max(1.0);
            if is_called(share.request) {
                share.times * each
            } else {
                0.0
            }
        };
        let (catalogue, orders) = apart(shares, units);
        bill.add(Line::Api, "requests for products", catalogue, price);
        bill.add(Line::Api, "requests of orders", orders, price);
    }

    /// Busy on average, and some to spare.
    fn processes(&self, name: &str, busy: &Busy, hours: f64) -> f64 {
        // A function that a clock starts is never started twice at once.
        let clocked = name == Request::Minute.function();
        let spare = if clocked {
            0.0
        } else {
            self.list.assumptions.spare_processes.value
        };
        (busy.billed_s / (hours * 3_600.0)).ceil() + spare
    }

    fn invocations(
        &self,
        bill: &mut Bill,
        name: &str,
        function: &Function,
        busy: &Busy,
        started: f64,
    ) -> anyhow::Result<()> {
        let prices = &self.list.prices;
        let line = line_of(name);
        let duration = self.duration_price();
        bill.add(
            line,
            format!("{name}: invocations"),
            busy.invocations,
            &prices.lambda_requests,
        );
        bill.add(line, format!("{name}: duration"), busy.gb_s, duration);
        let start_ms = self.cold_ms(name, function)?;
        let starts = started * gb_s(start_ms, function.memory_mb);
        bill.add(line, format!("{name}: cold starts"), starts, duration);
        Ok(())
    }

    pub(crate) fn duration_price(&self) -> &Price {
        match self.shop.architecture {
            Architecture::Arm64 => &self.list.prices.lambda_arm64_duration,
            Architecture::X86 => &self.list.prices.lambda_x86_64_duration,
        }
    }

    /// What a cold start adds to the bill, in milliseconds.
    fn cold_ms(&self, name: &str, function: &Function) -> anyhow::Result<f64> {
        let mut all = self.cold.functions.iter();
        let cold = all.find(|cold| cold.function == name);
        let cold = cold.with_context(|| format!("`cold` measured no {name}"))?;
        let own = cold.own.cpu_us / 1_000.0 / self.cpu_share(function.memory_mb);
        Ok(billed(self.list.assumptions.platform_init_ms.value + own))
    }

    fn queue(&self, bill: &mut Bill, traffic: Traffic, shares: &[Share]) {
        let price = &self.list.prices.queue_requests;
        let sent = sum(shares, |share| share.work.queue_calls);
        bill.add(Line::Queue, "sent and asked by functions", sent, price);
        bill.add(Line::Queue, "received and deleted", 2.0 * traffic.orders, price);
        let polls = self.shop.mappings * self.list.assumptions.queue_polls_an_hour.value;
        bill.add(Line::Queue, "polls", polls * traffic.hours, price);
    }

    fn tables(&self, bill: &mut Bill, traffic: Traffic, shares: &[Share]) {
        let prices = &self.list.prices;
        let (catalogue, orders) = apart(shares, |share| share.times * share.work.reads);
        bill.add(Line::Tables, "read for products", catalogue, &prices.table_reads);
        let circuit = if traffic.orders > 0.0 {
            CIRCUIT_READS_AN_HOUR * traffic.hours
        } else {
            0.0
        };
        bill.add(
            Line::Tables,
            "read for orders",
            orders + circuit,
            &prices.table_reads,
        );
        let single = sum(shares, |share| {
            share.work.writes - share.work.writes_in_transactions
        });
        let together = sum(shares, |share| share.work.writes_in_transactions);
        bill.add(
            Line::Tables,
            "orders and stock written in one",
            together,
            &prices.table_writes,
        );
        bill.add(Line::Tables, "orders written", single, &prices.table_writes);
    }

    fn logs(&self, bill: &mut Bill, shares: &[Share]) {
        let price = &self.list.prices.log_ingestion;
        let event = self.list.assumptions.log_event_bytes.value;
        let functions = sum(shares, |share| share.work.log_bytes);
        bill.add(Line::Logs, "functions", functions / GIB, price);
        let called = sum(shares, |share| f64::from(u8::from(is_called(share.request))));
        let api = called * (self.shop.access_log_bytes + event);
        bill.add(Line::Logs, "API", api / GIB, price);
    }

    fn observing(
        &self,
        bill: &mut Bill,
        traffic: Traffic,
        busy: &BTreeMap<&str, Busy>,
    ) -> anyhow::Result<()> {
        let prices = &self.list.prices;
        let mut metrics = count(WAITING.len());
        for name in busy.keys() {
            metrics += self.function(name)?.operations * METRICS_OF_OPERATION;
        }
        if traffic.orders > 0.0 {
            metrics += count(ALL_WELL.len());
        }
        let months = metrics * traffic.hours / HOURS_A_MONTH;
        bill.add(
            Line::Metrics,
            "the shop's figures",
            months,
            &prices.custom_metrics,
        );
        let traced: f64 = busy
            .values()
            .map(|busy| self.traced(busy.invocations, traffic.hours))
            .sum();
        bill.add(Line::Traces, "recorded", traced, &prices.traces);
        Ok(())
    }

    /// How many of a function's invocations are traced.
    pub(crate) fn traced(&self, invocations: f64, hours: f64) -> f64 {
        match self.shop.tracing {
            Tracing::Off => 0.0,
            Tracing::Everything => invocations,
            Tracing::Sampled => {
                // Seconds in which anything comes at all, where it comes at random.
                let seconds = hours * 3_600.0;
                let first = seconds * (1.0 - (-invocations / seconds).exp());
                first + (invocations - first) * self.list.assumptions.trace_share.value
            }
        }
    }
}

/// The sum over all requests.
fn sum(shares: &[Share], of: impl Fn(&Share) -> f64) -> f64 {
    shares.iter().map(|share| share.times * of(share)).sum()
}

/// The sums over those for products, and over all others.
fn apart(shares: &[Share], of: impl Fn(&Share) -> f64) -> (f64, f64) {
    let is_catalogue = |share: &&Share| line_of_catalogue(share.request);
    let catalogue = shares.iter().filter(is_catalogue).map(&of).sum();
    let others = shares
        .iter()
        .filter(|share| !line_of_catalogue(share.request))
        .map(&of)
        .sum();
    (catalogue, others)
}

fn line_of_catalogue(request: Request) -> bool {
    matches!(request, Request::Page | Request::Search | Request::Product)
}

fn line_of(function: &str) -> Line {
    if function == Request::HandOver.function() {
        Line::Forwarder
    } else if function == Request::Minute.function() {
        Line::Reconciler
    } else {
        Line::Functions
    }
}
