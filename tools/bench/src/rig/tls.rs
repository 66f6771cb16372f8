//! TLS 1.3 before an engine, as AWS has it: most of a cold start is the handshakes of its first calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::ensure;
use sam_runner::engines::server::listen;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::TLS13;

/// Makes five roots, as many as a function is built with, an intermediate authority as at AWS, and the certificate of `localhost`. All keys are
/// RSA with 2,048 bits, since a cold start has to verify their signatures. Then two bundles: the roots alone, and all that the SDK reads by
/// default.
const CERTIFICATES: &str = r#"set -e
printf '[req]\ndistinguished_name=name\n[name]\n' > req.cnf
certify() {
  name=$1 extension=$2
  shift 2
  openssl req -x509 -config req.cnf -newkey rsa:2048 -noenc -days 30 -subj "/CN=$name" -addext "$extension" \
    -keyout "$name.key" -out "$name.pem" "$@"
}
authority=basicConstraints=critical,CA:TRUE
for root in root root-2 root-3 root-4 root-5; do certify $root $authority; done
certify intermediate $authority -CA root.pem -CAkey root.key
certify localhost subjectAltName=DNS:localhost -CA intermediate.pem -CAkey intermediate.key
cat root*.pem > own.pem
cat /etc/ssl/certs/ca-certificates.crt own.pem > all.pem
"#;

/// A certificate authority of this run, with an intermediate one as at AWS.
pub(crate) struct Authority(TempDir);

impl Authority {
    /// Makes one with its certificates.
    pub(crate) async fn new() -> anyhow::Result<Self> {
        let authority = Self(tempfile::tempdir()?);
        let mut shell = Command::new("sh");
        let made = shell.args(["-c", CERTIFICATES]).current_dir(&authority.0);
        let made = made.output().await?;
        let why = String::from_utf8_lossy(&made.stderr);
        let succeeded = made.status.success();
        ensure!(
            succeeded,
            "no certificates; openssl and ca-certificates are needed: {why}"
        );
        Ok(authority)
    }

    /// The path of `own.pem`, `all.pem`, or of a certificate or its key.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn server(&self) -> anyhow::Result<TlsAcceptor> {
        let certificate = |name| CertificateDer::from_pem_file(self.file(name));
        let chain = vec![certificate("localhost.pem")?, certificate("intermediate.pem")?];
        // What AWS prefers.
        let provider = CryptoProvider {
            cipher_suites: vec![TLS13_AES_128_GCM_SHA256],
            ..ring::default_provider()
        };
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from_pem_file(self.file("localhost.key"))?)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// The endpoints of engines with TLS before each. They close when dropped.
pub(crate) struct TlsFronts {
    pub(crate) endpoints: BTreeMap<String, String>,
    accepting: Vec<JoinHandle<()>>,
}

impl TlsFronts {
    /// Opens a front before each of these, found by name as at AWS.
    pub(crate) async fn before(
        engines: &BTreeMap<String, String>,
        authority: &Authority,
    ) -> anyhow::Result<Self> {
        let (mut endpoints, mut accepting) = (BTreeMap::new(), Vec::new());
        for (variable, endpoint) in engines {
            let listener = listen("TLS", 0).await?;
            let port = listener.local_addr()?.port();
            endpoints.insert(variable.clone(), format!("https://localhost:{port}"));
            let engine = endpoint.trim_start_matches("http://").to_owned();
            accepting.push(tokio::spawn(accept(listener, authority.server()?, engine)));
        }
        Ok(Self { endpoints, accepting })
    }
}

impl Drop for TlsFronts {
    fn drop(&mut self) {
        self.accepting.iter().for_each(JoinHandle::abort);
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, engine: String) {
    while let Ok((client, _)) = listener.accept().await {
        let (tls, engine) = (tls.clone(), engine.clone());
        tokio::spawn(async move {
            client.set_nodelay(true)?;
            let mut client = tls.accept(client).await?;
            let mut engine = TcpStream::connect(engine).await?;
            engine.set_nodelay(true)?;
            copy_bidirectional(&mut client, &mut engine).await
        });
    }
}
