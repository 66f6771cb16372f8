//! Requests of an API Gateway HTTP API or a function's own URL (both payload format 2.0) and their answers.

mod origin;
mod request;
mod response;
mod serve;

pub use request::{MAX_BODY, Request};
pub use response::Response;
pub use serve::{Handle, answer, serve};
