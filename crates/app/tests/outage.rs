//! A warehouse that is down for days: it is left alone, no order is lost over it, and what waited reaches it at its own pace.

use app::ports::{Circuits, Clock, OrderQueue, Orders, StoreError};
use app::{Breaker, BreakerMemory, Forwarded, forward_order, resend_orders};
use domain::{Circuit, JobKind, Order, OrderId, Status};
use jiff::{SignedDuration, Timestamp};
use testkit::{FakeClock, FakeQueue, FakeWarehouse, MemoryStore, WarehouseMood, an_order};

/// The warehouse's allowed rate in orders a second, and how many instances share it, as `template.yaml` has them by default.
const RATE: usize = 8;
const INSTANCES: usize = 4;
/// What waits at most in the queue for what the reconciler adds: two minutes' worth.
const BACKLOG: usize = RATE * 120;

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const GRACE: SignedDuration = SignedDuration::from_hours(24);

/// The shop from the queue on: so many instances of the forwarder, and the reconciler every minute.
struct Shop {
    store: MemoryStore,
    queue: FakeQueue,
    warehouse: FakeWarehouse,
    clock: FakeClock,
    memories: Vec<BreakerMemory>,
    free_at: Vec<Timestamp>,
    next_minute: Timestamp,
    /// When the warehouse was called for an order.
    calls: Vec<Timestamp>,
}

impl Shop {
    fn new() -> Self {
        let clock = FakeClock::at_noon();
        Self {
            store: MemoryStore::default(),
            queue: FakeQueue::default(),
            warehouse: FakeWarehouse::default(),
            // Each instance knows what it has seen itself.
            memories: std::iter::repeat_with(BreakerMemory::default)
                .take(INSTANCES)
                .collect(),
            free_at: vec![clock.now(); INSTANCES],
            next_minute: clock.now(),
            calls: Vec::new(),
            clock,
        }
    }

    async fn pay(&self, orders: usize, from: usize) {
        for number in from..from + orders {
            let order = an_order().under(&number.to_string()).at(self.clock.now()).paid();
            let order = self.store.put_order(order);
            self.queue.send(order.id()).await.expect("sent");
        }
    }

    /// Lets everybody work for that long.
    async fn work_for(&mut self, time: SignedDuration) {
        let end = self.clock.now() + time;
        loop {
            let instance = (0..INSTANCES)
                .min_by_key(|n| self.free_at[*n])
                .expect("instances");
            let message = (!self.queue.is_empty()).then_some(self.free_at[instance]);
            let next = message.map_or(self.next_minute, |at| at.min(self.next_minute));
            if next >= end {
                self.clock.advance(end.duration_since(self.clock.now()));
                return;
            }
            self.clock
                .advance(next.duration_since(self.clock.now()).max(SignedDuration::ZERO));
            if next == self.next_minute {
                self.next_minute += MINUTE;
                let until = self.clock.now() + SignedDuration::from_secs(40);
                resend_orders(&self.store, &self.queue, &self.store, &self.clock, until, BACKLOG)
                    .await
                    .expect("an answer");
            } else if let Some(id) = self.queue.take() {
                let took = self.forward(instance, id).await;
                self.free_at[instance] = self.clock.now() + took;
            }
        }
    }

    /// What an instance does with a message, and how long it takes: no less than its share of the warehouse's time.
    async fn forward(&mut self, instance: usize, id: OrderId) -> SignedDuration {
        let breaker = Breaker::new(&self.store, self.memories[instance].clone());
        let forwarded = forward_order(
            &self.store,
            &self.warehouse,
            &breaker,
            &self.clock,
            id,
            true,
            GRACE,
        )
        .await
        .expect("an outcome");
        let took = match forwarded {
            Forwarded::Accepted { .. } => SignedDuration::from_millis(520),
            Forwarded::Deferred => 8 * SECOND,
            _ => return SignedDuration::from_millis(5),
        };
        self.calls.push(self.clock.now());
        took
    }

    fn waiting(&self) -> Vec<Order> {
        let mut orders = self.store.orders();
        orders.retain(|order| order.status() != Status::Forwarded);
        orders
    }
}

#[tokio::test]
async fn three_failures_in_a_row_open_the_circuit_for_everybody() {
    let mut shop = Shop::new();
    shop.warehouse.set_mood(WarehouseMood::Down);
    shop.pay(100, 0).await;
    shop.work_for(MINUTE).await;
    assert!(shop.store.read().await.expect("a read").open.is_some());
    assert!(
        shop.calls.len() <= 3 * INSTANCES + 3,
        "{} calls",
        shop.calls.len()
    );
    assert!(shop.queue.is_empty(), "messages are acknowledged");
    assert!(shop.waiting().iter().all(|order| order.due_at().is_some()));
}

#[tokio::test]
async fn three_rejections_in_a_row_open_the_circuit() {
    let mut shop = Shop::new();
    shop.warehouse.set_mood(WarehouseMood::Rejecting);
    shop.pay(100, 0).await;
    shop.work_for(MINUTE).await;
    assert!(shop.store.read().await.expect("a read").open.is_some());
    let rejected = shop.waiting().iter().filter(|order| order.is_rejected()).count();
    assert!((3..=3 * INSTANCES + 3).contains(&rejected), "{rejected} rejected");
    let forwardable = shop
        .waiting()
        .iter()
        .filter(|order| order.job(&JobKind::Forward).is_some())
        .count();
    assert_eq!(forwardable, 100 - rejected);
}

#[tokio::test]
async fn orders_taken_illegibly_open_no_circuit() {
    let mut shop = Shop::new();
    shop.warehouse.set_mood(WarehouseMood::Illegible);
    shop.pay(100, 0).await;
    shop.work_for(MINUTE).await;
    assert!(shop.store.read().await.expect("a read").open.is_none());
    assert_eq!(shop.warehouse.orders(), 100);
    assert!(shop.waiting().iter().all(Order::needs_human));
    shop.warehouse.set_mood(WarehouseMood::Well);
    shop.work_for(20 * MINUTE).await;
    assert!(shop.waiting().is_empty(), "a mended warehouse heals them");
}

#[tokio::test]
async fn an_order_that_meets_an_open_circuit_stays_due_as_it_is() {
    let mut shop = Shop::new();
    let order = shop.store.put_order(an_order().paid());
    let open = Circuit::default().paused(shop.clock.now());
    shop.store.store(open).await.expect("an answer");
    for _ in 0..2 {
        shop.forward(0, order.id()).await;
    }
    assert!(shop.calls.is_empty());
    assert_eq!(shop.store.get(order.id()).await.expect("a read"), Some(order));
}

#[tokio::test]
async fn orders_of_a_three_day_outage_drain_at_the_warehouses_pace() {
    let mut shop = Shop::new();
    shop.warehouse.set_mood(WarehouseMood::Down);
    let mut orders = 0;
    for _ in 0..72 {
        shop.pay(30, orders).await;
        orders += 30;
        shop.work_for(SignedDuration::from_hours(1)).await;
    }
    assert!(
        shop.calls.len() < 72 * 61 + 4 * INSTANCES,
        "a try a minute: {}",
        shop.calls.len()
    );
    assert_eq!(shop.waiting().len(), orders);

    shop.calls.clear();
    shop.warehouse.set_mood(WarehouseMood::Well);
    let recovered = shop.clock.now();
    while !shop.waiting().is_empty() {
        shop.work_for(MINUTE).await;
        let passed = shop.clock.now().duration_since(recovered);
        assert!(passed < 20 * MINUTE, "{} orders still wait", shop.waiting().len());
    }
    // The first call is the try that closes the circuit; the next minute's run of the reconciler begins the draining.
    // The last few are orders that were such tries: each waits out a pause of its own, of up to a quarter of an hour.
    let stragglers = shop.calls.len() / 50;
    let calls = &shop.calls[..shop.calls.len() - stragglers];
    let [noticed, first, .., last] = calls else {
        panic!("{} calls", calls.len())
    };
    assert!(noticed.duration_since(recovered) <= 2 * MINUTE);
    assert!(first.duration_since(*noticed) <= MINUTE);
    let took = usize::try_from(last.duration_since(*first).as_millis()).expect("minutes");
    let at_least = 9 * RATE * took / 10_000;
    assert!(
        calls.len() >= at_least,
        "{} calls in {took} ms, not {at_least}",
        calls.len()
    );
    for (n, begun) in shop.calls.iter().enumerate() {
        let within = shop.calls[n..]
            .iter()
            .take_while(|at| at.duration_since(*begun) < 10 * SECOND)
            .count();
        assert!(
            within <= RATE * 10 + INSTANCES,
            "{within} calls within ten seconds"
        );
    }
    for order in shop.store.orders() {
        assert_eq!(shop.warehouse.deliveries(order.id()), 1);
    }
}

#[tokio::test]
async fn a_breaker_that_is_broken_itself_stops_no_order() {
    struct Broken;
    impl Circuits for Broken {
        async fn read(&self) -> Result<Circuit, StoreError> {
            Err(StoreError::Busy)
        }
        async fn store(&self, _: Circuit) -> Result<Option<Circuit>, StoreError> {
            Err(StoreError::Busy)
        }
    }
    let shop = Shop::new();
    let order = shop.store.put_order(an_order().paid());
    let breaker = Breaker::new(Broken, BreakerMemory::default());
    let forwarded = forward_order(
        &shop.store,
        &shop.warehouse,
        &breaker,
        &shop.clock,
        order.id(),
        true,
        GRACE,
    )
    .await;
    assert!(matches!(forwarded, Ok(Forwarded::Accepted { .. })));
}
