//! A running function: one use case, polled from call to call.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use app::PaymentNotice;
use testkit::FakeClock;
use tokio::sync::mpsc;

use crate::Mutation;
use crate::ports::{Call, Ports};
use crate::world::World;

/// Where a function runs, and whose clock it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Checkout,
    Payment,
    PaymentEvents,
    Forwarder,
    Reconciler,
    Provider,
    /// Whose clock is right.
    Operator,
}

impl Side {
    /// Those whose clock may run off.
    pub(crate) const COUNT: usize = 6;

    /// How long a function may run, in milliseconds, as `template.yaml` has it.
    fn timeout(self) -> i64 {
        match self {
            Self::Forwarder => 30_000,
            Self::Reconciler => 55_000,
            Self::Checkout | Self::Payment | Self::PaymentEvents | Self::Provider | Self::Operator => 20_000,
        }
    }
}

/// What becomes of a function's result in the world; `false`: whoever called the function does not hear it.
pub(crate) type End = Box<dyn FnOnce(&mut World<'_>, bool)>;

/// Boxes what becomes of a result.
pub(crate) fn end(end: impl FnOnce(&mut World<'_>, bool) + 'static) -> End {
    Box::new(end)
}

/// A function that runs, and waits for the answer to a call; the reconciler to several.
pub(crate) struct Task {
    pub(crate) side: Side,
    /// When it is killed, in true time.
    pub(crate) deadline: i64,
    /// The calls that it waits for.
    pub(crate) calls: Vec<Call>,
    /// The provider's message that it was started for, and how often that was delivered before.
    pub(crate) webhook: Option<(PaymentNotice, usize)>,
    asked: mpsc::UnboundedReceiver<Call>,
    clock: Arc<FakeClock>,
    future: Pin<Box<dyn Future<Output = End>>>,
}

impl Task {
    /// A function that has not begun.
    pub(crate) fn new<F: Future<Output = End> + 'static>(
        side: Side,
        webhook: Option<(PaymentNotice, usize)>,
        now: i64,
        mutation: Option<Mutation>,
        run: impl FnOnce(Ports) -> F,
    ) -> Self {
        let (line, asked) = mpsc::unbounded_channel();
        let clock = Arc::new(FakeClock::at_noon());
        let ports = Ports {
            line,
            clock: Arc::clone(&clock),
            mutation,
        };
        Self {
            side,
            deadline: now + side.timeout(),
            calls: Vec::new(),
            webhook,
            asked,
            clock,
            future: Box::pin(run(ports)),
        }
    }

    /// Lets it run, at this time of its clock, until it waits again; how it ended, if it did.
    pub(crate) fn go_on(&mut self, clock: i64) -> Option<End> {
        self.clock.set(clock);
        match self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(end) => Some(end),
            Poll::Pending => {
                while let Ok(call) = self.asked.try_recv() {
                    self.calls.push(call);
                }
                None
            }
        }
    }
}
