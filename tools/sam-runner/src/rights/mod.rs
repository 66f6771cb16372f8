//! What functions may do: each what its role in the template says, and nothing else, as in AWS.
//!
//! The processes of a function sign their calls with the function's id as the access key. Whoever signs with another key,
//! or not at all, is the account's owner: a developer, the tests, the local world itself.

mod front;
mod needs;
mod pattern;

pub use front::Front;
pub(crate) use needs::{DYNAMODB, SQS, SSM, Service};

use crate::runtime::{ACCOUNT, REGION};
use crate::template::{Function, Role};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// DynamoDB's limit, the highest of the engines.
const LARGEST_REQUEST: usize = 16 * 1024 * 1024;

/// Enforces the functions' roles and records their calls. Clones share it. Until it knows the functions, everybody is
/// the account's owner.
#[derive(Debug, Clone, Default)]
pub struct Guard(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// By the functions' ids, which are their access keys.
    roles: OnceLock<HashMap<String, Role>>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    allowed: BTreeSet<Use>,
    denied: BTreeSet<Use>,
}

/// Something that a function did, or wanted to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The function's id in the template.
    pub function: String,
    /// Such as `dynamodb:GetItem`.
    pub action: String,
    /// The ARN of what it was done to.
    pub resource: String,
}

impl Use {
    /// Whether this, as a role has it, allows what was `done`.
    fn covers(&self, done: &Self) -> bool {
        self.function == done.function
            && pattern::fits(&self.action, &done.action, true)
            && pattern::fits(&self.resource, &done.resource, false)
    }
}

/// A function wanted to do what its role does not allow, in the words of AWS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "User: arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{} is not authorized to perform: {} on resource: {} because no \
     identity-based policy allows the {} action",
    .wanted.function, .wanted.action, .wanted.resource, .wanted.action
)]
pub struct Denied {
    role: String,
    wanted: Use,
}

impl Denied {
    /// What the caller is answered, in JSON.
    fn body(&self) -> String {
        json!({"__type": "com.amazon.coral.service#AccessDeniedException", "Message": self.to_string()})
            .to_string()
    }
}

impl Guard {
    /// From now on these functions may do what their roles allow. Only the first call counts.
    pub fn hold(&self, functions: &[Function]) {
        let roles = functions
            .iter()
            .map(|function| (function.id.clone(), function.role.clone()));
        // A world holds its functions once.
        let _ = self.0.roles.set(roles.collect());
    }

    /// Whether `caller`, a function's id or any other access key, may do `action` to `resource`.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn check(&self, caller: &str, action: &str, resource: &str) -> Result<(), Denied> {
        let Some(role) = self.0.roles.get().and_then(|roles| roles.get(caller)) else {
            return Ok(());
        };
        let wanted = Use {
            function: caller.to_owned(),
            action: action.to_owned(),
            resource: resource.to_owned(),
        };
        if role.allows(action, resource) {
            self.seen().allowed.insert(wanted);
            return Ok(());
        }
        self.seen().denied.insert(wanted.clone());
        let role = role.id.clone();
        Err(Denied { role, wanted })
    }

    /// Whether the functions may work off their queues. AWS polls them by the functions' own rights.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn check_sources(&self, functions: &[Function]) -> Result<(), Denied> {
        for function in functions {
            for source in &function.queues {
                let queue = arn("sqs", &source.queue);
                for action in [
                    "sqs:ReceiveMessage",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes",
                ] {
                    self.check(&function.id, action, &queue)?;
                }
            }
        }
        Ok(())
    }

    /// The service with this guard before it.
    pub(crate) fn before(&self, service: Service, router: Router) -> Router {
        router.layer(from_fn_with_state((self.clone(), service), admit))
    }

    /// What functions did.
    pub fn allowed(&self) -> BTreeSet<Use> {
        self.seen().allowed.clone()
    }

    /// What functions wanted to do and were refused.
    pub fn denied(&self) -> BTreeSet<Use> {
        self.seen().denied.clone()
    }

    /// What roles allow and no function did so far: each action of a statement with each of its resources, as it is written.
    pub fn unused(&self) -> BTreeSet<Use> {
        let seen = self.seen();
        let roles = self.0.roles.get().into_iter().flatten();
        let granted = roles.flat_map(|(function, role)| role.grants(function));
        granted
            .filter(|granted| !seen.allowed.iter().any(|done| granted.covers(done)))
            .collect()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Role {
    /// Each action with each resource, as they are written.
    fn grants(&self, function: &str) -> impl Iterator<Item = Use> {
        self.statements.iter().flat_map(move |statement| {
            statement.actions.iter().flat_map(move |action| {
                statement.resources.iter().map(move |resource| Use {
                    function: function.to_owned(),
                    action: action.clone(),
                    resource: resource.clone(),
                })
            })
        })
    }

    /// Whether a statement allows it. Actions know no case.
    pub fn allows(&self, action: &str, resource: &str) -> bool {
        self.statements.iter().any(|statement| {
            let fits = |all: &[String], one: &str, ignore_case| {
                all.iter().any(|own| pattern::fits(own, one, ignore_case))
            };
            fits(&statement.actions, action, true) && fits(&statement.resources, resource, false)
        })
    }
}

async fn admit(State((guard, service)): State<(Guard, Service)>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let header = |name| {
        let value = parts.headers.get(name);
        value
            .and_then(|value: &HeaderValue| value.to_str().ok())
            .unwrap_or_default()
    };
    let caller = access_key(header("authorization"));
    match service.check(&guard, caller, header("x-amz-target"), &body) {
        Err(denied) => (service.denied, denied.body()).into_response(),
        Ok(()) => next.run(Request::from_parts(parts, Body::from(body))).await,
    }
}

/// The access key that a request is signed with, by its `Authorization`; empty where there is none.
fn access_key(signature: &str) -> &str {
    let credential = signature.split_once("Credential=");
    credential
        .and_then(|(_, scope)| scope.split('/').next())
        .unwrap_or_default()
}

pub(crate) fn arn(service: &str, name: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Statement;

    fn role() -> Role {
        let statement = |actions: &[&str], resources: &[&str]| Statement {
            sid: String::new(),
            actions: actions.iter().map(ToString::to_string).collect(),
            resources: resources.iter().map(ToString::to_string).collect(),
        };
        Role {
            id: "R".to_owned(),
            statements: vec![
                statement(&["dynamodb:GetItem", "dynamodb:Put*"], &["arn:t"]),
                statement(&["sqs:SendMessage"], &["arn:q-??"]),
            ],
        }
    }

    #[test]
    fn a_role_allows_what_one_of_its_statements_says() {
        let role = role();
        for (action, resource, allowed) in [
            ("dynamodb:GetItem", "arn:t", true),
            ("dynamodb:getitem", "arn:t", true),
            ("dynamodb:PutItem", "arn:t", true),
            ("dynamodb:DeleteItem", "arn:t", false),
            ("dynamodb:GetItem", "arn:t/index/due", false),
            ("dynamodb:GetItem", "arn:T", false),
            ("sqs:SendMessage", "arn:q-12", true),
            ("sqs:SendMessage", "arn:q-1", false),
            ("sqs:SendMessage", "arn:t", false),
        ] {
            assert_eq!(role.allows(action, resource), allowed, "{action} {resource}");
        }
    }

    #[test]
    fn functions_are_held_and_remembered_and_others_are_free() {
        let guard = Guard::default();
        assert_eq!(
            guard.check("F", "sqs:Purge", "arn:t"),
            Ok(()),
            "before there are functions"
        );
        let roles = HashMap::from([("F".to_owned(), role())]);
        guard.0.roles.set(roles).expect("once");
        assert_eq!(guard.check("F", "dynamodb:GetItem", "arn:t"), Ok(()));
        assert_eq!(guard.check("test", "sqs:Purge", "arn:t"), Ok(()));
        let denied = guard
            .check("F", "sqs:Purge", "arn:t")
            .expect_err("denied")
            .to_string();
        assert_eq!(
            denied,
            "User: arn:aws:sts::000000000000:assumed-role/R/F is not authorized to perform: sqs:Purge on resource: arn:t \
             because no identity-based policy allows the sqs:Purge action"
        );
        let actions = |uses: BTreeSet<Use>| uses.into_iter().map(|seen| seen.action).collect::<Vec<_>>();
        assert_eq!(actions(guard.allowed()), ["dynamodb:GetItem"]);
        assert_eq!(actions(guard.denied()), ["sqs:Purge"]);
        assert_eq!(actions(guard.unused()), ["dynamodb:Put*", "sqs:SendMessage"]);
    }

    #[test]
    fn the_caller_is_the_access_key_of_the_signature() {
        assert_eq!(access_key(""), "");
        let signature = "AWS4-HMAC-SHA256 Credential=CheckoutFunction/20261121/eu-central-1/dynamodb/aws4_request, \
                         SignedHeaders=host, Signature=00";
        assert_eq!(access_key(signature), "CheckoutFunction");
    }
}
