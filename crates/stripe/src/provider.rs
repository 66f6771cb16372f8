//! Stripe as the shop's payment provider.

use std::time::Duration;

use app::ports::{Cause, Opened, PaymentProvider, PaymentSession, RefundOutcome, SessionState};
use domain::{AttemptState, Order, OrderId, PaymentAttempt, Refund};
use jiff::SignedDuration;
use tokio::time::timeout;

use crate::Stripe;
use crate::call::CallError;
use crate::objects::{self, GivenBack, List, PaymentIntent, SHOP, Session};
use crate::session_form::{Email, session_form};

const SESSIONS: &str = "/v1/checkout/sessions";
/// So often a refund may fail at Stripe with the failure kept under its key.
const MOST_REFUND_KEYS: u32 = 8;

/// The most pages of a hundred sessions that are looked through for one whose name was lost.
const MOST_PAGES: usize = 40;
/// The longest time that they are looked through: a run of the reconciler has other orders, too.
const LONGEST_SEARCH: Duration = Duration::from_secs(10);
/// Stripe's clock and ours may differ by so much.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(1);
/// Stripe opens no page that ends sooner (docs.stripe.com/api/checkout/sessions/create, `expires_at`).
const MIN_SESSION_LIFETIME: SignedDuration = SignedDuration::from_mins(30);

impl PaymentProvider for Stripe {
    async fn open(&self, order: &Order, attempt: &PaymentAttempt) -> Opened {
        match self.create_session(order, attempt).await {
            // Open as far as the shopper sees; where it is not, the page itself says so.
            Ok(Session {
                id,
                url: Some(redirect_url),
                ..
            }) => Opened::Open(PaymentSession { id, redirect_url }),
            Ok(_) => Opened::Unknown("the session has no page".into()),
            Err(error) if error.is_of_the_order() => Opened::Refused(Box::new(error)),
            Err(error) if error.is_refusal() => Opened::Failed(Box::new(error)),
            Err(error) if error.is_kept() => self.page_despite(error, order.id(), attempt).await,
            Err(error) => Opened::Unknown(Box::new(error)),
        }
    }

    async fn look_up(&self, order: OrderId, attempt: &PaymentAttempt) -> SessionState {
        let found = self.session_of(order, attempt).await;
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

    async fn order_of(&self, payment_id: &str) -> Result<Option<OrderId>, Cause> {
        let path = format!("/v1/payment_intents/{payment_id}");
        match self.get::<PaymentIntent>(&path).await {
            Ok(PaymentIntent { metadata }) if metadata.is_of(&self.config.stage) => Ok(metadata.order()),
            Ok(_) => Ok(None),
            Err(error) if error.has_code("resource_missing") => Ok(None),
            Err(error) => Err(Box::new(error)),
        }
    }

    async fn refund(&self, order: OrderId, refund: &Refund, tried_before: bool) -> RefundOutcome {
        let mut rest = refund.amount.minor();
        if tried_before {
            match self.given_back(refund).await {
                Ok(GivenBack {
                    in_full: Some(refund_id),
                    ..
                }) => return RefundOutcome::Done { refund_id },
                // A part was given back by hand. Where a list lags, too much is asked for, and refused.
                Ok(back) => rest -= back.total,
                Err(error) => return RefundOutcome::Unknown(Box::new(error)),
            }
        }
        let form = self.refund_form(order, refund, rest);
        for number in 0..MOST_REFUND_KEYS {
            let key = refund_key(refund, rest, number);
            match self
                .post::<objects::Refund>("/v1/refunds", Some(&key), form.clone())
                .await
            {
                Ok(made) if made.returns(rest) => {
                    return RefundOutcome::Done { refund_id: made.id };
                }
                Ok(_) => return RefundOutcome::Refused("the refund failed at the provider".into()),
                Err(error) if error.is_refusal() => return self.refused(refund, error).await,
                // That call has ended long ago, and what it did would have been found above: nothing.
                Err(error) if error.is_key_spent() && tried_before => {}
                Err(error) => return RefundOutcome::Unknown(Box::new(error)),
            }
        }
        RefundOutcome::Unknown("every try of this refund failed at the provider".into())
    }
}

impl Stripe {
    async fn create_session(&self, order: &Order, attempt: &PaymentAttempt) -> Result<Session, CallError> {
        let key = format!("{}-{}", order.id(), attempt.number);
        let form = |email| session_form(order, attempt, &self.config, email);
        let created = self.post(SESSIONS, Some(&key), form(Email::Prefilled)).await;
        match created {
            // The page asks for another address.
            Err(error) if error.is_about("customer_email") => {
                let key = format!("{key}-without-email");
                self.post(SESSIONS, Some(&key), form(Email::Asked)).await
            }
            created => created,
        }
    }

    /// The page of an attempt to whose key Stripe keeps a failure as the answer: the failed call may have opened it. Where none is found there is
    /// none that anybody knows of: the next attempt has another key. A page that a list does not show yet ends unseen.
    async fn page_despite(&self, error: CallError, order: OrderId, attempt: &PaymentAttempt) -> Opened {
        match self.session_of(order, attempt).await {
            Ok(Some(Session {
                id,
                url: Some(redirect_url),
                ..
            })) => Opened::Open(PaymentSession { id, redirect_url }),
            Ok(Some(session)) if session.status.as_deref() != Some("expired") => {
                Opened::Unknown("the page was used".into())
            }
            Ok(_) => Opened::Failed(Box::new(error)),
            Err(unread) => Opened::Unknown(Box::new(unread)),
        }
    }

    /// The session of an attempt, whether or not its name is known.
    async fn session_of(
        &self,
        order: OrderId,
        attempt: &PaymentAttempt,
    ) -> Result<Option<Session>, CallError> {
        match &attempt.state {
            AttemptState::Open { session_id } => self.session(session_id).await.map(Some),
            AttemptState::Opening | AttemptState::Failed => {
                let search = timeout(LONGEST_SEARCH, self.find(order, attempt)).await;
                match search.unwrap_or(Err(CallError::TooMany))? {
                    Some(found) if found.is_delayed() => self.session(&found.id).await.map(Some),
                    found => Ok(found),
                }
            }
        }
    }

    /// A session, with its payment intent shown whole: whether a payment that was on its way failed stands only there.
    async fn session(&self, id: &str) -> Result<Session, CallError> {
        self.get(&format!("/v1/checkout/sessions/{id}?expand[]=payment_intent"))
            .await
    }

    /// The session of an attempt whose name was never stored, a paid one first, then one whose payment is on its way. Stripe lists sessions by time only, newest first; the
    /// time in which this one can have come into being does not grow, however late it is looked for.
    async fn find(&self, order: OrderId, attempt: &PaymentAttempt) -> Result<Option<Session>, CallError> {
        let from = (attempt.started_at - CLOCK_SKEW).as_second();
        let to = (attempt.expires_at - MIN_SESSION_LIFETIME + CLOCK_SKEW).as_second();
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
                if session.is_delayed() {
                    found = Some(session);
                } else {
                    found.get_or_insert(session);
                }
            }
            match last {
                Some(last) if page.has_more => after = format!("&starting_after={last}"),
                _ => return Ok(found),
            }
        }
        // Not found is not absent: there are more sessions than were looked at.
        found.map(Some).ok_or(CallError::TooMany)
    }

    /// What was given back of the payment. A list may not show yet what was done a moment ago.
    async fn given_back(&self, refund: &Refund) -> Result<GivenBack, CallError> {
        let path = format!("/v1/refunds?limit=100&payment_intent={}", refund.payment_id);
        let made: List<objects::Refund> = self.get(&path).await?;
        Ok(GivenBack::of(refund.amount.minor(), &made.data))
    }

    /// What a refused refund means. Stripe refuses what it has done already, too. A payment that was charged back is refused for good: a refund
    /// besides would pay it back twice. So is one whose refund failed. Anything else, such as an answer of a proxy, may end.
    async fn refused(&self, refund: &Refund, error: CallError) -> RefundOutcome {
        match self.given_back(refund).await {
            Ok(GivenBack {
                in_full: Some(refund_id),
                ..
            }) => RefundOutcome::Done { refund_id },
            Ok(GivenBack { has_failed, .. }) => {
                let for_good = error.has_code("charge_disputed")
                    || has_failed && error.has_code("charge_already_refunded");
                if for_good {
                    RefundOutcome::RefusedForGood(Box::new(error))
                } else {
                    RefundOutcome::Refused(Box::new(error))
                }
            }
            Err(unread) => RefundOutcome::Unknown(Box::new(unread)),
        }
    }

    fn refund_form(&self, order: OrderId, refund: &Refund, amount: i64) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("payment_intent", &refund.payment_id);
        form.append_pair("amount", &amount.to_string());
        form.append_pair("metadata[order_id]", order.as_str());
        form.append_pair("metadata[reason]", refund.reason.name());
        form.append_pair("metadata[shop]", SHOP);
        form.append_pair("metadata[stage]", &self.config.stage);
        form.finish()
    }
}

/// The key of a refund of `amount`, or a further one where the ones before are used up.
fn refund_key(refund: &Refund, amount: i64, number: u32) -> String {
    let rest = if amount == refund.amount.minor() {
        String::new()
    } else {
        format!("-rest-{amount}")
    };
    match number {
        0 => format!("refund-{}{rest}", refund.payment_id),
        number => format!("refund-{}{rest}-{number}", refund.payment_id),
    }
}

pub(crate) fn state(session: &Session) -> SessionState {
    if session.is_paid() {
        return match session.payment() {
            Some(payment) => SessionState::Paid(payment),
            None => SessionState::Unknown("the amount paid cannot be read".into()),
        };
    }
    if session.is_delayed() {
        return match (session.has_failed(), session.delayed_payment()) {
            (Some(true), Some(failed)) => SessionState::Failed(failed),
            (Some(false), Some(delayed)) => SessionState::Delayed(delayed),
            _ => SessionState::Unknown("how the payment stands cannot be read".into()),
        };
    }
    match session.status.as_deref() {
        Some("open") => SessionState::Open {
            session_id: session.id.clone(),
        },
        Some("expired") => SessionState::Expired,
        _ => SessionState::Unknown("how the session stands cannot be read".into()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
