use std::time::Duration;

use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, SharedHttpClient,
};
use aws_smithy_http_client::Connector;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use lambda_kit::trace;
use proptest::prelude::*;
use sam_runner::engines::sqs::{QueueAttributes, Sqs};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;

/// A queue that answers every call alike, and the bodies of the calls.
async fn queue_answering(status: u16, answer: &'static str) -> (SqsOrderQueue, UnboundedReceiver<Value>) {
    let (seen, received) = unbounded_channel();
    let take = async move |body: String| {
        seen.send(serde_json::from_str(&body).expect("JSON"))
            .expect("received");
        let status = StatusCode::from_u16(status).expect("a status");
        (status, [("content-type", "application/x-amz-json-1.0")], answer)
    };
    (queue(Router::new().route("/", post(take))).await, received)
}

async fn queue(router: Router) -> SqsOrderQueue {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let timeouts = TimeoutConfig::builder().operation_timeout(Duration::from_millis(500));
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts.build())
        .http_client(plain_http())
        .endpoint_url(&endpoint)
        .build();
    SqsOrderQueue::new(config, format!("{endpoint}/000000000000/orders"))
}

fn plain_http() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_with_connector_fn(|_, _| Connector::builder().build_http())
}

#[tokio::test]
async fn a_message_carries_the_orders_id_and_nothing_else() {
    let (queue, mut received) = queue_answering(200, "{\"MessageId\": \"m1\"}").await;
    let id = OrderId::for_key("key");
    queue.send(id).await.expect("sent");
    let call = received.recv().await.expect("a call");
    let url = call["QueueUrl"].as_str().expect("a URL");
    assert!(url.ends_with("/000000000000/orders"), "{url}");
    assert_eq!(call["MessageBody"], format!("{{\"order_id\":\"{id}\"}}"));
    let mut members: Vec<_> = call.as_object().expect("an object").keys().collect();
    members.sort();
    assert_eq!(members, ["MessageBody", "QueueUrl"]);
}

#[tokio::test]
async fn what_the_queue_did_not_confirm_is_an_error() {
    let id = OrderId::for_key("key");
    for (status, answer) in [
        (500, "{}"),
        (400, "{\"__type\": \"com.amazonaws.sqs#QueueDoesNotExist\"}"),
        (200, "nonsense"),
    ] {
        let (queue, _received) = queue_answering(status, answer).await;
        assert!(queue.send(id).await.is_err(), "{status} {answer}");
    }
    let silent = queue(Router::new().route("/", post(std::future::pending::<&'static str>))).await;
    assert!(silent.send(id).await.is_err());
}

#[test]
fn a_message_reads_back() {
    let id = OrderId::for_key("key");
    let body = message(id).expect("a message");
    assert_eq!(body, format!("{{\"order_id\":\"{id}\"}}"));
    assert_eq!(parse_message(&body), Ok(id));
}

#[test]
fn what_names_no_order_is_refused() {
    let id = OrderId::for_key("key");
    let long = format!("{{\"order_id\":\"{id}\"{}}}", " ".repeat(LONGEST_MESSAGE));
    let more = format!("{{\"order_id\":\"{id}\",\"name\":\"Ada\"}}");
    let twice = format!("{{\"order_id\":\"{id}\",\"order_id\":\"{id}\"}}");
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "{\"order_id\":7}",
        "{\"order_id\":\"x\"}",
        &more,
        &twice,
        &long,
    ] {
        assert_eq!(parse_message(body), Err(NotAMessage), "{body}");
    }
}

proptest! {
    #[test]
    fn no_text_is_too_odd_to_be_refused(body in any::<String>(), near in "\\{\"order_id\":\"[0-9A-Zil \\\\u\"]{20,30}\"?\\}?") {
        prop_assert_eq!(parse_message(&body), Err(NotAMessage));
        if let Ok(id) = parse_message(&near) {
            prop_assert!(near.contains(id.as_str()));
        }
    }
}

#[tokio::test]
async fn a_message_carries_the_trace_of_its_invocation() {
    let sqs = Sqs::start(0, None).await.expect("SQS");
    let queue = sqs.create_queue("orders", QueueAttributes::default());
    let config = aws_config::SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "t", "t", None, None, "t",
        )))
        .http_client(plain_http())
        .endpoint_url(sqs.endpoint())
        .build();
    let orders = SqsOrderQueue::new(lambda_kit::traced!(aws_sdk_sqs, &config), queue.url);
    let id = OrderId::for_key("key");
    let root = "Root=1-67891233-abcdef012345678912345678";
    trace::scope(Some(root.to_owned()), orders.send(id))
        .await
        .expect("sent");
    trace::scope(None, orders.send(id)).await.expect("sent");
    let mut traces = Vec::new();
    for _ in 0..2 {
        let received = sqs.receive("orders", 1, Duration::from_secs(5)).await;
        traces.push(received[0].attributes.get("AWSTraceHeader").cloned());
    }
    traces.sort();
    assert_eq!(traces, [None, Some(root.to_owned())]);
}
