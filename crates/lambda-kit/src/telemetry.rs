//! One flat JSON object a line on standard output, as CloudWatch Logs and Lambda's log filters read it: `timestamp`,
//! `level`, `function`, whatever is known of the invocation (`request_id` first), then `message` and fields of the event.
//!
//! Spans are not shown. What all lines of one invocation share is kept by [`scope`] and [`note`].

use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::error::Error;
use std::fmt::Display;
use std::future::Future;
use std::io::Write;
use std::panic::PanicHookInfo;
use std::time::Instant;

use serde::Serializer as _;
use serde::ser::SerializeMap;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_serde::SerdeMapVisitor;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::clock;

tokio::task_local! {
    static FACTS: RefCell<Vec<(&'static str, String)>>;
}

/// Runs `work` with a fact on each line that it logs, besides those of the scope around it.
pub async fn scope<F: Future>(name: &'static str, value: String, work: F) -> F::Output {
    let outer = FACTS.try_with(|outer| outer.borrow().clone());
    let mut facts = outer.unwrap_or_default();
    facts.push((name, value));
    FACTS.scope(RefCell::new(facts), work).await
}

/// Adds a fact to each further line of this scope. Never personal data, and never what a client made up at will.
pub fn note(name: &'static str, value: impl Display) {
    let _outside_any_scope = FACTS.try_with(|facts| {
        let mut facts = facts.borrow_mut();
        facts.retain(|(own, _)| *own != name);
        facts.push((name, value.to_string()));
    });
}

/// An error and its sources, as one text.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let own = error.to_string();
        // Transparent errors say what their source says.
        if !text.ends_with(&own) {
            text = format!("{text}: {own}");
        }
        source = error.source();
    }
    text
}

/// Since then, to a thousandth.
pub(crate) fn milliseconds(begun: Instant) -> f64 {
    (begun.elapsed().as_secs_f64() * 1e6).round() / 1e3
}

/// Reads the name of a level, as `LOG_LEVEL` has it.
pub fn parse_level(name: &str) -> Result<LevelFilter, &'static str> {
    let level = name.parse().ok().filter(|level| *level != LevelFilter::OFF);
    let level = level.filter(|_| name.bytes().all(|b| b.is_ascii_alphabetic()));
    level.ok_or("error, warn, info, debug or trace is needed")
}

/// Lines up to `level` of the crates in `own` and of this one. Of any other crate only warnings and errors: at finer levels the
/// libraries beneath write whole requests, and with them personal data. `lambda_runtime` writes those as errors, too.
pub(crate) fn lines<O: Write>(
    function: &'static str,
    own: &[&'static str],
    level: LevelFilter,
    out: impl Fn() -> O + Send + Sync + 'static,
) -> impl Subscriber + Send + Sync {
    let own = own.iter().copied().chain([env!("CARGO_CRATE_NAME")]);
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("lambda_runtime", LevelFilter::OFF)
        .with_targets(own.map(|name| (name, level)));
    let registry = tracing_subscriber::registry().with(targets);
    registry.with(Lines(function, out))
}

/// Logs where a panic happened, by which calls, and what it says where that was written in the code: a formatted text may hold anything.
pub(crate) fn log_panic(panic: &PanicHookInfo<'_>) {
    let at = panic.location().map(ToString::to_string);
    let said = panic.payload().downcast_ref::<&str>();
    let stack = Backtrace::force_capture().to_string();
    tracing::error!(
        panic.location = at,
        panic.message = said,
        panic.stack = stack,
        "a panic"
    );
}

/// Writes each event of a function as a line.
struct Lines<W>(&'static str, W);

impl<S: Subscriber, O: Write, W: Fn() -> O + 'static> Layer<S> for Lines<W> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // What cannot be written has nowhere to say so.
        let _ = line(self.0, event).map(|line| (self.1)().write_all(&line));
    }
}

fn line(function: &str, event: &Event<'_>) -> serde_json::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(320);
    let mut json = serde_json::Serializer::new(&mut line);
    let mut map = json.serialize_map(None)?;
    map.serialize_entry("timestamp", &clock::now().to_string())?;
    map.serialize_entry("level", event.metadata().level().as_str())?;
    map.serialize_entry("function", function)?;
    let own = event.metadata().fields();
    let shared = FACTS.try_with(|facts| {
        let facts = facts.borrow();
        let mut facts = facts.iter().filter(|(name, _)| own.field(*name).is_none());
        facts.try_for_each(|(name, value)| map.serialize_entry(name, value))
    });
    shared.unwrap_or(Ok(()))?;
    let mut fields = SerdeMapVisitor::new(map);
    event.record(&mut fields);
    fields.finish()?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Deserializer, Value, json};
    use tracing::subscriber::with_default;

    use super::*;
    use crate::block_on;

    /// The lines that `work` logs.
    pub(crate) fn logged(level: LevelFilter, work: impl FnOnce()) -> Vec<Value> {
        let (read, write) = std::io::pipe().expect("a pipe");
        let out = move || write.try_clone().expect("a pipe");
        with_default(lines("fn", &["mine"], level, out), work);
        let lines = Deserializer::from_reader(read).into_iter();
        lines.map(|line| line.expect("JSON")).collect()
    }

    #[test]
    fn a_line_is_a_flat_object_and_hides_what_debug_hides() {
        struct Hidden(#[expect(dead_code, reason = "hidden is hidden")] &'static str);
        impl std::fmt::Debug for Hidden {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("Hidden(..)")
            }
        }
        let who = Hidden("canary@example.org");
        let work = || tracing::info!(order.id = "A1", n = 3_u64, ok = true, ms = 1.5, ?who, all = ?[&who], "\"{who:?}\"\n");
        let mut lines = logged(LevelFilter::INFO, work);
        let at = lines[0]["timestamp"].take();
        assert!(at.as_str().is_some_and(|at| at.ends_with('Z')), "{at}");
        let expected = json!({
            "timestamp": null, "level": "INFO", "message": "\"Hidden(..)\"\n", "function": "fn",
            "order.id": "A1", "n": 3, "ok": true, "ms": 1.5, "who": "Hidden(..)", "all": "[Hidden(..)]",
        });
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn the_lines_of_a_scope_share_its_facts() {
        let record = async {
            note("order.id", "A1");
            tracing::info!("second");
            tracing::info!(order.id = "B2", "third");
        };
        let request = async {
            scope("record", "m1".to_owned(), record).await;
            tracing::info!("fourth");
        };
        let lines = logged(LevelFilter::INFO, || {
            block_on(scope("request_id", "r1".to_owned(), request));
            tracing::info!("outside");
        });
        let fact = |line: &Value, name: &str| line[name].as_str().unwrap_or("-").to_owned();
        let facts = |line| {
            ["request_id", "record", "order.id"]
                .map(|name| fact(line, name))
                .join(" ")
        };
        let facts: Vec<_> = lines.iter().map(facts).collect();
        assert_eq!(facts, ["r1 m1 A1", "r1 m1 B2", "r1 - -", "- - -"]);
    }

    #[test]
    fn levels_hold_and_libraries_are_heard_only_when_they_warn() {
        let heard = |level| {
            let lines = logged(level, || {
                tracing::debug!(target: "mine::inner", "mine");
                tracing::debug!(target: "hyper::proto", "body: s3cret");
                tracing::warn!(target: "hyper", "odd");
                tracing::error!(target: "lambda_runtime", "body: s3cret");
                tracing::error!("bad");
            });
            let messages = lines.iter().map(|line| line["message"].as_str());
            messages.flatten().collect::<Vec<_>>().join(" ")
        };
        let levels = ["trace", "INFO", "error"].map(|name| parse_level(name).expect("a level"));
        assert_eq!(levels.map(heard), ["mine odd bad", "odd bad", "bad"]);
        assert!(["loud", "off", "3"].iter().all(|name| parse_level(name).is_err()));
    }

    #[test]
    fn a_chain_says_each_thing_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("the store did not answer")]
        struct Outer(#[source] Inner);
        #[derive(Debug, thiserror::Error)]
        #[error(transparent)]
        struct Inner(std::io::Error);
        let error = Outer(Inner(std::io::Error::other("reset")));
        assert_eq!(chain(&error), "the store did not answer: reset");
    }
}
