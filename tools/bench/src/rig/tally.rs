//! A proxy before the engines that counts calls, bytes and DynamoDB's capacity units.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use sam_runner::engines::http_client;
use sam_runner::engines::server::{Server, listen};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Calls of one operation, for one request on average.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Call {
    /// Such as `DynamoDB.TransactWriteItems`.
    pub(crate) operation: String,
    pub(crate) count: f64,
    /// The bodies that are sent, in bytes, all together.
    pub(crate) sent_bytes: f64,
    /// The bodies that come back, in bytes, all together.
    pub(crate) received_bytes: f64,
    /// DynamoDB's request units, as the engine counts them.
    pub(crate) read_units: f64,
    pub(crate) write_units: f64,
}

/// A proxy that counts by operation. It closes when dropped.
pub(crate) struct Tally {
    shared: Arc<Shared>,
    server: Server,
}

struct Shared {
    engines: BTreeMap<String, String>,
    client: reqwest::Client,
    calls: Mutex<Vec<Call>>,
}

impl Tally {
    /// Opens one before engines, each named by the variable that the SDK reads its address from. It asks DynamoDB for the consumed capacity
    /// of each call, which the function does not.
    pub(crate) async fn before(engines: BTreeMap<String, String>) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            engines,
            client: http_client()?,
            calls: Mutex::default(),
        });
        let router = Router::new().route("/{engine}/", post(pass));
        let router = router.with_state(Arc::clone(&shared));
        let server = Server::start(listen("the tally", 0).await?, router)?;
        Ok(Self { shared, server })
    }

    /// The addresses to call instead.
    pub(crate) fn endpoints(&self) -> BTreeMap<String, String> {
        let address = self.server.address();
        let engines = self.shared.engines.keys();
        let endpoint = |engine: &String| (engine.clone(), format!("http://{address}/{engine}/"));
        engines.map(endpoint).collect()
    }

    /// The calls since the last time.
    pub(crate) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Call {
    /// Adds a share of another call.
    pub(crate) fn add(&mut self, more: &Self, share: f64) {
        self.count += share * more.count;
        self.sent_bytes += share * more.sent_bytes;
        self.received_bytes += share * more.received_bytes;
        self.read_units += share * more.read_units;
        self.write_units += share * more.write_units;
    }
}

async fn pass(
    State(shared): State<Arc<Shared>>,
    Path(engine): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let passed = shared.pass(&engine, headers, body).await;
    passed.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, error.to_string()).into_response())
}

impl Shared {
    async fn pass(&self, engine: &str, mut headers: HeaderMap, sent: Bytes) -> anyhow::Result<Response> {
        let engine = self.engines.get(engine).context("no such engine")?;
        let target = headers.get("x-amz-target").context("no operation")?;
        let operation = operation(target.to_str()?);
        let mut request: Value = serde_json::from_slice(&sent)?;
        if operation.starts_with("DynamoDB") {
            request["ReturnConsumedCapacity"] = "TOTAL".into();
        }
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::HOST);
        let request = self
            .client
            .post(engine)
            .headers(headers)
            .body(request.to_string());
        let answer = request.send().await?;
        let (status, headers, received) = (answer.status(), answer.headers().clone(), answer.bytes().await?);
        let mut unmetered: Value = serde_json::from_slice(&received).unwrap_or_default();
        let members = unmetered.as_object_mut();
        let consumed = members.and_then(|members| members.remove("ConsumedCapacity"));
        let units = consumed.as_ref().map_or(0.0, units);
        let is_write = ["Put", "Update", "Delete", "Write"]
            .iter()
            .any(|verb| operation.contains(verb));
        let call = Call {
            operation,
            count: 1.0,
            sent_bytes: exact(sent.len()),
            received_bytes: exact(consumed.map_or(received.len(), |_| unmetered.to_string().len())),
            read_units: if is_write { 0.0 } else { units },
            write_units: if is_write { units } else { 0.0 },
        };
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
        Ok((status, headers, received).into_response())
    }
}

/// A count or a size.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn exact(count: usize) -> f64 {
    count as f64
}

/// `DynamoDB_20120810.GetItem` without the version.
fn operation(target: &str) -> String {
    let (service, operation) = target.split_once('.').unwrap_or((target, ""));
    let service = match service.split('_').next().unwrap_or_default() {
        "AmazonSQS" => "SQS",
        "AmazonSSM" => "SSM",
        other => other,
    };
    format!("{service}.{operation}")
}

/// The units of all tables that a call touched.
fn units(consumed: &Value) -> f64 {
    match consumed {
        Value::Array(tables) => tables.iter().map(units).sum(),
        table => table["CapacityUnits"].as_f64().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_operation_is_named_by_its_service_without_the_version() {
        for (target, expected) in [
            ("DynamoDB_20120810.GetItem", "DynamoDB.GetItem"),
            ("AmazonSQS.SendMessage", "SQS.SendMessage"),
            ("AmazonSSM.GetParameter", "SSM.GetParameter"),
        ] {
            assert_eq!(operation(target), expected);
        }
    }

    #[test]
    fn units_of_all_tables_add_up() {
        for (consumed, expected) in [
            (json!([{"CapacityUnits": 2.0}, {"CapacityUnits": 0.5}]), 2.5),
            (json!({"CapacityUnits": 3.0}), 3.0),
            (Value::Null, 0.0),
        ] {
            assert!((units(&consumed) - expected).abs() < 1e-9, "{consumed}");
        }
    }
}
