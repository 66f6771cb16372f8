//! The tables of the local world, by the rights of the account's owner: for tests that look at what is stored, or change it.

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use dynamodb::{DynamoDb, Tables};

use crate::running;

/// A client of the local world's DynamoDB.
pub fn client() -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(running().world().dynamodb_endpoint())
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// The value of a variable, in a function that has it.
pub fn variable(name: &str) -> Option<String> {
    let mut functions = running().world().stack().functions.iter();
    functions.find_map(|function| function.environment.get(name).cloned())
}

/// The stores, as the functions use them.
///
/// # Panics
/// Where no function knows the tables.
pub fn store() -> DynamoDb {
    let tables = Tables::named(variable).expect("every function knows the tables");
    DynamoDb::new(client(), tables)
}
