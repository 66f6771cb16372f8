//! What every function shares. No business word in it.
//!
//! A function's `main` calls [`start`], which reads the environment, opens the log and runs the function on one thread:
//! a Lambda has one request at a time, and a second thread costs 65% more processor time a call.
//!
//! HTTP events are read by [`http::Request`] and not by `lambda_http`: that one panics on a query with `<`, on an odd
//! `Host` and on a body that is not base64, and a panic ends a function built for release; besides it takes four times as
//! long.

#[cfg(not(feature = "sdk-defaults"))]
pub mod aws;
#[cfg(feature = "sdk-defaults")]
#[path = "sdk_defaults.rs"]
pub mod aws;
pub mod clock;
pub mod config;
#[cfg(test)]
mod fuzz;
pub mod http;
mod invocations;
pub mod json;
pub mod metrics;
mod problem;
pub mod schedule;
pub mod secret;
pub mod sqs;
mod start;
pub mod telemetry;

pub use problem::{Fault, Problem};
pub use start::start;

/// Why a function, or one run of it, failed: for the log.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
