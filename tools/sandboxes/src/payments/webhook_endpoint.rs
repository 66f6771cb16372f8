//! Webhook endpoints: <https://docs.stripe.com/api/webhook_endpoints>. They are kept and shown; events go where the sandbox was told to send them.

use reqwest::Url;
use serde_json::{Value, json};

use super::error::StripeError;
use super::event::{API_VERSION, KINDS};
use super::form::Params;
use super::listing::Listed;

const PARAMETERS: [&str; 4] = ["description", "enabled_events[*]", "expand[*]", "metadata[*]"];
/// Stripe's limit for an account: <https://docs.stripe.com/webhooks#register-webhook>.
const MOST_ENDPOINTS: usize = 16;
/// The versions that the sandbox has heard of; it speaks the last one.
const API_VERSIONS: [&str; 2] = ["2025-09-30.clover", API_VERSION];

/// An endpoint.
#[derive(Debug, Clone)]
pub(super) struct WebhookEndpoint {
    id: String,
    /// Unix seconds.
    created: u64,
    url: String,
    enabled_events: Vec<String>,
    api_version: Option<String>,
    description: Option<String>,
    metadata: Value,
    is_disabled: bool,
}

impl Listed for WebhookEndpoint {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> u64 {
        self.created
    }
}

impl WebhookEndpoint {
    /// An endpoint as the parameters ask for it.
    pub(super) fn create(params: &Params, now: u64) -> Result<Self, StripeError> {
        params.only(&[&PARAMETERS[..], &["api_version", "connect", "url"]].concat())?;
        params.expand(&[])?;
        let url = url(params)?.ok_or_else(|| StripeError::missing("url"))?;
        let enabled_events = events(params)?.ok_or_else(|| StripeError::missing("enabled_events"))?;
        let api_version = params.text("/api_version").map(str::to_owned);
        if let Some(version) = &api_version
            && !API_VERSIONS.contains(&version.as_str())
        {
            let message = format!("Invalid api_version: must be one of {}", API_VERSIONS.join(", "));
            return Err(StripeError::invalid(message).about("api_version"));
        }
        Ok(Self {
            id: super::new_id("we_", 24),
            created: now,
            url,
            enabled_events,
            api_version,
            description: params.text("/description").map(str::to_owned),
            metadata: json!(params.metadata("/metadata")?),
            is_disabled: false,
        })
    }

    /// Changes what the parameters name. The version of an endpoint never changes.
    pub(super) fn update(&mut self, params: &Params) -> Result<(), StripeError> {
        params.only(&[&PARAMETERS[..], &["disabled", "url"]].concat())?;
        params.expand(&[])?;
        let (url, events) = (url(params)?, events(params)?);
        let is_disabled = match params.text("/disabled") {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(other) => {
                let message = format!("Invalid boolean: {other}");
                return Err(StripeError::invalid(message).about("disabled"));
            }
        };
        self.url = url.unwrap_or_else(|| self.url.clone());
        self.enabled_events = events.unwrap_or_else(|| self.enabled_events.clone());
        self.is_disabled = is_disabled.unwrap_or(self.is_disabled);
        if let Some(description) = params.text("/description") {
            self.description = Some(description.to_owned());
        }
        Ok(())
    }

    /// As it is on the wire, without its secret.
    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "webhook_endpoint",
            "api_version": self.api_version,
            "application": null,
            "created": self.created,
            "description": self.description,
            "enabled_events": self.enabled_events,
            "livemode": false,
            "metadata": self.metadata,
            "status": if self.is_disabled { "disabled" } else { "enabled" },
            "url": self.url,
        })
    }
}

/// One more endpoint, shown with its secret, this once.
pub(super) fn add(all: &mut Vec<WebhookEndpoint>, made: WebhookEndpoint) -> Result<Value, StripeError> {
    if all.len() == MOST_ENDPOINTS {
        return Err(StripeError::invalid(format!(
            "You have reached the maximum of {MOST_ENDPOINTS} test webhook endpoints."
        )));
    }
    let mut shown = made.json();
    shown["secret"] = super::new_id("whsec_", 32).into();
    all.push(made);
    Ok(shown)
}

/// The endpoint of that name.
pub(super) fn find<'a>(
    all: &'a mut [WebhookEndpoint],
    id: &str,
) -> Result<&'a mut WebhookEndpoint, StripeError> {
    let found = all.iter_mut().find(|endpoint| endpoint.id == id);
    found.ok_or_else(|| StripeError::no_such("webhook endpoint", id, "webhook_endpoint"))
}

fn url(params: &Params) -> Result<Option<String>, StripeError> {
    let Some(text) = params.text("/url") else {
        return Ok(None);
    };
    let is_web = |url: Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    if Url::parse(text).is_ok_and(is_web) {
        return Ok(Some(text.to_owned()));
    }
    let error = StripeError::invalid("Invalid URL: An explicit scheme (such as https) must be provided.");
    Err(error.code("url_invalid").about("url"))
}

fn events(params: &Params) -> Result<Option<Vec<String>>, StripeError> {
    let Some(asked) = params.get("/enabled_events").as_array() else {
        return Ok(None);
    };
    let mut events = Vec::new();
    for (at, event) in asked.iter().enumerate() {
        let event = event.as_str().unwrap_or_default();
        if event != "*" && !KINDS.contains(&event) {
            let message = format!(
                "Invalid enabled_events[{at}]: must be one of *, {}",
                KINDS.join(", ")
            );
            return Err(StripeError::invalid(message).about(&format!("enabled_events[{at}]")));
        }
        events.push(event.to_owned());
    }
    Ok(Some(events))
}
