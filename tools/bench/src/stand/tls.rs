//! TLS 1.3 before an engine, as AWS has it: a cold start hides most of its time in the first call over TLS.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use sam_runner::engines::server::listen;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::version::TLS13;

/// The bundle that distributions keep: what the SDK reads by default, all of it.
const SYSTEM_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The roots that a function is built with.
const AWS_ROOTS: usize = 5;

/// A certificate authority for this run, believed by nobody else. As at AWS there is one between it and its servers, and all keys are
/// RSA with 2,048 bits: what a client has to verify is what a cold start has to do.
pub(crate) struct Authority {
    between: CertifiedIssuer<'static, KeyPair>,
    directory: tempfile::TempDir,
}

impl Authority {
    /// Makes one, and two bundles: with its own certificate alone, and with those of this system as well.
    pub(crate) async fn new() -> anyhow::Result<Self> {
        let root = CertifiedIssuer::self_signed(may_sign("Root"), rsa_key().await?)?;
        let between = CertifiedIssuer::signed_by(may_sign("Between"), rsa_key().await?, &root)?;
        let directory = tempfile::tempdir()?;
        // As many as there are roots of AWS: a function reads all of them.
        let mut own = root.pem();
        for number in 1..AWS_ROOTS {
            let other = may_sign(&format!("Another {number}"));
            own += &other.self_signed(&KeyPair::generate()?)?.pem();
        }
        std::fs::write(directory.path().join("own.pem"), &own)?;
        let system = std::fs::read_to_string(SYSTEM_BUNDLE)
            .with_context(|| format!("{SYSTEM_BUNDLE} cannot be read: install ca-certificates"))?;
        std::fs::write(directory.path().join("all.pem"), system + &own)?;
        Ok(Self { between, directory })
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

    async fn server(&self) -> anyhow::Result<TlsAcceptor> {
        let key = rsa_key().await?;
        let certificate = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &self.between)?;
        let chain = vec![certificate.der().clone(), self.between.der().clone()];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        // What AWS prefers.
        let provider = CryptoProvider {
            cipher_suites: vec![TLS13_AES_128_GCM_SHA256],
            ..ring::default_provider()
        };
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn may_sign(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters
}

/// A key that no crate here can make.
async fn rsa_key() -> anyhow::Result<KeyPair> {
    let mut openssl = Command::new("openssl");
    openssl.args([
        "genpkey",
        "-quiet",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:2048",
    ]);
    let made = openssl
        .output()
        .await
        .context("openssl cannot be started: install it")?;
    let pem = String::from_utf8(made.stdout)?;
    KeyPair::from_pem(&pem).context("openssl made no key")
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
        let accepting = tokio::spawn(accept(listener, authority.server().await?, engine));
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
