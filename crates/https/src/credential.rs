use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;

/// What a call is authorised by. It is asked for with each call, since it may be rolled while the process lives.
#[derive(Clone)]
pub struct Credential(Arc<dyn Fn() -> SecretString + Send + Sync>);

impl Credential {
    /// One that `current` tells.
    pub fn new(current: impl Fn() -> SecretString + Send + Sync + 'static) -> Self {
        Self(Arc::new(current))
    }

    /// As it is now.
    pub fn current(&self) -> SecretString {
        (self.0)()
    }
}

impl From<SecretString> for Credential {
    /// One that never changes.
    fn from(secret: SecretString) -> Self {
        Self::new(move || secret.clone())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}
