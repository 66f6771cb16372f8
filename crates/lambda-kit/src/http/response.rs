use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

/// An answer as API Gateway takes it. Serializes to its payload format 2.0.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Response {
    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// An answer with `body` as JSON.
    ///
    /// # Panics
    /// Where `body` has a map whose keys are no strings: no type of an interface has.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("keys are strings");
        Self {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            body,
        }
    }

    /// An answer with `body` as it is.
    pub fn text(status: u16, content_type: &'static str, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: vec![("content-type", content_type.to_owned())],
            body: body.into(),
        }
    }

    /// With a header, in place of one of the same name.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(own, _)| *own != name);
        self.headers.push((name, value.into()));
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// A header's value.
    pub fn header_of(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(own, _)| *own == name);
        header.map(|(_, value)| value.as_str())
    }

    /// The body.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The body read as JSON; null where it is none.
    pub fn body_json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

impl Serialize for Response {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        struct Headers<'a>(&'a [(&'static str, String)]);
        impl Serialize for Headers<'_> {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let mut map = to.serialize_map(Some(self.0.len()))?;
                for (name, value) in self.0 {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
        let mut answer = to.serialize_struct("Response", 4)?;
        answer.serialize_field("statusCode", &self.status)?;
        answer.serialize_field("headers", &Headers(&self.headers))?;
        answer.serialize_field("body", &self.body)?;
        answer.serialize_field("isBase64Encoded", &false)?;
        answer.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_what_the_gateway_takes() {
        let answer = Response::json(201, &json!({"a": "ä"}))
            .header("location", "/x")
            .header("location", "/y");
        assert_eq!(
            serde_json::to_value(&answer).expect("JSON"),
            json!({
                "statusCode": 201, "headers": {"content-type": "application/json", "location": "/y"},
                "body": "{\"a\":\"ä\"}", "isBase64Encoded": false,
            })
        );
    }
}
