//! What the engines' tests share: a call on the wire, as the AWS SDK makes it.

use serde_json::Value;

/// Calls the operation `target` of the engine at `endpoint`, signed by `caller`.
pub(crate) async fn call(endpoint: &str, caller: &str, target: &str, body: &Value) -> reqwest::Response {
    let signature = format!(
        "AWS4-HMAC-SHA256 Credential={caller}/20261121/eu-central-1/any/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=00"
    );
    let request = super::http_client()
        .expect("a client")
        .post(endpoint)
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", target)
        .header("authorization", signature)
        .header("x-amz-date", "20261121T000000Z")
        .body(body.to_string());
    request.send().await.expect("an answer")
}
