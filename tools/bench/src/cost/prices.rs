//! What AWS asks, and what is assumed where nothing was measured: one dated file, each figure with its source.

use anyhow::Context;
use serde::{Deserialize, Serialize};

const FILE: &str = include_str!("../../data/prices-eu-central-1.json");

/// The file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceList {
    /// Where the prices hold.
    pub(crate) region: String,
    /// When the sources were read.
    pub(crate) read_on: String,
    /// What AWS asks.
    pub(crate) prices: Prices,
    /// What is assumed.
    pub(crate) assumptions: Assumptions,
}

/// A price in USD, of the first tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Price {
    /// The service, and what of it.
    pub(crate) what: String,
    /// What is counted.
    pub(crate) unit: String,
    /// The price is for so many of them.
    pub(crate) per: f64,
    /// The price.
    pub(crate) usd: f64,
    /// So many a month cost nothing, in an account of any age.
    pub(crate) free_a_month: f64,
    /// Where AWS says so.
    pub(crate) source: String,
    /// Where else it was found and when, since pages change.
    pub(crate) seen: Option<String>,
}

impl Price {
    /// What so many cost, in USD.
    pub(crate) fn of(&self, quantity: f64) -> f64 {
        quantity / self.per * self.usd
    }
}

/// All prices.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    pub(crate) http_api_requests: Price,
    pub(crate) rest_api_requests: Price,
    pub(crate) lambda_requests: Price,
    pub(crate) lambda_arm64_duration: Price,
    pub(crate) lambda_x86_64_duration: Price,
    pub(crate) lambda_provisioned: Price,
    pub(crate) table_writes: Price,
    pub(crate) table_reads: Price,
    pub(crate) table_storage: Price,
    pub(crate) table_backups: Price,
    pub(crate) queue_requests: Price,
    pub(crate) log_ingestion: Price,
    pub(crate) custom_metrics: Price,
    pub(crate) alarm_metrics: Price,
    pub(crate) dashboards: Price,
    pub(crate) traces: Price,
    pub(crate) secrets: Price,
    pub(crate) secret_calls: Price,
    pub(crate) keys: Price,
    pub(crate) key_requests: Price,
    pub(crate) cdn_requests: Price,
    pub(crate) cdn_transfer: Price,
    pub(crate) firewall_acls: Price,
    pub(crate) firewall_rules: Price,
    pub(crate) firewall_requests: Price,
    pub(crate) transfer: Price,
}

/// A figure that was not measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assumption {
    /// The figure.
    pub(crate) value: f64,
    /// What it counts.
    pub(crate) unit: String,
    /// Why so many.
    pub(crate) source: String,
}

/// All assumptions.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assumptions {
    pub(crate) usd_per_eur: Assumption,
    pub(crate) cpu_share_mb: Assumption,
    pub(crate) dynamodb_ms: Assumption,
    pub(crate) queue_ms: Assumption,
    pub(crate) secrets_ms: Assumption,
    pub(crate) payment_provider_ms: Assumption,
    pub(crate) warehouse_ms: Assumption,
    pub(crate) platform_init_ms: Assumption,
    pub(crate) spare_processes: Assumption,
    pub(crate) queue_polls_an_hour: Assumption,
    pub(crate) log_event_bytes: Assumption,
    pub(crate) log_line_bytes: Assumption,
    pub(crate) platform_log_bytes: Assumption,
    pub(crate) trace_share: Assumption,
    pub(crate) cdn_answer_bytes: Assumption,
    pub(crate) outside_bytes: Assumption,
    pub(crate) catalogue_copy_reads: Assumption,
    pub(crate) stored_gb: Assumption,
    pub(crate) listed: Assumption,
    pub(crate) searched: Assumption,
    pub(crate) shown: Assumption,
}

/// Reads the file that is compiled in.
pub(crate) fn price_list() -> anyhow::Result<PriceList> {
    serde_json::from_str(FILE).context("data/prices-eu-central-1.json is not as expected")
}
