//! Secrets that may be rolled while the function runs.
//!
//! A [`Secret`] is read from Secrets Manager while the function starts, without holding it up: the first who needs it waits. It is read
//! again when it is old, beside the work at hand: what is known serves until the new one is there, or on and on where there is no
//! answer. Where something does not verify
//! with what is known, the secret may have been rolled a moment ago: [`Secret::renewed`] looks at once, but seldom, however
//! many strangers knock.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use jiff::{SignedDuration, Timestamp};

use crate::config::{ConfigError, Variables};
use crate::{Error, Problem, clock, telemetry, traced};

/// How old a secret may become: as long as a call a process and five minutes costs next to nothing, and a rolled secret
/// is used by all soon.
const MAX_AGE: i64 = 300;
/// It is asked for in doubt, or again after a failure, no more often than this.
const PAUSE: SignedDuration = SignedDuration::from_secs(10);

/// Which secret, and how long it is believed: by `SECRET_NAME` and `SECRET_MAX_AGE` (seconds).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    name: String,
    max_age: SignedDuration,
}

impl Settings {
    /// Reads them; `None` where a fault was noted.
    pub fn read(env: &mut Variables) -> Option<Self> {
        let name = env.text("SECRET_NAME");
        let max_age = env.parse_or("SECRET_MAX_AGE", MAX_AGE, |text| {
            let seconds = text.parse().ok().filter(|seconds| (1..=86_400).contains(seconds));
            seconds.ok_or("1 to 86400 seconds are needed")
        });
        Some(Self {
            name: name?,
            max_age: SignedDuration::from_secs(max_age?),
        })
    }
}

/// How the members of a secret become a value. It reads them as it would read the environment.
type Read<T> = fn(Variables) -> Result<T, ConfigError>;
type Fetch = dyn Fn() -> Pin<Box<dyn Future<Output = Result<Version, Error>> + Send>> + Send + Sync;

/// A secret as Secrets Manager keeps it.
struct Version {
    id: String,
    /// A JSON object of texts.
    text: String,
}

/// A secret and what is known of it. Clones share it.
pub struct Secret<T>(Arc<Kept<T>>);

struct Kept<T> {
    fetch: Box<Fetch>,
    read: Read<T>,
    max_age: SignedDuration,
    /// Nothing until it was read for the first time.
    state: Mutex<Option<State<T>>>,
    /// Whoever asks: one at a time, so that the others find what it was told.
    asking: tokio::sync::Mutex<()>,
}

struct State<T> {
    value: Arc<T>,
    version: String,
    fresh_until: Timestamp,
    asked_at: Timestamp,
}

/// A secret that was never read is still not to be had.
#[derive(Debug, thiserror::Error)]
#[error("the secret cannot be read")]
pub struct SecretError(#[source] Error);

impl From<SecretError> for Problem {
    /// The client's request may succeed a moment later; somebody should look nevertheless.
    fn from(error: SecretError) -> Self {
        Self::busy(error).unexpected()
    }
}

impl<T> Clone for Secret<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send + Sync + 'static> Secret<T> {
    /// The secret of these settings. Reading it begins at once, beside whatever else the start has to do.
    pub fn open(aws: &SdkConfig, settings: Settings, read: Read<T>) -> Self {
        let secret = Self::unopened(aws, settings, read);
        let this = secret.clone();
        // Where it fails, who needs it asks again, and is told.
        tokio::spawn(async move { this.current().await.map(drop) });
        secret
    }

    /// The secret of these settings, to be read when it is needed.
    pub fn unopened(aws: &SdkConfig, settings: Settings, read: Read<T>) -> Self {
        let aws = aws.clone();
        let Settings { name, max_age } = settings;
        let fetch: Box<Fetch> = Box::new(move || {
            // One client a call: they are minutes apart, and it costs the start nothing.
            let asked = Client::from_conf(traced!(aws_sdk_secretsmanager, &aws))
                .get_secret_value()
                .secret_id(&name)
                .send();
            Box::pin(async move {
                let answer = asked.await?;
                Ok(Version {
                    id: answer.version_id.unwrap_or_default(),
                    text: answer.secret_string.ok_or("the secret is no text")?,
                })
            })
        });
        Self::unread(fetch, read, max_age)
    }

    /// One that never changes: for calling a handler by hand.
    ///
    /// # Panics
    /// Never: it is not read again.
    pub fn fixed(value: T) -> Self {
        let same = || Version {
            id: String::new(),
            text: String::new(),
        };
        Self(Arc::new(Kept {
            fetch: Box::new(move || Box::pin(std::future::ready(Ok(same())))),
            read: |_| unreachable!("the same version is not read again"),
            max_age: PAUSE,
            state: Mutex::new(Some(State {
                value: Arc::new(value),
                version: String::new(),
                fresh_until: Timestamp::MAX,
                asked_at: Timestamp::UNIX_EPOCH,
            })),
            asking: tokio::sync::Mutex::default(),
        }))
    }

    fn unread(fetch: Box<Fetch>, read: Read<T>, max_age: SignedDuration) -> Self {
        Self(Arc::new(Kept {
            fetch,
            read,
            max_age,
            state: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }))
    }

    /// What is known. Where that is old, the secret is read again meanwhile; where nothing is known yet, it is read first.
    ///
    /// # Errors
    /// [`SecretError`] where it was never read and Secrets Manager does not give it, or gives what is of no use.
    pub async fn current(&self) -> Result<Arc<T>, SecretError> {
        let now = clock::now();
        let known = self.0.state().as_ref().map(|state| {
            let old = now >= state.fresh_until && now >= self.0.next_question(state);
            (Arc::clone(&state.value), old)
        });
        let Some((value, old)) = known else {
            return self.first().await.map_err(SecretError);
        };
        if old {
            let (this, known) = (self.clone(), Arc::clone(&value));
            // Lambda may put it to sleep with the process; then it ends, or fails, with the next invocation.
            tokio::spawn(async move { this.renewed(&known).await });
        }
        Ok(value)
    }

    async fn first(&self) -> Result<Arc<T>, Error> {
        let _alone = self.0.asking.lock().await;
        let known = self.0.state().as_ref().map(|state| Arc::clone(&state.value));
        match known {
            Some(value) => Ok(value),
            None => self.take((self.0.fetch)().await?),
        }
    }

    /// The secret as it is now, where that is another than the `known` one. Asks at once, and waits; where it was asked a
    /// moment ago, not again.
    pub async fn renewed(&self, known: &Arc<T>) -> Option<Arc<T>> {
        let _alone = self.0.asking.lock().await;
        let now = clock::now();
        {
            let mut state = self.0.state();
            let state = state.as_mut()?;
            if !Arc::ptr_eq(&state.value, known) {
                return Some(Arc::clone(&state.value));
            }
            if now < self.0.next_question(state) {
                return None;
            }
            state.asked_at = now;
        }
        self.ask(known).await
    }

    /// What is known where it `fits`, and else what is [`renewed`](Self::renewed), if anything is.
    ///
    /// # Errors
    /// As [`Secret::current`].
    pub async fn fitting(&self, fits: impl FnOnce(&T) -> bool) -> Result<Arc<T>, SecretError> {
        let known = self.current().await?;
        if fits(&known) {
            return Ok(known);
        }
        Ok(self.renewed(&known).await.unwrap_or(known))
    }

    async fn ask(&self, known: &Arc<T>) -> Option<Arc<T>> {
        let asked = (self.0.fetch)().await;
        match asked.and_then(|version| self.take(version)) {
            Ok(value) if Arc::ptr_eq(&value, known) => None,
            Ok(value) => {
                tracing::info!("the secret was rolled; its new version serves from now on");
                Some(value)
            }
            Err(error) => {
                let error = telemetry::chain(error.as_ref());
                tracing::warn!(
                    error,
                    "the secret could not be read again; what is known of it serves on"
                );
                None
            }
        }
    }

    /// Keeps a version from now on; the value of one that is known stays the same.
    fn take(&self, version: Version) -> Result<Arc<T>, Error> {
        let fresh_until = clock::now() + self.0.max_age;
        let mut state = self.0.state();
        if let Some(known) = state.as_mut().filter(|known| known.version == version.id) {
            known.fresh_until = fresh_until;
            return Ok(Arc::clone(&known.value));
        }
        let value = Arc::new(value_of(&version, self.0.read)?);
        *state = Some(State {
            value: Arc::clone(&value),
            version: version.id,
            fresh_until,
            asked_at: state
                .as_ref()
                .map_or(Timestamp::UNIX_EPOCH, |known| known.asked_at),
        });
        Ok(value)
    }
}

impl<T> Kept<T> {
    fn state(&self) -> MutexGuard<'_, Option<State<T>>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When it may be asked again at the earliest.
    fn next_question(&self, state: &State<T>) -> Timestamp {
        state.asked_at + PAUSE.min(self.max_age)
    }
}

/// Whatever is wrong is told without a value.
fn value_of<T>(version: &Version, read: Read<T>) -> Result<T, Error> {
    let members: HashMap<String, String> =
        serde_json::from_str(&version.text).map_err(|_| "the secret is no JSON object of texts")?;
    let value = read(Variables::of(move |name| members.get(name).cloned()));
    value.map_err(|error| format!("the secret is incomplete: {}", error.faults.join("; ")).into())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    /// A Secrets Manager that counts its calls.
    #[derive(Clone, Default)]
    struct Manager {
        text: Arc<Mutex<String>>,
        calls: Arc<AtomicUsize>,
    }

    impl Manager {
        fn with(key: &str) -> Self {
            let manager = Self::default();
            manager.put(key);
            manager
        }

        fn put(&self, key: &str) {
            *self.text.lock().expect("not poisoned") = format!("{{\"key\":\"{key}\"}}");
        }

        fn calls(&self) -> usize {
            self.calls.load(Ordering::Relaxed)
        }

        /// One that has been read.
        async fn secret(&self, max_age: SignedDuration) -> Secret<String> {
            let secret = self.unread(max_age);
            known(&secret).await;
            secret
        }

        fn unread(&self, max_age: SignedDuration) -> Secret<String> {
            let this = self.clone();
            let fetch: Box<Fetch> = Box::new(move || {
                this.calls.fetch_add(1, Ordering::Relaxed);
                let text = this.text.lock().expect("not poisoned").clone();
                Box::pin(async move {
                    if text.contains("down") {
                        return Err("no answer".into());
                    }
                    Ok(Version {
                        id: text.clone(),
                        text,
                    })
                })
            });
            let read: Read<String> = |mut values| {
                let key = values.text("key");
                values.finish(|| key)
            };
            Secret::unread(fetch, read, max_age)
        }
    }

    async fn known<T: Send + Sync + 'static>(secret: &Secret<T>) -> Arc<T> {
        secret.current().await.expect("a secret")
    }

    async fn fitting(secret: &Secret<String>, wanted: &str) -> Arc<String> {
        secret.fitting(|key| key == wanted).await.expect("a secret")
    }

    const SHORT: SignedDuration = SignedDuration::from_millis(20);

    async fn grow_old() {
        tokio::time::sleep(Duration::from_millis(40)).await;
    }

    #[tokio::test]
    async fn a_fresh_secret_is_asked_for_once() {
        let manager = Manager::with("a");
        let secret = manager.secret(SignedDuration::from_mins(5)).await;
        manager.put("b");
        for _ in 0..3 {
            assert_eq!(*known(&secret).await, "a");
        }
        assert_eq!(manager.calls(), 1);
    }

    #[tokio::test]
    async fn an_old_one_serves_until_the_new_one_is_there() {
        let manager = Manager::with("a");
        let secret = manager.secret(SHORT).await;
        manager.put("b");
        grow_old().await;
        assert_eq!(*known(&secret).await, "a", "nobody waits");
        tokio::task::yield_now().await;
        assert_eq!((known(&secret).await.as_str(), manager.calls()), ("b", 2));
    }

    #[tokio::test]
    async fn an_old_one_serves_on_where_there_is_no_answer_or_no_use_of_it() {
        for bad in ["down", "\",\"no\":7,\"x\":\"", " "] {
            let manager = Manager::with("a");
            let secret = manager.secret(SHORT).await;
            manager.put(bad);
            for _ in 0..2 {
                grow_old().await;
                assert_eq!(*known(&secret).await, "a");
                tokio::task::yield_now().await;
            }
            assert_eq!(
                (known(&secret).await.as_str(), manager.calls()),
                ("a", 3),
                "{bad}"
            );
            manager.put("b");
            grow_old().await;
            let renewed = secret.renewed(&known(&secret).await).await;
            assert_eq!(renewed.as_deref().map(String::as_str), Some("b"));
        }
    }

    #[tokio::test]
    async fn what_does_not_fit_asks_at_once_and_then_not_again_for_a_while() {
        let manager = Manager::with("a");
        let secret = manager.secret(SignedDuration::from_mins(5)).await;
        manager.put("b");
        assert_eq!(*fitting(&secret, "a").await, "a");
        assert_eq!((fitting(&secret, "b").await.as_str(), manager.calls()), ("b", 2));
        manager.put("c");
        for _ in 0..3 {
            assert_eq!(*fitting(&secret, "c").await, "b");
        }
        assert_eq!(manager.calls(), 2);
    }

    #[tokio::test]
    async fn who_doubts_while_it_is_being_read_gets_what_is_read() {
        let manager = Manager::with("a");
        let secret = manager.secret(SHORT).await;
        manager.put("b");
        grow_old().await;
        assert_eq!((fitting(&secret, "b").await.as_str(), manager.calls()), ("b", 2));
        tokio::task::yield_now().await;
        assert_eq!(
            manager.calls(),
            2,
            "what the first look found is not looked for again"
        );
    }

    #[tokio::test]
    async fn the_same_version_is_nothing_new() {
        let secret = Manager::with("a").secret(SHORT).await;
        assert_eq!(secret.renewed(&known(&secret).await).await, None);
        let fixed = Secret::fixed(7);
        assert_eq!(
            (fixed.renewed(&known(&fixed).await).await, *known(&fixed).await),
            (None, 7)
        );
    }

    #[tokio::test]
    async fn one_that_was_not_to_be_had_is_asked_for_by_the_next_who_needs_it() {
        let manager = Manager::with("down");
        let secret = manager.unread(SignedDuration::from_mins(5));
        let error = secret.current().await.expect_err("no answer");
        assert_eq!(telemetry::chain(&error), "the secret cannot be read: no answer");
        manager.put("a");
        let (one, other) = tokio::join!(known(&secret), known(&secret));
        assert_eq!((one.as_str(), other.as_str(), manager.calls()), ("a", "a", 2));
    }

    #[tokio::test]
    async fn a_secret_that_cannot_be_used_is_told_without_its_values() {
        let manager = Manager::with("a");
        *manager.text.lock().expect("not poisoned") = "{\"kee\": \"s3cret\"}".to_owned();
        let error = manager.unread(SHORT).current().await.expect_err("a fault");
        assert_eq!(
            telemetry::chain(&error),
            "the secret cannot be read: the secret is incomplete: key is missing"
        );
    }

    #[test]
    fn the_settings_are_read_from_the_environment() {
        let read = |pairs: &'static [(&str, &str)]| {
            let mut env = Variables::of(|name| {
                let pair = pairs.iter().find(|(own, _)| *own == name);
                pair.map(|(_, value)| (*value).to_owned())
            });
            Settings::read(&mut env)
        };
        let expected = |seconds| {
            Some(Settings {
                name: "s".to_owned(),
                max_age: SignedDuration::from_secs(seconds),
            })
        };
        assert_eq!(read(&[("SECRET_NAME", "s")]), expected(300));
        assert_eq!(
            read(&[("SECRET_NAME", "s"), ("SECRET_MAX_AGE", "1")]),
            expected(1)
        );
        assert_eq!(read(&[("SECRET_NAME", "s"), ("SECRET_MAX_AGE", "0")]), None);
        assert_eq!(read(&[]), None);
    }
}
