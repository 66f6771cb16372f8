//! The engines through the AWS SDK, as the functions use them, and after a kill.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error is to stop there and then"
)]

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, MessageAttributeValue, MessageSystemAttributeName,
    MessageSystemAttributeNameForSends, MessageSystemAttributeValue, SendMessageBatchRequestEntry,
};
use sam_runner::engines::dynamodb::DynamoDb;
use sam_runner::engines::sqs::{QueueAttributes, Redrive, Sqs};
use serde_json::{Value, json};

/// Where the child process that is to be killed keeps its data.
const DATA: &str = "SAM_RUNNER_TEST_DATA";
const QUEUE: &str = "orders";
const DEAD: &str = "orders-dead";

fn stock() -> Value {
    json!({
        "TableName": "Stock",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "sku", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "sku", "KeyType": "HASH" }]
    })
}

fn sqs_client(endpoint: &str) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_sqs::Client::from_conf(config.build())
}

fn dynamodb_client(endpoint: &str) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

fn piece(sku: &str, available: u32) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("sku".to_owned(), AttributeValue::S(sku.to_owned())),
        ("available".to_owned(), AttributeValue::N(available.to_string())),
    ])
}

async fn queues(data: Option<&Path>) -> Sqs {
    let sqs = Sqs::start(0, data).await.unwrap();
    sqs.create_queue(DEAD, QueueAttributes::default());
    let redrive = Some(Redrive {
        target_queue: DEAD.into(),
        max_receive_count: 2,
    });
    sqs.create_queue(
        QUEUE,
        QueueAttributes {
            redrive,
            ..QueueAttributes::default()
        },
    );
    sqs
}

/// The SDK checks every MD5 sum by itself: an answer that comes through had the right ones.
#[tokio::test]
async fn the_sdk_sends_receives_and_deletes() {
    let sqs = queues(None).await;
    let client = sqs_client(&sqs.endpoint());
    let find = client.get_queue_url().queue_name(QUEUE);
    let url = find.send().await.unwrap().queue_url.unwrap();
    let text = MessageAttributeValue::builder().data_type("String");
    let text = text.string_value("grün").build().unwrap();
    let trace = MessageSystemAttributeValue::builder().data_type("String");
    let trace = trace.string_value("Root=1-a-b").build().unwrap();
    let send = client.send_message().queue_url(&url);
    let send = send.message_body("{\"order_id\":\"A\"}");
    let send = send.message_attributes("colour", text);
    let header = MessageSystemAttributeNameForSends::AwsTraceHeader;
    let send = send.message_system_attributes(header, trace);
    send.send().await.unwrap();
    let mut batch = client.send_message_batch().queue_url(&url);
    for id in ["b", "c"] {
        let entry = SendMessageBatchRequestEntry::builder().id(id);
        batch = batch.entries(entry.message_body(id).build().unwrap());
    }
    assert_eq!(batch.send().await.unwrap().successful.len(), 2);
    let receive = client.receive_message().queue_url(&url);
    let receive = receive.max_number_of_messages(10).wait_time_seconds(1);
    let receive = receive.message_attribute_names("All");
    let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
    let messages = receive.send().await.unwrap().messages.unwrap();
    assert_eq!(messages.len(), 3);
    assert_eq!(
        messages[0].message_attributes().unwrap()["colour"].string_value(),
        Some("grün")
    );
    assert_eq!(
        messages[0].attributes().unwrap()[&MessageSystemAttributeName::AwsTraceHeader],
        "Root=1-a-b"
    );
    let mut delete = client.delete_message_batch().queue_url(&url);
    for (id, message) in messages.iter().enumerate() {
        let entry = DeleteMessageBatchRequestEntry::builder().id(id.to_string());
        let entry = entry.receipt_handle(message.receipt_handle().unwrap());
        delete = delete.entries(entry.build().unwrap());
    }
    assert_eq!(delete.send().await.unwrap().successful.len(), 3);
    let send = client.send_message().queue_url("http://x/0/nowhere");
    let error = send.message_body("x").send().await.unwrap_err();
    assert!(error.into_service_error().is_queue_does_not_exist());
}

#[tokio::test]
async fn the_sdk_reads_what_a_failed_condition_met() {
    let engine = DynamoDb::start(0, None).await.unwrap();
    engine.create_table(&stock()).unwrap();
    let client = dynamodb_client(&engine.endpoint());
    let put = || {
        Put::builder()
            .table_name("Stock")
            .set_item(Some(piece("A", 3)))
            .condition_expression("attribute_not_exists(sku)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .unwrap()
    };
    let write = || {
        client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(put()).build())
    };
    write().send().await.unwrap();
    let error = write().send().await.unwrap_err().into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        panic!("{error}")
    };
    let reason = &cancelled.cancellation_reasons()[0];
    assert_eq!(reason.code(), Some("ConditionalCheckFailed"));
    assert_eq!(reason.item().unwrap()["available"], AttributeValue::N("3".into()));
}

/// Runs the engines in a process of their own, which is then killed without warning.
struct Victim {
    child: Child,
    /// Of DynamoDB and SQS.
    endpoints: Vec<String>,
}

impl Victim {
    fn start(data: &Path) -> Victim {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture"])
            .arg("the_process_that_is_killed")
            .env(DATA, data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let endpoints = lines
            .filter_map(|line| Some(line.split_once("ENDPOINT ")?.1.to_owned()))
            .take(2)
            .collect();
        Victim { child, endpoints }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test]
#[ignore = "a part of the test below, in a process of its own"]
async fn the_process_that_is_killed() {
    let Some(data) = std::env::var_os(DATA) else {
        return;
    };
    let data = Path::new(&data);
    let engine = DynamoDb::start(0, Some(data)).await.unwrap();
    engine.create_table(&stock()).unwrap();
    let sqs = queues(Some(data)).await;
    // The first follows "test the_process_that_is_killed ... " on its line.
    for endpoint in [engine.endpoint(), sqs.endpoint()] {
        println!("ENDPOINT {endpoint}");
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let victim = Victim::start(data.path());
    let [dynamodb, sqs] = victim.endpoints.as_slice() else {
        panic!("it did not start")
    };
    let stock = dynamodb_client(dynamodb);
    for n in 0..20 {
        let put = stock.put_item().table_name("Stock");
        put.set_item(Some(piece("A", n))).send().await.unwrap();
    }
    let client = sqs_client(sqs);
    let url = format!("{sqs}/000000000000/{QUEUE}");
    for body in ["first", "second"] {
        let send = client.send_message().queue_url(&url);
        send.message_body(body).send().await.unwrap();
    }
    let receive = client.receive_message().queue_url(&url);
    let received = receive.visibility_timeout(0).send().await.unwrap();
    assert_eq!(received.messages.unwrap()[0].body(), Some("first"));
    victim.kill();

    let engine = DynamoDb::start(0, Some(data.path())).await.unwrap();
    let left = dynamodb_client(&engine.endpoint()).get_item().table_name("Stock");
    let left = left.key("sku", AttributeValue::S("A".into()));
    let left = left.send().await.unwrap();
    assert_eq!(left.item.unwrap()["available"], AttributeValue::N("19".into()));
    let sqs = queues(Some(data.path())).await;
    let messages = sqs.receive(QUEUE, 10, Duration::ZERO).await;
    // A standard queue keeps no order: what was received once is behind what never was.
    let seen: BTreeSet<_> = messages
        .iter()
        .map(|m| (m.body.as_str(), m.attributes["ApproximateReceiveCount"].as_str()))
        .collect();
    assert_eq!(seen, BTreeSet::from([("first", "2"), ("second", "1")]));
}
