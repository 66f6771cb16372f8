//! What other choices would cost: the bill of the busiest hour with one thing changed.

use serde::Serialize;

use super::Basis;
use super::bill::Bill;
use super::deployment::{Architecture, Deployment, Tracing};
use super::request::gb_s;
use super::traffic::{TRANSACTIONS, Traffic};

/// The shop with one thing different.
#[derive(Serialize)]
pub(crate) struct Choice {
    pub(crate) instead: &'static str,
    /// The hour behind the CDN then.
    pub(crate) usd: f64,
    /// By how much it is more, as a share of the bill as it is.
    pub(crate) more: f64,
}

type Change = fn(&mut Deployment);

/// Everything that is only another setting.
const CHANGES: [(&str, Change); 10] = [
    ("the catalogue through API Gateway", |s| s.catalogue_by_api = true),
    ("a REST API", |s| s.rest_api = true),
    ("X-Ray on every request", |s| s.tracing = Tracing::Everything),
    ("X-Ray on a sample", |s| s.tracing = Tracing::Sampled),
    ("no X-Ray", |s| s.tracing = Tracing::Off),
    ("the platform's own logs", |s| s.platform_logs = true),
    ("3 kB of logs more an invocation", |s| s.more_log_bytes = 3_000.0),
    ("128 MB", |s| with_memory(s, 128.0)),
    ("512 MB", |s| with_memory(s, 512.0)),
    ("x86_64", |s| s.architecture = Architecture::X86),
];

fn with_memory(shop: &mut Deployment, mb: f64) {
    for function in shop.functions.values_mut() {
        function.memory_mb = mb;
    }
}

/// The bill of `hour` with each choice; `bill` is the one without any.
pub(crate) fn choices(basis: &Basis, hour: Traffic, bill: &Bill) -> anyhow::Result<Vec<Choice>> {
    let as_is = bill.behind_the_cdn();
    let choice = |instead, usd: f64| Choice {
        instead,
        usd,
        more: usd / as_is - 1.0,
    };
    let mut all = Vec::new();
    for (instead, change) in CHANGES {
        let mut other = basis.clone();
        change(&mut other.shop);
        all.push(choice(instead, other.bill(hour)?.behind_the_cdn()));
    }
    let http = basis.shop.functions.iter();
    let http = http.filter(|(name, _)| !matches!(name.as_str(), "order-forwarder" | "reconciler"));
    let reserved: f64 = http
        .map(|(_, function)| gb_s(hour.hours * 3.6e6, function.memory_mb))
        .sum();
    let provisioned = basis.list.prices.lambda_provisioned.of(reserved);
    let kept_warm = "a process kept warm for each function of the API";
    all.push(choice(kept_warm, as_is + provisioned));
    let together = bill.sum(|item| item.what == TRANSACTIONS);
    let one_by_one = "order and stock written one by one, not in a transaction";
    all.push(choice(one_by_one, as_is - together / 2.0));
    Ok(all)
}
