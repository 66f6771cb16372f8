//! A door before an engine that cannot tell its callers apart itself.

use super::{DYNAMODB, Guard};
use crate::engines::server::{Server, listen};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// A loopback port that lets through what its callers may do. It stops listening when dropped.
#[derive(Debug)]
pub struct Front {
    server: Server,
}

#[derive(Clone)]
struct Engine {
    /// Where the engine is: `http://127.0.0.1:PORT`.
    url: String,
    client: Client<HttpConnector, Body>,
}

impl Front {
    /// Opens a front for a DynamoDB on `port` (0 for any free one).
    pub async fn of_dynamodb(port: u16, url: String, guard: &Guard) -> anyhow::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let router = Router::new().fallback(pass).with_state(Engine { url, client });
        let server = Server::start(listen("DynamoDB", port).await?, guard.before(DYNAMODB, router))?;
        Ok(Self { server })
    }

    /// The endpoint for SDKs and the AWS CLI: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }
}

async fn pass(State(engine): State<Engine>, mut request: Request) -> Response {
    match format!("{}{}", engine.url, request.uri()).parse::<Uri>() {
        Ok(uri) => *request.uri_mut() = uri,
        Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    }
    match engine.client.request(request).await {
        Ok(answer) => answer.map(Body::new),
        // The engine is going, and with it the world.
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
