//! A proxy before an engine that counts what goes through it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sam_runner::engines::server::{Server, listen};
use serde_json::Value;

/// What DynamoDB takes and gives at most.
const LARGEST: usize = 17 * 1024 * 1024;

/// Calls of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tallied {
    pub(crate) calls: usize,
    pub(crate) sent_bytes: usize,
    pub(crate) received_bytes: usize,
    /// As DynamoDB bills them.
    pub(crate) read_units: f64,
    /// As DynamoDB bills them.
    pub(crate) write_units: f64,
}

impl Tallied {
    /// Adds those calls to these.
    pub(crate) fn add(&mut self, more: &Self) {
        self.calls += more.calls;
        self.sent_bytes += more.sent_bytes;
        self.received_bytes += more.received_bytes;
        self.read_units += more.read_units;
        self.write_units += more.write_units;
    }
}

/// A proxy that counts, by operation. It closes when dropped.
pub(crate) struct Tally {
    shared: Arc<Shared>,
    server: Server,
}

struct Shared {
    engine: String,
    client: Client<HttpConnector, Full<Bytes>>,
    counted: Mutex<BTreeMap<String, Tallied>>,
}

impl Tally {
    /// Opens one before the engine at `endpoint`. Of DynamoDB it asks what each call consumes, which the function did not.
    pub(crate) async fn before(endpoint: &str) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            engine: endpoint.to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            counted: Mutex::default(),
        });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let server = Server::start(listen("the tally", 0).await?, router)?;
        Ok(Self { shared, server })
    }

    /// Its endpoint, for SDKs.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// What was counted since the last time, by operation, such as `DynamoDB.GetItem`.
    pub(crate) fn take(&self) -> BTreeMap<String, Tallied> {
        std::mem::take(&mut self.shared.counted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match shared.pass(request).await {
        Ok(answer) => answer,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

impl Shared {
    async fn pass(&self, request: Request) -> anyhow::Result<Response> {
        let (mut parts, body) = request.into_parts();
        let body = to_bytes(body, LARGEST).await?;
        let target = parts
            .headers
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok());
        let operation = operation(target.unwrap_or("unknown"));
        let mut tallied = Tallied {
            calls: 1,
            sent_bytes: body.len(),
            ..Tallied::default()
        };
        let body = if operation.starts_with("DynamoDB") {
            metered(&body)?
        } else {
            body
        };
        parts.uri = format!("{}/", self.engine).parse()?;
        parts.headers.insert(header::CONTENT_LENGTH, body.len().into());
        let answer = self
            .client
            .request(hyper::Request::from_parts(parts, Full::new(body)))
            .await?;
        let (head, body) = answer.into_parts();
        let body = to_bytes(Body::new(body), LARGEST).await?;
        let mut told: Value = serde_json::from_slice(&body).unwrap_or_default();
        let consumed = told
            .as_object_mut()
            .and_then(|told| told.remove("ConsumedCapacity"));
        tallied.received_bytes = if consumed.is_some() {
            told.to_string().len()
        } else {
            body.len()
        };
        let units = units(consumed.as_ref());
        if is_write(&operation) {
            tallied.write_units = units;
        } else {
            tallied.read_units = units;
        }
        self.add(operation, tallied);
        Ok(Response::from_parts(head, Body::from(body)))
    }

    fn add(&self, operation: String, more: Tallied) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.entry(operation).or_default().add(&more);
    }
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

fn is_write(operation: &str) -> bool {
    ["Put", "Update", "Delete", "Write"]
        .iter()
        .any(|verb| operation.contains(verb))
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
    fn an_operation_is_named_by_its_service_and_without_the_version() {
        assert_eq!(operation("DynamoDB_20120810.GetItem"), "DynamoDB.GetItem");
        assert_eq!(operation("AmazonSQS.SendMessage"), "SQS.SendMessage");
        assert_eq!(
            operation("secretsmanager.GetSecretValue"),
            "SecretsManager.GetSecretValue"
        );
    }

    #[test]
    fn units_of_all_tables_add_up() {
        assert!((units(Some(&json!([{"CapacityUnits": 2.0}, {"CapacityUnits": 0.5}]))) - 2.5).abs() < 1e-9);
        assert!((units(Some(&json!({"CapacityUnits": 3.0}))) - 3.0).abs() < 1e-9);
        assert!(units(None).abs() < 1e-9);
    }
}
