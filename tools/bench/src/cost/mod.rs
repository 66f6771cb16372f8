//! What the shop costs on AWS: measured work, the template's choices, a dated list of prices.
//!
//! Nothing is called on AWS. What could not be measured here (how long DynamoDB takes, say) stands in the list with its reason.

mod bill;
mod choices;
mod deployment;
mod idle;
mod lines;
mod prices;
mod request;
mod show;
#[cfg(test)]
mod tests;
mod traffic;

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use crate::figures::{Cold, Warm};
use crate::report::{kept, publish};
use bill::Bill;
use choices::Choice;
use deployment::{Deployment, Function};
use idle::IdleMonth;
use prices::{PriceList, price_list};
use traffic::Traffic;

/// The busiest hour: requests a second at the CDN and behind it, orders a minute.
const BUSIEST: (f64, f64, f64) = (1_000.0, 100.0, 100.0);
/// What it may cost behind the CDN, in EUR: all that passes the CDN, and with the catalogue answered by the CDN.
const TARGETS: (f64, f64) = (0.60, 0.25);
/// Orders of which the price is told.
const MANY: f64 = 1_000_000.0;

/// What it costs on AWS: the busiest hour, an idle month, a million orders, and what each choice saves.
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

impl Basis {
    fn function(&self, binary: &str) -> anyhow::Result<&Function> {
        let function = self.shop.functions.get(binary);
        function.with_context(|| format!("the template has no function {binary}"))
    }

    fn eur(&self, usd: f64) -> f64 {
        usd / self.list.assumptions.usd_per_eur.value
    }
}

/// What the part keeps; in USD unless it says otherwise.
#[derive(Serialize)]
struct Figures {
    list: PriceList,
    busiest_hour: Hour,
    busiest_hour_with_the_catalogue_at_the_cdn: Hour,
    idle_month_dev: IdleMonth,
    idle_month_prod: IdleMonth,
    million_orders: Bill,
    order_eur: f64,
    choices: Vec<Choice>,
}

#[derive(Serialize)]
struct Hour {
    items: Bill,
    behind_the_cdn_eur: f64,
    target_eur: f64,
}

/// Computes the bills from the figures that `warm` and `cold` keep in `out`.
///
/// # Errors
/// Where a figure is missing, or the template is not as expected.
pub(crate) fn run(args: &Args, out: &Path) -> anyhow::Result<()> {
    let basis = Basis {
        list: price_list()?,
        shop: Deployment::read(&args.project)?,
        warm: kept::<Warm>(out, "warm")?.figures,
        cold: kept::<Cold>(out, "cold")?.figures,
    };
    let figures = figures(&basis)?;
    let tables = show::tables(&basis, &figures);
    publish(out, "cost", figures, &tables)
}

fn figures(basis: &Basis) -> anyhow::Result<Figures> {
    let (cdn, behind, orders) = BUSIEST;
    let busiest = Traffic::hour(cdn, behind, orders);
    let answered_by_cdn = Traffic {
        catalogue: 0.0,
        ..busiest
    };
    let hour = |traffic, target_eur| -> anyhow::Result<Hour> {
        let items = basis.bill(traffic)?;
        Ok(Hour {
            behind_the_cdn_eur: basis.eur(items.behind_the_cdn()),
            items,
            target_eur,
        })
    };
    let million_orders = basis.bill(Traffic {
        hours: MANY / busiest.orders,
        cdn: 0.0,
        catalogue: 0.0,
        orders: MANY,
    })?;
    Ok(Figures {
        list: basis.list.clone(),
        busiest_hour: hour(busiest, TARGETS.0)?,
        busiest_hour_with_the_catalogue_at_the_cdn: hour(answered_by_cdn, TARGETS.1)?,
        idle_month_dev: IdleMonth::of(basis, &basis.shop.dev)?,
        idle_month_prod: IdleMonth::of(basis, &basis.shop.prod)?,
        order_eur: basis.eur(million_orders.total()) / MANY,
        million_orders,
        choices: choices::choices(basis, busiest)?,
    })
}
