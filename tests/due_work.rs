//! Due work of the running shop: no kind waits for another, a backlog is worked off in time, and what another release stored is kept. A world of
//! its own: the provider is slow in it, and the warehouse goes down.

use std::time::{Duration, Instant};

use app::ports::{Committed, Orders};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{JobKind, Order, OrderId, RefundState, Status};
use jiff::{SignedDuration, Timestamp};
use kontor::world::World;
use kontor_tests::tables::{client, store, variable};
use kontor_tests::webhooks::paid;
use kontor_tests::{Shopper, items, running};
use sam_runner::logs::LogLine;
use serde_json::json;
use testkit::{altered, an_order};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// Each test by itself: a run of the reconciler is to find its own test's orders, and to be measured without the others' work.
static ALONE: Mutex<()> = Mutex::const_new(());

fn world() -> &'static World {
    running().world()
}

fn orders_table() -> String {
    variable("ORDERS_TABLE").expect("every function knows the tables")
}

async fn stored(id: OrderId) -> Order {
    store().get(id).await.expect("a read").expect("an order")
}

/// Runs the reconciler once.
async fn reconcile() {
    world().run_schedule_now("reconciler").await.expect("a run");
}

/// In whole milliseconds, as times are stored.
fn hour_ago() -> Timestamp {
    let hour_ago = Timestamp::now() - SignedDuration::from_hours(1);
    Timestamp::from_millisecond(hour_ago.as_millisecond()).expect("a time")
}

/// Sets an attribute of a stored order to something of another release.
async fn set(id: OrderId, attribute: &str, value: AttributeValue) {
    client()
        .update_item()
        .table_name(orders_table())
        .key("order_id", AttributeValue::S(id.to_string()))
        .update_expression(format!("SET {attribute} = :value"))
        .expression_attribute_values(":value", value)
        .send()
        .await
        .expect("a write");
}

fn id_of(id: &str) -> OrderId {
    OrderId::parse(id).expect("an id")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_refused_for_good_keeps_no_order_from_the_warehouse() {
    let _alone = ALONE.lock().await;
    let shopper = Shopper::default();
    shopper.warehouse_faults(json!({"down": true})).await;
    shopper.payment_faults(json!({"refuse_refunds": true})).await;
    let (id, token) = shopper.buy("due-twice", &items(&[("22423", 1)])).await;
    shopper.wait_for("paid", &id, &token).await;
    let total = stored(id_of(&id)).await.quote().total.minor();
    let again = shopper
        .notify_signed(&running().webhook_secret, &paid(&id, total))
        .await;
    assert_eq!(again.status, 200, "{again:?}");
    reconcile().await;
    let order = stored(id_of(&id)).await;
    assert!(
        matches!(order.refunds()[0].state, RefundState::Refused { .. }),
        "{:?}",
        order.refunds()
    );
    assert_eq!((order.status(), order.needs_human()), (Status::Paid, true));
    shopper.warehouse_faults(json!({"down": false})).await;
    shopper.wait_for("forwarded", &id, &token).await;
    assert_eq!(shopper.deliveries(&id).await, 1);
}

/// Places an order, opens its payment page, and makes the look at it due now.
async fn open_a_page(shopper: Shopper, number: usize) -> OrderId {
    let key = format!("due-open-page-{number}");
    let placed = shopper.place(&key, "22423", 1).await;
    shopper.open_page(&placed.id, &placed.token).await;
    let id = id_of(&placed.id);
    let order = altered(stored(id).await, |order| {
        for job in &mut order.jobs {
            assert_eq!(job.kind, JobKind::AskProvider);
            job.due_at = Timestamp::now() - SignedDuration::from_secs(1);
        }
    });
    let made_due = store().commit(order, Vec::new()).await.expect("a write");
    assert!(matches!(made_due, Committed::Done(_)));
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_open_pages_take_less_than_twenty_seconds() {
    let _alone = ALONE.lock().await;
    let shopper = Shopper::default();
    let mut opening = JoinSet::new();
    let mut ids = Vec::new();
    for number in 0..300 {
        if opening.len() >= 8 {
            ids.extend(opening.join_next().await.map(|id| id.expect("an order")));
        }
        opening.spawn(open_a_page(shopper.clone(), number));
    }
    ids.extend(opening.join_all().await);
    shopper.payment_faults(json!({"latency_ms": 250})).await;
    let begun = Instant::now();
    reconcile().await;
    let took = begun.elapsed();
    shopper.payment_faults(json!({"latency_ms": 0})).await;
    assert!(took < Duration::from_secs(20), "{took:?}");
    println!("300 open pages: {took:?}");
    for id in ids {
        let order = stored(id).await;
        assert!(order.due_at() > Some(Timestamp::now()), "{:?}", order.jobs());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_release_stored_outlives_this_one() {
    let _alone = ALONE.lock().await;
    let order = an_order().at(hour_ago()).under("due-of-another").placed();
    let id = order.id();
    store().commit(order, Vec::new()).await.expect("a write");
    let note = AttributeValue::S("Alles Gute".to_owned());
    set(id, "gift_note", note.clone()).await;
    reconcile().await;
    assert_eq!(stored(id).await.status(), Status::Expired);
    let item = client()
        .get_item()
        .table_name(orders_table())
        .key("order_id", AttributeValue::S(id.to_string()))
        .send()
        .await
        .expect("a read");
    assert_eq!(item.item.expect("an order").get("gift_note"), Some(&note));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_cannot_be_read_has_a_figure_and_stops_no_other() {
    let _alone = ALONE.lock().await;
    let torn = an_order().at(hour_ago()).under("due-torn").placed();
    let other = an_order().at(hour_ago()).under("due-beside-torn").placed();
    let ids = [torn.id(), other.id()];
    for order in [torn, other] {
        store().commit(order, Vec::new()).await.expect("a write");
    }
    set(ids[0], "document", AttributeValue::B(Blob::new("torn"))).await;
    reconcile().await;
    assert_eq!(stored(ids[1]).await.status(), Status::Expired);
    let is_figure = |line: &LogLine| line.text.contains("\"OverdueUnreadable\":");
    let figure = world().logs().wait_for(Duration::from_mins(1), is_figure).await;
    assert!(figure.is_some(), "no figure of what is late");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_failure_at_the_provider_costs_a_shopper_one_try() {
    let _alone = ALONE.lock().await;
    let shopper = Shopper::default();
    let placed = shopper.order("due-kept-failure", &items(&[("22423", 1)])).await;
    let id = placed.body["order"]["id"].as_str().expect("an id");
    let token = placed.body["access_token"].as_str().expect("a token");
    shopper.payment_faults(json!({"error_rate": 1})).await;
    let failed = shopper.start_payment(id, token).await;
    failed.assert_problem(503, "payment_provider_unavailable");
    shopper
        .payment_faults(json!({"error_rate": 0, "list_delay_ms": 60_000}))
        .await;
    let page = shopper.start_payment(id, token).await;
    shopper.payment_faults(json!({"list_delay_ms": 0})).await;
    assert_eq!(page.status, 200, "{page:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_in_the_dashboard_keeps_an_order_from_the_warehouse() {
    let _alone = ALONE.lock().await;
    let shopper = Shopper::default();
    let payments = &running().payments_url;
    shopper.warehouse_faults(json!({"down": true})).await;
    for (key, how) in [("due-dashboard", "refund"), ("due-disputed", "dispute")] {
        let (id, token) = shopper.buy(key, &items(&[("22423", 1)])).await;
        shopper.wait_for("paid", &id, &token).await;
        let payment = stored(id_of(&id))
            .await
            .capture()
            .expect("paid")
            .payment_id
            .clone();
        let url = format!("{payments}/sandbox/charges/{payment}/{how}");
        let done = shopper
            .send(reqwest::Method::POST, &url, &[], String::new())
            .await;
        assert_eq!(done.status, 200, "{done:?}");
        for _ in 0..100 {
            if stored(id_of(&id)).await.is_taken_back() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let order = stored(id_of(&id)).await;
        assert!(order.is_taken_back() && order.needs_human() && order.work().is_empty());
        assert_eq!((order.status(), order.due_refund()), (Status::Paid, None));
        shopper.warehouse_faults(json!({"down": false})).await;
        // The queue's message of this order, and one that comes after it.
        let (next, token) = shopper.buy(&format!("{key}-next"), &items(&[("22423", 1)])).await;
        shopper.wait_for("forwarded", &next, &token).await;
        assert_eq!(shopper.deliveries(&id).await, 0);
        shopper.warehouse_faults(json!({"down": true})).await;
    }
    shopper.warehouse_faults(json!({"down": false})).await;
}
