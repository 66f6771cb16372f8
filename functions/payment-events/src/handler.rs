use std::sync::Arc;

use api::ToProblem;
use app::ports::{Clock, OrderQueue, Orders, PaymentProvider};
use app::{PaymentNotice, Settled, dispute_notice, settle_payment};
use lambda_kit::http::{Handle, ReadRequest, Request, Response, WithHeader, json};
use lambda_kit::metrics::{self, Unit};
use lambda_kit::secret::Secret;
use lambda_kit::{Problem, telemetry};
use stripe::webhook::{self, Message, WebhookError, WebhookSecrets};

/// Hears Stripe's events.
pub(crate) struct PaymentEvents<O, Q, P, C> {
    pub(crate) orders: O,
    pub(crate) queue: Q,
    /// Asked only whose payment is disputed.
    pub(crate) provider: P,
    pub(crate) secrets: Arc<Secret<WebhookSecrets>>,
    pub(crate) clock: C,
    /// The stage that this shop is: events of another one's sessions are not its own.
    pub(crate) stage: String,
}

impl<O: Orders, Q: OrderQueue, P: PaymentProvider, C: Clock> Handle for PaymentEvents<O, Q, P, C> {
    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let signature = request.header("stripe-signature");
        let message = self.read(signature, request.bytes()?).await?;
        let notice = match message {
            Message::Notice(notice) => Some(notice),
            Message::Disputed(payment) => dispute_notice(&self.provider, payment)
                .await
                .map_err(ToProblem::to_problem)?,
            Message::Other => None,
        };
        if let Some(notice) = notice {
            telemetry::note("order.id", notice.order());
            let settled = settle_payment(&self.orders, &self.queue, &self.clock, notice.clone())
                .await
                .map_err(ToProblem::to_problem)?;
            note(settled);
            count(settled, &notice);
        }
        Ok(json(200, &serde_json::json!({})).with_header("cache-control", "no-store"))
    }
}

impl<O: Sync, Q: Sync, P: Sync, C: Clock> PaymentEvents<O, Q, P, C> {
    /// Reads a message; one that is not believed is read again where the secrets have just been rolled.
    async fn read(&self, signature: Option<&str>, body: &[u8]) -> Result<Message, Problem> {
        let now = self.clock.now();
        let read = |known: &WebhookSecrets| webhook::read(known, &self.stage, signature, body, now);
        let known = self.secrets.current().await?;
        let message = match read(&known) {
            Err(WebhookError::Signature) => match self.secrets.renewed(&known).await {
                Some(renewed) => read(&renewed),
                None => Err(WebhookError::Signature),
            },
            message => message,
        };
        message.map_err(refused)
    }
}

/// Not believed, or not understood: the event is not to come again.
fn refused(error: WebhookError) -> Problem {
    match error {
        WebhookError::Signature => Problem::new(400, "invalid_signature", "The signature is not valid")
            .detail("Sign the raw body with the webhook's secret, not more than five minutes ago.")
            .because(error),
        // Signed by Stripe and yet not as Stripe's documentation has it: somebody should look.
        WebhookError::Malformed => Problem::new(400, "malformed_event", "The event cannot be read")
            .detail("It is signed, and not of the form that the shop knows.")
            .because(error)
            .unexpected(),
    }
}

fn note(settled: Settled) {
    let outcome = match settled {
        Settled::Paid => "paid",
        Settled::Pending => "pending",
        Settled::Cancelled => "cancelled",
        Settled::Expired => "expired",
        Settled::RefundDue => "refund_due",
        Settled::Parked => "parked",
        Settled::Known => "known",
    };
    telemetry::note("outcome", outcome);
}

fn count(settled: Settled, notice: &PaymentNotice) {
    match (settled, notice) {
        (Settled::Paid, PaymentNotice::Captured { payment, .. }) => {
            metrics::count("OrdersPaid", 1);
            metrics::record("RevenuePaid", Unit::None, payment.amount.minor());
        }
        (Settled::Expired, _) => metrics::count("OrdersExpired", 1),
        (Settled::Parked, _) => metrics::count("PaymentsParked", 1),
        _ => {}
    }
}
