//! Fields and attributes of a newer release: read, kept as bytes, and written back as they were.
//!
//! Only an order that has some takes this way; all others pay a check that nothing was passed over.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use rmpv::Value;

use crate::item::Item;

/// Values by the path to each, in `MessagePack`.
pub(crate) type Fields = BTreeMap<Vec<String>, Vec<u8>>;

/// The fields of `stored` that are not in `known`, which is the same document as this release writes it.
pub(crate) fn fields_beyond(stored: &[u8], known: &[u8]) -> Option<Fields> {
    let mut fields = Fields::new();
    collect(&read(stored)?, &read(known)?, &[], &mut fields);
    Some(fields)
}

/// `document` with those fields. A field whose place is gone, such as that of an earlier attempt to pay, is left out.
pub(crate) fn with_fields(document: &[u8], fields: &Fields) -> Option<Vec<u8>> {
    let mut whole = read(document)?;
    for (path, value) in fields {
        put_back(&mut whole, path, read(value)?);
    }
    Some(written(&whole))
}

fn collect(stored: &Value, known: &Value, path: &[String], fields: &mut Fields) {
    let beyond = |name: &str| [path, &[name.to_owned()]].concat();
    match (stored, known) {
        (Value::Map(stored), Value::Map(known)) => {
            for (key, value) in stored {
                let path = beyond(key.as_str().unwrap_or_default());
                match known.iter().find(|(name, _)| name == key) {
                    Some((_, known)) => collect(value, known, &path, fields),
                    None => drop(fields.insert(path, written(value))),
                }
            }
        }
        (Value::Array(stored), Value::Array(known)) => {
            for (index, (stored, known)) in stored.iter().zip(known).enumerate() {
                collect(stored, known, &beyond(&index.to_string()), fields);
            }
        }
        _ => {}
    }
}

fn put_back(whole: &mut Value, path: &[String], value: Value) {
    let Some((name, rest)) = path.split_first() else {
        return;
    };
    match whole {
        Value::Map(entries) => match entries.iter_mut().find(|(key, _)| key.as_str() == Some(name)) {
            Some((_, inner)) => put_back(inner, rest, value),
            None if rest.is_empty() => entries.push((name.as_str().into(), value)),
            None => {}
        },
        Value::Array(items) => {
            if let Some(item) = name.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                put_back(item, rest, value);
            }
        }
        _ => {}
    }
}

/// The attributes of an item that are none of `known`, each in `MessagePack`.
pub(crate) fn attributes_beyond(item: &Item, known: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let beyond = item.iter().filter(|(name, _)| !known.contains(&name.as_str()));
    let packed = beyond.filter_map(|(name, value)| Some((name.clone(), written(&packed(value)?))));
    packed.collect()
}

/// The attribute that was kept so.
pub(crate) fn attribute(kept: &[u8]) -> Option<AttributeValue> {
    unpacked(&read(kept)?)
}

/// Type and value, named as `DynamoDB` names the types.
fn packed(attribute: &AttributeValue) -> Option<Value> {
    let texts = |texts: &[String]| Value::Array(texts.iter().map(|text| text.as_str().into()).collect());
    let (kind, value) = match attribute {
        AttributeValue::S(text) => ("S", text.as_str().into()),
        AttributeValue::N(number) => ("N", number.as_str().into()),
        AttributeValue::B(bytes) => ("B", Value::Binary(bytes.as_ref().to_vec())),
        AttributeValue::Bool(is) => ("BOOL", Value::Boolean(*is)),
        AttributeValue::Null(_) => ("NULL", Value::Nil),
        AttributeValue::Ss(set) => ("SS", texts(set)),
        AttributeValue::Ns(set) => ("NS", texts(set)),
        AttributeValue::Bs(set) => {
            let bytes = set.iter().map(|bytes| Value::Binary(bytes.as_ref().to_vec()));
            ("BS", Value::Array(bytes.collect()))
        }
        AttributeValue::L(list) => ("L", Value::Array(list.iter().map(packed).collect::<Option<_>>()?)),
        AttributeValue::M(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            let entry =
                |(name, value): (&String, &AttributeValue)| Some((name.as_str().into(), packed(value)?));
            (
                "M",
                Value::Map(sorted.into_iter().map(entry).collect::<Option<_>>()?),
            )
        }
        _ => return None,
    };
    Some(Value::Array(vec![kind.into(), value]))
}

fn unpacked(value: &Value) -> Option<AttributeValue> {
    let [kind, value] = value.as_array()?.as_slice() else {
        return None;
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let bytes = |value: &Value| value.as_slice().map(Blob::new);
    let items = || value.as_array().into_iter().flatten();
    Some(match kind.as_str()? {
        "S" => AttributeValue::S(text(value)?),
        "N" => AttributeValue::N(text(value)?),
        "B" => AttributeValue::B(bytes(value)?),
        "BOOL" => AttributeValue::Bool(value.as_bool()?),
        "NULL" => AttributeValue::Null(true),
        "SS" => AttributeValue::Ss(items().map(text).collect::<Option<_>>()?),
        "NS" => AttributeValue::Ns(items().map(text).collect::<Option<_>>()?),
        "BS" => AttributeValue::Bs(items().map(bytes).collect::<Option<_>>()?),
        "L" => AttributeValue::L(items().map(unpacked).collect::<Option<_>>()?),
        "M" => {
            let entry = |(name, value): &(Value, Value)| Some((text(name)?, unpacked(value)?));
            AttributeValue::M(value.as_map()?.iter().map(entry).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn read(mut bytes: &[u8]) -> Option<Value> {
    rmpv::decode::read_value(&mut bytes).ok()
}

fn written(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A vector takes every write.
    let _written = rmpv::encode::write_value(&mut bytes, value);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_of_any_type_comes_back_as_it_was() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let blob = || Blob::new([0, 159, 255]);
        let simple = [
            text("gift"),
            AttributeValue::N("-12.50".to_owned()),
            AttributeValue::B(blob()),
            AttributeValue::Bool(false),
            AttributeValue::Null(true),
            AttributeValue::Ss(vec!["a".to_owned(), "b".to_owned()]),
            AttributeValue::Ns(vec!["1".to_owned(), "2".to_owned()]),
            AttributeValue::Bs(vec![blob()]),
        ];
        let list = AttributeValue::L(simple.to_vec());
        let map = AttributeValue::M(Item::from([
            ("b".to_owned(), list.clone()),
            ("a".to_owned(), text("")),
        ]));
        for value in simple.into_iter().chain([list, map]) {
            let item = Item::from([("known".to_owned(), text("x")), ("new".to_owned(), value.clone())]);
            let kept = attributes_beyond(&item, &["known"]);
            assert_eq!(kept.len(), 1);
            assert_eq!(attribute(&kept["new"]), Some(value));
        }
    }
}
