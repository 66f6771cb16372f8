//! Many at once.

use std::collections::BTreeSet;
use std::time::Duration;

use kontor_tests::{Answer, FLASH, RACE, Shopper, a_checkout, items};
use serde_json::json;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn one_key_from_twenty_clients_at_once_makes_one_order() {
    let shopper = Shopper::default();
    let cart = items(&[(RACE, 1)]);
    let body = a_checkout(&cart, &shopper.quote(&cart).await.body["total"]);
    let mut clients = JoinSet::new();
    for _ in 0..20 {
        let (shopper, body) = (shopper.clone(), body.clone());
        clients.spawn(async move { shopper.checkout("\"racing-under-one-key\"", &body).await });
    }
    let answers = clients.join_all().await;
    let orders: BTreeSet<_> = answers
        .iter()
        .map(|answer| {
            assert_eq!(answer.status, 201, "{answer:?}");
            (
                answer.body["order"]["id"].to_string(),
                answer.body["access_token"].to_string(),
            )
        })
        .collect();
    assert_eq!(orders.len(), 1, "one order, one token");
    // Two that write the very same order in the same millisecond cannot tell which of them was first; the shelf can tell that one was.
    assert_eq!(shopper.left(RACE).await, 99_999);

    let again = shopper.checkout("racing-under-one-key", &body).await;
    assert_eq!(
        (again.status.as_u16(), again.header("idempotent-replayed")),
        (201, "true"),
        "quoted or bare, it is one key"
    );
    let other = a_checkout(&items(&[(RACE, 2)]), &json!({"amount": 2_490, "currency": "EUR"}));
    shopper
        .checkout("racing-under-one-key", &other)
        .await
        .assert_problem(422, "idempotency_key_reused");
}

/// A shopper whose network loses one answer in five, some of them before the shop has got round to it. They ask again under the same key
/// until they learn how it went.
async fn insist(shopper: &Shopper, key: &str, body: &serde_json::Value) -> Answer {
    loop {
        if fastrand::f64() >= 0.2 {
            return shopper.checkout(key, body).await;
        }
        let patience = Duration::from_millis(fastrand::u64(1..300));
        tokio::time::timeout(patience, shopper.checkout(key, body))
            .await
            .ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_shoppers_buy_exactly_a_hundred_pieces() {
    let shopper = Shopper::default();
    let body = a_checkout(
        &items(&[(FLASH, 1)]),
        &json!({"amount": 1_490, "currency": "EUR"}),
    );
    let mut shoppers = JoinSet::new();
    for n in 0..1_000 {
        let (shopper, body) = (shopper.clone(), body.clone());
        shoppers.spawn(async move {
            let key = format!("flash-{n}");
            (insist(&shopper, &key, &body).await, key)
        });
    }
    let mut orders = BTreeSet::new();
    let mut sold_out = 0;
    for (answer, key) in shoppers.join_all().await {
        match (answer.status.as_u16(), answer.code()) {
            (201, _) => {
                let id = answer.body["order"]["id"].as_str().expect("an id").to_owned();
                let token = answer.body["access_token"].as_str().expect("a token");
                assert_eq!(shopper.show(&id, token).await.body["status"], "placed", "{key}");
                orders.insert(id);
            }
            (409, "sold_out") => sold_out += 1,
            other => panic!("{other:?}: {answer:?}"),
        }
    }
    assert_eq!((orders.len(), sold_out), (100, 900));
    let left = shopper.quote(&items(&[(FLASH, 1)])).await;
    left.assert_problem(422, "items_unavailable");
}
