//! Handing paid orders to the warehouse.

use app::ports::Clock;
use app::{
    Breaker, BreakerMemory, DecideError, Decision, ForwardError, Forwarded, decide_order, forward_order,
    reconcile, resend_orders,
};
use domain::{JobKind, Order, OrderId, Status};
use jiff::SignedDuration;
use testkit::{FakeClock, FakeProvider, FakeQueue, FakeWarehouse, MemoryStore, WarehouseMood, an_order};

/// How long a rejected order waits for a human.
const GRACE: SignedDuration = SignedDuration::from_hours(24);

/// Taken at the time of paying.
const ACCEPTED: Forwarded = Forwarded::Accepted {
    after: SignedDuration::ZERO,
};

struct World {
    store: MemoryStore,
    warehouse: FakeWarehouse,
    clock: FakeClock,
    order: Order,
}

impl World {
    /// A world with one paid order.
    fn new() -> Self {
        let store = MemoryStore::default();
        let order = store.put_order(an_order().paid());
        Self {
            store,
            warehouse: FakeWarehouse::default(),
            clock: FakeClock::at_noon(),
            order,
        }
    }

    async fn forward(&self, first_try: bool) -> Forwarded {
        self.try_to_forward(self.order.id(), first_try)
            .await
            .expect("an outcome")
    }

    async fn try_to_forward(&self, id: OrderId, first_try: bool) -> Result<Forwarded, ForwardError> {
        let breaker = Breaker::new(&self.store, BreakerMemory::default());
        forward_order(
            &self.store,
            &self.warehouse,
            &breaker,
            &self.clock,
            id,
            first_try,
            GRACE,
        )
        .await
    }

    fn now(&self) -> Order {
        let order = self.store.peek(self.order.id(), Clone::clone);
        order.expect("an order")
    }

    fn deliveries(&self) -> u32 {
        self.warehouse.deliveries(self.order.id())
    }
}

#[tokio::test]
async fn a_paid_order_is_forwarded_once_for_any_number_of_messages() {
    let world = World::new();
    assert_eq!(world.forward(true).await, ACCEPTED);
    for first_try in [true, false] {
        assert_eq!(world.forward(first_try).await, Forwarded::NothingToDo);
    }
    assert_eq!(world.deliveries(), 1);
    let order = world.now();
    assert_eq!((order.status(), order.due_at()), (Status::Forwarded, None));
    assert!(order.erp_number().is_some());
}

#[tokio::test]
async fn how_long_a_paid_order_took_to_the_warehouse_is_told() {
    let world = World::new();
    world.clock.advance(SignedDuration::from_secs(90));
    let after = SignedDuration::from_secs(90);
    assert_eq!(world.forward(true).await, Forwarded::Accepted { after });
}

#[tokio::test]
async fn an_unpaid_order_is_never_forwarded() {
    let world = World::new();
    let placed = world.store.put_order(an_order().under("unpaid").placed());
    let outcome = world.try_to_forward(placed.id(), true).await;
    assert_eq!(outcome.expect("an outcome"), Forwarded::NothingToDo);
    assert_eq!(world.warehouse.orders(), 0);
}

#[tokio::test]
async fn a_message_without_an_order_must_not_vanish() {
    let world = World::new();
    let nobody = OrderId::for_key("nobody's");
    let outcome = world.try_to_forward(nobody, true).await;
    assert!(matches!(outcome, Err(ForwardError::UnknownOrder)));
}

#[tokio::test]
async fn an_order_accepted_unnoticed_is_looked_up_and_not_sent_again() {
    let world = World::new();
    world.warehouse.set_mood(WarehouseMood::LosingAnswers);
    assert_eq!(world.forward(true).await, Forwarded::Deferred);
    world.warehouse.set_mood(WarehouseMood::Well);
    assert_eq!(world.forward(true).await, ACCEPTED, "the order remembers the try");
    assert_eq!(world.deliveries(), 1);
}

#[tokio::test]
async fn a_warehouse_that_is_down_or_busy_defers_the_order() {
    for mood in [WarehouseMood::Down, WarehouseMood::Busy] {
        let world = World::new();
        world.warehouse.set_mood(mood);
        assert_eq!(world.forward(true).await, Forwarded::Deferred);
        let due_at = world.clock.now() + SignedDuration::from_secs(30);
        let order = world.now();
        assert_eq!((order.status(), order.due_at()), (Status::Paid, Some(due_at)));
    }
}

#[tokio::test]
async fn a_deferred_order_is_queued_again_when_it_is_due() {
    let world = World::new();
    let queue = FakeQueue::default();
    world.warehouse.set_mood(WarehouseMood::Down);
    world.forward(true).await;
    world.warehouse.set_mood(WarehouseMood::Well);
    for (seconds, queued) in [(29, 0), (1, 1), (1, 1)] {
        world.clock.advance(SignedDuration::from_secs(seconds));
        let until = world.clock.now() + SignedDuration::from_secs(50);
        resend_orders(&world.store, &queue, &world.store, &world.clock, until, 10)
            .await
            .expect("an answer");
        assert_eq!(queue.len(), queued);
    }
    assert!(matches!(world.forward(true).await, Forwarded::Accepted { .. }));
}

impl World {
    /// A world whose order the warehouse has rejected.
    async fn rejected() -> Self {
        let world = Self::new();
        world.warehouse.set_mood(WarehouseMood::Rejecting);
        assert_eq!(world.forward(true).await, Forwarded::Rejected);
        world.warehouse.set_mood(WarehouseMood::Well);
        world
    }

    async fn decide(&self, decision: Decision) -> Result<Order, DecideError> {
        decide_order(&self.store, &self.clock, self.order.id(), &decision).await
    }

    /// So much time passes, and the reconciler runs.
    async fn after(&self, time: SignedDuration) -> Order {
        self.clock.advance(time);
        let (queue, provider) = (FakeQueue::default(), FakeProvider::default());
        let until = self.clock.now() + SignedDuration::from_secs(50);
        reconcile(&self.store, &queue, &provider, &self.clock, until)
            .await
            .expect("a report");
        self.now()
    }

    fn stock(&self) -> u32 {
        self.store.stock_of(&self.order.quote().lines[0].sku)
    }
}

#[tokio::test]
async fn a_rejected_order_keeps_stock_and_money_for_the_grace() {
    let world = World::rejected().await;
    let order = world.after(GRACE - SignedDuration::from_secs(1)).await;
    assert_eq!((order.status(), order.due_refund()), (Status::Paid, None));
    assert_eq!(world.stock(), 0);
    assert!(order.needs_human());
    assert_eq!(world.forward(false).await, Forwarded::NothingToDo);
    assert_eq!(world.warehouse.orders(), 0, "it is not sent again by itself");
}

#[tokio::test]
async fn a_rejection_of_what_the_warehouse_has_is_none() {
    let world = World::new();
    world.warehouse.state().take(&world.order);
    world.warehouse.state().rejected.push(world.order.id());
    assert_eq!(world.forward(true).await, ACCEPTED);
    assert_eq!(world.now().status(), Status::Forwarded);
}

#[tokio::test]
async fn a_rejected_order_gives_stock_and_money_back_after_it() {
    let world = World::rejected().await;
    let order = world.after(GRACE).await;
    assert_eq!((order.status(), world.stock()), (Status::Rejected, 1));
    let [refund] = order.refunds() else {
        panic!("one refund, not {:?}", order.refunds())
    };
    assert_eq!(refund.amount, order.quote().total);
    assert_eq!(world.forward(false).await, Forwarded::NothingToDo);
}

#[tokio::test]
async fn a_human_hastens_or_delays_the_end_of_a_rejection() {
    let world = World::rejected().await;
    let later = world.clock.now() + GRACE * 3;
    world.decide(Decision::GiveUpAt(later)).await.expect("decided");
    assert_eq!(world.after(GRACE * 2).await.status(), Status::Paid);
    let now = world.clock.now();
    world.decide(Decision::GiveUpAt(now)).await.expect("decided");
    assert_eq!(world.after(SignedDuration::ZERO).await.status(), Status::Rejected);
}

#[tokio::test]
async fn an_order_entered_by_hand_is_forwarded_and_never_refunded() {
    let world = World::rejected().await;
    let decision = Decision::Entered("B-1".to_owned());
    let entered = world.decide(decision.clone()).await.expect("decided");
    assert_eq!(
        (entered.status(), entered.erp_number()),
        (Status::Forwarded, Some("B-1"))
    );
    let order = world.after(GRACE * 2).await;
    assert_eq!(
        (order.status(), order.refunds().len(), world.stock()),
        (Status::Forwarded, 0, 0)
    );
    let again = world.decide(decision).await;
    assert!(matches!(again, Err(DecideError::NotWaiting(_))), "{again:?}");
}

#[tokio::test]
async fn a_mended_rejection_is_forwarded_once_more() {
    let world = World::rejected().await;
    world.warehouse.state().mend(world.order.id());
    world.decide(Decision::Retry).await.expect("decided");
    assert_eq!(world.forward(true).await, ACCEPTED);
    assert_eq!(world.deliveries(), 1);
    assert!(!world.after(GRACE * 2).await.needs_human());
}

#[tokio::test]
async fn an_order_on_its_way_cannot_be_entered_by_hand() {
    let world = World::new();
    for decision in [
        Decision::Entered("B-1".to_owned()),
        Decision::Retry,
        Decision::GiveUpAt(world.clock.now()),
    ] {
        let refused = world.decide(decision).await;
        assert!(matches!(refused, Err(DecideError::NotWaiting(_))), "{refused:?}");
    }
    let unknown = OrderId::for_key("unknown");
    let refused = decide_order(&world.store, &world.clock, unknown, &Decision::Retry).await;
    assert!(matches!(refused, Err(DecideError::UnknownOrder)));
}

#[tokio::test]
async fn an_order_taken_illegibly_waits_for_a_human_and_asks_on() {
    let world = World::new();
    world.warehouse.set_mood(WarehouseMood::Illegible);
    for first_try in [true, false] {
        assert_eq!(world.forward(first_try).await, Forwarded::Unconfirmed);
        let order = world.now();
        assert!(order.needs_human() && order.job(&JobKind::Forward).is_some());
    }
    assert_eq!(world.deliveries(), 1, "it is looked for, not sent again");
    world.warehouse.set_mood(WarehouseMood::Well);
    assert_eq!(world.forward(false).await, ACCEPTED);
    assert!(!world.now().needs_human());
}

#[tokio::test]
async fn an_order_taken_illegibly_may_be_entered_by_hand() {
    let world = World::new();
    world.warehouse.set_mood(WarehouseMood::Illegible);
    world.forward(true).await;
    let entered = world
        .decide(Decision::Entered("B-1".to_owned()))
        .await
        .expect("decided");
    assert_eq!(entered.status(), Status::Forwarded);
    assert_eq!(world.forward(false).await, Forwarded::NothingToDo);
}
