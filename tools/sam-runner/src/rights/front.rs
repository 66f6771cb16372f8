//! A proxy before an engine that does not authorise its callers. It reads each request, checks it, and passes it on as it
//! came: an HTTP proxy between would cost three times the engine's own work.

use super::{DYNAMODB, Denied, Guard, access_key};
use crate::engines::dynamodb::DynamoDb;
use crate::engines::server::listen;
use anyhow::Context;
use httparse::{EMPTY_HEADER, Status};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// What DynamoDB takes and gives at most, with its headers.
const LARGEST_MESSAGE: usize = 17 * 1024 * 1024;
/// SDKs send a dozen.
const MOST_HEADERS: usize = 64;
/// How long the listener rests when the system refuses a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A loopback port that lets through what its callers may do. It closes when dropped.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    _stop: DropGuard,
}

impl Front {
    /// Opens a front on `port` (0 for any free one) for this DynamoDB.
    pub async fn of_dynamodb(port: u16, engine: &DynamoDb, guard: &Guard) -> anyhow::Result<Self> {
        let listener = listen("DynamoDB", port).await?;
        let address = listener.local_addr().context("the listener has no address")?;
        let stop = CancellationToken::new();
        let behind = Arc::new(Behind {
            items: engine.address(),
            lists: engine.listing_address(),
        });
        tokio::spawn(accept(listener, behind, guard.clone(), stop.clone()));
        Ok(Self {
            address,
            _stop: stop.drop_guard(),
        })
    }

    /// The endpoint for SDKs and the AWS CLI: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Where DynamoDB answers.
#[derive(Debug)]
struct Behind {
    items: SocketAddr,
    lists: SocketAddr,
}

async fn accept(listener: TcpListener, behind: Arc<Behind>, guard: Guard, stop: CancellationToken) {
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let Ok((client, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (behind, guard, stop) = (Arc::clone(&behind), guard.clone(), stop.clone());
        tokio::spawn(async move {
            if let Some(Err(error)) = stop.run_until_cancelled(pass(client, &behind, &guard)).await {
                tracing::debug!(%error, "a connection to DynamoDB broke");
            }
        });
    }
}

/// Passes requests and their answers on, in turn, until one side closes.
async fn pass(client: TcpStream, behind: &Behind, guard: &Guard) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut client = Side::new(client, Kind::Request);
    let (mut items, mut lists) = (None, None);
    while let Some((head, request)) = client.read().await? {
        let caller = access_key(&head.signature);
        if let Err(denied) = DYNAMODB.check(guard, caller, &head.target, &request[head.end..]) {
            client.stream.write_all(refusal(&denied).as_bytes()).await?;
            continue;
        }
        let (engine, address) = match head.target.rsplit('.').next() {
            Some("Query" | "Scan") => (&mut lists, behind.lists),
            _ => (&mut items, behind.items),
        };
        let engine = match engine {
            Some(open) => open,
            None => engine.insert(Side::to(address).await?),
        };
        engine.stream.write_all(&request).await?;
        let Some((_, answer)) = engine.read().await? else {
            return Ok(());
        };
        client.stream.write_all(&answer).await?;
    }
    Ok(())
}

fn refusal(denied: &Denied) -> String {
    let body = denied.body();
    let length = body.len();
    format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

#[derive(Clone, Copy)]
enum Kind {
    Request,
    Answer,
}

/// One end of the way through, and what was read from it.
struct Side {
    stream: TcpStream,
    kind: Kind,
    buffer: Vec<u8>,
}

/// What matters of a message's head.
struct Head {
    /// Where its body begins.
    end: usize,
    /// The body's length.
    body: usize,
    target: String,
    signature: String,
    /// Whether the sender waits for `100 Continue` before the body.
    waits: bool,
}

impl Side {
    fn new(stream: TcpStream, kind: Kind) -> Self {
        Self {
            stream,
            kind,
            buffer: Vec::with_capacity(4096),
        }
    }

    /// The other end of a new connection, which answers.
    async fn to(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self::new(stream, Kind::Answer))
    }

    /// One whole message, as it came; `None` where the other end has closed.
    async fn read(&mut self) -> io::Result<Option<(Head, Vec<u8>)>> {
        let head = loop {
            match self.head()? {
                Some(head) => break head,
                None if self.read_more().await? == 0 => return Ok(None),
                None => {}
            }
        };
        let end = head.end + head.body;
        if head.waits && self.buffer.len() < end {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        while self.buffer.len() < end {
            if self.read_more().await? == 0 {
                return Ok(None);
            }
        }
        let rest = self.buffer.split_off(end);
        Ok(Some((head, std::mem::replace(&mut self.buffer, rest))))
    }

    async fn read_more(&mut self) -> io::Result<usize> {
        if self.buffer.len() > LARGEST_MESSAGE {
            return Err(io::Error::other("too large a message"));
        }
        self.stream.read_buf(&mut self.buffer).await
    }

    fn head(&self) -> io::Result<Option<Head>> {
        let mut headers = [EMPTY_HEADER; MOST_HEADERS];
        let parsed = match self.kind {
            Kind::Request => httparse::Request::new(&mut headers).parse(&self.buffer),
            Kind::Answer => httparse::Response::new(&mut headers).parse(&self.buffer),
        };
        let Status::Complete(end) = parsed.map_err(io::Error::other)? else {
            return Ok(None);
        };
        let value = |name: &str| {
            let header = headers
                .iter()
                .find(|header| header.name.eq_ignore_ascii_case(name));
            let text = header.and_then(|header| std::str::from_utf8(header.value).ok());
            text.unwrap_or_default()
        };
        if !value("transfer-encoding").is_empty() {
            return Err(io::Error::other("a message of unknown length"));
        }
        Ok(Some(Head {
            end,
            body: value("content-length").parse().unwrap_or(0),
            target: value("x-amz-target").to_owned(),
            signature: value("authorization").to_owned(),
            waits: value("expect").eq_ignore_ascii_case("100-continue"),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Role;
    use std::collections::HashMap;

    #[tokio::test]
    async fn one_connection_passes_allowed_calls_and_refuses_others() {
        let engine = DynamoDb::start(0, None).await.expect("an engine");
        let guard = Guard::default();
        let roles = HashMap::from([("F".to_owned(), Role::default())]);
        guard.0.roles.set(roles).expect("once");
        let front = Front::of_dynamodb(0, &engine, &guard).await.expect("a port");
        let client = crate::engines::http_client().expect("a client");
        let ask = async |caller: &str, padding: usize| {
            let signature = format!(
                "AWS4-HMAC-SHA256 Credential={caller}/20261121/eu-central-1/dynamodb/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature=00"
            );
            let request = client
                .post(front.endpoint())
                .header("x-amz-target", "DynamoDB_20120810.ListTables")
                .header("content-type", "application/x-amz-json-1.0")
                .header("x-amz-date", "20261121T100000Z")
                .header("authorization", signature)
                .body(format!("{{}}{}", " ".repeat(padding)));
            let answer = request.send().await.expect("an answer");
            (answer.status().as_u16(), answer.text().await.expect("a text"))
        };
        for (caller, padding, status) in [
            ("test", 0, 200),
            ("F", 0, 400),
            ("test", 1_000_000, 200),
            ("F", 9, 400),
        ] {
            let (answered, body) = ask(caller, padding).await;
            assert_eq!(answered, status, "{caller}: {body}");
            assert_eq!(body.contains("AccessDeniedException"), status == 400, "{body}");
        }
    }
}
