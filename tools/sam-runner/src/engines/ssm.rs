//! Parameter Store of Systems Manager: as much of it as functions read and an operator writes, on the JSON protocol of the AWS SDKs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::server::{Server, listen};
use crate::rights::{self, Guard};

/// The most bytes of a value in a parameter of the tier Standard.
const LARGEST_VALUE: usize = 4 * 1024;

/// A Parameter Store on loopback. Clones share it; it stops listening when the last one is dropped.
#[derive(Clone)]
pub struct ParameterStore {
    parameters: Arc<Parameters>,
    server: Arc<Server>,
}

/// The versions of each parameter, the first one first.
#[derive(Default)]
struct Parameters(Mutex<BTreeMap<String, Vec<Version>>>);

#[derive(Clone)]
struct Version {
    /// String, StringList or SecureString.
    kind: String,
    value: String,
    /// In seconds since 1970.
    modified: f64,
}

impl ParameterStore {
    /// Starts on a loopback port (0 for any free one), in the current tokio runtime, without a parameter. `guard` says who may
    /// read which.
    pub async fn start(port: u16, guard: Guard) -> anyhow::Result<Self> {
        let listener = listen("Systems Manager", port).await?;
        let parameters = Arc::new(Parameters::default());
        let router = Router::new()
            .route("/", post(handle))
            .with_state(Arc::clone(&parameters));
        let router = guard.before(rights::SSM, router);
        let server = Arc::new(Server::start(listener, router)?);
        Ok(Self { parameters, server })
    }

    /// The endpoint for SDKs and the AWS CLI: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Makes a SecureString, or gives it a new version.
    pub fn put(&self, name: &str, value: &str) {
        self.parameters.put(name, "SecureString", value);
    }
}

impl Parameters {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Version>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the version that this is.
    fn put(&self, name: &str, kind: &str, value: &str) -> usize {
        let version = Version {
            kind: kind.to_owned(),
            value: value.to_owned(),
            modified: jiff::Timestamp::now().as_duration().as_secs_f64(),
        };
        let mut parameters = self.lock();
        let versions = parameters.entry(name.to_owned()).or_default();
        versions.push(version);
        versions.len()
    }

    fn answer(&self, operation: &str, call: Call) -> Result<Value, Refusal> {
        match operation {
            "GetParameter" => {
                let asked = call.name.as_deref().ok_or_else(|| Refusal::absent("name"))?;
                Ok(json!({ "Parameter": self.get(asked, call.with_decryption)? }))
            }
            "GetParameters" => {
                let asked = call.names.ok_or_else(|| Refusal::absent("names"))?;
                let (found, missing): (Vec<_>, Vec<_>) = asked
                    .iter()
                    .map(|name| self.get(name, call.with_decryption).map_err(|_| name))
                    .partition(Result::is_ok);
                let found: Vec<Value> = found.into_iter().flatten().collect();
                let missing: Vec<&String> = missing.into_iter().filter_map(Result::err).collect();
                Ok(json!({ "Parameters": found, "InvalidParameters": missing }))
            }
            "DescribeParameters" => {
                let parameters = self.lock();
                let shown = parameters.iter().filter_map(|(name, versions)| {
                    let latest = versions.last()?;
                    Some(json!({
                        "Name": name, "ARN": arn_of(name), "Type": latest.kind, "Version": versions.len(),
                        "LastModifiedDate": latest.modified, "Tier": "Standard", "DataType": "text",
                    }))
                });
                Ok(json!({ "Parameters": shown.collect::<Vec<_>>() }))
            }
            "PutParameter" => self.write(call),
            "DeleteParameter" => {
                let asked = call.name.as_deref().ok_or_else(|| Refusal::absent("name"))?;
                let removed = self.lock().remove(name_of(asked));
                removed.map(|_| json!({})).ok_or_else(Refusal::not_found)
            }
            _ => Err(Refusal::unknown(operation)),
        }
    }

    /// A parameter by its name or ARN, the latest version of it or `:N`. What is secure stays encrypted unless asked for otherwise.
    fn get(&self, asked: &str, decrypted: bool) -> Result<Value, Refusal> {
        let name = name_of(asked);
        let (name, selector) = match name.rsplit_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (name, None),
        };
        let parameters = self.lock();
        let versions = parameters.get(name).ok_or_else(Refusal::not_found)?;
        let number = match selector {
            Some(number) => number.parse().map_err(|_| Refusal::no_version(name))?,
            None => versions.len(),
        };
        let version = number.checked_sub(1).and_then(|index: usize| versions.get(index));
        let Version {
            kind,
            value,
            modified,
        } = version.ok_or_else(|| Refusal::no_version(name))?;
        let is_hidden = kind == "SecureString" && !decrypted;
        let value = if is_hidden {
            BASE64.encode(&Sha256::digest(value))
        } else {
            value.clone()
        };
        let mut shown = json!({
            "Name": name, "ARN": arn_of(name), "Type": kind, "Value": value, "Version": number,
            "LastModifiedDate": modified, "DataType": "text",
        });
        if let Some(number) = selector {
            shown["Selector"] = format!(":{number}").into();
        }
        Ok(shown)
    }

    fn write(&self, call: Call) -> Result<Value, Refusal> {
        let name = call.name.ok_or_else(|| Refusal::absent("name"))?;
        let value = call.value.ok_or_else(|| Refusal::absent("value"))?;
        if value.is_empty() || value.len() > LARGEST_VALUE {
            return Err(Refusal::validation(format!(
                "Standard tier parameters support a maximum parameter value of {LARGEST_VALUE} characters, and none may be empty."
            )));
        }
        let latest = self
            .lock()
            .get(&name)
            .and_then(|versions| versions.last().cloned());
        let kind = match (latest, call.kind) {
            (Some(_), _) if !call.overwrite => return Err(Refusal::already_exists()),
            (Some(latest), None) => latest.kind,
            (_, Some(kind)) => kind,
            (None, None) => {
                let message = "A parameter type is required when you create a parameter.";
                return Err(Refusal::validation(message));
            }
        };
        if !["SecureString", "String", "StringList"].contains(&kind.as_str()) {
            return Err(Refusal(
                "UnsupportedParameterType",
                format!("{kind} is no type of a parameter."),
            ));
        }
        Ok(json!({ "Version": self.put(&name, &kind, &value), "Tier": "Standard" }))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Call {
    name: Option<String>,
    names: Option<Vec<String>>,
    value: Option<String>,
    #[serde(rename = "Type")]
    kind: Option<String>,
    #[serde(default)]
    overwrite: bool,
    #[serde(default)]
    with_decryption: bool,
}

/// Why a call was refused: its name and message, in the service's words.
#[derive(Debug)]
struct Refusal(&'static str, String);

impl Refusal {
    fn not_found() -> Self {
        Self("ParameterNotFound", String::new())
    }

    fn no_version(name: &str) -> Self {
        let message = format!(
            "Systems Manager could not find the version of {name}. Verify the version and try again."
        );
        Self("ParameterVersionNotFound", message)
    }

    fn already_exists() -> Self {
        let message = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
        Self("ParameterAlreadyExists", message.to_owned())
    }

    fn absent(member: &str) -> Self {
        Self::validation(format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
        ))
    }

    fn validation(message: impl Into<String>) -> Self {
        Self("ValidationException", message.into())
    }

    fn unknown(operation: &str) -> Self {
        let message = format!("The operation '{operation}' is not known here.");
        Self("UnknownOperationException", message)
    }
}

async fn handle(State(parameters): State<Arc<Parameters>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    let operation = target
        .and_then(|target| target.strip_prefix("AmazonSSM."))
        .unwrap_or_default();
    let call = serde_json::from_slice(&body).map_err(|error| {
        Refusal(
            "SerializationException",
            format!("The request cannot be read: {error}"),
        )
    });
    let (status, body) = match call.and_then(|call| parameters.answer(operation, call)) {
        Ok(answer) => (StatusCode::OK, answer),
        Err(Refusal(kind, message)) => (
            StatusCode::BAD_REQUEST,
            json!({"__type": kind, "message": message}),
        ),
    };
    let headers = [(header::CONTENT_TYPE, "application/x-amz-json-1.1")];
    (status, headers, body.to_string()).into_response()
}

/// The ARN of the parameter that is called by its name or its ARN, whichever version is meant.
pub(crate) fn arn_of(asked: &str) -> String {
    let name = name_of(asked);
    let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
    rights::arn("ssm", &format!("parameter/{}", name.trim_start_matches('/')))
}

/// The name in a name or an ARN, with the version where there is one. In an ARN, the `/` that a path begins with stands for the
/// one after `parameter`.
fn name_of(asked: &str) -> &str {
    let in_arn = asked.strip_prefix("arn:aws:ssm:");
    let name = in_arn.and_then(|rest| rest.split_once(":parameter"));
    name.map_or(asked, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::testing;

    async fn call(store: &ParameterStore, operation: &str, body: Value) -> (u16, Value) {
        let target = format!("AmazonSSM.{operation}");
        let answer = testing::call(&store.endpoint(), "test", &target, &body).await;
        let status = answer.status().as_u16();
        (status, answer.json().await.expect("JSON"))
    }

    #[tokio::test]
    async fn a_parameter_is_read_by_name_arn_or_version() {
        let store = ParameterStore::start(0, Guard::default()).await.expect("a port");
        let written = json!({"Name": "/shop/key", "Value": "one", "Type": "SecureString"});
        let (_, written) = call(&store, "PutParameter", written).await;
        assert_eq!(written, json!({"Version": 1, "Tier": "Standard"}));
        let rolled = json!({"Name": "/shop/key", "Value": "two", "Overwrite": true});
        assert_eq!(call(&store, "PutParameter", rolled).await.1["Version"], 2);
        let arn = "arn:aws:ssm:eu-central-1:000000000000:parameter/shop/key";
        for (name, value, version) in [
            ("/shop/key", "two", 2),
            (arn, "two", 2),
            ("/shop/key:1", "one", 1),
        ] {
            let asked = json!({"Name": name, "WithDecryption": true});
            let (_, read) = call(&store, "GetParameter", asked).await;
            let read = &read["Parameter"];
            assert_eq!(
                (&read["Value"], &read["Version"]),
                (&json!(value), &json!(version)),
                "{name}"
            );
            assert_eq!(
                (&read["Name"], &read["ARN"]),
                (&json!("/shop/key"), &json!(arn)),
                "{name}"
            );
            assert_eq!(read["Type"], "SecureString");
        }
        let asked = json!({"Names": ["/shop/key", "/shop/other"], "WithDecryption": true});
        let (_, several) = call(&store, "GetParameters", asked).await;
        assert_eq!(several["Parameters"][0]["Value"], "two");
        assert_eq!(several["InvalidParameters"], json!(["/shop/other"]));
        let (_, list) = call(&store, "DescribeParameters", json!({})).await;
        assert_eq!(list["Parameters"][0]["Version"], 2);
        assert_eq!(list["Parameters"][0]["Value"], Value::Null);
    }

    #[tokio::test]
    async fn a_secure_string_is_encrypted_unless_asked_for() {
        let store = ParameterStore::start(0, Guard::default()).await.expect("a port");
        store.put("/shop/key", "s3cret");
        for body in [
            json!({"Name": "/shop/key"}),
            json!({"Name": "/shop/key", "WithDecryption": false}),
        ] {
            let (status, read) = call(&store, "GetParameter", body).await;
            assert_eq!(status, 200);
            assert!(!read.to_string().contains("s3cret"), "{read}");
        }
        let plain = json!({"Name": "/shop/plain", "Value": "for all", "Type": "String"});
        call(&store, "PutParameter", plain).await;
        let (_, read) = call(&store, "GetParameter", json!({"Name": "/shop/plain"})).await;
        assert_eq!(read["Parameter"]["Value"], "for all");
    }

    #[tokio::test]
    async fn what_is_not_there_or_not_known_is_refused() {
        let store = ParameterStore::start(0, Guard::default()).await.expect("a port");
        store.put("/s", "one");
        for (operation, body, expected) in [
            ("GetParameter", json!({"Name": "/other"}), "ParameterNotFound"),
            (
                "GetParameter",
                json!({"Name": "/s:2"}),
                "ParameterVersionNotFound",
            ),
            ("GetParameter", json!({}), "ValidationException"),
            ("GetParameter", json!({"Name": 1}), "SerializationException"),
            ("DeleteParameter", json!({"Name": "/other"}), "ParameterNotFound"),
            (
                "PutParameter",
                json!({"Name": "/s", "Value": "two"}),
                "ParameterAlreadyExists",
            ),
            (
                "PutParameter",
                json!({"Name": "/new", "Value": "two"}),
                "ValidationException",
            ),
            (
                "PutParameter",
                json!({"Name": "/new", "Value": "x".repeat(4_097), "Type": "String"}),
                "ValidationException",
            ),
            (
                "PutParameter",
                json!({"Name": "/new", "Value": "two", "Type": "Text"}),
                "UnsupportedParameterType",
            ),
            (
                "GetParametersByPath",
                json!({"Path": "/"}),
                "UnknownOperationException",
            ),
        ] {
            let (status, refusal) = call(&store, operation, body.clone()).await;
            assert_eq!(
                (status, refusal["__type"].as_str()),
                (400, Some(expected)),
                "{operation} {body}"
            );
        }
    }
}
