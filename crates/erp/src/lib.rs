//! Adapter: the warehouse's ERP over HTTP and JSON.
//!
//! `PUT {base}/orders/{order id}` hands an order over in full; the ERP knows it by that id, so that a repetition is the same order
//! there. `GET {base}/orders/{order id}` says whether the warehouse has it.

mod dispatch_note;

use app::ports::{Cause, LookedUp, Submitted, Warehouse};
use bytes::Bytes;
use domain::{Order, OrderId};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use https::{Credential, HttpsClient, HttpsError, NoCredential};
use secrecy::ExposeSecret;
use serde_json::Value;

use dispatch_note::DispatchNote;

/// Where the ERP is, and how to enter.
#[derive(Clone, Debug)]
pub struct ErpConfig {
    /// The address before `/orders/...`, without a slash at the end.
    pub base_url: String,
    /// Sent as a bearer token.
    pub token: Credential,
}

/// The warehouse's ERP.
#[derive(Clone, Debug)]
pub struct Erp {
    config: ErpConfig,
    client: HttpsClient,
}

/// An answer that says nothing about the order.
#[derive(Debug, thiserror::Error)]
#[error("the ERP answered {0}")]
struct Answered(StatusCode);

impl Erp {
    /// The ERP at that address, by way of `client`, whose time limit is the ERP's.
    pub fn new(config: ErpConfig, client: HttpsClient) -> Self {
        Self { config, client }
    }

    async fn call(&self, method: Method, id: OrderId, body: Bytes) -> Result<Response<Bytes>, CallError> {
        let token = self.config.token.current().await?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/orders/{id}", self.config.base_url))
            .header(AUTHORIZATION, format!("Bearer {}", token.expose_secret()))
            .header(CONTENT_TYPE, "application/json")
            .body(body)?;
        Ok(self.client.send(request).await?)
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("the call cannot be authorised")]
    Credential(#[from] NoCredential),
    #[error("the request cannot be built")]
    Request(#[from] http::Error),
    #[error(transparent)]
    Https(#[from] HttpsError),
}

impl Warehouse for Erp {
    async fn submit(&self, order: &Order) -> Submitted {
        let body = match serde_json::to_vec(&DispatchNote::of(order)) {
            Ok(body) => Bytes::from(body),
            Err(error) => return Submitted::Busy(Box::new(error)),
        };
        match self.call(Method::PUT, order.id(), body).await {
            Ok(answer) => submitted(&answer),
            Err(CallError::Https(error @ HttpsError::Lost(_))) => Submitted::Unknown(Box::new(error)),
            Err(not_sent) => Submitted::Busy(Box::new(not_sent)),
        }
    }

    async fn look_up(&self, id: OrderId) -> LookedUp {
        match self.call(Method::GET, id, Bytes::new()).await {
            Ok(answer) => looked_up(&answer),
            Err(error) => LookedUp::Unknown(Box::new(error)),
        }
    }
}

/// What an answer to an order means. A conflict is an order that the ERP has already.
fn submitted(answer: &Response<Bytes>) -> Submitted {
    let status = answer.status();
    let cause = || -> Cause { Box::new(Answered(status)) };
    match status {
        StatusCode::OK | StatusCode::CREATED | StatusCode::CONFLICT => match erp_number(answer) {
            Some(erp_number) => Submitted::Accepted { erp_number },
            None => Submitted::Unknown(cause()),
        },
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_EARLY
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::SERVICE_UNAVAILABLE => Submitted::Busy(cause()),
        // Our own credentials or address are wrong, not the order: it must not be refunded for that.
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED => Submitted::Busy(cause()),
        status if status.is_client_error() => Submitted::Rejected(cause()),
        _ => Submitted::Unknown(cause()),
    }
}

fn looked_up(answer: &Response<Bytes>) -> LookedUp {
    match (answer.status(), erp_number(answer)) {
        (StatusCode::OK, Some(erp_number)) => LookedUp::Found { erp_number },
        (StatusCode::NOT_FOUND, _) => LookedUp::Absent,
        (status, _) => LookedUp::Unknown(Box::new(Answered(status))),
    }
}

fn erp_number(answer: &Response<Bytes>) -> Option<String> {
    // By its name: a struct of serde's would be read from a mere list as well.
    let acknowledgement: Value = serde_json::from_slice(answer.body()).ok()?;
    let number = acknowledgement.get("erp_number")?.as_str()?;
    let fits = (1..=64).contains(&number.len()) && number.chars().all(|c| c.is_ascii_graphic());
    fits.then(|| number.to_owned())
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
