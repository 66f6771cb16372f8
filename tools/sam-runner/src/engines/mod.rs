//! The AWS services that the functions talk to, embedded: `DynamoDB`, SQS and Systems Manager's parameters on loopback, on the wire format of their SDKs.

mod client;
pub mod clock;
pub mod dynamodb;
pub mod proxy;
pub mod server;
pub mod sqs;
pub mod ssm;
#[cfg(test)]
pub(crate) mod testing;

pub use client::http_client;

use crate::rights::{Front, Guard};
use crate::runtime::{ACCOUNT, REGION};
use crate::template::{Document, Resolver, Stack, Surroundings};
use anyhow::Context;
use dynamodb::DynamoDb;
use server::Port;
use sqs::Sqs;
use ssm::ParameterStore;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Where the engines listen, on loopback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnginePorts {
    /// `DynamoDB`.
    pub dynamodb: Port,
    /// SQS.
    pub sqs: Port,
    /// Systems Manager.
    pub ssm: Port,
}

/// All engines of one stack, empty at first, with the functions' roles before them.
pub struct Engines {
    /// `DynamoDB` past all roles.
    pub dynamodb: DynamoDb,
    /// `DynamoDB` as the functions reach it.
    pub dynamodb_front: Front,
    /// SQS.
    pub sqs: Sqs,
    /// Systems Manager's parameters.
    pub ssm: ParameterStore,
    /// The roles, and who used them for what.
    pub guard: Guard,
}

impl Engines {
    /// Starts everything. With `data`, tables and messages are kept in that directory. Ports that were taken are listed in `notes`.
    ///
    /// # Errors
    /// Where a port is taken, or what is kept from an earlier run is not usable.
    pub async fn start(
        ports: EnginePorts,
        data: Option<&Path>,
        notes: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        let place = |name: &str| data.map(|directory| directory.join(name));
        let guard = Guard::default();
        let dynamodb = DynamoDb::start(0, place("dynamodb").as_deref()).await?;
        let start = async |port| Front::of_dynamodb(port, &dynamodb, &guard).await;
        let dynamodb_front = ports.dynamodb.start("DynamoDB", notes, start).await?;
        let messages = place("sqs");
        let start = async |port| Sqs::guarded(port, messages.as_deref(), guard.clone()).await;
        let sqs = ports.sqs.start("SQS", notes, start).await?;
        let start = async |port| ParameterStore::start(port, guard.clone()).await;
        let ssm = ports.ssm.start("Systems Manager", notes, start).await?;
        Ok(Self {
            dynamodb,
            dynamodb_front,
            sqs,
            ssm,
            guard,
        })
    }

    /// Creates the template's queues and resolves the rest of it with their URLs.
    ///
    /// # Errors
    /// What is wrong with the template.
    pub fn create_queues(
        &self,
        document: &Document,
        stack_name: &str,
        parameters: BTreeMap<String, String>,
    ) -> anyhow::Result<Stack> {
        // The queues name no queue's URL, so that any does while they are read.
        let before = surroundings(stack_name, parameters.clone(), &str::to_owned);
        let queues = Stack::queues(&Resolver::new(document, &before)?)?;
        let urls: HashMap<&str, String> = queues
            .iter()
            .map(|queue| {
                let made = self.sqs.create_queue(&queue.name, queue.attributes.clone());
                (queue.name.as_str(), made.url)
            })
            .collect();
        let url_of = |name: &str| urls.get(name).cloned().unwrap_or_default();
        let after = surroundings(stack_name, parameters, &url_of);
        Ok(Stack::read(&Resolver::new(document, &after)?)?)
    }

    /// Creates the stack's tables.
    ///
    /// # Errors
    /// What `DynamoDB` refuses, with the table's id.
    pub fn create_tables(&self, stack: &Stack) -> anyhow::Result<()> {
        for table in &stack.tables {
            self.dynamodb
                .create_table(&table.properties)
                .with_context(|| format!("Resources.{}", table.id))?;
        }
        Ok(())
    }

    /// The endpoints, by the variables that SDKs read them from.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let endpoints = [
            ("AWS_ENDPOINT_URL_DYNAMODB", self.dynamodb_front.endpoint()),
            ("AWS_ENDPOINT_URL_SQS", self.sqs.endpoint()),
            ("AWS_ENDPOINT_URL_SSM", self.ssm.endpoint()),
        ];
        endpoints.map(|(name, url)| (name.to_owned(), url)).into()
    }
}

fn surroundings<'a>(
    stack_name: &'a str,
    parameters: BTreeMap<String, String>,
    queue_url: &'a (dyn Fn(&str) -> String + Sync),
) -> Surroundings<'a> {
    Surroundings {
        stack_name,
        region: REGION,
        account: ACCOUNT,
        parameters,
        queue_url,
    }
}
