//! Opening a payment page for an order.

use domain::{AttemptState, Order, PaymentAttempt, PaymentRefused, Status};
use jiff::Timestamp;

use crate::ports::{
    Cause, Clock, Committed, MAX_CONFLICT_RETRIES, Opened, Orders, PaymentProvider, PaymentSession,
    StoreError,
};
use crate::{ShowOrderError, show_order};

/// Where the shopper pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentPage {
    /// The provider's page.
    pub redirect_url: String,
    /// Until when it can be paid there.
    pub expires_at: Timestamp,
}

impl PaymentPage {
    fn of(attempt: &PaymentAttempt, session: PaymentSession) -> Self {
        Self {
            redirect_url: session.redirect_url,
            expires_at: attempt.expires_at,
        }
    }
}

/// Why there is no payment page.
#[derive(Debug, thiserror::Error)]
pub enum StartPaymentError {
    /// No such order, or not for this token.
    #[error("there is no such order")]
    NotFound,
    /// The order cannot be paid (any more).
    #[error(transparent)]
    Refused(#[from] PaymentRefused),
    /// The provider opened no page, or did not tell: the same request again will.
    #[error("the payment provider did not open a page")]
    Provider(#[source] Cause),
    /// The provider takes no payment for this order.
    #[error("the payment provider refuses the order")]
    Declined(#[source] Cause),
    /// The order could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ShowOrderError> for StartPaymentError {
    fn from(error: ShowOrderError) -> Self {
        match error {
            ShowOrderError::NotFound => Self::NotFound,
            ShowOrderError::Store(source) => Self::Store(source),
        }
    }
}

/// The payment page of an order: the live one, or a new one. Only the provider knows its address.
///
/// The attempt is stored before the provider is called, and the provider's idempotency key follows from it: a run that crashes
/// anywhere is taken up by the next one, and the reconciler knows what to ask for.
///
/// # Errors
/// [`StartPaymentError`].
pub async fn start_payment(
    orders: &impl Orders,
    provider: &impl PaymentProvider,
    clock: &impl Clock,
    id: &str,
    token: &str,
) -> Result<PaymentPage, StartPaymentError> {
    let mut order = show_order(orders, id, token).await?;
    let mut has_failed = false;
    for _ in 0..MAX_CONFLICT_RETRIES {
        let (stored, attempt) = match store_attempt(orders, order, clock.now()).await? {
            Ok(stored) => stored,
            Err(current) => {
                order = current;
                continue;
            }
        };
        let is_open = matches!(attempt.state, AttemptState::Open { .. });
        match provider.open(&stored, &attempt).await {
            Opened::Open(session) if is_open => return Ok(PaymentPage::of(&attempt, session)),
            Opened::Open(session) => return remember(orders, provider, stored, attempt, session).await,
            Opened::Unknown(cause) => return Err(StartPaymentError::Provider(cause)),
            Opened::Failed(cause) | Opened::Refused(cause) if is_open => {
                return Err(StartPaymentError::Provider(cause));
            }
            Opened::Failed(cause) => match end_attempt(orders, stored, clock.now()).await? {
                // The next attempt has a key of its own.
                Committed::Done(ended) if !has_failed => (order, has_failed) = (ended, true),
                // Another run is further: its page is this shopper's, too.
                Committed::Conflict(Some(current)) if !has_failed => (order, has_failed) = (*current, true),
                _ => return Err(StartPaymentError::Provider(cause)),
            },
            Opened::Refused(cause) => {
                end_attempt(orders, stored, clock.now()).await?;
                return Err(StartPaymentError::Declined(cause));
            }
        }
    }
    Err(StoreError::Busy.into())
}

/// The order with an attempt to pay, which is stored; or the order as another run has written it meanwhile.
async fn store_attempt(
    orders: &impl Orders,
    order: Order,
    now: Timestamp,
) -> Result<Result<(Order, PaymentAttempt), Order>, StartPaymentError> {
    let known = order.payment().cloned();
    let pending = order.attempt_for(now)?;
    let attempt = pending
        .payment()
        .cloned()
        .ok_or_else(|| StoreError::Corrupt("no attempt".into()))?;
    if known.as_ref() == Some(&attempt) {
        return Ok(Ok((pending, attempt)));
    }
    match orders.commit(pending, Vec::new()).await? {
        Committed::Done(stored) => Ok(Ok((stored, attempt))),
        Committed::Conflict(Some(current)) => Ok(Err(*current)),
        Committed::Conflict(None) | Committed::OutOfStock(_) => Err(StartPaymentError::NotFound),
    }
}

/// Notes that the attempt has no page. Lost to another run's write, this note is not needed: that run knows more.
async fn end_attempt(orders: &impl Orders, order: Order, now: Timestamp) -> Result<Committed, StoreError> {
    orders.commit(order.attempt_failed(now), Vec::new()).await
}

/// Stores the opened page, and only then shows it: of a page that is not noted nobody would ask the provider when the reservation ends.
/// Where the order has ended meanwhile, nobody must pay for it: the page is closed.
async fn remember(
    orders: &impl Orders,
    provider: &impl PaymentProvider,
    mut order: Order,
    attempt: PaymentAttempt,
    session: PaymentSession,
) -> Result<PaymentPage, StartPaymentError> {
    for _ in 0..MAX_CONFLICT_RETRIES {
        let noted = order.attempt_opened(session.id.clone());
        let current = match orders.commit(noted, Vec::new()).await? {
            Committed::Done(_) => return Ok(PaymentPage::of(&attempt, session)),
            Committed::Conflict(Some(current)) => current,
            Committed::Conflict(None) | Committed::OutOfStock(_) => return Err(StartPaymentError::NotFound),
        };
        match current.payment() {
            Some(own) if current.status() == Status::Placed && own.number == attempt.number => {
                if let AttemptState::Open { .. } = own.state {
                    return Ok(PaymentPage::of(&attempt, session));
                }
                order = *current;
            }
            _ => {
                provider.close(&session.id).await;
                // A later attempt is under way: the same request again finds its page.
                return Err(match current.status() {
                    Status::Placed if current.parked().is_none() => StoreError::Busy.into(),
                    status => PaymentRefused::NotPayable(status).into(),
                });
            }
        }
    }
    Err(StoreError::Busy.into())
}
