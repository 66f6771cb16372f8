//! An attack on the shelves: orders that nobody means to pay, at the rate that the firewall lets through, for an hour.

use std::sync::atomic::{AtomicBool, Ordering};

use app::ports::{Orders, Stock, StoreError};
use app::{
    PaymentNotice, PlaceOrderError, QuoteError, Released, UnpaidOrders, place_order, quote_cart, reconcile,
    release_hold, release_scarce_holds, settle_payment, start_payment,
};
use domain::{Cart, LINES_PER_STEP, Order, Product, ShippingTable, Sku, Status};
use jiff::{SignedDuration, Timestamp};
use testkit::{
    FakeClock, FakeProvider, FakeQueue, Intercepted, MemoryStore, a_country, a_product, a_sku, a_wish,
    altered, an_order, eur, noon,
};

/// The firewall's limit for one address: 100 checkouts in 5 minutes (`CheckoutsPerAddress` in `infra/edge.yaml`).
const PER_ADDRESS: i32 = 100;
const WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// So many products are in each order of the attack.
const SKUS: usize = 40;
/// So many pieces there are of each.
const STOCK: u32 = 1_000;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const SECOND: SignedDuration = SignedDuration::from_secs(1);
/// The shopper tries again after so long.
const TRY_AGAIN: SignedDuration = SignedDuration::from_secs(10);

/// How the attack's orders come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    Evenly,
    /// All of a window's at its beginning.
    InBursts,
}

struct Shop {
    store: MemoryStore,
    queue: FakeQueue,
    provider: FakeProvider,
    clock: FakeClock,
    shipping: ShippingTable,
    /// What the attack asks for next: all that an order takes, or what the last refusal said can be had.
    appetite: Vec<(String, i64)>,
    attacks: u32,
    rang_at: Option<Timestamp>,
}

/// From which figure on the alarm of that name rings, as `infra/alarms.yaml` has it.
fn threshold(alarm: &str) -> u32 {
    let alarms = include_str!("../../../infra/alarms.yaml");
    let (_, after) = alarms.split_once(&format!("\n  {alarm}:\n")).expect("the alarm");
    let (_, after) = after.split_once("Threshold: ").expect("a threshold");
    after
        .lines()
        .next()
        .and_then(|figure| figure.parse().ok())
        .expect("a figure")
}

impl Shop {
    fn new() -> Self {
        let sku = |n: usize| format!("S{n:02}");
        let max_per_order = Product::default_max_per_order(STOCK);
        let product = |n| Product {
            max_per_order,
            ..a_product(&sku(n), 100)
        };
        Self {
            store: MemoryStore::with((0..SKUS).map(|n| (product(n), STOCK))),
            queue: FakeQueue::default(),
            provider: FakeProvider::default(),
            clock: FakeClock::at_noon(),
            shipping: ShippingTable::of_the_shop(),
            appetite: (0..SKUS)
                .map(|n| (sku(n), i64::from(max_per_order.get())))
                .collect(),
            attacks: 0,
            rang_at: None,
        }
    }

    fn now(&self) -> Timestamp {
        app::ports::Clock::now(&self.clock)
    }

    async fn place(&self, key: &str, items: &[(&str, i64)]) -> Result<Order, PlaceOrderError> {
        let goods: i64 = items.iter().map(|(_, pieces)| pieces * 100).sum();
        let total = eur(if goods < 5_000 { goods + 490 } else { goods });
        let wish = a_wish(key, items, total);
        let (store, clock) = (&self.store, &self.clock);
        let placed = place_order(store, store, store, &self.shipping, clock, wish).await?;
        Ok(placed.order)
    }

    /// One more order of the attack. Nobody pays it, and no payment page is opened.
    async fn attack(&mut self) {
        self.attacks += 1;
        // Refused as the one before was, and a refusal leaves nothing behind.
        if (0..SKUS).all(|n| self.store.stock_of(&a_sku(&format!("S{n:02}"))) == 0) {
            return;
        }
        let key = format!("attack {}", self.attacks);
        let items: Vec<_> = self
            .appetite
            .iter()
            .map(|(sku, pieces)| (sku.as_str(), *pieces))
            .collect();
        let left = match self.place(&key, &items).await {
            Err(PlaceOrderError::SoldOut { quote, .. }) => quote,
            Ok(_) => None,
            Err(error) => panic!("{error}"),
        };
        let most = i64::from(Product::default_max_per_order(STOCK).get());
        self.appetite = match left {
            Some(quote) => {
                let item = |line: &domain::PricedLine| (line.sku.to_string(), i64::from(line.quantity.get()));
                quote.lines.iter().map(item).collect()
            }
            None => (0..SKUS).map(|n| (format!("S{n:02}"), most)).collect(),
        };
    }

    /// Somebody wants one piece, and pays. Whether they get it.
    async fn buy(&self, key: &str) -> bool {
        let Ok(order) = self.place(key, &[("S07", 1)]).await else {
            return false;
        };
        let (store, clock) = (&self.store, &self.clock);
        self.provider.state().now = self.now().as_millisecond();
        let token = order.access_token().expect("a token").to_text();
        start_payment(store, &self.provider, clock, order.id().as_str(), &token)
            .await
            .expect("a page");
        let payment = self.provider.pay(order.id(), 1).expect("paid");
        let notice = PaymentNotice::Captured {
            order: order.id(),
            payment,
        };
        settle_payment(store, &self.queue, clock, notice)
            .await
            .expect("settled");
        store.peek(order.id(), Order::status) == Some(Status::Paid)
    }

    /// The reconciler's minute.
    async fn reconcile(&mut self) {
        let until = self.now() + 40 * SECOND;
        let (store, clock) = (&self.store, &self.clock);
        reconcile(store, &self.queue, &self.provider, clock, until)
            .await
            .expect("a report");
        let unpaid = release_scarce_holds(store, store, clock, until)
            .await
            .expect("a report");
        if unpaid.scarce > threshold("ScarceHoldsAlarm") {
            self.rang_at.get_or_insert(self.now());
        }
        // An ended order changes nothing any more, and looking for what is due would take ever longer.
        let has_ended = |order: &Order| order.status() == Status::Expired && order.work().is_empty();
        self.store.state().orders.retain(|_, order| !has_ended(order));
    }

    fn conserved(&self) -> bool {
        let held: u32 = self
            .store
            .orders()
            .iter()
            .flat_map(Order::held_lines)
            .filter(|line| line.sku == a_sku("S07"))
            .map(|line| line.quantity.get())
            .sum();
        held + self.store.stock_of(&a_sku("S07")) == STOCK
    }

    /// An hour of the attack, and of a shopper who comes once a minute.
    async fn endure(&mut self, addresses: i32, pace: Pace) {
        let gap = match pace {
            Pace::Evenly => WINDOW / (PER_ADDRESS * addresses),
            Pace::InBursts => SignedDuration::from_millis(1),
        };
        let mut next_attack = self.now();
        let mut in_window = 0;
        for minute in 0..60 {
            let begun = noon() + MINUTE * minute;
            let mut bought = false;
            let mut next_try = begun + SECOND * (minute * 7 % 60).min(25);
            self.reconcile().await;
            while self.now() < begun + MINUTE {
                if next_attack <= self.now() {
                    self.attack().await;
                    in_window += 1;
                    next_attack += gap;
                    if in_window == PER_ADDRESS * addresses {
                        next_attack = next_attack.max(begun - MINUTE * (minute % 5) + WINDOW);
                        in_window = 0;
                    }
                }
                if !bought && next_try <= self.now() {
                    bought = self.buy(&format!("shopper at {next_try}")).await;
                    next_try += TRY_AGAIN;
                }
                let next_try = if bought { begun + MINUTE } else { next_try };
                let next = next_attack.min(next_try).min(begun + MINUTE);
                self.clock
                    .advance(next.duration_since(self.now()).max(SignedDuration::ZERO));
            }
            assert!(bought, "nothing was left for a shopper in minute {minute}");
            assert!(self.conserved(), "stock was lost or found");
        }
    }
}

#[tokio::test]
async fn one_address_leaves_a_piece_for_who_pays() {
    for pace in [Pace::Evenly, Pace::InBursts] {
        let mut shop = Shop::new();
        shop.endure(1, pace).await;
        let rang = shop.rang_at.expect("an alarm").duration_since(noon());
        assert!(rang < WINDOW, "rang after {rang:#}");
    }
}

#[tokio::test]
async fn fifty_addresses_leave_a_piece_for_who_pays() {
    let mut shop = Shop::new();
    shop.endure(50, Pace::Evenly).await;
    assert!(shop.attacks > 50_000, "{} orders", shop.attacks);
    let rang = shop.rang_at.expect("an alarm").duration_since(noon());
    assert!(rang < WINDOW, "rang after {rang:#}");
}

/// A store with these orders of `LINE0`, and so many pieces of it left.
fn holding(orders: Vec<Order>, left: u32) -> (MemoryStore, FakeClock) {
    let store = MemoryStore::with([(a_product("LINE0", 1_000), left)]);
    for order in orders {
        store.put_order(order);
    }
    (store, FakeClock::at_noon())
}

fn of_pieces(order: Order, pieces: i64) -> Order {
    altered(order, |parts| {
        parts.quote.lines[0].quantity = domain::Quantity::new(pieces).expect("a quantity");
    })
}

async fn release(store: &MemoryStore, clock: &FakeClock) -> UnpaidOrders {
    let until = app::ports::Clock::now(clock) + MINUTE;
    release_scarce_holds(store, store, clock, until)
        .await
        .expect("a report")
}

async fn left(store: &MemoryStore) -> u32 {
    let sku: Sku = a_sku("LINE0");
    store.levels(std::slice::from_ref(&sku)).await.expect("levels")[&sku]
}

#[tokio::test]
async fn what_is_scarce_is_released_after_two_minutes() {
    let (store, clock) = holding(vec![of_pieces(an_order().placed(), 6)], 5);
    clock.advance(2 * MINUTE - SECOND);
    assert_eq!(release(&store, &clock).await, UnpaidOrders::default());
    clock.advance(SECOND);
    let report = release(&store, &clock).await;
    assert_eq!((report.scarce, report.released), (1, 1));
    assert_eq!(left(&store).await, 11);
}

#[tokio::test]
async fn what_is_not_scarce_is_held_for_ten_minutes() {
    let (store, clock) = holding(vec![of_pieces(an_order().placed(), 5)], 5);
    for _ in 0..4 {
        clock.advance(2 * MINUTE);
        assert_eq!(release(&store, &clock).await.released, 0);
    }
}

#[tokio::test]
async fn holds_at_a_payment_page_make_a_product_scarce_and_stay() {
    let paying = of_pieces(an_order().under("paying").paying(), 9).attempt_opened("cs".to_owned());
    // Looked at once already: its next look is in ten minutes.
    let paying = paying.payment_seen_open(noon() + 5 * MINUTE);
    let placed = an_order().under("placed").at(noon() + 3 * MINUTE).placed();
    let (store, clock) = holding(vec![paying.clone(), placed.clone()], 9);
    clock.advance(5 * MINUTE);
    let report = release(&store, &clock).await;
    assert_eq!((report.scarce, report.released), (1, 1));
    assert_eq!(store.peek(placed.id(), Order::status), Some(Status::Expired));
    assert_eq!(store.peek(paying.id(), Order::status), Some(Status::Placed));
}

#[tokio::test]
async fn an_operator_releases_what_has_no_payment_page() {
    let (placed, paying) = (
        an_order().under("placed").placed(),
        an_order().under("paying").paying(),
    );
    let (store, clock) = holding(vec![placed.clone(), paying.clone()], 0);
    let by = noon() - SECOND;
    let released = release_hold(&store, &clock, placed.id(), by)
        .await
        .expect("an answer");
    assert_eq!(released, Released::Kept(Status::Placed), "too young");
    for (order, outcome) in [
        (&placed, Released::Done),
        (&paying, Released::Kept(Status::Placed)),
    ] {
        let released = release_hold(&store, &clock, order.id(), noon())
            .await
            .expect("an answer");
        assert_eq!(released, outcome);
    }
    let stored = store.get(placed.id()).await.expect("a read").expect("an order");
    assert_eq!((stored.status(), stored.held()), (Status::Expired, 0));
    assert_eq!(left(&store).await, 1);
}

#[tokio::test]
async fn room_is_made_only_where_it_suffices() {
    let hold = of_pieces(an_order().placed(), 4);
    let (store, clock) = holding(vec![hold.clone()], 0);
    clock.advance(MINUTE);
    let place = async |key: &str, pieces: i64| {
        let goods = 1_000 * pieces;
        let wish = a_wish(
            key,
            &[("LINE0", pieces)],
            eur(goods + if goods < 5_000 { 490 } else { 0 }),
        );
        place_order(
            &store,
            &store,
            &store,
            &ShippingTable::of_the_shop(),
            &clock,
            wish,
        )
        .await
    };
    let quote = async |pieces| {
        let cart = Cart::parse([("LINE0", pieces)]).expect("a cart");
        let (shipping, now) = (ShippingTable::of_the_shop(), noon() + MINUTE);
        quote_cart(&store, &store, &store, &shipping, now, &cart, a_country("DE")).await
    };
    assert!(matches!(quote(3).await, Err(QuoteError::Unavailable(_))));
    assert!(quote(2).await.is_ok());
    assert!(matches!(
        place("three", 3).await,
        Err(PlaceOrderError::SoldOut { .. })
    ));
    assert_eq!(store.peek(hold.id(), Order::status), Some(Status::Placed));
    assert!(place("two", 2).await.is_ok());
    assert_eq!(store.peek(hold.id(), Order::status), Some(Status::Expired));
    assert_eq!(left(&store).await, 2);
}

#[tokio::test]
async fn half_of_a_runs_time_is_for_reading() {
    let orders = (0..100).map(|n| an_order().under(&n.to_string()).placed());
    let (store, clock) = holding(orders.collect(), 5);
    clock.advance(2 * MINUTE);
    let slow = Intercepted {
        store: &store,
        before_get: || clock.advance(SECOND),
        before_commit: |_: &Order| Ok(()),
    };
    let until = app::ports::Clock::now(&clock) + MINUTE;
    let report = release_scarce_holds(&slow, &store, &clock, until)
        .await
        .expect("a report");
    assert!((10..=30).contains(&report.scarce), "{report:?}");
    assert!(report.released > 0, "{report:?}");
    let late = app::ports::Clock::now(&clock).duration_since(until);
    assert!(late < 20 * SECOND, "{late:#} late");
}

#[tokio::test]
async fn large_orders_are_released_in_several_runs() {
    let orders = (0..90).map(|n| an_order().lines(1_200).under(&n.to_string()).placed());
    let (store, clock) = holding(orders.collect(), 0);
    clock.advance(2 * MINUTE);
    for released in [84, 6, 0] {
        let report = release(&store, &clock).await;
        assert_eq!((report.scarce, report.released), (released, released));
        store.set_stock(&a_sku("LINE0"), 0);
    }
}

/// A shop of so many products, all sold out, and one order that holds four pieces of each; and what a cart of one piece of each costs.
fn sold_out(lines: usize) -> (MemoryStore, FakeClock, Order) {
    let hold = altered(an_order().lines(lines).placed(), |parts| {
        for line in &mut parts.quote.lines {
            line.quantity = domain::Quantity::new(4).expect("a quantity");
        }
    });
    let skus = an_order().lines(lines).skus();
    let store = MemoryStore::with(skus.iter().map(|sku| (a_product(sku.as_str(), 1_000), 0)));
    store.put_order(hold.clone());
    let clock = FakeClock::at_noon();
    clock.advance(MINUTE);
    (store, clock, hold)
}

async fn place_one_of_each(
    orders: &impl Orders,
    store: &MemoryStore,
    clock: &FakeClock,
    lines: usize,
) -> Result<(), PlaceOrderError> {
    let skus = an_order().lines(lines).skus();
    let items: Vec<_> = skus.iter().map(|sku| (sku.as_str(), 1)).collect();
    let goods = 1_000 * i64::try_from(lines).expect("few");
    let wish = a_wish(
        "shopper",
        &items,
        eur(if goods < 5_000 { goods + 490 } else { goods }),
    );
    let shipping = ShippingTable::of_the_shop();
    place_order(store, store, orders, &shipping, clock, wish)
        .await
        .map(drop)
}

#[tokio::test]
async fn room_is_made_for_forty_products_at_most() {
    for (lines, found) in [(40, true), (41, false)] {
        let (store, clock, hold) = sold_out(lines);
        let placed = place_one_of_each(&store, &store, &clock, lines).await;
        assert_eq!(placed.is_ok(), found, "{lines} lines");
        let expired = store.peek(hold.id(), Order::status) == Some(Status::Expired);
        assert_eq!(expired, found, "{lines} lines");
    }
}

#[tokio::test]
async fn no_room_is_made_for_an_order_in_steps() {
    let lines = LINES_PER_STEP + 1;
    let (store, clock, hold) = sold_out(lines);
    for n in 1..lines {
        store.set_stock(&a_sku(&format!("LINE{n}")), 1);
    }
    let cart = an_order().lines(lines).skus();
    let cart = Cart::parse(cart.iter().map(|sku| (sku.as_str(), 1))).expect("a cart");
    let (shipping, now) = (ShippingTable::of_the_shop(), noon() + MINUTE);
    let quote = quote_cart(&store, &store, &store, &shipping, now, &cart, a_country("DE")).await;
    assert!(matches!(quote, Err(QuoteError::Unavailable(_))));
    let placed = place_one_of_each(&store, &store, &clock, lines).await;
    assert!(matches!(placed, Err(PlaceOrderError::SoldOut { .. })));
    assert_eq!(store.peek(hold.id(), Order::status), Some(Status::Placed));
}

#[tokio::test]
async fn one_hold_that_stays_does_not_keep_the_others() {
    let (store, clock, hold) = sold_out(2);
    for n in 0..2 {
        let single = altered(an_order().under(&n.to_string()).placed(), |parts| {
            let line = hold.quote().lines[n].clone();
            parts.quote.lines = vec![line];
        });
        store.put_order(single);
    }
    store.state().orders.remove(&hold.id());
    let fails = AtomicBool::new(true);
    let ailing = Intercepted {
        store: &store,
        before_get: || (),
        before_commit: |order: &Order| {
            let expires = order.status() == Status::Expired;
            let failed = expires && fails.swap(false, Ordering::Relaxed);
            if failed { Err(StoreError::Busy) } else { Ok(()) }
        },
    };
    let placed = place_one_of_each(&ailing, &store, &clock, 2).await;
    assert!(placed.is_ok(), "{placed:?}");
    assert!(!fails.load(Ordering::Relaxed), "a write failed");
}
