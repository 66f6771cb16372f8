//! Which rights a call needs.

use super::{Denied, Guard};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;

/// A service as far as its rights go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service {
    /// How `X-Amz-Target` begins.
    target: &'static str,
    /// The rights that an operation with this body needs; `None` where the body cannot be read.
    needs: fn(&str, &[u8]) -> Option<Vec<Need>>,
    /// What a denial is answered with.
    pub(super) denied: StatusCode,
}

/// An action and the ARN of what it is done to.
type Need = (String, String);

/// Transactions and batches are authorised by what they do to their items.
pub(crate) const DYNAMODB: Service = Service {
    target: "DynamoDB_20120810.",
    needs: of_dynamodb,
    denied: StatusCode::BAD_REQUEST,
};
pub(crate) const SQS: Service = Service {
    target: "AmazonSQS.",
    needs: of_sqs,
    denied: StatusCode::FORBIDDEN,
};
pub(crate) const SSM: Service = Service {
    target: "AmazonSSM.",
    needs: of_ssm,
    denied: StatusCode::BAD_REQUEST,
};

impl Service {
    /// Whether the caller may make this call.
    ///
    /// # Errors
    /// [`Denied`].
    pub(super) fn check(&self, guard: &Guard, caller: &str, target: &str, body: &[u8]) -> Result<(), Denied> {
        let operation = target.strip_prefix(self.target);
        // What cannot be read is the engine's to refuse; nothing is done by it.
        let needs = operation.and_then(|operation| (self.needs)(operation, body));
        needs
            .iter()
            .flatten()
            .try_for_each(|(action, resource)| guard.check(caller, action, resource))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TableCall<'a> {
    #[serde(borrow)]
    table_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    index_name: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    transact_items: Vec<HashMap<&'a str, ItemCall<'a>>>,
    #[serde(default, borrow)]
    request_items: HashMap<String, &'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ItemCall<'a> {
    #[serde(borrow)]
    table_name: Cow<'a, str>,
}

fn of_dynamodb(operation: &str, body: &[u8]) -> Option<Vec<Need>> {
    let call: TableCall<'_> = serde_json::from_slice(body).ok()?;
    let need = |action: &str, table: &str| (format!("dynamodb:{action}"), table_arn(table));
    let mut needs: Vec<Need> = Vec::new();
    for (kind, item) in call.transact_items.iter().flatten() {
        needs.push(need(&format!("{kind}Item"), &item.table_name));
    }
    needs.extend(call.request_items.keys().map(|table| need(operation, table)));
    match (&call.table_name, &call.index_name) {
        (Some(table), Some(index)) => {
            needs.push((
                format!("dynamodb:{operation}"),
                format!("{}/index/{index}", table_arn(table)),
            ));
        }
        (Some(table), None) => needs.push(need(operation, table)),
        (None, _) if needs.is_empty() => needs.push((format!("dynamodb:{operation}"), "*".to_owned())),
        (None, _) => {}
    }
    Some(needs)
}

/// A table is named by its name or its ARN.
fn table_arn(table: &str) -> String {
    if table.starts_with("arn:") {
        table.to_owned()
    } else {
        super::arn("dynamodb", &format!("table/{table}"))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueueCall<'a> {
    #[serde(borrow)]
    queue_url: Option<Cow<'a, str>>,
}

fn of_sqs(operation: &str, body: &[u8]) -> Option<Vec<Need>> {
    let call: QueueCall<'_> = serde_json::from_slice(body).ok()?;
    let queue = call.queue_url.as_deref().and_then(|url| url.rsplit('/').next());
    let resource = queue.map_or_else(|| "*".to_owned(), |queue| super::arn("sqs", queue));
    // A batch is allowed by the right to do one of it.
    let action = operation.strip_suffix("Batch").unwrap_or(operation);
    Some(vec![(format!("sqs:{action}"), resource)])
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ParameterCall<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    names: Vec<Cow<'a, str>>,
}

fn of_ssm(operation: &str, body: &[u8]) -> Option<Vec<Need>> {
    let call: ParameterCall<'_> = serde_json::from_slice(body).ok()?;
    let need = |resource| (format!("ssm:{operation}"), resource);
    let mut needs: Vec<Need> = call
        .name
        .iter()
        .chain(&call.names)
        .map(|name| need(crate::engines::ssm::arn_of(name)))
        .collect();
    if needs.is_empty() {
        needs.push(need("*".to_owned()));
    }
    Some(needs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(needs: fn(&str, &[u8]) -> Option<Vec<Need>>, operation: &str, body: &Value) -> Vec<Need> {
        let mut needs = needs(operation, body.to_string().as_bytes()).expect("readable");
        needs.sort();
        needs
    }

    fn need(action: &str, resource: &str) -> Need {
        (action.to_owned(), format!("arn:aws:{resource}"))
    }

    #[test]
    fn a_call_needs_its_action_on_its_table_or_index() {
        let table = "dynamodb:eu-central-1:000000000000:table/T";
        let get = of(
            of_dynamodb,
            "GetItem",
            &json!({"TableName": "T", "Key": {"a": {"S": "\u{e4}\""}}}),
        );
        assert_eq!(get, [need("dynamodb:GetItem", table)]);
        let query = of(
            of_dynamodb,
            "Query",
            &json!({"TableName": "T", "IndexName": "due"}),
        );
        assert_eq!(query, [need("dynamodb:Query", &format!("{table}/index/due"))]);
        let list = of(of_dynamodb, "ListTables", &json!({}));
        assert_eq!(list, [("dynamodb:ListTables".to_owned(), "*".to_owned())]);
        let batch = of(
            of_dynamodb,
            "BatchGetItem",
            &json!({"RequestItems": {"T": {"Keys": []}}}),
        );
        assert_eq!(batch, [need("dynamodb:BatchGetItem", table)]);
    }

    #[test]
    fn a_transaction_needs_what_it_does_to_its_items() {
        let items = json!({"TransactItems": [
            {"Put": {"TableName": "T", "Item": {}}}, {"Update": {"TableName": "U", "Key": {}}},
            {"ConditionCheck": {"TableName": "T"}}, {"Delete": {"TableName": "U"}},
        ]});
        let table = |name| format!("dynamodb:eu-central-1:000000000000:table/{name}");
        assert_eq!(
            of(of_dynamodb, "TransactWriteItems", &items),
            [
                need("dynamodb:ConditionCheckItem", &table("T")),
                need("dynamodb:DeleteItem", &table("U")),
                need("dynamodb:PutItem", &table("T")),
                need("dynamodb:UpdateItem", &table("U")),
            ]
        );
    }

    #[test]
    fn a_parameter_needs_its_action_on_itself_alone() {
        let parameter = |name| format!("ssm:eu-central-1:000000000000:parameter/{name}");
        let arn = format!("arn:aws:{}", parameter("shop/key"));
        for name in ["/shop/key", "/shop/key:3", &arn] {
            let get = of(
                of_ssm,
                "GetParameter",
                &json!({"Name": name, "WithDecryption": true}),
            );
            assert_eq!(get, [need("ssm:GetParameter", &parameter("shop/key"))], "{name}");
        }
        assert_eq!(
            of(of_ssm, "GetParameters", &json!({"Names": ["/shop/b", "a"]})),
            ["a", "shop/b"].map(|name| need("ssm:GetParameters", &parameter(name)))
        );
        let list = of(of_ssm, "DescribeParameters", &json!({}));
        assert_eq!(list, [("ssm:DescribeParameters".to_owned(), "*".to_owned())]);
    }

    #[test]
    fn a_batch_of_messages_needs_what_one_needs() {
        let url = "http://127.0.0.1:3004/000000000000/Q";
        for operation in ["SendMessage", "SendMessageBatch"] {
            assert_eq!(
                of(of_sqs, operation, &json!({"QueueUrl": url})),
                [need("sqs:SendMessage", "sqs:eu-central-1:000000000000:Q")]
            );
        }
    }
}
