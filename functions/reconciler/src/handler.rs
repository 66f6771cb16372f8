use app::ports::{Clock, OrderQueue, Orders, PaymentProvider};
use app::reconcile;
use jiff::SignedDuration;
use lambda_kit::Error;
use lambda_kit::clock::Deadline;
use lambda_kit::schedule::Run;

/// What one order may take: a question to the provider, another one, and the writes after them.
const LONGEST: SignedDuration = SignedDuration::from_secs(15);

/// Looks after everything that is due.
pub(crate) struct Reconciler<O, Q, P, C> {
    pub(crate) orders: O,
    pub(crate) queue: Q,
    pub(crate) provider: P,
    pub(crate) clock: C,
}

impl<O: Orders, Q: OrderQueue, P: PaymentProvider, C: Clock> Run for Reconciler<O, Q, P, C> {
    async fn run(&self, deadline: Deadline) -> Result<(), Error> {
        let until = deadline.less(LONGEST);
        let report = reconcile(&self.orders, &self.queue, &self.provider, &self.clock, until).await?;
        tracing::info!(
            orders.examined = report.examined,
            orders.failed = report.failed,
            "looked after what is due"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use domain::Status;
    use lambda_kit::schedule::once;
    use testkit::{FakeClock, FakeProvider, FakeQueue, MemoryStore, an_order, noon};

    use super::*;

    fn subject() -> Reconciler<MemoryStore, FakeQueue, FakeProvider, FakeClock> {
        let orders = MemoryStore::default();
        orders.put_order(an_order().under("placed").placed());
        orders.put_order(an_order().under("paid").paid());
        Reconciler {
            orders,
            queue: FakeQueue::default(),
            provider: FakeProvider::default(),
            clock: FakeClock::at_noon(),
        }
    }

    #[tokio::test]
    async fn what_is_due_is_brought_to_its_end() {
        let subject = subject();
        subject.clock.advance(SignedDuration::from_hours(1));
        let deadline = Deadline::new(noon() + SignedDuration::from_hours(2));
        assert_eq!(once(&subject, deadline).await, Ok(()));
        let mut states: Vec<_> = subject
            .orders
            .orders()
            .iter()
            .map(|order| order.status.name())
            .collect();
        states.sort_unstable();
        assert_eq!(states, [Status::Expired.name(), Status::Paid.name()]);
        assert_eq!(subject.queue.len(), 1);
    }

    #[tokio::test]
    async fn nothing_is_begun_that_could_not_be_finished() {
        let subject = subject();
        subject.clock.advance(SignedDuration::from_hours(1));
        let deadline = Deadline::new(noon() + SignedDuration::from_hours(1) + SignedDuration::from_secs(10));
        assert_eq!(once(&subject, deadline).await, Ok(()));
        assert!(subject.queue.is_empty());
        assert!(
            subject
                .orders
                .orders()
                .iter()
                .all(|order| order.status != Status::Expired)
        );
    }
}
