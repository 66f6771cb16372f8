//! Reading JSON that somebody else wrote: everything wrong with it is found in one go, each with its JSON pointer.
//!
//! Members that nobody asks for are ignored. `null` is as good as absent.

use std::cell::RefCell;

use serde_json::Value;
use serde_json::error::Category;

use crate::{Fault, Problem};

/// A JSON document, and what was found wrong with it so far.
///
/// ```
/// # use lambda_kit::{Problem, json::Document};
/// struct Wish { sku: String, pieces: i64 }
///
/// fn read(document: &Document) -> Result<Wish, Problem> {
///     let sku = document.root().member("sku").text();
///     let pieces = document.root().member("pieces").integer();
///     document.finish(|| Some(Wish { sku: sku?.to_owned(), pieces: pieces? }))
/// }
/// ```
#[derive(Debug)]
pub struct Document {
    root: Value,
    faults: RefCell<Vec<Fault>>,
}

impl Document {
    /// Reads a document, which must be an object.
    ///
    /// # Errors
    /// 400 `malformed_json` for what is no JSON, with the place where it ends to be; 422 `validation_failed` for what is no
    /// object.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let root: Value = serde_json::from_slice(bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Problem::malformed_json(match error.classify() {
                Category::Eof => format!("The JSON ends too early, at line {line}, column {column}."),
                _ => format!("There is no JSON at line {line}, column {column}."),
            })
        })?;
        if !root.is_object() {
            let fault = Fault::new("", "invalid", "An object is needed.");
            return Err(Problem::validation_failed(vec![fault]));
        }
        Ok(Self {
            root,
            faults: RefCell::default(),
        })
    }

    /// The whole of it.
    pub fn root(&self) -> Node<'_> {
        Node {
            document: self,
            value: Some(&self.root),
            pointer: String::new(),
        }
    }

    /// What `build` makes of the values read.
    ///
    /// # Errors
    /// 422 `validation_failed` with every fault.
    ///
    /// # Panics
    /// Where `build` finds a value missing for which no fault was noted.
    pub fn finish<T>(&self, build: impl FnOnce() -> Option<T>) -> Result<T, Problem> {
        let faults = self.faults.borrow();
        if faults.is_empty() {
            Ok(build().expect("every reading that gives nothing notes a fault"))
        } else {
            Err(Problem::validation_failed(faults.clone()))
        }
    }
}

/// A place in a [`Document`], with or without a value. Each reading gives `None` where it noted a fault.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    document: &'a Document,
    value: Option<&'a Value>,
    pointer: String,
}

impl<'a> Node<'a> {
    /// A member of this object. `name` needs no escaping in a JSON pointer.
    #[must_use]
    pub fn member(&self, name: &str) -> Self {
        Self {
            document: self.document,
            value: self
                .value
                .and_then(|value| value.get(name))
                .filter(|value| !value.is_null()),
            pointer: format!("{}/{name}", self.pointer),
        }
    }

    /// The elements of this list.
    pub fn elements(&self) -> Option<Vec<Self>> {
        let list = self.typed(Value::as_array, "a list")?;
        let element = |(position, value)| Self {
            document: self.document,
            value: Some(value).filter(|value: &&Value| !value.is_null()),
            pointer: format!("{}/{position}", self.pointer),
        };
        Some(list.iter().enumerate().map(element).collect())
    }

    /// This text.
    pub fn text(&self) -> Option<&'a str> {
        self.typed(Value::as_str, "a text")
    }

    /// This text, or `default` where there is no value.
    pub fn text_or(&self, default: &'a str) -> Option<&'a str> {
        self.value.map_or(Some(default), |_| self.text())
    }

    /// This whole number, written without point or exponent.
    pub fn integer(&self) -> Option<i64> {
        if self.value.is_some_and(|value| value.is_u64() && !value.is_i64()) {
            self.fault("out_of_range", "The number is too large.");
            return None;
        }
        self.typed(Value::as_i64, "a whole number")
    }

    /// Notes that something is wrong here.
    pub fn fault(&self, code: &'static str, detail: impl Into<String>) {
        let fault = Fault::new(self.pointer.clone(), code, detail);
        self.document.faults.borrow_mut().push(fault);
    }

    fn typed<T>(&self, read: impl FnOnce(&'a Value) -> Option<T>, what: &str) -> Option<T> {
        let Some(value) = self.value else {
            self.fault("missing", format!("This is needed: {what}."));
            return None;
        };
        let typed = read(value);
        if typed.is_none() {
            self.fault("invalid", format!("This must be {what}."));
        }
        typed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::ReadResponse;

    type Faults = Vec<(String, &'static str)>;

    fn read(json: &str) -> Result<(String, i64, usize), Faults> {
        let document = Document::parse(json.as_bytes()).expect("an object");
        let root = document.root();
        let name = root.member("who").member("name").text();
        let n = root.member("n").integer();
        let list = root.member("list").elements();
        for element in list.iter().flatten() {
            element.text();
        }
        let read = document.finish(|| Some((name?.to_owned(), n?, list?.len())));
        read.map_err(|problem| {
            let body = problem.into_response("").body_json();
            let errors = body["errors"].as_array().cloned().unwrap_or_default();
            let code = |error: &Value| match error["code"].as_str() {
                Some("missing") => "missing",
                Some("invalid") => "invalid",
                Some("out_of_range") => "out_of_range",
                _ => "?",
            };
            errors
                .iter()
                .map(|e| (e["pointer"].as_str().unwrap_or("?").to_owned(), code(e)))
                .collect()
        })
    }

    #[test]
    fn what_is_right_is_read_and_other_members_do_not_matter() {
        let json = r#"{"who": {"name": "Ada", "x": 1}, "n": -3, "list": ["a", "b"], "more": null}"#;
        assert_eq!(read(json), Ok(("Ada".to_owned(), -3, 2)));
    }

    #[test]
    fn everything_wrong_is_told_at_once_with_its_place() {
        let faults = |json: &str| read(json).expect_err("faults");
        let at = |pointer: &str, code| (pointer.to_owned(), code);
        assert_eq!(
            faults("{}"),
            [
                at("/who/name", "missing"),
                at("/n", "missing"),
                at("/list", "missing")
            ]
        );
        assert_eq!(
            faults(r#"{"who": [], "n": 1.0, "list": ["a", 2, null]}"#),
            [
                at("/who/name", "missing"),
                at("/n", "invalid"),
                at("/list/1", "invalid"),
                at("/list/2", "missing")
            ]
        );
        for (n, code) in [
            ("\"1\"", "invalid"),
            ("1e2", "invalid"),
            ("true", "invalid"),
            ("9223372036854775808", "out_of_range"),
            ("99999999999999999999999999", "invalid"),
            ("null", "missing"),
        ] {
            let json = format!(r#"{{"who": {{"name": ""}}, "n": {n}, "list": []}}"#);
            assert_eq!(faults(&json), [at("/n", code)], "{n}");
        }
    }

    #[test]
    fn what_is_no_json_is_a_400_with_a_place_and_no_inner_text() {
        let problem = Document::parse(b"{\"a\": \n nope}").expect_err("no JSON");
        assert_eq!((problem.status(), problem.code()), (400, "malformed_json"));
        let body = problem.into_response("").body_json();
        assert_eq!(body["detail"], "There is no JSON at line 2, column 3.");
        for bad in [&b""[..], b"{", b"{} {}", b"\xff", b"{\"a\": 1e999}"] {
            assert_eq!(
                Document::parse(bad).map(drop).map_err(|p| p.status()),
                Err(400),
                "{bad:?}"
            );
        }
        let deep = "[".repeat(100_000);
        assert_eq!(
            Document::parse(deep.as_bytes()).map(drop).map_err(|p| p.status()),
            Err(400)
        );
    }

    #[test]
    fn what_is_no_object_is_a_422() {
        for json in ["[]", "1", "null", "\"x\""] {
            assert_eq!(
                Document::parse(json.as_bytes()).map(drop).map_err(|p| p.status()),
                Err(422),
                "{json}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            if let Err(problem) = Document::parse(&bytes) {
                prop_assert!(problem.status() == 400 || problem.status() == 422);
            }
        }
    }
}
