//! The lines of a bill, each from all that is asked in a time.

use std::collections::BTreeMap;

use anyhow::Context;

use super::Basis;
use super::bill::{Bill, Line};
use super::deployment::{Api, Architecture, Function, Tracing, count};
use super::prices::Price;
use super::request::{billed, gb_s, is_called};
use super::traffic::{ALL_WELL, Busy, GIB, HOURS_A_MONTH, Share, Traffic, WAITING};
use crate::stand::Request;

/// What an HTTP API bills as one request, in bytes.
const API_UNIT: f64 = 512.0 * 1_024.0;
/// A process goes by what it read of the warehouse's circuit for 30 seconds (`app::Breaker`).
const CIRCUIT_READS_AN_HOUR: f64 = 120.0;
/// In any hour there is a cold start of some operation, and one metric counts them all.
const COLD_STARTS: f64 = 1.0;
impl Basis {
    pub(super) fn cdn(&self, bill: &mut Bill, traffic: Traffic) {
        let prices = &self.list.prices;
        let bytes = traffic.cdn * self.list.assumptions.cdn_answer_bytes.value;
        bill.add(Line::Cdn, "requests", traffic.cdn, &prices.cdn_requests);
        bill.add(Line::Cdn, "answers", bytes / GIB, &prices.cdn_transfer);
        bill.add(Line::Cdn, "firewall", traffic.cdn, &prices.firewall_requests);
    }

    pub(super) fn api(&self, bill: &mut Bill, shares: &[Share]) {
        let prices = &self.list.prices;
        let (price, unit) = match self.shop.api {
            Api::Http => (&prices.http_api_requests, API_UNIT),
            Api::Rest => (&prices.rest_api_requests, f64::INFINITY),
        };
        let units = |share: &Share| {
            let each = (share.work.answer_bytes / unit).ceil().max(1.0);
            if self.is_called_by_api(share.request) {
                share.times * each
            } else {
                0.0
            }
        };
        let (catalogue, orders) = apart(shares, units);
        bill.add(Line::Api, "requests for products", catalogue, price);
        bill.add(Line::Api, "requests of orders", orders, price);
    }

    fn is_called_by_api(&self, request: Request) -> bool {
        is_called(request) && (self.shop.catalogue_by_api || !line_of_catalogue(request))
    }

    /// Busy on average, and some to spare.
    pub(super) fn processes(&self, name: &str, busy: &Busy, hours: f64) -> f64 {
        // A function that a clock starts is never started twice at once.
        let clocked = name == Request::Minute.function();
        let spare = if clocked {
            0.0
        } else {
            self.list.assumptions.spare_processes.value
        };
        (busy.billed_s / (hours * 3_600.0)).ceil() + spare
    }

    pub(super) fn invocations(
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
    pub(super) fn cold_ms(&self, name: &str, function: &Function) -> anyhow::Result<f64> {
        let mut all = self.cold.functions.iter();
        let cold = all.find(|cold| cold.function == name);
        let cold = cold.with_context(|| format!("`cold` measured no {name}"))?;
        let own = cold.own.cpu_us / 1_000.0 / self.cpu_share(function.memory_mb);
        Ok(billed(self.list.assumptions.platform_init_ms.value + own))
    }

    pub(super) fn queue(&self, bill: &mut Bill, traffic: Traffic, shares: &[Share]) {
        let price = &self.list.prices.queue_requests;
        let sent = sum(shares, |share| share.work.queue_calls);
        bill.add(Line::Queue, "sent and asked by functions", sent, price);
        bill.add(Line::Queue, "received and deleted", 2.0 * traffic.orders, price);
        let polls = self.shop.mappings * self.list.assumptions.queue_polls_an_hour.value;
        bill.add(Line::Queue, "polls", polls * traffic.hours, price);
    }

    pub(super) fn tables(&self, bill: &mut Bill, traffic: Traffic, shares: &[Share]) {
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

    pub(super) fn logs(&self, bill: &mut Bill, shares: &[Share]) {
        let price = &self.list.prices.log_ingestion;
        let event = self.list.assumptions.log_event_bytes.value;
        let functions = sum(shares, |share| share.work.log_bytes);
        bill.add(Line::Logs, "functions", functions / GIB, price);
        let called = sum(shares, |share| {
            f64::from(u8::from(self.is_called_by_api(share.request)))
        });
        let api = called * (self.shop.access_log_bytes + event);
        bill.add(Line::Logs, "API", api / GIB, price);
    }

    pub(super) fn observing(
        &self,
        bill: &mut Bill,
        traffic: Traffic,
        busy: &BTreeMap<&str, Busy>,
    ) -> anyhow::Result<()> {
        let prices = &self.list.prices;
        let mut metrics = count(WAITING.len()) + COLD_STARTS;
        for name in busy.keys() {
            // Each has its duration.
            metrics += self.function(name)?.operations;
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
