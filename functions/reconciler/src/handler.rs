use app::ports::{Clock, OrderQueue, Orders, PaymentProvider};
use app::reconcile;
use jiff::SignedDuration;
use lambda_kit::Error;
use lambda_kit::clock::Deadline;
use lambda_kit::schedule::Run;

/// No order is begun with less time left: it may ask the provider twice, and write what it found.
const LONGEST_ORDER: SignedDuration = SignedDuration::from_secs(20);

/// Mends what is due.
pub(crate) struct Reconciler<O, Q, P, C> {
    pub(crate) orders: O,
    pub(crate) queue: Q,
    pub(crate) provider: P,
    pub(crate) clock: C,
}

impl<O: Orders, Q: OrderQueue, P: PaymentProvider, C: Clock> Run for Reconciler<O, Q, P, C> {
    async fn run(&self, deadline: Deadline) -> Result<(), Error> {
        let until = deadline.less(LONGEST_ORDER);
        let report = reconcile(&self.orders, &self.queue, &self.provider, &self.clock, until).await?;
        tracing::info!(examined = report.examined, failed = report.failed, "reconciled");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use domain::Status;
    use testkit::{FakeClock, FakeProvider, FakeQueue, MemoryStore, an_order};

    use super::*;

    #[tokio::test]
    async fn due_orders_are_mended_while_there_is_time() {
        let clock = FakeClock::at_noon();
        clock.advance(SignedDuration::from_hours(1));
        let orders = MemoryStore::default();
        orders.put_order(an_order().placed());
        let (queue, provider) = (FakeQueue::default(), FakeProvider::default());
        let subject = Reconciler {
            orders,
            queue,
            provider,
            clock,
        };
        let in_time = |left| Deadline::new(subject.clock.now() + SignedDuration::from_secs(left));
        subject.run(in_time(20)).await.expect("a run");
        assert_eq!(
            subject.orders.orders()[0].status,
            Status::Placed,
            "too little time is left"
        );
        subject.run(in_time(21)).await.expect("a run");
        assert_eq!(subject.orders.orders()[0].status, Status::Expired);
    }
}
