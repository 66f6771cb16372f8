//! Reads JSON that somebody else wrote into the struct that describes it. Everything wrong with it is found in one go, each fault
//! with its JSON pointer. Members that the struct does not have are ignored; `null` is as good as absent.

use std::cell::RefCell;
use std::collections::HashSet;
use std::mem::take;

use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use crate::{Fault, Problem};

/// The most elements of a list that are read.
pub const MAX_ELEMENTS: usize = 5_001;

/// What was found wrong with a body so far.
#[derive(Debug, Default)]
pub struct Faults {
    found: Vec<Fault>,
    /// The members of the body in the order of its description.
    members: &'static [&'static str],
}

/// Reads a body: a `T` of structs, lists, texts and whole numbers (`i64`). What is missing or of another type is a fault, and
/// empty in `T`. 400 `malformed_json` for what is no JSON, with the place where it ends to be; 422 for what is no object.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<(T, Faults), Problem> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        let is = if error.is_eof() {
            "The JSON ends too early,"
        } else {
            "There is no JSON"
        };
        let detail = format!("{is} at line {}, column {}.", error.line(), error.column());
        Problem::new(400, "malformed_json", "The body is not JSON").detail(detail)
    })?;
    if !value.is_object() {
        let fault = Fault::new("", "invalid", "An object is needed.");
        return Err(Problem::validation_failed(vec![fault]));
    }
    let faults = RefCell::default();
    let read = T::deserialize(Node(value, String::new(), &faults)).map_err(Problem::internal_error)?;
    Ok((read, faults.into_inner()))
}

impl Faults {
    /// Notes what is wrong at `pointer`. Of several faults at one place the first counts.
    pub fn push(&mut self, pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        self.found.push(Fault::new(pointer, code, detail));
    }

    /// Whoever sent no value at `pointer` needed none.
    pub fn forgive_missing(&mut self, pointer: &str) {
        self.found
            .retain(|fault| fault.pointer() != pointer || !fault.is_missing());
    }

    /// What `build` makes of the values read; or 422 `validation_failed` with every fault, in the order of the body's members.
    /// Panics where `build` finds a value missing for which no fault was noted.
    pub fn finish<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, Problem> {
        let Self { mut found, members } = self;
        if found.is_empty() {
            return Ok(build().expect("every reading that gives nothing notes a fault"));
        }
        let mut places = HashSet::new();
        found.retain(|fault| places.insert(fault.pointer().to_owned()));
        found.sort_by_key(|fault| {
            let member = fault.pointer().split('/').nth(1);
            members.iter().position(|name| Some(*name) == member)
        });
        Err(Problem::validation_failed(found))
    }
}

/// A value at a pointer that is deserialized whatever it is: what does not fit is noted, and empty.
struct Node<'a>(Value, String, &'a RefCell<Faults>);

impl Node<'_> {
    fn read<T: Default>(self, what: &str, read: impl FnOnce(Value) -> Result<T, Value>) -> T {
        let (code, detail) = match read(self.0) {
            Ok(value) => return value,
            Err(Value::Null) => ("missing", format!("This is needed: {what}.")),
            Err(n) if n.is_u64() && what == INTEGER => ("out_of_range", "The number is too large.".into()),
            Err(_) => ("invalid", format!("This must be {what}.")),
        };
        self.2.borrow_mut().push(self.1, code, detail);
        T::default()
    }
}

const INTEGER: &str = "a whole number";

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Error;

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i64(self.read(INTEGER, |value| value.as_i64().ok_or(value)))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.read("a text", |value| match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        }))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let (pointer, faults) = (self.1.clone(), self.2);
        let list = self.read("a list", |mut value| value.as_array_mut().map(take).ok_or(value));
        let elements = list.into_iter().take(MAX_ELEMENTS).enumerate();
        let elements = elements.map(|(n, value)| Node(value, format!("{pointer}/{n}"), faults));
        visitor.visit_seq(SeqDeserializer::new(elements))
    }

    /// Of what is no object every member is missing.
    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        members: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.1.is_empty() {
            self.2.borrow_mut().members = members;
        }
        let members = members.iter().map(|name| {
            let value = self.0.get_mut(name).map(take).unwrap_or_default();
            (*name, Node(value, format!("{}/{name}", self.1), self.2))
        });
        visitor.visit_map(MapDeserializer::new(members))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("no struct, list, text or whole number"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes byte_buf option unit unit_struct newtype_struct
        tuple tuple_struct map enum identifier ignored_any
    }
}

impl IntoDeserializer<'_, Error> for Node<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::http::ReadResponse;

    #[derive(Debug, Deserialize, Serialize)]
    pub(crate) struct Wish {
        who: Who,
        n: i64,
        list: Vec<String>,
    }

    #[derive(Debug, Deserialize, Serialize)]
    struct Who {
        name: String,
    }

    /// A body, and the pointer and the code of each fault.
    const BODIES: &str = r#"
        {"who": {"name": "Ada", "x": 1}, "n": -3, "list": ["a"], "more": null}  |
        {}                                                                      | /who/name missing, /n missing, /list missing
        {"list": ["a", 2, null], "n": 1, "who": []}                             | /who/name missing, /list/1 invalid, /list/2 missing
        {"who": 7, "n": 1, "list": {}}                                          | /who/name missing, /list invalid
        {"who": {"name": ""}, "list": [], "n": "1"}                             | /n invalid
        {"who": {"name": ""}, "list": [], "n": 1.0}                             | /n invalid
        {"who": {"name": ""}, "list": [], "n": 1e2}                             | /n invalid
        {"who": {"name": ""}, "list": [], "n": true}                            | /n invalid
        {"who": {"name": ""}, "list": [], "n": null}                            | /n missing
        {"who": {"name": ""}, "list": [], "n": 9223372036854775808}             | /n out_of_range
        {"who": {"name": ""}, "list": [], "n": 99999999999999999999999999}      | /n invalid
    "#;

    #[test]
    fn everything_wrong_is_found_at_once_with_its_place() {
        for [body, expected] in crate::cases(BODIES) {
            let (wish, faults) = read::<Wish>(body.as_bytes()).expect("an object");
            let read = faults.finish(|| Some(wish));
            let problem = read.err().map(|problem| problem.into_response("").body_json());
            let errors = problem
                .map(|mut problem| problem["errors"].take())
                .unwrap_or_default();
            let fault = |fault: &Value| format!("{} {}", fault["pointer"], fault["code"]).replace('"', "");
            let found = errors.as_array().into_iter().flatten().map(fault);
            assert_eq!(found.collect::<Vec<_>>().join(", "), expected, "{body}");
        }
        let endless = format!(r#"{{"list": [{}null]}}"#, "null, ".repeat(30_000));
        let (_, faults) = read::<Wish>(endless.as_bytes()).expect("an object");
        assert_eq!(faults.found.len(), MAX_ELEMENTS + 2);
    }

    #[test]
    fn what_is_no_json_object_is_refused_without_inner_text() {
        let refusal = |body: &[u8]| read::<Wish>(body).expect_err("no object");
        let body = refusal(b"{\"a\": \n nope}").into_response("").body_json();
        assert_eq!(body["detail"], "There is no JSON at line 2, column 3.");
        let deep = "[".repeat(100_000);
        for bad in [
            &b""[..],
            b"{",
            b"{} {}",
            b"{\"a\": 1e999}",
            b"\xff",
            deep.as_bytes(),
        ] {
            let refusal = refusal(bad);
            assert_eq!((refusal.status(), refusal.code()), (400, "malformed_json"));
        }
        let others = [&b"[]"[..], b"1", b"null", b"\"x\""];
        assert!(others.into_iter().all(|other| refusal(other).status() == 422));
    }
}
