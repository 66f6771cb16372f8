//! The webhook endpoint: where Stripe sends the shop's events, which of them, and in which form (docs.stripe.com/api/webhook_endpoints).

use app::ports::Cause;
use secrecy::SecretString;
use serde::Deserialize;

use crate::Stripe;
use crate::call::{API_VERSION, CallError};
use crate::objects::List;
use crate::webhook::EVENTS;

const ENDPOINTS: &str = "/v1/webhook_endpoints";

/// An endpoint, as Stripe shows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct WebhookEndpoint {
    /// Stripe's name for it.
    pub id: String,
    /// Where it sends events.
    pub url: String,
    enabled_events: Vec<String>,
    /// `None`: the account's own.
    #[serde(default)]
    api_version: Option<String>,
    /// `enabled` or `disabled`.
    status: String,
}

/// An endpoint that was just made.
#[derive(Debug)]
pub struct NewEndpoint {
    /// Stripe's name for it.
    pub id: String,
    /// What it signs events with. Stripe shows it this once.
    pub secret: SecretString,
}

#[derive(Deserialize)]
struct Created {
    id: String,
    secret: String,
}

impl WebhookEndpoint {
    /// Whether its events have the form that this release reads. Stripe changes no endpoint's version.
    pub fn is_of_this_version(&self) -> bool {
        self.api_version.as_deref() == Some(API_VERSION)
    }

    /// Whether it sends anything.
    pub fn is_enabled(&self) -> bool {
        self.status == "enabled"
    }

    /// The events that the shop reads and does not get.
    pub fn missing_events(&self) -> Vec<&'static str> {
        let is_missing = |event: &&str| !self.enabled_events.iter().any(|own| own == event);
        EVENTS.into_iter().filter(is_missing).collect()
    }

    /// The events that it sends and the shop does not read.
    pub fn surplus_events(&self) -> Vec<&str> {
        let own = self.enabled_events.iter().map(String::as_str);
        own.filter(|event| !EVENTS.contains(event)).collect()
    }
}

impl Stripe {
    /// The API's version that the shop reads.
    pub const API_VERSION: &str = API_VERSION;

    /// The account's endpoints for `url`, newest first.
    ///
    /// # Errors
    /// Where Stripe refuses or does not answer, without what was sent.
    pub async fn webhook_endpoints(&self, url: &str) -> Result<Vec<WebhookEndpoint>, Cause> {
        let mut found = Vec::new();
        let mut path = format!("{ENDPOINTS}?limit=100");
        loop {
            let page: List<WebhookEndpoint> = self.get(&path).await?;
            let last = page.data.last().map(|endpoint| endpoint.id.clone());
            found.extend(page.data.into_iter().filter(|endpoint| endpoint.url == url));
            match last {
                Some(last) if page.has_more => {
                    path = format!("{ENDPOINTS}?limit=100&starting_after={last}");
                }
                _ => return Ok(found),
            }
        }
    }

    /// Makes an endpoint for `url` that sends what the shop reads.
    ///
    /// # Errors
    /// Where Stripe refuses or does not answer: then it may have been made.
    pub async fn create_webhook_endpoint(&self, url: &str, description: &str) -> Result<NewEndpoint, Cause> {
        let mut form = with_events();
        form.append_pair("url", url);
        form.append_pair("description", description);
        form.append_pair("api_version", API_VERSION);
        let Created { id, secret } = self.post(ENDPOINTS, None, form.finish()).await?;
        let secret = SecretString::from(secret);
        Ok(NewEndpoint { id, secret })
    }

    /// Lets the endpoint send what the shop reads, and nothing else.
    ///
    /// # Errors
    /// Where Stripe refuses or does not answer.
    pub async fn correct_webhook_endpoint(&self, id: &str) -> Result<(), Cause> {
        let mut form = with_events();
        form.append_pair("disabled", "false");
        Ok(self.update_webhook_endpoint(id, form.finish()).await?)
    }

    /// Lets the endpoint send nothing.
    ///
    /// # Errors
    /// Where Stripe refuses or does not answer.
    pub async fn disable_webhook_endpoint(&self, id: &str) -> Result<(), Cause> {
        Ok(self
            .update_webhook_endpoint(id, "disabled=true".to_owned())
            .await?)
    }

    async fn update_webhook_endpoint(&self, id: &str, form: String) -> Result<(), CallError> {
        let path = format!("{ENDPOINTS}/{id}");
        self.post::<WebhookEndpoint>(&path, None, form).await.map(drop)
    }
}

fn with_events() -> form_urlencoded::Serializer<'static, String> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (number, event) in EVENTS.iter().enumerate() {
        form.append_pair(&format!("enabled_events[{number}]"), event);
    }
    form
}
