//! The AWS services that the functions talk to, embedded: `DynamoDB` and SQS on loopback, on the wire format of their SDKs.

pub mod clock;
pub mod dynamodb;
pub mod server;
pub mod sqs;
