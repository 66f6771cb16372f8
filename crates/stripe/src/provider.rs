//! Stripe as the shop's payment provider.

use std::time::Duration;

use app::ports::{Opened, PaymentProvider, PaymentSession, RefundOutcome, SessionState};
use domain::{AttemptState, Order, OrderId, PaymentAttempt, Refund};
use jiff::SignedDuration;
use tokio::time::timeout;

use crate::Stripe;
use crate::call::CallError;
use crate::objects::{self, List, Session};
use crate::session_form::session_form;

/// The most pages of a hundred sessions that are looked through for one whose name was lost.
const MOST_PAGES: usize = 40;
/// The longest time that they are looked through: a run of the reconciler has other orders, too.
const LONGEST_SEARCH: Duration = Duration::from_secs(10);
/// Stripe's clock and ours may differ by so much.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(1);
/// Stripe opens no page that ends sooner (docs.stripe.com/api/checkout/sessions/create, `expires_at`).
const SHORTEST_PAGE: SignedDuration = SignedDuration::from_mins(30);

impl PaymentProvider for Stripe {
    async fn open(&self, order: &Order, attempt: &PaymentAttempt) -> Opened {
        let form = session_form(order, attempt, &self.config.site_url);
        let key = format!("{}-{}", order.id(), attempt.number);
        match self
            .post::<Session>("/v1/checkout/sessions", Some(&key), form)
            .await
        {
            // Open as far as the shopper sees; where it is not, the page itself says so.
            Ok(Session {
                id,
                url: Some(redirect_url),
                ..
            }) => Opened::Open(PaymentSession { id, redirect_url }),
            Ok(_) => Opened::Unknown("the session has no page".into()),
            Err(error) if error.is_refusal() => Opened::Refused(Box::new(error)),
            Err(error) => Opened::Unknown(Box::new(error)),
        }
    }

    async fn look_up(&self, order: OrderId, attempt: &PaymentAttempt) -> SessionState {
        let found = match &attempt.state {
            AttemptState::Open { session_id } => self.session(session_id).await.map(Some),
            AttemptState::Opening | AttemptState::Failed => {
                let search = timeout(LONGEST_SEARCH, self.find(order, attempt)).await;
                search.unwrap_or(Err(CallError::TooMany))
            }
        };
        match found {
            Ok(Some(session)) => state(&session),
            Ok(None) => SessionState::Absent,
            Err(error) => SessionState::Unknown(Box::new(error)),
        }
    }

    async fn close(&self, session_id: &str) -> SessionState {
        let path = format!("/v1/checkout/sessions/{session_id}/expire");
        // Without an idempotency key, under which Stripe would repeat a fault of its own for a day: closing twice is closing once.
        let closed = match self.post::<Session>(&path, None, String::new()).await {
            // Not open any more, or not known: how it stands now tells.
            Err(_) => self.session(session_id).await,
            closed => closed,
        };
        match closed {
            Ok(session) => state(&session),
            Err(error) => SessionState::Unknown(Box::new(error)),
        }
    }

    async fn refund(&self, order: OrderId, refund: &Refund, tried_before: bool) -> RefundOutcome {
        if tried_before {
            match self.refund_of(refund).await {
                Ok(Some(done)) => return RefundOutcome::Done { refund_id: done.id },
                Ok(None) => {}
                Err(error) => return RefundOutcome::Unknown(Box::new(error)),
            }
        }
        let key = format!("refund-{}", refund.payment_id);
        match self
            .post::<objects::Refund>("/v1/refunds", Some(&key), refund_form(order, refund))
            .await
        {
            Ok(made) if made.returns(refund.amount.minor()) => RefundOutcome::Done { refund_id: made.id },
            Ok(_) => RefundOutcome::Refused("the refund failed at the provider".into()),
            Err(error) if error.is_refusal() => match self.refund_of(refund).await {
                Ok(Some(done)) => RefundOutcome::Done { refund_id: done.id },
                Ok(None) if error.is_for_good() => RefundOutcome::RefusedForGood(Box::new(error)),
                Ok(None) => RefundOutcome::Refused(Box::new(error)),
                Err(unread) => RefundOutcome::Unknown(Box::new(unread)),
            },
            Err(error) => RefundOutcome::Unknown(Box::new(error)),
        }
    }
}

impl Stripe {
    async fn session(&self, id: &str) -> Result<Session, CallError> {
        self.get(&format!("/v1/checkout/sessions/{id}")).await
    }

    /// The session of an attempt whose name was never stored, a paid one first. Stripe lists sessions by time only, newest first; the
    /// time in which this one can have come into being does not grow, however late it is looked for.
    async fn find(&self, order: OrderId, attempt: &PaymentAttempt) -> Result<Option<Session>, CallError> {
        let from = (attempt.started_at - CLOCK_SKEW).as_second();
        let to = (attempt.expires_at - SHORTEST_PAGE + CLOCK_SKEW).as_second();
        let mut found = None;
        let mut after = String::new();
        for _ in 0..MOST_PAGES {
            let path =
                format!("/v1/checkout/sessions?limit=100&created[gte]={from}&created[lte]={to}{after}");
            let page: List<Session> = self.get(&path).await?;
            let last = page.data.last().map(|session| session.id.clone());
            for session in page.data {
                if session.order() != Some(order) || session.attempt() != Some(attempt.number) {
                    continue;
                }
                if session.is_paid() {
                    return Ok(Some(session));
                }
                found.get_or_insert(session);
            }
            match last {
                Some(last) if page.has_more => after = format!("&starting_after={last}"),
                _ => return Ok(found),
            }
        }
        // Not found is not absent: there are more sessions than were looked at.
        found.map(Some).ok_or(CallError::TooMany)
    }

    /// What gave the payment back, if anything did.
    async fn refund_of(&self, refund: &Refund) -> Result<Option<objects::Refund>, CallError> {
        let path = format!("/v1/refunds?limit=100&payment_intent={}", refund.payment_id);
        let made: List<objects::Refund> = self.get(&path).await?;
        let full = |made: &objects::Refund| made.returns(refund.amount.minor());
        Ok(made.data.into_iter().find(full))
    }
}

fn refund_form(order: OrderId, refund: &Refund) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("payment_intent", &refund.payment_id);
    form.append_pair("amount", &refund.amount.minor().to_string());
    form.append_pair("metadata[order_id]", order.as_str());
    form.append_pair("metadata[reason]", refund.reason.name());
    form.finish()
}

pub(crate) fn state(session: &Session) -> SessionState {
    if session.is_paid() {
        return match session.payment() {
            Some(payment) => SessionState::Paid(payment),
            None => SessionState::Unknown("the amount paid cannot be read".into()),
        };
    }
    match session.status.as_deref() {
        Some("open") => SessionState::Open {
            session_id: session.id.clone(),
        },
        Some("expired") => SessionState::Expired,
        // Complete and not paid: on its way, which card payments never are for long.
        _ => SessionState::Unknown("the payment is being processed".into()),
    }
}

#[cfg(test)]
mod tests;
