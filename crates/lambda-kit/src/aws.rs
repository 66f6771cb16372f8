//! The AWS SDK, as lean as a cold start wants it.
//!
//! - ONE connector for all clients, on `ring`: each client builds a TLS connector otherwise, and AWS-LC's entropy costs 420
//!   million instructions in the first call.
//! - It trusts the five roots of AWS (see `build.rs`): reading the system's bundle costs 18 million instructions. It speaks
//!   plain HTTP too, for engines on this machine (`AWS_ENDPOINT_URL_...`).
//! - `AWS_CA_BUNDLE`, where it is set, names a file of other roots, as it does for every AWS SDK: for a network that ends TLS itself.
//! - Region and credentials come from the environment, where Lambda puts them; no file, no metadata service is asked.

use std::time::Duration;

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector, http_client_fn};

use crate::Error;

/// AWS answers its own network in a few milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// From the request to the answer's first byte.
const READ_TIMEOUT: Duration = Duration::from_secs(3);
/// A call and two more, for throttles and lost connections.
const ATTEMPTS: u32 = 3;
/// The roots of AWS in PEM.
const ROOTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/aws_roots.pem"));

/// What every client of this process is built from. With the feature `sdk-defaults` as the SDK comes: to be measured against. An
/// error where the file of other roots cannot be read.
pub async fn config() -> Result<SdkConfig, Error> {
    if cfg!(feature = "sdk-defaults") {
        return Ok(aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await);
    }
    let roots = match std::env::var_os("AWS_CA_BUNDLE") {
        Some(file) => TrustStore::empty().with_pem_certificate(std::fs::read(file)?),
        None => TrustStore::empty().with_pem_certificate(ROOTS),
    };
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT);
    let connector = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(TlsContext::builder().with_trust_store(roots).build()?)
        .connector_settings(settings.read_timeout(READ_TIMEOUT).build());
    let connector = SharedHttpConnector::new(connector.build());
    let no_files = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, "");
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .profile_files(no_files.build())
        .region(EnvironmentVariableRegionProvider::new())
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
    Ok(config.load().await)
}

#[tokio::test]
async fn clients_try_three_times_and_trust_the_five_roots_of_aws() {
    let pem = std::str::from_utf8(ROOTS).expect("ASCII");
    assert_eq!(pem.matches("-----BEGIN CERTIFICATE-----").count(), 5);
    // The connector reads them; it panics over one that it cannot.
    let config = config().await.expect("a configuration");
    assert!(config.http_client().is_some());
    assert_eq!(
        config.retry_config().map(RetryConfig::max_attempts),
        Some(ATTEMPTS)
    );
}
