use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures_util::FutureExt;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::http::Method;
use lambda_http::{Body, Context, Request, RequestExt};

use super::origin::Locked;
use super::{ReadRequest, Response, event};
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

/// Answers requests until Lambda ends the process: all of them, or with `ORIGIN_KEYS` in the environment those that came
/// through the CDN.
///
/// # Errors
/// Where those keys cannot be read, or Lambda's own interface fails.
pub async fn serve<H: Handle>(handler: H) -> Result<(), Error> {
    let handler = &Locked::new(handler, Variables::of_the_process())?;
    invocations::run(async |event: &str, context| Ok(into_event(answer_event(handler, event, context).await)))
        .await
}

/// Answers an event, whatever is in it.
pub(crate) async fn answer_event<H: Handle>(handler: &H, event: &str, context: Context) -> Response {
    let request = read_event(event, H::ROUTES).map(|request| request.with_lambda_context(context.clone()));
    let request = match request {
        Ok(request) => request,
        Err(problem) => return problem.into_response(&context.request_id),
    };
    let failed = |response: &Response| usize::from(response.status().is_server_error());
    metrics::measured(request.route(), failed, answer(handler, &request)).await
}

/// Reads an event: its request, which is given the one of `routes` that it fits where no gateway chose one.
///
/// # Errors
/// 400 for what is no event of these sources, 414 for a longer address than any server takes.
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
    event.status_code = parts.status.as_u16().into();
    event.headers = parts.headers;
    event.is_base64_encoded = matches!(body, Body::Binary(_));
    event.body = Some(body).filter(|body| *body != Body::Empty);
    event
}

/// Answers one request, and logs one line about it: route, status, kind of problem, and how long it took. Of a good read the
/// log of the API or of the CDN has what is worth keeping, so that here only level `debug` tells of it. A panic fails the
/// request alone. HEAD is answered as GET, without the body.
pub async fn answer(handler: &impl Handle, request: &Request) -> Response {
    let facts = vec![("request_id", request.id().to_owned())];
    telemetry::scope(facts, async {
        let begun = Instant::now();
        // Boxed: a use case is a deep and large future. Nothing of it is seen after a panic but what is behind its own locks.
        let outcome = AssertUnwindSafe(Box::pin(handler.handle(request)))
            .catch_unwind()
            .await;
        let outcome = outcome.unwrap_or_else(|_| Err(Problem::internal_error("a panic")));
        log(request.route(), &outcome, telemetry::milliseconds(begun));
        let response = outcome.unwrap_or_else(|problem| problem.into_response(request.id()));
        if request.method() == Method::HEAD {
            response.map(|_| Body::Empty)
        } else {
            response
        }
    })
    .await
}

fn log(route: &str, outcome: &Result<Response, Problem>, duration_ms: f64) {
    let problem = outcome.as_ref().err();
    let status = outcome
        .as_ref()
        .map_or_else(Problem::status, |response| response.status().as_u16());
    let code = problem.map(Problem::code);
    let error = problem
        .and_then(Problem::cause)
        .map(|cause| telemetry::chain(cause));
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
