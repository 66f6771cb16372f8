//! The sandboxes alone, for a shop that is deployed elsewhere.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;

use super::payments::{Payments, PaymentsConfig};
use super::warehouse::{Warehouse, WarehouseConfig};

/// What `kontor sandboxes` takes.
#[derive(Clone, Debug, clap::Args)]
pub struct SandboxesArgs {
    /// Where payment events are sent: the stack's output StripeWebhookUrl.
    #[arg(long, value_name = "URL")]
    pub webhook_url: String,
    /// The secrets that the shop was deployed with: the JSON object that infra/up.sh takes as SECRETS_FILE.
    #[arg(long, value_name = "FILE")]
    pub secrets: PathBuf,
    /// Port of the payment provider's sandbox (0: any free one).
    #[arg(long, default_value_t = 3001)]
    pub payments_port: u16,
    /// Port of the warehouse simulator (0: any free one).
    #[arg(long, default_value_t = 3002)]
    pub warehouse_port: u16,
    /// How long the warehouse works on an order, in milliseconds.
    #[arg(long, default_value_t = 500, value_name = "MS")]
    pub warehouse_latency: u64,
}

/// Both sandboxes, running. They stop when dropped.
#[derive(Debug)]
pub struct Sandboxes {
    payments: Payments,
    warehouse: Warehouse,
}

/// The secrets of the shop that the outside world knows as well.
#[derive(Deserialize)]
struct SharedSecrets {
    stripe_secret_key: String,
    /// Comma separated; the provider signs with the newest, which comes first.
    stripe_webhook_secrets: String,
    erp_credentials: ErpCredentials,
}

#[derive(Deserialize)]
struct ErpCredentials {
    token: String,
}

impl Sandboxes {
    /// Opens both, in the current tokio runtime.
    ///
    /// # Errors
    /// What is wrong with the secrets' file or a port.
    pub async fn open(args: &SandboxesArgs) -> anyhow::Result<Self> {
        let secrets = SharedSecrets::read(&args.secrets)
            .with_context(|| format!("the secrets in {} are not usable", args.secrets.display()))?;
        let newest = secrets.stripe_webhook_secrets.split(',').next();
        let payments = Payments::start(PaymentsConfig {
            port: args.payments_port,
            webhook_url: args.webhook_url.clone(),
            webhook_secret: newest.unwrap_or_default().trim().to_owned(),
            api_key: secrets.stripe_secret_key,
        });
        let warehouse = Warehouse::start(WarehouseConfig {
            port: args.warehouse_port,
            latency: Duration::from_millis(args.warehouse_latency),
            rate_per_s: 0,
            token: secrets.erp_credentials.token,
            data: None,
        });
        Ok(Self {
            payments: payments.await?,
            warehouse: warehouse.await?,
        })
    }
}

impl SharedSecrets {
    fn read(path: &Path) -> anyhow::Result<Self> {
        Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
    }
}

impl fmt::Display for Sandboxes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "payments   {}", self.payments.url())?;
        writeln!(f, "warehouse  {}", self.warehouse.url())?;
        write!(f, "Ctrl-C closes both.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_sandboxes_open_with_the_secrets_of_the_deployed_shop() {
        let directory = tempfile::tempdir().expect("a directory");
        let args = SandboxesArgs {
            webhook_url: "http://127.0.0.1:1/api/webhooks/stripe".to_owned(),
            secrets: directory.path().join("secrets.json"),
            payments_port: 0,
            warehouse_port: 0,
            warehouse_latency: 0,
        };
        let error = Sandboxes::open(&args).await.expect_err("no secrets").to_string();
        assert!(error.ends_with("secrets.json are not usable"), "{error}");
        let secrets = r#"{"stripe_secret_key": "sk", "stripe_webhook_secrets": "new, old", "erp_credentials": {"token": "t"}, "more": ""}"#;
        std::fs::write(&args.secrets, secrets).expect("written");
        let open = Sandboxes::open(&args).await.expect("open");
        let client = sam_runner::engines::http_client().expect("a client");
        for (url, key, expected) in [
            (format!("{}/v1/checkout/sessions", open.payments.url()), "sk", 200),
            (
                format!("{}/v1/checkout/sessions", open.payments.url()),
                "other",
                401,
            ),
            (format!("{}/orders/A", open.warehouse.url()), "t", 404),
            (format!("{}/orders/A", open.warehouse.url()), "other", 401),
        ] {
            let answer = client.get(&url).bearer_auth(key).send().await.expect("an answer");
            assert_eq!(answer.status(), expected, "{url} {key}");
        }
    }
}
