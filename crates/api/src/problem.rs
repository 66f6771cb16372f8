use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Quote;

/// Why a request was not done (RFC 9457), as a client reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:kontor:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind to a person, the same each time.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong this time.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The kind to a machine.
    pub code: String,
    /// What is wrong with what was sent, one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// The request, as the shop's log names it.
    #[serde(default)]
    pub request_id: String,
    /// The fresh price, where price or stock changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<Quote>,
    /// Further members.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// One thing wrong with what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Where: a JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    /// What, to a machine.
    pub code: String,
    /// What, to a person.
    #[serde(default)]
    pub detail: String,
    /// The SKU, of an item that cannot be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The pieces left, of an item that cannot be had in full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<u32>,
    /// Further members.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use testkit::an_order;

    use super::*;

    #[test]
    fn a_problem_is_read_and_written_alike() {
        let json = json!({
            "type": "urn:kontor:problem:sold_out", "title": "t", "status": 409, "detail": "d", "code": "sold_out",
            "errors": [{"pointer": "/items/0", "code": "sold_out", "detail": "x", "sku": "A", "available": 2, "hint": 1}],
            "request_id": "r1", "quote": Quote::from(an_order().draft().quote()), "order_status": "paid",
        });
        let problem: Problem = serde_json::from_value(json.clone()).expect("a problem");
        assert_eq!(problem.errors[0].available, Some(2));
        assert_eq!(problem.more["order_status"], "paid");
        assert_eq!(serde_json::to_value(&problem).expect("JSON"), json);
    }

    #[test]
    fn what_is_not_told_may_be_left_out() {
        let json = json!({"type": "urn:kontor:problem:busy", "title": "t", "status": 503, "code": "busy", "quote": null});
        let problem: Problem = serde_json::from_value(json).expect("a problem");
        assert_eq!((problem.errors.len(), problem.quote), (0, None));
    }
}
