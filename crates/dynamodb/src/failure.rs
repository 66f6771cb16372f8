//! Telling a busy table from one that did not answer.

use app::ports::{Cause, StoreError};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Error codes by which DynamoDB says that it did nothing and that later it might.
const BUSY: [&str; 6] = [
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TransactionConflictException",
    "TransactionInProgressException",
    "LimitExceededException",
];

/// What a failed call means: busy only where nothing was done for certain.
pub(crate) fn failed<E>(error: SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    if code.is_some_and(|code| BUSY.contains(&code)) {
        StoreError::Busy
    } else {
        StoreError::Unknown(Box::new(error))
    }
}

/// A stored item that is not what it should be.
pub(crate) fn corrupt(what: impl Into<Cause>) -> StoreError {
    StoreError::Corrupt(what.into())
}
