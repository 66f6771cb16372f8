//! What happened at Stripe since some time: for a shop whose tables were restored, and which does not know it any more.
//!
//! Stripe lists events for 30 days (docs.stripe.com/api/events). They are the webhook's messages, so that they are read and applied alike.

use app::ports::Cause;
use domain::OrderId;
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::Stripe;
use crate::call::{CallError, read};
use crate::objects::{List, Named, Session};
use crate::webhook::{EVENTS, Message, WebhookError, is_marked, understand};

/// A message that the webhook was sent, or should have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastMessage {
    /// Stripe's name for the event.
    pub event_id: String,
    /// The message; where it is not of the form that the shop knows, the webhook refuses it, too.
    pub message: Result<Message, WebhookError>,
    /// Whether its object names this shop and stage. What the release before made does not: whose it is shows only where its order is known.
    pub is_marked: bool,
}

/// A payment page that a shopper may still pay on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPage {
    /// The order that it is for.
    pub order: OrderId,
    /// Stripe's name for it.
    pub session_id: String,
}

impl Stripe {
    /// The messages since `since`, the oldest first.
    ///
    /// # Errors
    /// Where Stripe does not list them all.
    pub async fn messages_since(&self, since: Timestamp) -> Result<Vec<PastMessage>, Cause> {
        let types = EVENTS.join("&types[]=");
        let path = format!(
            "/v1/events?limit=100&created[gte]={}&types[]={types}",
            since.as_second()
        );
        let stage = &self.config.stage;
        let mut messages = Vec::new();
        for event in self.all(&path).await? {
            let body = event.get().as_bytes();
            messages.push(PastMessage {
                event_id: read::<Named>(body)?.id,
                message: understand(body, stage),
                is_marked: is_marked(body, stage),
            });
        }
        messages.reverse();
        Ok(messages)
    }

    /// The pages that were opened since `since` by this shop in this stage, and are open.
    ///
    /// # Errors
    /// Where Stripe does not list them all.
    pub async fn open_pages_since(&self, since: Timestamp) -> Result<Vec<OpenPage>, Cause> {
        let path = format!(
            "/v1/checkout/sessions?limit=100&status=open&created[gte]={}",
            since.as_second()
        );
        let mut pages = Vec::new();
        for session in self.all(&path).await? {
            let session: Session = read(session.get().as_bytes())?;
            let is_open = session.status.as_deref() == Some("open") && session.is_marked(&self.config.stage);
            if let Some(order) = session.order().filter(|_| is_open) {
                pages.push(OpenPage {
                    order,
                    session_id: session.id,
                });
            }
        }
        Ok(pages)
    }

    /// All of a list, the newest first; `path` has its first parameters.
    async fn all(&self, path: &str) -> Result<Vec<Box<RawValue>>, CallError> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page: List<Box<RawValue>> = self.get(&format!("{path}{after}")).await?;
            let last = page.data.last();
            let last = last.map(|last| read::<Named>(last.get().as_bytes()));
            after = match last.transpose()? {
                Some(Named { id }) if page.has_more => format!("&starting_after={id}"),
                _ => String::new(),
            };
            all.extend(page.data);
            if after.is_empty() {
                return Ok(all);
            }
        }
    }
}
