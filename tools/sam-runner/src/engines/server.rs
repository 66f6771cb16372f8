//! A small HTTP/1.1 server on loopback that can also hang up on a client, as a broken network does.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, anyhow};
use axum::Router;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service as _;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long the listener rests when the system refuses a connection (out of file descriptors, most likely).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Put into a response's extensions, it makes the server close the connection instead of answering.
#[derive(Debug, Clone, Copy)]
pub struct HangUp;

/// What a handler answers so that the client sees its connection break.
pub fn hang_up() -> Response {
    let mut response = Response::default();
    response.extensions_mut().insert(HangUp);
    response
}

/// A running server. It stops accepting when dropped; requests that are under way finish.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    _stop: DropGuard,
}

impl Server {
    /// Serves `router` on `listener`, within the current tokio runtime.
    pub fn start(listener: TcpListener, router: Router) -> anyhow::Result<Server> {
        let address = listener.local_addr().context("the listener has no address")?;
        let stop = CancellationToken::new();
        tokio::spawn(accept(listener, router, stop.clone()));
        Ok(Server {
            address,
            _stop: stop.drop_guard(),
        })
    }

    /// Where the server listens; the port is the real one, also when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Listens on a loopback port (0 for any free one) for `what`, which is named in the error.
pub async fn listen(what: &str, port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => {
                anyhow!("{what} cannot listen on port {port}: another program already does")
            }
            ErrorKind::PermissionDenied => {
                anyhow!("{what} cannot listen on port {port}: this user may not open ports that low")
            }
            _ => anyhow!("{what} cannot listen on port {port}: {error}"),
        })
}

/// The port of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// This one; 0 is any free one.
    Exactly(u16),
    /// This one if it is free, any other if not.
    Preferably(u16),
}

impl Port {
    /// Starts `what` on this port; adds a note where it had to be another than the preferred.
    ///
    /// # Errors
    /// What `start` says.
    pub async fn start<T>(
        self,
        what: &str,
        notes: &mut Vec<String>,
        start: impl AsyncFn(u16) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let preferred = match self {
            Self::Exactly(port) => return start(port).await,
            Self::Preferably(port) => port,
        };
        if let Ok(free) = TcpListener::bind((Ipv4Addr::LOCALHOST, preferred)).await {
            drop(free);
            return start(preferred).await;
        }
        notes.push(format!(
            "{what} has another port than usual: {preferred} is taken."
        ));
        start(0).await
    }
}

async fn accept(listener: TcpListener, router: Router, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, router.clone(), stop.clone()));
            }
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, router: Router, stop: CancellationToken) {
    // Answers are small and awaited one by one: never hold one back for the next.
    stream.set_nodelay(true).ok();
    let router = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move {
            let response = router.call(request).await.map_err(|never| match never {})?;
            if response.extensions().get::<HangUp>().is_some() {
                Err(HungUp)
            } else {
                Ok(response)
            }
        }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection ended early");
    }
}

/// The connection was closed on purpose.
#[derive(Debug, thiserror::Error)]
#[error("hung up on purpose")]
struct HungUp;

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;

    #[tokio::test]
    async fn a_taken_port_is_named_in_one_line() {
        let first = listen("the first", 0).await.unwrap();
        let port = first.local_addr().unwrap().port();
        let error = listen("the payment sandbox", port).await.unwrap_err().to_string();
        assert_eq!(
            error,
            format!("the payment sandbox cannot listen on port {port}: another program already does")
        );
    }

    #[tokio::test]
    async fn a_handler_can_answer_or_hang_up() {
        let router = Router::new()
            .route("/yes", get(|| async { "yes" }))
            .route("/no", get(|| async { hang_up() }));
        let server = Server::start(listen("a test", 0).await.unwrap(), router).unwrap();
        let client = crate::engines::http_client().unwrap();
        let base = format!("http://{}", server.address());
        assert_eq!(
            client
                .get(format!("{base}/yes"))
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap(),
            "yes"
        );
        client.get(format!("{base}/no")).send().await.unwrap_err();
    }
}
