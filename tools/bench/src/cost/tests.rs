//! The rules of a bill, by the figures that were kept last.

use super::Basis;
use super::bill::{Bill, CDN};
use super::deployment::SAMPLED;
use super::usage::{ALL_WELL, Traffic, WAITING, billed, requests_of_an_order};
use crate::rig::{Request, workspace};
use crate::warm::WarmRequest;

/// The busiest hour.
fn hour() -> Traffic {
    Traffic::hour(1_000.0, 100.0, 100.0)
}

fn orders(orders: f64) -> Traffic {
    Traffic {
        hours: 1.0,
        orders,
        ..Traffic::default()
    }
}

fn basis() -> Basis {
    Basis::read(&workspace(), &workspace().join("docs/performance")).expect("kept figures and templates")
}

impl Basis {
    fn prod(&self, traffic: Traffic) -> Bill<'_> {
        self.bill(traffic, &self.prod).expect("a bill")
    }

    fn with(mut self, name: &str, value: f64) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    fn measured(mut self, change: impl FnMut(&mut WarmRequest)) -> Self {
        self.warm.requests.iter_mut().for_each(change);
        self
    }

    fn status(&self, value: &str) -> f64 {
        self.work(Request::Status).expect("measured")[value]
    }
}

pub(super) fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn duration_is_billed_in_whole_milliseconds() {
    assert!(near(billed(0.2), 1.0) && near(billed(3.0), 3.0) && near(billed(3.01), 4.0));
    let basis = basis().measured(|request| request.cpu_us = 100.0);
    let memory = basis.function("order-status").expect("a function").memory_mb;
    // Own work by its share of a processor, and a call.
    let billed_s = (0.1 / (memory / 1_769.0) + 4.0).ceil() / 1_000.0;
    assert!(near(basis.status("billed_s"), billed_s));
    assert!(near(basis.status("gb_s"), billed_s * memory / 1_024.0));
}

#[test]
fn quantities_are_those_of_traffic_and_measurements() {
    let requests = hour().catalogue + hour().orders * requests_of_an_order();
    let message = "those of orders are part of the rate behind the CDN";
    assert!(near(requests, 360_000.0), "{message}");
    let (basis, by_api) = (basis(), basis().with("catalogue_by_api", 1.0));
    let checkout = basis.work(Request::Checkout).expect("measured");
    let (busiest, all_by_api) = (basis.prod(hour()), by_api.prod(hour()));
    let (million, quiet) = (basis.prod(orders(1e6)), basis.prod(orders(0.0)));
    let written = checkout["transaction_writes"] * 1e6;
    for (bill, line, what, expected) in [
        (&busiest, CDN, "requests", 3_600_000.0),
        (&busiest, "API Gateway", "requests of orders", 36_000.0),
        (&busiest, "API Gateway", "requests for products", 0.0),
        (&all_by_api, "API Gateway", "requests for products", 324_000.0),
        (&million, "tables", "writes in transactions", written),
        (&million, "queue", "sent by functions", 1e6),
        (&quiet, "reconciler", "reconciler: invocations", 60.0),
        (&quiet, "queue", "polls", 900.0),
    ] {
        let mut items = bill.items.iter();
        let item = items.find(|item| item.line == line && item.what == what);
        assert!(
            near(item.map_or(0.0, |item| item.quantity), expected),
            "{line}: {what}"
        );
    }
    assert!(busiest.of("logs") < all_by_api.of("logs"));
    for line in ["functions behind the CDN", "order forwarder", "API Gateway"] {
        assert!(near(quiet.of(line), 0.0), "{line} costs while nobody buys");
    }
}

#[test]
fn an_answer_of_more_than_512_kb_is_two_requests() {
    let api = |basis: &Basis| basis.prod(orders(1.0)).of("API Gateway");
    let (small, large) = (
        basis(),
        basis().measured(|request| request.answer_bytes = 524_289.0),
    );
    assert!(near(api(&large), 2.0 * api(&small)));
    assert!(near(api(&large.with("rest_api", 1.0)), api(&small) / 1.20 * 3.70));
}

#[test]
fn a_sample_is_one_a_second_and_a_share_of_the_rest() {
    for (share, invocations, expected) in [
        (SAMPLED, 360_000.0, 3_600.0 + 0.05 * 356_400.0),
        (SAMPLED, 60.0, 59.5),
        (1.0, 360_000.0, 360_000.0),
        (0.0, 360_000.0, 0.0),
    ] {
        let traced = basis().with("traced_share", share).traced(invocations, 1.0);
        assert!(
            (traced - expected).abs() < 1.0,
            "{share}, {invocations}: {traced}"
        );
    }
}

#[test]
fn logs_are_billed_with_what_each_event_adds() {
    let basis = basis().measured(|request| request.log_bytes = 600.0);
    let own = basis.status("log_bytes");
    assert!(
        near(own, 600.0 + 2.0 * 26.0),
        "two lines of 300 bytes, none of the platform's"
    );
    let platform = basis.with("platform_logs", 1.0).status("log_bytes") - own;
    assert!(near(platform, 700.0 + 3.0 * 26.0));
}

#[test]
fn an_idle_month_of_prod_costs_four_euros_at_most() {
    let basis = basis();
    let month = basis.idle_month(&basis.prod).expect("a month");
    let to_pay = month.items.iter().map(|item| item.usd_after_free_tier);
    let to_pay = basis.eur(to_pay.sum());
    assert!(to_pay <= 4.0, "{to_pay} EUR");
}

#[test]
fn the_stage_dev_has_no_key_and_fewer_alarms() {
    let basis = basis();
    let [dev, prod] = [&basis.dev, &basis.prod];
    assert!(near(dev["keys"], 0.0) && near(prod["keys"], 1.0));
    assert!(dev["alarm_metrics"] < prod["alarm_metrics"]);
    let [dev, prod] = [dev, prod].map(|stage| basis.idle_month(stage).expect("a month"));
    assert!(dev.behind_the_cdn() < prod.behind_the_cdn());
    let mut items = dev.items.iter();
    let runs = items.find(|item| item.what == "reconciler: invocations");
    let runs = runs.expect("runs").usd_after_free_tier;
    assert!(near(runs, 0.0), "a million invocations are free");
}

#[test]
fn every_metric_of_a_good_hour_is_one_that_a_function_writes() {
    let read = |directory| std::fs::read_dir(directory).into_iter().flatten().flatten();
    let functions = read(workspace().join("functions"));
    let files = functions.flat_map(|function| read(function.path().join("src")));
    let sources = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
    let sources: String = sources.collect();
    for name in WAITING.iter().chain(&ALL_WELL) {
        assert!(
            sources.contains(&format!("\"{name}\"")),
            "no function writes {name}"
        );
    }
}
