//! Both interfaces of SQS: in process on paused time, and the wire.

use super::*;

const QUEUE: &str = "orders";
const DEAD: &str = "orders-dead";
const SECOND: Duration = Duration::from_secs(1);

fn with_dead_letters(max_receive_count: u32) -> QueueAttributes {
    QueueAttributes {
        redrive: Some(Redrive {
            target_queue: DEAD.into(),
            max_receive_count,
        }),
        ..QueueAttributes::default()
    }
}

async fn sqs() -> Sqs {
    let sqs = Sqs::start(0, None).await.unwrap();
    sqs.create_queue(DEAD, QueueAttributes::default());
    sqs.create_queue(QUEUE, with_dead_letters(3));
    sqs
}

fn send(sqs: &Sqs, body: &str) {
    let message = Message::new(body.into(), sqs.core.clock.now_ms(), Duration::ZERO);
    sqs.core.broker().send(QUEUE, &[message]).unwrap();
}

mod in_process {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_waiting_receiver_gets_a_message_as_soon_as_it_is_sent() {
        let sqs = sqs().await;
        let receiver = tokio::spawn({
            let sqs = sqs.clone();
            async move {
                let begun = Instant::now();
                (sqs.receive(QUEUE, 10, 20 * SECOND).await, begun.elapsed())
            }
        });
        tokio::time::sleep(3 * SECOND).await;
        send(&sqs, "hello");
        let (messages, waited) = receiver.await.unwrap();
        assert_eq!(messages[0].body, "hello");
        assert_eq!(messages[0].md5_of_body, "5d41402abc4b2a76b9719d911017c592");
        assert!(waited < 4 * SECOND, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_empty_when_its_time_is_over() {
        let sqs = sqs().await;
        let begun = Instant::now();
        assert_eq!(sqs.receive(QUEUE, 10, 20 * SECOND).await, []);
        assert_eq!(begun.elapsed().as_secs(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn every_one_of_several_waiting_receivers_gets_its_message() {
        let sqs = sqs().await;
        let receivers: Vec<_> = (0..8)
            .map(|_| {
                let sqs = sqs.clone();
                tokio::spawn(async move { sqs.receive(QUEUE, 1, 20 * SECOND).await.len() })
            })
            .collect();
        tokio::time::sleep(SECOND).await;
        let begun = Instant::now();
        for n in 0..8 {
            send(&sqs, &format!("message {n}"));
        }
        for receiver in receivers {
            assert_eq!(receiver.await.unwrap(), 1);
        }
        assert!(begun.elapsed() < SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn an_undeleted_message_comes_again_and_ends_in_the_dlq() {
        let sqs = sqs().await;
        send(&sqs, "poison");
        let mut sent_at = Vec::new();
        for count in ["1", "2", "3"] {
            let message = sqs.receive(QUEUE, 10, 60 * SECOND).await.remove(0);
            assert_eq!(message.attributes["ApproximateReceiveCount"], count);
            sent_at.push(message.attributes["SentTimestamp"].clone());
        }
        let dead = sqs.receive(DEAD, 10, 60 * SECOND).await.remove(0);
        assert_eq!(dead.attributes["SentTimestamp"], sent_at[0]);
        assert_eq!(dead.attributes["DeadLetterQueueSourceArn"], arn(QUEUE));
        assert_eq!(sqs.counts(QUEUE), Some(Counts::default()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deleted_message_never_comes_again() {
        let sqs = sqs().await;
        send(&sqs, "once");
        let message = sqs.receive(QUEUE, 10, SECOND).await.remove(0);
        sqs.delete(QUEUE, &message.receipt_handle);
        sqs.delete(QUEUE, &message.receipt_handle);
        assert_eq!(sqs.receive(QUEUE, 10, 3600 * SECOND).await, []);
    }

    #[tokio::test(start_paused = true)]
    async fn changed_visibility_brings_a_message_back_sooner_or_later() {
        let sqs = sqs().await;
        send(&sqs, "again");
        let message = sqs.receive(QUEUE, 10, SECOND).await.remove(0);
        sqs.change_visibility(QUEUE, &message.receipt_handle, Duration::ZERO);
        let message = sqs.receive(QUEUE, 10, Duration::ZERO).await.remove(0);
        sqs.change_visibility(QUEUE, &message.receipt_handle, 100 * SECOND);
        let begun = Instant::now();
        assert_eq!(sqs.receive(QUEUE, 10, 200 * SECOND).await.len(), 1);
        assert_eq!(begun.elapsed().as_secs(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn retention_counts_from_the_first_send_in_the_dlq_too() {
        let sqs = sqs().await;
        let day = Duration::from_hours(24);
        sqs.create_queue(
            QUEUE,
            QueueAttributes {
                visibility_timeout: day / 2,
                ..with_dead_letters(1)
            },
        );
        send(&sqs, "old");
        tokio::time::sleep(3 * day).await;
        assert_eq!(sqs.receive(QUEUE, 1, SECOND).await.len(), 1);
        tokio::time::sleep(day / 2).await;
        assert_eq!(sqs.counts(DEAD).unwrap().waiting, 1);
        tokio::time::sleep(day / 2).await;
        assert_eq!(sqs.counts(DEAD), Some(Counts::default()));
    }

    #[tokio::test]
    async fn an_unknown_queue_gives_nothing() {
        let sqs = sqs().await;
        assert_eq!(sqs.receive("nowhere", 1, Duration::ZERO).await, []);
        assert_eq!(sqs.counts("nowhere"), None);
    }

    #[tokio::test]
    async fn messages_receives_and_queues_outlive_the_process() {
        let data = tempfile::tempdir().unwrap();
        let start = || async {
            let sqs = Sqs::start(0, Some(data.path())).await.unwrap();
            sqs.create_queue(DEAD, QueueAttributes::default());
            sqs.create_queue(QUEUE, with_dead_letters(3));
            sqs
        };
        let first = start().await;
        for body in ["deleted", "received", "waiting"] {
            send(&first, body);
        }
        let received = first.receive(QUEUE, 2, Duration::ZERO).await;
        first.delete(QUEUE, &received[0].receipt_handle);
        first.create_queue(
            "extra",
            QueueAttributes {
                delay: SECOND,
                ..QueueAttributes::default()
            },
        );
        // No orderly end: the file is read as a killed process leaves it.
        let second = start().await;
        assert_eq!(
            second.counts(QUEUE),
            Some(Counts {
                waiting: 1,
                in_flight: 1,
                delayed: 0
            })
        );
        assert_eq!(second.receive(QUEUE, 10, Duration::ZERO).await[0].body, "waiting");
        second.change_visibility(QUEUE, &received[1].receipt_handle, Duration::ZERO);
        let again = second.receive(QUEUE, 10, Duration::ZERO).await.remove(0);
        assert_eq!(
            (
                again.body.as_str(),
                again.attributes["ApproximateReceiveCount"].as_str()
            ),
            ("received", "2")
        );
        assert_eq!(
            second.core.broker().queue("extra").unwrap().attributes.delay,
            SECOND
        );
    }

    #[tokio::test]
    async fn a_hundred_thousand_waiting_messages_are_no_burden() {
        let sqs = sqs().await;
        let now = sqs.core.clock.now_ms();
        let message = |n: usize| Message::new(n.to_string(), now, Duration::ZERO);
        let messages: Vec<Message> = (0..100_000).map(message).collect();
        sqs.core.broker().send(QUEUE, &messages).unwrap();
        let begun = std::time::Instant::now();
        let mut next = 0;
        for _ in 0..1000 {
            for message in sqs.receive(QUEUE, 10, Duration::ZERO).await {
                assert_eq!(message.body, next.to_string(), "first in, first out");
                next += 1;
                sqs.delete(QUEUE, &message.receipt_handle);
            }
        }
        assert_eq!(sqs.counts(QUEUE).unwrap().waiting, 90_000);
        assert!(begun.elapsed() < 10 * SECOND, "{:?}", begun.elapsed());
    }

    /// How many messages are in line, in flight and delayed.
    fn counts(sqs: &Sqs) -> [usize; 3] {
        let counts = sqs.counts(QUEUE).unwrap();
        [counts.waiting, counts.in_flight, counts.delayed]
    }

    /// Receives what is there, hiding it for `visibility`; its handles.
    async fn take(sqs: &Sqs, visibility: Duration) -> Vec<String> {
        let messages = sqs
            .core
            .receive(QUEUE, 10, Some(Duration::ZERO), Some(visibility));
        let handle = |message: &Message| message.receipt_handle();
        messages.await.unwrap().iter().map(handle).collect()
    }

    /// The error of a change of visibility, by its code.
    fn change(sqs: &Sqs, handle: &str, visibility: Duration) -> Result<(), &'static str> {
        let changed = sqs.core.broker().change_visibility(QUEUE, handle, visibility);
        changed.map_err(|error| error.code())
    }

    #[tokio::test(start_paused = true)]
    async fn a_received_message_is_hidden_until_its_visibility_ends() {
        let sqs = sqs().await;
        send(&sqs, "once");
        take(&sqs, SECOND).await;
        tokio::time::sleep(Duration::from_millis(999)).await;
        assert_eq!(take(&sqs, SECOND).await.len(), 0);
        assert_eq!(counts(&sqs), [0, 1, 0]);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(counts(&sqs), [1, 0, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_receive_that_hides_for_no_time_leaves_the_message_in_line() {
        let sqs = sqs().await;
        send(&sqs, "again");
        assert_eq!(take(&sqs, Duration::ZERO).await.len(), 1);
        assert_eq!(take(&sqs, Duration::ZERO).await.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_latest_receive_deletes_but_any_can_hide() {
        let sqs = sqs().await;
        send(&sqs, "once");
        let first = take(&sqs, SECOND).await.remove(0);
        tokio::time::sleep(SECOND).await;
        let not_in_flight = Err("AWS.SimpleQueueService.MessageNotInflight");
        assert_eq!(change(&sqs, &first, SECOND), not_in_flight, "back in line");
        let second = take(&sqs, SECOND).await.remove(0);
        assert_eq!(change(&sqs, &first, 2 * SECOND), Ok(()), "of another receive");
        sqs.delete(QUEUE, &first);
        tokio::time::sleep(SECOND).await;
        assert_eq!(counts(&sqs), [0, 1, 0]);
        tokio::time::sleep(SECOND).await;
        sqs.delete(QUEUE, &second);
        assert_eq!(counts(&sqs), [0, 0, 0], "also when back in line");
        assert_eq!(change(&sqs, &second, SECOND), Err("InvalidParameterValue"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_is_hidden_for_twelve_hours_at_most() {
        let sqs = sqs().await;
        send(&sqs, "once");
        let handle = take(&sqs, 10 * SECOND).await.remove(0);
        let twelve_hours = Duration::from_hours(12);
        assert_eq!(change(&sqs, &handle, twelve_hours), Ok(()));
        tokio::time::sleep(SECOND).await;
        assert_eq!(change(&sqs, &handle, twelve_hours), Err("InvalidParameterValue"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_delayed_message_counts_as_delayed_and_then_comes() {
        let sqs = sqs().await;
        let later = Message::new("later".into(), sqs.core.clock.now_ms(), SECOND);
        sqs.core.broker().send(QUEUE, &[later]).unwrap();
        assert_eq!(counts(&sqs), [0, 0, 1]);
        assert_eq!(sqs.receive(QUEUE, 10, 2 * SECOND).await[0].body, "later");
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_is_forgotten_after_its_retention_wherever_it_is() {
        let sqs = sqs().await;
        let day = Duration::from_hours(24);
        send(&sqs, "in flight");
        tokio::time::sleep(day * 7 / 2).await;
        take(&sqs, day / 2).await;
        send(&sqs, "in line");
        assert_eq!(counts(&sqs), [1, 1, 0]);
        tokio::time::sleep(day / 2).await;
        assert_eq!(sqs.receive(QUEUE, 10, Duration::ZERO).await[0].body, "in line");
        tokio::time::sleep(day * 7 / 2).await;
        assert_eq!(counts(&sqs), [0, 0, 0]);
    }
}

mod wire {
    use super::*;
    use crate::engines::testing;

    struct Client {
        sqs: Sqs,
        url: String,
    }

    impl Client {
        async fn new() -> Client {
            let sqs = sqs().await;
            let url = sqs.core.names(QUEUE).url;
            Client { sqs, url }
        }

        /// Calls an operation, of the queue unless the body names another; the error's name, and the answer.
        async fn call(&self, operation: &str, mut body: Value) -> (String, Value) {
            if body.get("QueueUrl").is_none() {
                body["QueueUrl"] = self.url.as_str().into();
            }
            let target = format!("AmazonSQS.{operation}");
            let response = testing::call(&self.sqs.endpoint(), "test", &target, &body).await;
            let error = response.headers().get("x-amzn-query-error");
            let error = error.map_or("", |error| error.to_str().unwrap()).to_owned();
            let expected = if error.is_empty() { 200 } else { 400 };
            assert_eq!(response.status().as_u16(), expected, "{operation}");
            (error, response.json().await.unwrap())
        }

        async fn ok(&self, operation: &str, body: Value) -> Value {
            let (error, answer) = self.call(operation, body).await;
            assert_eq!(error, "", "{operation}");
            answer
        }

        /// The error's name.
        async fn error(&self, operation: &str, body: Value) -> String {
            let (error, _) = self.call(operation, body).await;
            let name = error.strip_suffix(";Sender").expect(operation);
            let bare = name.strip_prefix("AWS.SimpleQueueService.");
            bare.unwrap_or(name).to_owned()
        }
    }

    #[tokio::test]
    async fn a_message_arrives_with_its_attributes_trace_and_sums() {
        let client = Client::new().await;
        let attributes = json!({ "alpha": { "DataType": "String", "StringValue": "ä" },
            "m": { "DataType": "Binary", "BinaryValue": "AQID" },
            "zeta": { "DataType": "Number", "StringValue": "42" } });
        let trace = json!({ "AWSTraceHeader": { "DataType": "String", "StringValue": "Root=1-a-b" } });
        let message = json!({ "MessageBody": "hello", "MessageAttributes": attributes,
            "MessageSystemAttributes": trace });
        let sent = client.ok("SendMessage", message).await;
        assert_eq!(sent["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
        assert_eq!(sent["MD5OfMessageAttributes"], "b9d91f2856f7ef703b4299e32f1b506a");
        assert!(sent["MD5OfMessageSystemAttributes"].is_string());
        let all = json!({ "MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"] });
        let got = client.ok("ReceiveMessage", all).await;
        let message = &got["Messages"][0];
        assert_eq!(message["MessageId"], sent["MessageId"]);
        assert_eq!(message["MD5OfBody"], sent["MD5OfMessageBody"]);
        assert_eq!(message["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"]);
        assert_eq!(message["MessageAttributes"], attributes);
        assert_eq!(message["Attributes"]["AWSTraceHeader"], "Root=1-a-b");
        assert_eq!(message["Attributes"]["ApproximateReceiveCount"], "1");
        let received = json!({ "ReceiptHandle": message["ReceiptHandle"] });
        client.ok("DeleteMessage", received).await;
        assert_eq!(client.ok("ReceiveMessage", json!({})).await, json!({}));
    }

    #[tokio::test]
    async fn one_bad_entry_fails_alone() {
        let client = Client::new().await;
        let entries = json!([{ "Id": "a", "MessageBody": "1" }, { "Id": "b", "MessageBody": "\u{1}" }]);
        let sent = client.ok("SendMessageBatch", json!({ "Entries": entries })).await;
        assert_eq!(sent["Successful"][0]["Id"], "a");
        assert_eq!(sent["Failed"][0]["Code"], "InvalidMessageContents");
        let ten = json!({ "MaxNumberOfMessages": 10 });
        let got = client.ok("ReceiveMessage", ten).await;
        let handle = &got["Messages"][0]["ReceiptHandle"];
        let entries = json!({ "Entries": [{ "Id": "x", "ReceiptHandle": handle, "VisibilityTimeout": 5 },
            { "Id": "y", "ReceiptHandle": "nonsense", "VisibilityTimeout": 5 }] });
        for operation in ["ChangeMessageVisibilityBatch", "DeleteMessageBatch"] {
            let done = client.ok(operation, entries.clone()).await;
            assert_eq!(done["Successful"][0]["Id"], "x");
            assert_eq!(done["Failed"][0]["Id"], "y");
            assert_eq!(done["Failed"][0]["Code"], "ReceiptHandleIsInvalid");
        }
        assert_eq!(client.sqs.counts(QUEUE), Some(Counts::default()));
    }

    #[tokio::test]
    async fn errors_have_both_of_their_names() {
        let client = Client::new().await;
        let nowhere = json!({ "QueueUrl": "http://127.0.0.1/0/nowhere", "MessageBody": "x" });
        let (query, body) = client.call("SendMessage", nowhere).await;
        assert_eq!(query, "AWS.SimpleQueueService.NonExistentQueue;Sender");
        assert_eq!(body["__type"], "com.amazonaws.sqs#QueueDoesNotExist");
        let twice = json!([{ "Id": "a", "MessageBody": "x" }, { "Id": "a", "MessageBody": "x" }]);
        let large = "x".repeat(1024 * 1024 + 1);
        let parameter = "InvalidParameterValue";
        for (operation, body, error) in [
            ("SendMessageBatch", json!({"Entries": []}), "EmptyBatchRequest"),
            (
                "SendMessageBatch",
                json!({"Entries": twice}),
                "BatchEntryIdsNotDistinct",
            ),
            ("ReceiveMessage", json!({"MaxNumberOfMessages": 11}), parameter),
            ("ReceiveMessage", json!({"WaitTimeSeconds": 21}), parameter),
            ("SendMessage", json!({"MessageBody": ""}), parameter),
            ("SendMessage", json!({"MessageBody": large}), parameter),
            (
                "DeleteMessage",
                json!({"ReceiptHandle": "x"}),
                "ReceiptHandleIsInvalid",
            ),
            ("DeleteMessage", json!({}), "MalformedInput"),
            (
                "GetQueueAttributes",
                json!({"AttributeNames": ["Mood"]}),
                "InvalidAttributeName",
            ),
            ("Dance", json!({}), "InvalidAction"),
        ] {
            assert_eq!(client.error(operation, body).await, error, "{operation}");
        }
    }

    #[tokio::test]
    async fn queues_are_created_found_and_described() {
        let client = Client::new().await;
        let policy = json!({ "deadLetterTargetArn": arn(DEAD), "maxReceiveCount": "4" }).to_string();
        let attributes = json!({ "VisibilityTimeout": "90", "RedrivePolicy": policy });
        let new = json!({ "QueueName": "new", "Attributes": attributes });
        let made = client.ok("CreateQueue", new).await;
        for operation in ["GetQueueUrl", "CreateQueue"] {
            assert_eq!(client.ok(operation, json!({ "QueueName": "new" })).await, made);
        }
        let other = json!({ "QueueName": "new", "Attributes": { "VisibilityTimeout": "91" } });
        assert_eq!(client.error("CreateQueue", other).await, "QueueAlreadyExists");
        let url = &made["QueueUrl"];
        let shown = async |names: &[&str]| {
            let call = json!({ "QueueUrl": url, "AttributeNames": names });
            client.ok("GetQueueAttributes", call).await["Attributes"].clone()
        };
        let all = shown(&["All"]).await;
        assert_eq!(all["VisibilityTimeout"], "90");
        assert_eq!(all["ApproximateNumberOfMessages"], "0");
        let redrive = all["RedrivePolicy"].as_str().unwrap();
        assert!(redrive.contains("\"maxReceiveCount\":4"), "{redrive}");
        let queues = client.ok("ListQueues", json!({})).await;
        assert_eq!(queues["QueueUrls"].as_array().unwrap().len(), 3);
        let dead = json!({ "QueueUrl": client.sqs.core.names(DEAD).url });
        let sources = client.ok("ListDeadLetterSourceQueues", dead).await;
        assert_eq!(sources["queueUrls"], json!([url, client.url]));
        let set = json!({ "QueueUrl": url, "Attributes": { "Policy": "{}", "MaximumMessageSize": "4096" } });
        client.ok("SetQueueAttributes", set).await;
        assert_eq!(
            shown(&["Policy", "MaximumMessageSize", "SqsManagedSseEnabled"]).await,
            json!({ "Policy": "{}", "MaximumMessageSize": "4096", "SqsManagedSseEnabled": "true" })
        );
        let large = json!({ "QueueUrl": url, "MessageBody": "x".repeat(4097) });
        assert_eq!(client.error("SendMessage", large).await, "InvalidParameterValue");
        let it = json!({ "QueueUrl": url });
        client.ok("PurgeQueue", it.clone()).await;
        assert_eq!(
            client.error("PurgeQueue", it.clone()).await,
            "PurgeQueueInProgress"
        );
        client.ok("DeleteQueue", it.clone()).await;
        assert_eq!(client.error("PurgeQueue", it).await, "NonExistentQueue");
    }

    #[tokio::test]
    async fn dead_letters_move_back_as_new_messages() {
        let client = Client::new().await;
        client.ok("SendMessage", json!({ "MessageBody": "poison" })).await;
        for _ in 0..3 {
            let hidden = json!({ "VisibilityTimeout": 60 });
            let got = client.ok("ReceiveMessage", hidden).await;
            let handle = &got["Messages"][0]["ReceiptHandle"];
            let back = json!({ "ReceiptHandle": handle, "VisibilityTimeout": 0 });
            client.ok("ChangeMessageVisibility", back).await;
        }
        assert_eq!(client.sqs.counts(DEAD).unwrap().waiting, 1);
        let (of_source, of_dead) = (
            json!({ "SourceArn": arn(QUEUE) }),
            json!({ "SourceArn": arn(DEAD) }),
        );
        let refused = client.error("StartMessageMoveTask", of_source).await;
        assert_eq!(refused, "InvalidParameterValue");
        client.ok("StartMessageMoveTask", of_dead.clone()).await;
        let tasks = client.ok("ListMessageMoveTasks", of_dead).await;
        assert_eq!(tasks["Results"][0]["Status"], "COMPLETED");
        assert_eq!(tasks["Results"][0]["ApproximateNumberOfMessagesMoved"], 1);
        let all = json!({ "AttributeNames": ["All"] });
        let got = client.ok("ReceiveMessage", all).await;
        assert_eq!(got["Messages"][0]["Body"], "poison");
        assert_eq!(got["Messages"][0]["Attributes"]["ApproximateReceiveCount"], "1");
    }

    #[tokio::test]
    async fn a_long_poll_over_the_wire_ends_with_the_message() {
        let client = Arc::new(Client::new().await);
        let receiver = tokio::spawn({
            let client = client.clone();
            async move {
                client
                    .ok("ReceiveMessage", json!({ "WaitTimeSeconds": 20 }))
                    .await
            }
        });
        tokio::task::yield_now().await;
        client.ok("SendMessage", json!({ "MessageBody": "hello" })).await;
        assert_eq!(receiver.await.unwrap()["Messages"][0]["Body"], "hello");
    }
}
