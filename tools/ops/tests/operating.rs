//! What an operator is told, and what the commands do, on the tables and queues of `template.yaml` in embedded engines.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use app::Decision;
use app::ports::{Circuits, Committed, OrderQueue, Orders};
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use domain::{Circuit, JobKind, Order, OrderId, ReportedPayment, StockLevel};
use dynamodb::{DynamoDb, Tables, WarehouseCircuit};
use jiff::{SignedDuration, Timestamp};
use ops::{
    AccessTokenKey, Clients, DeadLetters, HoldSearch, Outcome, Refused, Report, Resend, Search, Shop,
    StoredTokens, Stuck,
};
use queue::SqsOrderQueue;
use sam_runner::engines::dynamodb::DynamoDb as Engine;
use sam_runner::engines::sqs::Sqs;
use sam_runner::template::{Document, Resolver, Stack, Surroundings};
use serde_json::{Value, json};
use testkit::{altered, an_access_token, an_order, eur, noon};

const ACCOUNT: &str = "000000000000";

/// A shop to look after, and the doors to it that a function has.
struct Premises {
    shop: Shop,
    client: aws_sdk_dynamodb::Client,
    orders_table: String,
    orders: DynamoDb,
    circuit: WarehouseCircuit,
    queue: SqsOrderQueue,
    sqs: Sqs,
    queue_name: String,
    dead_letters_name: String,
    _engine: Engine,
}

impl Premises {
    async fn open() -> Self {
        Self::with_reconciler(StatusCode::OK, None).await
    }

    /// A shop whose reconciler ends like this.
    async fn with_reconciler(status: StatusCode, failure: Option<&'static str>) -> Self {
        let engine = Engine::start(0, None).await.expect("an engine");
        let sqs = Sqs::start(0, None).await.expect("an engine");
        let stack = stack_of(&sqs.endpoint());
        for table in &stack.tables {
            engine.create_table(&table.properties).expect("a table");
        }
        for queue in &stack.queues {
            sqs.create_queue(&queue.name, queue.attributes.clone());
        }
        let reconciler = stack.function("reconciler").expect("in the template");
        let environment = reconciler.environment.clone();
        let lambda = lambda_of(&reconciler.name, &environment, status, failure).await;
        let clients = Clients::at(&engine.endpoint(), &sqs.endpoint(), &lambda).await;
        let tables = Tables::named(|name| environment.get(name).cloned()).expect("tables");
        let mut queues = stack.queues.iter();
        let queue = queues.find(|queue| queue.id == "OrdersQueue").expect("a queue");
        let dead_letters = queue.attributes.redrive.as_ref().expect("dead letters");
        Self {
            shop: Shop::find(clients.clone(), "shop").await.expect("a shop"),
            client: clients.dynamodb.clone(),
            orders_table: environment["ORDERS_TABLE"].clone(),
            orders: DynamoDb::new(clients.dynamodb.clone(), tables),
            circuit: WarehouseCircuit::new(clients.dynamodb, environment["CIRCUITS_TABLE"].clone()),
            queue: SqsOrderQueue::new(
                clients.sqs.config().clone(),
                environment["ORDERS_QUEUE_URL"].clone(),
            ),
            queue_name: queue.name.clone(),
            dead_letters_name: dead_letters.target_queue.clone(),
            sqs,
            _engine: engine,
        }
    }

    /// Stores an order of one piece as it is.
    async fn keep(&self, order: Order) -> Order {
        let level = |sku| StockLevel { sku, available: 9 };
        let skus = order.quote().lines.iter().map(|line| level(line.sku.clone()));
        self.orders
            .put_stock(&skus.collect::<Vec<_>>())
            .await
            .expect("stocked");
        match self.orders.commit(order, Vec::new()).await.expect("an outcome") {
            Committed::Done(stored) => stored,
            other => panic!("{other:?}"),
        }
    }

    /// Sends a message and lets it fail until it is a dead letter.
    async fn let_fail(&self, order: &Order) {
        self.queue.send(order.id()).await.expect("sent");
        while self.sqs.counts(&self.dead_letters_name).expect("a queue").waiting == 0 {
            for message in self.sqs.receive(&self.queue_name, 10, Duration::ZERO).await {
                self.sqs
                    .change_visibility(&self.queue_name, &message.receipt_handle, Duration::ZERO);
            }
        }
    }

    async fn stuck(&self, now: Timestamp) -> Stuck {
        self.shop.stuck(SEARCH, now).await.expect("an answer")
    }

    async fn resend(&self, id: OrderId, dry_run: bool, now: Timestamp) -> Resend {
        let told = self.shop.resend(id, dry_run, now).await;
        told.expect("an answer")
    }

    async fn dead_letters(&self) -> DeadLetters {
        let letters = self.shop.dead_letters(100, Timestamp::now()).await;
        letters.expect("an answer")
    }

    async fn stored(&self, id: OrderId) -> Order {
        self.orders.get(id).await.expect("read").expect("an order")
    }

    fn queued(&self) -> usize {
        self.sqs.counts(&self.queue_name).expect("a queue").waiting
    }
}

fn stack_of(sqs: &str) -> Stack {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let document = Document::read(&template).expect("the template");
    let surroundings = Surroundings {
        stack_name: "shop",
        region: "eu-central-1",
        account: ACCOUNT,
        parameters: ["SiteUrl", "ErpBaseUrl"]
            .map(|name| (name.to_owned(), "http://localhost".to_owned()))
            .into(),
        queue_url: &|name| format!("{sqs}/{ACCOUNT}/{name}"),
    };
    let resolver = Resolver::new(&document, &surroundings).expect("a resolver");
    Stack::read(&resolver).expect("a stack")
}

/// A Lambda with one function, which ends every run alike.
async fn lambda_of(
    function: &str,
    environment: &BTreeMap<String, String>,
    status: StatusCode,
    failure: Option<&'static str>,
) -> String {
    let configuration =
        json!({"FunctionName": function, "Environment": {"Variables": environment}}).to_string();
    let end = async move || match failure {
        None => (status, "null").into_response(),
        Some(message) => {
            let told = json!({"errorType": "RunFailed", "errorMessage": message}).to_string();
            (status, [("x-amz-function-error", "Unhandled")], told).into_response()
        }
    };
    let at = |action| format!("/2015-03-31/functions/{function}/{action}");
    let router = Router::new()
        .route(&at("configuration"), get(async move || configuration))
        .route(&at("invocations"), post(end));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    endpoint
}

const SEARCH: Search = Search {
    patience: SignedDuration::from_mins(5),
    limit: 100,
    parked: false,
};

fn after(minutes: i64) -> Timestamp {
    noon() + SignedDuration::from_mins(minutes)
}

fn in_json(report: &impl Report) -> Value {
    let text = serde_json::to_string(report).expect("JSON");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn a_paid_order_that_is_not_with_the_warehouse_is_found() {
    let premises = Premises::open().await;
    let order = premises.keep(an_order().paid()).await;
    let early = premises.stuck(after(4)).await;
    assert!(early.orders.is_empty(), "{:?}", early.orders);
    assert_eq!(early.outcome(), Outcome::Well);
    // Put off again and again: overdue by its first due time, and still not there.
    let order = premises
        .keep(order.retry_later(&JobKind::Forward, after(19)))
        .await;
    let stuck = premises.stuck(after(19)).await;
    assert_eq!(stuck.outcome(), Outcome::Attention);
    let [found] = &stuck.orders[..] else {
        panic!("{:?}", stuck.orders);
    };
    assert_eq!(found.order_id, order.id().to_string());
    assert_eq!(found.reasons, ["overdue", "not_forwarded"]);
    assert_eq!((found.waiting_s, found.tries), (19 * 60, 1));
    assert_eq!(found.work, ["forward_to_warehouse"]);
    assert!(stuck.to_string().contains(order.id().as_str()));
}

#[tokio::test]
async fn an_order_that_nobody_brings_on_is_found_and_others_are_not() {
    let premises = Premises::open().await;
    let placed = premises.keep(an_order().under("placed").placed()).await;
    premises.keep(an_order().under("there").forwarded()).await;
    let due = placed.due_at().expect("due");
    let stuck = premises.stuck(due).await;
    assert!(stuck.orders.is_empty(), "{:?}", stuck.orders);
    let late = due + SignedDuration::from_mins(6);
    let stuck = premises.stuck(late).await;
    assert_eq!(stuck.orders.len(), 1);
    assert_eq!(stuck.orders[0].reasons, ["overdue"]);
}

#[tokio::test]
async fn a_refund_that_failed_is_found_at_once() {
    let premises = Premises::open().await;
    let rejected = an_order().paid().rejected_by_warehouse(noon()).expect("paid");
    let rejected = premises.keep(rejected).await;
    let stuck = premises.stuck(after(1)).await;
    assert!(stuck.orders.is_empty(), "{:?}", stuck.orders);
    premises
        .keep(rejected.retry_later(&JobKind::Refund, noon()))
        .await;
    let stuck = premises.stuck(after(1)).await;
    assert_eq!(stuck.orders[0].reasons, ["refund_failed"]);
    assert!(stuck.orders[0].work.contains(&"refund".to_owned()));
}

#[tokio::test]
async fn a_parked_order_is_found_where_the_whole_table_is_read() {
    let premises = Premises::open().await;
    let payment = ReportedPayment {
        payment_id: "pi_odd".to_owned(),
        amount: eur(1),
    };
    premises.keep(an_order().placed().settle(payment, noon()).0).await;
    premises.keep(an_order().under("there").forwarded()).await;
    let quick = premises.stuck(after(1)).await;
    assert!(quick.orders.is_empty() && quick.to_string().contains("--parked"));
    let search = Search {
        parked: true,
        ..SEARCH
    };
    let stuck = premises.shop.stuck(search, after(1)).await.expect("an answer");
    assert_eq!(stuck.orders.len(), 1);
    assert_eq!(stuck.orders[0].reasons, ["parked"]);

    // One that a newer release wrote hides no other.
    let unreadable = OrderId::for_key("unreadable");
    let put = premises.client.put_item().table_name(&premises.orders_table);
    let put = put.item("order_id", AttributeValue::S(unreadable.to_string()));
    let put = put.item("parked", AttributeValue::S("of a newer release".to_owned()));
    put.send().await.expect("stored");
    let stuck = premises.shop.stuck(search, after(1)).await.expect("an answer");
    assert_eq!(
        (stuck.orders.len(), &stuck.unreadable[0].order_id),
        (1, &unreadable.to_string())
    );
}

#[tokio::test]
async fn it_is_told_that_the_warehouse_is_left_alone() {
    let premises = Premises::open().await;
    let stuck = premises.stuck(noon()).await;
    assert_eq!(in_json(&stuck)["circuit"], json!({"state": "closed"}));
    let open = Circuit::default().paused(noon());
    premises.circuit.store(open).await.expect("stored");
    let stuck = premises.stuck(noon()).await;
    assert_eq!(
        in_json(&stuck)["circuit"],
        json!({"state": "paused", "pauses": 1, "retry_at": "2026-11-21T12:00:10Z"})
    );
}

#[tokio::test]
async fn who_ordered_is_shown_only_when_asked_for() {
    let premises = Premises::open().await;
    let id = premises.keep(an_order().paid()).await.id();
    let shown = premises.shop.show(id, false).await.expect("an answer");
    for text in [in_json(&shown).to_string(), shown.to_string()] {
        assert!(text.contains("paid") && text.contains("pi_1"), "{text}");
        for personal in ["Ada", "example.org", "Linden", "10117", "Berlin"] {
            assert!(!text.contains(personal), "{personal} in {text}");
        }
    }
    let shown = premises.shop.show(id, true).await.expect("an answer");
    for text in [in_json(&shown).to_string(), shown.to_string()] {
        assert!(
            text.contains("ada@example.org") && text.contains("Unter den Linden 1"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn an_order_is_shown_with_its_amounts_and_what_is_due() {
    let premises = Premises::open().await;
    let order = premises.keep(an_order().lines(2).paid()).await;
    let shown = in_json(&premises.shop.show(order.id(), false).await.expect("an answer"));
    assert_eq!(
        shown["total"],
        json!({"amount": order.quote().total.minor(), "currency": "EUR"})
    );
    assert_eq!(shown["lines"].as_array().map(Vec::len), Some(2));
    assert_eq!(shown["work"], json!(["forward_to_warehouse"]));
    assert_eq!(shown["due_at"], "2026-11-21T12:05:00Z");
    assert_eq!(shown["history"][1]["event"], "paid");
}

#[tokio::test]
async fn what_another_release_stored_is_shown_as_such() {
    let premises = Premises::open().await;
    let order = altered(an_order().paid(), |order| {
        let kind = JobKind::of_name("send_invoice");
        order.jobs.push(domain::Job::new(kind, noon()));
        order.history.push(domain::HistoryEntry {
            at: noon(),
            event: domain::HistoryEvent::of_name("invoice_due"),
        });
    });
    let order = premises.keep(order).await;
    let shown = premises.shop.show(order.id(), false).await.expect("an answer");
    let of_another = json!(["job send_invoice", "event invoice_due"]);
    assert_eq!(in_json(&shown)["of_another_release"], of_another);
    assert!(shown.to_string().contains("of another release"));
}

#[tokio::test]
async fn that_there_is_no_such_order_is_told() {
    let premises = Premises::open().await;
    let id = an_order().draft().id();
    let shown = premises.shop.show(id, false).await.expect("an answer");
    assert_eq!(shown.outcome(), Outcome::Refused);
    assert_eq!(in_json(&shown)["found"], false);
    let resend = premises.resend(id, false, noon()).await;
    assert_eq!(resend.refused, Some(Refused::Unknown));
    assert_eq!(premises.queued(), 0);
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let premises = Premises::open().await;
    let order = premises.keep(an_order().paid()).await;
    let told = premises.resend(order.id(), true, after(30)).await;
    assert_eq!((told.outcome(), told.sent), (Outcome::Well, false));
    assert!(told.to_string().contains("would be queued"));
    assert_eq!(premises.queued(), 0);
    assert_eq!(premises.stored(order.id()).await, order);
}

#[tokio::test]
async fn a_paid_order_is_queued_again_and_looked_at_later() {
    let premises = Premises::open().await;
    let id = premises.keep(an_order().paid()).await.id();
    let done = premises.resend(id, false, after(30)).await;
    assert!(done.sent);
    assert_eq!(premises.queued(), 1);
    let stored = premises.stored(id).await;
    assert_eq!(stored.due_at(), Some(after(35)));
}

#[tokio::test]
async fn a_due_refund_does_not_wait_for_an_order_queued_again() {
    let premises = Premises::open().await;
    let order = premises.keep(an_order().paid_twice()).await;
    let done = premises.resend(order.id(), false, after(30)).await;
    assert!(done.sent);
    let read = premises.stored(order.id()).await;
    assert_eq!(read.job(&JobKind::Refund), order.job(&JobKind::Refund));
    let forward = read.job(&JobKind::Forward).map(|job| job.due_at);
    assert_eq!(forward, Some(after(35)), "it is not queued a second time");
}

#[tokio::test]
async fn an_order_unpaid_or_with_the_warehouse_is_not_queued() {
    let premises = Premises::open().await;
    let unpaid = premises.keep(an_order().under("unpaid").placed()).await;
    let there = premises.keep(an_order().under("there").forwarded()).await;
    for (id, why) in [(unpaid.id(), Refused::NotPaid), (there.id(), Refused::Forwarded)] {
        for dry_run in [true, false] {
            let told = premises.resend(id, dry_run, noon()).await;
            assert_eq!((told.outcome(), told.refused), (Outcome::Refused, Some(why)));
            assert!(told.to_string().contains("Nothing was done"));
        }
    }
    assert_eq!(premises.queued(), 0);
}

#[tokio::test]
async fn a_dead_letter_is_listed_stays_and_is_redriven() {
    let premises = Premises::open().await;
    let order = premises.keep(an_order().paid()).await;
    premises.let_fail(&order).await;
    for _ in 0..2 {
        let letters = premises.dead_letters().await;
        assert_eq!((letters.outcome(), letters.in_queue), (Outcome::Attention, 1));
        let listed = &in_json(&letters)["messages"][0];
        assert_eq!(listed["order_id"], order.id().as_str());
        assert_eq!(listed["status"], "paid");
        assert!(listed["receives"].as_u64() > Some(0));
    }
    let moved = premises.shop.redrive().await.expect("an answer");
    assert_eq!((moved.status.as_str(), moved.moved), ("COMPLETED", 1));
    assert_eq!(premises.queued(), 1);
    let letters = premises.dead_letters().await;
    assert_eq!((letters.outcome(), letters.messages.len()), (Outcome::Well, 0));
}

#[tokio::test]
async fn a_run_of_the_reconciler_is_told_with_what_is_still_due() {
    let premises = Premises::open().await;
    premises.keep(an_order().paid()).await;
    let told = premises.shop.reconcile(|| after(30)).await.expect("an answer");
    assert_eq!((told.outcome(), &told.failure), (Outcome::Well, &None));
    assert_eq!((told.due_before, told.due_after), (1, 1));
}

#[tokio::test]
async fn a_run_of_the_reconciler_that_failed_is_told() {
    let premises = Premises::with_reconciler(StatusCode::OK, Some("the run failed")).await;
    let told = premises.shop.reconcile(noon).await.expect("an answer");
    assert_eq!(told.outcome(), Outcome::Attention);
    assert_eq!(told.failure.as_deref(), Some("the run failed"));
    let premises = Premises::with_reconciler(StatusCode::FORBIDDEN, None).await;
    assert!(premises.shop.reconcile(noon).await.is_err());
}

#[tokio::test]
async fn holds_without_a_payment_page_are_released() {
    let premises = Premises::open().await;
    let placed = premises.keep(an_order().under("placed").placed()).await;
    let paying = premises.keep(an_order().under("paying").paying()).await;
    let now = noon() + SignedDuration::from_mins(3);
    let young = an_order().under("young").at(now).placed();
    let young = premises.keep(young).await;
    let search = HoldSearch::of(2, 100);

    let listed = premises.shop.holds(search, now).await.expect("an answer");
    assert_eq!(listed.outcome(), Outcome::Attention);
    let found: Vec<_> = listed.orders.iter().map(|hold| hold.order_id.as_str()).collect();
    assert_eq!(found, [placed.id().as_str()]);
    assert!(listed.to_string().contains("LINE0"), "{listed}");

    let dry = premises.shop.release_holds(search, true, now).await;
    assert!(dry.expect("an answer").to_string().contains("Nothing was done"));
    assert_eq!(premises.stored(placed.id()).await, placed);

    let released = premises.shop.release_holds(search, false, now).await;
    let released = released.expect("an answer");
    assert_eq!(released.outcome(), Outcome::Well);
    assert!(
        released.to_string().contains("1 of 1 were released"),
        "{released}"
    );
    let stored = premises.stored(placed.id()).await;
    assert_eq!((stored.status(), stored.held()), (domain::Status::Expired, 0));
    for left in [paying, young] {
        assert_eq!(premises.stored(left.id()).await, left);
    }
}

#[tokio::test]
async fn a_stack_that_does_not_exist_is_told_by_name() {
    let nowhere = Clients::at("http://127.0.0.1:9", "http://127.0.0.1:9", "http://127.0.0.1:9").await;
    let error = Shop::find(nowhere, "kontor-prod").await.expect_err("no shop");
    assert!(error.to_string().contains("kontor-prod-reconciler"), "{error}");
}

#[tokio::test]
async fn a_rejected_order_is_refunded_sooner_or_later() {
    let premises = Premises::open().await;
    let rejected = an_order().paid().hold_rejection(after(60), noon()).expect("paid");
    let id = premises.keep(rejected).await.id();
    for minutes in [90, 1] {
        let decision = Decision::GiveUpAt(after(minutes));
        let decided = premises
            .shop
            .decide(id, &decision, noon())
            .await
            .expect("an answer");
        assert_eq!(decided.outcome(), Outcome::Well);
        assert_eq!(decided.refunded_at, Some(after(minutes).to_string()));
        assert!(decided.to_string().contains(&after(minutes).to_string()));
    }
}

#[tokio::test]
async fn an_order_entered_by_hand_is_noted_once() {
    let premises = Premises::open().await;
    let rejected = an_order().paid().hold_rejection(after(60), noon()).expect("paid");
    let id = premises.keep(rejected).await.id();
    let decision = Decision::Entered("K-4711".to_owned());
    let decided = premises
        .shop
        .decide(id, &decision, noon())
        .await
        .expect("an answer");
    assert_eq!(
        (decided.status, decided.erp_number.as_deref()),
        (Some("forwarded"), Some("K-4711"))
    );
    let again = premises
        .shop
        .decide(id, &decision, noon())
        .await
        .expect("an answer");
    assert_eq!(again.outcome(), Outcome::Refused);
    assert!(again.to_string().contains("Nothing was done"));
}

#[tokio::test]
async fn a_rejected_order_is_found_and_sent_again() {
    let premises = Premises::open().await;
    let rejected = an_order().paid().hold_rejection(after(60), noon()).expect("paid");
    let id = premises.keep(rejected).await.id();
    let search = Search {
        parked: true,
        ..SEARCH
    };
    let stuck = premises.shop.stuck(search, after(1)).await.expect("an answer");
    assert_eq!(stuck.orders.len(), 1, "{:?}", stuck.orders);
    let shown = premises.shop.show(id, false).await.expect("an answer");
    assert_eq!(in_json(&shown)["warehouse_issue"]["kind"], "rejected");
    let resent = premises
        .shop
        .resend(id, false, after(1))
        .await
        .expect("an answer");
    assert!(resent.sent);
    let shown = in_json(&premises.shop.show(id, false).await.expect("an answer"));
    assert_eq!(
        (&shown["warehouse_issue"], &shown["work"]),
        (&json!(null), &json!(["forward_to_warehouse"]))
    );
}

fn without_token(order: Order) -> Order {
    altered(order, |parts| parts.access_token = None)
}

#[tokio::test]
async fn orders_of_the_release_before_get_their_tokens_once() {
    let premises = Premises::open().await;
    let secret = json!({"access_token_keys": "0123456789abcdef0123456789abcdef"}).to_string();
    let key = AccessTokenKey::of_secret(&secret).expect("a key");
    let mut before = Vec::new();
    for n in 0..40 {
        let order = an_order().under(&format!("before {n}")).paid();
        before.push(premises.keep(without_token(order)).await);
    }
    let own = premises.keep(an_order().under("of this release").placed()).await;

    let store = async |dry_run| {
        let told = premises.shop.store_access_tokens(&key, dry_run).await;
        told.expect("an answer")
    };
    let counts = |told: &StoredTokens| (told.without_token, told.stored, told.passed_over);
    assert_eq!(counts(&store(true).await), (40, 0, 0));
    assert_eq!(counts(&store(false).await), (40, 40, 0));
    assert_eq!(counts(&store(false).await), (0, 0, 0), "again, without harm");

    for read in &before {
        let id = read.id();
        let expected = altered(read.clone().next_version(), |parts| {
            parts.access_token = Some(key.token(id));
        });
        assert_eq!(premises.stored(id).await, expected);
    }
    assert_eq!(premises.stored(own.id()).await, own);

    // A function that had read the order before must read it again.
    let late = before.swap_remove(0);
    match premises
        .orders
        .commit(late, Vec::new())
        .await
        .expect("an outcome")
    {
        Committed::Conflict(Some(current)) => assert!(current.access_token().is_some()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_token_that_is_there_or_an_order_that_is_gone_stays() {
    let premises = Premises::open().await;
    let kept = premises.keep(an_order().placed()).await;
    let token = an_access_token("another");
    let add = async |id| {
        premises
            .orders
            .add_access_token(id, &token)
            .await
            .expect("an answer")
    };
    assert!(!add(kept.id()).await);
    assert_eq!(premises.stored(kept.id()).await, kept);
    let gone = OrderId::for_key("gone");
    assert!(!add(gone).await);
    assert_eq!(premises.orders.get(gone).await.expect("read"), None);
}

#[tokio::test]
async fn a_leaked_token_is_shut_out_and_no_token_is_printed() {
    let premises = Premises::open().await;
    let order = premises.keep(an_order().paid()).await;
    let (id, leaked, new) = (order.id(), an_access_token("an order"), an_access_token("new"));
    assert_eq!(order.access_token(), Some(&leaked));
    let decision = Decision::RevokeAccess(new.clone());
    let told = premises
        .shop
        .decide(id, &decision, noon())
        .await
        .expect("an answer");
    assert_eq!((told.outcome(), told.access_revoked), (Outcome::Well, true));
    assert_eq!(premises.stored(id).await.access_token(), Some(&new));
    let shown = premises.shop.show(id, true).await.expect("an answer");
    let printed = [
        told.to_string(),
        in_json(&told).to_string(),
        shown.to_string(),
        in_json(&shown).to_string(),
    ];
    for token in [&leaked, &new] {
        assert!(
            printed.iter().all(|text| !text.contains(&token.to_text())),
            "{printed:?}"
        );
    }
    let unknown = premises
        .shop
        .decide(OrderId::for_key("none"), &decision, noon())
        .await;
    assert_eq!(unknown.expect("an answer").outcome(), Outcome::Refused);
}
