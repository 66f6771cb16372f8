//! TLS 1.3 before an engine, as AWS has it: a cold start hides most of its time in the first call over TLS.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use local::engines::server::listen;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::version::TLS13;

/// The bundle that distributions keep: what the SDK reads by default, all of it.
const SYSTEM_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The roots that a function is built with.
const AWS_ROOTS: usize = 5;

/// A certificate authority for this run, believed by nobody else.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: tempfile::TempDir,
}

impl Authority {
    /// Makes one, and two bundles: with its own certificate alone, and with those of this system as well.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?;
        let directory = tempfile::tempdir()?;
        // As many as there are roots of AWS: a function reads all of them.
        let mut own = issuer.pem();
        for _ in 1..AWS_ROOTS {
            own += &CertificateParams::default()
                .self_signed(&KeyPair::generate()?)?
                .pem();
        }
        std::fs::write(directory.path().join("own.pem"), &own)?;
        let system = std::fs::read_to_string(SYSTEM_BUNDLE)
            .with_context(|| format!("{SYSTEM_BUNDLE} cannot be read: install ca-certificates"))?;
        std::fs::write(directory.path().join("all.pem"), system + &own)?;
        Ok(Self { issuer, directory })
    }

    /// The file with its own certificate.
    pub(crate) fn own_bundle(&self) -> String {
        self.file("own.pem")
    }

    /// The file with the system's certificates, and its own.
    pub(crate) fn whole_bundle(&self) -> String {
        self.file("all.pem")
    }

    fn file(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn server(&self) -> anyhow::Result<TlsAcceptor> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// A port that speaks TLS 1.3 and passes everything on. It closes when dropped.
pub(crate) struct TlsFront {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl TlsFront {
    /// Opens a front before the engine at `endpoint`.
    pub(crate) async fn before(endpoint: &str, authority: &Authority) -> anyhow::Result<Self> {
        let listener = listen("TLS", 0).await?;
        let address = listener.local_addr()?;
        let engine = endpoint.trim_start_matches("http://").to_owned();
        let accepting = tokio::spawn(accept(listener, authority.server()?, engine));
        Ok(Self { address, accepting })
    }

    /// Its endpoint, for SDKs. By name, which a function has to look up.
    pub(crate) fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.accepting.abort();
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

/// The endpoints with TLS before each of them, and the fronts that must live as long.
pub(crate) async fn over_tls(
    endpoints: &BTreeMap<String, String>,
    authority: &Authority,
) -> anyhow::Result<(BTreeMap<String, String>, Vec<TlsFront>)> {
    let mut fronts = Vec::new();
    let mut over_tls = BTreeMap::new();
    for (variable, endpoint) in endpoints {
        let front = TlsFront::before(endpoint, authority).await?;
        over_tls.insert(variable.clone(), front.endpoint());
        fronts.push(front);
    }
    Ok((over_tls, fronts))
}
