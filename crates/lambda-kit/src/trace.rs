//! The X-Ray trace of an invocation goes along with each AWS call that it makes.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

tokio::task_local! {
    static TRACE: Option<String>;
}

/// Runs `work`, an invocation, as a part of that trace. A task that it spawns is no part of it.
pub async fn scope<F: Future>(trace: Option<String>, work: F) -> F::Output {
    TRACE.scope(trace, work).await
}

/// Interceptor of an SDK's client: sends the trace id of the invocation along. The SDK's own one reads it from the environment,
/// which nothing writes.
#[derive(Clone, Copy, Debug)]
pub struct TraceId;

/// The configuration of an SDK's client that sends the trace along: `traced!(aws_sdk_sqs, &config)`.
#[macro_export]
macro_rules! traced {
    ($sdk:ident, $aws:expr) => {
        $sdk::config::Builder::from($aws)
            .interceptor($crate::trace::TraceId)
            .build()
    };
}

#[dyn_dispatch_hint]
impl Intercept for TraceId {
    fn name(&self) -> &'static str {
        "TraceId"
    }

    fn modify_before_signing(
        &self,
        call: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let trace = TRACE.try_with(Clone::clone).ok().flatten();
        let headers = call.request_mut().headers_mut();
        // An id that no header can have is left out.
        let _ = trace.map(|id| headers.try_insert("x-amzn-trace-id", id));
        Ok(())
    }
}
