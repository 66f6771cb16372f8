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

/// A struct with fields of one type, each a member of the file.
macro_rules! members {
    ($name:ident of $of:ty: $($field:ident)*) => {
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            $(pub(crate) $field: $of,)*
        }
    };
}

members! { Prices of Price:
    http_api_requests rest_api_requests lambda_requests lambda_arm64_duration lambda_x86_64_duration
    lambda_provisioned table_writes table_reads table_storage table_backups queue_requests log_ingestion
    custom_metrics alarm_metrics dashboards traces secrets secret_calls keys key_requests cdn_requests
    cdn_transfer firewall_acls firewall_rules firewall_requests transfer
}

members! { Assumptions of Assumption:
    usd_per_eur cpu_share_mb dynamodb_ms queue_ms secrets_ms payment_provider_ms warehouse_ms
    platform_init_ms spare_processes queue_polls_an_hour log_event_bytes log_line_bytes
    platform_log_bytes trace_share cdn_answer_bytes outside_bytes catalogue_copy_reads stored_gb listed
    searched shown
}

/// Reads the file that is compiled in.
pub(crate) fn price_list() -> anyhow::Result<PriceList> {
    serde_json::from_str(FILE).context("data/prices-eu-central-1.json is not as expected")
}
