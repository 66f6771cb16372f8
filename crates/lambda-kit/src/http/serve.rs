use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::http::Method;
use lambda_http::{Body, Context, Request, RequestExt};
use subtle::{Choice, ConstantTimeEq};

use super::{ReadRequest, ReadResponse, Response, event};
use crate::config::Variables;
use crate::{Error, Problem, invocations, metrics, telemetry};

/// What a function does with a request.
pub trait Handle {
    /// Its routes, such as `GET /api/things/{id}`, where it is asked by its own URL too: API Gateway chooses by the template, the
    /// URL not at all.
    const ROUTES: &'static [&'static str] = &[];

    /// Answers a request.
    fn handle(&self, request: &Request) -> impl Future<Output = Result<Response, Problem>>;
}

/// Origin lock: refuses requests that bypass the CDN, its firewall and its caches.
pub(super) struct Locked<H> {
    handler: H,
    /// Of which the CDN shows one in `x-origin-key`; none at all where the API answers everybody.
    keys: Option<Vec<String>>,
}

impl<H> Locked<H> {
    /// Locks `handler` with the keys in `ORIGIN_KEYS`: comma separated, so that two are live while one is rolled. Where the variable is
    /// not set, nothing is locked. One that is set and empty has too short a key, so that a secret gone missing opens nothing.
    pub(super) fn new(handler: H, env: &Variables) -> Result<Self, &'static str> {
        let keys = env.get("ORIGIN_KEYS");
        let keys = keys.map(|text| text.split(',').map(|key| key.trim().to_owned()).collect());
        let keys: Option<Vec<String>> = keys;
        if keys.iter().flatten().any(|key| key.len() < 32) {
            return Err("ORIGIN_KEYS: each key needs 32 characters or more");
        }
        Ok(Self { handler, keys })
    }
}

impl<H: Handle> Handle for Locked<H> {
    const ROUTES: &'static [&'static str] = H::ROUTES;

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let shown = request.header("x-origin-key").unwrap_or_default().as_bytes();
        // Every key is compared, each in constant time.
        let any = |open: Choice, key: &String| open | key.as_bytes().ct_eq(shown);
        let keys = self.keys.as_ref();
        if keys.is_none_or(|keys| keys.iter().fold(Choice::from(0), any).into()) {
            return self.handler.handle(request).await;
        }
        let problem = Problem::new(403, "origin_locked", "This is not the way in");
        Err(problem.detail("Ask at the shop's own address."))
    }
}

/// Answers requests until Lambda ends the process or its interface fails: all of them, or with `ORIGIN_KEYS` in the environment those
/// that came through the CDN.
pub async fn serve<H: Handle>(handler: H) -> Result<(), Error> {
    let handler = &Locked::new(handler, &Variables::of_the_process())?;
    let answer = async |event: &str, context| Ok(into_event(answer_event(handler, event, context).await));
    invocations::run(answer).await
}

/// Answers an event, whatever is in it.
pub(super) async fn answer_event<H: Handle>(handler: &H, event: &str, context: Context) -> Response {
    match read_event(event, H::ROUTES) {
        Err(problem) => problem.into_response(&context.request_id),
        Ok(request) => {
            let request = request.with_lambda_context(context);
            let failed = |response: &Response| usize::from(response.status().is_server_error());
            metrics::measured(request.route(), failed, answer(handler, &request)).await
        }
    }
}

/// Reads an event: its request, which is given the one of `routes` that it fits where no gateway chose one. 400 for what is no event
/// of these sources, 414 for a longer address than any server takes.
pub fn read_event(event: &str, routes: &[&str]) -> Result<Request, Problem> {
    let read = invocations::read::<ApiGatewayV2httpRequest>(event);
    let mut event = read.map_err(|_| Problem::new(400, "malformed_request", "The request cannot be read"))?;
    event::route(&mut event, routes);
    event::into_request(event)
}

/// An answer in payload format 2.0.
pub(super) fn into_event(response: Response) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let mut event = ApiGatewayV2httpResponse::default();
    (event.status_code, event.headers) = (parts.status.as_u16().into(), parts.headers);
    event.is_base64_encoded = matches!(body, Body::Binary(_));
    event.body = Some(body).filter(|body| *body != Body::Empty);
    event
}

/// Answers one request, and logs one line about it: route, status, kind of problem, and how long it took. A panic fails the
/// request alone. HEAD is answered as GET, without the body.
pub async fn answer(handler: &impl Handle, request: &Request) -> Response {
    let answered = async {
        let (outcome, duration_ms) = invocations::guarded(Box::pin(handler.handle(request))).await;
        let outcome = outcome.unwrap_or_else(|panic| Err(Problem::internal_error(panic)));
        log(request.route(), &outcome, duration_ms);
        let response = outcome.unwrap_or_else(|problem| problem.into_response(request.id()));
        if request.method() == Method::HEAD {
            response.map(|_| Body::Empty)
        } else {
            response
        }
    };
    telemetry::scope("request_id", request.id().to_owned(), answered).await
}

/// Of a good read the log of the API or of the CDN has what is worth keeping: only level `debug` has it.
fn log(route: &str, outcome: &Result<Response, Problem>, duration_ms: f64) {
    let problem = outcome.as_ref().err();
    let status = outcome.as_ref().map_or_else(Problem::status, ReadResponse::code);
    let code = problem.map(Problem::code);
    let cause = problem.and_then(Problem::cause);
    let error = cause.map(|cause| telemetry::chain(cause));
    // The level is part of a line's static data, hence a line for each.
    macro_rules! line {
        ($level:ident, $message:literal) => {
            tracing::$level!(
                http.route = route,
                http.status = status,
                problem.code = code,
                error,
                duration_ms,
                $message
            )
        };
    }
    match problem {
        None if route.starts_with("GET ") => line!(debug, "answered"),
        None => line!(info, "answered"),
        Some(problem) if problem.is_unexpected() => line!(error, "failed"),
        Some(_) if status >= 500 => line!(warn, "put off"),
        Some(_) => line!(info, "refused"),
    }
}
