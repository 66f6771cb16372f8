//! The copy of the catalogue that a warm process keeps.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use app::CatalogueSnapshot;
use app::ports::{Catalogue, Stock, StoreError};
use jiff::{SignedDuration, Timestamp};
use lambda_kit::telemetry;

/// Older than this and up to nine seconds more, a copy is made anew beside the work at hand: about as often as the CDN asks again.
const FRESH: SignedDuration = SignedDuration::from_secs(25);
/// Older than this, it is used no more.
const USABLE: SignedDuration = SignedDuration::from_secs(60);

/// Keeps a [`CatalogueSnapshot`]. Clones share it.
pub(crate) struct CatalogueCache<S> {
    store: Arc<S>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    copy: Option<Copy>,
    /// Somebody makes one.
    copying: bool,
    /// A process that is asked once makes none.
    asked: bool,
}

#[derive(Clone)]
struct Copy {
    made_at: Timestamp,
    snapshot: Arc<CatalogueSnapshot>,
}

impl Copy {
    /// The last digit of the millisecond says how much longer it is fresh: processes that began together do not go on copying together.
    fn is_fresh(&self, now: Timestamp) -> bool {
        let longer = SignedDuration::from_secs(self.made_at.as_millisecond().rem_euclid(10));
        now.duration_since(self.made_at) < FRESH + longer
    }

    fn is_usable(&self, now: Timestamp) -> bool {
        now.duration_since(self.made_at) < USABLE
    }
}

impl<S> Clone for CatalogueCache<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            state: Arc::clone(&self.state),
        }
    }
}

impl<S: Catalogue + Stock + Send + 'static> CatalogueCache<S> {
    pub(crate) fn new(store: S) -> Self {
        Self {
            store: Arc::new(store),
            state: Arc::default(),
        }
    }

    /// What is copied: for who cannot wait for a copy.
    pub(crate) fn store(&self) -> &S {
        &self.store
    }

    /// The copy, where there is one that is usable. Where it is old, or there is none and the process is asked again, one is begun beside.
    pub(crate) fn snapshot(&self, now: Timestamp) -> Option<Arc<CatalogueSnapshot>> {
        let mut state = self.state();
        let asked_before = std::mem::replace(&mut state.asked, true);
        let fresh = state.copy.as_ref().is_some_and(|copy| copy.is_fresh(now));
        if asked_before && !state.copying && !fresh {
            state.copying = true;
            let this = self.clone();
            // Lambda may put it to sleep with the process; then it ends, or fails, with the next invocation.
            tokio::spawn(async move { this.copy(now).await.map(drop) });
        }
        let usable = state.copy.as_ref().filter(|copy| copy.is_usable(now));
        usable.map(|copy| Arc::clone(&copy.snapshot))
    }

    /// The copy; where none is usable, one is made. An old one is better than none.
    pub(crate) async fn any_snapshot(&self, now: Timestamp) -> Result<Arc<CatalogueSnapshot>, StoreError> {
        let known = self.state().copy.clone();
        match known {
            Some(copy) if copy.is_usable(now) => Ok(self.snapshot(now).unwrap_or(copy.snapshot)),
            Some(old) => Ok(self.copy(now).await.unwrap_or(old.snapshot)),
            None => self.copy(now).await,
        }
    }

    async fn copy(&self, now: Timestamp) -> Result<Arc<CatalogueSnapshot>, StoreError> {
        let before = self.state().copy.clone();
        let before = before.as_ref().map(|copy| &*copy.snapshot);
        let made = CatalogueSnapshot::of(&*self.store, &*self.store, before).await;
        let mut state = self.state();
        state.copying = false;
        match made {
            Ok(made) => {
                let made = Arc::new(made);
                state.copy = Some(Copy {
                    made_at: now,
                    snapshot: Arc::clone(&made),
                });
                Ok(made)
            }
            Err(error) => {
                tracing::warn!(
                    error = telemetry::chain(&error),
                    "the copy of the catalogue stays as old as it is"
                );
                Err(error)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
