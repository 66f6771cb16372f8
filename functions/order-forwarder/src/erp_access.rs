//! How the ERP knows the shop: the secret `erp_credentials`.

use https::Certificate;
use lambda_kit::Error;
use lambda_kit::secret::Secret;
use secrecy::SecretString;
use serde::Deserialize;

pub(crate) struct ErpAccess {
    pub(crate) token: SecretString,
    /// Only where the ERP demands one.
    pub(crate) certificate: Option<Certificate>,
}

/// The secret's JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ErpCredentials {
    token: String,
    /// Certificate, chain and key in PEM.
    client_certificate: Option<String>,
}

impl ErpAccess {
    /// Reads `{"token": ..., "client_certificate": ...}`. An error repeats nothing of it.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        // What serde says may repeat it.
        let read: ErpCredentials = serde_json::from_str(text).map_err(
            |_| "an object with a token and, where the ERP wants it, a client_certificate is needed",
        )?;
        let certificate = read.client_certificate.as_deref().map(Certificate::from_pem);
        Ok(Self {
            token: Secret::text(read.token.trim())?,
            certificate: certificate.transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_token_needs_no_certificate() {
        let access = ErpAccess::parse(r#"{"token": "s3cret"}"#).expect("access");
        assert_eq!(access.token.expose_secret(), "s3cret");
        assert!(access.certificate.is_none());
    }

    #[test]
    fn unusable_credentials_are_refused_without_being_repeated() {
        for text in [
            "s3cret",
            "{}",
            r#"{"token": " "}"#,
            r#"{"token": ["s3cret"]}"#,
            r#"{"token": "s3cret", "certificate": ""}"#,
            r#"{"token": "s3cret", "client_certificate": "s3cret"}"#,
        ] {
            let error = ErpAccess::parse(text).err().expect("an error").to_string();
            assert!(!error.contains("s3cret"), "{text}: {error}");
        }
    }
}
