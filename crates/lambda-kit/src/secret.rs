//! Secrets that may be rolled while the function runs.
//!
//! - Each is a SecureString of Systems Manager's Parameter Store, so that a function's role names those that it needs.
//! - [`Secret::open`] reads one while the function starts, without holding it up: the first to need it waits.
//! - An old value is refreshed in the background, and serves until the new one is there; in an outage, on and on.
//! - Where something does not verify, the secret may have been rolled: [`Secret::renewed`] refreshes immediately, at most once
//!   per 10 s, so that forged signatures cannot flood Parameter Store, which answers 40 calls a second.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::SdkConfig;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use crate::config::Variables;
use crate::ssm::{self, Parameter};
use crate::{Error, Problem, clock, telemetry};

/// A refresh in doubt, or after a failure, comes no earlier than this after the last one.
const PAUSE: SignedDuration = SignedDuration::from_secs(10);

/// Where the secrets are, and how long a value is fresh: `SECRETS_PATH` and `SECRET_MAX_AGE` (seconds, else five minutes).
#[derive(Debug, PartialEq, Eq)]
pub struct Settings(String, SignedDuration);

impl Settings {
    /// Reads them; `None` where a fault was noted.
    pub fn read(env: &mut Variables) -> Option<Self> {
        let path = env.text("SECRETS_PATH");
        let max_age = env.parse_or("SECRET_MAX_AGE", 300, |text| {
            let seconds = text.parse().ok().filter(|seconds| (1..=86_400).contains(seconds));
            seconds.ok_or("1 to 86400 seconds are needed")
        });
        Some(Self(path?, SignedDuration::from_secs(max_age?)))
    }
}

/// How a parameter's text becomes a value. An error must not repeat the text.
type Parse<T> = fn(&str) -> Result<T, Error>;
type Fetch = Box<dyn Fn() -> BoxFuture<'static, Result<Parameter, Error>> + Send + Sync>;

/// A secret and its cached value.
pub struct Secret<T> {
    /// The parameter's name.
    name: String,
    fetch: Fetch,
    parse: Parse<T>,
    max_age: SignedDuration,
    /// The value, and until when it is fresh; nothing until it was read for the first time.
    cached: Mutex<Option<(Arc<T>, Timestamp)>>,
    /// When it was last asked for again, and the version. Locked by the one who asks, so that others find the answer.
    asked: tokio::sync::Mutex<(Timestamp, i64)>,
}

/// A secret that was never read cannot be read now.
#[derive(Debug, thiserror::Error)]
#[error("the secret {name} cannot be read")]
pub struct SecretError {
    name: String,
    source: Error,
}

impl From<SecretError> for Problem {
    /// The client's request may succeed a moment later; it needs a person nevertheless.
    fn from(error: SecretError) -> Self {
        Self::busy(error).unexpected()
    }
}

impl<T: Send + Sync + 'static> Secret<T> {
    /// The secret of this name under `SECRETS_PATH`. Reading it begins at once, in the background.
    pub fn open(aws: &SdkConfig, settings: &Settings, name: &str, parse: Parse<T>) -> Arc<Self> {
        let secret = Self::unopened(aws, settings, name, parse);
        let this = Arc::clone(&secret);
        // Where it fails, the first to need it asks again, and gets the error.
        tokio::spawn(async move { this.current().await.map(drop) });
        secret
    }

    /// As [`Secret::open`], but read when it is needed.
    pub fn unopened(aws: &SdkConfig, settings: &Settings, name: &str, parse: Parse<T>) -> Arc<Self> {
        let Settings(path, max_age) = settings;
        let (aws, name) = (aws.clone(), format!("{path}/{name}"));
        let asked = name.clone();
        let fetch: Fetch = Box::new(move || {
            let (aws, name) = (aws.clone(), asked.clone());
            Box::pin(async move { ssm::get_parameter(&aws, &name).await })
        });
        Self::new(name, fetch, parse, *max_age)
    }

    /// One that never changes: for calling a handler by hand.
    pub fn fixed(value: T) -> Arc<Self> {
        let fetch: Fetch = Box::new(|| {
            // Always the version that is known already, which is not parsed again.
            let (version, value) = (0, SecretString::default());
            Box::pin(async move { Ok(Parameter { version, value }) })
        });
        let secret = Self::new(String::new(), fetch, |_| Err("never parsed".into()), PAUSE);
        *secret.cached() = Some((Arc::new(value), Timestamp::MAX));
        secret
    }

    fn new(name: String, fetch: Fetch, parse: Parse<T>, max_age: SignedDuration) -> Arc<Self> {
        Arc::new(Self {
            name,
            fetch,
            parse,
            max_age,
            cached: Mutex::default(),
            asked: tokio::sync::Mutex::default(),
        })
    }

    fn cached(&self) -> MutexGuard<'_, Option<(Arc<T>, Timestamp)>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cached value. Where that is old, it is refreshed in the background; where there is none yet, it is read first, which
    /// may fail.
    pub async fn current(self: &Arc<Self>) -> Result<Arc<T>, SecretError> {
        let cached = self.cached().clone();
        let Some((value, fresh_until)) = cached else {
            let name = || self.name.clone();
            return self
                .refresh(None)
                .await
                .map_err(|source| SecretError { name: name(), source });
        };
        if clock::now() >= fresh_until {
            let (this, known) = (Arc::clone(self), Arc::clone(&value));
            // Lambda may freeze it with the process; then it ends, or fails, with the next invocation.
            tokio::spawn(async move { this.renewed(&known).await });
        }
        Ok(value)
    }

    /// The secret as it is now, where that is another than the `known` one. Asks immediately, and waits; soon after it was asked,
    /// not again.
    pub async fn renewed(&self, known: &Arc<T>) -> Option<Arc<T>> {
        let refreshed = self.refresh(Some(known)).await;
        let refreshed = refreshed.inspect_err(|error| {
            let (secret, error) = (&*self.name, telemetry::chain(error.as_ref()));
            tracing::warn!(
                secret,
                error,
                "the secret could not be read again; what is known of it serves on"
            );
        });
        refreshed.ok().filter(|value| !Arc::ptr_eq(value, known))
    }

    /// Asks, unless another has found a value other than the known one meanwhile, or it was asked again a moment ago.
    async fn refresh(&self, known: Option<&Arc<T>>) -> Result<Arc<T>, Error> {
        let mut asked = self.asked.lock().await;
        let cached = self.cached().as_ref().map(|(value, _)| Arc::clone(value));
        if let Some(value) = &cached {
            let is_known = known.is_some_and(|known| Arc::ptr_eq(known, value));
            if !is_known || clock::now() < asked.0 + PAUSE.min(self.max_age) {
                return Ok(Arc::clone(value));
            }
            asked.0 = clock::now();
        }
        let read = (self.fetch)().await?;
        let value = match cached.filter(|_| asked.1 == read.version) {
            Some(same) => same,
            // A text that came from a file may end in a line break.
            None => Arc::new((self.parse)(read.value.expose_secret().trim())?),
        };
        if asked.1 != read.version && known.is_some() {
            let secret = &*self.name;
            tracing::info!(
                secret,
                "the secret was rolled; its new version serves from now on"
            );
        }
        asked.1 = read.version;
        *self.cached() = Some((Arc::clone(&value), clock::now() + self.max_age));
        Ok(value)
    }
}

impl Secret<SecretString> {
    /// A key or token, as it stands.
    pub fn text(text: &str) -> Result<SecretString, Error> {
        let text = Some(text).filter(|text| !text.is_empty());
        Ok(text.ok_or("the secret is blank")?.into())
    }

    /// A function that returns the current value: for a client that asks before each call.
    pub fn reader(
        self: Arc<Self>,
    ) -> impl Fn() -> BoxFuture<'static, Result<SecretString, SecretError>> + Send + Sync + 'static {
        move || {
            let this = Arc::clone(&self);
            Box::pin(async move { this.current().await.map(|text| SecretString::clone(&text)) })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cases;

    /// What Parameter Store has, the version of it, and how often it was asked for it.
    type Store = Arc<Mutex<(&'static str, i64, usize)>>;

    fn secret(store: &Store, max_age: SignedDuration) -> Arc<Secret<String>> {
        let store = Arc::clone(store);
        let fetch: Fetch = Box::new(move || {
            let mut store = store.lock().expect("not poisoned");
            store.2 += 1;
            let parameter = Parameter {
                version: store.1,
                value: store.0.into(),
            };
            let answer = Some(parameter).filter(|_| store.0 != "down");
            Box::pin(async { answer.ok_or("no answer".into()) })
        });
        let parse: Parse<String> = |text| match text {
            "" | "s3cret" => Err("it is of no use".into()),
            text => Ok(text.to_owned()),
        };
        Secret::new("/shop/key".to_owned(), fetch, parse, max_age)
    }

    /// Milliseconds of freshness, steps, and the calls that they take: `=a` is put into Parameter Store, `~` time passes, `a` is
    /// known to all, `?b:a` is what doubt finds that wants `b`, `-why` is an error.
    const LIFE: &str = r"
        a fresh one is asked for once                   | 300000 | =a a =b ~ a a                    | 1
        an old one serves until the new one is there    | 100    | =a a =b ~ a b                    | 2
        an old one serves on in an outage               | 100    | =a a =down ~ a a ~ a a =b ~ ?b:b | 4
        an old one serves on where the new is of no use | 100    | =a a =s3cret ~ a a =b ~ ?b:b     | 3
        an old one serves on where the new is blank     | 100    | =a a = ~ a a =b ~ ?b:b           | 3
        doubt asks at once, and then not for a while    | 300000 | =a a =b ?a:a ?b:b =c ?c:b ?c:b b | 2
        doubt during a refresh gets what is read        | 100    | =a a =b ~ ?b:b b b               | 2
        one that was not to be had is asked for again   | 300000 | =down -answer =a a a             | 2
        one that is of no use is asked for again        | 300000 | =s3cret -use =a a                | 2
    ";

    #[tokio::test]
    async fn it_is_refreshed_when_old_or_in_doubt_and_kept_in_an_outage() {
        for [name, age_ms, steps, calls] in cases(LIFE) {
            let store = Store::default();
            let max_age = age_ms.parse().expect("milliseconds");
            let secret = secret(&store, SignedDuration::from_millis(max_age));
            let now = async || secret.current().await.expect("a secret").to_string();
            for step in steps.split(' ') {
                let (verb, rest) = step.split_at(1);
                match verb {
                    "=" => {
                        let mut store = store.lock().expect("not poisoned");
                        (store.0, store.1) = (rest, store.1 + 1);
                    }
                    "~" => tokio::time::sleep(Duration::from_millis(120)).await,
                    "?" => {
                        let (wanted, found) = rest.split_once(':').expect("what is wanted and found");
                        let known = secret.current().await.expect("a secret");
                        let renewed = if *known == wanted {
                            None
                        } else {
                            secret.renewed(&known).await
                        };
                        assert_eq!(*renewed.unwrap_or(known), found, "{name}: {step}");
                    }
                    "-" => {
                        let error = telemetry::chain(&secret.current().await.expect_err(step));
                        assert!(error.contains("/shop/key"), "{error}");
                        assert!(error.ends_with(rest) && !error.contains("s3cret"), "{error}");
                    }
                    _ => {
                        let (one, other) = tokio::join!(now(), now());
                        assert_eq!([one.as_str(), other.as_str()], [step; 2], "{name}");
                        tokio::task::yield_now().await;
                    }
                }
            }
            let called = store.lock().expect("not poisoned").2;
            assert_eq!(called.to_string(), calls, "{name}");
        }
    }

    #[tokio::test]
    async fn the_same_version_is_nothing_new() {
        let store = Arc::new(Mutex::new(("a", 1, 0)));
        for secret in [secret(&store, PAUSE), Secret::fixed("a".to_owned())] {
            let known = secret.current().await.expect("a secret");
            assert_eq!(secret.renewed(&known).await, None);
            let again = secret.current().await.expect("a secret");
            assert!(Arc::ptr_eq(&known, &again));
        }
    }

    #[test]
    fn the_settings_are_read_from_the_environment() {
        let read = |path: &'static str, max_age: &'static str| {
            let value = move |variable: &str| if variable == "SECRETS_PATH" { path } else { max_age };
            let mut env = Variables::of(move |variable| Some(value(variable).to_owned()));
            Settings::read(&mut env).map(|Settings(path, max_age)| (path, max_age.as_secs()))
        };
        let expected = |seconds| Some(("/s".to_owned(), seconds));
        assert_eq!([read("/s", ""), read("/s", "1")], [expected(300), expected(1)]);
        assert_eq!([read("/s", "0"), read("", "1")], [None, None]);
    }
}
