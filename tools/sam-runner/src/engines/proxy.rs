//! A TCP proxy to what listens on loopback: a container, for one, reaches this machine under another address only.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A running proxy. It stops when dropped.
#[derive(Debug)]
pub struct Proxy {
    _stop: DropGuard,
}

impl Proxy {
    /// Forwards connections to `address` to what listens at these URLs on loopback, each on its own port.
    ///
    /// # Errors
    /// Where the address is none of this machine's, or a port is taken there.
    pub async fn open(address: IpAddr, inside: &[String]) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        // First the guard: what has opened closes again where a later one fails.
        let proxy = Self {
            _stop: stop.clone().drop_guard(),
        };
        for url in inside {
            let port = url.rsplit(':').next().and_then(|port| port.parse().ok());
            let port: u16 = port.with_context(|| format!("{url} has no port"))?;
            let listener = TcpListener::bind((address, port))
                .await
                .with_context(|| format!("cannot listen on {address}, port {port}, as well"))?;
            let stop = stop.clone();
            tokio::spawn(async move { stop.run_until_cancelled(forward(listener, port)).await });
        }
        Ok(proxy)
    }
}

async fn forward(listener: TcpListener, port: u16) {
    loop {
        if let Ok((client, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Err(error) = connect(client, port).await {
                    tracing::debug!(%error, port, "a proxied connection broke");
                }
            });
        }
    }
}

async fn connect(mut client: TcpStream, port: u16) -> io::Result<()> {
    let mut inside = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    for stream in [&client, &inside] {
        stream.set_nodelay(true)?;
    }
    copy_bidirectional(&mut client, &mut inside).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;

    use super::*;
    use crate::engines::server::{Server, listen};

    #[tokio::test]
    async fn a_client_of_another_address_is_forwarded() {
        let listener = listen("a test", 0).await.expect("a port");
        let server =
            Server::start(listener, Router::new().route("/", get(|| async { "hello" }))).expect("a server");
        let port = server.address().port();
        // All of 127.0.0.0/8 is this machine's.
        let url = format!("http://localhost:{port}");
        let other = IpAddr::from([127, 0, 0, 2]);
        let proxy = Proxy::open(other, std::slice::from_ref(&url))
            .await
            .expect("a proxy");
        let http = crate::engines::http_client().expect("a client");
        let answer = http
            .get(format!("http://{other}:{port}/"))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.text().await.expect("a text"), "hello");
        let error = Proxy::open(other, &[url]).await.expect_err("taken").to_string();
        assert_eq!(error, format!("cannot listen on {other}, port {port}, as well"));
        drop(proxy);
    }
}
