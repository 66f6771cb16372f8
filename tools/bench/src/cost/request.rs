//! What one request takes, from what was measured.

use anyhow::{Context, bail};

use super::Basis;
use crate::figures::{Call, WarmRequest};
use crate::stand::Request;

/// Microseconds in a millisecond.
const US: f64 = 1_000.0;
/// Megabytes in a gigabyte, as Lambda bills them.
const MB: f64 = 1_024.0;

/// What one invocation takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Work {
    /// Billed, in milliseconds.
    pub(crate) billed_ms: f64,
    /// Billed.
    pub(crate) gb_s: f64,
    /// DynamoDB's read request units.
    pub(crate) reads: f64,
    /// DynamoDB's write request units.
    pub(crate) writes: f64,
    /// Of the writes, those in transactions: twice what they were by themselves.
    pub(crate) writes_in_transactions: f64,
    /// Calls to SQS.
    pub(crate) queue_calls: f64,
    /// Its log, in bytes as they are billed.
    pub(crate) log_bytes: f64,
    /// The answer, in bytes.
    pub(crate) answer_bytes: f64,
}

impl Basis {
    /// What a request takes.
    pub(crate) fn work(&self, request: Request) -> anyhow::Result<Work> {
        let measured = self.measured(request)?;
        let memory_mb = self.function(measured.function.as_str())?.memory_mb;
        let of = |service: &'static str| {
            measured
                .calls
                .iter()
                .filter(move |call| service_of(call) == service)
        };
        let waiting: f64 = measured
            .calls
            .iter()
            .map(|call| Ok(call.count * self.latency_ms(call)?))
            .sum::<anyhow::Result<f64>>()?;
        let busy = measured.cpu_us / US / self.cpu_share(memory_mb);
        let billed_ms = billed(busy + waiting + self.outside_ms(request));
        let transactions = of("DynamoDB").filter(|call| call.operation.contains("Transact"));
        Ok(Work {
            billed_ms,
            gb_s: gb_s(billed_ms, memory_mb),
            reads: measured.calls.iter().map(|call| call.read_units).sum(),
            writes: measured.calls.iter().map(|call| call.write_units).sum(),
            writes_in_transactions: transactions.map(|call| call.write_units).sum(),
            queue_calls: of("SQS").map(|call| call.count).sum(),
            log_bytes: self.log_bytes(measured),
            answer_bytes: measured.answer_bytes,
        })
    }

    /// The first measurement of this kind.
    fn measured(&self, request: Request) -> anyhow::Result<&WarmRequest> {
        let mut all = self.warm.requests.iter();
        all.find(|measured| measured.request.starts_with(request.name()))
            .with_context(|| format!("`warm` measured no `{}`", request.name()))
    }

    /// The share of a processor that so much memory comes with.
    pub(crate) fn cpu_share(&self, memory_mb: f64) -> f64 {
        (memory_mb / self.list.assumptions.cpu_share_mb.value).min(1.0)
    }

    /// The time that others outside AWS take for it, in milliseconds.
    fn outside_ms(&self, request: Request) -> f64 {
        match request {
            Request::PaymentPage => self.list.assumptions.payment_provider_ms.value,
            // At the default rate the forwarder's pause, which keeps to it, ends with the warehouse's answer.
            Request::HandOver => self.list.assumptions.warehouse_ms.value,
            _ => 0.0,
        }
    }

    /// As if a function's calls waited for each other.
    fn latency_ms(&self, call: &Call) -> anyhow::Result<f64> {
        let assumed = &self.list.assumptions;
        Ok(match service_of(call) {
            "DynamoDB" => assumed.dynamodb_ms.value,
            "SQS" => assumed.queue_ms.value,
            "SecretsManager" => assumed.secrets_ms.value,
            // In the time outside already.
            "Stripe" | "ERP" => 0.0,
            other => bail!("nobody knows how long {other} takes"),
        })
    }

    /// What the function logs, with what each line adds; what the platform adds is by the template.
    fn log_bytes(&self, measured: &WarmRequest) -> f64 {
        let assumed = &self.list.assumptions;
        let event = assumed.log_event_bytes.value;
        let lines = |bytes: f64| bytes * (1.0 + event / assumed.log_line_bytes.value);
        let own = lines(measured.log_bytes) + self.shop.more_log_bytes;
        let platform = assumed.platform_log_bytes.value + 3.0 * event;
        if self.shop.platform_logs {
            own + platform
        } else {
            own
        }
    }
}

/// Whether it comes through the CDN.
pub(crate) fn is_called(request: Request) -> bool {
    !matches!(request, Request::HandOver | Request::Minute)
}

/// Lambda bills whole milliseconds.
pub(crate) fn billed(ms: f64) -> f64 {
    ms.ceil().max(1.0)
}

/// A time at so much memory.
pub(crate) fn gb_s(ms: f64, memory_mb: f64) -> f64 {
    ms / 1_000.0 * memory_mb / MB
}

fn service_of(call: &Call) -> &str {
    call.operation.split('.').next().unwrap_or_default()
}
