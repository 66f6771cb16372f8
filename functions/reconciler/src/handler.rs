use app::ports::{Circuits, Clock, OrderQueue, Orders, PaymentProvider, Stock};
use app::{Reconciled, Resent, UnpaidOrders, reconcile, release_scarce_holds, resend_orders};
use domain::JobKind;
use jiff::{SignedDuration, Timestamp};
use lambda_kit::Error;
use lambda_kit::metrics::{self, Unit};
use lambda_kit::schedule::Run;

/// What one order may take: a question to the provider, another one, and the writes after them.
const LONGEST: SignedDuration = SignedDuration::from_secs(15);

/// What has been due for longer, by its first due time, is late: it had several tries.
const LATE: SignedDuration = SignedDuration::from_mins(15);

/// From this total of unpaid orders on there is a figure, in euro cents: CloudWatch bills each hour in which a metric has one. The alarm waits for
/// five times as much.
const NOTEWORTHY_TOTAL: i64 = 5_000_000;

/// Looks after everything that is due.
pub(crate) struct Reconciler<O, B, Q, P, C> {
    pub(crate) orders: O,
    pub(crate) circuits: B,
    pub(crate) queue: Q,
    pub(crate) provider: P,
    pub(crate) clock: C,
    /// How many messages may wait for the warehouse at most.
    pub(crate) backlog: usize,
}

impl<O: Orders + Stock, B: Circuits, Q: OrderQueue, P: PaymentProvider, C: Clock> Run
    for Reconciler<O, B, Q, P, C>
{
    async fn run(&self, deadline: Timestamp) -> Result<(), Error> {
        let until = deadline - LONGEST;
        let (orders, queue, clock) = (&self.orders, &self.queue, &self.clock);
        // First what the warehouse waits for: not longer than a third of the time. A sixth is kept for holds. A backlog of days holds up nothing else.
        let now = clock.now();
        let third = until.duration_since(now) / 3;
        let resent = resend_orders(orders, queue, &self.circuits, clock, now + third, self.backlog).await;
        let report = reconcile(orders, queue, &self.provider, clock, until - third / 2).await;
        let unpaid = release_scarce_holds(orders, orders, clock, until).await;
        let held = unpaid.as_ref().cloned().unwrap_or_default();
        record_unpaid(&held);
        let report = report?;
        tracing::info!(
            orders.resent = resent.as_ref().ok().map(|resent| resent.sent),
            orders.examined = report.examined,
            orders.released = unpaid.as_ref().ok().map(|unpaid| unpaid.released),
            orders.failed = report.failed,
            orders.unreadable = report.unreadable,
            "looked after what is due"
        );
        let sent = resent.as_ref().copied().unwrap_or_default();
        count(&report, &sent, held.released);
        record_overdue(&report, &sent);
        resent?;
        unpaid?;
        Ok(())
    }
}

/// The metric of one kind of due work; its alarm has the same name.
fn overdue_metric(kind: &JobKind) -> &'static str {
    match kind {
        JobKind::Withdraw => "OverdueWithdraw",
        JobKind::CloseWindow => "OverdueCloseWindow",
        JobKind::AskProvider => "OverdueAskProvider",
        JobKind::Forward => "OverdueForward",
        JobKind::SettleRejection => "OverdueSettleRejection",
        JobKind::GiveStockBack => "OverdueGiveStockBack",
        JobKind::Refund => "OverdueRefund",
        JobKind::Remove => "OverdueRemove",
        JobKind::Unknown(_) => "OverdueUnknown",
    }
}

/// Records by kind what is late. What is not is no figure: CloudWatch bills each hour in which a metric has one.
fn record_overdue(report: &Reconciled, resent: &Resent) {
    let jobs = report.overdue.iter();
    let jobs = jobs.map(|(kind, overdue)| (overdue_metric(kind), kind.name(), *overdue));
    let others = [
        (
            overdue_metric(&JobKind::Forward),
            JobKind::Forward.name(),
            resent.oldest,
        ),
        ("OverdueUnreadable", "unreadable", report.overdue_unreadable),
    ];
    for (metric, job, overdue) in jobs.chain(others).filter(|(.., overdue)| *overdue > LATE) {
        tracing::warn!(job, overdue_s = overdue.as_secs(), "a kind of due work is late");
        metrics::record(metric, Unit::Seconds, overdue.as_secs());
    }
}

/// Records orders that nobody pays, where they hold what is scarce, or are dear.
fn record_unpaid(unpaid: &UnpaidOrders) {
    let totals = unpaid.totals.iter().map(|total| total.minor());
    let total = totals.fold(0, i64::saturating_add);
    metrics::count("ScarceHolds", unpaid.scarce);
    if total >= NOTEWORTHY_TOTAL {
        metrics::record("UnpaidTotal", Unit::None, total);
    }
}

/// Zero is emitted too: the dashboard shows 0, not a gap.
fn count(report: &Reconciled, resent: &Resent, released: u32) {
    let waiting = i64::from(report.examined) + i64::try_from(resent.sent).unwrap_or(i64::MAX);
    metrics::record("OrdersWaiting", Unit::Count, waiting);
    let oldest = report.oldest().max(resent.oldest);
    metrics::record("OldestWaitingOrder", Unit::Seconds, oldest.as_secs());
    metrics::count("OrdersExpired", report.expired + released);
    metrics::count("PaymentsParked", report.parked);
    metrics::count("RefundsFailed", report.refunds_refused);
    metrics::count("RefundsParked", report.refunds_parked);
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
    use testkit::{FakeClock, FakeProvider, FakeQueue, MemoryStore, altered, an_order, eur, noon};

    use super::*;

    fn subject() -> Reconciler<MemoryStore, MemoryStore, FakeQueue, FakeProvider, FakeClock> {
        let orders = MemoryStore::default();
        orders.put_order(an_order().under("placed").placed());
        orders.put_order(an_order().under("paid").paid());
        Reconciler {
            orders,
            circuits: MemoryStore::default(),
            queue: FakeQueue::default(),
            provider: FakeProvider::default(),
            clock: FakeClock::at_noon(),
            backlog: 960,
        }
    }

    #[tokio::test]
    async fn what_is_due_is_brought_to_its_end() {
        let subject = subject();
        let first_due = subject
            .orders
            .orders()
            .iter()
            .filter_map(domain::Order::due_at)
            .min();
        subject.clock.advance(SignedDuration::from_hours(1));
        let now = noon() + SignedDuration::from_hours(1);
        let oldest = first_due.map_or(0, |due| now.duration_since(due).as_secs());
        let deadline = noon() + SignedDuration::from_hours(2);
        let (done, figures) = collect(once(&subject, deadline)).await;
        assert!(done);
        assert_eq!(figures.of("OrdersWaiting"), [2]);
        assert_eq!(figures.of("OldestWaitingOrder"), [oldest]);
        assert_eq!(figures.of("OrdersExpired"), [1]);
        for late in ["OverdueCloseWindow", "OverdueForward"] {
            assert_eq!(figures.of(late), [oldest], "{late}");
        }
        assert!(figures.of("OverdueRefund").is_empty());
        let mut states: Vec<_> = subject
            .orders
            .orders()
            .iter()
            .map(|order| order.status().name())
            .collect();
        states.sort_unstable();
        assert_eq!(states, [Status::Expired.name(), Status::Paid.name()]);
        assert_eq!(subject.queue.len(), 1);
    }

    #[test]
    fn each_kind_has_a_metric_of_its_own_name() {
        for kind in JobKind::KNOWN {
            let metric = overdue_metric(&kind).to_lowercase();
            assert_eq!(metric, format!("overdue{}", kind.name().replace('_', "")));
        }
    }

    #[tokio::test]
    async fn work_that_is_not_late_has_no_figure() {
        let subject = subject();
        subject.clock.advance(SignedDuration::from_mins(10));
        let deadline = noon() + SignedDuration::from_hours(2);
        let (_, figures) = collect(once(&subject, deadline)).await;
        assert_eq!(figures.of("OrdersWaiting"), [2]);
        for kind in JobKind::KNOWN {
            assert!(figures.of(overdue_metric(&kind)).is_empty());
        }
    }

    #[tokio::test]
    async fn that_nothing_waits_is_told_too() {
        let subject = Reconciler {
            orders: MemoryStore::default(),
            ..subject()
        };
        let deadline = noon() + SignedDuration::from_hours(2);
        let (_, figures) = collect(once(&subject, deadline)).await;
        assert_eq!(figures.of("OrdersWaiting"), [0]);
        assert_eq!(figures.of("OldestWaitingOrder"), [0]);
    }

    #[tokio::test]
    async fn what_nobody_pays_is_told_where_it_is_scarce_or_dear() {
        let subject = subject();
        for number in 0..3 {
            let order = an_order().under(&number.to_string()).placed();
            let dear = altered(order, |order| order.quote.total = eur(2_000_000));
            subject.orders.put_order(dear);
        }
        subject.clock.advance(SignedDuration::from_mins(3));
        let deadline = noon() + SignedDuration::from_hours(2);
        let (_, figures) = collect(once(&subject, deadline)).await;
        assert_eq!(figures.of("ScarceHolds"), [4]);
        assert_eq!(figures.of("OrdersExpired"), [4]);
        assert_eq!(figures.of("UnpaidTotal"), [6_001_490]);
        let (_, figures) = collect(once(&subject, deadline)).await;
        assert!(figures.of("ScarceHolds").is_empty());
        assert!(figures.of("UnpaidTotal").is_empty());
    }

    #[tokio::test]
    async fn nothing_is_begun_that_could_not_be_finished() {
        let subject = subject();
        subject.clock.advance(SignedDuration::from_hours(1));
        let deadline = noon() + SignedDuration::from_hours(1) + SignedDuration::from_secs(10);
        assert!(once(&subject, deadline).await);
        assert!(subject.queue.is_empty());
        assert!(
            subject
                .orders
                .orders()
                .iter()
                .all(|order| order.status() != Status::Expired)
        );
    }
}
