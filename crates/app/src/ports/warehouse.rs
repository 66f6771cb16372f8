use std::future::Future;

use domain::{Order, OrderId};

use super::Cause;

/// What the warehouse said to an order.
#[derive(Debug)]
pub enum Submitted {
    /// It has the order, from now or from before.
    Accepted {
        /// Its own number for it.
        erp_number: String,
    },
    /// It will never take this order, and said so in an answer that names it. Irreversible: never for an answer of anything between.
    Rejected(Cause),
    /// It took the order; its own number for it cannot be read.
    Unreadable(Cause),
    /// It did not take it now, and says so: later.
    Busy(Cause),
    /// It may have taken it.
    Unknown(Cause),
}

/// Whether the warehouse has an order.
#[derive(Debug)]
pub enum LookedUp {
    /// It has.
    Found {
        /// Its own number for it.
        erp_number: String,
    },
    /// It has not.
    Absent,
    /// It has; its own number for it cannot be read.
    Unreadable(Cause),
    /// No usable answer.
    Unknown(Cause),
}

/// The warehouse system (ERP). It knows an order by our id: handing one over twice is one order there.
pub trait Warehouse: Sync {
    /// Hands the order over in full.
    fn submit(&self, order: &Order) -> impl Future<Output = Submitted> + Send;

    /// Looks whether it has the order.
    fn look_up(&self, id: OrderId) -> impl Future<Output = LookedUp> + Send;
}
