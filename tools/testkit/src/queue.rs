use std::collections::BTreeMap;
use std::sync::Mutex;

use app::ports::{OrderQueue, QueueError};
use domain::OrderId;

use crate::lock;

/// How often a message is received before it goes to the dead letters, as `template.yaml` has it.
const MAX_RECEIVES: u32 = 5;
/// How long a message is kept, in milliseconds, as `template.yaml` has it.
const RETENTION: i64 = 345_600_000;

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    /// All that is in it.
    pub body: String,
    /// How often it was handed out.
    pub receives: u32,
    sent_at: i64,
}

impl Message {
    /// The order that it names.
    pub fn order(&self) -> Option<OrderId> {
        let name = self.body.split_whitespace().next()?;
        OrderId::parse(name).ok()
    }
}

/// A queue in memory, with its dead letters.
#[derive(Debug, Default)]
pub struct FakeQueue(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    down: bool,
    /// In Unix milliseconds.
    now: i64,
    sent: usize,
    waiting: BTreeMap<usize, Message>,
    dead: Vec<String>,
}

impl FakeQueue {
    /// From now on the queue takes messages, or does not.
    pub fn set_down(&self, down: bool) {
        lock(&self.0).down = down;
    }

    /// Sets the queue's clock, in Unix milliseconds.
    pub fn set_clock(&self, now: i64) {
        lock(&self.0).now = now;
    }

    /// Takes a message in; its number.
    pub fn put(&self, body: String) -> usize {
        lock(&self.0).put(body)
    }

    /// Hands a message out, unless it is gone, too old or was received too often.
    pub fn receive(&self, number: usize) -> Option<Message> {
        let mut state = lock(&self.0);
        let now = state.now;
        let message = state.waiting.get_mut(&number)?;
        if now >= message.sent_at + RETENTION {
            state.waiting.remove(&number);
            return None;
        }
        if message.receives == MAX_RECEIVES {
            let dead = state.waiting.remove(&number)?;
            state.dead.push(dead.body);
            return None;
        }
        message.receives += 1;
        Some(message.clone())
    }

    /// A received message is done.
    pub fn acknowledge(&self, number: usize) {
        lock(&self.0).waiting.remove(&number);
    }

    /// Puts the dead letters back into the queue, as new; their numbers.
    pub fn redrive(&self) -> Vec<usize> {
        let mut state = lock(&self.0);
        let dead = std::mem::take(&mut state.dead);
        dead.into_iter().map(|body| state.put(body)).collect()
    }

    /// How many messages are dead letters.
    pub fn dead(&self) -> usize {
        lock(&self.0).dead.len()
    }

    /// Takes the oldest message.
    pub fn take(&self) -> Option<OrderId> {
        let (_, message) = lock(&self.0).waiting.pop_first()?;
        message.order()
    }

    /// How many messages wait.
    pub fn len(&self) -> usize {
        lock(&self.0).waiting.len()
    }

    /// Whether no message waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl State {
    fn put(&mut self, body: String) -> usize {
        let number = self.sent;
        self.sent += 1;
        let message = Message {
            body,
            receives: 0,
            sent_at: self.now,
        };
        self.waiting.insert(number, message);
        number
    }

    fn answers(&self) -> Result<(), QueueError> {
        if self.down {
            return Err(QueueError("the queue is down".into()));
        }
        Ok(())
    }
}

impl OrderQueue for FakeQueue {
    async fn send(&self, id: OrderId) -> Result<(), QueueError> {
        let mut state = lock(&self.0);
        state.answers()?;
        state.put(id.to_string());
        Ok(())
    }

    async fn waiting(&self) -> Result<usize, QueueError> {
        let state = lock(&self.0);
        state.answers().map(|()| state.waiting.len())
    }
}
