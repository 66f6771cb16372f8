use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use secrecy::SecretString;

/// Why there is no credential.
#[derive(Debug, thiserror::Error)]
#[error("there is no credential")]
pub struct NoCredential(#[source] Box<dyn std::error::Error + Send + Sync>);

type Told = Pin<Box<dyn Future<Output = Result<SecretString, NoCredential>> + Send>>;

/// What a call is authorised by. It is asked for with each call, since it may be rolled while the process lives.
#[derive(Clone)]
pub struct Credential(Arc<dyn Fn() -> Told + Send + Sync>);

impl Credential {
    /// A credential that `current` returns.
    pub fn new<F, E>(current: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<SecretString, E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        Self(Arc::new(move || {
            let told = current();
            Box::pin(async move { told.await.map_err(|error| NoCredential(Box::new(error))) })
        }))
    }

    /// As it is now.
    ///
    /// # Errors
    /// Where it cannot be read: the call must not be made.
    pub async fn current(&self) -> Result<SecretString, NoCredential> {
        (self.0)().await
    }
}

impl From<SecretString> for Credential {
    /// One that never changes.
    fn from(secret: SecretString) -> Self {
        Self(Arc::new(move || Box::pin(ready(Ok(secret.clone())))))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}
