//! Secrets Manager: as much of it as functions read and an operator rolls, on the JSON protocol of the AWS SDKs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use serde_json::{Value, json};

use super::server::{Server, listen};
use crate::rights::{self, Guard};
use crate::runtime::{ACCOUNT, REGION, new_request_id};

/// What Secrets Manager appends to a secret's name in its ARN: six characters.
const ARN_SUFFIX: &str = "l0cal0";

/// A Secrets Manager on loopback. Clones share it; it stops listening when the last one is dropped.
#[derive(Clone)]
pub struct SecretsManager {
    secrets: Arc<Secrets>,
    server: Arc<Server>,
}

#[derive(Default)]
struct Secrets(Mutex<BTreeMap<String, Secret>>);

/// The current version of a secret.
struct Secret {
    version: String,
    text: String,
    /// In seconds since 1970.
    created: f64,
}

impl SecretsManager {
    /// Starts on a loopback port (0 for any free one), in the current tokio runtime, without a secret. `guard` says who may
    /// read which.
    pub async fn start(port: u16, guard: Guard) -> anyhow::Result<Self> {
        let listener = listen("Secrets Manager", port).await?;
        let secrets = Arc::new(Secrets::default());
        let router = Router::new()
            .route("/", post(handle))
            .with_state(Arc::clone(&secrets));
        let router = guard.before(rights::SECRETS_MANAGER, router);
        let server = Arc::new(Server::start(listener, router)?);
        Ok(Self { secrets, server })
    }

    /// The endpoint for SDKs and the AWS CLI: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Makes a secret, or rolls it: from now on this is its current version.
    pub fn put(&self, name: &str, text: &str) {
        self.secrets.put(name, text);
    }

    /// Gives one member of every secret, all of them JSON objects, another value.
    pub fn roll(&self, member: &str, value: &str) {
        let names: Vec<String> = self.secrets.lock().keys().cloned().collect();
        for name in names {
            let mut members: Value = self
                .secrets
                .lock()
                .get(&name)
                .and_then(|secret| serde_json::from_str(&secret.text).ok())
                .unwrap_or_default();
            members[member] = Value::from(value);
            self.put(&name, &members.to_string());
        }
    }
}

impl Secrets {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Secret>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, name: &str, text: &str) -> String {
        let version = new_request_id();
        let secret = Secret {
            version: version.clone(),
            text: text.to_owned(),
            created: jiff::Timestamp::now().as_duration().as_secs_f64(),
        };
        self.lock().insert(name.to_owned(), secret);
        version
    }

    fn answer(&self, operation: &str, call: Call) -> Result<Value, Refusal> {
        match (operation, call.secret_id, call.secret_string) {
            ("ListSecrets", ..) => {
                let list = self.lock();
                let shown = list.iter().map(|(name, secret)| shown(name, secret));
                Ok(json!({ "SecretList": shown.collect::<Vec<_>>() }))
            }
            ("GetSecretValue", Some(id), _) => {
                let secrets = self.lock();
                let name = name_of(&id);
                let secret = secrets.get(name).ok_or_else(Refusal::not_found)?;
                let mut shown = shown(name, secret);
                shown["VersionId"] = secret.version.as_str().into();
                shown["VersionStages"] = json!(["AWSCURRENT"]);
                shown["SecretString"] = secret.text.as_str().into();
                Ok(shown)
            }
            ("PutSecretValue", Some(id), text) => {
                let name = name_of(&id);
                if !self.lock().contains_key(name) {
                    return Err(Refusal::not_found());
                }
                let text = text.ok_or_else(|| Refusal::parameter("SecretString is missing."))?;
                let version = self.put(name, &text);
                Ok(
                    json!({"ARN": arn(name), "Name": name, "VersionId": version, "VersionStages": ["AWSCURRENT"]}),
                )
            }
            ("GetSecretValue" | "PutSecretValue", None, _) => Err(Refusal::parameter("SecretId is missing.")),
            _ => Err(Refusal::unknown(operation)),
        }
    }
}

/// A secret without its text.
fn shown(name: &str, secret: &Secret) -> Value {
    json!({ "ARN": arn(name), "Name": name, "CreatedDate": secret.created })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Call {
    secret_id: Option<String>,
    secret_string: Option<String>,
}

/// Why a call was refused: its name and message, in the service's words.
#[derive(Debug)]
struct Refusal(&'static str, String);

impl Refusal {
    fn not_found() -> Self {
        let message = "Secrets Manager can't find the specified secret.";
        Self("ResourceNotFoundException", message.to_owned())
    }

    fn parameter(message: impl Into<String>) -> Self {
        Self("InvalidParameterException", message.into())
    }

    fn unknown(operation: &str) -> Self {
        let message = format!("The operation '{operation}' is not known here.");
        Self("UnknownOperationException", message)
    }
}

async fn handle(State(secrets): State<Arc<Secrets>>, headers: HeaderMap, body: Bytes) -> Response {
    let operation = operation(&headers);
    let call = serde_json::from_slice(&body)
        .map_err(|error| Refusal::parameter(format!("The request cannot be read: {error}")));
    let (status, body) = match call.and_then(|call| secrets.answer(operation, call)) {
        Ok(answer) => (StatusCode::OK, answer),
        Err(Refusal(kind, message)) => {
            let refusal = json!({"__type": kind, "Message": message});
            (StatusCode::BAD_REQUEST, refusal)
        }
    };
    let headers = [(header::CONTENT_TYPE, "application/x-amz-json-1.1")];
    (status, headers, body.to_string()).into_response()
}

fn operation(headers: &HeaderMap) -> &str {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    target
        .and_then(|target| target.strip_prefix("secretsmanager."))
        .unwrap_or_default()
}

/// The ARN of the secret that is called by its name or its ARN.
pub(crate) fn arn_of(id: &str) -> String {
    arn(name_of(id))
}

fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-{ARN_SUFFIX}")
}

/// The name in a name or an ARN.
fn name_of(id: &str) -> &str {
    let in_arn = id.strip_prefix("arn:aws:secretsmanager:");
    let tail = in_arn.and_then(|rest| rest.split_once(":secret:"));
    tail.map_or(id, |(_, name)| {
        name.strip_suffix(ARN_SUFFIX)
            .and_then(|name| name.strip_suffix('-'))
            .unwrap_or(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::testing;

    async fn call(manager: &SecretsManager, operation: &str, body: Value) -> (u16, Value) {
        let target = format!("secretsmanager.{operation}");
        let answer = testing::call(&manager.endpoint(), "test", &target, &body).await;
        let status = answer.status().as_u16();
        (status, answer.json().await.expect("JSON"))
    }

    #[tokio::test]
    async fn a_secret_is_read_by_name_or_arn_and_rolled() {
        let manager = SecretsManager::start(0, Guard::default()).await.expect("a port");
        manager.put("shop/dev", "{\"a\":\"1\"}");
        let (_, first) = call(&manager, "GetSecretValue", json!({"SecretId": "shop/dev"})).await;
        assert_eq!(first["SecretString"], "{\"a\":\"1\"}");
        let rolled = json!({"SecretId": "shop/dev", "SecretString": "{\"a\":\"2,1\"}"});
        assert_eq!(call(&manager, "PutSecretValue", rolled).await.0, 200);
        let (_, second) = call(&manager, "GetSecretValue", json!({"SecretId": first["ARN"]})).await;
        assert_eq!(second["SecretString"], "{\"a\":\"2,1\"}");
        assert_ne!(second["VersionId"], first["VersionId"]);
        let (_, list) = call(&manager, "ListSecrets", json!({})).await;
        assert_eq!(list["SecretList"][0]["Name"], "shop/dev");
        assert_eq!(list["SecretList"][0]["SecretString"], Value::Null);
    }

    #[tokio::test]
    async fn what_is_not_there_or_not_known_is_refused() {
        let manager = SecretsManager::start(0, Guard::default()).await.expect("a port");
        manager.put("s", "{}");
        let (status, refusal) = call(&manager, "GetSecretValue", json!({"SecretId": "other"})).await;
        assert_eq!(
            (status, refusal["__type"].as_str()),
            (400, Some("ResourceNotFoundException"))
        );
        let (_, refusal) = call(&manager, "PutSecretValue", json!({"SecretId": "s"})).await;
        assert_eq!(refusal["__type"], "InvalidParameterException");
        let (_, refusal) = call(&manager, "DeleteSecret", json!({"SecretId": "s"})).await;
        assert_eq!(refusal["__type"], "UnknownOperationException");
    }
}
