//! What every function shares. No business word in it.
//!
//! A function's `main` calls [`start`], which reads the environment, opens the log and runs the function on one thread.
//! Requests and answers are `lambda_http`'s, invocations are run by `lambda_runtime`, lines are written by `tracing-subscriber`.

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
pub mod trace;

pub use problem::{Fault, Problem};
pub use start::start;

/// Why a function, or one run of it, failed: for the log.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
