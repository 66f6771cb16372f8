//! The queue of paid orders: at least once, in any order, with a dead-letter queue.

use domain::OrderId;

/// How often a message is received before it goes to the dead letters, as `template.yaml` has it.
const MAX_RECEIVES: u32 = 5;
/// How long a message is kept, in milliseconds, as `template.yaml` has it.
const RETENTION: i64 = 345_600_000;
/// How long a received message is hidden, in milliseconds, as `template.yaml` has it.
pub(crate) const VISIBILITY: i64 = 180_000;

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// All that is in it.
    pub(crate) body: String,
    sent_at: i64,
    pub(crate) receives: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Gone,
    Dead,
}

/// All messages ever sent, by their number.
#[derive(Debug, Default)]
pub(crate) struct MessageQueue {
    pub(crate) messages: Vec<Message>,
}

impl MessageQueue {
    /// Takes a message in; its number.
    pub(crate) fn send(&mut self, body: String, now: i64) -> usize {
        self.messages.push(Message {
            body,
            sent_at: now,
            receives: 0,
            state: State::Waiting,
        });
        self.messages.len() - 1
    }

    /// Hands a message out, unless it is gone, too old or received too often.
    pub(crate) fn receive(&mut self, message: usize, now: i64) -> Option<&Message> {
        let message = &mut self.messages[message];
        if message.state == State::Waiting && now >= message.sent_at + RETENTION {
            message.state = State::Gone;
        }
        if message.state == State::Waiting && message.receives == MAX_RECEIVES {
            message.state = State::Dead;
        }
        if message.state != State::Waiting {
            return None;
        }
        message.receives += 1;
        Some(message)
    }

    /// The message is done.
    pub(crate) fn acknowledge(&mut self, message: usize) {
        self.messages[message].state = State::Gone;
    }

    /// Puts dead letters back into the queue, as new; their numbers.
    pub(crate) fn redrive(&mut self, now: i64) -> Vec<usize> {
        let bodies: Vec<String> = self
            .messages
            .iter_mut()
            .filter(|message| message.state == State::Dead)
            .map(|message| {
                message.state = State::Gone;
                message.body.clone()
            })
            .collect();
        bodies.into_iter().map(|body| self.send(body, now)).collect()
    }

    /// How many messages wait.
    pub(crate) fn waiting(&self) -> usize {
        let waiting = |message: &&Message| message.state == State::Waiting;
        self.messages.iter().filter(waiting).count()
    }

    /// How many messages are dead letters.
    pub(crate) fn dead(&self) -> usize {
        self.messages
            .iter()
            .filter(|message| message.state == State::Dead)
            .count()
    }
}

/// The order that a message names.
pub(crate) fn named_order(body: &str) -> Option<OrderId> {
    body.split_whitespace()
        .next()
        .and_then(|id| OrderId::parse(id).ok())
}
