use app::ports::{Clock, OrderQueue, Orders, PaymentProvider};
use app::{Reconciled, reconcile};
use jiff::SignedDuration;
use lambda_kit::Error;
use lambda_kit::clock::Deadline;
use lambda_kit::metrics::{self, Unit};
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
        count(&report);
        Ok(())
    }
}

/// What waits is told even where nothing does: an alarm needs to hear that all is well.
fn count(report: &Reconciled) {
    metrics::record("OrdersWaiting", Unit::Count, i64::from(report.examined));
    metrics::record("OldestWaitingOrder", Unit::Seconds, report.oldest.as_secs());
    metrics::count("OrdersExpired", report.expired);
    metrics::count("PaymentsParked", report.parked);
    metrics::count("RefundsFailed", report.refunds_refused);
    if !report.paid.is_empty() {
        let revenue = report.paid.iter().map(|amount| amount.minor()).sum();
        metrics::record(
            "OrdersPaid",
            Unit::Count,
            i64::try_from(report.paid.len()).unwrap_or(i64::MAX),
        );
        metrics::record("RevenuePaid", Unit::None, revenue);
    }
}

#[cfg(test)]
mod tests {
    use domain::Status;
    use lambda_kit::metrics::collect;
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
        let first_due = subject
            .orders
            .orders()
            .iter()
            .filter_map(|order| order.due_at)
            .min();
        subject.clock.advance(SignedDuration::from_hours(1));
        let now = noon() + SignedDuration::from_hours(1);
        let oldest = first_due.map_or(0, |due| now.duration_since(due).as_secs());
        let deadline = Deadline::new(noon() + SignedDuration::from_hours(2));
        let (outcome, figures) = collect(once(&subject, deadline)).await;
        assert_eq!(outcome, Ok(()));
        assert_eq!(figures.of("OrdersWaiting"), [2]);
        assert_eq!(figures.of("OldestWaitingOrder"), [oldest]);
        assert_eq!(figures.of("OrdersExpired"), [1]);
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
    async fn that_nothing_waits_is_told_too() {
        let subject = Reconciler {
            orders: MemoryStore::default(),
            ..subject()
        };
        let deadline = Deadline::new(noon() + SignedDuration::from_hours(2));
        let (_, figures) = collect(once(&subject, deadline)).await;
        assert_eq!(figures.of("OrdersWaiting"), [0]);
        assert_eq!(figures.of("OldestWaitingOrder"), [0]);
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
