//! The ports of the use cases, as calls that the world decides about one by one.

use std::collections::HashMap;
use std::sync::Arc;

use app::ports::{
    Catalogue, Cause, Circuits, Clock, Committed, LookedUp, Opened, OrderQueue, Orders, PaymentProvider,
    ProductPage, QueueError, RefundOutcome, SessionState, Shortage, Stock, StoreError, Submitted, Warehouse,
};
use domain::{
    Circuit, Currency, DueIndex, Job, JobKind, Order, OrderId, PaymentAttempt, Product, Refund, RefundReason,
    ReportedPayment, Sku, Status, StockChange,
};
use jiff::Timestamp;
use testkit::{FakeClock, altered};
use tokio::sync::{mpsc, oneshot};

use crate::Mutation;
use crate::effects::ready;
use crate::world::World;

/// Which call it is: for its faults, and for a run's account.
#[derive(Debug)]
#[expect(dead_code, reason = "read by Debug only, in a run's account")]
pub(crate) enum Op {
    Products,
    Levels,
    Get(OrderId),
    Commit {
        id: OrderId,
        version: u64,
        status: Status,
        held: usize,
        jobs: Vec<Job>,
        stock_changes: usize,
    },
    Remove(OrderId),
    Due(DueIndex, Timestamp),
    OpenPage(OrderId, u32),
    LookUpPage(OrderId, u32),
    ClosePage(String),
    OrderOf(String),
    Refund(String),
    Send(OrderId),
    Waiting,
    ReadCircuit,
    StoreCircuit(Circuit),
    Submit(OrderId),
    LookUpOrder(OrderId),
}

/// How a call ends without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It may have had its effect.
    Unknown,
    /// Nothing was done.
    Busy,
}

/// What the caller hears of its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Nothing: the call has its effect.
    Silence,
    /// The answer: the call has its effect.
    Answer,
    /// A failure: the call has no effect by that.
    Failure(Failure),
}

/// Has a call's effect in the world and tells the caller.
type Effect = Box<dyn FnMut(&mut World<'_>, Reply) + Send>;

/// A call on a port, as the world sees it: its effect may come twice, and may outlive the caller.
pub(crate) struct Call {
    pub(crate) op: Op,
    pub(crate) run: Effect,
}

/// Every port of every use case, on one line to the world.
#[derive(Clone)]
pub(crate) struct Ports {
    pub(crate) line: mpsc::UnboundedSender<Call>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) mutation: Option<Mutation>,
}

impl Ports {
    /// Asks the world, and lets it decide who goes on.
    async fn ask<T: Send + 'static>(
        &self,
        op: Op,
        mut effect: impl FnMut(&mut World<'_>) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let (sender, answered) = oneshot::channel();
        let mut sender = Some(sender);
        let run = move |world: &mut World<'_>, reply| {
            let answer = match reply {
                Reply::Failure(failure) => Err(failure),
                Reply::Silence | Reply::Answer => Ok(effect(world)),
            };
            if let Some(sender) = sender.take_if(|_| reply != Reply::Silence) {
                // Nobody may listen any more.
                drop(sender.send(answer));
            }
        };
        let run = Box::new(run);
        drop(self.line.send(Call { op, run }));
        answered.await.expect("a living function is answered")
    }

    async fn store<T: Send + 'static>(
        &self,
        op: Op,
        effect: impl FnMut(&mut World<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.ask(op, effect).await {
            Ok(answer) => answer,
            Err(Failure::Unknown) => Err(StoreError::Unknown("no answer".into())),
            Err(Failure::Busy) => Err(StoreError::Busy),
        }
    }

    fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }
}

impl Clock for Ports {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Catalogue for Ports {
    async fn page(&self, after: Option<&Sku>, limit: usize) -> Result<ProductPage, StoreError> {
        let after = after.cloned();
        let page = move |world: &mut World<'_>| ready(world.store.page(after.as_ref(), limit));
        self.store(Op::Products, page).await
    }

    async fn all(&self) -> Result<Vec<Product>, StoreError> {
        self.store(Op::Products, |world| ready(world.store.all())).await
    }

    async fn products(&self, skus: &[Sku]) -> Result<HashMap<Sku, Product>, StoreError> {
        let skus = skus.to_vec();
        self.store(Op::Products, move |world| world.products(&skus)).await
    }
}

impl Stock for Ports {
    async fn levels(&self, skus: &[Sku]) -> Result<HashMap<Sku, u32>, StoreError> {
        let skus = skus.to_vec();
        self.store(Op::Levels, move |world| ready(world.store.levels(&skus)))
            .await
    }

    async fn all_levels(&self) -> Result<HashMap<Sku, u32>, StoreError> {
        self.store(Op::Levels, |world| ready(world.store.all_levels()))
            .await
    }
}

impl Orders for Ports {
    async fn get(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        let got = self.store(Op::Get(id), move |world| world.get(id));
        match got.await {
            Err(_) if self.has(Mutation::UnreadableIsMissing) => Ok(None),
            Ok(Some(order)) if self.has(Mutation::RefundJobNotRead) => Ok(Some(altered(order, |order| {
                order.jobs.retain(|job| job.kind != JobKind::Refund);
            }))),
            Ok(Some(order)) if self.has(Mutation::TakenBackIsForwarded) => {
                let elsewhere = [RefundReason::MadeElsewhere, RefundReason::Disputed];
                Ok(Some(altered(order, |order| {
                    order.refunds.retain(|refund| !elsewhere.contains(&refund.reason));
                })))
            }
            reply => reply,
        }
    }

    async fn commit(&self, order: Order, stock: Vec<StockChange>) -> Result<Committed, StoreError> {
        let spare = self.mutation.map(|own| (own, order.clone(), stock.clone()));
        let op = Op::Commit {
            id: order.id(),
            version: order.version(),
            status: order.status(),
            held: order.held(),
            jobs: order.jobs().to_vec(),
            stock_changes: stock.len(),
        };
        let committed = self.store(op, move |world| Ok(world.commit(order.clone(), stock.clone())));
        match (committed.await, spare) {
            (Ok(Committed::Conflict(Some(_))), Some((Mutation::ConflictIsDone, order, _)))
            | (Err(StoreError::Unknown(_)), Some((Mutation::UnknownWriteIsDone, order, _))) => {
                let version = order.version() + 1;
                Ok(Committed::Done(altered(order, |order| order.version = version)))
            }
            (Err(StoreError::Busy), Some((Mutation::BusyIsSoldOut, _, stock))) if !stock.is_empty() => {
                Ok(Committed::OutOfStock(none_left(&stock)))
            }
            (committed, _) => committed,
        }
    }

    async fn remove(&self, order: &Order) -> Result<(), StoreError> {
        let order = order.clone();
        self.store(Op::Remove(order.id()), move |world| world.remove(&order))
            .await
    }

    async fn due(
        &self,
        index: DueIndex,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(OrderId, Timestamp)>, StoreError> {
        self.store(Op::Due(index, now), move |world| world.due(index, now, limit))
            .await
    }
}

/// Whether it was made in a currency in which the shop sells nothing.
pub(crate) fn is_other(payment: &ReportedPayment) -> bool {
    matches!(payment.amount.currency(), Currency::Other(_))
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
        let (order, attempt) = (order.clone(), attempt.clone());
        let op = Op::OpenPage(order.id(), attempt.number);
        let opened = self.ask(op, move |world| world.open_page(&order, &attempt));
        opened
            .await
            .unwrap_or_else(|_| Opened::Unknown("no answer".into()))
    }

    async fn look_up(&self, order: OrderId, attempt: &PaymentAttempt) -> SessionState {
        let ended = self.now() >= attempt.expires_at;
        if self.has(Mutation::ExpiresWithoutAsking) && ended {
            return SessionState::Expired;
        }
        let (op, attempt) = (Op::LookUpPage(order, attempt.number), attempt.clone());
        let state = self.ask(op, move |world| world.look_up_page(order, &attempt));
        let state = state
            .await
            .unwrap_or_else(|_| SessionState::Unknown("no answer".into()));
        match (state, self.mutation) {
            (SessionState::Unknown(_), Some(Mutation::LookUpUnknownIsExpired))
            | (SessionState::Paid(_), Some(Mutation::PaidIsExpired)) => SessionState::Expired,
            (SessionState::Unknown(_), Some(Mutation::LookUpUnknownIsAbsent)) => SessionState::Absent,
            (SessionState::Paid(payment), Some(Mutation::OtherCurrencyIsNotRead)) if is_other(&payment) => {
                SessionState::Unknown("the amount paid cannot be read".into())
            }
            (SessionState::Open { .. }, Some(Mutation::OpenPageIsLeft)) if ended => SessionState::Expired,
            (SessionState::Delayed(_), Some(Mutation::DelayIsUnknown)) => {
                SessionState::Unknown("the payment is being processed".into())
            }
            (SessionState::Delayed(_), Some(Mutation::DelayIsExpired)) => SessionState::Expired,
            (SessionState::Failed(failed), Some(Mutation::FailedPaymentIsIgnored)) => {
                SessionState::Delayed(failed)
            }
            (SessionState::Paid(_), Some(Mutation::PaidIsOpen)) => SessionState::Open {
                session_id: "cs_unknown".to_owned(),
            },
            (state, _) => state,
        }
    }

    async fn close(&self, session_id: &str) -> SessionState {
        let (op, session_id) = (Op::ClosePage(session_id.to_owned()), session_id.to_owned());
        let state = self.ask(op, move |world| world.close_page(&session_id)).await;
        match (state, self.mutation) {
            (Err(_), Some(Mutation::CloseUnknownIsExpired))
            | (Ok(SessionState::Paid(_)), Some(Mutation::ClosePaidIsExpired)) => SessionState::Expired,
            (Ok(SessionState::Paid(payment)), Some(Mutation::OtherCurrencyIsNotRead))
                if is_other(&payment) =>
            {
                SessionState::Unknown("the amount paid cannot be read".into())
            }
            (Err(_), _) => SessionState::Unknown("no answer".into()),
            (Ok(state), _) => state,
        }
    }

    async fn order_of(&self, payment_id: &str) -> Result<Option<OrderId>, Cause> {
        let (op, payment_id) = (Op::OrderOf(payment_id.to_owned()), payment_id.to_owned());
        let order = self.ask(op, move |world| ready(world.provider.order_of(&payment_id)));
        order.await.unwrap_or_else(|_| Err("no answer".into()))
    }

    async fn refund(&self, order: OrderId, refund: &Refund, tried_before: bool) -> RefundOutcome {
        let (op, refund) = (Op::Refund(refund.payment_id.clone()), refund.clone());
        let outcome = self.ask(op, move |world| world.refund(order, &refund, tried_before));
        match (outcome.await, self.mutation) {
            (Err(_), Some(Mutation::UnknownRefundIsDone))
            | (Ok(RefundOutcome::RefusedForGood(_)), Some(Mutation::RefusedForGoodIsDone)) => {
                let refund_id = "re_unknown".to_owned();
                RefundOutcome::Done { refund_id }
            }
            (Ok(RefundOutcome::RefusedForGood(cause)), Some(Mutation::RefusedForGoodIsTriedForEver)) => {
                RefundOutcome::Refused(cause)
            }
            (Ok(RefundOutcome::Refused(cause)), Some(Mutation::RefusedNowIsForGood)) => {
                RefundOutcome::RefusedForGood(cause)
            }
            (Ok(outcome), _) => outcome,
            (Err(_), _) => RefundOutcome::Unknown("no answer".into()),
        }
    }
}

impl OrderQueue for Ports {
    async fn send(&self, id: OrderId) -> Result<(), QueueError> {
        if self.has(Mutation::SendIsForgotten) {
            return Ok(());
        }
        let sent = self.ask(Op::Send(id), move |world| world.send(id)).await;
        sent.map_err(|_| QueueError("no answer".into()))
    }

    async fn waiting(&self) -> Result<usize, QueueError> {
        let waiting = self.ask(Op::Waiting, |world| ready(world.queue.waiting()));
        waiting
            .await
            .unwrap_or_else(|_| Err(QueueError("no answer".into())))
    }
}

impl Circuits for Ports {
    async fn read(&self) -> Result<Circuit, StoreError> {
        Ports::store(self, Op::ReadCircuit, |world| ready(world.store.read())).await
    }

    async fn store(&self, circuit: Circuit) -> Result<Option<Circuit>, StoreError> {
        let op = Op::StoreCircuit(circuit);
        Ports::store(self, op, move |world| ready(world.store.store(circuit))).await
    }
}

impl Warehouse for Ports {
    async fn submit(&self, order: &Order) -> Submitted {
        let order = order.clone();
        let submitted = self.ask(Op::Submit(order.id()), move |world| world.submit(&order));
        let submitted = match submitted.await {
            Ok(submitted) => submitted,
            Err(Failure::Busy) => Submitted::Busy("too many requests".into()),
            Err(Failure::Unknown) => Submitted::Unknown("no answer".into()),
        };
        match (submitted, self.mutation) {
            (Submitted::Unknown(_), Some(Mutation::UnknownSubmitIsAccepted))
            | (Submitted::Unreadable(_), Some(Mutation::IllegibleIsAccepted)) => Submitted::Accepted {
                erp_number: "unknown".to_owned(),
            },
            (Submitted::Unknown(cause), Some(Mutation::UnknownSubmitIsRejected))
            | (Submitted::Unreadable(cause), Some(Mutation::IllegibleIsRejected))
            | (Submitted::Busy(cause), Some(Mutation::BusySubmitIsRejected)) => Submitted::Rejected(cause),
            (Submitted::Rejected(cause), Some(Mutation::RejectedIsBusy)) => Submitted::Busy(cause),
            (submitted, _) => submitted,
        }
    }

    async fn look_up(&self, id: OrderId) -> LookedUp {
        let found = self.ask(Op::LookUpOrder(id), move |world| world.look_up_order(id));
        match found.await {
            Ok(LookedUp::Unknown(_)) | Err(_) if self.has(Mutation::UnknownOrderIsFound) => LookedUp::Found {
                erp_number: "unknown".to_owned(),
            },
            Ok(found) => found,
            Err(_) => LookedUp::Unknown("no answer".into()),
        }
    }
}
