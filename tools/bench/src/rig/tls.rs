//! TLS 1.3 before an engine, as AWS has it: most of a cold start is the handshakes of its first calls.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use anyhow::{Context, ensure};
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

/// What the SDK reads by default, all of it.
const SYSTEM_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The roots that a function is built with.
const ROOTS: [&str; 5] = ["root", "root-2", "root-3", "root-4", "root-5"];
/// All keys are RSA with 2,048 bits, since a cold start has to verify their signatures.
const CERTIFICATE: &str = "req -x509 -config req.cnf -newkey rsa:2048 -noenc -days 30";
const IS_AUTHORITY: &str = "basicConstraints=critical,CA:TRUE";

/// A certificate authority of this run, with an intermediate one as at AWS.
pub(crate) struct Authority(TempDir);

impl Authority {
    /// Makes one, and two bundles: its own roots alone, and those of this system as well.
    pub(crate) async fn new() -> anyhow::Result<Self> {
        let authority = Self(tempfile::tempdir()?);
        fs::write(
            authority.file("req.cnf"),
            "[req]\ndistinguished_name=name\n[name]\n",
        )?;
        let mut own = String::new();
        for root in ROOTS {
            authority.certify(root, IS_AUTHORITY, None).await?;
            own += &fs::read_to_string(authority.file(&format!("{root}.pem")))?;
        }
        authority
            .certify("intermediate", IS_AUTHORITY, Some("root"))
            .await?;
        authority
            .certify("localhost", "subjectAltName=DNS:localhost", Some("intermediate"))
            .await?;
        fs::write(authority.file("own.pem"), &own)?;
        let system = fs::read_to_string(SYSTEM_BUNDLE)
            .with_context(|| format!("{SYSTEM_BUNDLE} cannot be read: install ca-certificates"))?;
        fs::write(authority.file("all.pem"), system + &own)?;
        Ok(authority)
    }

    /// The path of `own.pem`, `all.pem`, or of a certificate or its key.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Makes a certificate `NAME.pem` and its key `NAME.key`; signed by itself where nobody else signs it.
    async fn certify(&self, name: &str, extension: &str, by: Option<&str>) -> anyhow::Result<()> {
        let signer = by.map_or_else(String::new, |by| format!(" -CA {by}.pem -CAkey {by}.key"));
        let files = format!("-keyout {name}.key -out {name}.pem{signer}");
        let line = format!("{CERTIFICATE} -subj /CN={name} -addext {extension} {files}");
        let mut openssl = Command::new("openssl");
        let made = openssl.args(line.split(' ')).current_dir(&self.0).output();
        let made = made.await.context("openssl cannot be started: install it")?;
        let why = String::from_utf8_lossy(&made.stderr);
        ensure!(made.status.success(), "openssl made no certificate: {why}");
        Ok(())
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
