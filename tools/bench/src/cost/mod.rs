//! What the shop costs on AWS: measured requests, the template, and a dated list of prices. Nothing is called on AWS.

mod bill;
mod deployment;
#[cfg(test)]
mod tests;
mod usage;

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use self::bill::{Bill, CDN, Item, PriceList, Values, sum};
use self::deployment::{Deployment, Function, SAMPLED};
use self::usage::{HOURS_A_MONTH, Traffic};
use crate::cold::Cold;
use crate::report::{kept, or_dash, publish, table};
use crate::warm::Warm;

/// The bill's lines, each with what the first estimate of the busiest hour had for it, in EUR.
const LINES: [(&str, Option<f64>); 12] = [
    ("API Gateway", Some(1.40)),
    ("functions behind the CDN", Some(0.40)),
    ("queue", Some(0.001)),
    ("order forwarder", Some(0.01)),
    ("tables", Some(0.01)),
    ("reconciler", None),
    ("logs", None),
    ("metrics and alarms", None),
    ("traces", None),
    ("secrets and keys", None),
    ("to provider and warehouse", None),
    (CDN, Some(2.30)),
];
/// The busiest hour: requests a second at the CDN and behind it, orders a minute.
const BUSIEST: (f64, f64, f64) = (1_000.0, 100.0, 100.0);
/// What it may cost behind the CDN, in EUR: as it is, and with the catalogue answered by the CDN.
const TARGETS: [f64; 2] = [0.60, 0.25];
/// Orders whose cost is computed together.
const MANY: f64 = 1_000_000.0;
/// Items below this are shown together.
const LITTLE_USD: f64 = 0.001;

/// What could have been chosen otherwise: a setting, and its value then.
const CHANGES: [(&str, &str, f64); 12] = [
    ("the catalogue through API Gateway", "catalogue_by_api", 1.0),
    ("a REST API", "rest_api", 1.0),
    ("X-Ray on every request", "traced_share", 1.0),
    ("X-Ray on a sample", "traced_share", SAMPLED),
    ("no X-Ray", "traced_share", 0.0),
    ("the platform's own logs", "platform_logs", 1.0),
    ("3 kB of logs more an invocation", "more_log_bytes", 3_000.0),
    ("128 MB", "memory_mb", 128.0),
    ("512 MB", "memory_mb", 512.0),
    ("x86_64", "x86", 1.0),
    (
        "a process kept warm for each function of the API",
        "kept_warm",
        1.0,
    ),
    (
        "order and stock written one by one, not in a transaction",
        "one_by_one",
        1.0,
    ),
];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The project's directory, where `template.yaml` is.
    #[arg(long, value_name = "DIR", default_value = ".")]
    project: PathBuf,
}

/// What everything is computed from.
#[derive(Clone, Debug)]
struct Basis {
    list: PriceList,
    shop: Deployment,
    warm: Warm,
    cold: Cold,
}

/// What the part keeps; in USD unless it says otherwise.
#[derive(Serialize)]
struct Figures {
    busiest_hour_eur: f64,
    busiest_hour: Bill,
    catalogue_at_the_cdn_eur: f64,
    catalogue_at_the_cdn: Bill,
    idle_month_dev: Bill,
    idle_month_prod: Bill,
    million_orders: Bill,
    order_eur: f64,
    choices: Vec<Choice>,
}

/// The shop with one thing different.
#[derive(Serialize)]
struct Choice {
    instead: &'static str,
    /// The busiest hour behind the CDN then.
    usd: f64,
    /// By how much it is more, as a share of the bill as it is.
    more: f64,
}

/// Computes the bills from the figures that `warm` and `cold` keep in `out`.
pub(crate) fn run(args: &Args, out: &Path) -> anyhow::Result<()> {
    let list = PriceList::read()?;
    let basis = Basis {
        shop: Deployment::read(&args.project, list.assumed["log_value_bytes"])?,
        list,
        warm: kept::<Warm>(out, "warm")?,
        cold: kept::<Cold>(out, "cold")?,
    };
    let figures = basis.figures()?;
    let bills = [
        ("The busiest hour, item by item", &figures.busiest_hour),
        ("An idle month of the stage dev", &figures.idle_month_dev),
        (
            "An idle month of the stage prod, its CDN and its dashboard",
            &figures.idle_month_prod,
        ),
        (
            "A million orders, at the busiest hour's rate",
            &figures.million_orders,
        ),
    ];
    let mut tables = vec![basis.lines(&figures)];
    tables.extend(bills.map(|(title, bill)| basis.items(title, bill)));
    tables.push(table(
        "The busiest hour behind the CDN, had one thing been chosen otherwise",
        "instead | EUR | more",
        figures.choices.iter().map(|choice| {
            let (eur, more) = (basis.eur(choice.usd), choice.more * 100.0);
            format!("{} | {eur:.3} | {more:+.1}%", choice.instead)
        }),
    ));
    publish("cost", &figures, &tables, out)
}

impl Basis {
    fn function(&self, binary: &str) -> anyhow::Result<&Function> {
        let function = self.shop.functions.get(binary);
        function.with_context(|| format!("the template has no function {binary}"))
    }

    fn eur(&self, usd: f64) -> f64 {
        usd / self.list.assumed["usd_per_eur"]
    }

    fn figures(&self) -> anyhow::Result<Figures> {
        let (cdn, behind, orders) = BUSIEST;
        let (busiest, prod) = (Traffic::hour(cdn, behind, orders), &self.shop.prod);
        let browsing_at_the_cdn = Traffic {
            catalogue: 0.0,
            ..busiest
        };
        let million = Traffic {
            hours: MANY / busiest.orders,
            orders: MANY,
            ..Traffic::default()
        };
        let busiest_hour = self.bill(busiest, prod)?;
        let catalogue_at_the_cdn = self.bill(browsing_at_the_cdn, prod)?;
        let million_orders = self.bill(million, prod)?;
        let as_is = busiest_hour.behind_the_cdn();
        let choice = |(instead, setting, value): (&'static str, &str, f64)| {
            let mut other = self.clone();
            other.shop.settings.insert(setting.to_owned(), value);
            let usd = other.bill(busiest, prod)?.behind_the_cdn();
            let more = usd / as_is - 1.0;
            anyhow::Ok(Choice { instead, usd, more })
        };
        Ok(Figures {
            busiest_hour_eur: self.eur(as_is),
            catalogue_at_the_cdn_eur: self.eur(catalogue_at_the_cdn.behind_the_cdn()),
            idle_month_dev: self.idle_month(&self.shop.dev)?,
            idle_month_prod: self.idle_month(prod)?,
            order_eur: self.eur(million_orders.total()) / MANY,
            choices: CHANGES.into_iter().map(choice).collect::<anyhow::Result<_>>()?,
            busiest_hour,
            catalogue_at_the_cdn,
            million_orders,
        })
    }

    /// A month without orders: what stands and what runs. The pipeline and the CDN's access logs are not in it.
    fn idle_month(&self, stage: &Values) -> anyhow::Result<Bill> {
        let mut stage = stage.clone();
        stage.insert("idle_months".to_owned(), 1.0);
        let idle = Traffic {
            hours: HOURS_A_MONTH,
            ..Traffic::default()
        };
        self.bill(idle, &stage)
    }

    /// The hour beside the first estimate of it.
    fn lines(&self, figures: &Figures) -> String {
        let bills = [&figures.busiest_hour, &figures.catalogue_at_the_cdn];
        let row = |name: &str, estimated: Option<f64>, [now, at_cdn]: [f64; 2]| {
            let estimated = or_dash(estimated.map(|eur| format!("{eur:.3}")));
            format!("{name} | {estimated} | {now:.3} | {at_cdn:.3}")
        };
        let eur = |of: &dyn Fn(&Bill) -> f64| bills.map(|bill| self.eur(of(bill)));
        let estimated = LINES.iter().filter(|(line, _)| *line != CDN);
        let estimated = estimated.filter_map(|(_, eur)| *eur).sum();
        let lines = LINES.map(|(line, estimated)| row(line, estimated, eur(&|bill| bill.of(line))));
        let after_free_tier = [("behind the CDN", false), (CDN, true)].map(|(name, cdn)| {
            let items = |bill: &Bill| {
                let items = bill.items.iter().filter(|item| (item.line == CDN) == cdn);
                sum(items.map(|item| item.usd_after_free_tier))
            };
            row(&format!("{name}, after the month's free tier"), None, eur(&items))
        });
        let rows = lines.into_iter().chain([
            row("all behind the CDN", Some(estimated), eur(&Bill::behind_the_cdn)),
            row("aim behind the CDN, at most", None, TARGETS),
        ]);
        table(
            "The busiest hour in EUR: 1,000 requests a second at the CDN, 100 behind it, 100 orders a minute",
            "line | first estimate | now | catalogue at the CDN",
            rows.chain(after_free_tier),
        )
    }

    /// Items that are too little to be shown as money are shown together.
    fn items(&self, title: &str, bill: &Bill) -> String {
        let row = |name: &str, quantity: &str, unit: &str, items: &[&Item]| {
            let usd = sum(items.iter().map(|item| item.usd));
            let after = self.eur(sum(items.iter().map(|item| item.usd_after_free_tier)));
            format!(
                "{name} | {quantity} | {unit} | {usd:.3} | {:.3} | {after:.3}",
                self.eur(usd)
            )
        };
        let all: Vec<&Item> = bill.items.iter().collect();
        let (shown, little): (Vec<&Item>, Vec<&Item>) = all.iter().partition(|item| item.usd >= LITTLE_USD);
        let mut rows: Vec<String> = shown
            .into_iter()
            .map(|item| {
                let digits = if item.quantity < 1_000.0 { 3 } else { 0 };
                let quantity = format!("{:.digits$}", item.quantity);
                row(
                    &format!("{}: {}", item.line, item.what),
                    &quantity,
                    &item.unit,
                    &[item],
                )
            })
            .collect();
        if !little.is_empty() {
            let name = format!("others: {} items of less than a tenth of a cent", little.len());
            rows.push(row(&name, "", "", &little));
        }
        rows.push(row("all: sum", "", "", &all));
        let header = "line: item | quantity | unit | USD | EUR | EUR after free tier";
        table(title, header, rows)
    }
}
