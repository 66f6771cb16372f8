//! SQS: standard queues on the JSON protocol of the AWS SDKs, and an in-process door for event sources.
//!
//! Own code, since the crates that exist drop the trace header, fail a whole batch for one bad handle, or count a receive
//! twice; see ARCHITECTURE.md. `broker` holds the queues and their rules, `api` the wire.

mod api;
mod attributes;
mod broker;
mod error;
mod message;
mod moving;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use self::broker::Broker;
use self::error::SqsError;
use self::message::Message;
use self::moving::MoveTasks;
use super::clock::Clock;
use super::server::{Server, listen};
use crate::rights::{self, Guard};
use crate::runtime::{ACCOUNT, REGION};
pub use crate::template::{QueueAttributes, Redrive};

/// An SQS on loopback. Clones share it; it stops listening when the last one is dropped.
#[derive(Clone)]
pub struct Sqs {
    core: Arc<Core>,
    _server: Arc<Server>,
}

/// A queue's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// What clients send to: `http://127.0.0.1:PORT/000000000000/NAME`.
    pub url: String,
    /// `arn:aws:sqs:eu-central-1:000000000000:NAME`.
    pub arn: String,
    /// The name it was created with.
    pub name: String,
}

/// How many messages a queue holds, by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// In line to be received.
    pub waiting: usize,
    /// Received, and neither deleted nor timed out.
    pub in_flight: usize,
    /// Sent with a delay that is not over, and never received.
    pub delayed: usize,
}

/// A received message, with the attributes that a Lambda event shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedMessage {
    /// A UUID.
    pub message_id: String,
    /// Names this receive, for [`Sqs::delete`] and [`Sqs::change_visibility`].
    pub receipt_handle: String,
    /// As sent.
    pub body: String,
    /// System attributes: `ApproximateReceiveCount`, `SentTimestamp`, `SenderId`, `ApproximateFirstReceiveTimestamp`,
    /// and `AWSTraceHeader` and `DeadLetterQueueSourceArn` where there are any.
    pub attributes: BTreeMap<String, String>,
    /// `{NAME: {dataType, stringValue, binaryValue, stringListValues, binaryListValues}}`, as in a Lambda event.
    pub message_attributes: Value,
    /// In hex.
    pub md5_of_body: String,
}

impl Sqs {
    /// Starts SQS on a loopback port (0 for any free one), in the current tokio runtime.
    ///
    /// With `data`, queues and messages are kept in that directory, and what was acknowledged survives a kill.
    pub async fn start(port: u16, data: Option<&Path>) -> anyhow::Result<Sqs> {
        Self::guarded(port, data, Guard::default()).await
    }

    /// As [`Sqs::start`]; `guard` says who may do what by way of the port.
    pub async fn guarded(port: u16, data: Option<&Path>, guard: Guard) -> anyhow::Result<Sqs> {
        let listener = listen("SQS", port).await?;
        let base = format!("http://{}", listener.local_addr()?);
        let core = Arc::new(Core::open(base, Clock::system(), data)?);
        let server = Server::start(listener, guard.before(rights::SQS, api::router(core.clone())))?;
        Ok(Sqs {
            core,
            _server: Arc::new(server),
        })
    }

    /// The endpoint for SDKs and the AWS CLI: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        self.core.base.clone()
    }

    /// Creates a queue, or gives an existing one these attributes; its messages stay.
    pub fn create_queue(&self, name: &str, attributes: QueueAttributes) -> Queue {
        if let Err(error) = self.core.broker().create(name, attributes) {
            tracing::error!(queue = name, %error, "a queue was not created");
        }
        self.core.names(name)
    }

    /// Receives up to `max` messages, waiting for the first up to `wait`. Empty also if there is no such queue.
    pub async fn receive(&self, queue_name: &str, max: usize, wait: Duration) -> Vec<ReceivedMessage> {
        match self.core.receive(queue_name, max, Some(wait), None).await {
            Ok(messages) => messages.into_iter().map(received).collect(),
            Err(error) => {
                tracing::warn!(queue = queue_name, %error, "nothing received");
                Vec::new()
            }
        }
    }

    /// Deletes a received message; without effect if it is gone, or another receive has taken it over.
    pub fn delete(&self, queue_name: &str, receipt_handle: &str) {
        if let Err(error) = self.core.broker().delete(queue_name, receipt_handle) {
            tracing::warn!(queue = queue_name, %error, "a message was not deleted");
        }
    }

    /// Hides a message in flight for `visibility` from now on; zero gives it back at once.
    pub fn change_visibility(&self, queue_name: &str, receipt_handle: &str, visibility: Duration) {
        if let Err(error) = self
            .core
            .broker()
            .change_visibility(queue_name, receipt_handle, visibility)
        {
            tracing::debug!(queue = queue_name, %error, "a message's visibility was not changed");
        }
    }

    /// How many messages a queue holds; `None` if there is no such queue.
    pub fn counts(&self, queue_name: &str) -> Option<Counts> {
        self.core.broker().counts(queue_name).ok()
    }
}

/// What the in-process interface and the wire share.
struct Core {
    base: String,
    broker: Mutex<Broker>,
    clock: Clock,
    moves: Mutex<MoveTasks>,
}

impl Core {
    fn open(base: String, clock: Clock, data: Option<&Path>) -> anyhow::Result<Core> {
        let broker = Mutex::new(Broker::open(clock, data)?);
        Ok(Core {
            base,
            broker,
            clock,
            moves: Mutex::default(),
        })
    }

    /// The queues as of now: what was due has happened.
    fn broker(&self) -> MutexGuard<'_, Broker> {
        let mut broker = self.broker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = broker.advance() {
            tracing::error!(%error, "what was due in the queues has not happened");
        }
        broker
    }

    fn names(&self, name: &str) -> Queue {
        Queue {
            url: format!("{}/{ACCOUNT}/{name}", self.base),
            arn: arn(name),
            name: name.to_owned(),
        }
    }

    /// Receives, and waits if there is nothing: for `wait`, or for as long as the queue is set to.
    async fn receive(
        &self,
        queue: &str,
        max: usize,
        wait: Option<Duration>,
        visibility: Option<Duration>,
    ) -> Result<Vec<Message>, SqsError> {
        let begun = Instant::now();
        let arrivals = self.broker().arrivals(queue);
        loop {
            let arrival = arrivals.notified();
            let next = {
                let mut broker = self.broker();
                let messages = broker.receive(queue, max, visibility)?;
                let set = broker.queue(queue)?.attributes.receive_message_wait_time;
                let closes = begun + wait.unwrap_or(set);
                if !messages.is_empty() || Instant::now() >= closes {
                    return Ok(messages);
                }
                let due = broker.next_due()?.map(|due| self.clock.instant_of(due));
                due.map_or(closes, |due| due.min(closes))
            };
            let _ = tokio::time::timeout_at(next, arrival).await;
        }
    }
}

fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")
}

/// A message as a Lambda event shows it.
fn received(message: Message) -> ReceivedMessage {
    let message_attributes = message.attributes.iter().map(|(name, attribute)| {
        let shown = json!({
            "dataType": attribute.data_type,
            "stringValue": attribute.string_value,
            "binaryValue": attribute.binary_value,
            "stringListValues": [],
            "binaryListValues": [],
        });
        (name.clone(), shown)
    });
    ReceivedMessage {
        message_attributes: Value::Object(message_attributes.collect()),
        attributes: message.system_attributes(),
        md5_of_body: attributes::md5_of_body(&message.body),
        receipt_handle: message.receipt_handle(),
        message_id: message.id,
        body: message.body,
    }
}

#[cfg(test)]
mod tests;
