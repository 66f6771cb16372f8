//! Asking the provider about a payment whose event may have been missed.

use domain::{JobKind, Order, OrderId, PaymentAttempt, Status};

use super::close_window::expire;
use super::{Ports, Worked, Worker};
use crate::ports::{Clock, PaymentProvider, SessionState, StoreError};
use crate::settle_payment::{Settled, apply_delay, apply_failure, apply_payment};

/// Looks how the attempt to pay stands, and applies it.
///
/// # Errors
/// [`StoreError`]; the job stays due.
pub(super) async fn ask_provider(
    worker: &Worker<'_, impl Ports>,
    order: Order,
) -> Result<Worked, StoreError> {
    let (orders, clock) = (worker.orders, worker.clock);
    let may_call = worker.guard.may_call(clock.now());
    let Some(attempt) = order.payment().cloned().filter(|_| may_call) else {
        return Ok(Worked::Other);
    };
    let ended = clock.now() >= order.reserved_until();
    let state = state_of(worker.provider, order.id(), &attempt, ended).await;
    worker.guard.note(!matches!(state, SessionState::Unknown(_)));
    let next = match state {
        SessionState::Paid(payment) => {
            let amount = payment.amount;
            let settled = apply_payment(orders, worker.queue, clock, order, payment).await?;
            return Ok(match settled {
                Settled::Paid => Worked::Paid(amount),
                Settled::Parked => Worked::Parked,
                _ => Worked::Other,
            });
        }
        SessionState::Delayed(delayed) if ended || order.status() == Status::Placed => {
            let settled = apply_delay(orders, worker.queue, clock, order, delayed).await?;
            return Ok(if settled == Settled::Parked {
                Worked::Parked
            } else {
                Worked::Other
            });
        }
        SessionState::Failed(failed) => {
            apply_failure(orders, worker.queue, clock, order, failed).await?;
            return Ok(Worked::Other);
        }
        SessionState::Expired => return expire(orders, clock, order).await,
        SessionState::Absent if ended => return expire(orders, clock, order).await,
        SessionState::Absent => order.attempt_failed(clock.now()),
        SessionState::Open { .. } if ended => order.retry_later(&JobKind::AskProvider, clock.now()),
        SessionState::Open { .. } | SessionState::Delayed(_) => order.payment_seen_open(clock.now()),
        SessionState::Unknown(cause) => {
            tracing::warn!(order.id = %order.id(), %cause, "the payment provider did not tell how an order stands");
            order.retry_later(&JobKind::AskProvider, clock.now())
        }
    };
    worker.keep(next).await?;
    Ok(Worked::Other)
}

/// How the attempt stands; a page that outlives its reservation is closed first.
async fn state_of(
    provider: &impl PaymentProvider,
    id: OrderId,
    attempt: &PaymentAttempt,
    ended: bool,
) -> SessionState {
    match provider.look_up(id, attempt).await {
        SessionState::Open { session_id } if ended => provider.close(&session_id).await,
        state => state,
    }
}
