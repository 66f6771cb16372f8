//! Adapter: the warehouse's ERP over HTTP and JSON. The contract is `docs/warehouse.md`.
//!
//! `PUT {base}/orders/{order id}` hands an order over in full; the ERP knows it by that id, so that a repetition is the same order
//! there. `GET {base}/orders/{order id}` says whether the warehouse has it.

mod answer;
mod dispatch_note;

use app::ports::{LookedUp, Submitted, Warehouse};
use bytes::Bytes;
use domain::{Order, OrderId};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, Response};
use https::{Credential, HttpsClient, HttpsError, NoCredential};
use secrecy::ExposeSecret;

use answer::{looked_up, submitted};
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
            .header(ACCEPT, "application/json")
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
            Ok(answer) => submitted(order.id(), &answer),
            Err(CallError::Https(error @ HttpsError::Lost(_))) => Submitted::Unknown(Box::new(error)),
            Err(not_sent) => Submitted::Busy(Box::new(not_sent)),
        }
    }

    async fn look_up(&self, id: OrderId) -> LookedUp {
        match self.call(Method::GET, id, Bytes::new()).await {
            Ok(answer) => looked_up(id, &answer),
            Err(error) => LookedUp::Unknown(Box::new(error)),
        }
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
