//! Personal data shows up nowhere but where it belongs. A world of its own, in which everything goes wrong that can, since failures are what
//! gets logged.

use std::time::Duration;

use kontor_tests::{PAIR, Placed, Shopper, items, running};
use reqwest::Method;
use serde_json::{Value, json};

/// What must be found in the orders' table, at the provider and in the warehouse, and nowhere else.
const CANARIES: [&str; 6] = [
    "Canaria",
    "serinus",
    "Kanarienweg",
    "47119",
    "Vogelhausen",
    "4242424242424242",
];

fn a_checkout_by_a_canary(cart: &Value, total: &Value) -> Value {
    json!({
        "items": cart,
        "customer": {"name": "Canaria Serinus", "email": "canaria.serinus@example.org"},
        "shipping_address": {
            "name": "Canaria Serinus", "street": "Kanarienweg 4711", "postal_code": "47119", "city": "Vogelhausen", "country": "DE",
        },
        "expected_total": total,
    })
}

/// Places and pays an order; its id and token.
async fn buy(shopper: &Shopper, key: &str) -> (String, String) {
    let cart = items(&[("22423", 1)]);
    let body = a_checkout_by_a_canary(&cart, &shopper.quote(&cart).await.body["total"]);
    let answer = shopper.checkout(key, &body).await;
    assert_no_canary(&[], "Location", answer.header("location"));
    let Placed { id, token, .. } = answer.placed();
    let url = shopper.open_page(&id, &token).await;
    assert_no_canary(&[&token], "the payment page's URL", &url);
    shopper.on_the_page(&url, "paid").await;
    (id, token)
}

/// Every way to be refused that reads what a shopper wrote.
async fn be_refused(shopper: &Shopper) {
    let cart = items(&[("22423", 1)]);
    let total = shopper.quote(&cart).await.body["total"].clone();
    let wish = a_checkout_by_a_canary(&cart, &total);
    let mut with_card = wish.clone();
    with_card["shipping_address"]["street"] = json!("Kanarienweg 4242424242424242");
    let mut hidden = wish.clone();
    hidden["customer"]["name"] = json!("Canaria\u{202e}\u{7}\nSerinus");
    let sold_out = a_checkout_by_a_canary(&items(&[(PAIR, 3)]), &total);
    let cheaper = a_checkout_by_a_canary(&cart, &json!({"amount": 1, "currency": "EUR"}));
    for (n, body) in [with_card, hidden, sold_out, cheaper].iter().enumerate() {
        let refused = shopper.checkout(&format!("canaria-refused-{n}"), body).await;
        assert!(refused.status.is_client_error(), "{refused:?}");
    }
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "canaria-cut-in-half"),
    ];
    let cut = wish.to_string();
    let cut = &cut[..cut.len() - 20];
    shopper.send(Method::POST, "/api/checkout", &headers, cut).await;
    let forged = [("stripe-signature", "t=1,v1=Kanarienweg")];
    shopper
        .send(Method::POST, "/api/webhooks/stripe", &forged, wish.to_string())
        .await;
    shopper.get("/api/products?q=Canaria%20Serinus").await;
    shopper.get("/api/orders/Kanarienweg").await;
}

/// The messages that wait for the warehouse, whole.
async fn waiting_messages(shopper: &Shopper) -> Vec<Value> {
    let endpoint = running().world().sqs_endpoint();
    let call = async |operation: &str, body: Value| {
        let target = format!("AmazonSQS.{operation}");
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", target.as_str()),
        ];
        shopper
            .send(Method::POST, &endpoint, &headers, body.to_string())
            .await
            .body
    };
    let queues = call("ListQueues", json!({})).await;
    let url = queues["QueueUrls"]
        .as_array()
        .expect("queues")
        .iter()
        .find_map(|url| {
            let url = url.as_str()?;
            url.ends_with("OrdersQueue").then_some(url)
        });
    let ask = json!({
        "QueueUrl": url.expect("the orders' queue"), "MaxNumberOfMessages": 10, "VisibilityTimeout": 0, "AttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
    });
    let received = call("ReceiveMessage", ask).await;
    received["Messages"].as_array().cloned().unwrap_or_default()
}

fn assert_no_canary(secrets: &[&str], place: &str, text: &str) {
    for canary in CANARIES.iter().chain(secrets) {
        let found = text.to_lowercase().contains(&canary.to_lowercase());
        assert!(!found, "{canary} in {place}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_data_is_in_no_log_line_metric_message_or_url() {
    let shopper = Shopper::default();
    let mut orders = vec![buy(&shopper, "canaria-well").await];
    be_refused(&shopper).await;

    shopper.payment_faults(json!({"down": true})).await;
    let (id, token) = &orders[0];
    shopper.start_payment(id, token).await;
    shopper.payment_faults(json!({"down": false})).await;
    // Slow, so that orders stand in line; then failing, then refusing.
    shopper.warehouse_faults(json!({"latency_ms": 3_000})).await;
    for n in 0..16 {
        orders.push(buy(&shopper, &format!("canaria-line-{n}")).await);
    }
    let messages = waiting_messages(&shopper).await;
    assert!(!messages.is_empty(), "no message waits");
    shopper
        .warehouse_faults(json!({"latency_ms": 0, "error_rate": 1.0}))
        .await;
    for n in 0..8 {
        orders.push(buy(&shopper, &format!("canaria-failing-{n}")).await);
    }
    shopper
        .warehouse_faults(json!({"error_rate": 0.0, "reject_skus": ["22423"]}))
        .await;
    orders.push(buy(&shopper, "canaria-rejected").await);
    tokio::time::sleep(Duration::from_secs(15)).await;
    running()
        .world()
        .run_schedule_now("reconciler")
        .await
        .expect("a run");

    let tokens: Vec<&str> = orders.iter().map(|(_, token)| token.as_str()).collect();
    for message in messages {
        assert_no_canary(&tokens, "a message", &message.to_string());
    }
    let lines = running().world().logs().recent();
    let metrics = lines.iter().filter(|line| line.text.contains("\"_aws\"")).count();
    assert!(
        lines.len() > 50 && metrics > 20,
        "{} lines, {metrics} of them metrics",
        lines.len()
    );
    // As many as are kept: the oldest would be lost unread.
    assert!(lines.len() < 4_096, "too many lines to see all of them");
    for line in lines {
        assert_no_canary(&tokens, "a log line", &line.text);
    }
}
