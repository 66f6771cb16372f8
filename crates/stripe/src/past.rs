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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use testkit::noon;

    use super::*;
    use crate::provider::tests::{session, stripe};

    /// An event of a list about a session of that order, which names this shop and stage or nothing.
    fn past_event(id: &str, order: OrderId, marked: bool) -> Value {
        let mut session = session("complete", "paid");
        session["client_reference_id"] = json!(order.as_str());
        session["metadata"] = json!({"attempt": "1"});
        if marked {
            session["metadata"] = json!({"attempt": "1", "shop": "kontor", "stage": "test"});
        }
        json!({"id": id, "type": "checkout.session.completed", "data": {"object": session}})
    }

    #[tokio::test]
    async fn past_messages_come_page_by_page_and_the_oldest_first() {
        let [first, second] = ["first", "second"].map(OrderId::for_key);
        let strange = json!({"id": "evt_3", "type": "checkout.session.completed", "data": {}});
        let newest = json!({"data": [strange, past_event("evt_2", second, true)], "has_more": true});
        let oldest = json!({"data": [past_event("evt_1", first, false)], "has_more": false});
        let (provider, seen) = stripe(vec![(200, newest), (200, oldest)]).await;
        let messages = provider.messages_since(noon()).await.expect("all of them");
        let told = messages.iter().map(|told| {
            let order = match &told.message {
                Ok(Message::Notice(notice)) => Some(notice.order()),
                _ => None,
            };
            (told.event_id.as_str(), order, told.is_marked)
        });
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                ("evt_1", Some(first), false),
                ("evt_2", Some(second), true),
                ("evt_3", None, false)
            ]
        );
        assert!(messages[2].message.is_err());
        let paths: Vec<_> = seen
            .lock()
            .expect("no panic")
            .iter()
            .map(|call| call.path.clone())
            .collect();
        let from = format!("/v1/events?limit=100&created[gte]={}", noon().as_second());
        assert!(paths[0].starts_with(&from) && paths[0].contains("types[]=charge.refunded"));
        assert!(paths[1].ends_with("&starting_after=evt_2"), "{}", paths[1]);

        let (provider, _) = stripe(vec![(500, json!({}))]).await;
        assert!(provider.messages_since(noon()).await.is_err());
    }

    #[tokio::test]
    async fn only_this_shops_open_pages_are_named() {
        let of = |id: &str, stage: &str, status: &str| {
            let mut page = session(status, "unpaid");
            page["id"] = json!(id);
            page["metadata"] = json!({"attempt": "1", "shop": "kontor", "stage": stage});
            page
        };
        let listed = [
            of("cs_1", "test", "open"),
            of("cs_2", "prod", "open"),
            of("cs_3", "test", "expired"),
        ];
        let (provider, _) = stripe(vec![(200, json!({"data": listed, "has_more": false}))]).await;
        let pages = provider.open_pages_since(noon()).await.expect("all of them");
        let names: Vec<_> = pages.iter().map(|page| page.session_id.as_str()).collect();
        assert_eq!(names, ["cs_1"]);
    }
}
