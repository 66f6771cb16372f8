//! The clients: of the account that the environment names, or of the shop on this machine.

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region};
use aws_sdk_sqs::config::Credentials;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// Where `cargo run` puts its engines if nobody says otherwise.
const LOCAL_DYNAMODB: (&str, &str) = ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:8000");
const LOCAL_SQS: (&str, &str) = ("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9324");
const LOCAL_LAMBDA: (&str, &str) = ("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:9001");

/// A client for each service that the shop's state is in.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Orders and circuits.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The order queue and its dead letters.
    pub sqs: aws_sdk_sqs::Client,
    /// The functions.
    pub lambda: aws_sdk_lambda::Client,
}

impl Clients {
    /// Of the account whose credentials the environment or the profile file (`AWS_PROFILE`) has.
    pub async fn of_account() -> Self {
        // Profiles may ask for credentials over HTTP, and panic when built without a client.
        let around = ProviderConfig::without_region()
            .with_http_client(https())
            .load_default_region()
            .await;
        let profile = ProfileFileCredentialsProvider::builder().configure(&around);
        let credentials =
            CredentialsProviderChain::first_try("Environment", EnvironmentVariableCredentialsProvider::new())
                .or_else("Profile", profile.build());
        let config = loader().credentials_provider(credentials).load().await;
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&config),
        }
    }

    /// Of the shop that `cargo run` opened: at its usual ports, or where the environment's `AWS_ENDPOINT_URL_...` say.
    pub async fn of_this_machine() -> Self {
        let at =
            |(variable, usual): (&str, &str)| std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
        Self::at(&at(LOCAL_DYNAMODB), &at(LOCAL_SQS), &at(LOCAL_LAMBDA)).await
    }

    /// Of engines on this machine at these endpoints, which ask nobody who they are.
    pub async fn at(dynamodb: &str, sqs: &str, lambda: &str) -> Self {
        let owner = Credentials::new("owner", "owner", None, None, "this machine");
        let loader = loader().region(Region::from_static("eu-central-1"));
        let config = loader.credentials_provider(owner).load().await;
        let dynamodb = aws_sdk_dynamodb::config::Builder::from(&config).endpoint_url(dynamodb);
        let sqs = aws_sdk_sqs::config::Builder::from(&config).endpoint_url(sqs);
        let lambda = aws_sdk_lambda::config::Builder::from(&config).endpoint_url(lambda);
        Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
            lambda: aws_sdk_lambda::Client::from_conf(lambda.build()),
        }
    }
}

fn loader() -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest()).http_client(https())
}

/// TLS on ring, which is compiled in anyway, with the roots that this machine trusts.
fn https() -> SharedHttpClient {
    Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
}
