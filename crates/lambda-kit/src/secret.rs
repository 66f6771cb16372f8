//! Secrets that may be rolled while the function runs.
//!
//! - A [`Secret`] is read from Secrets Manager while the function starts, without holding it up: the first to need it waits.
//! - An old value is refreshed in the background, and serves until the new one is there; in an outage, on and on.
//! - Where something does not verify, the secret may have been rolled: [`Secret::renewed`] refreshes immediately, at most once
//!   per 10 s, so that forged signatures cannot flood Secrets Manager.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use crate::config::Variables;
use crate::{Error, Problem, clock, telemetry, traced};

/// A refresh in doubt, or after a failure, comes no earlier than this after the last one.
const PAUSE: SignedDuration = SignedDuration::from_secs(10);

/// Name of a secret, and how long its value is fresh: `SECRET_NAME` and `SECRET_MAX_AGE` (seconds, else five minutes).
#[derive(Debug, PartialEq, Eq)]
pub struct Settings(String, SignedDuration);

impl Settings {
    /// Reads them; `None` where a fault was noted.
    pub fn read(env: &mut Variables) -> Option<Self> {
        let name = env.text("SECRET_NAME");
        let max_age = env.parse_or("SECRET_MAX_AGE", 300, |text| {
            let seconds = text.parse().ok().filter(|seconds| (1..=86_400).contains(seconds));
            seconds.ok_or("1 to 86400 seconds are needed")
        });
        Some(Self(name?, SignedDuration::from_secs(max_age?)))
    }
}

/// How the members of a secret become a value: they are read as the environment is.
type Parse<T> = fn(&mut Variables) -> Option<T>;
/// Gets the id of a secret's version and its text, a JSON object of texts.
type Fetch = Box<dyn Fn() -> BoxFuture<'static, Result<(String, String), Error>> + Send + Sync>;

/// A secret and its cached value.
pub struct Secret<T> {
    fetch: Fetch,
    parse: Parse<T>,
    max_age: SignedDuration,
    /// The value, and until when it is fresh; nothing until it was read for the first time.
    cached: Mutex<Option<(Arc<T>, Timestamp)>>,
    /// When it was last asked for again, and the version. Locked by the one who asks, so that others find the answer.
    asked: tokio::sync::Mutex<(Timestamp, String)>,
}

/// A secret that was never read cannot be read now.
#[derive(Debug, thiserror::Error)]
#[error("the secret cannot be read")]
pub struct SecretError(#[source] Error);

impl From<SecretError> for Problem {
    /// The client's request may succeed a moment later; it needs a person nevertheless.
    fn from(error: SecretError) -> Self {
        Self::busy(error).unexpected()
    }
}

impl<T: Send + Sync + 'static> Secret<T> {
    /// The secret of these settings. Reading it begins at once, in the background.
    pub fn open(aws: &SdkConfig, settings: Settings, parse: Parse<T>) -> Arc<Self> {
        let secret = Self::unopened(aws, settings, parse);
        let this = Arc::clone(&secret);
        // Where it fails, the first to need it asks again, and gets the error.
        tokio::spawn(async move { this.current().await.map(drop) });
        secret
    }

    /// The secret of these settings, to be read when it is needed.
    pub fn unopened(aws: &SdkConfig, Settings(name, max_age): Settings, parse: Parse<T>) -> Arc<Self> {
        let aws = aws.clone();
        let fetch: Fetch = Box::new(move || {
            // One client a call: they are minutes apart, and it costs the start nothing.
            let client = Client::from_conf(traced!(aws_sdk_secretsmanager, &aws));
            let asked = client.get_secret_value().secret_id(&name).send();
            Box::pin(async move {
                let answer = asked.await?;
                let text = answer.secret_string.ok_or("the secret is no text")?;
                Ok((answer.version_id.unwrap_or_default(), text))
            })
        });
        Self::new(fetch, parse, max_age)
    }

    /// One that never changes: for calling a handler by hand.
    pub fn fixed(value: T) -> Arc<Self> {
        // Always the same version, which is not parsed again.
        let fetch: Fetch = Box::new(|| Box::pin(async { Ok(<(String, String)>::default()) }));
        let secret = Self::new(fetch, |_| None, PAUSE);
        *secret.cached() = Some((Arc::new(value), Timestamp::MAX));
        secret
    }

    fn new(fetch: Fetch, parse: Parse<T>, max_age: SignedDuration) -> Arc<Self> {
        let (cached, asked) = (Mutex::default(), tokio::sync::Mutex::default());
        Arc::new(Self {
            fetch,
            parse,
            max_age,
            cached,
            asked,
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
            return self.refresh(None).await.map_err(SecretError);
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
            let error = telemetry::chain(error.as_ref());
            tracing::warn!(
                error,
                "the secret could not be read again; what is known of it serves on"
            );
        });
        refreshed.ok().filter(|value| !Arc::ptr_eq(value, known))
    }

    /// The cached value where it `fits`, and else what is [`renewed`](Self::renewed), if anything is.
    pub async fn fitting(self: &Arc<Self>, fits: impl FnOnce(&T) -> bool) -> Result<Arc<T>, SecretError> {
        let known = self.current().await?;
        if fits(&known) {
            return Ok(known);
        }
        Ok(self.renewed(&known).await.unwrap_or(known))
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
        let (version, text) = (self.fetch)().await?;
        let value = match cached.filter(|_| asked.1 == version) {
            Some(same) => same,
            None => Arc::new(self.parsed(&text)?),
        };
        if asked.1 != version && known.is_some() {
            tracing::info!("the secret was rolled; its new version serves from now on");
        }
        asked.1 = version;
        *self.cached() = Some((Arc::clone(&value), clock::now() + self.max_age));
        Ok(value)
    }

    /// Whatever is wrong is reported without a value.
    fn parsed(&self, text: &str) -> Result<T, Error> {
        let members: HashMap<String, String> =
            serde_json::from_str(text).map_err(|_| "the secret is no JSON object of texts")?;
        let mut members = Variables::of(move |name| members.get(name).cloned());
        let value = (self.parse)(&mut members);
        let incomplete = |faults: Vec<String>| format!("the secret is incomplete: {}", faults.join("; "));
        members
            .finish(|| value)
            .map_err(|error| incomplete(error.faults).into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cases;

    /// What Secrets Manager has, and how often it was asked for it.
    type Manager = Arc<Mutex<(&'static str, usize)>>;

    fn secret(manager: &Manager, max_age: SignedDuration) -> Arc<Secret<String>> {
        let manager = Arc::clone(manager);
        let fetch: Fetch = Box::new(move || {
            let mut manager = manager.lock().expect("not poisoned");
            manager.1 += 1;
            let text = format!("{{\"key\":\"{}\"}}", manager.0);
            let version = Some((text.clone(), text)).filter(|_| manager.0 != "down");
            Box::pin(async { version.ok_or("no answer".into()) })
        });
        Secret::new(fetch, |members| members.text("key"), max_age)
    }

    /// Milliseconds of freshness, steps, and the calls that they take: `=a` is put into Secrets Manager, `~` time passes, `a` is
    /// known to all, `?b:a` is what doubt finds that wants `b`, `-why` is an error.
    const LIFE: &str = r#"
        a fresh one is asked for once                   | 300000 | =a a =b ~ a a                       | 1
        an old one serves until the new one is there    | 100    | =a a =b ~ a b                       | 2
        an old one serves on in an outage               | 100    | =a a =down ~ a a ~ a a =b ~ ?b:b    | 4
        an old one serves on where the new is no text   | 100    | =a a =","n":7,"x":" ~ a a =b ~ ?b:b | 3
        an old one serves on where the new is blank     | 100    | =a a = ~ a a =b ~ ?b:b              | 3
        doubt asks at once, and then not for a while    | 300000 | =a a =b ?a:a ?b:b =c ?c:b ?c:b b    | 2
        doubt during a refresh gets what is read        | 100    | =a a =b ~ ?b:b b b                  | 2
        one that was not to be had is asked for again   | 300000 | =down -answer =a a a                | 2
        one that is of no use is asked for again        | 300000 | =s3cret","key":" -missing =a a      | 2
    "#;

    #[tokio::test]
    async fn it_is_refreshed_when_old_or_in_doubt_and_kept_in_an_outage() {
        for [name, age_ms, steps, calls] in cases(LIFE) {
            let manager = Manager::default();
            let max_age = age_ms.parse().expect("milliseconds");
            let secret = secret(&manager, SignedDuration::from_millis(max_age));
            let now = async || secret.current().await.expect("a secret").to_string();
            for step in steps.split(' ') {
                let (verb, rest) = step.split_at(1);
                match verb {
                    "=" => manager.lock().expect("not poisoned").0 = rest,
                    "~" => tokio::time::sleep(Duration::from_millis(120)).await,
                    "?" => {
                        let (wanted, found) = rest.split_once(':').expect("what is wanted and found");
                        let fitting = secret.fitting(|key| key == wanted).await;
                        assert_eq!(*fitting.expect("a secret"), found, "{name}: {step}");
                    }
                    "-" => {
                        let error = telemetry::chain(&secret.current().await.expect_err(step));
                        assert!(error.ends_with(rest) && !error.contains("s3cret"), "{error}");
                    }
                    _ => {
                        let (one, other) = tokio::join!(now(), now());
                        assert_eq!([one.as_str(), other.as_str()], [step; 2], "{name}");
                        tokio::task::yield_now().await;
                    }
                }
            }
            let called = manager.lock().expect("not poisoned").1;
            assert_eq!(called.to_string(), calls, "{name}");
        }
    }

    #[tokio::test]
    async fn the_same_version_is_nothing_new() {
        let manager = Arc::new(Mutex::new(("a", 0)));
        for secret in [secret(&manager, PAUSE), Secret::fixed("a".to_owned())] {
            let known = secret.current().await.expect("a secret");
            assert_eq!(secret.renewed(&known).await, None);
            let again = secret.current().await.expect("a secret");
            assert!(Arc::ptr_eq(&known, &again));
        }
    }

    #[test]
    fn the_settings_are_read_from_the_environment() {
        let read = |name: &'static str, max_age: &'static str| {
            let value = move |variable: &str| if variable == "SECRET_NAME" { name } else { max_age };
            let mut env = Variables::of(move |variable| Some(value(variable).to_owned()));
            Settings::read(&mut env).map(|Settings(name, max_age)| (name, max_age.as_secs()))
        };
        let expected = |seconds| Some(("s".to_owned(), seconds));
        assert_eq!([read("s", ""), read("s", "1")], [expected(300), expected(1)]);
        assert_eq!([read("s", "0"), read("", "1")], [None, None]);
    }
}
