//! Against a server that demands a certificate of its clients.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::*;

/// Who vouches for server and clients.
type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

/// A certificate for `localhost` and its key, in PEM.
fn certificate(authority: &Authority) -> String {
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    format!("{}{}", certificate.pem(), key.serialize_pem())
}

/// A server that lets in whom `authority` vouches for, and says hello on each connection once.
async fn server(authority: &Authority) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let own = certificate(authority);
    let key = rustls::pki_types::pem::PemObject::from_pem_slice(own.as_bytes()).expect("a key");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(certificates(&own).expect("a certificate"), key)
        .expect("a configuration");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!(
        "https://localhost:{}/",
        listener.local_addr().expect("an address").port()
    );
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = [0; 4096];
            drop(stream.read(&mut request).await);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
            drop(stream.write_all(answer).await);
            drop(stream.shutdown().await);
        }
    });
    url
}

async fn is_let_in(client: &HttpsClient, url: &str) -> bool {
    let request = Request::get(url).body(Bytes::new()).expect("a request");
    client.send(request).await.is_ok()
}

fn client(identity: &ClientIdentity, authority: &Authority) -> HttpsClient {
    let client = HttpsClient::identified(Duration::from_secs(5), identity.clone(), Some(&authority.pem()));
    client.expect("a client")
}

#[tokio::test]
async fn a_server_that_demands_a_certificate_lets_its_owner_in() {
    let authority = authority();
    let url = server(&authority).await;
    let identity = ClientIdentity::default();
    let client = client(&identity, &authority);
    assert!(!is_let_in(&client, &url).await, "without one");
    identity.replace(Some(
        Certificate::from_pem(&certificate(&authority)).expect("a certificate"),
    ));
    assert!(is_let_in(&client, &url).await, "with one, by the same client");
    identity.replace(Some(
        Certificate::from_pem(&certificate(&self::authority())).expect("a certificate"),
    ));
    assert!(!is_let_in(&client, &url).await, "with a stranger's");
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_not_talked_to() {
    let (authority, stranger) = (authority(), self::authority());
    let url = server(&stranger).await;
    let identity = ClientIdentity::default();
    identity.replace(Some(
        Certificate::from_pem(&certificate(&stranger)).expect("a certificate"),
    ));
    assert!(!is_let_in(&client(&identity, &authority), &url).await);
}

#[test]
fn what_is_no_certificate_is_refused_without_telling_it() {
    let authority = authority();
    let (own, other) = (certificate(&authority), certificate(&authority));
    let end = "-----END CERTIFICATE-----\n";
    let (first, key) = own.split_once(end).expect("a certificate");
    let (_, others_key) = other.split_once(end).expect("a certificate");
    for (pem, expected) in [
        (String::new(), CertificateError::Key),
        (format!("{first}{end}"), CertificateError::Key),
        (key.to_owned(), CertificateError::Certificates),
        (format!("{first}{end}{others_key}"), CertificateError::Key),
    ] {
        assert_eq!(Certificate::from_pem(&pem).map(drop), Err(expected));
    }
    let shown = format!("{:?}", Certificate::from_pem(&own));
    assert_eq!(shown, "Ok(Certificate(..))");
}
