//! Messages that failed for good: seeing them, and sending them on their way again.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use app::ports::Orders;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use jiff::Timestamp;
use serde::Serialize;

use crate::report::{age, seconds, table};
use crate::{Outcome, Report, Shop};

/// Messages a receive, the most that SQS gives.
const BATCH: i32 = 10;
/// For so many seconds a message that is looked at is hidden, so that the next receive gives others; then it is given back.
const HIDDEN: i32 = 30;
/// How often and how long it is looked whether the messages have moved.
const LOOKS: u32 = 40;
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// Messages of the dead-letter queue. None was deleted.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetters {
    /// The oldest first.
    pub messages: Vec<DeadLetter>,
    /// About how many there are.
    pub in_queue: usize,
}

/// A message that failed for good.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetter {
    /// The order that it names; `None` where it names none.
    pub order_id: Option<String>,
    /// How that order stands; `None` where there is no such order.
    pub status: Option<&'static str>,
    /// Since it was sent first, in seconds.
    pub age_s: i64,
    /// How often it was received in its life, this time included.
    pub receives: u32,
    /// SQS's own name for it.
    pub message_id: String,
}

/// A move of dead letters back into the queue that they came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Redriven {
    /// How it stands: `COMPLETED`, or `RUNNING` where it was not waited for any longer.
    pub status: String,
    /// About how many messages moved.
    pub moved: i64,
}

impl Shop {
    /// Looks at up to `limit` messages of the dead-letter queue, and gives them back.
    ///
    /// # Errors
    /// Where the queue or the store does not answer.
    pub async fn dead_letters(&self, limit: usize, now: Timestamp) -> anyhow::Result<DeadLetters> {
        let in_queue = self.dead_letters_waiting().await?;
        let received = self.receive_dead_letters(limit).await?;
        let mut messages = Vec::new();
        for message in received.values() {
            messages.push(self.dead_letter(message, now).await?);
        }
        messages.sort_by_key(|message| std::cmp::Reverse(message.age_s));
        Ok(DeadLetters {
            in_queue: in_queue.max(messages.len()),
            messages,
        })
    }

    /// Moves every dead letter back into the order queue, by SQS itself, and waits for it up to 20 seconds.
    ///
    /// # Errors
    /// Where the queue does not answer, or the move failed.
    pub async fn redrive(&self) -> anyhow::Result<Redriven> {
        let sqs = &self.clients.sqs;
        let started = sqs
            .start_message_move_task()
            .source_arn(&self.dead_letters_arn)
            .send();
        started
            .await
            .context("the move of the dead letters was not started")?;
        for _ in 0..LOOKS {
            let redriven = self.last_move().await?;
            if redriven.status != "RUNNING" {
                let Redriven { status, .. } = &redriven;
                ensure!(status == "COMPLETED", "the move ended as {status}");
                return Ok(redriven);
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        self.last_move().await
    }

    async fn last_move(&self) -> anyhow::Result<Redriven> {
        let listed = self
            .clients
            .sqs
            .list_message_move_tasks()
            .source_arn(&self.dead_letters_arn)
            .max_results(1)
            .send()
            .await
            .context("the move of the dead letters was started; how it stands is not known")?;
        let task = listed
            .results()
            .first()
            .ok_or_else(|| anyhow!("SQS does not know of the move"))?;
        if let Some(reason) = task.failure_reason() {
            return Err(anyhow!("the move failed: {reason}"));
        }
        Ok(Redriven {
            status: task.status().unwrap_or_default().to_owned(),
            moved: task.approximate_number_of_messages_moved(),
        })
    }

    async fn dead_letters_waiting(&self) -> anyhow::Result<usize> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let asked = self
            .clients
            .sqs
            .get_queue_attributes()
            .queue_url(&self.dead_letters_url)
            .attribute_names(name.clone())
            .send()
            .await
            .context("the dead-letter queue")?;
        let number = asked
            .attributes()
            .and_then(|attributes| attributes.get(&name)?.parse().ok());
        number.context("the dead-letter queue does not tell how many messages it has")
    }

    /// Messages by their id; each is visible again when this returns.
    async fn receive_dead_letters(&self, limit: usize) -> anyhow::Result<BTreeMap<String, Message>> {
        let mut received = BTreeMap::new();
        while received.len() < limit {
            let batch = self.receive_batch().await?;
            let before = received.len();
            let id = |message: &Message| message.message_id().unwrap_or_default().to_owned();
            received.extend(batch.into_iter().map(|message| (id(&message), message)));
            if received.len() == before {
                break;
            }
        }
        for handle in received.values().filter_map(Message::receipt_handle) {
            let shown = self.clients.sqs.change_message_visibility();
            let shown = shown.queue_url(&self.dead_letters_url).receipt_handle(handle);
            // Otherwise it is hidden for a few seconds more, and no worse.
            drop(shown.visibility_timeout(0).send().await);
        }
        Ok(received)
    }

    async fn receive_batch(&self) -> anyhow::Result<Vec<Message>> {
        let received = self
            .clients
            .sqs
            .receive_message()
            .queue_url(&self.dead_letters_url)
            .max_number_of_messages(BATCH)
            .visibility_timeout(HIDDEN)
            // A long poll asks all of SQS's servers, not some.
            .wait_time_seconds(1)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await;
        Ok(received
            .context("the dead-letter queue")?
            .messages
            .unwrap_or_default())
    }

    async fn dead_letter(&self, message: &Message, now: Timestamp) -> anyhow::Result<DeadLetter> {
        let attribute = |name| message.attributes()?.get(&name)?.parse::<i64>().ok();
        let sent = attribute(MessageSystemAttributeName::SentTimestamp)
            .and_then(|sent| Timestamp::from_millisecond(sent).ok());
        let receives = attribute(MessageSystemAttributeName::ApproximateReceiveCount);
        let id = queue::parse_message(message.body().unwrap_or_default()).ok();
        let order = match id {
            Some(id) => self.orders.get(id).await.context("the table of orders")?,
            None => None,
        };
        Ok(DeadLetter {
            order_id: id.map(|id| id.to_string()),
            status: order.map(|order| order.status().name()),
            age_s: sent.map_or(0, |sent| seconds(sent, now)),
            receives: receives
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or_default(),
            message_id: message.message_id().unwrap_or_default().to_owned(),
        })
    }
}

impl Report for DeadLetters {
    fn outcome(&self) -> Outcome {
        if self.in_queue == 0 {
            Outcome::Well
        } else {
            Outcome::Attention
        }
    }
}

impl fmt::Display for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.in_queue == 0 {
            return writeln!(f, "No dead letters.");
        }
        let mut rows = table(["order", "status", "age", "receives", "message"]);
        for letter in &self.messages {
            rows.add_row([
                letter.order_id.as_deref().unwrap_or("names no order"),
                letter.status.unwrap_or("-"),
                &age(letter.age_s),
                &letter.receives.to_string(),
                &letter.message_id,
            ]);
        }
        writeln!(f, "{rows}")?;
        writeln!(
            f,
            "{} of about {} messages; none was deleted.",
            self.messages.len(),
            self.in_queue
        )
    }
}

impl Report for Redriven {
    fn outcome(&self) -> Outcome {
        Outcome::Well
    }
}

impl fmt::Display for Redriven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.status.to_lowercase();
        writeln!(
            f,
            "{} messages moved back into the order queue ({state}).",
            self.moved
        )
    }
}
