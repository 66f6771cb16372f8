//! A proxy before an engine that counts calls, bytes and DynamoDB's capacity units.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sam_runner::engines::http_client;
use sam_runner::engines::server::{Server, listen};
use serde_json::Value;

use crate::figures::Call;

/// A proxy that counts by operation. It closes when dropped.
pub(crate) struct Tally {
    shared: Arc<Shared>,
    server: Server,
}

struct Shared {
    engine: String,
    client: reqwest::Client,
    counted: Mutex<BTreeMap<String, Call>>,
}

impl Tally {
    /// Opens one before the engine at `endpoint`. It asks DynamoDB for the consumed capacity of each call, which the function does not.
    pub(crate) async fn before(endpoint: &str) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            engine: endpoint.to_owned(),
            client: http_client()?,
            counted: Mutex::default(),
        });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let server = Server::start(listen("the tally", 0).await?, router)?;
        Ok(Self { shared, server })
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// What was counted since the last time, one entry for each operation, such as `DynamoDB.GetItem`.
    pub(crate) fn take(&self) -> Vec<Call> {
        let mut counted = self.shared.counted.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *counted).into_values().collect()
    }
}

async fn pass(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    match shared.pass(headers, body).await {
        Ok(answer) => answer,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

impl Shared {
    async fn pass(&self, mut headers: HeaderMap, body: Bytes) -> anyhow::Result<Response> {
        let target = headers
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok());
        let operation = operation(target.unwrap_or("unknown"));
        let sent_bytes = size(&body);
        let body = if operation.starts_with("DynamoDB") {
            metered(&body)?
        } else {
            body
        };
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::HOST);
        let request = self.client.post(&self.engine).headers(headers).body(body);
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await?;
        let mut value: Value = serde_json::from_slice(&body).unwrap_or_default();
        let consumed = value
            .as_object_mut()
            .and_then(|answer| answer.remove("ConsumedCapacity"));
        let units = units(consumed.as_ref());
        let writes = ["Put", "Update", "Delete", "Write"];
        let is_write = writes.iter().any(|verb| operation.contains(verb));
        let call = Call {
            operation,
            count: 1.0,
            sent_bytes,
            received_bytes: consumed.map_or(size(&body), |_| size(value.to_string().as_bytes())),
            read_units: if is_write { 0.0 } else { units },
            write_units: if is_write { units } else { 0.0 },
        };
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        add(&mut counted, call);
        Ok((status, headers, body).into_response())
    }
}

/// Adds a call to those of its operation.
pub(crate) fn add(calls: &mut BTreeMap<String, Call>, more: Call) {
    match calls.get_mut(&more.operation) {
        None => drop(calls.insert(more.operation.clone(), more)),
        Some(sum) => {
            sum.count += more.count;
            sum.sent_bytes += more.sent_bytes;
            sum.received_bytes += more.received_bytes;
            sum.read_units += more.read_units;
            sum.write_units += more.write_units;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes far below 2^52")]
fn size(body: &[u8]) -> f64 {
    body.len() as f64
}

/// `DynamoDB_20120810.GetItem` without the version.
fn operation(target: &str) -> String {
    let (service, operation) = target.split_once('.').unwrap_or((target, ""));
    let service = match service.split('_').next() {
        Some("AmazonSQS") => "SQS",
        Some("secretsmanager") => "SecretsManager",
        Some(other) => other,
        None => service,
    };
    format!("{service}.{operation}")
}

/// The same call, asking what it consumes.
fn metered(body: &Bytes) -> anyhow::Result<Bytes> {
    let mut call: Value = serde_json::from_slice(body)?;
    call["ReturnConsumedCapacity"] = "TOTAL".into();
    Ok(call.to_string().into())
}

/// The units of all tables that a call touched.
fn units(consumed: Option<&Value>) -> f64 {
    match consumed {
        Some(Value::Array(tables)) => tables.iter().map(|table| units(Some(table))).sum(),
        Some(table) => table["CapacityUnits"].as_f64().unwrap_or_default(),
        None => 0.0,
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
            ("secretsmanager.GetSecretValue", "SecretsManager.GetSecretValue"),
        ] {
            assert_eq!(operation(target), expected);
        }
    }

    #[test]
    fn units_of_all_tables_add_up() {
        assert!((units(Some(&json!([{"CapacityUnits": 2.0}, {"CapacityUnits": 0.5}]))) - 2.5).abs() < 1e-9);
        assert!((units(Some(&json!({"CapacityUnits": 3.0}))) - 3.0).abs() < 1e-9);
        assert!(units(None).abs() < 1e-9);
    }
}
