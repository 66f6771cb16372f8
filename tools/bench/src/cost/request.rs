//! What one invocation takes on AWS, from what was measured here.

use anyhow::{Context, bail};

use super::Basis;
use crate::figures::{Call, WarmRequest};
use crate::rig::Request;

/// Billed quantities of one invocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) billed_ms: f64,
    pub(crate) gb_s: f64,
    /// DynamoDB's read request units.
    pub(crate) reads: f64,
    /// DynamoDB's write request units outside of transactions.
    pub(crate) writes: f64,
    /// Those in transactions: twice what they were by themselves.
    pub(crate) transaction_writes: f64,
    pub(crate) queue_calls: f64,
    /// With what CloudWatch adds to each line.
    pub(crate) log_bytes: f64,
    pub(crate) answer_bytes: f64,
}

impl Basis {
    /// What a request takes.
    pub(crate) fn work(&self, request: Request) -> anyhow::Result<Work> {
        let measured = self.measured(request)?;
        let memory_mb = self.function(&measured.function)?.memory_mb;
        let sum = |of: &dyn Fn(&Call) -> f64| measured.calls.iter().map(of).sum::<f64>();
        let mut waiting_ms = self.outside_ms(request);
        for call in &measured.calls {
            waiting_ms += call.count * self.latency_ms(call)?;
        }
        let billed_ms = billed(measured.cpu_us / 1e3 / self.cpu_share(memory_mb) + waiting_ms);
        let all_writes = sum(&|call| call.write_units);
        let transaction_writes = sum(&|call| number(call.operation.contains("Transact")) * call.write_units);
        Ok(Work {
            billed_ms,
            gb_s: gb_s(billed_ms, memory_mb),
            reads: sum(&|call| call.read_units),
            writes: all_writes - transaction_writes,
            transaction_writes,
            queue_calls: sum(&|call| number(service(call) == "SQS") * call.count),
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

    /// The share of a processor that comes with so much memory.
    pub(crate) fn cpu_share(&self, memory_mb: f64) -> f64 {
        (memory_mb / self.list.assumptions.cpu_share_mb.value).min(1.0)
    }

    /// The time that services outside AWS take.
    fn outside_ms(&self, request: Request) -> f64 {
        match request {
            Request::PaymentPage => self.list.assumptions.payment_provider_ms.value,
            // The forwarder's pause between orders ends with the warehouse's answer.
            Request::HandOver => self.list.assumptions.warehouse_ms.value,
            _ => 0.0,
        }
    }

    /// As if a function's calls waited for each other.
    fn latency_ms(&self, call: &Call) -> anyhow::Result<f64> {
        let assumed = &self.list.assumptions;
        Ok(match service(call) {
            "DynamoDB" => assumed.dynamodb_ms.value,
            "SQS" => assumed.queue_ms.value,
            "SecretsManager" => assumed.secrets_ms.value,
            // In the time outside already.
            "Stripe" | "ERP" => 0.0,
            other => bail!("no latency is assumed for {other}"),
        })
    }

    fn log_bytes(&self, measured: &WarmRequest) -> f64 {
        let assumed = &self.list.assumptions;
        let event = assumed.log_event_bytes.value;
        let own = measured.log_bytes * (1.0 + event / assumed.log_line_bytes.value);
        let platform = number(self.shop.platform_logs) * (assumed.platform_log_bytes.value + 3.0 * event);
        own + self.shop.more_log_bytes + platform
    }
}

/// Lambda bills whole milliseconds.
pub(crate) fn billed(ms: f64) -> f64 {
    ms.ceil().max(1.0)
}

/// A duration at so much memory, in Lambda's GB-seconds.
pub(crate) fn gb_s(ms: f64, memory_mb: f64) -> f64 {
    ms / 1_000.0 * memory_mb / 1_024.0
}

/// One or zero.
pub(crate) fn number(applies: bool) -> f64 {
    f64::from(u8::from(applies))
}

fn service(call: &Call) -> &str {
    call.operation.split('.').next().unwrap_or_default()
}
