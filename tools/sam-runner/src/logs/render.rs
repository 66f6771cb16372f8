//! A log line as a human reads it.
//!
//! Of metric lines only business figures are shown: a request's duration is in its own line.

use super::{LogLine, Origin};
use serde_json::{Map, Value, json};
use std::fmt::Write;

const DIM: &str = "2";
const RED: &str = "31";
const YELLOW: &str = "33";
const BLUE: &str = "34";
/// One of these for each function, so that the eye can follow one.
const FUNCTION_COLOURS: [&str; 6] = ["36", "35", "32", "96", "95", "92"];

/// The line as `time level function message key=value ..`; what is no JSON is shown as it is. Control characters are
/// escaped, so that no message can drive the terminal. `None` where nothing is to be shown.
pub fn render(line: &LogLine, coloured: bool) -> Option<String> {
    let paint = Paint { coloured };
    let entry = match serde_json::from_str::<Map<String, Value>>(&line.text) {
        Ok(fields) if line.origin != Origin::Platform && fields.contains_key("_aws") => {
            Entry::of_metrics(&fields)?
        }
        Ok(mut fields) if line.origin != Origin::Platform => {
            // Already shown before the message.
            fields.retain(|name, value| name != "function" || *value != *line.function);
            Entry::of(fields)
        }
        _ => Entry::plain(line),
    };
    let mut out = String::with_capacity(line.text.len() + 64);
    out.push_str(&paint.with(DIM, &entry.time));
    out.push(' ');
    out.push_str(&paint.level(&entry.level));
    out.push(' ');
    out.push_str(&paint.with(function_colour(&line.function), &format!("{:<15}", line.function)));
    out.push(' ');
    out.push_str(&escaped(&entry.message));
    for (name, value) in &entry.fields {
        let _ = write!(
            out,
            " {}",
            paint.with(DIM, &format!("{}={}", escaped(name), escaped(value)))
        );
    }
    Some(out)
}

/// The parts of a line.
struct Entry {
    /// `HH:MM:SS.mmm`, UTC.
    time: String,
    level: String,
    message: String,
    fields: Vec<(String, String)>,
}

impl Entry {
    fn plain(line: &LogLine) -> Self {
        let level = match line.origin {
            Origin::Stdout => "INFO",
            Origin::Stderr | Origin::Platform => "WARN",
        };
        let time = clock_time(&jiff::Timestamp::now().to_string());
        Self {
            time,
            level: level.to_owned(),
            message: line.text.clone(),
            fields: Vec::new(),
        }
    }

    /// A line in CloudWatch's embedded metric format: its metrics that have no dimension, as far as they are not zero.
    fn of_metrics(json: &Map<String, Value>) -> Option<Self> {
        let about = json.get("_aws")?;
        let of_the_trade = about["CloudWatchMetrics"]
            .as_array()?
            .iter()
            .filter(|directive| directive["Dimensions"] == json!([[]]))
            .filter_map(|directive| directive["Metrics"].as_array())
            .flatten();
        let fields: Vec<_> = of_the_trade
            .filter_map(|metric| metric["Name"].as_str())
            .filter_map(|name| Some((name.to_owned(), json.get(name)?)))
            .filter(|(_, value)| **value != json!(0))
            .map(|(name, value)| (name, text_of(value)))
            .collect();
        let time = about["Timestamp"]
            .as_i64()
            .and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
        (!fields.is_empty()).then(|| Self {
            time: time.map(|time| clock_time(&time.to_string())).unwrap_or_default(),
            level: "INFO".to_owned(),
            message: "counted".to_owned(),
            fields,
        })
    }

    /// The shape of `tracing_subscriber`'s JSON (its own and flattened), which is that of Lambda's JSON logs as well.
    fn of(mut json: Map<String, Value>) -> Self {
        let mut take = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| json.remove(*name))
                .as_ref()
                .map(text_of)
        };
        let time = take(&["timestamp", "time"]).map(|time| clock_time(&time));
        let level = take(&["level"]).unwrap_or_else(|| "INFO".to_owned());
        let message = take(&["message"]);
        let mut fields = Vec::new();
        flatten("", Value::Object(json), &mut fields);
        let message = message.unwrap_or_else(|| {
            let place = fields.iter().position(|(name, _)| name == "message");
            place.map(|place| fields.remove(place).1).unwrap_or_default()
        });
        // The source location is noise on a terminal.
        fields.retain(|(name, _)| name != "target");
        Self {
            time: time.unwrap_or_default(),
            level,
            message,
            fields,
        }
    }
}

/// Nested fields as `outer.inner`; `fields` (tracing's own wrapper) adds no name of its own.
fn flatten(prefix: &str, value: Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let name = match (prefix, name.as_str()) {
                    (_, "fields") if value.is_object() => prefix.to_owned(),
                    ("", _) => name,
                    _ => format!("{prefix}.{name}"),
                };
                flatten(&name, value, out);
            }
        }
        // `spans` repeats `span` and its parents.
        Value::Array(_) if prefix == "spans" => {}
        other => out.push((prefix.to_owned(), text_of(&other))),
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `HH:MM:SS.mmm` of an RFC 3339 time.
fn clock_time(timestamp: &str) -> String {
    let time = timestamp.split_once('T').map_or(timestamp, |(_, time)| time);
    let time = time.trim_end_matches('Z');
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, "000"));
    let milliseconds: String = fraction.chars().take(3).collect();
    format!("{seconds}.{milliseconds:0<3}")
}

fn escaped(text: &str) -> String {
    let escape = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escape).collect()
}

fn function_colour(function: &str) -> &'static str {
    let sum: usize = function.bytes().map(usize::from).sum();
    FUNCTION_COLOURS[sum % FUNCTION_COLOURS.len()]
}

struct Paint {
    coloured: bool,
}

impl Paint {
    fn with(&self, colour: &str, text: &str) -> String {
        if self.coloured {
            format!("\u{1b}[{colour}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn level(&self, level: &str) -> String {
        let text = format!("{:<5}", level.to_uppercase());
        match text.trim_end() {
            "ERROR" | "FATAL" => self.with(RED, &text),
            "WARN" => self.with(YELLOW, &text),
            "DEBUG" | "TRACE" => self.with(BLUE, &text),
            _ => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(origin: Origin, text: &str) -> LogLine {
        LogLine {
            function: "checkout".into(),
            pid: 7,
            origin,
            text: text.into(),
        }
    }

    fn rendered(origin: Origin, text: &str) -> String {
        render(&line(origin, text), false).expect("a line")
    }

    #[test]
    fn json_lines_become_readable() {
        let line = r#"{"timestamp":"2026-11-21T10:00:01.1234Z","level":"INFO","fields":{"message":"order placed","order.id":"01A","lines":13},"target":"checkout::handler","span":{"name":"request"}}"#;
        assert_eq!(
            rendered(Origin::Stdout, line),
            "10:00:01.123 INFO  checkout        order placed lines=13 order.id=01A span.name=request"
        );
    }

    #[test]
    fn flattened_lines_become_readable() {
        let line =
            r#"{"timestamp":"2026-11-21T10:00:01Z","level":"warn","message":"slow","ms":12.5,"ok":true}"#;
        assert_eq!(
            rendered(Origin::Stdout, line),
            "10:00:01.000 WARN  checkout        slow ms=12.5 ok=true"
        );
    }

    #[test]
    fn other_lines_are_shown_as_they_are() {
        assert!(
            rendered(Origin::Stderr, "thread main panicked")
                .ends_with(" WARN  checkout        thread main panicked")
        );
        assert!(rendered(Origin::Stdout, "[1, 2]").ends_with(" INFO  checkout        [1, 2]"));
    }

    #[test]
    fn of_metrics_only_what_tells_of_the_trade_is_shown() {
        let metrics = |trade: &str| {
            let technical =
                r#"{"Namespace":"n","Dimensions":[["operation"]],"Metrics":[{"Name":"Duration"}]}"#;
            format!(
                r#"{{"_aws":{{"Timestamp":1795262400123,"CloudWatchMetrics":[{technical}{trade}]}},
                "operation":"POST /x","Duration":4.2,"Sold":1,"Delay":[7,9],"Waiting":0}}"#
            )
        };
        let trade = r#",{"Namespace":"n","Dimensions":[[]],"Metrics":[{"Name":"Sold"},{"Name":"Delay"},{"Name":"Waiting"}]}"#;
        assert_eq!(
            rendered(Origin::Stdout, &metrics(trade)),
            "12:00:00.123 INFO  checkout        counted Sold=1 Delay=[7,9]"
        );
        assert_eq!(render(&line(Origin::Stdout, &metrics("")), false), None);
    }

    #[test]
    fn a_message_cannot_drive_the_terminal() {
        let line = r#"{"level":"INFO","message":"a\u001b[2Jb\nc"}"#;
        assert!(rendered(Origin::Stdout, line).ends_with(r"a\u{1b}[2Jb\nc"));
    }

    #[test]
    fn colour_is_added_on_demand_only() {
        let line = line(Origin::Stderr, "x");
        let rendered = |coloured| render(&line, coloured).expect("a line");
        assert!(rendered(true).contains("\u{1b}[33mWARN"));
        assert!(!rendered(false).contains('\u{1b}'));
    }
}
