//! Why an invocation has no answer.

use bytes::Bytes;
use serde_json::json;
use std::time::Duration;

/// Why an invocation has no answer. [`InvokeError::payload`] is what Lambda would return to the invoker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// There is no such function.
    #[error("there is no function `{0}`")]
    NoSuchFunction(String),
    /// The function has reached its reserved concurrency, or too many invocations wait for a process.
    #[error("the function has no room for another invocation at the moment")]
    Throttled,
    /// The request is larger than Lambda takes (6 MB).
    #[error("the request is larger than 6 MB")]
    RequestTooLarge,
    /// The answer is larger than Lambda takes (6 MB).
    #[error("the function's answer is larger than 6 MB")]
    ResponseTooLarge,
    /// The function did not answer in time. Its process is killed.
    #[error("Task timed out after {:.2} seconds", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The process ended in the middle of the invocation.
    #[error("Runtime exited: {0}")]
    Exited(String),
    /// No process could be started.
    #[error("the function does not start: {0}")]
    Init(String),
    /// The function itself reported an error.
    #[error("{message}")]
    Function {
        /// `errorType` of the report.
        kind: String,
        /// `errorMessage` of the report.
        message: String,
        /// The report as the function sent it (JSON).
        report: Bytes,
    },
    /// The local world is being stopped.
    #[error("the local world is stopping")]
    Stopping,
}

impl InvokeError {
    /// `errorType` as Lambda names it.
    pub fn kind(&self) -> &str {
        match self {
            Self::NoSuchFunction(_) => "ResourceNotFoundException",
            Self::Throttled => "TooManyRequestsException",
            Self::RequestTooLarge => "RequestTooLargeException",
            Self::ResponseTooLarge => "Function.ResponseSizeTooLarge",
            Self::TimedOut(_) => "Sandbox.Timedout",
            Self::Exited(_) => "Runtime.ExitError",
            Self::Init(_) => "Runtime.InitError",
            Self::Function { kind, .. } => kind,
            Self::Stopping => "ServiceException",
        }
    }

    /// The JSON that Lambda would answer an invoker with.
    pub fn payload(&self) -> Bytes {
        match self {
            Self::Function { report, .. } => report.clone(),
            other => json!({"errorType": other.kind(), "errorMessage": other.to_string()})
                .to_string()
                .into(),
        }
    }

    /// The error in a function's own report.
    pub(super) fn reported(report: Bytes) -> Self {
        #[derive(serde::Deserialize, Default)]
        #[serde(rename_all = "camelCase", default)]
        struct Report {
            error_type: String,
            error_message: String,
        }
        let Report {
            error_type,
            error_message,
        } = serde_json::from_slice(&report).unwrap_or_default();
        Self::Function {
            kind: error_type,
            message: error_message,
            report,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_reads_as_on_lambda() {
        let error = InvokeError::TimedOut(Duration::from_secs(3));
        assert_eq!(
            error.payload(),
            r#"{"errorMessage":"Task timed out after 3.00 seconds","errorType":"Sandbox.Timedout"}"#
        );
    }

    #[test]
    fn a_report_is_passed_on_as_it_is() {
        let report = Bytes::from_static(br#"{"errorType":"Oops","errorMessage":"no","stackTrace":[]}"#);
        let error = InvokeError::reported(report.clone());
        assert_eq!(error.kind(), "Oops");
        assert_eq!(error.to_string(), "no");
        assert_eq!(error.payload(), report);
    }
}
