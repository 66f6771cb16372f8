//! A deployed shop, found by its stack's name.

use std::collections::HashMap;

use anyhow::{Context, anyhow};
use app::ports::Circuits;
use aws_sdk_sqs::types::QueueAttributeName;
use domain::{CallPermit, OrderId, is_erp_number};
use dynamodb::{DynamoDb, Tables, WarehouseCircuit};
use jiff::Timestamp;
use queue::SqsOrderQueue;
use serde::Serialize;

use crate::Clients;

/// The alias that events start; a deployment moves it.
pub(crate) const LIVE: &str = "live";

/// A shop that runs, in an account or on this machine.
#[derive(Debug)]
pub struct Shop {
    pub(crate) orders: DynamoDb,
    pub(crate) circuit: WarehouseCircuit,
    pub(crate) queue: SqsOrderQueue,
    pub(crate) clients: Clients,
    stack: String,
    pub(crate) reconciler: String,
    pub(crate) dead_letters_url: String,
    pub(crate) dead_letters_arn: String,
}

/// How the shop stands with the warehouse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CircuitShown {
    /// `closed`, `paused`, or `to be tried` where the pause is over.
    pub(crate) state: &'static str,
    /// While it is not closed: the pauses so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pauses: Option<u32>,
    /// While it is not closed: when one order is tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_at: Option<String>,
}

impl Shop {
    /// The shop of that stack. Its reconciler works with all that is needed here, and knows what it is called.
    ///
    /// # Errors
    /// Where there is no such shop, or AWS does not answer.
    pub async fn find(clients: Clients, stack: &str) -> anyhow::Result<Self> {
        let reconciler = format!("{stack}-reconciler");
        let names = environment_of(&clients, &reconciler).await?;
        let missing = || anyhow!("{reconciler} does not say where its orders, queue and circuits are");
        let queue_url = names.get("ORDERS_QUEUE_URL").ok_or_else(missing)?.clone();
        let circuits = names.get("CIRCUITS_TABLE").ok_or_else(missing)?.clone();
        let tables = Tables::named(|name| names.get(name).cloned()).ok_or_else(missing)?;
        let dead_letters_arn = dead_letters_of(&clients.sqs, &queue_url).await?;
        let name = dead_letters_arn.rsplit(':').next().unwrap_or_default();
        let found = clients.sqs.get_queue_url().queue_name(name).send().await;
        let dead_letters_url = found
            .with_context(|| format!("the queue {name}"))?
            .queue_url
            .unwrap_or_default();
        Ok(Self {
            orders: DynamoDb::new(clients.dynamodb.clone(), tables),
            circuit: WarehouseCircuit::new(clients.dynamodb.clone(), circuits),
            queue: SqsOrderQueue::new(clients.sqs.config().clone(), queue_url),
            stack: stack.to_owned(),
            reconciler,
            dead_letters_url,
            dead_letters_arn,
            clients,
        })
    }

    /// The variables of one of its functions.
    pub(crate) async fn environment_of(&self, function: &str) -> anyhow::Result<HashMap<String, String>> {
        environment_of(&self.clients, &format!("{}-{function}", self.stack)).await
    }

    pub(crate) async fn circuit_at(&self, now: Timestamp) -> anyhow::Result<CircuitShown> {
        let circuit = self.circuit.read().await.context("the warehouse's circuit")?;
        Ok(CircuitShown {
            state: match circuit.permit(now) {
                CallPermit::Granted => "closed",
                CallPermit::Probe => "to be tried",
                CallPermit::Denied => "paused",
            },
            pauses: circuit.open.map(|open| open.pauses),
            retry_at: circuit.open.map(|open| open.retry_at.to_string()),
        })
    }
}

impl std::fmt::Display for CircuitShown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.pauses, &self.retry_at) {
            (Some(pauses), Some(retry_at)) => write!(
                f,
                "Warehouse: open circuit, {} (pause {pauses}, one order is tried at {retry_at}).",
                self.state
            ),
            _ => f.write_str("Warehouse: closed circuit, it is called as usual."),
        }
    }
}

/// The order of that id, or a word about what an id looks like.
pub(crate) fn parse_id(raw: &str) -> Result<OrderId, String> {
    OrderId::parse(raw).map_err(|_| "an order's id has 26 digits and capital letters".to_owned())
}

/// The warehouse's number, or a word about what such a number looks like.
pub(crate) fn parse_erp_number(raw: &str) -> Result<String, String> {
    let number = raw.trim();
    let fits = is_erp_number(number).then(|| number.to_owned());
    fits.ok_or_else(|| "the warehouse's number has 1 to 64 visible ASCII characters".to_owned())
}

async fn environment_of(clients: &Clients, function: &str) -> anyhow::Result<HashMap<String, String>> {
    let asked = clients
        .lambda
        .get_function_configuration()
        .function_name(function)
        .qualifier(LIVE)
        .send()
        .await;
    let environment = asked
        .with_context(|| format!("no function {function}: is the stack's name right, and the shop running?"))?
        .environment
        .unwrap_or_else(|| aws_sdk_lambda::types::EnvironmentResponse::builder().build());
    match environment.error {
        Some(error) => Err(anyhow!(
            "the environment of {function} may not be read: {}",
            error.message.unwrap_or_default()
        )),
        None => Ok(environment.variables.unwrap_or_default()),
    }
}

/// The ARN of the queue that messages go to which failed too often.
async fn dead_letters_of(sqs: &aws_sdk_sqs::Client, queue_url: &str) -> anyhow::Result<String> {
    let asked = sqs
        .get_queue_attributes()
        .queue_url(queue_url)
        .attribute_names(QueueAttributeName::RedrivePolicy)
        .send()
        .await
        .with_context(|| format!("the queue {queue_url}"))?;
    let policy = asked
        .attributes()
        .and_then(|attributes| attributes.get(&QueueAttributeName::RedrivePolicy))
        .and_then(|policy| serde_json::from_str::<serde_json::Value>(policy).ok());
    policy
        .and_then(|policy| Some(policy["deadLetterTargetArn"].as_str()?.to_owned()))
        .with_context(|| format!("the queue {queue_url} has no dead letters"))
}
