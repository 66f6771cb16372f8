//! One queue: its messages, and when each may be seen. Pure; time comes in as Unix milliseconds.
//!
//! A message is *waiting* (in line, to be received), or *hidden* until a time (delayed, or received and in flight).
//! Every operation is logarithmic in the number of messages or better.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::attributes::MessageAttribute;
use crate::engines::clock::{Millis, millis};
use crate::template::{self, Redrive};

/// What a queue is set to; the fields are named after SQS's attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueAttributes {
    /// How long a received message stays hidden from others.
    pub visibility_timeout: Duration,
    /// How long a message is kept.
    pub message_retention_period: Duration,
    /// How long a new message stays hidden.
    pub delay: Duration,
    /// How long a receive waits for a message if the call doesn't say.
    pub receive_message_wait_time: Duration,
    /// Where messages go that are received too often.
    pub redrive: Option<Redrive>,
}

impl Default for QueueAttributes {
    /// SQS's own defaults: 30 s, 4 days, no delay, no wait, no dead-letter queue.
    fn default() -> QueueAttributes {
        QueueAttributes {
            visibility_timeout: Duration::from_secs(30),
            message_retention_period: Duration::from_hours(4 * 24),
            delay: Duration::ZERO,
            receive_message_wait_time: Duration::ZERO,
            redrive: None,
        }
    }
}

impl From<&template::Queue> for QueueAttributes {
    fn from(queue: &template::Queue) -> QueueAttributes {
        QueueAttributes {
            visibility_timeout: queue.visibility_timeout,
            message_retention_period: queue.message_retention_period,
            delay: queue.delay,
            receive_message_wait_time: queue.receive_message_wait_time,
            redrive: queue.redrive.clone(),
        }
    }
}

/// A message, as sent and with what has happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// The message id that SendMessage returned, a UUID.
    pub(super) id: String,
    pub(super) body: String,
    pub(super) attributes: BTreeMap<String, MessageAttribute>,
    /// The `AWSTraceHeader` it was sent with.
    pub(super) trace_header: Option<String>,
    /// When it was sent. Moving to a dead-letter queue doesn't change it.
    pub(super) sent_at: Millis,
    pub(super) receive_count: u32,
    pub(super) first_received_at: Option<Millis>,
    pub(super) last_received_at: Millis,
    /// Hidden until then.
    pub(super) visible_at: Millis,
    /// The queue whose dead letter it is.
    pub(super) dead_letter_of: Option<String>,
}

impl Message {
    /// A message sent at `now`, and hidden for `delay`.
    pub(super) fn new(body: String, now: Millis, delay: Duration) -> Message {
        Message {
            id: super::ids::message_id(),
            body,
            attributes: BTreeMap::new(),
            trace_header: None,
            sent_at: now,
            receive_count: 0,
            first_received_at: None,
            last_received_at: 0,
            visible_at: now.saturating_add(millis(delay)),
            dead_letter_of: None,
        }
    }
}

/// A message's number: unique over all queues and runs on the same data, and rising.
pub(super) type Number = u64;

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

/// What a change of visibility can meet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotInFlight {
    /// The message is gone.
    Gone,
    /// It is back in line, or another receive has it.
    NotYours,
    /// It would be hidden for more than 12 hours since it was received.
    TooLong,
}

/// A message may be in flight this long in all.
const LONGEST_IN_FLIGHT: Duration = Duration::from_hours(12);

/// A queue and its messages.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) attributes: QueueAttributes,
    pub(super) created_at: Millis,
    messages: HashMap<Number, Message>,
    /// May still name messages that are gone: those are skipped.
    line: VecDeque<Number>,
    hidden: BTreeSet<(Millis, Number)>,
    by_age: BTreeSet<(Millis, Number)>,
    delayed: usize,
}

/// What [`Queue::advance`] took out of the queue.
#[derive(Debug, Default)]
pub(super) struct Advanced {
    /// Messages that came back into line.
    pub(super) returned: usize,
    /// Messages received too often, on their way to the dead-letter queue.
    pub(super) dead: Vec<(Number, Message)>,
    /// Messages kept for long enough.
    pub(super) forgotten: Vec<Number>,
}

impl Queue {
    pub(super) fn new(attributes: QueueAttributes, now: Millis) -> Queue {
        Queue {
            attributes,
            created_at: now,
            messages: HashMap::new(),
            line: VecDeque::new(),
            hidden: BTreeSet::new(),
            by_age: BTreeSet::new(),
            delayed: 0,
        }
    }

    /// Takes a message in; it is in line at once if it is not hidden at `now`.
    pub(super) fn put(&mut self, number: Number, message: Message, now: Millis) {
        self.by_age.insert((message.sent_at, number));
        if message.visible_at > now {
            self.hidden.insert((message.visible_at, number));
            self.delayed += usize::from(message.receive_count == 0);
        } else {
            self.line.push_back(number);
        }
        self.messages.insert(number, message);
    }

    /// Brings the queue up to `now`: what was hidden until then comes back or goes, what is too old is dropped.
    pub(super) fn advance(&mut self, now: Millis, dead_letters_have_a_home: bool) -> Advanced {
        let mut advanced = Advanced::default();
        self.forget_old(now, &mut advanced);
        while let Some(&(visible_at, number)) = self.hidden.first()
            && visible_at <= now
        {
            self.hidden.pop_first();
            let Some(message) = self.messages.get(&number) else {
                continue;
            };
            self.delayed -= usize::from(message.receive_count == 0);
            if dead_letters_have_a_home && self.is_spent(message) {
                advanced
                    .dead
                    .extend(self.take_out(number).map(|message| (number, message)));
            } else {
                self.line.push_back(number);
                advanced.returned += 1;
            }
        }
        advanced
    }

    fn forget_old(&mut self, now: Millis, advanced: &mut Advanced) {
        let kept = millis(self.attributes.message_retention_period);
        while let Some(&(sent_at, number)) = self.by_age.first()
            && sent_at.saturating_add(kept) <= now
        {
            if self.remove(number).is_none() {
                self.by_age.pop_first();
            }
            advanced.forgotten.push(number);
        }
    }

    fn is_spent(&self, message: &Message) -> bool {
        self.attributes
            .redrive
            .as_ref()
            .is_some_and(|redrive| message.receive_count >= redrive.max_receive_count)
    }

    /// Receives the next message in line, hiding it for `visibility`.
    pub(super) fn receive(&mut self, now: Millis, visibility: Duration) -> Option<(Number, &Message)> {
        loop {
            let number = self.line.pop_front()?;
            // Not `get_mut(..)` in a `while let`: the borrow would outlive the loop.
            if !self.messages.contains_key(&number) {
                continue;
            }
            let message = self.messages.get_mut(&number)?;
            message.receive_count += 1;
            message.first_received_at.get_or_insert(now);
            message.last_received_at = now;
            message.visible_at = now.saturating_add(millis(visibility));
            if message.visible_at > now {
                self.hidden.insert((message.visible_at, number));
            } else {
                self.line.push_back(number);
            }
            return Some((number, message));
        }
    }

    /// Hides a message in flight for `visibility` from `now` on; nothing brings it back into line.
    /// `receive_count` is the receive that asks: a later one has taken the message over.
    pub(super) fn change_visibility(
        &mut self,
        number: Number,
        receive_count: u32,
        visibility: Duration,
        now: Millis,
    ) -> Result<&Message, NotInFlight> {
        let message = self.messages.get_mut(&number).ok_or(NotInFlight::Gone)?;
        if message.receive_count != receive_count || !self.hidden.contains(&(message.visible_at, number)) {
            return Err(NotInFlight::NotYours);
        }
        let visible_at = now.saturating_add(millis(visibility));
        if visible_at > message.last_received_at.saturating_add(millis(LONGEST_IN_FLIGHT)) {
            return Err(NotInFlight::TooLong);
        }
        self.hidden.remove(&(message.visible_at, number));
        message.visible_at = visible_at;
        // Also when it is visible at once: `advance` decides between the line and the dead-letter queue.
        self.hidden.insert((visible_at, number));
        Ok(message)
    }

    /// Deletes a message if `receive_count` was its latest receive; returns whether it did.
    pub(super) fn delete(&mut self, number: Number, receive_count: u32) -> bool {
        let is_latest = self
            .messages
            .get(&number)
            .is_some_and(|message| message.receive_count == receive_count);
        is_latest && self.remove(number).is_some()
    }

    /// Takes the next message in line out of the queue, without receiving it.
    pub(super) fn take_next(&mut self) -> Option<(Number, Message)> {
        loop {
            let number = self.line.pop_front()?;
            if let Some(message) = self.remove(number) {
                return Some((number, message));
            }
        }
    }

    /// Drops all messages.
    pub(super) fn purge(&mut self) {
        let (attributes, created_at) = (self.attributes.clone(), self.created_at);
        *self = Queue::new(attributes, created_at);
    }

    fn remove(&mut self, number: Number) -> Option<Message> {
        let message = self.messages.get(&number)?;
        if self.hidden.remove(&(message.visible_at, number)) {
            self.delayed -= usize::from(message.receive_count == 0);
        }
        self.take_out(number)
    }

    /// Takes a message out that is no longer among the hidden.
    fn take_out(&mut self, number: Number) -> Option<Message> {
        let message = self.messages.remove(&number)?;
        self.by_age.remove(&(message.sent_at, number));
        if self.messages.is_empty() {
            self.line = VecDeque::new();
        }
        Some(message)
    }

    /// When the next hidden message is due.
    pub(super) fn next_due(&self) -> Option<Millis> {
        self.hidden.first().map(|&(at, _)| at)
    }

    pub(super) fn counts(&self) -> Counts {
        let in_flight = self.hidden.len() - self.delayed;
        Counts {
            waiting: self.messages.len() - self.hidden.len(),
            in_flight,
            delayed: self.delayed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn queue(redrive_after: Option<u32>) -> Queue {
        let redrive = redrive_after.map(|max_receive_count| Redrive {
            target_queue: "dead".into(),
            max_receive_count,
        });
        let attributes = QueueAttributes {
            visibility_timeout: SECOND,
            redrive,
            ..QueueAttributes::default()
        };
        Queue::new(attributes, 0)
    }

    fn put(queue: &mut Queue, number: Number, now: Millis) {
        queue.put(
            number,
            Message::new(format!("message {number}"), now, Duration::ZERO),
            now,
        );
    }

    #[test]
    fn a_received_message_is_hidden_until_its_visibility_ends() {
        let mut queue = queue(None);
        put(&mut queue, 1, 0);
        assert_eq!(queue.receive(0, SECOND).unwrap().0, 1);
        queue.advance(999, true);
        assert!(queue.receive(999, SECOND).is_none());
        assert_eq!(
            queue.counts(),
            Counts {
                waiting: 0,
                in_flight: 1,
                delayed: 0
            }
        );
        assert_eq!(queue.advance(1000, true).returned, 1);
        assert_eq!(queue.receive(1000, SECOND).unwrap().1.receive_count, 2);
    }

    #[test]
    fn a_receive_that_hides_for_no_time_leaves_the_message_in_line() {
        let mut queue = queue(None);
        put(&mut queue, 1, 0);
        assert!(queue.receive(0, Duration::ZERO).is_some());
        assert!(queue.receive(0, Duration::ZERO).is_some());
    }

    #[test]
    fn only_the_latest_receive_can_delete_or_change() {
        let mut queue = queue(None);
        put(&mut queue, 1, 0);
        queue.receive(0, SECOND).unwrap();
        queue.advance(1000, true);
        queue.receive(1000, SECOND).unwrap();
        assert!(!queue.delete(1, 1));
        assert_eq!(
            queue.change_visibility(1, 1, SECOND, 1000),
            Err(NotInFlight::NotYours)
        );
        assert!(queue.delete(1, 2));
        assert_eq!(
            queue.change_visibility(1, 2, SECOND, 1000),
            Err(NotInFlight::Gone)
        );
        assert_eq!(queue.counts(), Counts::default());
    }

    #[test]
    fn a_message_back_in_line_can_be_deleted_but_no_longer_hidden() {
        let mut queue = queue(None);
        put(&mut queue, 1, 0);
        queue.receive(0, SECOND).unwrap();
        queue.advance(1000, true);
        assert_eq!(
            queue.change_visibility(1, 1, SECOND, 1000),
            Err(NotInFlight::NotYours)
        );
        assert!(queue.delete(1, 1));
        assert!(queue.receive(1000, SECOND).is_none());
    }

    #[test]
    fn giving_a_message_back_counts_its_receive() {
        let mut queue = queue(Some(2));
        put(&mut queue, 1, 0);
        queue.receive(0, SECOND).unwrap();
        queue.change_visibility(1, 1, Duration::ZERO, 10).unwrap();
        assert_eq!(queue.advance(10, true).returned, 1);
        queue.receive(10, SECOND).unwrap();
        queue.change_visibility(1, 2, Duration::ZERO, 20).unwrap();
        let dead = queue.advance(20, true).dead;
        assert_eq!((dead[0].1.sent_at, dead[0].1.receive_count), (0, 2));
        assert_eq!(queue.counts(), Counts::default());
    }

    #[test]
    fn a_message_is_hidden_for_twelve_hours_at_most() {
        let mut queue = queue(None);
        put(&mut queue, 1, 0);
        queue.receive(0, SECOND).unwrap();
        let twelve_hours = Duration::from_hours(12);
        assert_eq!(
            queue.change_visibility(1, 1, twelve_hours, 1),
            Err(NotInFlight::TooLong)
        );
        assert!(queue.change_visibility(1, 1, twelve_hours, 0).is_ok());
    }

    #[test]
    fn a_delayed_message_counts_as_delayed_and_then_comes() {
        let mut queue = queue(None);
        queue.put(1, Message::new("later".into(), 0, SECOND), 0);
        assert_eq!(
            queue.counts(),
            Counts {
                waiting: 0,
                in_flight: 0,
                delayed: 1
            }
        );
        assert_eq!(queue.next_due(), Some(1000));
        queue.advance(1000, true);
        assert_eq!(
            queue.counts(),
            Counts {
                waiting: 1,
                in_flight: 0,
                delayed: 0
            }
        );
    }

    #[test]
    fn a_message_is_forgotten_after_its_retention_wherever_it_is() {
        let mut queue = queue(None);
        let day = 24 * 3600 * 1000;
        put(&mut queue, 1, 0);
        put(&mut queue, 2, day);
        queue.receive(0, SECOND).unwrap();
        assert_eq!(queue.advance(4 * day, true).forgotten, [1]);
        assert_eq!(queue.counts().waiting, 1);
        assert_eq!(queue.advance(5 * day, true).forgotten, [2]);
        assert_eq!(queue.counts(), Counts::default());
    }

    #[test]
    fn a_hundred_thousand_messages_pass_in_order() {
        let mut queue = queue(Some(3));
        for number in 0..100_000 {
            put(&mut queue, number, number);
        }
        for number in 0..100_000 {
            queue.advance(100_000, true);
            assert_eq!(queue.receive(100_000, SECOND).unwrap().0, number);
        }
        for number in 0..100_000 {
            assert!(queue.delete(number, 1));
        }
        assert_eq!(queue.counts(), Counts::default());
    }
}
