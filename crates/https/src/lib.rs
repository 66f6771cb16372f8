//! The way out of a function: HTTP with time limits and bounded answers.
//!
//! On the client that the AWS SDK compiles in anyway, with ring and the roots of the public web. `http://` is served too: the local
//! world's sandboxes use it.

mod credential;
mod identity;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::builderstates::WantsSchemes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};

use identity::certificates;

pub use credential::{Credential, NoCredential};
pub use identity::{Certificate, CertificateError, ClientIdentity};

/// The most bytes of an answer that are read: a hundred of Stripe's sessions fit ten times over.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;
/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
    /// No connection came about: nothing was sent.
    #[error("no connection")]
    NotSent(#[source] hyper_util::client::legacy::Error),
    /// The request may have arrived; its answer did not.
    #[error("no answer")]
    Lost(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum IdentifiedError {
    /// Who vouches for the server is no certificate.
    #[error(transparent)]
    Authority(#[from] CertificateError),
    /// TLS refuses it.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// Sends requests; keeps connections open between them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpsClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeout: Duration,
}

impl HttpsClient {
    /// A client that waits for an answer, its body included, for `timeout` at most.
    ///
    /// # Errors
    /// Where the crypto provider offers none of TLS 1.2 and 1.3.
    pub fn new(timeout: Duration) -> Result<Self, rustls::Error> {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())?;
        Ok(Self::over(connector, timeout))
    }

    /// A client that shows `identity` to servers that ask for it, and trusts those that the certificates `authority` (PEM) vouch for beside the
    /// public web's.
    ///
    /// # Errors
    /// Where `authority` is no certificate, or the crypto provider offers none of TLS 1.2 and 1.3.
    pub fn identified(
        timeout: Duration,
        identity: ClientIdentity,
        authority: Option<&str>,
    ) -> Result<Self, IdentifiedError> {
        let mut roots = webpki_roots::TLS_SERVER_ROOTS
            .iter()
            .cloned()
            .collect::<RootCertStore>();
        for certificate in authority.map(certificates).transpose()?.into_iter().flatten() {
            roots.add(certificate)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_cert_resolver(Arc::new(identity));
        // A resumed session would go on with the certificate that began it.
        config.resumption = Resumption::disabled();
        let connector = HttpsConnectorBuilder::new().with_tls_config(config);
        Ok(Self::over(connector, timeout))
    }

    fn over(connector: HttpsConnectorBuilder<WantsSchemes>, timeout: Duration) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = connector.https_or_http().enable_http1().wrap_connector(http);
        // A connection that slept through a freeze is likelier dead than alive: it is not kept for long.
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .build(connector);
        Self { client, timeout }
    }

    /// Sends a request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// [`HttpsError`].
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpsError> {
        let exchange = async {
            let answer = self
                .client
                .request(request.map(Full::new))
                .await
                .map_err(|error| {
                    if error.is_connect() {
                        HttpsError::NotSent(error)
                    } else {
                        HttpsError::Lost(Box::new(error))
                    }
                })?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, LONGEST_ANSWER)
                .collect()
                .await
                .map_err(HttpsError::Lost)?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        tokio::time::timeout(self.timeout, exchange)
            .await
            .map_err(|late| HttpsError::Lost(Box::new(late)))?
    }
}

#[cfg(test)]
mod identity_tests;
#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get;

    async fn server(router: Router) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    async fn fetch(url: &str, timeout: Duration) -> Result<Response<Bytes>, HttpsError> {
        let client = HttpsClient::new(timeout).expect("a client");
        client
            .send(Request::get(url).body(Bytes::new()).expect("a request"))
            .await
    }

    #[tokio::test]
    async fn an_answer_of_any_status_is_an_answer() {
        let base = server(Router::new().route(
            "/",
            get(async || (http::StatusCode::IM_A_TEAPOT, "short and stout")),
        ))
        .await;
        let answer = fetch(&base, Duration::from_secs(5)).await.expect("an answer");
        assert_eq!(
            (answer.status().as_u16(), answer.body().as_ref()),
            (418, b"short and stout".as_slice())
        );
    }

    #[tokio::test]
    async fn nothing_is_sent_where_nobody_listens() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        drop(listener);
        assert!(matches!(
            fetch(&url, Duration::from_secs(5)).await,
            Err(HttpsError::NotSent(_))
        ));
    }

    #[tokio::test]
    async fn a_late_answer_is_a_lost_one() {
        let base = server(Router::new().route("/", get(std::future::pending::<&'static str>))).await;
        assert!(matches!(
            fetch(&base, Duration::from_millis(50)).await,
            Err(HttpsError::Lost(_))
        ));
    }

    #[tokio::test]
    async fn an_endless_answer_is_not_read_to_the_end() {
        let base = server(Router::new().route("/", get(async || vec![0_u8; LONGEST_ANSWER + 1]))).await;
        assert!(matches!(
            fetch(&base, Duration::from_secs(20)).await,
            Err(HttpsError::Lost(_))
        ));
    }
}
