use std::convert::Infallible;
use std::time::Instant;

use super::origin::Locked;
use super::{Request, Response};
use crate::config::Variables;
use crate::invocations::{self, Invocation};
use crate::{Error, Problem, metrics, telemetry};

/// What a function does with a request.
pub trait Handle {
    /// Its routes, such as `GET /api/things/{id}`, where it is asked by its own URL too: API Gateway chooses by the template, the URL not at all.
    const ROUTES: &'static [&'static str] = &[];

    /// Answers a request.
    fn handle(&self, request: &Request) -> impl Future<Output = Result<Response, Problem>>;
}

/// Answers requests until Lambda ends the process: all of them, or with `ORIGIN_KEYS` in the environment those that came through the CDN.
///
/// # Errors
/// Where those keys cannot be read, or Lambda's own interface fails.
pub async fn serve<H: Handle>(handler: H) -> Result<(), Error> {
    let handler = &Locked::new(handler, Variables::of_the_process())?;
    invocations::serve(async |asked: Invocation<Request>| {
        let payload = asked.payload.routed(H::ROUTES);
        let request = if payload.id().is_empty() {
            payload.with_id(&asked.request_id)
        } else {
            payload
        };
        let failed = |response: &Response| usize::from(response.status() >= 500);
        let answered = metrics::measured(request.route(), failed, answer(handler, &request));
        Ok::<_, Infallible>(answered.await)
    })
    .await
}

/// Answers one request, and logs one line about it: route, status, kind of problem, and how long it took. Of a good read the log of the API
/// or of the CDN has what is worth keeping, so that here only level `debug` tells of it.
pub async fn answer(handler: &impl Handle, request: &Request) -> Response {
    let facts = vec![("request_id", request.id().to_owned())];
    telemetry::scope(facts, async {
        let begun = Instant::now();
        // Boxed: a use case is a deep and large future.
        let outcome = Box::pin(handler.handle(request)).await;
        log(request, &outcome, begun.elapsed().as_secs_f64() * 1_000.0);
        outcome.unwrap_or_else(|problem| problem.into_response(request.id()))
    })
    .await
}

fn log(request: &Request, outcome: &Result<Response, Problem>, milliseconds: f64) {
    let route = request.route();
    let duration_ms = (milliseconds * 1_000.0).round() / 1_000.0;
    let problem = match outcome {
        Ok(response) => {
            let status = response.status();
            // The level is part of a line's static data, hence several of each.
            if route.starts_with("GET ") {
                tracing::debug!(http.route = route, http.status = status, duration_ms, "answered");
            } else {
                tracing::info!(http.route = route, http.status = status, duration_ms, "answered");
            }
            return;
        }
        Err(problem) => problem,
    };
    let (status, code) = (problem.status(), problem.code());
    let error = problem.cause().map(|cause| telemetry::chain(cause));
    if problem.is_unexpected() {
        tracing::error!(
            http.route = route,
            http.status = status,
            problem.code = code,
            error,
            duration_ms,
            "failed"
        );
    } else if status >= 500 {
        tracing::warn!(
            http.route = route,
            http.status = status,
            problem.code = code,
            error,
            duration_ms,
            "put off"
        );
    } else {
        tracing::info!(
            http.route = route,
            http.status = status,
            problem.code = code,
            error,
            duration_ms,
            "refused"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails;

    impl Handle for Fails {
        async fn handle(&self, _: &Request) -> Result<Response, Problem> {
            Err(Problem::internal_error("the disk is gone"))
        }
    }

    #[test]
    fn a_problem_carries_the_requests_id_and_hides_its_cause() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let response = runtime.block_on(answer(&Fails, &Request::to("GET /").with_id("r7")));
        assert_eq!(response.status(), 500);
        let body = response.body_json();
        assert_eq!(
            (body["request_id"].as_str(), body["code"].as_str()),
            (Some("r7"), Some("internal_error"))
        );
        assert!(!response.body().contains("disk"));
    }
}
