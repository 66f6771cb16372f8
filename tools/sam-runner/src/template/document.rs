//! The template as it is written: YAML into JSON, with each short tag in its long form.

use super::{Result, TemplateError};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// A template as it is written, nothing resolved. Tags are in their long form: `!Ref X` is `{"Ref": "X"}`,
/// `!Sub X` is `{"Fn::Sub": "X"}`.
#[derive(Debug, Clone)]
pub struct Document {
    directory: PathBuf,
    root: Map<String, Value>,
}

impl Document {
    /// Reads the template at `path`.
    pub fn read(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| {
            TemplateError::at(
                &place,
                format!("cannot be read ({e}); name another with --template FILE"),
            )
        })?;
        let directory = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        Self::parse(&text, directory).map_err(|e| TemplateError::at(place, e.to_string()))
    }

    /// Parses the template in `text`; relative paths in it start at `directory`.
    pub fn parse(text: &str, directory: PathBuf) -> Result<Self> {
        let fault = |error: &dyn std::error::Error| TemplateError::at("YAML", one_line(&error.to_string()));
        let yaml: yaml_serde::Value = yaml_serde::from_str(text).map_err(|error| fault(&error))?;
        let json = serde_json::to_value(yaml).map_err(|error| fault(&error))?;
        match with_long_tags(json) {
            Value::Object(root) if root.get("Resources").is_some_and(Value::is_object) => {
                Ok(Self { directory, root })
            }
            _ => Err(TemplateError::at(
                "Resources",
                "is missing; is this a SAM template?",
            )),
        }
    }

    /// The directory that relative paths in the template start at.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// An entry of a top-level section, for instance of `Parameters`.
    pub(super) fn entry(&self, section: &str, name: &str) -> Option<&Value> {
        self.root.get(section)?.get(name)
    }

    /// All entries of a top-level section, in the order of their names.
    pub fn entries(&self, section: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.root
            .get(section)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
    }

    /// The properties of a resource after `Globals` are merged in, as SAM does: maps are merged, lists are joined, and
    /// anything else of the resource wins.
    pub fn properties_of(&self, id: &str) -> Map<String, Value> {
        let Some(resource) = self.entry("Resources", id) else {
            return Map::new();
        };
        let own = resource.get("Properties").cloned().unwrap_or_else(|| json!({}));
        let globals = match resource.get("Type").and_then(Value::as_str) {
            Some("AWS::Serverless::Function") => self.entry("Globals", "Function"),
            _ => None,
        };
        match merged(globals.cloned().unwrap_or_else(|| json!({})), own) {
            Value::Object(properties) => properties,
            _ => Map::new(),
        }
    }
}

/// `own` laid over `global`.
fn merged(global: Value, own: Value) -> Value {
    match (global, own) {
        // An intrinsic is a map by its spelling only: merging `{"Ref": ..}` with something else would make nonsense.
        (Value::Object(mut global), Value::Object(own)) if !is_intrinsic(&global) && !is_intrinsic(&own) => {
            for (key, value) in own {
                let below = global.remove(&key);
                global.insert(
                    key,
                    below.map_or_else(|| value.clone(), |below| merged(below, value.clone())),
                );
            }
            Value::Object(global)
        }
        (Value::Array(mut global), Value::Array(own)) => {
            global.extend(own);
            Value::Array(global)
        }
        (_, own) => own,
    }
}

/// Whether a map is the long form of an intrinsic function.
pub(super) fn is_intrinsic(map: &Map<String, Value>) -> bool {
    map.len() == 1
        && map
            .keys()
            .all(|key| key == "Ref" || key == "Condition" || key.starts_with("Fn::"))
}

/// The value with each short tag, which the parser leaves as `{"!Ref": ..}`, in its long form.
fn with_long_tags(value: Value) -> Value {
    let long = |key: String| match key.strip_prefix('!') {
        None => key,
        Some(name @ ("Ref" | "Condition")) => name.to_owned(),
        Some(name) => format!("Fn::{name}"),
    };
    match value {
        Value::Object(map) => {
            let entries = map.into_iter();
            Value::Object(
                entries
                    .map(|(key, value)| (long(key), with_long_tags(value)))
                    .collect(),
            )
        }
        Value::Array(items) => items.into_iter().map(with_long_tags).collect(),
        scalar => scalar,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Document {
        Document::parse(text, PathBuf::from(".")).expect("a template")
    }

    #[test]
    fn short_tags_become_their_long_forms() {
        let document = parse(
            "Resources:\n  A:\n    Type: T\n    Properties:\n      X: !Ref B\n      Y: !GetAtt B.Arn\n      Z: !If [C, !Sub '${B}', 1]\n      L: [!Ref B]\n",
        );
        assert_eq!(
            Value::Object(document.properties_of("A")),
            json!({"X": {"Ref": "B"}, "Y": {"Fn::GetAtt": "B.Arn"}, "Z": {"Fn::If": ["C", {"Fn::Sub": "${B}"}, 1]}, "L": [{"Ref": "B"}]})
        );
    }

    #[test]
    fn globals_are_merged_and_the_resource_wins() {
        let document = parse(
            "Globals:\n  Function:\n    Timeout: 10\n    Environment: {Variables: {A: g, B: g}}\n    Layers: [x]\n    Tracing: !Ref T\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Environment: {Variables: {B: own, C: own}}\n      Layers: [y]\n      Tracing: {Ref: U}\n",
        );
        assert_eq!(
            Value::Object(document.properties_of("F")),
            json!({"Timeout": 10, "Environment": {"Variables": {"A": "g", "B": "own", "C": "own"}}, "Layers": ["x", "y"], "Tracing": {"Ref": "U"}})
        );
    }

    #[test]
    fn globals_reach_functions_only() {
        let document =
            parse("Globals:\n  Function: {Timeout: 10}\nResources:\n  Q: {Type: AWS::SQS::Queue}\n");
        assert!(document.properties_of("Q").is_empty());
    }

    #[test]
    fn a_broken_file_says_where_in_one_line() {
        let error = Document::parse("Resources:\n  A: [\n", PathBuf::new()).expect_err("broken");
        assert!(error.to_string().contains("line"), "{error}");
        assert_eq!(error.to_string().lines().count(), 1);
        let error = Document::parse("hello: world", PathBuf::new()).expect_err("no template");
        assert_eq!(error.place(), "Resources");
    }

    #[test]
    fn a_missing_file_says_what_to_do() {
        let error = Document::read(Path::new("/nowhere/template.yaml")).expect_err("missing");
        assert!(error.to_string().contains("--template FILE"), "{error}");
    }
}
