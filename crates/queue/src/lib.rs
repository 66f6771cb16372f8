//! Adapter: the order queue in SQS.

use std::sync::OnceLock;

use app::ports::{OrderQueue, QueueError};
use aws_sdk_sqs::types::QueueAttributeName;
use aws_sdk_sqs::{Client, Config};
use domain::OrderId;
use serde::{Deserialize, Serialize};

/// The most bytes of a message that are looked at: an order's id takes 40.
const LONGEST_MESSAGE: usize = 1_024;

/// What a message says: which order is to be forwarded, and nothing else. It is a hint; the orders table is the truth.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message<'a> {
    order_id: std::borrow::Cow<'a, str>,
}

/// A message that names no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message names no order")]
pub struct NotAMessage;

/// The order that a message names.
///
/// # Errors
/// [`NotAMessage`] for anything that [`SqsOrderQueue`] would not have sent.
pub fn parse_message(body: &str) -> Result<OrderId, NotAMessage> {
    if body.len() > LONGEST_MESSAGE {
        return Err(NotAMessage);
    }
    let message: Message<'_> = serde_json::from_str(body).map_err(|_| NotAMessage)?;
    OrderId::parse(&message.order_id).map_err(|_| NotAMessage)
}

fn message(id: OrderId) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Message {
        order_id: id.as_str().into(),
    })
}

/// The queue of paid orders. Its client is made for the first call: most runs of the reconciler make none.
#[derive(Clone, Debug)]
pub struct SqsOrderQueue {
    config: Config,
    client: OnceLock<Client>,
    queue_url: String,
}

impl SqsOrderQueue {
    /// The queue at that URL.
    pub fn new(config: Config, queue_url: String) -> Self {
        Self {
            config,
            client: OnceLock::new(),
            queue_url,
        }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| Client::from_conf(self.config.clone()))
    }
}

impl OrderQueue for SqsOrderQueue {
    async fn send(&self, id: OrderId) -> Result<(), QueueError> {
        let body = message(id).map_err(|error| QueueError(Box::new(error)))?;
        let sent = self
            .client()
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(body)
            .send()
            .await;
        sent.map(drop).map_err(|error| QueueError(Box::new(error)))
    }

    async fn waiting(&self) -> Result<usize, QueueError> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let asked = self
            .client()
            .get_queue_attributes()
            .queue_url(&self.queue_url)
            .attribute_names(name.clone())
            .send()
            .await;
        let answer = asked.map_err(|error| QueueError(Box::new(error)))?;
        let number = answer
            .attributes()
            .and_then(|attributes| attributes.get(&name)?.parse().ok());
        number.ok_or_else(|| QueueError("an answer without the number of messages".into()))
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
