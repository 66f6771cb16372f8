//! Requests of an API Gateway HTTP API or a function's own URL (both payload format 2.0) and their answers: `lambda_http`'s.

mod event;
mod origin;
mod request;
mod response;
mod serve;
#[cfg(test)]
mod tests;

pub use lambda_http::{Body, Request};
pub use request::{BuildRequest, MAX_BODY, ReadRequest, request};
pub use response::{ReadResponse, Response, WithHeader, empty, json, text};
#[cfg(test)]
pub(crate) use serve::answer_event;
pub use serve::{Handle, answer, read_event, serve};
