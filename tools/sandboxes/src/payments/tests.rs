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
    let (status, _, error) = world.create("failed", &[]).await;
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

const SESSION: [(&str, &str); 6] = [
    ("mode", "payment"),
    ("success_url", "http://localhost:3000/#/order/A"),
    ("line_items[0][quantity]", "1"),
    ("line_items[0][price_data][currency]", "eur"),
    ("line_items[0][price_data][unit_amount]", "100"),
    ("line_items[0][price_data][product_data][name]", "Tea"),
];

impl World {
    async fn put(&self, faults: Value) {
        let (status, answer) = self.sandbox(reqwest::Method::PUT, "faults", faults).await;
        assert_eq!(status, 200, "{answer}");
    }

    async fn sessions(&self) -> usize {
        self.get("/v1/checkout/sessions").await["data"]
            .as_array()
            .unwrap()
            .len()
    }

    async fn create(&self, key: &str, more: &[(&str, &str)]) -> (u16, bool, Value) {
        let form = [&SESSION[..], more].concat();
        self.post("/v1/checkout/sessions", Some(key), &form).await
    }

    /// A paid session's payment intent.
    async fn paid(&self, order: &str) -> String {
        let session = self.open(order).await;
        let (_, paid) = self.settle(&session, "paid").await;
        paid["payment_intent"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_failure_is_kept_under_its_key_for_a_day() {
    let world = world().await;
    world.put(json!({ "error_rate": 1 })).await;
    assert_eq!(world.create("A", &[]).await.0, 500);
    world.put(json!({ "error_rate": 0 })).await;
    let (status, replayed, error) = world.create("A", &[]).await;
    assert_eq!((status, replayed), (500, true), "{error}");
    assert_eq!(world.sessions().await, 0);
    assert_eq!(world.create("B", &[]).await.0, 200);
}

#[tokio::test]
async fn a_kept_failure_may_have_had_its_effect() {
    let world = world().await;
    world.put(json!({ "errors_after_effect": 1 })).await;
    assert_eq!(world.create("A", &[]).await.0, 500);
    world.put(json!({ "errors_after_effect": 0 })).await;
    assert_eq!(world.create("A", &[]).await.0, 500);
    assert_eq!(world.sessions().await, 1);
}

#[tokio::test]
async fn what_fails_before_the_work_is_not_kept() {
    let world = world().await;
    world.put(json!({ "rate_limited": 1 })).await;
    let (status, _, error) = world.create("A", &[]).await;
    assert_eq!((status, &error["error"]["code"]), (429, &json!("rate_limit")));
    world.put(json!({ "rate_limited": 0 })).await;
    let (status, _, error) = world.create("A", &[("customer_email", "a..b@example.org")]).await;
    let told = (&error["error"]["code"], &error["error"]["param"]);
    assert_eq!(
        (status, told),
        (400, (&json!("email_invalid"), &json!("customer_email")))
    );
    assert_eq!(
        world
            .create("A", &[("customer_email", "a.b@example.org")])
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn a_second_call_under_a_key_in_use_is_refused() {
    let world = world().await;
    world.put(json!({ "latency_ms": 500 })).await;
    let second = async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        world.create("A", &[]).await
    };
    let ((first, ..), (status, _, error)) = tokio::join!(world.create("A", &[]), second);
    assert_eq!((first, status), (200, 409));
    assert_eq!(error["error"]["code"], "idempotency_key_in_use");
    assert_eq!(world.create("A", &[]).await.0, 200);
    assert_eq!(world.sessions().await, 1);
}

#[tokio::test]
async fn a_list_may_miss_what_was_just_made() {
    let world = world().await;
    world.put(json!({ "list_delay_ms": 60_000 })).await;
    let session = world.open("A").await;
    assert_eq!(world.sessions().await, 0);
    let path = format!("/v1/checkout/sessions/{}", session["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await["id"], session["id"]);
    world.put(json!({ "list_delay_ms": 0 })).await;
    assert_eq!(world.sessions().await, 1);
}

#[tokio::test]
async fn what_the_provider_does_not_know_is_refused_everywhere() {
    let world = world().await;
    for (name, value, code) in [
        ("line_items[0][price_data][currncy]", "eur", "parameter_unknown"),
        ("payment_intent_data[metdata][a]", "1", "parameter_unknown"),
        ("locale", "xx", ""),
        ("allowed_payment_method_types[0]", "cash", ""),
        ("expand[0]", "payments", ""),
    ] {
        let (status, _, error) = world.create("A", &[(name, value)]).await;
        let told = error["error"]["code"].as_str().unwrap_or_default();
        assert_eq!((status, told), (400, code), "{name}: {error}");
    }
    let (_, _, error) = world.post("/v1/refunds", None, &[("payment", "pi_1")]).await;
    assert_eq!(error["error"]["code"], "parameter_unknown");
    let session = world.open("A").await;
    let path = format!("/v1/checkout/sessions/{}", session["id"].as_str().unwrap());
    let (_, _, error) = world.post(&format!("{path}/expire"), None, &[("now", "1")]).await;
    assert_eq!(error["error"]["code"], "parameter_unknown");
    for query in [
        "/v1/checkout/sessions?order=A".to_owned(),
        "/v1/refunds?expand[]=data.order".to_owned(),
        format!("{path}?expand[]=order"),
    ] {
        assert_eq!(
            world.get(&query).await["error"]["type"],
            "invalid_request_error",
            "{query}"
        );
    }
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let world = world().await;
    let url = format!("{}/v1/events", world.payments.url());
    let named = async |key: &str| {
        let answer = world.http.get(&url).bearer_auth(key).send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.headers().contains_key("request-id"),
        )
    };
    assert_eq!(named("sk_test_key").await, (200, true));
    assert_eq!(named("sk_other").await, (401, true));
    world.put(json!({ "error_rate": 1 })).await;
    assert_eq!(named("sk_test_key").await, (500, true));
    world.put(json!({ "rate_limited": 1 })).await;
    assert_eq!(named("sk_test_key").await, (429, true));
}

#[tokio::test]
async fn an_asynchronous_payment_arrives_later_or_not_at_all() {
    let mut world = world().await;
    for (order, end, kind, paid) in [
        ("A", "arrived", "checkout.session.async_payment_succeeded", "paid"),
        ("B", "failed", "checkout.session.async_payment_failed", "unpaid"),
    ] {
        let session = world.open(order).await;
        world.settle(&session, "processing").await;
        let event = world.webhook().await;
        let told = &event["data"]["object"];
        assert_eq!(event["type"], "checkout.session.completed");
        assert_eq!(
            (&told["status"], &told["payment_status"]),
            (&json!("complete"), &json!("unpaid"))
        );
        world.settle(&session, end).await;
        let event = world.webhook().await;
        assert_eq!(
            (&event["type"], &event["data"]["object"]["payment_status"]),
            (&json!(kind), &json!(paid))
        );
    }
}

#[tokio::test]
async fn a_refund_is_told_of_and_a_pending_one_may_fail() {
    let mut world = world().await;
    world.put(json!({ "pending_refunds": true })).await;
    let intent = world.paid("A").await;
    world.webhook().await;
    let form = [("payment_intent", intent.as_str()), ("metadata[order_id]", "A")];
    let (_, _, refund) = world.post("/v1/refunds", Some("r"), &form).await;
    assert_eq!(refund["status"], "pending");
    let event = world.webhook().await;
    let charge = &event["data"]["object"];
    assert_eq!(
        (&event["type"], &charge["refunded"]),
        (&json!("charge.refunded"), &json!(true))
    );
    let path = format!("refunds/{}", refund["id"].as_str().unwrap());
    world
        .sandbox(reqwest::Method::POST, &path, json!({ "status": "failed" }))
        .await;
    let event = world.webhook().await;
    assert_eq!(
        (&event["type"], &event["data"]["object"]["status"]),
        (&json!("refund.failed"), &json!("failed"))
    );
}

#[tokio::test]
async fn the_dashboard_refunds_and_a_bank_disputes() {
    let mut world = world().await;
    let form = [("payment_intent_data[metadata][order_id]", "A")];
    let (_, _, session) = world.create("A", &form).await;
    let (_, paid) = world.settle(&session, "paid").await;
    let intent = paid["payment_intent"].as_str().unwrap();
    world.webhook().await;
    let whole = world.get(&format!("/v1/payment_intents/{intent}")).await;
    assert_eq!(whole["metadata"], json!({ "order_id": "A" }));
    let id = session["id"].as_str().unwrap();
    let path = format!("/v1/checkout/sessions/{id}?expand[]=payment_intent");
    assert_eq!(world.get(&path).await["payment_intent"], whole);
    let post = reqwest::Method::POST;
    let path = format!("charges/{intent}/refund");
    assert_eq!(
        world
            .sandbox(post.clone(), &path, json!({ "amount": 40 }))
            .await
            .0,
        200
    );
    let charge = world.webhook().await["data"]["object"].clone();
    assert_eq!(
        (&charge["amount_refunded"], &charge["refunded"]),
        (&json!(40), &json!(false))
    );
    assert_eq!(charge["metadata"], json!({ "order_id": "A" }));
    world
        .sandbox(post, &format!("charges/{intent}/dispute"), json!({}))
        .await;
    let event = world.webhook().await;
    assert_eq!(event["type"], "charge.dispute.created");
    assert_eq!(
        (
            &event["data"]["object"]["payment_intent"],
            &event["data"]["object"]["metadata"]
        ),
        (&json!(intent), &json!({}))
    );
    let (_, _, error) = world
        .post("/v1/refunds", None, &[("payment_intent", intent)])
        .await;
    assert_eq!(error["error"]["code"], "charge_disputed");
}

#[tokio::test]
async fn a_webhook_endpoint_is_made_found_and_changed() {
    let world = world().await;
    let form = [
        ("url", "https://shop.example/api/webhooks/stripe"),
        ("enabled_events[0]", "checkout.session.completed"),
        ("api_version", event::API_VERSION),
    ];
    let (status, _, made) = world.post("/v1/webhook_endpoints", None, &form).await;
    assert_eq!(status, 200, "{made}");
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let path = format!("/v1/webhook_endpoints/{}", made["id"].as_str().unwrap());
    let (_, _, changed) = world
        .post(&path, None, &[("enabled_events[0]", "*"), ("disabled", "true")])
        .await;
    assert_eq!(
        (&changed["enabled_events"], &changed["status"], &changed["secret"]),
        (&json!(["*"]), &json!("disabled"), &Value::Null)
    );
    assert_eq!(world.get("/v1/webhook_endpoints").await["data"], json!([changed]));
    assert_eq!(world.get(&path).await, changed);
    for (wrong, code) in [
        (&[("enabled_events[0]", "*")][..], Some("parameter_missing")),
        (&form[..1], Some("parameter_missing")),
        (
            &[("url", "shop"), ("enabled_events[0]", "*")],
            Some("url_invalid"),
        ),
        (&[("url", form[0].1), ("enabled_events[0]", "order.paid")], None),
        (
            &[
                ("url", form[0].1),
                ("enabled_events[0]", "*"),
                ("api_version", "1"),
            ],
            None,
        ),
        (
            &[("url", form[0].1), ("enabled_events[0]", "*"), ("secret", "x")],
            Some("parameter_unknown"),
        ),
    ] {
        let (status, _, error) = world.post("/v1/webhook_endpoints", None, wrong).await;
        assert_eq!(
            (status, error["error"]["code"].as_str()),
            (400, code),
            "{wrong:?}"
        );
    }
    let (_, _, error) = world
        .post(&path, None, &[("api_version", event::API_VERSION)])
        .await;
    assert_eq!(error["error"]["code"], "parameter_unknown", "it never changes");
    assert_eq!(
        world.post("/v1/webhook_endpoints/we_1", None, NOTHING).await.0,
        404
    );
}

#[tokio::test]
async fn a_direct_debit_is_offered_where_it_is_asked_for() {
    let mut world = world().await;
    let debit = [
        ("allowed_payment_method_types[0]", "card"),
        ("allowed_payment_method_types[1]", "sepa_debit"),
    ];
    let (_, _, session) = world.create("A", &debit).await;
    let page = session["url"].as_str().unwrap().to_owned();
    let shown = world.http.get(&page).send().await.unwrap().text().await.unwrap();
    assert!(shown.contains("/debit/arrives"), "{shown}");
    let paid = world.http.post(format!("{page}/debit/fails")).send().await;
    assert_eq!(paid.unwrap().status(), 303);
    assert_eq!(
        world.webhook().await["data"]["object"]["payment_status"],
        "unpaid"
    );
    let path = format!(
        "/v1/checkout/sessions/{}?expand[]=payment_intent",
        session["id"].as_str().unwrap()
    );
    assert_eq!(world.get(&path).await["payment_intent"]["status"], "processing");
    assert_eq!(
        world.webhook().await["type"],
        "checkout.session.async_payment_failed"
    );
    assert_eq!(
        world.get(&path).await["payment_intent"]["status"],
        "requires_payment_method"
    );

    let card = world.open("B").await;
    assert_eq!(card["payment_method_types"], json!(["card"]));
    let page = card["url"].as_str().unwrap();
    assert!(
        !world
            .http
            .get(page)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .contains("debit")
    );
    world
        .http
        .post(format!("{page}/debit/arrives"))
        .send()
        .await
        .unwrap();
    let path = format!("/v1/checkout/sessions/{}", card["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await["status"], "open");
}
