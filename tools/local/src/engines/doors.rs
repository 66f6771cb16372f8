//! Further doors to what listens on loopback: a container, for one, reaches this machine under another address only.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Open doors. They close when dropped.
#[derive(Debug)]
pub struct Doors {
    _stop: DropGuard,
}

impl Doors {
    /// Lets whoever comes to `address` through to what answers at these URLs on loopback, each on its own port.
    ///
    /// # Errors
    /// Where the address is none of this machine's, or a port is taken there.
    pub async fn open(address: IpAddr, inside: &[String]) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        // First the guard: what opened so far closes where a later one does not.
        let doors = Self {
            _stop: stop.clone().drop_guard(),
        };
        for url in inside {
            let port = url.rsplit(':').next().and_then(|port| port.parse().ok());
            let port: u16 = port.with_context(|| format!("{url} has no port"))?;
            let listener = TcpListener::bind((address, port))
                .await
                .with_context(|| format!("cannot listen on {address}, port {port}, as well"))?;
            let stop = stop.clone();
            tokio::spawn(async move { stop.run_until_cancelled(let_through(listener, port)).await });
        }
        Ok(doors)
    }
}

async fn let_through(listener: TcpListener, port: u16) {
    loop {
        if let Ok((visitor, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Err(error) = connect(visitor, port).await {
                    tracing::debug!(%error, port, "a visitor's connection broke");
                }
            });
        }
    }
}

async fn connect(mut visitor: TcpStream, port: u16) -> io::Result<()> {
    let mut inside = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    for stream in [&visitor, &inside] {
        stream.set_nodelay(true)?;
    }
    copy_bidirectional(&mut visitor, &mut inside).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;

    use super::*;
    use crate::engines::server::{Server, listen};

    #[tokio::test]
    async fn a_visitor_at_the_other_address_is_let_through() {
        let listener = listen("a test", 0).await.expect("a port");
        let server =
            Server::start(listener, Router::new().route("/", get(|| async { "hello" }))).expect("a server");
        let port = server.address().port();
        // All of 127.0.0.0/8 is this machine's.
        let url = format!("http://localhost:{port}");
        let other = IpAddr::from([127, 0, 0, 2]);
        let doors = Doors::open(other, std::slice::from_ref(&url))
            .await
            .expect("a door");
        let client = crate::sandbox::http_client().expect("a client");
        let answer = client
            .get(format!("http://{other}:{port}/"))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.text().await.expect("a text"), "hello");
        let error = Doors::open(other, &[url]).await.expect_err("taken").to_string();
        assert_eq!(error, format!("cannot listen on {other}, port {port}, as well"));
        drop(doors);
    }
}
