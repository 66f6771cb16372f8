//! The ports of the use cases, as calls that the world decides about one by one.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use app::ports::{
    Catalogue, Circuits, Clock, Committed, LookedUp, Opened, OrderQueue, Orders, PaymentProvider,
    ProductPage, QueueError, RefundOutcome, SessionState, Shortage, Stock, StoreError, Submitted, Warehouse,
};
use domain::{Circuit, Lane, Order, OrderId, PaymentAttempt, Product, Refund, Sku, StockChange};
use jiff::Timestamp;

use crate::Mutation;

/// A call on a port, as the world sees it: owned, so that its effect may outlive the caller.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Products(Vec<Sku>),
    AllProducts,
    Levels(Vec<Sku>),
    Get(OrderId),
    Commit(Box<Order>, Vec<StockChange>),
    Remove(Box<Order>),
    Due(Lane, Timestamp, usize),
    Open(Box<Order>, PaymentAttempt),
    LookUpPayment(OrderId, u32),
    Close(String),
    Refund(Refund),
    Send(OrderId),
    Waiting,
    ReadCircuit,
    StoreCircuit(Circuit),
    Submit(Box<Order>),
    LookUpOrder(OrderId),
}

/// What a call is answered with where it is answered.
#[derive(Debug)]
pub(crate) enum Answer {
    Products(HashMap<Sku, Product>),
    Levels(HashMap<Sku, u32>),
    Order(Option<Order>),
    Committed(Committed),
    Due(Vec<(OrderId, Timestamp)>),
    Opened(Opened),
    Session(SessionState),
    Refunded(RefundOutcome),
    Submitted(Submitted),
    LookedUp(LookedUp),
    Waiting(usize),
    Circuit(Circuit),
    CircuitStored(Option<Circuit>),
    Done,
}

/// How a call ends without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It may have had its effect.
    Unknown,
    /// Nothing was done.
    Busy,
}

pub(crate) type Reply = Result<Answer, Failure>;

/// The line between a running function and the world: one call at a time.
#[derive(Debug, Default)]
pub(crate) struct Line {
    call: Mutex<Call>,
    now: AtomicI64,
}

#[derive(Debug, Default)]
enum Call {
    #[default]
    Idle,
    Asked(Op),
    Answered(Reply),
}

impl Line {
    fn call(&self) -> MutexGuard<'_, Call> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the function's clock, in Unix milliseconds.
    pub(crate) fn set_clock(&self, now: i64) {
        self.now.store(now, Ordering::Relaxed);
    }

    /// What the function asked for and waits for.
    pub(crate) fn take_question(&self) -> Option<Op> {
        match std::mem::take(&mut *self.call()) {
            Call::Asked(op) => Some(op),
            Call::Idle | Call::Answered(_) => None,
        }
    }

    pub(crate) fn answer(&self, reply: Reply) {
        *self.call() = Call::Answered(reply);
    }
}

/// Every port of every use case, on one line.
#[derive(Clone, Debug)]
pub(crate) struct Ports {
    line: Arc<Line>,
    mutation: Option<Mutation>,
}

impl Ports {
    pub(crate) fn on(line: Arc<Line>, mutation: Option<Mutation>) -> Self {
        Self { line, mutation }
    }

    /// Asks the world, and lets it decide who goes on.
    async fn ask(&self, op: Op) -> Reply {
        *self.line.call() = Call::Asked(op);
        let mut asked = false;
        poll_fn(|_| {
            if !asked {
                asked = true;
                return Poll::Pending;
            }
            match std::mem::take(&mut *self.line.call()) {
                Call::Answered(reply) => Poll::Ready(reply),
                Call::Idle | Call::Asked(_) => unreachable!("a function is woken by an answer only"),
            }
        })
        .await
    }

    async fn store(&self, op: Op) -> Result<Answer, StoreError> {
        self.ask(op).await.map_err(|failure| match failure {
            Failure::Unknown => StoreError::Unknown("no answer".into()),
            Failure::Busy => StoreError::Busy,
        })
    }

    fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }
}

/// The answer of the kind that the question has; the world never mixes them up.
macro_rules! answer {
    ($reply:expr, $kind:ident) => {
        match $reply {
            Answer::$kind(answer) => answer,
            other => unreachable!("answered with {other:?}"),
        }
    };
}

impl Clock for Ports {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.line.now.load(Ordering::Relaxed)).expect("a time within years")
    }
}

impl Catalogue for Ports {
    async fn page(&self, after: Option<&Sku>, limit: usize) -> Result<ProductPage, StoreError> {
        let mut products = self.all().await?;
        products.retain(|product| after.is_none_or(|after| product.sku > *after));
        let more = products.len() > limit;
        products.truncate(limit);
        Ok(ProductPage { products, more })
    }

    async fn all(&self) -> Result<Vec<Product>, StoreError> {
        let products = answer!(self.store(Op::AllProducts).await?, Products);
        let mut products: Vec<Product> = products.into_values().collect();
        products.sort_by(|a, b| a.sku.cmp(&b.sku));
        Ok(products)
    }

    async fn products(&self, skus: &[Sku]) -> Result<HashMap<Sku, Product>, StoreError> {
        Ok(answer!(self.store(Op::Products(skus.to_vec())).await?, Products))
    }
}

impl Stock for Ports {
    async fn levels(&self, skus: &[Sku]) -> Result<HashMap<Sku, u32>, StoreError> {
        Ok(answer!(self.store(Op::Levels(skus.to_vec())).await?, Levels))
    }

    async fn all_levels(&self) -> Result<HashMap<Sku, u32>, StoreError> {
        let products = self.all().await?;
        let skus: Vec<Sku> = products.into_iter().map(|product| product.sku).collect();
        self.levels(&skus).await
    }
}

impl Orders for Ports {
    async fn get(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        match self.store(Op::Get(id)).await {
            Err(_) if self.has(Mutation::UnreadableIsMissing) => Ok(None),
            reply => Ok(answer!(reply?, Order)),
        }
    }

    async fn commit(&self, order: Order, stock: Vec<StockChange>) -> Result<Committed, StoreError> {
        let swallowed = [
            Mutation::ConflictIsDone,
            Mutation::UnknownWriteIsDone,
            Mutation::BusyIsSoldOut,
        ];
        let spare = self
            .mutation
            .filter(|own| swallowed.contains(own))
            .map(|own| (own, order.clone(), stock.clone()));
        let reply = self.store(Op::Commit(Box::new(order), stock)).await;
        let reply = reply.map(|answer| answer!(answer, Committed));
        match (reply, spare) {
            (Ok(Committed::Conflict(Some(_))), Some((Mutation::ConflictIsDone, order, _)))
            | (Err(StoreError::Unknown(_)), Some((Mutation::UnknownWriteIsDone, order, _))) => {
                let version = order.version + 1;
                Ok(Committed::Done(Order { version, ..order }))
            }
            (Err(StoreError::Busy), Some((Mutation::BusyIsSoldOut, _, stock))) if !stock.is_empty() => {
                Ok(Committed::Short(none_left(&stock)))
            }
            (reply, _) => reply,
        }
    }

    async fn remove(&self, order: &Order) -> Result<(), StoreError> {
        self.store(Op::Remove(Box::new(order.clone()))).await.map(drop)
    }

    async fn due(
        &self,
        lane: Lane,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(OrderId, Timestamp)>, StoreError> {
        Ok(answer!(self.store(Op::Due(lane, now, limit)).await?, Due))
    }
}

fn none_left(stock: &[StockChange]) -> Vec<Shortage> {
    let short = |change: &StockChange| Shortage {
        sku: change.sku().clone(),
        available: 0,
    };
    stock.iter().map(short).collect()
}

impl PaymentProvider for Ports {
    async fn open(&self, order: &Order, attempt: &PaymentAttempt) -> Opened {
        match self.ask(Op::Open(Box::new(order.clone()), attempt.clone())).await {
            Ok(answer) => answer!(answer, Opened),
            Err(_) => Opened::Unknown("no answer".into()),
        }
    }

    async fn look_up(&self, order: OrderId, attempt: &PaymentAttempt) -> SessionState {
        if self.has(Mutation::ExpiresWithoutAsking) && self.now() >= attempt.expires_at {
            return SessionState::Expired;
        }
        let state = match self.ask(Op::LookUpPayment(order, attempt.number)).await {
            Ok(answer) => answer!(answer, Session),
            Err(_) => SessionState::Unknown("no answer".into()),
        };
        match (state, self.mutation) {
            (SessionState::Unknown(_), Some(Mutation::LookUpUnknownIsExpired))
            | (SessionState::Paid(_), Some(Mutation::PaidIsExpired)) => SessionState::Expired,
            (SessionState::Unknown(_), Some(Mutation::LookUpUnknownIsAbsent)) => SessionState::Absent,
            (SessionState::Open { .. }, Some(Mutation::OpenPageIsLeft))
                if self.now() >= attempt.expires_at =>
            {
                SessionState::Expired
            }
            (SessionState::Paid(_), Some(Mutation::PaidIsOpen)) => SessionState::Open {
                session_id: "cs_unknown".to_owned(),
            },
            (state, _) => state,
        }
    }

    async fn close(&self, session_id: &str) -> SessionState {
        let state = match self.ask(Op::Close(session_id.to_owned())).await {
            Ok(answer) => answer!(answer, Session),
            Err(_) => SessionState::Unknown("no answer".into()),
        };
        match (state, self.mutation) {
            (SessionState::Unknown(_), Some(Mutation::CloseUnknownIsExpired))
            | (SessionState::Paid(_), Some(Mutation::ClosePaidIsExpired)) => SessionState::Expired,
            (state, _) => state,
        }
    }

    async fn refund(&self, _order: OrderId, refund: &Refund, _tried_before: bool) -> RefundOutcome {
        match self.ask(Op::Refund(refund.clone())).await {
            Ok(answer) => answer!(answer, Refunded),
            Err(_) if self.has(Mutation::UnknownRefundIsDone) => RefundOutcome::Done {
                refund_id: "re_unknown".to_owned(),
            },
            Err(_) => RefundOutcome::Unknown("no answer".into()),
        }
    }
}

impl OrderQueue for Ports {
    async fn send(&self, id: OrderId) -> Result<(), QueueError> {
        if self.has(Mutation::SendIsForgotten) {
            return Ok(());
        }
        let sent = self.ask(Op::Send(id)).await;
        sent.map(drop).map_err(|_| QueueError("no answer".into()))
    }

    async fn waiting(&self) -> Result<usize, QueueError> {
        let waiting = self.ask(Op::Waiting).await;
        let waiting = waiting.map_err(|_| QueueError("no answer".into()))?;
        Ok(answer!(waiting, Waiting))
    }
}

impl Circuits for Ports {
    async fn read(&self) -> Result<Circuit, StoreError> {
        Ok(answer!(Ports::store(self, Op::ReadCircuit).await?, Circuit))
    }

    async fn store(&self, circuit: Circuit) -> Result<Option<Circuit>, StoreError> {
        Ok(answer!(
            Ports::store(self, Op::StoreCircuit(circuit)).await?,
            CircuitStored
        ))
    }
}

impl Warehouse for Ports {
    async fn submit(&self, order: &Order) -> Submitted {
        let submitted = match self.ask(Op::Submit(Box::new(order.clone()))).await {
            Ok(answer) => answer!(answer, Submitted),
            Err(Failure::Busy) => Submitted::Busy("too many requests".into()),
            Err(Failure::Unknown) => Submitted::Unknown("no answer".into()),
        };
        match (submitted, self.mutation) {
            (Submitted::Unknown(_), Some(Mutation::UnknownSubmitIsAccepted)) => Submitted::Accepted {
                erp_number: "unknown".to_owned(),
            },
            (Submitted::Unknown(cause), Some(Mutation::UnknownSubmitIsRejected))
            | (Submitted::Busy(cause), Some(Mutation::BusySubmitIsRejected)) => Submitted::Rejected(cause),
            (Submitted::Rejected(cause), Some(Mutation::RejectedIsBusy)) => Submitted::Busy(cause),
            (submitted, _) => submitted,
        }
    }

    async fn look_up(&self, id: OrderId) -> LookedUp {
        match self.ask(Op::LookUpOrder(id)).await {
            Ok(answer) => answer!(answer, LookedUp),
            Err(_) if self.has(Mutation::UnknownOrderIsFound) => LookedUp::Found {
                erp_number: "unknown".to_owned(),
            },
            Err(_) => LookedUp::Unknown("no answer".into()),
        }
    }
}
