//! What the shop costs on AWS: measured requests, the template, and a dated list of prices. Nothing is called on AWS.

mod bill;
mod deployment;
#[cfg(test)]
mod tests;
mod usage;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;

use self::bill::{Bill, CDN, Item, PriceList, Values, assumptions, rows, sum};
use self::deployment::{Deployment, Function};
use self::usage::{HOURS_A_MONTH, Traffic};
use crate::cold::Cold;
use crate::report::{kept, or_dash, publish, table};
use crate::warm::Warm;

/// The bill's lines, each with what the first estimate of the busiest hour had for it, in EUR.
const LINES: &str = include_str!("../../data/first-estimate.csv");
/// What could have been chosen otherwise: a value's name, and the value then.
const CHOICES: &str = include_str!("../../data/choices.csv");
/// The busiest hour: requests a second at the CDN and behind it, orders a minute.
const BUSIEST: (f64, f64, f64) = (1_000.0, 100.0, 100.0);
/// What it may cost behind the CDN, in EUR: as it is, and with the catalogue answered by the CDN.
const TARGETS: [f64; 2] = [0.60, 0.25];
/// Orders whose cost is computed together.
const MANY: f64 = 1_000_000.0;
/// Items below this are shown together.
const LITTLE_USD: f64 = 0.001;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The project's directory, where `template.yaml` is.
    #[arg(long, value_name = "DIR", default_value = ".")]
    project: PathBuf,
}

/// What everything is computed from.
struct Basis {
    list: PriceList,
    /// What is assumed and what was chosen.
    values: Values,
    /// By binary.
    functions: BTreeMap<String, Function>,
    /// What stands in these stages.
    dev: Values,
    prod: Values,
    warm: Warm,
    cold: Cold,
}

/// Computes the bills from the figures that `warm` and `cold` keep in `out`.
pub(crate) fn run(args: &Args, out: &Path) -> anyhow::Result<()> {
    let mut basis = Basis::read(&args.project, out)?;
    let (cdn, behind, orders) = BUSIEST;
    let busiest = Traffic::hour(cdn, behind, orders);
    let browsing_at_the_cdn = Traffic {
        catalogue: 0.0,
        ..busiest
    };
    let million = Traffic {
        hours: MANY / busiest.orders,
        orders: MANY,
        ..Traffic::default()
    };
    let hour = basis.bill(busiest, &basis.prod)?;
    let hours = [&hour, &basis.bill(browsing_at_the_cdn, &basis.prod)?];
    let mut tables = vec![basis.lines(hours)?];
    for (title, bill) in [
        ("The busiest hour, item by item", &hour),
        ("An idle month of the stage dev", &basis.idle_month(&basis.dev)?),
        (
            "An idle month of the stage prod, its CDN and its dashboard",
            &basis.idle_month(&basis.prod)?,
        ),
        (
            "A million orders, at the busiest hour's rate",
            &basis.bill(million, &basis.prod)?,
        ),
    ] {
        tables.push(basis.items(title, bill));
    }
    let as_is = hour.behind_the_cdn();
    let mut changed = Vec::new();
    for (instead, name, value) in rows::<(String, String, f64)>(CHOICES)? {
        let before = basis.values.insert(name.clone(), value);
        let usd = basis.bill(busiest, &basis.prod)?.behind_the_cdn();
        let (eur, more) = (basis.eur(usd), (usd / as_is - 1.0) * 100.0);
        changed.push(format!("{instead} | {eur:.3} | {more:+.1}%"));
        match before {
            Some(before) => basis.values.insert(name, before),
            None => basis.values.remove(&name),
        };
    }
    tables.push(table(
        "The busiest hour behind the CDN, had one thing been chosen otherwise",
        "instead | EUR | more",
        changed,
    ));
    publish("cost", &tables, out)
}

impl Basis {
    fn read(project: &Path, figures: &Path) -> anyhow::Result<Self> {
        let mut values = assumptions()?;
        let deployment = Deployment::read(project, values["log_value_bytes"])?;
        values.extend(deployment.values);
        Ok(Self {
            list: PriceList::read()?,
            values,
            functions: deployment.functions,
            dev: deployment.dev,
            prod: deployment.prod,
            warm: kept("warm", figures)?,
            cold: kept("cold", figures)?,
        })
    }

    fn function(&self, binary: &str) -> anyhow::Result<&Function> {
        let function = self.functions.get(binary);
        function.with_context(|| format!("the template has no function {binary}"))
    }

    fn eur(&self, usd: f64) -> f64 {
        usd / self.values["usd_per_eur"]
    }

    /// A month without orders: what stands and what runs. The pipeline and the CDN's access logs are not in it.
    fn idle_month(&self, stage: &Values) -> anyhow::Result<Bill<'_>> {
        let mut stage = stage.clone();
        stage.insert("idle_months".to_owned(), 1.0);
        let idle = Traffic {
            hours: HOURS_A_MONTH,
            ..Traffic::default()
        };
        self.bill(idle, &stage)
    }

    /// The hour beside the first estimate of it.
    fn lines(&self, hours: [&Bill<'_>; 2]) -> anyhow::Result<String> {
        let lines = rows::<(String, Option<f64>)>(LINES)?;
        let row = |name: &str, estimated: Option<f64>, [now, at_cdn]: [f64; 2]| {
            let estimated = or_dash(estimated.map(|eur| format!("{eur:.3}")));
            format!("{name} | {estimated} | {now:.3} | {at_cdn:.3}")
        };
        let eur = |of: &dyn Fn(&Bill<'_>) -> f64| hours.map(|bill| self.eur(of(bill)));
        let estimated = lines.iter().filter(|(line, _)| line != CDN);
        let estimated = estimated.filter_map(|(_, eur)| *eur).sum();
        let lines = lines
            .iter()
            .map(|(line, estimated)| row(line, *estimated, eur(&|bill| bill.of(line))));
        let after_free_tier = [("behind the CDN", false), (CDN, true)].map(|(name, cdn)| {
            let items = |bill: &Bill<'_>| {
                let items = bill.items.iter().filter(|item| (item.line == CDN) == cdn);
                sum(items.map(|item| item.usd_after_free_tier))
            };
            row(&format!("{name}, after the month's free tier"), None, eur(&items))
        });
        let rows = lines.chain([
            row(
                "all behind the CDN",
                Some(estimated),
                eur(&|bill| bill.behind_the_cdn()),
            ),
            row("aim behind the CDN, at most", None, TARGETS),
        ]);
        Ok(table(
            "The busiest hour in EUR: 1,000 requests a second at the CDN, 100 behind it, 100 orders a minute",
            "line | first estimate | now | catalogue at the CDN",
            rows.chain(after_free_tier),
        ))
    }

    /// Items that are too little to be shown as money are shown together.
    fn items(&self, title: &str, bill: &Bill<'_>) -> String {
        let all: Vec<&Item<'_>> = bill.items.iter().collect();
        let row = |name: &str, items: &[&Item<'_>]| {
            let usd = sum(items.iter().map(|item| item.usd));
            let (eur, after) = (
                self.eur(usd),
                sum(items.iter().map(|item| item.usd_after_free_tier)),
            );
            format!("{name} | {usd:.3} | {eur:.3} | {:.3}", self.eur(after))
        };
        let (shown, little): (Vec<&Item<'_>>, Vec<&Item<'_>>) =
            all.iter().copied().partition(|item| item.usd >= LITTLE_USD);
        let mut rows = Vec::new();
        for item in shown {
            let digits = if item.quantity < 1_000.0 { 3 } else { 0 };
            let quantity = format!("{:.digits$} | {}", item.quantity, item.price.unit);
            rows.push(row(
                &format!("{}: {} | {quantity}", item.line, item.what),
                &[item],
            ));
        }
        if !little.is_empty() {
            let name = format!(
                "others: {} items of less than a tenth of a cent |  | ",
                little.len()
            );
            rows.push(row(&name, &little));
        }
        rows.push(row("all: sum |  | ", &all));
        let header = "line: item | quantity | unit | USD | EUR | EUR after free tier";
        table(title, header, rows)
    }
}
