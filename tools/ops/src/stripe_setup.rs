//! The webhook endpoint at Stripe: made where there is none, else checked.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, anyhow};
use https::HttpsClient;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use stripe::webhook_endpoint::WebhookEndpoint;
use stripe::{PaymentMethods, Stripe, StripeConfig};

use crate::{Outcome, Report};

const TIMEOUT: Duration = Duration::from_secs(30);

/// What is to be set up.
#[derive(Clone, Debug)]
pub struct StripeSetup {
    /// Stripe's API, without a slash at the end.
    pub api_base: String,
    /// A key of the account that may read and write webhook endpoints.
    pub key: SecretString,
    /// Where events are to go.
    pub url: String,
    /// Whose endpoint it is, for people.
    pub description: String,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Disable endpoints of other API versions.
    pub retire: bool,
}

/// What was found, and done about it.
#[derive(Debug, Serialize)]
pub struct EndpointReport {
    url: String,
    api_version: &'static str,
    dry_run: bool,
    /// What differed, or differs.
    steps: Vec<Step>,
    /// Of an endpoint that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_secret: Option<String>,
}

/// Something that differs, and what was done about it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Step {
    /// None where it is to be made.
    endpoint: Option<String>,
    differs: String,
    is_done: bool,
}

impl StripeSetup {
    /// Makes the endpoint, or checks it and mends what differs.
    ///
    /// # Errors
    /// Where Stripe refuses or does not answer.
    pub async fn run(self) -> anyhow::Result<EndpointReport> {
        let stripe = self.stripe()?;
        let found = stripe.webhook_endpoints(&self.url).await;
        let found = found.map_err(|error| anyhow!(error).context("the webhook endpoints"))?;
        let (current, others): (Vec<_>, Vec<_>) = found.iter().partition(|one| one.is_of_this_version());
        let mut report = EndpointReport {
            url: self.url.clone(),
            api_version: Stripe::API_VERSION,
            dry_run: self.dry_run,
            steps: Vec::new(),
            signing_secret: None,
        };
        match current.as_slice() {
            [] => self.make(&stripe, &mut report).await?,
            [one] => self.mend(&stripe, one, &mut report).await?,
            [_, surplus @ ..] => report.steps.extend(surplus.iter().map(|one| {
                Step {
                    endpoint: Some(one.id.clone()),
                    differs:
                        "another endpoint of this version: delete the one whose secret the shop does not have"
                            .to_owned(),
                    is_done: false,
                }
            })),
        }
        for other in others.into_iter().filter(|other| other.is_enabled()) {
            self.retire(&stripe, other, &mut report).await?;
        }
        Ok(report)
    }

    fn stripe(&self) -> anyhow::Result<Stripe> {
        let config = StripeConfig {
            api_base: self.api_base.trim_end_matches('/').to_owned(),
            secret_key: self.key.clone().into(),
            // Of pages; none is opened here.
            site_url: String::new(),
            payment_methods: PaymentMethods::default(),
            stage: String::new(),
        };
        Ok(Stripe::new(
            config,
            HttpsClient::new(TIMEOUT).context("the HTTPS client")?,
        ))
    }

    async fn make(&self, stripe: &Stripe, report: &mut EndpointReport) -> anyhow::Result<()> {
        let mut step = Step {
            endpoint: None,
            differs: "there is none of this version".to_owned(),
            is_done: false,
        };
        if !self.dry_run {
            let made = stripe.create_webhook_endpoint(&self.url, &self.description).await;
            let made = made.map_err(|error| anyhow!(error).context("a new webhook endpoint"))?;
            report.signing_secret = Some(made.secret.expose_secret().to_owned());
            (step.endpoint, step.is_done) = (Some(made.id), true);
        }
        report.steps.push(step);
        Ok(())
    }

    async fn mend(
        &self,
        stripe: &Stripe,
        endpoint: &WebhookEndpoint,
        report: &mut EndpointReport,
    ) -> anyhow::Result<()> {
        let mut differs = Vec::new();
        for (what, events) in [
            ("does not send", endpoint.missing_events()),
            ("sends what nobody reads:", endpoint.surplus_events()),
        ] {
            if !events.is_empty() {
                differs.push(format!("{what} {}", events.join(", ")));
            }
        }
        if !endpoint.is_enabled() {
            differs.push("is disabled".to_owned());
        }
        if differs.is_empty() {
            return Ok(());
        }
        if !self.dry_run {
            let mended = stripe.correct_webhook_endpoint(&endpoint.id).await;
            mended.map_err(|error| anyhow!(error).context("the webhook endpoint"))?;
        }
        report.steps.push(Step {
            endpoint: Some(endpoint.id.clone()),
            differs: differs.join("; "),
            is_done: !self.dry_run,
        });
        Ok(())
    }

    async fn retire(
        &self,
        stripe: &Stripe,
        endpoint: &WebhookEndpoint,
        report: &mut EndpointReport,
    ) -> anyhow::Result<()> {
        let may = self.retire && !self.dry_run && report.signing_secret.is_none();
        if may {
            let retired = stripe.disable_webhook_endpoint(&endpoint.id).await;
            retired.map_err(|error| anyhow!(error).context("the older webhook endpoint"))?;
        }
        report.steps.push(Step {
            endpoint: Some(endpoint.id.clone()),
            differs: "sends events of another version: once the newer one's secret is in the shop, disable it by --retire".to_owned(),
            is_done: may,
        });
        Ok(())
    }
}

impl Report for EndpointReport {
    fn outcome(&self) -> Outcome {
        if self.steps.iter().all(|step| step.is_done) {
            Outcome::Well
        } else {
            Outcome::Attention
        }
    }
}

impl fmt::Display for EndpointReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, api_version, .. } = self;
        writeln!(f, "Events to {url}, of API {api_version}.")?;
        if self.steps.is_empty() {
            writeln!(f, "Nothing differs.")?;
        }
        for step in &self.steps {
            let endpoint = step.endpoint.as_deref().unwrap_or("No endpoint");
            let done = if step.is_done { " Done." } else { "" };
            writeln!(f, "{endpoint}: {}.{done}", step.differs)?;
        }
        let Some(secret) = &self.signing_secret else {
            return Ok(());
        };
        writeln!(f, "Its signing secret, shown this once: {secret}")?;
        writeln!(
            f,
            "Put it in front of the shop's stripe_webhook_secrets; with a comma, where another one is live."
        )
    }
}
