//! Typed access to resolved properties, with the place kept for errors.

use super::{Result, TemplateError};
use serde_json::{Map, Value};
use std::time::Duration;

/// A resolved map of the template, with its path for errors.
#[derive(Debug, Clone)]
pub(super) struct Properties {
    place: String,
    values: Map<String, Value>,
}

impl Properties {
    pub(super) fn new(place: impl Into<String>, values: Map<String, Value>) -> Self {
        Self {
            place: place.into(),
            values,
        }
    }

    pub(super) fn into_values(self) -> Map<String, Value> {
        self.values
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn fault(&self, name: &str, problem: impl Into<String>) -> TemplateError {
        TemplateError::at(format!("{}.{name}", self.place), problem)
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The text of a property; numbers and truth values count as text, as they do in `CloudFormation`.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => scalar_text(value)
                .map(Some)
                .ok_or_else(|| self.fault(name, "must be a text")),
        }
    }

    pub(super) fn required_text(&self, name: &str) -> Result<String> {
        self.text(name)?.ok_or_else(|| self.fault(name, "is missing"))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u32>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|_| self.fault(name, format!("must be a whole number, not `{text}`")))
    }

    pub(super) fn seconds(&self, name: &str) -> Result<Option<Duration>> {
        let seconds = self.number(name)?;
        Ok(seconds.map(|seconds| Duration::from_secs(seconds.into())))
    }

    /// A truth value, `default` when absent.
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool> {
        match self.text(name)?.as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(self.fault(name, format!("must be true or false, not `{other}`"))),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| scalar_text(item).ok_or_else(|| self.fault(name, "must be a list of texts")))
                .collect(),
            Some(_) => Err(self.fault(name, "must be a list")),
        }
    }

    /// A map inside this one; empty when absent.
    pub(super) fn section(&self, name: &str) -> Result<Properties> {
        let values = match self.values.get(name) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(values)) => values.clone(),
            Some(_) => return Err(self.fault(name, "must be a map")),
        };
        Ok(Self::new(format!("{}.{name}", self.place), values))
    }

    /// A list of maps; none where there is none.
    pub(super) fn maps(&self, name: &str) -> Result<Vec<Map<String, Value>>> {
        let items = match self.values.get(name) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => items.clone(),
            Some(single) => vec![single.clone()],
        };
        let map = |item| match item {
            Value::Object(map) => Ok(map),
            _ => Err(self.fault(name, "must be a list of maps")),
        };
        items.into_iter().map(map).collect()
    }

    /// A text or a list of texts, at least one.
    pub(super) fn one_or_more(&self, name: &str) -> Result<Vec<String>> {
        let texts = match self.values.get(name) {
            Some(Value::String(text)) => vec![text.clone()],
            _ => self.texts(name)?,
        };
        if texts.is_empty() {
            return Err(self.fault(name, "is missing"));
        }
        Ok(texts)
    }

    /// The names of this map's entries.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }
}

/// A scalar as `CloudFormation` writes it into a text.
pub(super) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}
