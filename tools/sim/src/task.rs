//! A running function: one use case, polled from call to call.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use app::{
    AccessKeys, Breaker, BreakerMemory, ForwardError, Forwarded, PaymentNotice, PaymentPage, PlaceOrder,
    PlaceOrderError, Placed, SettleError, Settled, StartPaymentError,
};
use domain::{OrderId, ShippingTable};
use jiff::{SignedDuration, Timestamp};

use crate::Mutation;
use crate::ports::{Call, Line, Ports};

pub(crate) static SHIPPING: LazyLock<ShippingTable> = LazyLock::new(ShippingTable::of_the_shop);
pub(crate) static KEYS: LazyLock<AccessKeys> =
    LazyLock::new(|| AccessKeys::parse("the simulation's own signing key").expect("32 bytes"));

/// How many messages may wait, as `template.yaml` has it.
const BACKLOG: usize = 960;

/// Where a function runs, and whose clock it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Checkout,
    Payment,
    PaymentEvents,
    Forwarder,
    Reconciler,
    Provider,
}

impl Side {
    pub(crate) const COUNT: usize = 6;

    /// How long a function may run, in milliseconds, as `template.yaml` has it.
    fn timeout(self) -> i64 {
        match self {
            Self::Forwarder => 30_000,
            Self::Reconciler => 55_000,
            Self::Checkout | Self::Payment | Self::PaymentEvents | Self::Provider => 20_000,
        }
    }
}

/// What a function was started for.
#[derive(Clone, Debug)]
pub(crate) enum Trigger {
    /// A shopper's request, by its number.
    Checkout { shopper: usize, request: usize },
    /// A shopper's request, by its number.
    StartPayment { shopper: usize, request: usize },
    /// The provider's message, and how often it was delivered before.
    Webhook { notice: PaymentNotice, before: usize },
    /// A message of the queue, by its number.
    Message(usize),
    /// The reconciler's schedule.
    Schedule,
}

/// How a function ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Placed(Result<Placed, PlaceOrderError>),
    Page(Result<PaymentPage, StartPaymentError>),
    Settled(Result<Settled, SettleError>),
    Forwarded(Result<Forwarded, ForwardError>),
    Reconciled,
}

/// A function that runs, and waits for the answer to a call; the reconciler to several.
pub(crate) struct Task {
    pub(crate) trigger: Trigger,
    pub(crate) side: Side,
    /// When it is killed, in true time.
    pub(crate) deadline: i64,
    line: Arc<Line>,
    future: Pin<Box<dyn Future<Output = Outcome>>>,
    /// The calls that it waits for.
    pub(crate) calls: Vec<Call>,
    ended: Option<Outcome>,
}

impl Task {
    fn new<F: Future<Output = Outcome> + 'static>(
        trigger: Trigger,
        side: Side,
        start: Start,
        run: impl FnOnce(Ports) -> F,
    ) -> Self {
        let line = Arc::new(Line::default());
        let future = Box::pin(run(Ports::on(Arc::clone(&line), start.mutation)));
        let mut task = Self {
            trigger,
            side,
            deadline: start.now + side.timeout(),
            line,
            future,
            calls: Vec::new(),
            ended: None,
        };
        task.ended = task.go_on(start.clock);
        task
    }

    pub(crate) fn checkout(trigger: Trigger, start: Start, wish: PlaceOrder) -> Self {
        Self::new(trigger, Side::Checkout, start, |ports| async move {
            Outcome::Placed(app::place_order(&ports, &ports, &ports, &SHIPPING, &ports, wish).await)
        })
    }

    pub(crate) fn start_payment(trigger: Trigger, start: Start, id: OrderId) -> Self {
        Self::new(trigger, Side::Payment, start, move |ports| async move {
            let token = KEYS.token(id);
            Outcome::Page(app::start_payment(&ports, &ports, &KEYS, &ports, id.as_str(), &token).await)
        })
    }

    pub(crate) fn settle(trigger: Trigger, start: Start, notice: PaymentNotice) -> Self {
        Self::new(trigger, Side::PaymentEvents, start, |ports| async move {
            Outcome::Settled(app::settle_payment(&ports, &ports, &ports, notice).await)
        })
    }

    pub(crate) fn forward(
        trigger: Trigger,
        start: Start,
        memory: BreakerMemory,
        id: OrderId,
        first_try: bool,
    ) -> Self {
        Self::new(trigger, Side::Forwarder, start, move |ports| async move {
            let breaker = Breaker::new(&ports, memory);
            Outcome::Forwarded(app::forward_order(&ports, &ports, &breaker, &ports, id, first_try).await)
        })
    }

    pub(crate) fn reconcile(start: Start) -> Self {
        let begun = Timestamp::from_millisecond(start.clock).expect("a time within years");
        let until = begun + SignedDuration::from_secs(45);
        Self::new(
            Trigger::Schedule,
            Side::Reconciler,
            start,
            move |ports| async move {
                // What failed stays due, for the next run.
                let _ = app::resend_orders(&ports, &ports, &ports, &ports, until, BACKLOG).await;
                let _ = app::reconcile(&ports, &ports, &ports, &ports, until).await;
                Outcome::Reconciled
            },
        )
    }

    /// What it ended with before its first call, if it did.
    pub(crate) fn take_ended(&mut self) -> Option<Outcome> {
        self.ended.take()
    }

    /// Lets it run, at this time of its clock, until it waits again; what it ended with, if it did.
    pub(crate) fn go_on(&mut self, clock: i64) -> Option<Outcome> {
        self.line.set_clock(clock);
        match self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => {
                self.calls.append(&mut self.line.new_calls());
                None
            }
        }
    }
}

/// How a function starts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    /// True time, in Unix milliseconds.
    pub(crate) now: i64,
    /// The time by its own clock.
    pub(crate) clock: i64,
    pub(crate) mutation: Option<Mutation>,
}
