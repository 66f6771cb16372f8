//! The contract of `docs/warehouse.md`: what the adapter sends and the simulator answers keeps to the schema, and both take the same orders.

use std::time::Duration;

use app::ports::{LookedUp, Submitted, Warehouse as _};
use axum::Router;
use axum::body::Bytes;
use boon::{Compiler, SchemaIndex, Schemas};
use domain::{Order, OrderId};
use erp::{Erp, ErpConfig};
use https::HttpsClient;
use sandboxes::warehouse::{Warehouse, WarehouseConfig};
use secrecy::SecretString;
use serde_json::{Value, json};
use testkit::an_order;
use tokio::sync::mpsc;

const SCHEMA: &str = include_str!("../../../docs/warehouse.schema.json");
const PAGE: &str = include_str!("../../../docs/warehouse.md");

/// One of the schema's definitions.
struct Definition {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Definition {
    fn named(name: &str) -> Self {
        let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
        let schema = serde_json::from_str(SCHEMA).expect("JSON");
        compiler.add_resource("warehouse.json", schema).expect("a schema");
        let index = compiler.compile(&format!("warehouse.json#/$defs/{name}"), &mut schemas);
        let index = index.unwrap_or_else(|error| panic!("{name}: {error:#}"));
        Self { schemas, index }
    }

    fn takes(&self, body: &Value) -> bool {
        self.schemas.validate(body, self.index).is_ok()
    }

    fn must_take(&self, body: &Value) {
        let found = self.schemas.validate(body, self.index);
        found.unwrap_or_else(|error| panic!("{body}\n{error:#}"));
    }
}

fn adapter(base_url: String) -> Erp {
    let token = SecretString::from("secret").into();
    let client = HttpsClient::new(Duration::from_secs(5)).expect("a client");
    Erp::new(ErpConfig { base_url, token }, client)
}

/// The body that the adapter sends for an order.
async fn sent(order: &Order) -> Value {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let base_url = format!("http://{}", listener.local_addr().expect("an address"));
    let (seen, mut received) = mpsc::unbounded_channel();
    let take = async move |body: Bytes| drop(seen.send(body));
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(take)).await });
    drop(adapter(base_url).submit(order).await);
    serde_json::from_slice(&received.recv().await.expect("a request")).expect("JSON")
}

/// A warehouse that works at once, its faults as given.
async fn simulator(faults: Value) -> Warehouse {
    let config = WarehouseConfig {
        port: 0,
        latency: Duration::ZERO,
        rate_per_s: 0,
        token: "secret".into(),
        data: None,
    };
    let warehouse = Warehouse::start(config).await.expect("a warehouse");
    let change = http()
        .put(format!("{}/sandbox/faults", warehouse.url()))
        .json(&faults);
    assert_eq!(change.send().await.expect("an answer").status(), 200);
    warehouse
}

fn http() -> reqwest::Client {
    sam_runner::engines::http_client().expect("a client")
}

async fn put(http: &reqwest::Client, warehouse: &Warehouse, body: &Value) -> (u16, Value) {
    let id = body["order_id"].as_str().unwrap_or("01HV9Y6Z3QJ8M2KD4T5RNBXC7E");
    let request = http
        .put(format!("{}/orders/{id}", warehouse.url()))
        .bearer_auth("secret");
    let answer = request.json(body).send().await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "application/json");
    (
        answer.status().as_u16(),
        answer.json().await.expect("a JSON body"),
    )
}

#[test]
fn every_example_of_the_page_fits_the_schema() {
    let examples: Vec<_> = PAGE.split("```json ").skip(1).collect();
    assert_eq!(examples.len(), 4);
    for example in examples {
        let (name, rest) = example.split_once('\n').expect("a name");
        let (body, _) = rest.split_once("```").expect("an end");
        Definition::named(name).must_take(&serde_json::from_str(body).expect("JSON"));
    }
}

#[tokio::test]
async fn what_the_adapter_sends_fits_the_schema() {
    let definition = Definition::named("Order");
    for lines in [1, 2, 1_200] {
        definition.must_take(&sent(&an_order().lines(lines).paid()).await);
    }
}

#[tokio::test]
async fn what_the_simulator_answers_fits_the_schema() {
    let body = sent(&an_order().paid()).await;
    let mut other = body.clone();
    other["customer"]["name"] = json!("Grace Hopper");
    let warehouse = simulator(json!({})).await;
    for (body, expected) in [(&body, 201), (&body, 200), (&other, 409)] {
        let (status, answer) = put(&http(), &warehouse, body).await;
        assert_eq!(status, expected);
        Definition::named("Accepted").must_take(&answer);
    }
    for (faults, expected, definition) in [
        (json!({"reject_skus": [body["lines"][0]["sku"]]}), 422, "Rejected"),
        (json!({"error_rate": 1.0}), 500, "Error"),
    ] {
        let (status, answer) = put(&http(), &simulator(faults).await, &body).await;
        assert_eq!(status, expected);
        Definition::named(definition).must_take(&answer);
    }
}

/// Each part missing, empty or of another type, and a field too many, at any depth.
fn broken(body: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    let mut pointers = vec![String::new()];
    while let Some(pointer) = pointers.pop() {
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut broken = body.clone();
            change(broken.pointer_mut(&pointer).expect("a part"));
            broken
        };
        for other in [json!(null), json!([]), json!(-1), json!(1.5), json!(true)] {
            found.push(changed(&|part| *part = other.clone()));
        }
        match body.pointer(&pointer).expect("a part") {
            Value::Object(fields) => {
                found.push(changed(&|part| part["unheard_of"] = json!(1)));
                for name in fields.keys() {
                    found.push(changed(&|part| {
                        drop(part.as_object_mut().expect("fields").remove(name));
                    }));
                    pointers.push(format!("{pointer}/{name}"));
                }
            }
            Value::Array(values) => pointers.extend((0..values.len()).map(|at| format!("{pointer}/{at}"))),
            _ => {}
        }
    }
    found
}

#[tokio::test]
async fn simulator_and_schema_refuse_the_same_orders() {
    let definition = Definition::named("Order");
    let body = sent(&an_order().lines(2).paid()).await;
    let (http, warehouse) = (http(), simulator(json!({})).await);
    let broken = broken(&body);
    assert!(broken.len() > 200, "{}", broken.len());
    for broken in broken {
        let (status, answer) = put(&http, &warehouse, &broken).await;
        assert_eq!(
            definition.takes(&broken),
            status != 400,
            "{status} {answer}\n{broken}"
        );
    }
}

#[tokio::test]
async fn the_adapter_understands_all_that_the_simulator_says() {
    let order = an_order().paid();
    let sku = sent(&order).await["lines"][0]["sku"].clone();
    for (faults, expected) in [
        (json!({}), "accepted K0000001"),
        (json!({"numbers": "bom"}), "accepted K0000001"),
        (json!({"numbers": "padded"}), "accepted K0000001"),
        (json!({"numbers": "number"}), "accepted 1"),
        (json!({"numbers": "missing"}), "unreadable"),
        (json!({"reject_skus": [sku]}), "rejected"),
        (json!({"error_rate": 1.0}), "unknown"),
        (json!({"proxy_status": 200}), "unknown"),
        (json!({"proxy_status": 400}), "busy"),
        (json!({"proxy_status": 407}), "busy"),
        (json!({"proxy_status": 422}), "busy"),
        (json!({"proxy_status": 451}), "busy"),
    ] {
        let warehouse = simulator(faults.clone()).await;
        let said = match adapter(warehouse.url()).submit(&order).await {
            Submitted::Accepted { erp_number } => format!("accepted {erp_number}"),
            Submitted::Rejected(_) => "rejected".to_owned(),
            Submitted::Unreadable(_) => "unreadable".to_owned(),
            Submitted::Busy(_) => "busy".to_owned(),
            Submitted::Unknown(_) => "unknown".to_owned(),
        };
        assert_eq!(said, expected, "{faults}");
    }
    let warehouse = simulator(json!({})).await;
    let none = OrderId::for_key("none");
    let absent = adapter(warehouse.url()).look_up(none).await;
    assert!(matches!(absent, LookedUp::Absent));
}
