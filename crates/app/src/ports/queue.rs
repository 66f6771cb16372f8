use std::future::Future;

use domain::OrderId;

use super::Cause;

/// The queue did not answer: a message may have been sent or not.
#[derive(Debug, thiserror::Error)]
#[error("the queue did not answer")]
pub struct QueueError(#[source] pub Cause);

/// Paid orders on their way to the warehouse. A hint, never the truth: messages may be lost, late, doubled and reordered.
pub trait OrderQueue: Sync {
    /// Queues an order for forwarding. MUST carry nothing but its id.
    fn send(&self, id: OrderId) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// About how many messages wait to be received: may be a minute behind.
    fn waiting(&self) -> impl Future<Output = Result<usize, QueueError>> + Send;
}
