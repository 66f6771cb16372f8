//! Form-encoded parameters with nested names: `line_items[0][price_data][currency]=eur`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::StripeError;

const DEEPEST: usize = 8;

/// A request's parameters: nested objects and arrays with text at the ends.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Params(Value);

impl Params {
    /// Reads a body or a query.
    pub(super) fn parse(encoded: &[u8]) -> Result<Params, StripeError> {
        let mut root = Map::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            let path =
                path(&name).ok_or_else(|| StripeError::invalid(format!("Invalid parameter name: {name}")))?;
            insert(&mut root, &path, value.into_owned())
                .ok_or_else(|| StripeError::invalid(format!("Invalid {}", path[0])).about(path[0]))?;
        }
        Ok(Params(with_arrays(Value::Object(root))))
    }

    /// The value at a path like `/line_items/0/quantity`; null if there is none.
    pub(super) fn get(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// Refuses every parameter, at any depth, that fits none of `known`: names as Stripe writes them, `*` for any name or number.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), StripeError> {
        let known: Vec<Vec<&str>> = known.iter().filter_map(|name| path(name)).collect();
        match unknown(&self.0, &mut Vec::new(), &known) {
            Some(name) => Err(StripeError::unknown(&name)),
            None => Ok(()),
        }
    }

    /// What is to be shown whole instead of by its id. Refuses what is not one of `known`.
    pub(super) fn expand(&self, known: &[&str]) -> Result<Vec<&str>, StripeError> {
        let Some(asked) = self.get("/expand").as_array() else {
            return Ok(Vec::new());
        };
        let asked = asked.iter().filter_map(Value::as_str);
        asked
            .map(|name| {
                let message = format!("This property cannot be expanded ({name}).");
                let refused = StripeError::invalid(message).about("expand");
                known.contains(&name).then_some(name).ok_or(refused)
            })
            .collect()
    }

    /// Text; an empty one counts as none.
    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.get(pointer).as_str().filter(|text| !text.is_empty())
    }

    /// Text that must be there.
    pub(super) fn required(&self, pointer: &str) -> Result<&str, StripeError> {
        self.text(pointer)
            .ok_or_else(|| StripeError::missing(&in_brackets(pointer)))
    }

    /// A whole number, if there is one.
    pub(super) fn integer(&self, pointer: &str) -> Result<Option<i64>, StripeError> {
        let Some(text) = self.text(pointer) else {
            return Ok(None);
        };
        let number = text.parse().map_err(|_| {
            let error = StripeError::invalid(format!("Invalid integer: {text}"));
            error
                .code("parameter_invalid_integer")
                .about(&in_brackets(pointer))
        })?;
        Ok(Some(number))
    }

    /// Metadata: up to 50 short texts by short names.
    pub(super) fn metadata(&self, pointer: &str) -> Result<BTreeMap<String, String>, StripeError> {
        let name = in_brackets(pointer);
        let mut metadata = BTreeMap::new();
        match self.get(pointer) {
            Value::Null => {}
            Value::String(empty) if empty.is_empty() => {}
            Value::Object(entries) => {
                for (key, value) in entries {
                    let value = value.as_str().unwrap_or_default();
                    if key.len() > 40 || value.chars().count() > 500 {
                        let message = "Metadata keys can be up to 40 characters long and values up to 500 characters long.";
                        return Err(StripeError::invalid(message).about(&format!("{name}[{key}]")));
                    }
                    metadata.insert(key.clone(), value.to_owned());
                }
            }
            _ => return Err(StripeError::invalid("Invalid object").about(&name)),
        }
        if metadata.len() > 50 {
            return Err(StripeError::invalid("Metadata can have up to 50 keys.").about(&name));
        }
        Ok(metadata)
    }

    /// The same text for the same parameters, in whatever order they came.
    pub(super) fn canonical(&self) -> String {
        canonical(&self.0)
    }
}

/// The first parameter that fits none of the `known` paths.
fn unknown<'a>(value: &'a Value, at: &mut Vec<String>, known: &[Vec<&'a str>]) -> Option<String> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(values) => {
            let numbered = values.iter().enumerate();
            numbered
                .map(|(number, value)| (number.to_string(), value))
                .collect()
        }
        _ => Vec::new(),
    };
    for (name, value) in inner {
        at.push(name);
        let fits = |path: &&Vec<&str>| {
            path.len() >= at.len()
                && at
                    .iter()
                    .zip(*path)
                    .all(|(own, known)| *known == "*" || own == known)
        };
        let found = if known.iter().any(|path| fits(&path)) {
            unknown(value, at, known)
        } else {
            Some(in_brackets(&at.join("/")))
        };
        if found.is_some() {
            return found;
        }
        at.pop();
    }
    None
}

/// `/a/b/0` as Stripe writes it: `a[b][0]`.
pub(super) fn in_brackets(pointer: &str) -> String {
    let mut parts = pointer.trim_start_matches('/').split('/');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| format!("{name}[{part}]"))
}

/// `a[b][0]` as its parts.
fn path(name: &str) -> Option<Vec<&str>> {
    let (first, rest) = name
        .split_once('[')
        .map_or((name, ""), |(first, _)| (first, &name[first.len()..]));
    let mut path = vec![first];
    let mut rest = rest;
    while !rest.is_empty() {
        let (part, after) = rest.strip_prefix('[')?.split_once(']')?;
        path.push(part);
        rest = after;
    }
    (!first.is_empty() && path.len() <= DEEPEST).then_some(path)
}

fn insert(at: &mut Map<String, Value>, path: &[&str], value: String) -> Option<()> {
    let (first, rest) = path.split_first()?;
    // `a[]=x&a[]=y`: each is one more.
    let name = if first.is_empty() {
        at.len().to_string()
    } else {
        (*first).to_owned()
    };
    if rest.is_empty() {
        at.insert(name, Value::String(value));
        return Some(());
    }
    let inner = at.entry(name).or_insert_with(|| Value::Object(Map::new()));
    insert(inner.as_object_mut()?, rest, value)
}

/// Objects whose names count from 0 are arrays.
fn with_arrays(value: Value) -> Value {
    let Value::Object(fields) = value else {
        return value;
    };
    let mut numbered = BTreeMap::new();
    for (name, value) in &fields {
        if let Ok(number) = name.parse::<usize>() {
            numbered.insert(number, value);
        }
    }
    if !fields.is_empty() && numbered.len() == fields.len() && numbered.keys().copied().eq(0..fields.len()) {
        return numbered.into_values().cloned().map(with_arrays).collect();
    }
    fields
        .into_iter()
        .map(|(name, value)| (name, with_arrays(value)))
        .collect()
}

fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<_, _> = fields
                .iter()
                .map(|(name, value)| (name, canonical(value)))
                .collect();
            format!("{sorted:?}")
        }
        Value::Array(values) => format!("{:?}", values.iter().map(canonical).collect::<Vec<_>>()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(encoded: &str) -> Value {
        Params::parse(encoded.as_bytes()).unwrap().0
    }

    #[test]
    fn nested_names_become_objects_and_arrays() {
        let params = parse(
            "mode=payment&line_items[0][price_data][currency]=eur&line_items[1][quantity]=2&metadata[order_id]=A%26B",
        );
        let expected = json!({
            "mode": "payment",
            "line_items": [{ "price_data": { "currency": "eur" } }, { "quantity": "2" }],
            "metadata": { "order_id": "A&B" },
        });
        assert_eq!(params, expected);
        assert_eq!(
            parse("line_items%5B0%5D%5Bquantity%5D=1"),
            json!({ "line_items": [{ "quantity": "1" }] })
        );
    }

    #[test]
    fn a_hundred_and_one_lines_stay_in_order() {
        let encoded: Vec<String> = (0..101).rev().map(|n| format!("l[{n}]={n}")).collect();
        let lines = &parse(&encoded.join("&"))["l"];
        assert_eq!(
            (lines.as_array().unwrap().len(), &lines[100]),
            (101, &json!("100"))
        );
    }

    #[test]
    fn empty_brackets_append() {
        assert_eq!(parse("expand[]=a&expand[]=b"), json!({ "expand": ["a", "b"] }));
    }

    #[test]
    fn names_that_cannot_be_read_are_refused() {
        for wrong in [
            "a[b=1",
            "[a]=1",
            "a[b]c=1",
            "a=1&a[b]=2",
            "a[1][2][3][4][5][6][7][8]=1",
        ] {
            assert!(Params::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused_at_any_depth() {
        let known = ["mode", "line_items[*][price_data][currency]", "metadata[*]"];
        let only = |encoded: &str| Params::parse(encoded.as_bytes()).unwrap().only(&known);
        assert_eq!(
            only("mode=1&line_items[1][price_data][currency]=eur&metadata[a]=1"),
            Ok(())
        );
        for (wrong, named) in [
            ("modus=1", "modus"),
            ("mode[a]=1", "mode[a]"),
            (
                "line_items[0][price_data][currncy]=eur",
                "line_items[0][price_data][currncy]",
            ),
            ("line_items[0][price]=1", "line_items[0][price]"),
            ("metadata[a][b]=1", "metadata[a][b]"),
        ] {
            assert_eq!(only(wrong), Err(StripeError::unknown(named)), "{wrong}");
        }
    }

    #[test]
    fn the_order_of_parameters_does_not_matter() {
        let canonical = |encoded: &str| Params::parse(encoded.as_bytes()).unwrap().canonical();
        assert_eq!(canonical("a=1&b[c]=2&b[d]=3"), canonical("b[d]=3&b[c]=2&a=1"));
        assert_ne!(canonical("a=1"), canonical("a=2"));
    }
}
