//! Systems Manager's Parameter Store: the one call that functions make of it, GetParameter.
//!
//! On the AWS SDK's own runtime, which signs, retries and limits the time. The whole client, `aws-sdk-ssm`, takes as long to compile
//! as a fifth of everything else (docs/decisions/008).

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::orchestrator::{
    HttpRequest, HttpResponse, OrchestratorError, SensitiveOutput,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::Error;
use crate::trace::TraceId;

/// A parameter as it is now, decrypted.
#[derive(Debug)]
pub(crate) struct Parameter {
    /// Counts from 1; each change is a version.
    pub(crate) version: i64,
    pub(crate) value: SecretString,
}

/// Reads the parameter of this name, which begins with `/`. Errors have Systems Manager's code, such as `ParameterNotFound`, and
/// never a value.
pub(crate) async fn get_parameter(aws: &SdkConfig, name: &str) -> Result<Parameter, Error> {
    Ok(operation(aws)?.invoke(name.to_owned()).await?)
}

fn operation(aws: &SdkConfig) -> Result<Operation<String, Parameter, ErrorMetadata>, Error> {
    let region = aws.region().ok_or("no region is set")?.clone();
    let endpoint = match (std::env::var("AWS_ENDPOINT_URL_SSM"), aws.endpoint_url()) {
        (Ok(own), _) => own,
        (_, Some(of_all)) => of_all.to_owned(),
        _ => format!("https://ssm.{region}.amazonaws.com"),
    };
    let mut config = Layer::new("ssm");
    config.store_put(SensitiveOutput);
    config.store_put(AuthSchemeOptionResolverParams::new(()));
    config.store_put(SigV4OperationSigningConfig {
        region: Some(region.into()),
        name: Some("ssm".into()),
        ..Default::default()
    });
    let signed = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
    let credentials = aws.credentials_provider().ok_or("no credentials are set")?;
    let components = RuntimeComponentsBuilder::new("ssm")
        .with_http_client(aws.http_client())
        .with_auth_scheme(SigV4AuthScheme::new())
        .with_auth_scheme_option_resolver(Some(signed))
        .with_identity_resolver(SCHEME_ID, credentials);
    let plugin = StaticRuntimePlugin::new()
        .with_config(config.freeze())
        .with_runtime_components(components);
    let retries = aws.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    Ok(Operation::builder()
        .service_name("ssm")
        .operation_name("GetParameter")
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(&endpoint)
        .runtime_plugin(plugin)
        .standard_retry(&retries)
        .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .with_connection_poisoning()
        .interceptor(TraceId)
        .serializer(request)
        .deserializer(answer)
        .build())
}

#[expect(clippy::needless_pass_by_value, reason = "a serializer owns its input")]
fn request(name: String) -> Result<HttpRequest, BoxError> {
    let body = json!({"Name": name, "WithDecryption": true}).to_string();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    let headers = request.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.1");
    headers.insert("x-amz-target", "AmazonSSM.GetParameter");
    Ok(request)
}

fn answer(response: &HttpResponse) -> Result<Parameter, OrchestratorError<ErrorMetadata>> {
    // What comes from between here and AWS may be no JSON. Nothing of the body goes into an error that may hold the value.
    let body = response.body().bytes().unwrap_or_default();
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if response.status().is_success() {
        let found = &body["Parameter"];
        let (Some(version), Some(value)) = (found["Version"].as_i64(), found["Value"].as_str()) else {
            return Err(OrchestratorError::other("the answer holds no parameter"));
        };
        let value = value.into();
        return Ok(Parameter { version, value });
    }
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    // `com.amazonaws.ssm#ParameterNotFound`, or without what is before the #.
    let code = text("__type").rsplit('#').next().unwrap_or_default();
    let message = [text("message"), text("Message")].concat();
    let error = ErrorMetadata::builder().code(code).message(message).build();
    Err(OrchestratorError::operation(error))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use aws_config::Region;
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use secrecy::ExposeSecret;

    use super::*;
    use crate::telemetry;

    /// Gives these answers, one after the other, and keeps what it was asked.
    #[derive(Clone, Debug)]
    struct ParameterStore(Arc<Mutex<(Vec<Canned>, Vec<HttpRequest>)>>);

    /// Status and body.
    type Canned = (u16, &'static str);

    impl HttpConnector for ParameterStore {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let mut store = self.0.lock().expect("not poisoned");
            store.1.push(request);
            let (status, body) = store.0.remove(0);
            let status = status.try_into().expect("a status");
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
        }
    }

    /// What comes of reading `/shop/key`, and the requests that it takes.
    async fn read(answers: &[Canned]) -> (Result<Parameter, Error>, Vec<HttpRequest>) {
        let store = ParameterStore(Arc::new(Mutex::new((answers.to_vec(), Vec::new()))));
        let connector = SharedHttpConnector::new(store.clone());
        let credentials = Credentials::new("AKID", "key", Some("session".to_owned()), None, "test");
        let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        let aws = SdkConfig::builder()
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .region(Region::from_static("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(retries);
        let read = get_parameter(&aws.build(), "/shop/key").await;
        let asked = std::mem::take(&mut store.0.lock().expect("not poisoned").1);
        (read, asked)
    }

    const FOUND: Canned = (
        200,
        r#"{"Parameter": {"Name": "/shop/key", "Type": "SecureString", "Value": "s3cret", "Version": 7}}"#,
    );

    #[tokio::test]
    async fn a_parameter_is_asked_for_decrypted_and_signed() {
        let (read, asked) = read(&[FOUND]).await;
        let read = read.expect("a parameter");
        assert_eq!((read.version, read.value.expose_secret()), (7, "s3cret"));
        assert!(!format!("{read:?}").contains("s3cret"));
        let [request] = &asked[..] else {
            panic!("one request: {asked:?}")
        };
        let header = |name| request.headers().get(name).unwrap_or_default();
        assert_eq!(
            (request.method(), request.uri()),
            ("POST", "https://ssm.eu-central-1.amazonaws.com/")
        );
        assert_eq!(
            request.body().bytes(),
            Some(&br#"{"Name":"/shop/key","WithDecryption":true}"#[..])
        );
        assert_eq!(header("x-amz-target"), "AmazonSSM.GetParameter");
        assert_eq!(header("x-amz-security-token"), "session");
        let signature = header("authorization");
        assert!(
            signature.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"),
            "{signature}"
        );
        assert!(
            signature.contains("/eu-central-1/ssm/aws4_request"),
            "{signature}"
        );
        assert!(signature.contains("x-amz-target"), "{signature}");
    }

    #[tokio::test]
    async fn throttles_and_failures_are_tried_again() {
        let throttled = (
            400,
            r#"{"__type": "ThrottlingException", "message": "Rate exceeded"}"#,
        );
        let (read, asked) = read(&[throttled, (503, "<html>"), FOUND]).await;
        assert_eq!((read.expect("a parameter").version, asked.len()), (7, 3));
    }

    #[tokio::test]
    async fn an_error_names_its_code_and_no_value() {
        let absent = (400, r#"{"__type": "com.amazonaws.ssm#ParameterNotFound"}"#);
        let denied = (
            400,
            r#"{"__type": "AccessDeniedException", "Message": "User: x is not authorized"}"#,
        );
        let odd = (200, r#"{"Parameter": {"Value": "s3cret", "Version": "s3cret"}}"#);
        for (answer, expected) in [
            (absent, "ParameterNotFound"),
            (denied, "User: x is not authorized"),
            (odd, "the answer holds no parameter"),
        ] {
            let (read, asked) = read(&[answer; 3]).await;
            let error = telemetry::chain(read.expect_err("an error").as_ref());
            assert!(error.contains(expected) && !error.contains("s3cret"), "{error}");
            assert_eq!(asked.len(), 1, "{error}");
        }
    }
}
