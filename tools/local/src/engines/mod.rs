//! The AWS services that the functions talk to, embedded: `DynamoDB`, SQS and Secrets Manager on loopback, on the wire format of their SDKs.

pub mod clock;
pub mod doors;
pub mod dynamodb;
pub mod secrets;
pub mod server;
pub mod sqs;
