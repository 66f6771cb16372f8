//! One flat JSON object a line on standard output, as CloudWatch Logs and Lambda's log filters read it: `timestamp`,
//! `level`, `function`, whatever is known of the invocation (`request_id` first), then `message` and fields of the event.
//!
//! Spans are not shown. What all lines of one invocation share is kept by [`scope`] and [`note`].

use std::cell::RefCell;
use std::error::Error;
use std::fmt::{self, Display};
use std::future::Future;
use std::time::Instant;

use serde::Serializer as _;
use serde::ser::SerializeMap;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_serde::SerdeMapVisitor;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use crate::clock;

type Facts = Vec<(&'static str, String)>;

tokio::task_local! {
    static FACTS: RefCell<Facts>;
}

/// Runs `work` with `facts` on each line that it logs, besides those of the scope around it.
pub async fn scope<F: Future>(facts: Facts, work: F) -> F::Output {
    let mut all = FACTS.try_with(|outer| outer.borrow().clone()).unwrap_or_default();
    all.extend(facts);
    FACTS.scope(RefCell::new(all), work).await
}

/// Adds a fact to each further line of this scope. Never personal data, and never what a client made up at will.
pub fn note(name: &'static str, value: impl Display) {
    let _outside_any_scope = FACTS.try_with(|facts| {
        let mut facts = facts.borrow_mut();
        facts.retain(|(own, _)| *own != name);
        facts.push((name, value.to_string()));
    });
}

/// An error and all that lies beneath it, as one text.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let own = error.to_string();
        // Transparent errors say what their source says.
        if !text.ends_with(&own) {
            text.push_str(": ");
            text.push_str(&own);
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
///
/// # Errors
/// A text that names the levels.
pub fn parse_level(name: &str) -> Result<LevelFilter, &'static str> {
    let level = name.parse().ok().filter(|level| *level != LevelFilter::OFF);
    let level = level.filter(|_| name.bytes().all(|b| b.is_ascii_alphabetic()));
    level.ok_or("error, warn, info, debug or trace is needed")
}

/// Lines up to `level` of the crates in `own` and of this one. Of any other crate only warnings and errors: at finer levels the
/// libraries beneath write whole requests, and with them personal data. `lambda_runtime` writes those as errors, too.
pub(crate) fn lines<W>(
    function: &'static str,
    own: &[&'static str],
    level: LevelFilter,
    out: W,
) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let own = own.iter().copied().chain([env!("CARGO_CRATE_NAME")]);
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("lambda_runtime", LevelFilter::OFF)
        .with_targets(own.map(|name| (name, level)));
    let lines = tracing_subscriber::fmt::layer().event_format(Line { function });
    tracing_subscriber::registry()
        .with(targets)
        .with(lines.with_writer(out))
}

/// The format of a line.
struct Line {
    function: &'static str,
}

impl Line {
    fn json(&self, event: &Event<'_>) -> serde_json::Result<String> {
        let mut line = Vec::with_capacity(320);
        let mut json = serde_json::Serializer::new(&mut line);
        let mut map = json.serialize_map(None)?;
        map.serialize_entry("timestamp", &clock::now().to_string())?;
        map.serialize_entry("level", event.metadata().level().as_str())?;
        map.serialize_entry("function", self.function)?;
        let shared = |facts: &RefCell<Facts>| {
            let facts = facts.borrow();
            let mut facts = facts.iter();
            facts.try_for_each(|(name, value)| match event.metadata().fields().field(*name) {
                Some(_) => Ok(()),
                None => map.serialize_entry(name, value),
            })
        };
        FACTS.try_with(shared).unwrap_or(Ok(()))?;
        let mut fields = SerdeMapVisitor::new(map);
        event.record(&mut fields);
        fields.finish()?;
        line.push(b'\n');
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        out.write_str(&self.json(event).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tracing::subscriber::with_default;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("not poisoned").extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    pub(crate) fn logged(level: LevelFilter, work: impl FnOnce()) -> Vec<Value> {
        let kept = Kept::default();
        let out = kept.clone();
        with_default(lines("fn", &["mine"], level, move || out.clone()), work);
        let text = String::from_utf8(kept.0.lock().expect("not poisoned").clone()).expect("UTF-8");
        text.lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime")
            .block_on(future)
    }

    #[test]
    fn a_line_is_one_flat_object_with_dotted_fields() {
        let mut lines = logged(LevelFilter::INFO, || {
            tracing::info!(order.id = "A1", n = 3_u64, ok = true, ms = 1.5, "said \"so\"\n");
        });
        let mut line = lines.remove(0);
        let at = line["timestamp"].take();
        assert!(at.as_str().is_some_and(|at| at.ends_with('Z')), "{at}");
        let expected = json!({
            "timestamp": null, "level": "INFO", "message": "said \"so\"\n", "function": "fn",
            "order.id": "A1", "n": 3, "ok": true, "ms": 1.5,
        });
        assert_eq!(line, expected);
        assert!(lines.is_empty());
    }

    #[test]
    fn the_lines_of_a_scope_share_its_facts_and_what_is_noted_in_it() {
        let lines = logged(LevelFilter::INFO, || {
            block_on(scope(vec![("request_id", "r1".to_owned())], async {
                tracing::info!("first");
                scope(vec![("record", "m1".to_owned())], async {
                    note("order.id", "A1");
                    tracing::info!("second");
                    tracing::info!(order.id = "B2", "third");
                })
                .await;
                tracing::info!("fourth");
            }));
            tracing::info!("outside");
        });
        let facts: Vec<_> = lines
            .iter()
            .map(|line| [&line["request_id"], &line["record"], &line["order.id"]].map(Value::as_str))
            .collect();
        assert_eq!(
            facts,
            [
                [Some("r1"), None, None],
                [Some("r1"), Some("m1"), Some("A1")],
                [Some("r1"), Some("m1"), Some("B2")],
                [Some("r1"), None, None],
                [None, None, None]
            ]
        );
    }

    #[test]
    fn libraries_are_heard_only_when_they_warn() {
        let lines = logged(LevelFilter::TRACE, || {
            tracing::debug!(target: "mine::inner", "mine");
            tracing::debug!(target: "hyper::proto", "body: s3cret");
            tracing::warn!(target: "hyper", "odd");
        });
        let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str()).collect();
        assert_eq!(messages, [Some("mine"), Some("odd")]);
    }

    #[test]
    fn the_level_holds() {
        let lines = logged(LevelFilter::WARN, || {
            tracing::info!("no");
            tracing::error!("yes");
        });
        assert_eq!(lines.len(), 1);
        assert!(parse_level("loud").is_err() && parse_level("off").is_err());
        assert_eq!(parse_level("WARN"), Ok(LevelFilter::WARN));
    }

    #[test]
    fn what_debug_hides_never_shows() {
        struct Hidden(#[expect(dead_code, reason = "hidden is hidden")] &'static str);
        impl fmt::Debug for Hidden {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("Hidden(..)")
            }
        }
        let lines = logged(LevelFilter::TRACE, || {
            let person = Hidden("canary@example.org");
            tracing::info!(?person, "{person:?}");
            tracing::error!(cause = ?Some(&person), all = ?[&person], "failed");
        });
        let text = Value::from(lines).to_string();
        assert!(!text.contains("canary") && text.contains("Hidden(..)"), "{text}");
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
