//! What each choice saves, by the bill of the busiest hour without it.

use serde::Serialize;

use super::Basis;
use super::bill::Line;
use super::deployment::{Api, Architecture, Tracing};
use super::request::gb_s;
use super::traffic::Traffic;

/// The shop with one thing different.
#[derive(Serialize)]
pub(crate) struct Choice {
    /// What would be different.
    pub(crate) instead: &'static str,
    /// The hour's bill then, behind the CDN.
    pub(crate) usd: f64,
    /// By how much it is more, as a share of the bill as it is.
    pub(crate) more: f64,
}

type Change = fn(&mut Basis);

/// Everything that is only another setting.
const CHANGES: [(&str, Change); 10] = [
    ("the catalogue through API Gateway", |basis| {
        basis.shop.catalogue_by_api = true;
    }),
    ("a REST API", |basis| basis.shop.api = Api::Rest),
    ("X-Ray on every request", |basis| {
        basis.shop.tracing = Tracing::Everything;
    }),
    ("X-Ray on a sample", |basis| basis.shop.tracing = Tracing::Sampled),
    ("no X-Ray", |basis| basis.shop.tracing = Tracing::Off),
    ("the platform's log of each invocation", |basis| {
        basis.shop.platform_logs = true;
    }),
    ("3 kB of logs more an invocation", |basis| {
        basis.shop.more_log_bytes = 3_000.0;
    }),
    ("128 MB", |basis| with_memory(basis, 128.0)),
    ("512 MB", |basis| with_memory(basis, 512.0)),
    ("x86_64", |basis| basis.shop.architecture = Architecture::X86),
];

fn with_memory(basis: &mut Basis, mb: f64) {
    for function in basis.shop.functions.values_mut() {
        function.memory_mb = mb;
    }
}

/// The bill of `hour` with each of them.
pub(crate) fn choices(basis: &Basis, hour: Traffic) -> anyhow::Result<Vec<Choice>> {
    let as_is = basis.bill(hour)?.behind_the_cdn();
    let choice = |instead, usd: f64| Choice {
        instead,
        usd,
        more: usd / as_is - 1.0,
    };
    let mut all = Vec::new();
    for (instead, change) in CHANGES {
        let mut other = basis.clone();
        change(&mut other);
        all.push(choice(instead, other.bill(hour)?.behind_the_cdn()));
    }
    let api = basis
        .shop
        .functions
        .keys()
        .filter(|name| !matches!(name.as_str(), "order-forwarder" | "reconciler"));
    let reserved: f64 = api
        .map(|name| Ok(gb_s(hour.hours * 3.6e6, basis.function(name)?.memory_mb)))
        .sum::<anyhow::Result<f64>>()?;
    let provisioned = basis.list.prices.lambda_provisioned.of(reserved);
    all.push(choice(
        "a process kept warm for each function of the API",
        as_is + provisioned,
    ));
    let bill = basis.bill(hour)?;
    let together: f64 = bill
        .items
        .iter()
        .filter(|item| item.line == Line::Tables && item.what == "orders and stock written in one")
        .map(|item| item.usd)
        .sum();
    all.push(choice(
        "order and stock written one by one, not in a transaction",
        as_is - together / 2.0,
    ));
    Ok(all)
}
