//! A month in which nobody buys: what stands and what runs. The pipeline and access logs of the CDN are not in it.

use serde::Serialize;

use super::Basis;
use super::bill::{Bill, Line};
use super::deployment::Standing;
use super::traffic::{HOURS_A_MONTH, Traffic};

/// What stands and what runs for nobody, before and after the free tier.
#[derive(Serialize)]
pub(crate) struct IdleMonth {
    /// Item by item.
    pub(crate) items: Bill,
    /// What each of them costs where it is all of the account's month.
    pub(crate) after_free_tier_usd: Vec<f64>,
    /// Their sum.
    pub(crate) to_pay_eur: f64,
}

impl IdleMonth {
    /// The month of a stage.
    pub(crate) fn of(basis: &Basis, standing: &Standing) -> anyhow::Result<Self> {
        let traffic = Traffic {
            hours: HOURS_A_MONTH,
            cdn: 0.0,
            catalogue: 0.0,
            orders: 0.0,
        };
        let mut items = basis.bill(traffic)?;
        items
            .items
            .retain(|item| standing.keys > 0.0 || item.price != basis.list.prices.key_requests);
        stand(&mut items, basis, standing);
        let after_free_tier_usd = items.after_free_tier();
        Ok(Self {
            to_pay_eur: basis.eur(after_free_tier_usd.iter().sum()),
            items,
            after_free_tier_usd,
        })
    }
}

/// What costs by being there.
fn stand(bill: &mut Bill, basis: &Basis, standing: &Standing) {
    let prices = &basis.list.prices;
    let stored = basis.list.assumptions.stored_gb.value;
    bill.add(
        Line::Tables,
        "a million orders kept",
        stored,
        &prices.table_storage,
    );
    bill.add(
        Line::Tables,
        "and restorable to any second",
        stored,
        &prices.table_backups,
    );
    bill.add(Line::Secrets, "the secret", 1.0, &prices.secrets);
    bill.add(Line::Secrets, "the key", standing.keys, &prices.keys);
    bill.add(
        Line::Metrics,
        "alarms",
        standing.alarm_metrics,
        &prices.alarm_metrics,
    );
    bill.add(
        Line::Metrics,
        "dashboards",
        standing.dashboards,
        &prices.dashboards,
    );
    if standing.firewall_rules > 0.0 {
        bill.add(Line::Cdn, "firewall", 1.0, &prices.firewall_acls);
        bill.add(
            Line::Cdn,
            "its rules",
            standing.firewall_rules,
            &prices.firewall_rules,
        );
    }
}
