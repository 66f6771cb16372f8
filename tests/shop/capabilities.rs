//! No stranger reads or pays another's order.

use kontor_tests::{Shopper, items};
use reqwest::Method;

#[tokio::test]
async fn whoever_lacks_an_orders_token_learns_nothing_of_it() {
    let shopper = Shopper::default();
    let mine = shopper
        .order("capabilities-mine", &items(&[("22423", 1)]))
        .await
        .body;
    let other = shopper
        .order("capabilities-other", &items(&[("22423", 1)]))
        .await
        .body;
    let id = mine["order"]["id"].as_str().expect("an id");
    let theirs = other["access_token"].as_str().expect("a token");
    let unknown = "0".repeat(26);
    for (method, room) in [(Method::GET, ""), (Method::POST, "/payment")] {
        let mut answers = Vec::new();
        for (id, authorization) in [
            (id, None),
            (id, Some("Bearer ".to_owned())),
            (id, Some("Bearer nonsense".to_owned())),
            (id, Some("Basic YTpi".to_owned())),
            (id, Some(format!("Bearer {theirs}"))),
            (unknown.as_str(), Some(format!("Bearer {theirs}"))),
            ("no-id", Some(format!("Bearer {theirs}"))),
        ] {
            let headers: Vec<_> = authorization
                .iter()
                .map(|value| ("authorization", value.as_str()))
                .collect();
            let path = format!("/api/orders/{id}{room}");
            let answer = shopper.send(method.clone(), &path, &headers, "").await;
            answer.assert_problem(404, "order_not_found");
            let mut body = answer.body;
            body["request_id"] = serde_json::Value::Null;
            answers.push(body);
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "all refusals read the same: {answers:?}");
    }
}

#[tokio::test]
async fn an_order_is_kept_by_no_cache() {
    let shopper = Shopper::default();
    let placed = shopper.order("capabilities-cache", &items(&[("22423", 1)])).await;
    assert_eq!(placed.header("cache-control"), "no-store");
    let id = placed.body["order"]["id"].as_str().expect("an id");
    assert_eq!(placed.header("location"), format!("/api/orders/{id}"));
    let shown = shopper
        .show(id, placed.body["access_token"].as_str().expect("a token"))
        .await;
    assert_eq!(shown.header("cache-control"), "no-store");
}
