//! The stack's address: the website and `/api`, as CloudFront and API Gateway would serve them.
//!
//! The throttling of the template's routes is not enforced: one developer's load test would meet it at once.

mod answer;
mod event;
mod routes;
mod website;

use crate::runtime::{Runtime, new_request_id};
use crate::template::Function;
use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::serve::ListenerExt;
use event::Arrival;
use routes::{Match, Routes};
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower_http::CompressionLevel;
use tower_http::compression::{CompressionLayer, predicate};
use website::Website;

/// API Gateway takes no larger body.
const LARGEST_BODY: usize = 10 * 1024 * 1024;
/// API Gateway waits no longer for a function.
const INTEGRATION_LIMIT: Duration = Duration::from_secs(30);
/// CloudFront compresses nothing smaller.
const SMALLEST_COMPRESSED: u64 = 1000;
/// Everything under it goes to the API.
const API_PREFIX: &str = "/api/";

/// What CloudFront's response headers policy (`infra/site.yaml`) adds to the website. `'self'` alone may load, connect or frame: the page
/// needs nothing from elsewhere, and the payment page is a page of its own.
const SITE_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; \
             frame-ancestors 'none'",
        ),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("strict-origin-when-cross-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=()"),
    ),
];

/// The running gateway. It ends when this is dropped.
#[derive(Debug)]
pub struct Gateway {
    url: String,
    _guard: DropGuard,
}

/// A gateway that has its port and serves nothing yet: the functions' environment carries its address, so it is known
/// before they are.
#[derive(Debug)]
pub struct GatewayPort {
    listener: TcpListener,
    url: String,
}

struct Shared {
    routes: Routes,
    website: Website,
    runtime: Runtime,
}

impl GatewayPort {
    /// Takes the port; 0 is any free one.
    pub async fn bind(port: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .with_context(|| format!("the gateway cannot listen on port {port}"))?;
        let url = format!("http://localhost:{}", listener.local_addr()?.port());
        Ok(Self { listener, url })
    }

    /// Its address, for instance `http://localhost:3000`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Begins to serve.
    pub fn serve(self, functions: &[Function], website: &Path, runtime: Runtime) -> Gateway {
        let shared = Shared {
            routes: Routes::of(functions),
            website: Website::new(website),
            runtime,
        };
        let worth_compressing = predicate::Predicate::and(
            predicate::DefaultPredicate::new(),
            predicate::SizeAbove::new(SMALLEST_COMPRESSED),
        );
        let compression = CompressionLayer::new()
            // About what the CDN does.
            .quality(CompressionLevel::Precise(5))
            .compress_when(worth_compressing);
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::new(shared))
            .layer(compression);
        let cancelled = CancellationToken::new();
        let guard = cancelled.clone().drop_guard();
        let listener = self.listener.tap_io(|stream| {
            // Answers are small: waiting for more to send would cost up to 40 ms each.
            let _ = stream.set_nodelay(true);
        });
        tokio::spawn(async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            let _ = cancelled
                .run_until_cancelled(axum::serve(listener, service).into_future())
                .await;
        });
        Gateway {
            url: self.url,
            _guard: guard,
        }
    }
}

impl Gateway {
    /// Its address, for instance `http://localhost:3000`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(source): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    if request.headers().get_all(header::HOST).iter().count() > 1 {
        return answer::message(StatusCode::BAD_REQUEST);
    }
    if request.uri().path().starts_with(API_PREFIX) {
        return shared.api(request, source).await;
    }
    let mut response = shared.website.answer(request).await;
    response
        .headers_mut()
        .extend(SITE_HEADERS.map(|(name, value)| (Some(name), value)));
    response
}

impl Shared {
    async fn api(&self, request: Request, source: SocketAddr) -> Response<Body> {
        let request_id = new_request_id();
        let mut response = match self.routes.find(request.method().as_str(), request.uri().path()) {
            Some(route) => {
                let arrival = Arrival {
                    request_id: &request_id,
                    source: source.ip(),
                    at: jiff::Timestamp::now(),
                };
                let (head, body) = request.into_parts();
                self.invoke(&route, head, body, arrival).await
            }
            None => answer::message(StatusCode::NOT_FOUND),
        };
        if let Ok(id) = HeaderValue::try_from(request_id) {
            response.headers_mut().insert("apigw-requestid", id);
        }
        response
    }

    async fn invoke(
        &self,
        route: &Match<'_>,
        head: axum::http::request::Parts,
        body: Body,
        arrival: Arrival<'_>,
    ) -> Response<Body> {
        if announced_length(&head.headers).is_some_and(|length| length > LARGEST_BODY) {
            return answer::message(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
            return answer::message(StatusCode::PAYLOAD_TOO_LARGE);
        };
        let event = event::event(&head, &body, route, arrival);
        drop(body);
        match tokio::time::timeout(INTEGRATION_LIMIT, self.runtime.invoke(route.function, event)).await {
            Ok(Ok(payload)) => answer::returned(&payload),
            Ok(Err(error)) => answer::failed(&error),
            Err(_) => answer::message(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

fn announced_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Document;
    use std::collections::BTreeMap;

    #[test]
    fn the_website_has_the_headers_that_the_cdn_adds() {
        let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/site.yaml");
        let site = Document::read(&site).expect("the template of the site");
        let policy = &site.properties_of("WebsiteHeaders")["ResponseHeadersPolicyConfig"];
        let (own, custom) = (
            &policy["SecurityHeadersConfig"],
            &policy["CustomHeadersConfig"]["Items"][0],
        );
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        // What it says is fixed. HSTS is the CDN's alone: nothing here speaks TLS.
        assert!(own["ContentTypeOptions"].is_object());
        let cdn = BTreeMap::from([
            ("x-content-type-options".to_owned(), "nosniff".to_owned()),
            (
                "content-security-policy".to_owned(),
                text(&own["ContentSecurityPolicy"]["ContentSecurityPolicy"]),
            ),
            (
                "x-frame-options".to_owned(),
                text(&own["FrameOptions"]["FrameOption"]),
            ),
            (
                "referrer-policy".to_owned(),
                text(&own["ReferrerPolicy"]["ReferrerPolicy"]),
            ),
            (text(&custom["Header"]), text(&custom["Value"])),
        ]);
        let local =
            SITE_HEADERS.map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()));
        assert_eq!(BTreeMap::from(local), cdn);
    }
}
