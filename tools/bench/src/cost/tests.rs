//! The rules of a bill, by made-up measurements.

use super::Basis;
use super::bill::{Bill, CDN, PriceList};
use super::deployment::{Deployment, SAMPLED};
use super::usage::{ALL_WELL, Traffic, WAITING, billed, requests_of_an_order};
use crate::cold::{Cold, ColdFunction, ColdStart};
use crate::rig::{Call, Request, workspace};
use crate::warm::{Warm, WarmRequest};

fn call(operation: &str, read_units: f64, write_units: f64) -> Call {
    Call {
        operation: operation.to_owned(),
        count: 1.0,
        read_units,
        write_units,
        ..Call::default()
    }
}

/// Each request takes a tenth of a millisecond, logs 600 bytes and answers 1,000.
fn measured(request: Request) -> WarmRequest {
    let calls = match request {
        Request::Checkout => vec![call("DynamoDB.TransactWriteItems", 0.0, 31.0)],
        Request::Paid => vec![
            call("DynamoDB.PutItem", 0.0, 4.0),
            call("SQS.SendMessage", 0.0, 0.0),
        ],
        Request::Minute => vec![call("DynamoDB.Query", 0.5, 0.0)],
        Request::Status => vec![call("DynamoDB.GetItem", 1.0, 0.0)],
        _ => Vec::new(),
    };
    WarmRequest {
        request: format!("{}, 13 lines", request.name()),
        function: request.function().to_owned(),
        samples: 1,
        cpu_us: 100.0,
        cpu_best_us: 90.0,
        wall_us: 100.0,
        instructions: None,
        log_bytes: 600.0,
        answer_bytes: 1_000.0,
        calls,
    }
}

fn basis() -> Basis {
    let start = ColdStart {
        cpu_us: 2_000.0,
        ..ColdStart::default()
    };
    let cold = |request: Request| ColdFunction {
        function: request.function().to_owned(),
        own: start.clone(),
        sdk_defaults: start.clone(),
    };
    Basis {
        list: PriceList::read().expect("the tables"),
        shop: Deployment::read(&workspace(), 7.0).expect("the template"),
        warm: Warm {
            requests: Request::ALL.map(measured).into(),
        },
        cold: Cold {
            floor: start.clone(),
            functions: Request::FIRST.map(cold).into(),
        },
    }
}

impl Basis {
    fn busiest(&self) -> Bill {
        let hour = Traffic::hour(1_000.0, 100.0, 100.0);
        self.bill(hour, &self.shop.prod).expect("a bill")
    }

    fn orders(&self, orders: f64) -> Bill {
        let hour = Traffic {
            hours: 1.0,
            orders,
            ..Traffic::default()
        };
        self.bill(hour, &self.shop.prod).expect("a bill")
    }

    fn with(mut self, setting: &str, value: f64) -> Self {
        self.shop.settings.insert(setting.to_owned(), value);
        self
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

fn quantity(bill: &Bill, line: &str, what: &str) -> f64 {
    let items = bill.items.iter();
    let mut items = items.filter(|item| item.line == line && item.what == what);
    items.next().map_or(0.0, |item| item.quantity)
}

#[test]
fn duration_is_billed_in_whole_milliseconds() {
    assert!(near(billed(0.2), 1.0) && near(billed(3.0), 3.0) && near(billed(3.01), 4.0));
    let basis = basis();
    let memory = basis.function("order-status").expect("a function").memory_mb;
    let work = basis.work(Request::Status).expect("measured");
    let busy = 0.1 / (memory / 1_769.0);
    // Own work by its share of a processor, and a call.
    assert!(near(work["billed_ms"], (busy + 4.0).ceil()));
    assert!(near(work["gb_s"], work["billed_ms"] / 1_000.0 * memory / 1_024.0));
}

#[test]
fn quantities_are_those_of_traffic_and_measurements() {
    let (basis, hour) = (basis(), Traffic::hour(1_000.0, 100.0, 100.0));
    let requests = hour.catalogue + hour.orders * requests_of_an_order();
    assert!(
        near(requests, 360_000.0),
        "those of orders are part of the rate behind the CDN"
    );
    let (busiest, million, quiet) = (basis.busiest(), basis.orders(1e6), basis.orders(0.0));
    for (bill, line, what, expected) in [
        (&busiest, CDN, "requests", 3_600_000.0),
        (&busiest, "API Gateway", "requests of orders", 36_000.0),
        (&million, "tables", "writes in transactions", 31e6),
        (&million, "tables", "single writes", 4e6),
        (&quiet, "reconciler", "reconciler: invocations", 60.0),
        (&quiet, "queue", "polls", 900.0),
    ] {
        assert!(near(quantity(bill, line, what), expected), "{line}: {what}");
    }
    for line in ["functions behind the CDN", "order forwarder", "API Gateway"] {
        assert!(near(quiet.of(line), 0.0), "{line} costs while nobody buys");
    }
}

#[test]
fn the_api_is_paid_and_logs_for_orders_alone() {
    let (own, all) = (basis().busiest(), basis().with("catalogue_by_api", 1.0).busiest());
    assert!(near(own.of("API Gateway"), 0.0432), "36,000");
    assert!(near(all.of("API Gateway"), 0.432), "360,000");
    assert!(own.of("logs") < all.of("logs"));
    let functions = "functions behind the CDN";
    assert!(near(own.of(functions), all.of(functions)));
}

#[test]
fn an_answer_of_more_than_512_kb_is_two_requests() {
    let mut basis = basis();
    let small = basis.orders(1.0).of("API Gateway");
    for request in &mut basis.warm.requests {
        request.answer_bytes = 512.0 * 1_024.0 + 1.0;
    }
    assert!(near(basis.orders(1.0).of("API Gateway"), 2.0 * small));
    let rest = basis.with("rest_api", 1.0).orders(1.0).of("API Gateway");
    assert!(near(rest, small / 1.20 * 3.70));
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
            "{share} of {invocations}: {traced}"
        );
    }
}

#[test]
fn logs_are_billed_with_what_each_event_adds() {
    let log = |basis: Basis| basis.work(Request::Status).expect("measured")["log_bytes"];
    let own = log(basis());
    assert!(
        near(own, 600.0 + 2.0 * 26.0),
        "two lines of 300 bytes, none of the platform's"
    );
    assert!(near(
        log(basis().with("platform_logs", 1.0)) - own,
        700.0 + 3.0 * 26.0
    ));
}

#[test]
fn an_idle_month_of_prod_costs_four_euros_at_most() {
    let basis = basis();
    let month = basis.idle_month(&basis.shop.prod).expect("a month");
    let to_pay = month.items.iter().map(|item| item.usd_after_free_tier);
    let to_pay = basis.eur(to_pay.sum());
    assert!(to_pay <= 4.0, "{to_pay} EUR");
}

#[test]
fn the_stage_dev_has_no_key_and_fewer_alarms() {
    let basis = basis();
    let [dev, prod] = [&basis.shop.dev, &basis.shop.prod];
    assert!(near(dev["keys"], 0.0) && near(prod["keys"], 1.0));
    assert!(dev["alarm_metrics"] < prod["alarm_metrics"]);
    let [dev, prod] = [dev, prod].map(|stage| basis.idle_month(stage).expect("a month"));
    assert!(dev.total() < prod.total());
    let runs = dev
        .items
        .iter()
        .find(|item| item.what == "reconciler: invocations");
    let runs = runs.expect("runs").usd_after_free_tier;
    assert!(near(runs, 0.0), "a million invocations are free");
}

#[test]
fn every_metric_of_a_good_hour_is_one_that_a_function_writes() {
    let functions = std::fs::read_dir(workspace().join("functions")).expect("the functions");
    let directories = functions.flatten().map(|function| function.path().join("src"));
    let files =
        directories.flat_map(|directory| std::fs::read_dir(directory).into_iter().flatten().flatten());
    let sources: String = files
        .filter_map(|file| std::fs::read_to_string(file.path()).ok())
        .collect();
    for name in WAITING.iter().chain(&ALL_WELL) {
        assert!(
            sources.contains(&format!("\"{name}\"")),
            "no function writes {name}"
        );
    }
}
