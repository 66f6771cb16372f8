//! HTTP as the generator speaks it: so many connections and no more, each used again, and no request sent twice.

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Who waits longer, a free connection included, has no answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends requests.
pub(super) struct Client {
    hyper: Hyper<HttpConnector, Full<Bytes>>,
    room: Semaphore,
}

/// What is sent.
pub(super) struct Call<'c> {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: &'c [(&'static str, &'c str)],
    pub(super) body: Option<Vec<u8>>,
}

impl<'c> Call<'c> {
    /// A GET.
    pub(super) fn get(url: String) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: &[],
            body: None,
        }
    }

    /// A POST of JSON.
    pub(super) fn post(url: String, body: &serde_json::Value) -> Self {
        Self {
            method: Method::POST,
            url,
            headers: &[],
            body: Some(body.to_string().into_bytes()),
        }
    }

    /// The same with these headers.
    pub(super) fn with(self, headers: &'c [(&'static str, &'c str)]) -> Self {
        Self { headers, ..self }
    }

    fn request(self) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.url)
            .header("accept", "application/json")
            .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64) kontor-bench");
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        if self.body.is_some() {
            request = request.header("content-type", "application/json");
        }
        Ok(request.body(Full::from(self.body.unwrap_or_default()))?)
    }
}

impl Client {
    /// A client of at most so many connections.
    pub(super) fn new(connections: usize) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let hyper = Hyper::builder(TokioExecutor::new())
            .pool_max_idle_per_host(connections)
            .retry_canceled_requests(false)
            .build(connector);
        Self {
            hyper,
            room: Semaphore::new(connections),
        }
    }

    /// The body of a 2xx, or why there is none.
    pub(super) async fn ask(&self, call: Call<'_>, due: Instant) -> Result<Bytes, String> {
        let answer = tokio::time::timeout_at(due + PATIENCE, self.send(call)).await;
        let (status, body) = answer
            .map_err(|_| format!("no answer in {} s", PATIENCE.as_secs()))?
            .map_err(|error| format!("{error:#}"))?;
        if status.is_success() {
            return Ok(body);
        }
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let code = problem["code"].as_str().unwrap_or_default();
        Err(format!("{} {code}", status.as_u16()).trim_end().to_owned())
    }

    async fn send(&self, call: Call<'_>) -> anyhow::Result<(http::StatusCode, Bytes)> {
        let request = call.request()?;
        let _room = self.room.acquire().await?;
        let answer = self.hyper.request(request).await.context("the connection")?;
        let status = answer.status();
        let body = answer.into_body().collect().await.context("the answer")?;
        Ok((status, body.to_bytes()))
    }
}
