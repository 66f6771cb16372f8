//! The bills as tables.

use super::bill::{Bill, Item, Line};
use super::idle::IdleMonth;
use super::{Basis, Figures, Hour};
use crate::report::Table;

/// Less than this is shown as nothing.
const LITTLE_USD: f64 = 0.001;

/// All tables of the part.
pub(crate) fn tables(basis: &Basis, figures: &Figures) -> Vec<Table> {
    let idle = |title, month| idle_month(basis, title, month);
    vec![
        lines(basis, figures),
        items(
            basis,
            "The busiest hour, item by item",
            &figures.busiest_hour.items,
        ),
        items(
            basis,
            "The same hour with the catalogue answered by the CDN",
            &figures.busiest_hour_with_the_catalogue_at_the_cdn.items,
        ),
        idle("An idle month of the stage dev", &figures.idle_month_dev),
        idle(
            "An idle month of the stage prod, its CDN and its dashboard",
            &figures.idle_month_prod,
        ),
        items(
            basis,
            "A million orders, at the busiest hour's rate",
            &figures.million_orders,
        ),
        choices(basis, figures),
    ]
}

/// Money is shown to a tenth of a cent.
fn money(value: f64) -> String {
    format!("{value:.3}")
}

/// Large numbers without decimals, small ones with three.
fn number(value: f64) -> String {
    if value >= 1_000.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}

/// The hour beside the first estimate of it.
fn lines(basis: &Basis, figures: &Figures) -> Table {
    let mut table = Table::new(
        "The busiest hour in EUR: 1,000 requests a second at the CDN, 100 behind it, 100 orders a minute",
        &["line", "first estimate", "now", "catalogue at the CDN"],
    );
    let hours = [
        &figures.busiest_hour,
        &figures.busiest_hour_with_the_catalogue_at_the_cdn,
    ];
    let estimate = |line: Line| line.estimated_eur().map_or_else(|| "-".to_owned(), money);
    for line in Line::ALL.into_iter().filter(|line| *line != Line::Cdn) {
        let costs = hours.map(|hour| money(basis.eur(hour.items.of(line))));
        table.row([line.name().to_owned(), estimate(line)].into_iter().chain(costs));
    }
    let estimated: f64 = Line::ALL
        .into_iter()
        .filter(|line| *line != Line::Cdn)
        .filter_map(Line::estimated_eur)
        .sum();
    let sum = |hour: &&Hour| {
        format!(
            "{} (at most {})",
            money(hour.behind_the_cdn_eur),
            money(hour.target_eur)
        )
    };
    let sums = hours.iter().map(sum);
    table.row(
        ["behind the CDN".to_owned(), money(estimated)]
            .into_iter()
            .chain(sums),
    );
    let cdn = hours.map(|hour| money(basis.eur(hour.items.of(Line::Cdn))));
    table.row(
        [format!("{}, gross", Line::Cdn.name()), estimate(Line::Cdn)]
            .into_iter()
            .chain(cdn),
    );
    for (name, of_cdn) in [("behind the CDN", false), (Line::Cdn.name(), true)] {
        let name = format!("{name}, after the month's free tier");
        let costs = hours.map(|hour| money(basis.eur(after_free_tier(&hour.items, of_cdn))));
        table.row([name, "-".to_owned()].into_iter().chain(costs));
    }
    table
}

/// What the CDN or all that is behind it costs, where the month has no more of it than this.
fn after_free_tier(bill: &Bill, of_cdn: bool) -> f64 {
    let costs = bill.items.iter().zip(bill.after_free_tier());
    costs
        .filter(|(item, _)| (item.line == Line::Cdn) == of_cdn)
        .map(|(_, usd)| usd)
        .sum()
}

/// What is too little to be shown as money is shown together.
fn items(basis: &Basis, title: &str, bill: &Bill) -> Table {
    let mut table = Table::new(title, &["line: item", "quantity", "unit", "USD", "EUR"]);
    let (shown, little): (Vec<&Item>, Vec<&Item>) =
        bill.items.iter().partition(|item| item.usd >= LITTLE_USD);
    let mut row = |what: String, quantity: String, unit: String, usd: f64| {
        table.row([what, quantity, unit, money(usd), money(basis.eur(usd))]);
    };
    for item in shown {
        let what = format!("{}: {}", item.line.name(), item.what);
        row(what, number(item.quantity), item.unit.clone(), item.usd);
    }
    let rest = format!("{} items of less than a tenth of a cent", little.len());
    row(
        rest,
        String::new(),
        String::new(),
        little.iter().map(|item| item.usd).sum(),
    );
    row("all".to_owned(), String::new(), String::new(), bill.total());
    table
}

fn idle_month(basis: &Basis, title: &str, month: &IdleMonth) -> Table {
    let mut table = Table::new(
        title,
        &["line: item", "quantity", "unit", "gross USD", "to pay, EUR"],
    );
    for (item, usd) in month.items.items.iter().zip(&month.after_free_tier_usd) {
        table.row([
            format!("{}: {}", item.line.name(), item.what),
            number(item.quantity),
            item.unit.clone(),
            money(item.usd),
            money(basis.eur(*usd)),
        ]);
    }
    let gross = money(month.items.total());
    table.row([
        "all".to_owned(),
        String::new(),
        String::new(),
        gross,
        money(month.to_pay_eur),
    ]);
    table
}

fn choices(basis: &Basis, figures: &Figures) -> Table {
    let mut table = Table::new(
        "The busiest hour behind the CDN, had one thing been chosen otherwise",
        &["instead", "EUR", "more"],
    );
    for choice in &figures.choices {
        let more = format!("{:+.1}%", choice.more * 100.0);
        table.row([choice.instead.to_owned(), money(basis.eur(choice.usd)), more]);
    }
    table
}
