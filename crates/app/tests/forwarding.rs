//! Handing paid orders to the warehouse.

use app::ports::Clock;
use app::{Breaker, BreakerMemory, ForwardError, Forwarded, forward_order, resend_orders};
use domain::{Order, OrderId, Status};
use jiff::SignedDuration;
use testkit::{FakeClock, FakeQueue, FakeWarehouse, MemoryStore, WarehouseMood, an_order};

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
        forward_order(&self.store, &self.warehouse, &breaker, &self.clock, id, first_try).await
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

#[tokio::test]
async fn a_rejected_order_gives_stock_and_money_back() {
    let world = World::new();
    world.warehouse.set_mood(WarehouseMood::Rejecting);
    assert_eq!(world.forward(true).await, Forwarded::Rejected);
    assert_eq!(world.store.stock_of(&world.order.quote().lines[0].sku), 1);
    let order = world.now();
    assert_eq!(order.status(), Status::Rejected);
    let refund = order.due_refund().expect("a refund");
    assert_eq!(refund.amount, order.quote().total);
    assert_eq!(world.forward(false).await, Forwarded::NothingToDo);
}
