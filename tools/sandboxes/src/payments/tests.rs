//! The sandbox as the shop, its shoppers and its tests meet it.

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::mpsc;

use super::*;

const NOTHING: &[(&str, &str)] = &[];

/// A sandbox, and the shop that receives its webhooks.
struct World {
    payments: Payments,
    http: reqwest::Client,
    webhooks: mpsc::UnboundedReceiver<(String, Bytes)>,
    /// How many webhooks the shop refuses before it takes one.
    refusals: Arc<Mutex<u32>>,
    _shop: Server,
}

async fn world() -> World {
    let (send, webhooks) = mpsc::unbounded_channel();
    let refusals = Arc::new(Mutex::new(0));
    let hear = {
        let refusals = refusals.clone();
        move |headers: HeaderMap, body: Bytes| async move {
            let mut left = refusals.lock().unwrap();
            if *left > 0 {
                *left -= 1;
                return axum::http::StatusCode::SERVICE_UNAVAILABLE;
            }
            send.send((headers["stripe-signature"].to_str().unwrap().to_owned(), body))
                .unwrap();
            axum::http::StatusCode::OK
        }
    };
    let shop = Server::start(
        listen("the shop", 0).await.unwrap(),
        Router::new().route("/hook", post(hear)),
    )
    .unwrap();
    let payments = Payments::start(PaymentsConfig {
        port: 0,
        webhook_url: format!("http://{}/hook", shop.address()),
        webhook_secret: "whsec_test".into(),
        api_key: "sk_test_key".into(),
    });
    let payments = payments.await.unwrap();
    World {
        payments,
        http: sam_runner::engines::http_client().unwrap(),
        webhooks,
        refusals,
        _shop: shop,
    }
}

impl World {
    async fn post(&self, path: &str, key: Option<&str>, form: &[(&str, &str)]) -> (u16, bool, Value) {
        let mut request = self
            .http
            .post(format!("{}{path}", self.payments.url()))
            .bearer_auth("sk_test_key");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let response = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .unwrap();
        let replayed = response.headers().contains_key("idempotent-replayed");
        (
            response.status().as_u16(),
            replayed,
            response.json().await.unwrap(),
        )
    }

    async fn get(&self, path: &str) -> Value {
        let request = self
            .http
            .get(format!("{}{path}", self.payments.url()))
            .bearer_auth("sk_test_key");
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn open(&self, order: &str) -> Value {
        let form = [
            ("mode", "payment"),
            ("client_reference_id", order),
            ("metadata[order_id]", order),
            (
                "success_url",
                "http://localhost:3000/#/order/A?paid=1&s={CHECKOUT_SESSION_ID}",
            ),
            ("cancel_url", "http://localhost:3000/#/order/A?left=1"),
            ("line_items[0][quantity]", "2"),
            ("line_items[0][price_data][currency]", "eur"),
            ("line_items[0][price_data][unit_amount]", "1299"),
            (
                "line_items[0][price_data][product_data][name]",
                "Tea <light> holder",
            ),
        ];
        let (status, _, session) = self.post("/v1/checkout/sessions", Some(order), &form).await;
        assert_eq!(status, 200, "{session}");
        session
    }

    async fn sandbox(&self, method: reqwest::Method, path: &str, body: Value) -> (u16, Value) {
        let request = self
            .http
            .request(method, format!("{}/sandbox/{path}", self.payments.url()))
            .json(&body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn settle(&self, session: &Value, outcome: &str) -> (u16, Value) {
        let path = format!("sessions/{}/pay", session["id"].as_str().unwrap());
        self.sandbox(reqwest::Method::POST, &path, json!({ "outcome": outcome }))
            .await
    }

    async fn webhook(&mut self) -> Value {
        let (signature, body) = self.webhooks.recv().await.unwrap();
        let (time, sum) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(b"whsec_test").unwrap();
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(&body);
        mac.verify_slice(&data_encoding::HEXLOWER.decode(sum.as_bytes()).unwrap())
            .unwrap();
        serde_json::from_slice(&body).unwrap()
    }
}

#[tokio::test]
async fn a_paid_session_is_told_to_the_shop_signed() {
    let mut world = world().await;
    let session = world.open("A").await;
    let url = session["url"].as_str().unwrap();
    assert_eq!(url.rsplit('/').next(), session["id"].as_str());
    let (status, paid) = world.settle(&session, "paid").await;
    assert_eq!((status, &paid["payment_status"]), (200, &json!("paid")));
    let event = world.webhook().await;
    assert_eq!(
        (&event["object"], &event["type"]),
        (&json!("event"), &json!("checkout.session.completed"))
    );
    assert_eq!(event["data"]["object"], paid);
    assert_eq!(event["data"]["object"]["metadata"]["order_id"], "A");
    let listed = world.get("/v1/events?type=checkout.session.completed").await;
    assert_eq!(listed["data"][0], event);
    assert_eq!(
        world
            .get(&format!("/v1/events/{}", event["id"].as_str().unwrap()))
            .await,
        event
    );
}

#[tokio::test]
async fn a_webhook_comes_again_until_it_is_taken() {
    let mut world = world().await;
    *world.refusals.lock().unwrap() = 1;
    let session = world.open("A").await;
    world.settle(&session, "expired").await;
    assert_eq!(world.webhook().await["type"], "checkout.session.expired");
    assert_eq!(*world.refusals.lock().unwrap(), 0);
}

#[tokio::test]
async fn webhooks_are_doubled_and_lost_as_asked_for() {
    let mut world = world().await;
    let put = reqwest::Method::PUT;
    let (_, faults) = world
        .sandbox(
            put.clone(),
            "faults",
            json!({ "duplicate_webhooks": 2, "seed": 3 }),
        )
        .await;
    assert_eq!(
        (&faults["duplicate_webhooks"], &faults["drop_webhooks"]),
        (&json!(2), &json!(0.0))
    );
    let session = world.open("A").await;
    world.settle(&session, "paid").await;
    let first = world.webhook().await;
    assert_eq!(
        (world.webhook().await, world.webhook().await),
        (first.clone(), first)
    );
    world
        .sandbox(put.clone(), "faults", json!({ "drop_webhooks": 1 }))
        .await;
    let session = world.open("B").await;
    world.settle(&session, "paid").await;
    let change =
        json!({ "drop_webhooks": 0, "duplicate_webhooks": 0, "shuffle_webhooks": true, "delay_ms": 1 });
    world.sandbox(put.clone(), "faults", change).await;
    let session = world.open("C").await;
    world.settle(&session, "paid").await;
    assert_eq!(
        world.webhook().await["data"]["object"]["client_reference_id"],
        "C"
    );
    assert_eq!(world.get("/v1/events").await["data"].as_array().unwrap().len(), 3);
    for nonsense in [json!({ "drop_webhooks": 2 }), json!({ "drop": 1 }), json!(null)] {
        assert_eq!(world.sandbox(put.clone(), "faults", nonsense).await.0, 400);
    }
}

#[tokio::test]
async fn a_repeated_key_gets_its_answer_or_an_error_if_changed() {
    let world = world().await;
    let first = world.open("A").await;
    world.settle(&first, "paid").await;
    assert_eq!(world.open("A").await, first);
    let (status, _, error) = world
        .post("/v1/checkout/sessions", Some("A"), &[("mode", "payment")])
        .await;
    assert_eq!(
        (status, &error["error"]["type"]),
        (400, &json!("idempotency_error"))
    );
    let intent = world
        .get(&format!(
            "/v1/checkout/sessions/{}",
            first["id"].as_str().unwrap()
        ))
        .await["payment_intent"]
        .clone();
    let form = [("payment_intent", intent.as_str().unwrap()), ("amount", "2598")];
    let (status, replayed, refund) = world.post("/v1/refunds", Some("r"), &form).await;
    assert_eq!((status, replayed), (200, false), "{refund}");
    assert_eq!(
        world.post("/v1/refunds", Some("r"), &form).await,
        (200, true, refund.clone())
    );
    let (status, replayed, spent) = world.post("/v1/refunds", Some("s"), &form).await;
    assert_eq!(
        (status, replayed, &spent["error"]["code"]),
        (400, false, &json!("charge_already_refunded"))
    );
    assert_eq!(
        world.post("/v1/refunds", Some("s"), &form).await,
        (400, true, spent)
    );
    let listed = world
        .get(&format!("/v1/refunds?payment_intent={}", form[0].1))
        .await;
    assert_eq!(
        (&listed["data"], &listed["has_more"]),
        (&json!([refund]), &json!(false))
    );
    let charges = world
        .sandbox(reqwest::Method::GET, "charges", Value::Null)
        .await
        .1;
    assert_eq!(
        (
            &charges["charges"][0]["amount"],
            &charges["charges"][0]["refunded"]
        ),
        (&json!(2598), &json!(2598))
    );
}

#[tokio::test]
async fn parameters_that_cannot_be_read_leave_the_key_free() {
    let world = world().await;
    let (status, _, error) = world
        .post("/v1/checkout/sessions", Some("A"), &[("mode", "payment")])
        .await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (400, &json!("parameter_missing"))
    );
    world.open("A").await;
}

#[tokio::test]
async fn sessions_are_found_listed_and_expired() {
    let world = world().await;
    let (first, second) = (world.open("A").await, world.open("B").await);
    let created = first["created"].as_i64().unwrap();
    let listed = world
        .get(&format!("/v1/checkout/sessions?created[gte]={created}&limit=1"))
        .await;
    assert_eq!((&listed["data"][0], &listed["has_more"]), (&second, &json!(true)));
    let after = second["id"].as_str().unwrap();
    let listed = world
        .get(&format!("/v1/checkout/sessions?starting_after={after}"))
        .await;
    assert_eq!(listed["data"], json!([first]));
    let path = format!("/v1/checkout/sessions/{after}/expire");
    let (status, _, expired) = world.post(&path, None, NOTHING).await;
    assert_eq!(
        (status, &expired["status"], &expired["url"]),
        (200, &json!("expired"), &Value::Null)
    );
    assert_eq!(world.post(&path, None, NOTHING).await.0, 400);
    let missing = world.get("/v1/checkout/sessions/cs_test_nobody").await;
    assert_eq!(missing["error"]["code"], "resource_missing");
    assert_eq!(
        world.get("/v1/customers").await["error"]["type"],
        "invalid_request_error"
    );
}

#[tokio::test]
async fn a_wrong_key_gets_nowhere() {
    let world = world().await;
    let url = format!("{}/v1/events", world.payments.url());
    assert_eq!(world.http.get(&url).send().await.unwrap().status(), 401);
    assert_eq!(
        world
            .http
            .get(&url)
            .bearer_auth("sk_test_other")
            .send()
            .await
            .unwrap()
            .status(),
        401
    );
    assert_eq!(
        world
            .http
            .get(&url)
            .basic_auth("sk_test_key", None::<&str>)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn the_api_fails_as_asked_for_and_a_lost_answer_took_effect() {
    let world = world().await;
    let put = reqwest::Method::PUT;
    world
        .sandbox(put.clone(), "faults", json!({ "error_rate": 1 }))
        .await;
    let (status, _, error) = world
        .post("/v1/checkout/sessions", Some("A"), &[("mode", "payment")])
        .await;
    assert_eq!((status, &error["error"]["type"]), (500, &json!("api_error")));
    world
        .sandbox(put.clone(), "faults", json!({ "error_rate": 0 }))
        .await;
    let session = world.open("A").await;
    world
        .sandbox(put.clone(), "faults", json!({ "lose_answers": 1 }))
        .await;
    let url = format!(
        "{}/v1/checkout/sessions/{}/expire",
        world.payments.url(),
        session["id"].as_str().unwrap()
    );
    world
        .http
        .post(url)
        .bearer_auth("sk_test_key")
        .send()
        .await
        .unwrap_err();
    world.sandbox(put, "faults", json!({ "lose_answers": 0 })).await;
    assert_eq!(world.open("A").await, session);
    let now = world.get("/v1/checkout/sessions?status=expired").await;
    assert_eq!(now["data"][0]["id"], session["id"]);
}

#[tokio::test]
async fn the_api_is_slow_and_refuses_refunds_when_asked_to() {
    let world = world().await;
    let faults = json!({ "latency_ms": 50, "refuse_refunds": true });
    world.sandbox(reqwest::Method::PUT, "faults", faults).await;
    let begun = std::time::Instant::now();
    let refund = [("payment_intent", "pi_1")];
    let (status, _, error) = world.post("/v1/refunds", Some("A"), &refund).await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (400, &json!("charge_disputed"))
    );
    assert!(begun.elapsed() >= std::time::Duration::from_millis(50));
}

#[tokio::test]
async fn a_shopper_pays_declines_or_leaves_on_the_page() {
    let world = world().await;
    let session = world.open("A").await;
    let page = session["url"].as_str().unwrap();
    let read = |url: String, language: &'static str| {
        let request = world.http.get(url).header("accept-language", language);
        async { request.send().await.unwrap().text().await.unwrap() }
    };
    let english = read(page.into(), "en").await;
    for expected in [
        "€25.98",
        "Tea &lt;light&gt; holder",
        "Pay now",
        "Test mode",
        "lang=\"en\"",
        "order/A?left=1",
    ] {
        assert!(english.contains(expected), "{expected}: {english}");
    }
    assert!(read(page.into(), "de").await.contains("25,98\u{a0}€"));
    let act = |act: &str| {
        let request = world.http.post(format!("{page}/{act}"));
        async {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 303);
            response.headers()["location"].to_str().unwrap().to_owned()
        }
    };
    let declined = act("decline").await;
    assert!(
        read(format!("{}{declined}", world.payments.url()), "en")
            .await
            .contains("The card was declined")
    );
    let id = session["id"].as_str().unwrap();
    assert_eq!(
        act("pay").await,
        format!("http://localhost:3000/#/order/A?paid=1&s={id}")
    );
    assert!(read(page.into(), "en").await.contains("This order is paid"));
    assert_eq!(act("decline").await, format!("/pay/{id}"));
    let nobody = world
        .http
        .get(format!("{}/pay/nobody", world.payments.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(nobody.status(), 404);
}

#[tokio::test]
async fn who_pays_is_sent_back_when_the_shop_was_told() {
    let mut world = world().await;
    for refusals in [0, 1] {
        *world.refusals.lock().unwrap() = refusals;
        let session = world.open(&format!("A{refusals}")).await;
        let pay = format!("{}/pay", session["url"].as_str().unwrap());
        assert_eq!(world.http.post(pay).send().await.unwrap().status(), 303);
        // Who refuses is asked again; the shopper does not wait for that.
        assert_eq!(world.webhooks.try_recv().is_ok(), refusals == 0);
    }
}

#[tokio::test]
async fn a_test_settles_a_session_once() {
    let world = world().await;
    let session = world.open("A").await;
    assert_eq!(world.settle(&session, "declined").await.1["status"], "open");
    assert_eq!(world.settle(&session, "paid").await.1["status"], "complete");
    assert_eq!(world.settle(&session, "paid").await.0, 200);
    assert_eq!(world.settle(&session, "expired").await.0, 400);
    assert_eq!(world.settle(&session, "stolen").await.0, 400);
    assert_eq!(world.settle(&json!({ "id": "nobody" }), "paid").await.0, 404);
    let charges = world
        .sandbox(reqwest::Method::GET, "charges", Value::Null)
        .await
        .1;
    assert_eq!(charges["charges"].as_array().unwrap().len(), 1);
}
