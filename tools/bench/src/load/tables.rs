//! The figures as the documentation shows them.

use super::ceiling::IN_TIME_MS;
use super::figures::{Ceiling, Load};
use super::megabytes;
use crate::report::Table;

/// All tables.
pub(super) fn of(figures: &Load) -> Vec<Table> {
    let mut all = vec![
        latencies(figures),
        minutes(figures),
        processor(figures),
        proof(figures),
    ];
    if !figures.failures.is_empty() {
        all.push(failures(figures));
    }
    all.extend(figures.ceiling.as_ref().map(ceiling));
    all
}

fn latencies(figures: &Load) -> Table {
    let title = format!(
        "{:.0} requests a second of {:.0} asked for, {:.0} orders a minute, {:.0} s; milliseconds from when each was due",
        figures.reached, figures.rate, figures.orders_per_minute, figures.seconds
    );
    let mut table = Table::new(title, &["request", "answered", "p50", "p99", "p99.9", "max"]);
    for of in &figures.latencies {
        let times = [of.p50_ms, of.p99_ms, of.p999_ms, of.max_ms].map(|ms| format!("{ms:.1}"));
        table.row(
            [of.request.clone(), of.count.to_string()]
                .into_iter()
                .chain(times),
        );
    }
    table
}

fn minutes(figures: &Load) -> Table {
    let mut table = Table::new(
        "Minute by minute",
        &[
            "at, s",
            "answered",
            "p99, ms",
            "world, MB",
            "functions, MB",
            "processes",
        ],
    );
    for minute in &figures.minutes {
        table.row([
            format!("{:.0}", minute.at_seconds),
            minute.answered.to_string(),
            format!("{:.1}", minute.p99_ms),
            megabytes(minute.world_bytes),
            megabytes(minute.functions_bytes),
            minute.processes.to_string(),
        ]);
    }
    table
}

fn processor(figures: &Load) -> Table {
    let mut table = Table::new(
        "Processor time for each request, all kinds together",
        &["spent by", "µs"],
    );
    for (who, microseconds) in &figures.processor_us {
        table.row([who.clone(), format!("{microseconds:.0}")]);
    }
    let all: f64 = figures.processor_us.values().sum();
    table.row(["all".to_owned(), format!("{all:.0}")]);
    table
}

fn proof(figures: &Load) -> Table {
    let proof = &figures.proof;
    let mut table = Table::new(
        "Every order is in the warehouse once",
        &[
            "",
            "accepted",
            "paid",
            "in the warehouse",
            "missing",
            "unknown",
            "doubled",
            "stock differs",
            "drained, s",
        ],
    );
    let counts = [
        proof.accepted,
        proof.paid,
        proof.in_warehouse,
        proof.missing,
        proof.unknown,
        proof.doubled,
        proof.stock_differs,
    ];
    let cells = counts.map(|count| count.to_string());
    table.row(
        std::iter::once("orders".to_owned())
            .chain(cells)
            .chain([format!("{:.1}", proof.drained_seconds)]),
    );
    table
}

fn failures(figures: &Load) -> Table {
    let mut table = Table::new("Failures", &["request", "why", "count"]);
    for failure in &figures.failures {
        table.row([
            failure.request.clone(),
            failure.why.clone(),
            failure.count.to_string(),
        ]);
    }
    table
}

fn ceiling(ceiling: &Ceiling) -> Table {
    let title = format!("The most requests a second with a p99 within {IN_TIME_MS:.0} ms, in steps of 15%");
    let mut table = Table::new(title, &["", "requests/s", "of the ceiling"]);
    let row = |who: &str, rate: f64| {
        let share = if ceiling.no_op > 0.0 {
            100.0 * rate / ceiling.no_op
        } else {
            0.0
        };
        [who.to_owned(), format!("{rate:.0}"), format!("{share:.0}%")]
    };
    table.row(row("a function that does nothing", ceiling.no_op));
    table.row(row("the shop, in the mix above", ceiling.shop));
    table
}
