use std::sync::{Arc, Mutex, PoisonError};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// A certificate with its key. `Debug` shows neither.
#[derive(Clone)]
pub struct Certificate(Arc<CertifiedKey>);

/// A text that is no certificate with its key, or no certificates. Says nothing of what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// No PEM, or without a certificate.
    #[error("certificates in PEM are needed")]
    Certificates,
    /// Without a private key, or another certificate's.
    #[error("the first certificate's private key in PEM is needed")]
    Key,
}

/// How a client shows who it is to servers that ask (mTLS). It may be replaced while the process lives: new connections show the new one.
/// Clones share it.
#[derive(Clone, Debug, Default)]
pub struct ClientIdentity(Arc<Mutex<Option<Certificate>>>);

impl Certificate {
    /// Reads PEM: the certificate, those that vouch for it, and the private key, in any order.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| CertificateError::Key)?;
        let provider = rustls::crypto::ring::default_provider();
        let certified = CertifiedKey::from_der(certificates(pem)?, key, &provider);
        certified
            .map(|certified| Self(Arc::new(certified)))
            .map_err(|_| CertificateError::Key)
    }
}

/// All certificates of a text in PEM; at least one.
pub(crate) fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let read = read.ok().filter(|read| !read.is_empty());
    read.ok_or(CertificateError::Certificates)
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate(..)")
    }
}

impl ClientIdentity {
    /// New connections show this certificate, or none.
    pub fn replace(&self, certificate: Option<Certificate>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = certificate;
    }

    fn current(&self) -> Option<Certificate> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesClientCert for ClientIdentity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.current().map(|certificate| certificate.0)
    }

    fn has_certs(&self) -> bool {
        self.current().is_some()
    }
}
