//! Due work: no kind waits for another, and many orders are worked on at once.

use std::collections::BTreeSet;
use std::time::Duration;

use app::ports::{
    Cause, Clock, Opened, Orders, PaymentProvider, PaymentSession, RefundOutcome, SessionState, StoreError,
};
use app::{Breaker, BreakerMemory, Reconciled, forward_order, reconcile, resend_orders};
use domain::{HistoryEvent, JobKind, Order, OrderId, PaymentAttempt, Refund, RefundState, Status};
use jiff::{SignedDuration, Timestamp};
use testkit::{FakeClock, FakeQueue, FakeWarehouse, MemoryStore, WarehouseMood, altered, an_order, noon};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// How a provider answers every call.
#[derive(Clone, Copy)]
enum Mood {
    Well,
    Silent,
    RefusesForNow,
    RefusesForGood,
    Panics,
}

/// A provider that takes its time, and whose every page is open.
struct SlowProvider(Mood, Duration);

impl SlowProvider {
    fn new(mood: Mood) -> Self {
        Self(mood, Duration::ZERO)
    }
}

impl PaymentProvider for SlowProvider {
    async fn open(&self, _: &Order, attempt: &PaymentAttempt) -> Opened {
        Opened::Open(PaymentSession {
            id: format!("cs_{}", attempt.number),
            redirect_url: "https://pay.example/".to_owned(),
        })
    }

    async fn look_up(&self, _: OrderId, attempt: &PaymentAttempt) -> SessionState {
        tokio::time::sleep(self.1).await;
        match self.0 {
            Mood::Silent => SessionState::Unknown("no answer".into()),
            Mood::Panics => panic!("a fault of ours"),
            _ => SessionState::Open {
                session_id: format!("cs_{}", attempt.number),
            },
        }
    }

    async fn close(&self, _: &str) -> SessionState {
        SessionState::Expired
    }

    async fn order_of(&self, _: &str) -> Result<Option<OrderId>, Cause> {
        Ok(None)
    }

    async fn refund(&self, _: OrderId, refund: &Refund, _: bool) -> RefundOutcome {
        tokio::time::sleep(self.1).await;
        match self.0 {
            Mood::Well => RefundOutcome::Done {
                refund_id: format!("re_{}", refund.payment_id),
            },
            Mood::Silent | Mood::Panics => RefundOutcome::Unknown("no answer".into()),
            Mood::RefusesForNow => RefundOutcome::Refused("not now".into()),
            Mood::RefusesForGood => RefundOutcome::RefusedForGood("closed account".into()),
        }
    }
}

struct World {
    store: MemoryStore,
    queue: FakeQueue,
    warehouse: FakeWarehouse,
    clock: FakeClock,
    provider: SlowProvider,
}

impl World {
    fn new(mood: Mood) -> Self {
        Self {
            store: MemoryStore::default(),
            queue: FakeQueue::default(),
            warehouse: FakeWarehouse::default(),
            clock: FakeClock::at_noon(),
            provider: SlowProvider::new(mood),
        }
    }

    /// A minute passes, as the schedule and the queue see it.
    async fn minute(&self) -> Reconciled {
        self.clock.advance(MINUTE);
        let until = self.clock.now() + MINUTE;
        resend_orders(&self.store, &self.queue, &self.store, &self.clock, until, 100)
            .await
            .expect("an answer");
        while let Some(id) = self.queue.take() {
            let breaker = Breaker::new(&self.store, BreakerMemory::default());
            forward_order(
                &self.store,
                &self.warehouse,
                &breaker,
                &self.clock,
                id,
                false,
                MINUTE,
            )
            .await
            .expect("an outcome");
        }
        reconcile(&self.store, &self.queue, &self.provider, &self.clock, until)
            .await
            .expect("a report")
    }

    async fn minutes(&self, minutes: usize) {
        for _ in 0..minutes {
            self.minute().await;
        }
    }

    fn order(&self, id: OrderId) -> Order {
        self.store.peek(id, Clone::clone).expect("an order")
    }

    /// A paid order that owes a second payment of the same amount.
    fn paid_twice(&self) -> OrderId {
        self.store.put_order(an_order().paid_twice()).id()
    }
}

#[tokio::test]
async fn a_refund_that_always_fails_holds_back_no_forwarding() {
    for mood in [Mood::Silent, Mood::RefusesForNow, Mood::RefusesForGood] {
        let world = World::new(mood);
        world.warehouse.set_mood(WarehouseMood::Down);
        let id = world.paid_twice();
        world.minutes(30).await;
        assert_eq!(world.order(id).status(), Status::Paid);
        world.warehouse.set_mood(WarehouseMood::Well);
        world.minutes(20).await;
        assert_eq!(world.order(id).status(), Status::Forwarded);
        assert_eq!(world.warehouse.deliveries(id), 1);
    }
}

#[tokio::test]
async fn a_warehouse_that_is_down_for_days_holds_back_no_refund() {
    let world = World::new(Mood::Well);
    world.warehouse.set_mood(WarehouseMood::Down);
    let id = world.paid_twice();
    world.minutes(2).await;
    let order = world.order(id);
    assert_eq!(order.status(), Status::Paid);
    assert!(matches!(order.refunds()[0].state, RefundState::Done { .. }));
}

#[tokio::test]
async fn a_refund_that_always_fails_holds_back_no_stock() {
    for mood in [Mood::Silent, Mood::RefusesForNow, Mood::RefusesForGood] {
        let world = World::new(mood);
        let rejected = an_order().paid().rejected_by_warehouse(noon()).expect("paid");
        let id = world.store.put_order(rejected).id();
        world.minutes(1).await;
        let order = world.order(id);
        assert_eq!(order.held(), 0);
        assert_eq!(world.store.stock_of(&order.quote().lines[0].sku), 1);
    }
}

#[tokio::test]
async fn a_refund_that_is_refused_for_good_is_counted_once_and_parked() {
    let world = World::new(Mood::RefusesForGood);
    let id = world.paid_twice();
    assert_eq!(world.minute().await.refunds_parked, 1);
    assert_eq!(world.minute().await.refunds_parked, 0);
    let order = world.order(id);
    let reason = "closed account".to_owned();
    assert_eq!(order.refunds()[0].state, RefundState::Refused { reason });
}

#[tokio::test]
async fn a_refund_that_is_refused_for_now_is_tried_for_days() {
    let world = World::new(Mood::RefusesForNow);
    let id = world.paid_twice();
    world.minutes(50 * 60).await;
    let order = world.order(id);
    assert_eq!(order.refunds()[0].state, RefundState::Due);
    assert!(order.due_at().is_some());
}

#[tokio::test]
async fn a_job_of_a_newer_release_is_skipped_and_delays_nothing() {
    let world = World::new(Mood::Well);
    let job = domain::Job::new(JobKind::of_name("send_invoice"), noon());
    let order = altered(an_order().placed(), |order| order.jobs.insert(0, job.clone()));
    let id = world.store.put_order(order).id();
    world.minutes(60).await;
    let order = world.order(id);
    assert_eq!(order.status(), Status::Expired);
    assert_eq!(order.jobs(), [job]);
    let became = HistoryEvent::Became(Status::Expired);
    assert!(order.history().iter().any(|entry| entry.event == became));
}

#[tokio::test]
async fn what_is_due_for_long_is_told_by_its_first_due_time() {
    let world = World::new(Mood::RefusesForNow);
    world.paid_twice();
    let mut oldest = SignedDuration::ZERO;
    for _ in 0..60 {
        let report = world.minute().await;
        oldest = oldest.max(report.oldest());
        let refund = report.overdue.get(&JobKind::Refund).copied();
        assert!(refund.is_none_or(|overdue| overdue == report.oldest()));
    }
    assert!(oldest >= 45 * MINUTE, "{oldest}");
}

/// Of a queue that a backlog fills, the orders behind one that cannot be read are queued all the same.
#[tokio::test]
async fn an_unreadable_order_at_the_head_holds_up_no_other() {
    let world = World::new(Mood::Well);
    let torn = world.store.put_order(an_order().under("torn").paid()).id();
    for number in 0..300 {
        world
            .store
            .put_order(an_order().under(&number.to_string()).paid());
    }
    world.clock.advance(60 * MINUTE);
    let until = world.clock.now() + MINUTE;
    let store = Torn(&world.store, torn);
    let resent = resend_orders(&store, &world.queue, &world.store, &world.clock, until, 1_000)
        .await
        .expect("an answer");
    assert_eq!((resent.sent, world.queue.len()), (300, 300));
}

#[tokio::test]
async fn a_panic_over_one_order_stops_no_other() {
    let world = World::new(Mood::Panics);
    let open = an_order()
        .under("open")
        .placed()
        .attempt_for(noon())
        .expect("payable");
    world.store.put_order(open);
    let unpaid = world.store.put_order(an_order().under("unpaid").placed()).id();
    world.clock.advance(60 * MINUTE);
    let report = world.minute().await;
    assert_eq!((report.failed, report.expired), (1, 1));
    assert_eq!(world.order(unpaid).status(), Status::Expired);
}

/// A store in which one order cannot be read.
struct Torn<'a>(&'a MemoryStore, OrderId);

impl Orders for Torn<'_> {
    async fn get(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        if id == self.1 {
            return Err(StoreError::Corrupt("torn".into()));
        }
        self.0.get(id).await
    }

    async fn commit(
        &self,
        order: Order,
        stock: Vec<domain::StockChange>,
    ) -> Result<app::ports::Committed, StoreError> {
        self.0.commit(order, stock).await
    }

    async fn remove(&self, order: &Order) -> Result<(), StoreError> {
        self.0.remove(order).await
    }

    async fn due(
        &self,
        index: domain::DueIndex,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(OrderId, Timestamp)>, StoreError> {
        self.0.due(index, now, limit).await
    }
}

#[tokio::test]
async fn an_order_that_cannot_be_read_is_counted_by_the_indexs_time() {
    let world = World::new(Mood::Well);
    let torn = world.store.put_order(an_order().under("torn").placed());
    let other = world.store.put_order(an_order().under("other").placed()).id();
    world.clock.advance(60 * MINUTE);
    let until = world.clock.now() + MINUTE;
    let store = Torn(&world.store, torn.id());
    let report = reconcile(&store, &world.queue, &world.provider, &world.clock, until)
        .await
        .expect("a report");
    assert_eq!((report.unreadable, report.failed), (1, 1));
    assert_eq!(report.oldest(), 55 * MINUTE);
    assert_eq!(world.order(other).status(), Status::Expired);
}

#[tokio::test(start_paused = true)]
async fn three_hundred_open_pages_take_less_than_twenty_seconds() {
    let mut world = World::new(Mood::Well);
    world.provider.1 = Duration::from_millis(250);
    for number in 0..300 {
        let order = an_order().under(&number.to_string()).placed();
        world.store.put_order(order.attempt_for(noon()).expect("payable"));
    }
    world.clock.advance(6 * MINUTE);
    let begun = tokio::time::Instant::now();
    let until = world.clock.now() + MINUTE;
    let report = reconcile(&world.store, &world.queue, &world.provider, &world.clock, until)
        .await
        .expect("a report");
    assert_eq!((report.examined, report.failed), (300, 0));
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    let next: BTreeSet<_> = world.store.orders().iter().map(Order::due_at).collect();
    assert_eq!(next.len(), 1, "each was looked at");
}

#[tokio::test(start_paused = true)]
async fn a_slow_provider_uses_half_a_run_and_leaves_the_rest() {
    let mut world = World::new(Mood::Well);
    world.provider.1 = Duration::from_secs(5);
    for number in 0..300 {
        let order = an_order().under(&number.to_string()).placed();
        world.store.put_order(order.attempt_for(noon()).expect("payable"));
    }
    let unpaid = altered(an_order().under("unpaid").placed(), |order| {
        order.reserved_until = noon() + 29 * MINUTE;
    });
    let unpaid = unpaid.left_until_window_closes();
    let unpaid = world.store.put_order(unpaid).id();
    let begun = tokio::time::Instant::now();
    let passed = || SignedDuration::try_from(begun.elapsed()).expect("a short test");
    let clock = || noon() + 30 * MINUTE + passed();
    let until = clock.now() + MINUTE;
    let report = reconcile(&world.store, &world.queue, &world.provider, &clock, until)
        .await
        .expect("a report");
    assert_eq!(report.examined, 301);
    assert!(clock.now() <= until);
    assert_eq!(world.order(unpaid).status(), Status::Expired);
    let asked = world.store.orders().into_iter();
    let asked = asked.filter(|order| order.due_at() > Some(noon() + 30 * MINUTE));
    assert!(asked.count() >= 16 * 6, "asked for half a minute");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_does_not_answer_does_not_use_up_a_run() {
    let mut world = World::new(Mood::Silent);
    world.provider.1 = Duration::from_secs(5);
    for number in 0..300 {
        let order = an_order().under(&number.to_string()).placed();
        world.store.put_order(order.attempt_for(noon()).expect("payable"));
    }
    let unpaid = world.store.put_order(an_order().under("unpaid").placed()).id();
    world.clock.advance(44 * MINUTE);
    let begun = tokio::time::Instant::now();
    world.minute().await;
    assert!(
        begun.elapsed() <= Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(world.order(unpaid).status(), Status::Expired);
}
