//! Webhooks: signed, sent, and sent again until the shop takes them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

use super::event::Event;
use super::faults::Faults;
use crate::chance::Chance;
use sam_runner::engines::clock::Clock;

/// Pauses between attempts: Stripe's three days, pressed into minutes. The last one repeats.
const PAUSES_MS: [u64; 5] = [200, 1_000, 5_000, 30_000, 60_000];
const MOST_ATTEMPTS: usize = 60;
/// How long the shop may take to answer.
pub(super) const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// Webhooks under way at once.
const AT_ONCE: usize = 32;
/// How far webhooks are thrown apart when they are to overtake each other.
const SHUFFLED_OVER: Duration = Duration::from_millis(500);

/// Carries events to the shop.
pub(super) struct Courier {
    post: Arc<Post>,
    stop: CancellationToken,
}

struct Post {
    http: reqwest::Client,
    url: String,
    key: Hmac<Sha256>,
    clock: Clock,
    room: Semaphore,
}

impl Courier {
    /// A courier to `url` that signs with `secret`, until `stop`.
    pub(super) fn new(
        url: String,
        secret: &str,
        clock: Clock,
        stop: CancellationToken,
    ) -> anyhow::Result<Courier> {
        let key = Hmac::new_from_slice(secret.as_bytes()).context("the webhook secret cannot be used")?;
        let http = sam_runner::engines::http_client()?;
        let post = Arc::new(Post {
            http,
            url,
            key,
            clock,
            room: Semaphore::new(AT_ONCE),
        });
        Ok(Courier { post, stop })
    }

    /// Sends an event off, as often, as late and as surely as the faults say; returns at once. What is returned ends when the shop was
    /// asked for the first time, or will not be.
    pub(super) fn send(&self, event: &Event, faults: &Faults, chance: &Chance) -> oneshot::Receiver<()> {
        let body = Bytes::from(event.json().to_string());
        let (asked, first_time) = oneshot::channel();
        let mut asked = Some(asked);
        for _ in 0..=faults.duplicate_webhooks {
            if chance.happens(faults.drop_webhooks) {
                tracing::debug!(event.id, "a webhook is lost, as asked for");
                continue;
            }
            let mut delay = faults.delay();
            if faults.shuffle_webhooks {
                delay += chance.up_to(SHUFFLED_OVER);
            }
            let delivery = deliver(
                self.post.clone(),
                event.id.clone(),
                body.clone(),
                delay,
                asked.take(),
            );
            let stop = self.stop.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = delivery => {}
                }
            });
        }
        first_time
    }
}

async fn deliver(
    post: Arc<Post>,
    event: String,
    body: Bytes,
    delay: Duration,
    mut asked: Option<oneshot::Sender<()>>,
) {
    let mut pause = delay;
    for attempt in 1..=MOST_ATTEMPTS {
        if pause > Duration::ZERO {
            tokio::time::sleep(pause).await;
        }
        let tried = post.try_once(body.clone()).await;
        drop(asked.take());
        match tried {
            Ok(()) => return,
            Err(reason) => tracing::debug!(event.id = event, attempt, reason, "a webhook was not taken"),
        }
        let last = PAUSES_MS.len() - 1;
        pause = Duration::from_millis(PAUSES_MS[(attempt - 1).min(last)]);
    }
    tracing::error!(
        event.id = event,
        "a webhook was never taken; the event is listed under /v1/events"
    );
}

impl Post {
    async fn try_once(&self, body: Bytes) -> Result<(), String> {
        let _room = self.room.acquire().await.map_err(|closed| closed.to_string())?;
        let request = self
            .http
            .post(&self.url)
            .timeout(WEBHOOK_TIMEOUT)
            .header("content-type", "application/json; charset=utf-8")
            .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .header("stripe-signature", self.signature(&body))
            .body(body);
        let response = request.send().await.map_err(|error| error.to_string())?;
        if response.status().is_success() {
            Ok(())
        } else {
            Err(response.status().to_string())
        }
    }

    /// `t=UNIX SECONDS,v1=HMAC-SHA256 of "t.body"`: <https://docs.stripe.com/webhooks#verify-manually>.
    fn signature(&self, body: &[u8]) -> String {
        let time = self.clock.now_s();
        let mut mac = self.key.clone();
        mac.update(format!("{time}.").as_bytes());
        mac.update(body);
        format!("t={time},v1={}", HEXLOWER.encode(&mac.finalize().into_bytes()))
    }
}
