use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use app::ports::{OrderQueue, QueueError};
use domain::OrderId;

use crate::lock;

/// A queue in memory.
#[derive(Debug, Default)]
pub struct FakeQueue {
    messages: Mutex<VecDeque<OrderId>>,
    down: AtomicBool,
}

impl FakeQueue {
    /// From now on the queue takes messages, or does not.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    /// Takes the oldest message.
    pub fn take(&self) -> Option<OrderId> {
        lock(&self.messages).pop_front()
    }

    /// How many messages wait.
    pub fn len(&self) -> usize {
        lock(&self.messages).len()
    }

    /// Whether no message waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl OrderQueue for FakeQueue {
    async fn send(&self, id: OrderId) -> Result<(), QueueError> {
        if self.down.load(Ordering::Relaxed) {
            return Err(QueueError("the queue is down".into()));
        }
        lock(&self.messages).push_back(id);
        Ok(())
    }

    async fn waiting(&self) -> Result<usize, QueueError> {
        if self.down.load(Ordering::Relaxed) {
            return Err(QueueError("the queue is down".into()));
        }
        Ok(self.len())
    }
}
