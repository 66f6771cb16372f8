//! One flat JSON object a line on standard output, as CloudWatch Logs and Lambda's log filters read it: `timestamp`,
//! `level`, `message`, `function`, then whatever is known of the invocation (`request_id` first) and of the event.
//!
//! A subscriber of its own: it needs no span, no registry and no filter language, and is there in a few microseconds.
//! Spans are not recorded. What all lines of one invocation share is kept by [`scope`] and [`note`].

use std::cell::RefCell;
use std::error::Error;
use std::fmt::{self, Display, Write as _};
use std::future::Future;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

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

/// Reads the name of a level, as `LOG_LEVEL` has it.
///
/// # Errors
/// A text that names the levels.
pub fn parse_level(name: &str) -> Result<LevelFilter, &'static str> {
    let known = ["error", "warn", "info", "debug", "trace"].contains(&name.to_ascii_lowercase().as_str());
    name.parse()
        .ok()
        .filter(|_| known)
        .ok_or("error, warn, info, debug or trace is needed")
}

/// Where the lines go, and which.
pub(crate) struct JsonLines<W> {
    function: &'static str,
    own: &'static [&'static str],
    level: LevelFilter,
    out: Mutex<W>,
}

impl<W: Write + Send + 'static> JsonLines<W> {
    /// Lines up to `level` of the crates in `own` and of this one. Of any other crate only warnings and errors: at finer
    /// levels the libraries beneath write whole requests, and with them personal data.
    pub(crate) fn new(
        function: &'static str,
        own: &'static [&'static str],
        level: LevelFilter,
        out: W,
    ) -> Self {
        Self {
            function,
            own,
            level,
            out: Mutex::new(out),
        }
    }

    fn limit(&self, target: &str) -> LevelFilter {
        let name = target.split("::").next().unwrap_or_default();
        if name == env!("CARGO_CRATE_NAME") || self.own.contains(&name) {
            self.level
        } else {
            self.level.min(LevelFilter::WARN)
        }
    }

    fn line(&self, event: &Event<'_>) -> String {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut line = Line::new();
        line.text("timestamp", &clock::now().to_string());
        line.text("level", event.metadata().level().as_str());
        line.text("message", &fields.message);
        line.text("function", self.function);
        let _outside_any_scope = FACTS.try_with(|facts| {
            for (name, value) in facts.borrow().iter() {
                if !fields.rest.iter().any(|(own, _)| own == name) {
                    line.text(name, value);
                }
            }
        });
        for (name, value) in &fields.rest {
            line.json(name, value);
        }
        line.end()
    }
}

impl<W: Write + Send + 'static> Subscriber for JsonLines<W> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= self.limit(metadata.target())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        let line = self.line(event);
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that cannot be written has nowhere to say so.
        let _ = out.write_all(line.as_bytes());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// An event's fields, each value as JSON.
#[derive(Default)]
struct Fields {
    message: String,
    rest: Vec<(&'static str, String)>,
}

impl Fields {
    fn push(&mut self, field: &Field, json: impl Display) {
        self.rest.push((field.name(), json.to_string()));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.push(field, quoted(&text));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.push(field, quoted(value));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.push(field, quoted(&chain(value)));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, serde_json::Value::from(value));
    }
}

/// A flat JSON object in the making.
struct Line(String);

impl Line {
    fn new() -> Self {
        Self(String::with_capacity(320))
    }

    fn text(&mut self, name: &str, value: &str) {
        self.json(name, &quoted(value));
    }

    fn json(&mut self, name: &str, json: &str) {
        let mark = if self.0.is_empty() { '{' } else { ',' };
        write!(self.0, "{mark}{}:{json}", quoted(name)).expect("a String takes any text");
    }

    fn end(mut self) -> String {
        self.0.push_str("}\n");
        self.0
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

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

    fn logged(level: LevelFilter, work: impl FnOnce()) -> Vec<Value> {
        let kept = Kept::default();
        with_default(JsonLines::new("fn", &["mine"], level, kept.clone()), work);
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
