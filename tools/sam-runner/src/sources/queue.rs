//! An SQS event source mapping: takes messages in batches, invokes the function, and deletes what it has done.

use super::{Surroundings, batch};
use crate::engines::sqs::{ReceivedMessage, Sqs};
use crate::runtime::InvokeError;
use crate::template::{Function, QueueSource};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// A receive takes no more than this at once.
const LARGEST_RECEIVE: usize = 10;
/// How long a receive waits for the first message.
const LONG_POLL: Duration = Duration::from_secs(20);

/// One queue that starts one function.
pub(super) struct Mapping {
    /// Name to invoke.
    function: String,
    /// Name in the log.
    shown: Arc<str>,
    source: QueueSource,
    sqs: Sqs,
    around: Surroundings,
}

impl Mapping {
    pub(super) fn new(function: &Function, source: &QueueSource, sqs: Sqs, around: Surroundings) -> Self {
        Self {
            function: function.name.clone(),
            shown: function.binary.name.as_str().into(),
            source: source.clone(),
            sqs,
            around,
        }
    }

    /// Works the queue off until cancelled, with at most `concurrency` invocations at once. A batch is taken only when
    /// there is room for it, so that no message's visibility runs out in line.
    pub(super) async fn run(self: Arc<Self>, concurrency: usize) {
        let room = Arc::new(Semaphore::new(concurrency.max(1)));
        let cancelled = self.around.cancelled.clone();
        while let Ok(place) = Arc::clone(&room).acquire_owned().await {
            let Some(messages) = cancelled.run_until_cancelled(self.take()).await else {
                return;
            };
            if messages.is_empty() {
                continue;
            }
            let mapping = Arc::clone(&self);
            self.around.tasks.spawn(async move {
                mapping.process_batch(messages).await;
                drop(place);
            });
        }
    }

    /// The next batch: what is there, or what the batching window brings.
    async fn take(&self) -> Vec<ReceivedMessage> {
        let QueueSource {
            queue,
            batch_size,
            window,
            ..
        } = &self.source;
        let mut messages = self
            .sqs
            .receive(queue, (*batch_size).min(LARGEST_RECEIVE), LONG_POLL)
            .await;
        let closes = Instant::now() + *window;
        while !messages.is_empty() && messages.len() < *batch_size && Instant::now() < closes {
            let missing = (batch_size - messages.len()).min(LARGEST_RECEIVE);
            messages.extend(self.sqs.receive(queue, missing, closes - Instant::now()).await);
        }
        messages
    }

    async fn process_batch(&self, messages: Vec<ReceivedMessage>) {
        let event = batch::event(&messages, &self.source.queue_arn);
        let failed = match self.around.runtime.invoke(&self.function, event).await {
            Ok(answer) if self.source.reports_failures => batch::failures(&answer, &messages),
            Ok(_) => Ok(HashSet::new()),
            Err(InvokeError::Stopping) => return self.give_back(&messages),
            Err(error) => Err(error.to_string()),
        };
        match failed {
            Ok(failed) => self.delete_all_but(&failed, &messages),
            // They come again when their visibility runs out, as on Lambda.
            Err(reason) => self.log(format!(
                "{} of {} come again: {reason}",
                counted(messages.len()),
                self.source.queue
            )),
        }
    }

    fn delete_all_but(&self, failed: &HashSet<String>, messages: &[ReceivedMessage]) {
        for message in messages
            .iter()
            .filter(|message| !failed.contains(&message.message_id))
        {
            self.sqs.delete(&self.source.queue, &message.receipt_handle);
        }
        if !failed.is_empty() {
            self.log(format!(
                "{} of {} come again: the function reported them",
                counted(failed.len()),
                self.source.queue
            ));
        }
    }

    /// The local world stops: with `--data`, the messages should be there at once when it starts again.
    fn give_back(&self, messages: &[ReceivedMessage]) {
        for message in messages {
            self.sqs
                .change_visibility(&self.source.queue, &message.receipt_handle, Duration::ZERO);
        }
    }

    fn log(&self, text: String) {
        self.around.logs.platform(&self.shown, 0, text);
    }
}

fn counted(messages: usize) -> String {
    match messages {
        1 => "1 message".to_owned(),
        more => format!("{more} messages"),
    }
}
