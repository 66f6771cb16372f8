//! TLS 1.3 before an engine, as AWS has it: most of a cold start is the handshakes of its first calls.

use std::collections::BTreeMap;
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

/// What the SDK reads by default, all of it.
const SYSTEM_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The roots that a function is built with.
const AWS_ROOTS: usize = 5;

/// A certificate authority of this run, with an intermediate one as at AWS. All keys are RSA with 2,048 bits, since a cold start has to verify
/// their signatures.
pub(crate) struct Authority {
    intermediate: CertifiedIssuer<'static, KeyPair>,
    directory: tempfile::TempDir,
}

impl Authority {
    /// Makes one, and two bundles: its own roots alone, and those of this system as well.
    pub(crate) async fn new() -> anyhow::Result<Self> {
        let root = CertifiedIssuer::self_signed(authority("Root"), rsa_key().await?)?;
        let intermediate = CertifiedIssuer::signed_by(authority("Intermediate"), rsa_key().await?, &root)?;
        let directory = tempfile::tempdir()?;
        // As many as AWS has: a function reads all of them.
        let mut own = root.pem();
        for number in 1..AWS_ROOTS {
            let other = authority(&format!("Another {number}"));
            own += &other.self_signed(&KeyPair::generate()?)?.pem();
        }
        std::fs::write(directory.path().join("own.pem"), &own)?;
        let system = std::fs::read_to_string(SYSTEM_BUNDLE)
            .with_context(|| format!("{SYSTEM_BUNDLE} cannot be read: install ca-certificates"))?;
        std::fs::write(directory.path().join("all.pem"), system + &own)?;
        Ok(Self {
            intermediate,
            directory,
        })
    }

    /// The path of `own.pem` or `all.pem`.
    pub(crate) fn bundle(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    async fn server(&self) -> anyhow::Result<TlsAcceptor> {
        let key = rsa_key().await?;
        let certificate = CertificateParams::new(["localhost".to_owned()])?;
        let certificate = certificate.signed_by(&key, &self.intermediate)?;
        let chain = vec![certificate.der().clone(), self.intermediate.der().clone()];
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

fn authority(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters
}

/// `ring` makes no RSA keys.
async fn rsa_key() -> anyhow::Result<KeyPair> {
    let arguments = "genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048";
    let made = Command::new("openssl").args(arguments.split(' ')).output().await;
    let made = made.context("openssl cannot be started: install it")?;
    KeyPair::from_pem(&String::from_utf8(made.stdout)?).context("openssl made no key")
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
            accepting.push(tokio::spawn(accept(listener, authority.server().await?, engine)));
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
