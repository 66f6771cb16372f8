//! What a period uses of AWS, from what was measured here.

use std::collections::BTreeMap;

use anyhow::Context;

use super::Basis;
use super::bill::{Bill, Values, sum, values};
use crate::rig::{Call, Request, exact};

/// A month, as AWS counts it.
pub(crate) const HOURS_A_MONTH: f64 = 730.0;
/// CloudWatch's gigabyte.
const GIB: f64 = 1_073_741_824.0;
/// Metrics that the reconciler writes in every run.
pub(crate) const WAITING: [&str; 2] = ["OrdersWaiting", "OldestWaitingOrder"];
/// Metrics besides, where orders come and nothing fails. CloudWatch bills the hours in which a metric has a value.
pub(crate) const ALL_WELL: [&str; 6] = [
    "OrdersPlaced",
    "RevenuePlaced",
    "OrdersPaid",
    "RevenuePaid",
    "OrdersForwarded",
    "ForwardDelay",
];
/// One metric counts the cold starts of all functions.
const COLD_STARTS: f64 = 1.0;

/// What an order asks of the shop, besides the catalogue, as `web/js` does it: a quote for the cart, one more for a changed quantity, the order,
/// its payment page, the provider's webhook, its status after the return. Stripe sends a shopper back when the webhook was answered
/// (<https://docs.stripe.com/checkout/fulfillment>): the order is paid then, and the page asks once.
const ORDER: [(Request, f64); 6] = [
    (Request::Quote, 2.0),
    (Request::Checkout, 1.0),
    (Request::PaymentPage, 1.0),
    (Request::Paid, 1.0),
    (Request::Status, 1.0),
    (Request::HandOver, 1.0),
];

/// What happens in a period.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Traffic {
    pub(crate) hours: f64,
    /// Requests at the CDN.
    pub(crate) cdn: f64,
    /// Requests for products that reach their function.
    pub(crate) catalogue: f64,
    pub(crate) orders: f64,
}

impl Traffic {
    /// An hour with so many requests a second at the CDN and behind it, those of orders included, and so many orders a minute.
    pub(crate) fn hour(cdn_a_second: f64, behind_a_second: f64, orders_a_minute: f64) -> Self {
        let orders = orders_a_minute * 60.0;
        Self {
            hours: 1.0,
            cdn: cdn_a_second * 3_600.0,
            catalogue: (behind_a_second * 3_600.0 - orders * requests_of_an_order()).max(0.0),
            orders,
        }
    }

    /// All that is asked; the reconciler runs every minute.
    fn requests(self, assumed: &Values) -> Vec<(Request, f64)> {
        let mut requests = vec![
            (Request::Page, assumed["listed"] * self.catalogue),
            (Request::Search, assumed["searched"] * self.catalogue),
            (Request::Product, assumed["shown"] * self.catalogue),
            (Request::Minute, self.hours * 60.0),
        ];
        requests.extend(ORDER.map(|(request, times)| (request, times * self.orders)));
        requests.retain(|(_, times)| *times > 0.0);
        requests
    }
}

/// The requests of an order that come through the CDN.
pub(crate) fn requests_of_an_order() -> f64 {
    let through_cdn = ORDER.iter().filter(|(request, _)| request.is_http());
    through_cdn.map(|(_, times)| times).sum()
}

impl Basis {
    /// What the period costs. `stage` has what stands in it, whether or not anybody buys.
    pub(crate) fn bill(&self, traffic: Traffic, stage: &Values) -> anyhow::Result<Bill<'_>> {
        let mut all = values([
            ("gib", 1.0 / GIB),
            ("hours", traffic.hours),
            ("hours_with_orders", number(traffic.orders > 0.0) * traffic.hours),
            ("orders", traffic.orders),
            ("cdn_requests", traffic.cdn),
            ("http_api", 1.0 - self.values["rest_api"]),
        ]);
        all.extend(self.values.clone());
        all.extend(stage.clone());
        let mut functions: BTreeMap<&str, Values> = BTreeMap::new();
        for (request, times) in traffic.requests(&self.values) {
            let usage = functions.entry(request.function()).or_default();
            for (name, value) in self.work(request)? {
                *usage.entry(name.clone()).or_default() += times * value;
                *all.entry(name).or_default() += times * value;
            }
        }
        let mut bill = Bill::by(&self.list);
        all.extend(self.add_functions(&mut bill, traffic, &functions)?);
        bill.add_items(&all)?;
        Ok(bill)
    }

    /// What one request takes.
    pub(crate) fn work(&self, request: Request) -> anyhow::Result<Values> {
        let known = &self.values;
        let mut measured = self.warm.requests.iter();
        let measured = measured.find(|one| one.request.starts_with(request.name()));
        let measured = measured.with_context(|| format!("`warm` measured no {}", request.name()))?;
        // As if a function's calls waited for each other. The forwarder's pause between orders ends with the warehouse's answer.
        let mut waiting_ms = match request {
            Request::PaymentPage => known["payment_provider_ms"],
            Request::HandOver => known["warehouse_ms"],
            _ => 0.0,
        };
        for call in &measured.calls {
            let latency = known.get(&format!("{}_ms", service(call)));
            let latency = latency.with_context(|| format!("no latency is assumed for {}", service(call)))?;
            waiting_ms += call.count * latency;
        }
        let calls = |of: fn(&Call) -> f64| sum(measured.calls.iter().map(of));
        let together = calls(|call| number(call.operation.contains("Transact")) * call.write_units);
        let memory_mb = self.memory_mb(request.function())?;
        let billed_ms = billed(measured.cpu_us / 1e3 / self.cpu_share(memory_mb) + waiting_ms);
        let event = known["log_event_bytes"];
        let own_log = measured.log_bytes * (1.0 + event / known["log_line_bytes"]);
        let platform_log = known["platform_logs"] * (known["platform_log_bytes"] + 3.0 * event);
        let api_log = known["access_log_bytes"] + event;
        // What the API is asked: for orders, and for products where the CDN does not ask their function.
        let of_products = number(request.is_catalogue()) * known["catalogue_by_api"];
        let of_orders = number(request.is_http() && !request.is_catalogue());
        let units = (measured.answer_bytes / known["api_unit_bytes"]).ceil().max(1.0);
        Ok(values([
            ("invocations", 1.0),
            ("billed_s", billed_ms / 1_000.0),
            ("gb_s", gb_s(billed_ms, memory_mb)),
            ("reads", calls(|call| call.read_units)),
            ("single_writes", calls(|call| call.write_units) - together),
            // Twice what they are one by one.
            ("transaction_writes", together / (1.0 + known["one_by_one"])),
            (
                "queue_calls",
                calls(|call| number(service(call) == "AmazonSQS") * call.count),
            ),
            ("log_bytes", own_log + known["more_log_bytes"] + platform_log),
            ("product_requests", of_products),
            ("product_units", of_products * units),
            ("order_requests", of_orders),
            ("order_units", of_orders * units),
            ("api_log_bytes", (of_products + of_orders) * api_log),
        ]))
    }

    /// Adds each function's items to the bill, and returns what all functions use together.
    fn add_functions(
        &self,
        bill: &mut Bill<'_>,
        traffic: Traffic,
        functions: &BTreeMap<&str, Values>,
    ) -> anyhow::Result<Values> {
        let (known, seconds) = (&self.values, traffic.hours * 3_600.0);
        let duration = if known["x86"] > 0.0 {
            "lambda_x86_64_duration"
        } else {
            "lambda_arm64_duration"
        };
        let with_orders = number(traffic.orders > 0.0) * exact(ALL_WELL.len());
        let mut metrics = exact(WAITING.len()) + COLD_STARTS + with_orders;
        let [
            mut all_processes,
            mut catalogue_processes,
            mut secret_reads,
            mut traces,
        ] = [0.0; 4];
        for (name, usage) in functions {
            let (function, memory_mb) = (self.function(name)?, self.memory_mb(name)?);
            let is_schedule = *name == Request::Minute.function();
            // As many as are busy on average, and some to spare; a schedule never starts two at once.
            let busy = (usage["billed_s"] / seconds).ceil();
            let processes = busy + number(!is_schedule) * known["spare_processes"];
            all_processes += processes;
            catalogue_processes += number(*name == Request::Page.function()) * processes;
            // Each operation has its duration.
            metrics += function.operations;
            traces += self.traced(usage["invocations"], traffic.hours);
            // Where nothing is due, the reconciler needs no secret.
            let reads = number(!is_schedule) * function.secret_reads_an_hour;
            secret_reads += processes * traffic.hours * reads;
            let cold = processes * gb_s(self.cold_ms(name, memory_mb)?, memory_mb);
            for (what, quantity, price) in [
                ("invocations", usage["invocations"], "lambda_requests"),
                ("duration", usage["gb_s"], duration),
                ("cold starts", cold, duration),
            ] {
                bill.add(line_of(name), &format!("{name}: {what}"), quantity, price)?;
            }
        }
        let key_users = all_processes.min(exact(functions.len()) * known["key_users_a_function"]);
        let behind_api = self
            .functions
            .keys()
            .filter(|name| line_of(name) == line_of("checkout"));
        let memory_mb = behind_api
            .map(|name| self.memory_mb(name))
            .sum::<anyhow::Result<f64>>()?;
        Ok(values([
            ("catalogue_processes", catalogue_processes),
            ("secret_reads", secret_reads),
            ("traces", traces),
            ("key_uses", key_users * known["key_uses_an_hour"] * traffic.hours),
            ("metric_months", metrics * traffic.hours / HOURS_A_MONTH),
            (
                "provisioned_gb_s",
                known["kept_warm"] * gb_s(seconds * 1_000.0, memory_mb),
            ),
        ]))
    }

    fn memory_mb(&self, function: &str) -> anyhow::Result<f64> {
        let own = self.function(function)?.memory_mb;
        Ok(self.values.get("memory_mb").copied().unwrap_or(own))
    }

    /// The share of a processor that comes with so much memory.
    fn cpu_share(&self, memory_mb: f64) -> f64 {
        (memory_mb / self.values["cpu_share_mb"]).min(1.0)
    }

    /// What a cold start adds to the billed duration.
    fn cold_ms(&self, name: &str, memory_mb: f64) -> anyhow::Result<f64> {
        let mut all = self.cold.functions.iter();
        let cold = all.find(|cold| cold.function == name);
        let cold = cold.with_context(|| format!("`cold` measured no {name}"))?;
        let own = cold.own.cpu_us / 1_000.0 / self.cpu_share(memory_mb);
        Ok(billed(self.values["platform_init_ms"] + own))
    }

    /// How many of a function's invocations are traced: the first of each second that has any, where they come at random, and a share of the rest.
    pub(crate) fn traced(&self, invocations: f64, hours: f64) -> f64 {
        let (share, seconds) = (self.values["traced_share"], hours * 3_600.0);
        let first = number(share > 0.0) * seconds * (1.0 - (-invocations / seconds).exp());
        first + (invocations - first) * share
    }
}

/// Lambda bills whole milliseconds.
pub(crate) fn billed(ms: f64) -> f64 {
    ms.ceil().max(1.0)
}

/// A duration at so much memory, in Lambda's GB-seconds.
fn gb_s(ms: f64, memory_mb: f64) -> f64 {
    ms / 1_000.0 * memory_mb / 1_024.0
}

/// One or zero.
fn number(applies: bool) -> f64 {
    f64::from(u8::from(applies))
}

fn service(call: &Call) -> &str {
    call.operation.split('.').next().unwrap_or_default()
}

fn line_of(function: &str) -> &'static str {
    match function {
        "order-forwarder" => "order forwarder",
        "reconciler" => "reconciler",
        _ => "functions behind the CDN",
    }
}
