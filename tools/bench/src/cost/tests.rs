//! The rules of a bill, by made-up measurements.

use std::path::Path;

use super::Basis;
use super::bill::{API, Bill, CDN, FORWARDER, FUNCTIONS, LOGS, QUEUE, RECONCILER, TABLES};
use super::deployment::{Deployment, Tracing};
use super::prices::price_list;
use super::request::billed;
use super::traffic::{ALL_WELL, TRANSACTIONS, Traffic, WAITING, requests_of_an_order};
use crate::figures::{Call, Cold, ColdFunction, ColdStart, Warm, WarmRequest};
use crate::rig::Request;

fn call(operation: &str, read_units: f64, write_units: f64) -> Call {
    Call {
        operation: operation.to_owned(),
        count: 1.0,
        sent_bytes: 0.0,
        received_bytes: 0.0,
        read_units,
        write_units,
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
        init_us: 1_000.0,
        first_us: 1_000.0,
        cpu_us: 2_000.0,
        throttled_us: None,
        instructions: None,
        memory_bytes: 0,
        binary_bytes: 0,
        zip_bytes: 0,
    };
    let cold = |request: Request| ColdFunction {
        function: request.function().to_owned(),
        own: start.clone(),
        sdk_defaults: start.clone(),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Basis {
        list: price_list().expect("the price list"),
        shop: Deployment::read(&root).expect("the template"),
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
        self.bill(hour).expect("a bill")
    }

    fn orders(&self, orders: f64) -> Bill {
        let hour = Traffic {
            hours: 1.0,
            orders,
            ..Traffic::default()
        };
        self.bill(hour).expect("a bill")
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
    assert!(
        near(work.billed_ms, (busy + 4.0).ceil()),
        "own work by its share of a processor, and a call"
    );
    assert!(near(work.gb_s, work.billed_ms / 1_000.0 * memory / 1_024.0));
}

#[test]
fn the_rate_behind_the_cdn_includes_the_orders_requests() {
    let hour = Traffic::hour(1_000.0, 100.0, 100.0);
    let requests = hour.catalogue + hour.orders * requests_of_an_order();
    assert!(near(requests, 360_000.0));
    assert!(near(quantity(&basis().busiest(), CDN, "requests"), 3_600_000.0));
}

#[test]
fn the_api_is_paid_and_logs_for_orders_alone() {
    let mut basis = basis();
    let own = basis.busiest();
    basis.shop.catalogue_by_api = true;
    let all = basis.busiest();
    assert!(near(own.of(API), 0.0432), "36,000");
    assert!(near(all.of(API), 0.432), "360,000");
    assert!(own.of(LOGS) < all.of(LOGS));
    assert!(near(own.of(FUNCTIONS), all.of(FUNCTIONS)));
}

#[test]
fn an_answer_of_more_than_512_kb_is_two_requests() {
    let mut basis = basis();
    let small = basis.orders(1.0).of(API);
    for request in &mut basis.warm.requests {
        request.answer_bytes = 512.0 * 1_024.0 + 1.0;
    }
    assert!(near(basis.orders(1.0).of(API), 2.0 * small));
    basis.shop.rest_api = true;
    assert!(near(basis.orders(1.0).of(API), small / 1.20 * 3.70));
}

#[test]
fn an_order_writes_in_a_transaction_and_then_by_itself() {
    let bill = basis().orders(1_000_000.0);
    assert!(near(quantity(&bill, TABLES, TRANSACTIONS), 31e6));
    assert!(near(quantity(&bill, TABLES, "single writes"), 4e6));
}

#[test]
fn a_quiet_hour_costs_sixty_runs_and_the_polls() {
    let bill = basis().orders(0.0);
    assert!(near(quantity(&bill, RECONCILER, "reconciler: invocations"), 60.0));
    assert!(near(quantity(&bill, QUEUE, "polls"), 900.0));
    for line in [FUNCTIONS, FORWARDER, API] {
        assert!(near(bill.of(line), 0.0), "{line}");
    }
}

#[test]
fn a_sample_is_one_a_second_and_a_share_of_the_rest() {
    let mut basis = basis();
    basis.shop.tracing = Tracing::Sampled;
    let busy = basis.traced(360_000.0, 1.0);
    assert!((busy - (3_600.0 + 0.05 * 356_400.0)).abs() < 1.0);
    let quiet = basis.traced(60.0, 1.0);
    assert!((59.0..=60.0).contains(&quiet), "nearly all of a few");
    basis.shop.tracing = Tracing::Off;
    assert!(near(basis.traced(360_000.0, 1.0), 0.0));
}

#[test]
fn logs_are_billed_with_what_each_event_adds() {
    let mut basis = basis();
    assert!(!basis.shop.platform_logs, "the template turns them off");
    let own = basis.work(Request::Status).expect("measured").log_bytes;
    assert!(near(own, 600.0 + 2.0 * 26.0), "two lines of 300 bytes");
    basis.shop.platform_logs = true;
    let all = basis.work(Request::Status).expect("measured").log_bytes;
    assert!(near(all - own, 700.0 + 3.0 * 26.0));
}

#[test]
fn the_stage_dev_has_no_key_and_fewer_alarms() {
    let basis = basis();
    let [dev, prod] = [&basis.shop.dev, &basis.shop.prod];
    assert!(near(dev.keys, 0.0) && near(prod.keys, 1.0));
    assert!(dev.alarm_metrics < prod.alarm_metrics);
    let [dev, prod] = [dev, prod].map(|stage| basis.idle_month(stage).expect("a month"));
    assert!(dev.total() < prod.total());
    let runs = dev
        .items
        .iter()
        .find(|item| item.what == "reconciler: invocations");
    let runs = runs.expect("runs");
    assert!(
        near(runs.usd_after_free_tier, 0.0),
        "a million invocations are free"
    );
}

#[test]
fn every_metric_of_a_good_hour_is_one_that_a_function_writes() {
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions");
    let mut sources = String::new();
    for function in std::fs::read_dir(functions).expect("the functions").flatten() {
        for file in std::fs::read_dir(function.path().join("src"))
            .expect("sources")
            .flatten()
        {
            sources += &std::fs::read_to_string(file.path()).unwrap_or_default();
        }
    }
    for name in WAITING.iter().chain(&ALL_WELL) {
        assert!(
            sources.contains(&format!("\"{name}\"")),
            "no function writes {name}"
        );
    }
}
