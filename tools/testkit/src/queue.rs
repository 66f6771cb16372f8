use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

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
pub struct FakeQueue(Mutex<QueueState>);

/// What a [`FakeQueue`] holds.
#[derive(Debug, Default)]
pub struct QueueState {
    /// In Unix milliseconds.
    pub now: i64,
    /// The bodies of messages that were received too often.
    pub dead: Vec<String>,
    sent: usize,
    waiting: BTreeMap<usize, Message>,
    down: bool,
}

impl FakeQueue {
    /// What it holds, to look at and to change.
    pub fn state(&self) -> MutexGuard<'_, QueueState> {
        lock(&self.0)
    }

    /// From now on the queue takes messages, or does not.
    pub fn set_down(&self, down: bool) {
        self.state().down = down;
    }

    /// Takes the oldest message.
    pub fn take(&self) -> Option<OrderId> {
        let (_, message) = self.state().waiting.pop_first()?;
        message.order()
    }

    /// How many messages wait.
    pub fn len(&self) -> usize {
        self.state().waiting.len()
    }

    /// Whether no message waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl QueueState {
    /// Takes a message in; its number.
    pub fn put(&mut self, body: String) -> usize {
        let message = Message {
            body,
            receives: 0,
            sent_at: self.now,
        };
        self.waiting.insert(self.sent, message);
        self.sent += 1;
        self.sent - 1
    }

    /// Hands a message out, unless it is gone, too old or was received too often.
    pub fn receive(&mut self, number: usize) -> Option<Message> {
        let message = self.waiting.get_mut(&number)?;
        let too_old = self.now >= message.sent_at + RETENTION;
        if !too_old && message.receives < MAX_RECEIVES {
            message.receives += 1;
            return Some(message.clone());
        }
        let gone = self.waiting.remove(&number)?;
        if !too_old {
            self.dead.push(gone.body);
        }
        None
    }

    /// A received message is done.
    pub fn acknowledge(&mut self, number: usize) {
        self.waiting.remove(&number);
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
        let mut state = self.state();
        state.answers()?;
        state.put(id.to_string());
        Ok(())
    }

    async fn waiting(&self) -> Result<usize, QueueError> {
        let state = self.state();
        state.answers().map(|()| state.waiting.len())
    }
}
