//! All queues together: what moves between them, what wakes those who wait, and what goes to disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::error::SqsError;
use super::ids::ReceiptHandle;
use super::queue::{Advanced, Counts, Message, NotInFlight, Number, Queue, QueueAttributes};
use super::store::{Change, Store};
use crate::engines::clock::{Clock, Millis};

/// Messages that one queue may have in flight, as at SQS.
const MOST_IN_FLIGHT: usize = 120_000;

/// A message on its way to a receiver.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) handle: ReceiptHandle,
    pub(super) message: Message,
}

impl Delivery {
    /// The system attributes that go with the message.
    pub(super) fn system_attributes(&self) -> BTreeMap<String, String> {
        let message = &self.message;
        let first_received_at = message.first_received_at.unwrap_or(message.sent_at);
        let mut attributes = BTreeMap::from([
            (
                "ApproximateReceiveCount".to_owned(),
                message.receive_count.to_string(),
            ),
            (
                "ApproximateFirstReceiveTimestamp".to_owned(),
                first_received_at.to_string(),
            ),
            ("SentTimestamp".to_owned(), message.sent_at.to_string()),
            ("SenderId".to_owned(), super::ACCOUNT.to_owned()),
        ]);
        if let Some(trace) = &message.trace_header {
            attributes.insert("AWSTraceHeader".into(), trace.clone());
        }
        if let Some(source) = &message.dead_letter_of {
            attributes.insert("DeadLetterQueueSourceArn".into(), super::arn(source));
        }
        attributes
    }
}

/// The queues, in memory, and their image on disk where one is kept.
pub(super) struct Broker {
    queues: BTreeMap<String, Entry>,
    next_number: Number,
    store: Option<Store>,
    clock: Clock,
}

struct Entry {
    queue: Queue,
    arrivals: Arc<Notify>,
}

impl Entry {
    fn new(queue: Queue) -> Entry {
        Entry {
            queue,
            arrivals: Arc::default(),
        }
    }
}

impl Broker {
    /// Starts empty, or with what `data` holds.
    pub(super) fn open(clock: Clock, data: Option<&Path>) -> anyhow::Result<Broker> {
        let now = clock.now_ms();
        // Numbers begin with the time, so that a receipt handle of an earlier run never names a message of this one.
        let mut broker = Broker {
            queues: BTreeMap::new(),
            next_number: now << 20,
            store: None,
            clock,
        };
        if let Some(data) = data {
            let mut store = Store::open(data)?;
            let loaded = store.load()?;
            for (name, attributes, created_at) in loaded.queues {
                broker
                    .queues
                    .insert(name, Entry::new(Queue::new(attributes, created_at)));
            }
            for (queue, number, message) in loaded.messages {
                broker.next_number = broker.next_number.max(number + 1);
                if let Some(entry) = broker.queues.get_mut(&queue) {
                    entry.queue.put(number, message, now);
                }
            }
            broker.store = Some(store);
        }
        Ok(broker)
    }

    /// Lets everything happen that is due: messages come back, die, are forgotten.
    pub(super) fn advance(&mut self) {
        let now = self.clock.now_ms();
        let names: Vec<String> = self.queues.keys().cloned().collect();
        for name in names {
            let Some((has_home, entry)) = self.with_home_of_dead(&name) else {
                continue;
            };
            let Advanced {
                returned,
                dead,
                forgotten,
            } = entry.queue.advance(now, has_home);
            for _ in 0..returned.min(10) {
                entry.arrivals.notify_one();
            }
            let home = entry
                .queue
                .attributes
                .redrive
                .as_ref()
                .map(|redrive| redrive.target_queue.clone());
            self.note(forgotten.into_iter().map(Change::Gone).collect());
            if let (Some(home), false) = (home, dead.is_empty()) {
                self.bury(&name, &home, dead, now);
            }
        }
    }

    fn with_home_of_dead(&mut self, name: &str) -> Option<(bool, &mut Entry)> {
        let redrive = self.queues.get(name)?.queue.attributes.redrive.as_ref();
        let has_home = redrive.is_some_and(|redrive| self.queues.contains_key(&redrive.target_queue));
        Some((has_home, self.queues.get_mut(name)?))
    }

    fn bury(&mut self, source: &str, home: &str, dead: Vec<(Number, Message)>, now: Millis) {
        for (number, mut message) in dead {
            tracing::warn!(
                queue = source,
                dead_letter_queue = home,
                message.id = message.id,
                receives = message.receive_count,
                "a message was received too often and is a dead letter now"
            );
            message.dead_letter_of = Some(source.to_owned());
            message.visible_at = now;
            self.note(vec![Change::put(home, number, &message)]);
            self.place(home, number, message, now);
        }
    }

    fn place(&mut self, queue: &str, number: Number, message: Message, now: Millis) {
        if let Some(entry) = self.queues.get_mut(queue) {
            entry.queue.put(number, message, now);
            entry.arrivals.notify_one();
        }
    }

    /// Creates a queue or changes an existing one's attributes.
    pub(super) fn create(&mut self, name: &str, attributes: QueueAttributes) {
        let now = self.clock.now_ms();
        let entry = self
            .queues
            .entry(name.to_owned())
            .or_insert_with(|| Entry::new(Queue::new(attributes.clone(), now)));
        entry.queue.attributes = attributes;
        let change = Change::Queue(
            name.to_owned(),
            entry.queue.attributes.clone(),
            entry.queue.created_at,
        );
        self.note(vec![change]);
    }

    /// Removes a queue with all its messages.
    pub(super) fn remove(&mut self, name: &str) -> Result<(), SqsError> {
        self.queues
            .remove(name)
            .ok_or_else(SqsError::queue_does_not_exist)?;
        self.note(vec![
            Change::Purged(name.to_owned()),
            Change::QueueGone(name.to_owned()),
        ]);
        Ok(())
    }

    /// Puts new messages into a queue; all of them, or none if they cannot be kept.
    pub(super) fn send(&mut self, queue: &str, messages: Vec<Message>) -> Result<(), SqsError> {
        self.entry(queue)?;
        let now = self.clock.now_ms();
        let numbered: Vec<(Number, Message)> = messages.into_iter().map(|m| (self.number(), m)).collect();
        if let Some(store) = &mut self.store {
            let changes = numbered
                .iter()
                .map(|(number, message)| Change::put(queue, *number, message))
                .collect();
            store.write(changes).map_err(|error| {
                tracing::error!(%error, "a message could not be kept");
                SqsError::internal("The message could not be kept.")
            })?;
        }
        for (number, message) in numbered {
            self.place(queue, number, message, now);
        }
        Ok(())
    }

    fn number(&mut self) -> Number {
        self.next_number += 1;
        self.next_number
    }

    /// Receives up to `max` messages that are in line, hiding each for `visibility` or as long as the queue is set to.
    pub(super) fn receive(
        &mut self,
        queue: &str,
        max: usize,
        visibility: Option<Duration>,
    ) -> Result<Vec<Delivery>, SqsError> {
        let now = self.clock.now_ms();
        let entry = self.entry(queue)?;
        let visibility = visibility.unwrap_or(entry.queue.attributes.visibility_timeout);
        if entry.queue.counts().in_flight >= MOST_IN_FLIGHT {
            return Err(SqsError::over_limit("Too many messages in flight."));
        }
        // A message hidden for no time is back in line at once: it comes once a call all the same.
        let max = max.min(entry.queue.counts().waiting);
        let mut deliveries: Vec<Delivery> = Vec::new();
        while deliveries.len() < max {
            let Some((number, message)) = entry.queue.receive(now, visibility) else {
                break;
            };
            let handle = ReceiptHandle {
                number,
                receive_count: message.receive_count,
            };
            deliveries.push(Delivery {
                handle,
                message: message.clone(),
            });
        }
        if entry.queue.counts().waiting > 0 {
            // One wake-up may have stood for several messages: pass it on.
            entry.arrivals.notify_one();
        }
        let changes = deliveries
            .iter()
            .map(|d| Change::seen(d.handle.number, &d.message))
            .collect();
        self.note(changes);
        Ok(deliveries)
    }

    /// Deletes what a receipt handle names; a stale one deletes nothing, and that is no error.
    pub(super) fn delete(&mut self, queue: &str, receipt_handle: &str) -> Result<(), SqsError> {
        let entry = self.entry(queue)?;
        let handle = decode(receipt_handle)?;
        if entry.queue.delete(handle.number, handle.receive_count) {
            self.note(vec![Change::Gone(handle.number)]);
        }
        Ok(())
    }

    /// Changes how long a message in flight stays hidden, counted from now.
    pub(super) fn change_visibility(
        &mut self,
        queue: &str,
        receipt_handle: &str,
        visibility: Duration,
    ) -> Result<(), SqsError> {
        let now = self.clock.now_ms();
        let entry = self.entry(queue)?;
        let handle = decode(receipt_handle)?;
        let changed = entry
            .queue
            .change_visibility(handle.number, handle.receive_count, visibility, now);
        let change = match changed {
            Ok(message) => Change::seen(handle.number, message),
            Err(NotInFlight::TooLong) => {
                return Err(SqsError::parameter(
                    "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
                ));
            }
            Err(NotInFlight::Gone) => {
                return Err(SqsError::parameter(
                    "Value for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available \
                     for visibility timeout change.",
                ));
            }
            Err(NotInFlight::NotYours) => {
                return Err(SqsError::message_not_in_flight(
                    "The specified message isn't in flight.",
                ));
            }
        };
        self.note(vec![change]);
        self.advance();
        Ok(())
    }

    /// Drops all messages of a queue.
    pub(super) fn purge(&mut self, queue: &str) -> Result<(), SqsError> {
        self.entry(queue)?.queue.purge();
        self.note(vec![Change::Purged(queue.to_owned())]);
        Ok(())
    }

    /// Moves up to `limit` messages in line out of a dead-letter queue: to `destination`, or each to where it came from.
    /// As at SQS they are new messages then: a new id, sent now, never received. Returns how many moved.
    pub(super) fn move_back(
        &mut self,
        queue: &str,
        destination: Option<&str>,
        limit: usize,
    ) -> Result<usize, SqsError> {
        let now = self.clock.now_ms();
        let waiting = self.entry(queue)?.queue.counts().waiting;
        let mut moved = 0;
        for _ in 0..limit.min(waiting) {
            let Some((number, old)) = self.entry(queue)?.queue.take_next() else {
                break;
            };
            let target = destination.or(old.dead_letter_of.as_deref()).map(str::to_owned);
            let Some(target) = target.filter(|target| self.queues.contains_key(target)) else {
                // It came from nowhere that exists: it goes back to the end of the line.
                self.place(queue, number, old, now);
                continue;
            };
            let mut message = Message::new(old.body, now, Duration::ZERO);
            (message.attributes, message.trace_header) = (old.attributes, old.trace_header);
            self.note(vec![Change::put(&target, number, &message)]);
            self.place(&target, number, message, now);
            moved += 1;
        }
        Ok(moved)
    }

    /// Queues whose dead letters go to `queue`.
    pub(super) fn sources_of(&self, queue: &str) -> Vec<&str> {
        let feeds = |entry: &Entry| {
            entry
                .queue
                .attributes
                .redrive
                .as_ref()
                .is_some_and(|redrive| redrive.target_queue == queue)
        };
        self.queues
            .iter()
            .filter(|(_, entry)| feeds(entry))
            .map(|(name, _)| name.as_str())
            .collect()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.queues.keys().map(String::as_str)
    }

    pub(super) fn queue(&self, name: &str) -> Result<&Queue, SqsError> {
        self.queues
            .get(name)
            .map(|entry| &entry.queue)
            .ok_or_else(SqsError::queue_does_not_exist)
    }

    pub(super) fn counts(&self, name: &str) -> Result<Counts, SqsError> {
        self.queue(name).map(Queue::counts)
    }

    pub(super) fn default_wait(&self, name: &str) -> Result<Duration, SqsError> {
        self.queue(name)
            .map(|queue| queue.attributes.receive_message_wait_time)
    }

    /// What is notified when a message comes into line.
    pub(super) fn arrivals(&self, name: &str) -> Result<Arc<Notify>, SqsError> {
        let entry = self.queues.get(name).ok_or_else(SqsError::queue_does_not_exist)?;
        Ok(entry.arrivals.clone())
    }

    /// When the next hidden message of any queue is due: a dead letter of one is an arrival in another.
    pub(super) fn next_due(&self) -> Option<Millis> {
        self.queues
            .values()
            .filter_map(|entry| entry.queue.next_due())
            .min()
    }

    fn entry(&mut self, name: &str) -> Result<&mut Entry, SqsError> {
        self.queues
            .get_mut(name)
            .ok_or_else(SqsError::queue_does_not_exist)
    }

    /// Keeps changes that have happened in memory. If the disk fails here, a message may come again after a restart,
    /// which a standard queue's readers must bear anyway.
    fn note(&mut self, changes: Vec<Change>) {
        let Some(store) = &mut self.store else { return };
        if !changes.is_empty()
            && let Err(error) = store.write(changes)
        {
            tracing::error!(%error, "the queues on disk are behind those in memory");
        }
    }
}

fn decode(receipt_handle: &str) -> Result<ReceiptHandle, SqsError> {
    ReceiptHandle::decode(receipt_handle).ok_or_else(|| {
        SqsError::receipt_handle_invalid(format!(
            "The input receipt handle \"{receipt_handle}\" is not a valid receipt handle."
        ))
    })
}
