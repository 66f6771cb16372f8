//! Every function may do what it does, and nothing else. A world of its own: what others do in it would count as well.
//!
//! The local world refuses what a role does not allow, and remembers what functions did. So all that the shop does is done here
//! once: a refused call is a missing right, and an unused right is one too many.

use std::fmt::Write as _;
use std::time::Duration;

use app::ports::{Circuits, Orders};
use app::{Decision, decide_order};
use domain::{Order, OrderId};
use dynamodb::WarehouseCircuit;
use jiff::{SignedDuration, Timestamp};
use kontor::world::World;
use kontor_tests::tables::{client, store, variable};
use kontor_tests::webhooks::paid;
use kontor_tests::{PAIR, Shopper, a_checkout, items, running};
use reqwest::Method;
use sam_runner::rights::Use;
use serde_json::{Value, json};
use testkit::{altered, an_order};

/// What AWS does itself by the role of a function; none of it is a call that the function makes.
const DONE_BY_AWS: [(&str, &str); 5] = [
    // Lambda writes what the function prints.
    ("logs:CreateLogStream", "*"),
    ("logs:PutLogEvents", "*"),
    // Lambda reports its invocations to X-Ray.
    ("xray:PutTelemetryRecords", "*"),
    ("xray:PutTraceSegments", "*"),
    // Lambda sends what a failed run was started with to the on-failure destination.
    ("sqs:SendMessage", "-ReconcilerFailures"),
];

fn is_done_by_aws(granted: &Use) -> bool {
    DONE_BY_AWS.iter().any(|(action, resource)| {
        granted.action == *action && (*resource == "*" || granted.resource.ends_with(resource))
    })
}

fn world() -> &'static World {
    running().world()
}

fn circuit() -> WarehouseCircuit {
    WarehouseCircuit::new(
        client(),
        variable("CIRCUITS_TABLE").expect("the forwarder knows it"),
    )
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

async fn browse(shopper: &Shopper) {
    // The product first: who is asked again answers from memory.
    for path in [
        "/api/products/22423",
        "/api/products?limit=3",
        "/api/products?q=heart",
    ] {
        assert_eq!(shopper.get(path).await.status, 200, "{path}");
    }
}

/// A refusal, before which the checkout looks whether the order was placed before.
async fn expect_another_price(shopper: &Shopper) {
    let wrong = a_checkout(&items(&[("22423", 1)]), &json!({"amount": 1, "currency": "EUR"}));
    let refused = shopper.checkout("privileges-price", &wrong).await;
    refused.assert_problem(409, "price_changed");
}

/// An order too large for one transaction, of whose last line too little is left: taken back and removed.
async fn fail_to_place_a_large_order(shopper: &Shopper) {
    let mut wished = Vec::new();
    for page in ["/api/products?limit=100", "/api/products?limit=40&q=set"] {
        let listed = shopper.get(page).await;
        wished.extend(
            listed
                .list("items")
                .iter()
                .map(|item| text(&item["sku"]).to_owned()),
        );
    }
    wished.sort();
    wished.dedup();
    assert!(wished.len() > 98, "more than one transaction takes");
    let cart = |pieces: i64| {
        let mut cart: Vec<(&str, i64)> = wished.iter().map(|sku| (sku.as_str(), 1)).collect();
        cart.push((PAIR, pieces));
        items(&cart)
    };
    let mut total = shopper.quote(&cart(2)).await.body["total"].clone();
    total["amount"] = json!(total["amount"].as_i64().expect("an amount") + 1_000);
    let refused = shopper
        .checkout("privileges-large", &a_checkout(&cart(3), &total))
        .await;
    refused.assert_problem(409, "sold_out");
    // One of a single step: the shop looks who holds what is sold out.
    let quote = shopper.quote(&items(&[(PAIR, 3)])).await;
    quote.assert_problem(422, "items_unavailable");
}

/// A page that ends unpaid, and a payment that comes after it all the same.
async fn pay_too_late(shopper: &Shopper) {
    let placed = shopper.place("privileges-late", "22423", 1).await;
    let page = shopper.open_page(&placed.id, &placed.token).await;
    shopper.on_the_page(&page, "expired").await;
    shopper.wait_for("expired", &placed.id, &placed.token).await;
    let late = paid(&placed.id, placed.total());
    let heard = shopper.notify_signed(World::WEBHOOK_SECRET, &late).await;
    assert_eq!(heard.status, 200, "{heard:?}");
}

/// A bank takes a payment back. Of which order it was, the provider is asked.
async fn have_a_payment_disputed(shopper: &Shopper, id: &str) {
    let id = OrderId::parse(id).expect("an id");
    let order = async || store().get(id).await.expect("a read").expect("an order");
    let payment = order().await.capture().expect("paid").payment_id.clone();
    let url = format!("{}/sandbox/charges/{payment}/dispute", running().payments_url);
    let done = shopper.send(Method::POST, &url, &[], String::new()).await;
    assert_eq!(done.status, 200, "{done:?}");
    for _ in 0..300 {
        if order().await.is_taken_back() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the shop did not hear of the dispute");
}

/// An order that the warehouse refuses for good, and that no human saves.
async fn have_an_order_rejected(shopper: &Shopper) {
    shopper.warehouse_faults(json!({"reject_skus": ["20727"]})).await;
    let (id, token) = shopper.buy("privileges-rejected", &items(&[("20727", 1)])).await;
    give_up(OrderId::parse(&id).expect("an id")).await;
    world().run_schedule_now("reconciler").await.expect("a run");
    shopper.wait_for("rejected", &id, &token).await;
}

/// A human gives the order up, once it is rejected.
async fn give_up(id: OrderId) {
    let now = || Timestamp::now();
    for _ in 0..300 {
        let decision = Decision::GiveUpAt(Timestamp::now());
        if decide_order(&store(), &now, id, &decision).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the order is not rejected");
}

/// A warehouse that takes nothing, of which every instance of the forwarder but one may see too little to give up: of twelve orders, one of
/// four sees three.
async fn have_the_warehouse_left_alone(shopper: &Shopper) {
    shopper.warehouse_faults(json!({"error_rate": 1.0})).await;
    for n in 0..12 {
        shopper
            .buy(&format!("privileges-down-{n}"), &items(&[("22423", 1)]))
            .await;
    }
    let circuit = circuit();
    for _ in 0..300 {
        if circuit.read().await.expect("a read").open.is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the warehouse is not left alone");
}

/// What runs that died left behind, for the reconciler to find: paid and not queued, placed and not paid, half reserved.
async fn leave_things_half_done() -> [OrderId; 3] {
    let yesterday = Timestamp::now() - SignedDuration::from_hours(24);
    let order = |key: &str, lines| an_order().under(key).lines(lines).at(yesterday);
    let half: Order = order("privileges-half", 150)
        .draft()
        .reserve_step(yesterday)
        .expect("reserving")
        .0;
    let left = [
        order("privileges-paid", 1).paid(),
        order("privileges-unpaid", 1).placed(),
        half,
    ];
    // Not due yet, and looked at all the same: it may hold what is scarce.
    let lately = Timestamp::now() - SignedDuration::from_mins(3);
    let waiting = an_order().under("privileges-waiting").at(lately).placed();
    for order in left.iter().chain([&waiting]) {
        // As stored by a run: its first version.
        let first = altered(order.clone(), |parts| parts.version = 0);
        store().commit(first, Vec::new()).await.expect("stored");
    }
    left.map(|order| order.id())
}

async fn mend_what_is_half_done() {
    let [paid, unpaid, half] = leave_things_half_done().await;
    let store = store();
    for _ in 0..100 {
        world().run_schedule_now("reconciler").await.expect("a run");
        let status = async |id| {
            let order = store.get(id).await.expect("a read");
            order.map_or("gone", |order| order.status().name())
        };
        let all = [status(paid).await, status(unpaid).await, status(half).await];
        if all == ["forwarded", "expired", "gone"] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("the reconciler works on nothing");
}

fn table(uses: impl IntoIterator<Item = Use>) -> String {
    uses.into_iter().fold(String::new(), |mut table, seen| {
        writeln!(table, "  {} {} {}", seen.function, seen.action, seen.resource).expect("a String takes it");
        table
    })
}

/// All that the shop does.
async fn do_everything() {
    let shopper = Shopper::default();
    browse(&shopper).await;
    let (id, token) = shopper.buy("privileges-1", &items(&[("22423", 1)])).await;
    shopper.wait_for("forwarded", &id, &token).await;
    have_a_payment_disputed(&shopper, &id).await;
    expect_another_price(&shopper).await;
    fail_to_place_a_large_order(&shopper).await;
    pay_too_late(&shopper).await;
    have_an_order_rejected(&shopper).await;
    mend_what_is_half_done().await;
    have_the_warehouse_left_alone(&shopper).await;
}

/// Ends when a function was refused something: what it was about would be waited for in vain.
async fn be_refused() {
    while world().guard().denied().is_empty() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_may_do_what_it_does_and_nothing_else() {
    tokio::select! {
        () = do_everything() => {}
        () = be_refused() => {}
    }
    let guard = world().guard();
    let denied = table(guard.denied());
    assert!(
        denied.is_empty(),
        "a role lacks what its function does:\n{denied}"
    );
    let unused = guard
        .unused()
        .into_iter()
        .filter(|granted| !is_done_by_aws(granted));
    let unused = table(unused);
    assert!(
        unused.is_empty(),
        "a role allows what its function never does:\n{unused}"
    );
}
