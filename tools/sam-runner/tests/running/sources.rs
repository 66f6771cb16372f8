//! Queues and the clock start functions as on Lambda: what is done is deleted, what failed comes again.

use crate::{a_function, a_runtime};
use sam_runner::engines::sqs::{QueueAttributes, Redrive, Sqs};
use sam_runner::logs::Logs;
use sam_runner::runtime::Runtime;
use sam_runner::sources::Sources;
use sam_runner::template::{Function, QueueSource, ScheduleSource};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

struct World {
    sqs: Sqs,
    queue_url: String,
    runtime: Runtime,
    sources: Sources,
    logs: Logs,
}

fn a_source() -> QueueSource {
    QueueSource {
        id: "Work".into(),
        queue: "work".into(),
        queue_arn: "arn:aws:sqs:eu-central-1:000000000000:work".into(),
        batch_size: 10,
        window: Duration::ZERO,
        maximum_concurrency: Some(2),
        reports_failures: true,
    }
}

impl World {
    async fn with(source: QueueSource) -> Self {
        let sqs = Sqs::start(0, None).await.expect("SQS");
        sqs.create_queue("dead", QueueAttributes::default());
        let attributes = QueueAttributes {
            visibility_timeout: Duration::from_millis(600),
            redrive: Some(Redrive {
                target_queue: "dead".into(),
                max_receive_count: 3,
            }),
            ..QueueAttributes::default()
        };
        let queue_url = sqs.create_queue("work", attributes).url;
        let every_second = ScheduleSource {
            id: "Tick".into(),
            every: Duration::from_secs(1),
            input: None,
        };
        let worker = Function {
            queues: vec![source],
            ..a_function("probe")
        };
        let timer = Function {
            schedules: vec![every_second],
            reserved_concurrency: Some(1),
            ..a_function("timer")
        };
        let (runtime, logs) = a_runtime(vec![worker.clone(), timer.clone()]).await;
        let sources = Sources::start(&[worker, timer], &sqs, &runtime, &logs, 4);
        Self {
            sqs,
            queue_url,
            runtime,
            sources,
            logs,
        }
    }

    async fn send(&self, bodies: &[&str]) {
        let entry = |(id, body): (usize, &&str)| json!({"Id": id.to_string(), "MessageBody": body});
        let entries: Vec<Value> = bodies.iter().enumerate().map(entry).collect();
        let answer = crate::probe::client()
            .post(self.sqs.endpoint())
            .header("x-amz-target", "AmazonSQS.SendMessageBatch")
            .header("content-type", "application/x-amz-json-1.0")
            .body(json!({"QueueUrl": self.queue_url, "Entries": entries}).to_string())
            .send();
        assert_eq!(answer.await.expect("an answer").status(), 200);
    }

    /// How often the function got a message.
    fn seen(&self, body: &str) -> usize {
        self.lines(&format!("got {body}"))
    }

    /// How often the functions wrote this line.
    fn lines(&self, text: &str) -> usize {
        self.logs.recent().iter().filter(|line| line.text == text).count()
    }

    /// Until the queue is empty and the function has seen this message.
    async fn until_done(&self, last: &str) {
        let done = |world: &Self| world.messages("work") == 0 && world.seen(last) >= 1;
        self.until("an empty queue", done).await;
    }

    fn messages(&self, queue: &str) -> usize {
        let counts = self.sqs.counts(queue).expect("a queue");
        counts.waiting + counts.in_flight + counts.delayed
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !holds(self) {
            assert!(
                started.elapsed() < Duration::from_secs(10),
                "{what} never came about"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn messages_start_the_function_once_and_are_gone() {
    let world = World::with(a_source()).await;
    world.send(&["one", "two", "three"]).await;
    world.until_done("three").await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    for body in ["one", "two", "three"] {
        assert_eq!(world.seen(body), 1, "{body}");
    }
    assert_eq!(world.messages("dead"), 0);
}

#[tokio::test]
async fn only_reported_messages_come_again_and_end_in_the_dlq() {
    let world = World::with(a_source()).await;
    world.send(&["good", "bad", "fine"]).await;
    world
        .until("a dead letter", |world| world.messages("dead") == 1)
        .await;
    assert_eq!((world.seen("good"), world.seen("fine")), (1, 1));
    assert_eq!(world.seen("bad"), 3, "as often as the redrive policy allows");
    assert_eq!(world.messages("work"), 0);
}

#[tokio::test]
async fn an_error_or_a_crash_brings_the_whole_batch_again() {
    for poison in ["fail", "exit"] {
        let world = World::with(a_source()).await;
        world.send(&["good", poison]).await;
        world
            .until("dead letters", |world| {
                world.messages("dead") >= 1 && world.messages("work") == 0
            })
            .await;
        assert!(world.seen("good") >= 1, "{poison}");
        assert_eq!(world.seen(poison), 3, "{poison}");
    }
}

#[tokio::test]
async fn without_failure_reports_every_answer_is_success() {
    let world = World::with(QueueSource {
        reports_failures: false,
        ..a_source()
    })
    .await;
    world.send(&["bad"]).await;
    world.until_done("bad").await;
    assert_eq!(world.seen("bad"), 1);
}

#[tokio::test]
async fn no_more_invocations_than_the_maximum_concurrency_run_at_once() {
    let world = World::with(QueueSource {
        batch_size: 1,
        ..a_source()
    })
    .await;
    let slow = ["slow 1", "slow 2", "slow 3", "slow 4", "slow 5"];
    world.send(&slow).await;
    world.until_done("slow 5").await;
    assert_eq!(world.runtime.processes("probe").len(), 2);
}

#[tokio::test]
async fn a_batching_window_fills_the_batch() {
    let world = World::with(QueueSource {
        window: Duration::from_millis(200),
        batch_size: 20,
        ..a_source()
    })
    .await;
    world.send(&["a", "b"]).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.send(&["c"]).await;
    world.until_done("c").await;
    assert_eq!(world.lines("batch of 3"), 1);
}

#[tokio::test]
async fn the_clock_starts_its_function_again_and_again() {
    let world = World::with(a_source()).await;
    let answer = world.sources.run_schedule_now("timer").await.expect("an answer");
    let event: Value = serde_json::from_slice(&answer).expect("JSON");
    assert_eq!(event["detail-type"], "Scheduled Event");
    assert_eq!(
        event["resources"][0],
        "arn:aws:events:eu-central-1:000000000000:rule/timerFunctionTick"
    );
    let ticks = |world: &World| world.lines("tick");
    assert_eq!(ticks(&world), 1);
    world
        .until("two ticks of its own", |world| ticks(world) >= 3)
        .await;
    assert!(
        world.sources.run_schedule_now("probe").await.is_err(),
        "nothing starts it by the clock"
    );
}

#[tokio::test]
async fn scheduled_runs_wait_for_reserved_concurrency() {
    let world = World::with(a_source()).await;
    let (one, two) = tokio::join!(
        world.sources.run_schedule_now("timer"),
        world.sources.run_schedule_now("timer")
    );
    assert!(one.is_ok() && two.is_ok());
}

#[tokio::test]
async fn a_stop_lets_the_function_finish_and_takes_nothing_more() {
    let world = World::with(QueueSource {
        batch_size: 1,
        maximum_concurrency: Some(2),
        ..a_source()
    })
    .await;
    world.send(&["slow 1"]).await;
    world.until("begun", |world| world.seen("slow 1") == 1).await;
    world.sources.stop().await;
    assert_eq!(world.messages("work"), 0, "finished and deleted");
    world.send(&["after"]).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(world.seen("after"), 0);
}
