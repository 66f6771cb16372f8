//! Giving a payment back.

use domain::{JobKind, Order};

use super::{Ports, Worked, Worker};
use crate::ports::{Clock, PaymentProvider, RefundOutcome, StoreError};

/// Gives the next payment back that is due. What the provider refuses for good is parked with its reason; what it refuses for now is tried
/// again for as long as it takes, and its alarm rings.
///
/// # Errors
/// [`StoreError`]; the job stays due.
pub(super) async fn refund_payment(
    worker: &Worker<'_, impl Ports>,
    order: Order,
) -> Result<Worked, StoreError> {
    let may_call = worker.guard.may_call(worker.clock.now());
    let Some(due) = order.due_refund().cloned().filter(|_| may_call) else {
        return Ok(Worked::Other);
    };
    let tried_before = order.tries(&JobKind::Refund) > 0;
    let outcome = worker.provider.refund(order.id(), &due, tried_before).await;
    worker.guard.note(!matches!(outcome, RefundOutcome::Unknown(_)));
    let now = worker.clock.now();
    let (next, done) = match outcome {
        RefundOutcome::Done { refund_id } => {
            tracing::info!(order.id = %order.id(), reason = due.reason.name(), "a payment was given back");
            (order.refunded(&due.payment_id, refund_id, now), Worked::Other)
        }
        RefundOutcome::RefusedForGood(cause) => {
            tracing::error!(order.id = %order.id(), %cause, "the payment provider refused a refund for good; a human must decide");
            let parked = order.refund_refused(&due.payment_id, cause.to_string(), now);
            (parked, Worked::RefundParked)
        }
        RefundOutcome::Refused(cause) => {
            tracing::warn!(order.id = %order.id(), %cause, "the payment provider refused a refund for now");
            (order.retry_later(&JobKind::Refund, now), Worked::RefundRefused)
        }
        RefundOutcome::Unknown(cause) => {
            tracing::warn!(order.id = %order.id(), %cause, "the payment provider did not confirm a refund");
            (order.retry_later(&JobKind::Refund, now), Worked::Other)
        }
    };
    worker.keep(next).await?;
    Ok(done)
}
