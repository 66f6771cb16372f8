//! What the shop costs on AWS: measured requests, the template, and a dated list of prices. Nothing is called on AWS.

mod bill;
mod choices;
mod deployment;
mod prices;
mod request;
#[cfg(test)]
mod tests;
mod traffic;

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use self::bill::{Bill, CDN, Item, LINES, METRICS, SECRETS, TABLES};
use self::choices::Choice;
use self::deployment::{Deployment, Function, Standing};
use self::prices::{PriceList, price_list};
use self::traffic::{HOURS_A_MONTH, Traffic};
use crate::figures::{Cold, Warm};
use crate::report::{Report, kept, table};

/// The busiest hour: requests a second at the CDN and behind it, orders a minute.
const BUSIEST: (f64, f64, f64) = (1_000.0, 100.0, 100.0);
/// What it may cost behind the CDN, in EUR: as it is, and with the catalogue answered by the CDN.
const TARGETS: (f64, f64) = (0.60, 0.25);
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

impl Basis {
    fn function(&self, binary: &str) -> anyhow::Result<&Function> {
        let function = self.shop.functions.get(binary);
        function.with_context(|| format!("the template has no function {binary}"))
    }

    fn eur(&self, usd: f64) -> f64 {
        usd / self.list.assumptions.usd_per_eur.value
    }

    /// A month without orders: what stands and what runs. The pipeline and the CDN's access logs are not in it.
    fn idle_month(&self, standing: &Standing) -> anyhow::Result<Bill> {
        let (p, stored) = (&self.list.prices, self.list.assumptions.stored_gb.value);
        let mut bill = self.bill(Traffic {
            hours: HOURS_A_MONTH,
            ..Traffic::default()
        })?;
        bill.items
            .retain(|item| standing.keys > 0.0 || item.price != p.key_requests);
        bill.add(TABLES, "a million orders kept", stored, &p.table_storage);
        bill.add(TABLES, "and restorable to any second", stored, &p.table_backups);
        bill.add(SECRETS, "the secret", 1.0, &p.secrets);
        bill.add(SECRETS, "the key", standing.keys, &p.keys);
        bill.add(METRICS, "alarms", standing.alarm_metrics, &p.alarm_metrics);
        bill.add(METRICS, "dashboards", standing.dashboards, &p.dashboards);
        bill.add(CDN, "firewall", standing.firewalls, &p.firewall_acls);
        bill.add(CDN, "firewall rules", standing.firewall_rules, &p.firewall_rules);
        Ok(bill)
    }

    fn figures(&self) -> anyhow::Result<Figures> {
        let (cdn, behind, orders) = BUSIEST;
        let busiest = Traffic::hour(cdn, behind, orders);
        let busiest_hour = self.bill(busiest)?;
        let catalogue_at_the_cdn = self.bill(Traffic {
            catalogue: 0.0,
            ..busiest
        })?;
        let million_orders = self.bill(Traffic {
            hours: MANY / busiest.orders,
            orders: MANY,
            ..Traffic::default()
        })?;
        Ok(Figures {
            busiest_hour_eur: self.eur(busiest_hour.behind_the_cdn()),
            catalogue_at_the_cdn_eur: self.eur(catalogue_at_the_cdn.behind_the_cdn()),
            idle_month_dev: self.idle_month(&self.shop.dev)?,
            idle_month_prod: self.idle_month(&self.shop.prod)?,
            order_eur: self.eur(million_orders.total()) / MANY,
            choices: choices::choices(self, busiest, &busiest_hour)?,
            busiest_hour,
            catalogue_at_the_cdn,
            million_orders,
        })
    }
}

/// Computes the bills from the figures that `warm` and `cold` keep in `out`.
pub(crate) fn run(args: &Args, out: &Path) -> anyhow::Result<()> {
    let basis = Basis {
        list: price_list()?,
        shop: Deployment::read(&args.project)?,
        warm: kept::<Warm>(out, "warm")?,
        cold: kept::<Cold>(out, "cold")?,
    };
    let figures = basis.figures()?;
    let bill = |title, bill| items(&basis, title, bill);
    let tables = [
        lines(&basis, &figures),
        bill("The busiest hour, item by item", &figures.busiest_hour),
        bill("An idle month of the stage dev", &figures.idle_month_dev),
        bill(
            "An idle month of the stage prod, its CDN and its dashboard",
            &figures.idle_month_prod,
        ),
        bill(
            "A million orders, at the busiest hour's rate",
            &figures.million_orders,
        ),
        choices_table(&basis, &figures.choices),
    ];
    Report::new("cost", &figures, &tables)?.publish(out)
}

/// Money is shown to a tenth of a cent.
fn money(value: f64) -> String {
    format!("{value:.3}")
}

/// The hour beside the first estimate of it.
fn lines(basis: &Basis, figures: &Figures) -> String {
    let title =
        "The busiest hour in EUR: 1,000 requests a second at the CDN, 100 behind it, 100 orders a minute";
    let estimate = |eur: Option<f64>| eur.map_or_else(|| "-".to_owned(), money);
    let bills = [&figures.busiest_hour, &figures.catalogue_at_the_cdn];
    let row = |name: &str, estimated: Option<f64>, usd: [f64; 2]| {
        let [now, at_cdn] = usd.map(|usd| money(basis.eur(usd)));
        [name.to_owned(), estimate(estimated), now, at_cdn]
    };
    let mut rows: Vec<[String; 4]> = LINES
        .iter()
        .map(|(line, estimated)| row(line, *estimated, bills.map(|bill| bill.of(line))))
        .collect();
    let estimated = LINES.iter().filter(|(line, _)| *line != CDN);
    let estimated = estimated.filter_map(|(_, eur)| *eur).sum();
    rows.push(row(
        "all behind the CDN",
        Some(estimated),
        bills.map(Bill::behind_the_cdn),
    ));
    rows.push([
        "aim behind the CDN, at most".to_owned(),
        "-".to_owned(),
        money(TARGETS.0),
        money(TARGETS.1),
    ]);
    for (name, cdn) in [("behind the CDN", false), (CDN, true)] {
        let after = |bill: &Bill| {
            let items = bill.items.iter().filter(|item| (item.line == CDN) == cdn);
            items.fold(0.0, |sum, item| sum + item.usd_after_free_tier)
        };
        let name = format!("{name}, after the month's free tier");
        rows.push(row(&name, None, bills.map(after)));
    }
    table(
        title,
        &rows,
        &[
            ("line", &|row| row[0].clone()),
            ("first estimate", &|row| row[1].clone()),
            ("now", &|row| row[2].clone()),
            ("catalogue at the CDN", &|row| row[3].clone()),
        ],
    )
}

/// Items that are too little to be shown as money are shown together.
fn items(basis: &Basis, title: &str, bill: &Bill) -> String {
    let (mut rows, little): (Vec<Item>, Vec<Item>) = bill
        .items
        .iter()
        .cloned()
        .partition(|item| item.usd >= LITTLE_USD);
    let mut add = |line, what: String, items: &[Item]| {
        let mut sum = items[0].clone();
        (sum.line, sum.what, sum.unit, sum.quantity) = (line, what, String::new(), 0.0);
        sum.usd = items.iter().map(|item| item.usd).sum();
        sum.usd_after_free_tier = items.iter().map(|item| item.usd_after_free_tier).sum();
        rows.push(sum);
    };
    if !little.is_empty() {
        let what = format!("{} items of less than a tenth of a cent", little.len());
        add("others", what, &little);
    }
    add("all", "sum".to_owned(), &bill.items);
    let quantity = |item: &Item| match item.quantity {
        0.0 => String::new(),
        large @ 1_000.0.. => format!("{large:.0}"),
        small => money(small),
    };
    table(
        title,
        &rows,
        &[
            ("line: item", &|item| format!("{}: {}", item.line, item.what)),
            ("quantity", &quantity),
            ("unit", &|item| item.unit.clone()),
            ("USD", &|item| money(item.usd)),
            ("EUR", &|item| money(basis.eur(item.usd))),
            ("EUR after free tier", &|item| {
                money(basis.eur(item.usd_after_free_tier))
            }),
        ],
    )
}

fn choices_table(basis: &Basis, choices: &[Choice]) -> String {
    table(
        "The busiest hour behind the CDN, had one thing been chosen otherwise",
        choices,
        &[
            ("instead", &|choice| choice.instead.to_owned()),
            ("EUR", &|choice| money(basis.eur(choice.usd))),
            ("more", &|choice| format!("{:+.1}%", choice.more * 100.0)),
        ],
    )
}
