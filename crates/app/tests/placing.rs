//! Placing orders.

use std::sync::Mutex;

use app::ports::{Clock, Orders};
use app::{PlaceOrder, PlaceOrderError, Placed, place_order};
use domain::{AccessToken, LINES_PER_STEP, Order, PricingError, ShippingTable, Status, Unavailability};
use jiff::SignedDuration;
use testkit::{FakeClock, Intercepted, MemoryStore, a_product, a_sku, a_wish, altered, an_access_token, eur};

async fn place(store: &MemoryStore, clock: &FakeClock, wish: PlaceOrder) -> Result<Placed, PlaceOrderError> {
    place_order(store, store, store, &ShippingTable::of_the_shop(), clock, wish).await
}

fn a_shop() -> (MemoryStore, FakeClock) {
    (
        MemoryStore::with([(a_product("LAMP", 2_000), 10), (a_product("BOOK", 1_000), 3)]),
        FakeClock::at_noon(),
    )
}

/// 2 lamps and a book, with shipping: free from 50.00.
fn two_lamps_and_a_book(key: &str) -> PlaceOrder {
    a_wish(key, &[("LAMP", 2), ("BOOK", 1)], eur(5_000))
}

#[tokio::test]
async fn a_placed_order_has_reserved_its_stock() {
    let (store, clock) = a_shop();
    let placed = place(&store, &clock, two_lamps_and_a_book("key"))
        .await
        .expect("placed");
    assert_eq!((placed.order.status(), placed.replayed), (Status::Placed, false));
    assert_eq!(placed.order.quote().total, eur(5_000));
    assert_eq!(
        (store.stock_of(&a_sku("LAMP")), store.stock_of(&a_sku("BOOK"))),
        (8, 2)
    );
}

#[tokio::test]
async fn a_retry_meets_the_first_order() {
    let (store, clock) = a_shop();
    let first = place(&store, &clock, two_lamps_and_a_book("key"))
        .await
        .expect("placed");
    clock.advance(SignedDuration::from_secs(5));
    let again = place(&store, &clock, two_lamps_and_a_book("key"))
        .await
        .expect("placed");
    assert_eq!((again.order, again.replayed), (first.order, true));
    assert_eq!(store.stock_of(&a_sku("LAMP")), 8, "reserved once");
}

#[tokio::test]
async fn a_retry_is_answered_though_the_catalogue_has_changed() {
    let (store, clock) = a_shop();
    place(&store, &clock, two_lamps_and_a_book("key"))
        .await
        .expect("placed");
    store.put_product(a_product("LAMP", 9_999));
    store.set_stock(&a_sku("BOOK"), 0);
    let again = place(&store, &clock, two_lamps_and_a_book("key"))
        .await
        .expect("placed");
    assert!(again.replayed);
}

#[tokio::test]
async fn another_wish_under_the_same_key_is_refused() {
    let (store, clock) = a_shop();
    place(&store, &clock, two_lamps_and_a_book("key"))
        .await
        .expect("placed");
    let other = a_wish("key", &[("BOOK", 1)], eur(1_490));
    assert!(matches!(
        place(&store, &clock, other).await,
        Err(PlaceOrderError::KeyReused)
    ));
    let wrong_total = PlaceOrder {
        expected_total: eur(1),
        ..two_lamps_and_a_book("key")
    };
    assert!(matches!(
        place(&store, &clock, wrong_total).await,
        Err(PlaceOrderError::KeyReused)
    ));
    assert_eq!(store.stock_of(&a_sku("BOOK")), 2);
}

#[tokio::test]
async fn a_changed_price_returns_a_fresh_quote_and_stores_nothing() {
    let (store, clock) = a_shop();
    store.put_product(a_product("LAMP", 2_500));
    let Err(PlaceOrderError::PriceChanged(quote)) = place(&store, &clock, two_lamps_and_a_book("key")).await
    else {
        panic!("taken at a price nobody agreed to");
    };
    assert_eq!(quote.total, eur(6_000));
    assert!(store.orders().is_empty());
    let agreed = PlaceOrder {
        expected_total: eur(6_000),
        ..two_lamps_and_a_book("key")
    };
    assert!(place(&store, &clock, agreed).await.is_ok(), "the key is free");
}

#[tokio::test]
async fn what_is_sold_out_is_named_with_a_quote_of_the_rest() {
    let (store, clock) = a_shop();
    let wish = a_wish("key", &[("LAMP", 2), ("BOOK", 4)], eur(8_000));
    let Err(PlaceOrderError::SoldOut { items, quote }) = place(&store, &clock, wish).await else {
        panic!("oversold")
    };
    assert_eq!(
        items.iter().map(|i| (i.position, i.why)).collect::<Vec<_>>(),
        [(1, Unavailability::SoldOut { available: 3 })]
    );
    let quote = quote.expect("a quote");
    assert_eq!(
        quote
            .lines
            .iter()
            .map(|line| line.quantity.get())
            .collect::<Vec<_>>(),
        [2, 3]
    );
    assert!(store.orders().is_empty());
    assert_eq!(store.stock_of(&a_sku("LAMP")), 10);
}

#[tokio::test]
async fn nothing_left_at_all_has_no_quote() {
    let (store, clock) = a_shop();
    store.set_stock(&a_sku("BOOK"), 0);
    let wish = a_wish("key", &[("BOOK", 1)], eur(1_490));
    let refused = place(&store, &clock, wish).await;
    assert!(
        matches!(refused, Err(PlaceOrderError::SoldOut { quote: None, .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn unknown_items_and_countries_are_told() {
    let (store, clock) = a_shop();
    let wish = a_wish("key", &[("LAMP", 1), ("GHOST", 1)], eur(2_490));
    let Err(PlaceOrderError::Unavailable(items)) = place(&store, &clock, wish).await else {
        panic!("sold a ghost")
    };
    assert_eq!(items[0].position, 1);
    let mut wish = two_lamps_and_a_book("key");
    wish.shipping_address.country = testkit::a_country("XX");
    let refused = place(&store, &clock, wish).await;
    assert!(matches!(
        refused,
        Err(PlaceOrderError::Pricing(PricingError::NotShippedTo(_)))
    ));
}

/// A shop with more lines than one step takes, and a wish for one piece of each.
fn a_large_wish(key: &str) -> (MemoryStore, FakeClock, PlaceOrder) {
    let skus: Vec<String> = (0..2 * LINES_PER_STEP + 5).map(|n| format!("S{n}")).collect();
    let store = MemoryStore::with(skus.iter().map(|sku| (a_product(sku, 100), 1)));
    let items: Vec<_> = skus.iter().map(|sku| (sku.as_str(), 1)).collect();
    let total = eur(100 * i64::try_from(items.len()).expect("small"));
    (store, FakeClock::at_noon(), a_wish(key, &items, total))
}

#[tokio::test]
async fn a_large_order_is_placed_whole() {
    let (store, clock, wish) = a_large_wish("key");
    let placed = place(&store, &clock, wish.clone()).await.expect("placed");
    assert_eq!((placed.order.status(), placed.replayed), (Status::Placed, false));
    assert!(
        wish.cart
            .lines()
            .iter()
            .all(|line| store.stock_of(&line.sku) == 0)
    );
}

#[tokio::test]
async fn a_large_order_short_halfway_stores_nothing_and_frees_its_key() {
    let (store, clock, wish) = a_large_wish("key");
    let last = wish.cart.lines().last().expect("a line").sku.clone();
    store.set_stock(&last, 0);
    let refused = place(&store, &clock, wish.clone()).await;
    assert!(
        matches!(refused, Err(PlaceOrderError::SoldOut { ref items, .. }) if items.len() == 1),
        "{refused:?}"
    );
    assert!(store.orders().is_empty());
    assert!(
        wish.cart
            .lines()
            .iter()
            .all(|line| line.sku == last || store.stock_of(&line.sku) == 1)
    );
    store.set_stock(&last, 1);
    assert!(place(&store, &clock, wish).await.is_ok());
}

#[tokio::test]
async fn a_retry_takes_up_a_reservation_that_was_left_half_done() {
    let (store, clock, wish) = a_large_wish("key");
    let placed = place(&store, &clock, wish.clone()).await.expect("placed").order;
    // The same order as a crashed run would have left it after its first step.
    let (half, _) = as_a_draft(placed).reserve_step(clock.now()).expect("a draft");
    store.put_order(half);
    for line in wish.cart.lines().iter().skip(LINES_PER_STEP) {
        store.set_stock(&line.sku, 1);
    }
    clock.advance(SignedDuration::from_secs(5));
    let again = place(&store, &clock, wish.clone()).await.expect("placed");
    assert_eq!(again.order.status(), Status::Placed);
    assert!(again.replayed);
    assert!(
        wish.cart
            .lines()
            .iter()
            .all(|line| store.stock_of(&line.sku) == 0),
        "each line is taken once"
    );
    assert_eq!(
        store
            .get(again.order.id())
            .await
            .expect("a read")
            .map(|order| order.held()),
        Some(2 * LINES_PER_STEP + 5)
    );
}

/// The order as it was before its first step.
fn as_a_draft(order: Order) -> Order {
    let order = order.into_parts();
    Order::draft(
        order.id,
        order.fingerprint,
        order.access_token.expect("a token"),
        order.customer,
        order.shipping_address,
        order.quote,
        order.placed_at,
    )
}

#[tokio::test]
async fn a_retry_is_answered_the_token_that_the_order_keeps() {
    let (store, clock) = a_shop();
    let with = |token: &str| PlaceOrder {
        access_token: an_access_token(token),
        ..two_lamps_and_a_book("key")
    };
    for (drawn, then) in [("first", false), ("second", true)] {
        let placed = place(&store, &clock, with(drawn)).await.expect("placed");
        assert_eq!(
            (placed.access_token, placed.replayed),
            (an_access_token("first"), then)
        );
    }
    store.put_product(a_product("LAMP", 9_999));
    let placed = place(&store, &clock, with("third")).await.expect("placed");
    assert_eq!(
        placed.access_token,
        an_access_token("first"),
        "at a changed price, too"
    );
    assert_eq!(placed.order.access_token(), Some(&placed.access_token));
}

/// As the release before places it.
fn of_the_release_before(order: Order) -> Order {
    altered(order, |parts| parts.access_token = None)
}

#[tokio::test]
async fn an_order_of_the_release_before_gets_one_token() {
    let (store, clock) = a_shop();
    let placed = place(&store, &clock, two_lamps_and_a_book("key"))
        .await
        .expect("placed");
    store.put_order(of_the_release_before(placed.order));
    let with = |token: &str| PlaceOrder {
        access_token: an_access_token(token),
        ..two_lamps_and_a_book("key")
    };
    for drawn in ["first", "second"] {
        let again = place(&store, &clock, with(drawn)).await.expect("placed");
        assert_eq!(
            (again.access_token, again.replayed),
            (an_access_token("first"), true)
        );
        let stored = store
            .get(again.order.id())
            .await
            .expect("a read")
            .expect("an order");
        assert_eq!(stored.access_token(), Some(&an_access_token("first")));
    }
}

#[tokio::test]
async fn a_token_that_an_operator_stored_meanwhile_is_answered() {
    let (store, clock) = a_shop();
    let placed = place(&store, &clock, two_lamps_and_a_book("key"))
        .await
        .expect("placed");
    let read = store.put_order(of_the_release_before(placed.order));
    let derived = AccessToken::from_bytes(&[7; 32]).expect("a token");
    let meanwhile = Mutex::new(Some(read.with_access_token(derived.clone())));
    let orders = Intercepted {
        store: &store,
        before_get: || (),
        // The first write finds the order placed; the second is to store a token.
        before_commit: |order: &Order| {
            let meanwhile = meanwhile
                .lock()
                .expect("no panic")
                .take_if(|_| order.version() > 0);
            meanwhile.map(|order| store.put_order(order));
            Ok(())
        },
    };
    let shipping = ShippingTable::of_the_shop();
    let again = place_order(
        &store,
        &store,
        &orders,
        &shipping,
        &clock,
        two_lamps_and_a_book("key"),
    )
    .await;
    assert_eq!(again.expect("placed").access_token, derived);
}

#[tokio::test]
async fn a_reservation_of_the_release_before_ends_with_a_token() {
    let (store, clock, wish) = a_large_wish("key");
    let placed = place(&store, &clock, wish.clone()).await.expect("placed").order;
    let (half, _) = as_a_draft(placed).reserve_step(clock.now()).expect("a draft");
    store.put_order(of_the_release_before(half));
    for line in wish.cart.lines().iter().skip(LINES_PER_STEP) {
        store.set_stock(&line.sku, 1);
    }
    let again = place(&store, &clock, wish.clone()).await.expect("placed");
    assert_eq!(again.order.status(), Status::Placed);
    assert_eq!(again.order.access_token(), Some(&again.access_token));
    assert_eq!(again.access_token, wish.access_token);
}
