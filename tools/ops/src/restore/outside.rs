//! What the payment provider and the warehouse know, and the restored tables do not.

use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use app::ports::{
    Committed, LookedUp, OrderQueue, Orders, PaymentProvider, QueueError, SessionState, StoreError, Warehouse,
};
use app::{PaymentNotice, SettleError, Settled, dispute_notice, settle_payment};
use domain::{AttemptState, OrderId, ReportedPayment, Status};
use erp::{Erp, ErpConfig};
use https::{Certificate, ClientIdentity, HttpsClient};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use stripe::webhook::Message;
use stripe::{PastMessage, PaymentMethods, Stripe, StripeConfig};

use super::{EVENTS_KEPT, Lost, Restore, Restored};
use crate::Shop;

/// A message may be so late: for three days the provider sends it again (docs.stripe.com/webhooks).
const LATEST_MESSAGE: SignedDuration = SignedDuration::from_hours(3 * 24);
/// No page lives longer (docs.stripe.com/api/checkout/sessions/create, `expires_at`).
const LONGEST_PAGE: SignedDuration = SignedDuration::from_hours(24);
/// How long they are waited for.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The function that talks to the warehouse.
const FORWARDER: &str = "order-forwarder";

/// The payment provider and the warehouse.
#[derive(Debug)]
pub struct Outside {
    provider: Stripe,
    warehouse: Erp,
}

impl Outside {
    /// Those that the functions of `shop` talk to, by these keys; the warehouse may ask for a certificate, too.
    ///
    /// # Errors
    /// Where the functions do not say where they are.
    pub async fn of(
        shop: &Shop,
        stripe_key: SecretString,
        erp_token: SecretString,
        erp_certificate: Option<SecretString>,
    ) -> anyhow::Result<Self> {
        let environment = shop.environment_of(FORWARDER).await?;
        let named = |name: &str| {
            let value = environment.get(name).cloned();
            value.with_context(|| format!("{FORWARDER} has no {name}"))
        };
        let provider = StripeConfig {
            api_base: named("STRIPE_API_BASE")?,
            secret_key: stripe_key.into(),
            // No page is opened here.
            site_url: String::new(),
            payment_methods: PaymentMethods::default(),
            stage: named("STAGE")?,
        };
        let warehouse = ErpConfig {
            base_url: named("ERP_BASE_URL")?,
            token: erp_token.into(),
        };
        let authority = environment.get("ERP_AUTHORITY").map(String::as_str);
        let authority = authority.filter(|pem| !pem.is_empty());
        let identity = ClientIdentity::default();
        if let Some(pem) = &erp_certificate {
            identity.replace(Some(Certificate::from_pem(pem.expose_secret())?));
        }
        let client = HttpsClient::identified(TIMEOUT, identity, authority)?;
        Ok(Self {
            provider: Stripe::new(provider, HttpsClient::new(TIMEOUT)?),
            warehouse: Erp::new(warehouse, client),
        })
    }
}

/// Queues nothing: the warehouse is asked first. What is to be forwarded is due, and the reconciler queues it.
struct NoQueue;

impl OrderQueue for NoQueue {
    async fn send(&self, _: OrderId) -> Result<(), QueueError> {
        Ok(())
    }

    async fn waiting(&self) -> Result<usize, QueueError> {
        Ok(0)
    }
}

impl Shop {
    /// Applies what the provider tells since then, as the webhook does, and closes pages that no order knows.
    pub(super) async fn ask_provider(
        &self,
        restore: &Restore,
        outside: &Outside,
        now: &(impl Fn() -> Timestamp + Sync),
        restored: &mut Restored,
    ) -> anyhow::Result<()> {
        let since = (restore.at - LATEST_MESSAGE).max(now() - EVENTS_KEPT);
        let messages = outside.provider.messages_since(since).await;
        let messages = messages.map_err(|cause| anyhow!(cause).context("the payment provider's events"))?;
        for told in messages {
            let event = told.event_id.clone();
            let applied = Box::pin(self.apply(restore, outside, told, now, restored));
            if let Err(error) = applied.await {
                restored.open.push(format!(
                    "Event {event} of the payment provider was not applied: {error:#}"
                ));
            }
        }
        let pages = outside.provider.open_pages_since(restore.at - LONGEST_PAGE).await;
        let pages = pages.map_err(|cause| anyhow!(cause).context("the payment provider's pages"))?;
        for page in pages {
            let order = match self.orders.get(page.order).await {
                // Named already.
                Err(StoreError::Corrupt(_)) => continue,
                order => order.context("the table of orders")?,
            };
            let attempt = order.as_ref().and_then(|order| order.payment());
            let known = attempt.is_some_and(|attempt| match &attempt.state {
                AttemptState::Open { session_id } => *session_id == page.session_id,
                // Perhaps this one: its order asks for it by itself.
                AttemptState::Opening => true,
                AttemptState::Failed => false,
            });
            if known {
                continue;
            }
            if restore.dry_run {
                restored.pages_closed += 1;
                continue;
            }
            match outside.provider.close(&page.session_id).await {
                SessionState::Expired => restored.pages_closed += 1,
                _ => restored.open.push(format!(
                    "The page {} of order {} could not be closed, or was paid just now: run this again",
                    page.session_id, page.order
                )),
            }
        }
        Ok(())
    }

    async fn apply(
        &self,
        restore: &Restore,
        outside: &Outside,
        told: PastMessage,
        now: &(impl Fn() -> Timestamp + Sync),
        restored: &mut Restored,
    ) -> anyhow::Result<()> {
        let notice = match told.message? {
            Message::Notice(notice) => notice,
            Message::Disputed(payment) => match dispute_notice(&outside.provider, payment).await? {
                Some(notice) => notice,
                None => return Ok(()),
            },
            Message::Other => return Ok(()),
        };
        let id = notice.order();
        let order = match self.orders.get(id).await {
            // Not put back in a dry run, or named already.
            Err(StoreError::Corrupt(_)) if restore.dry_run => return Ok(()),
            order => order?,
        };
        if order.is_none() && self.is_still_missing(restore, id).await? {
            return match notice {
                PaymentNotice::Captured { payment, .. } if told.is_marked => {
                    self.bring_back(restore, outside, id, payment, now(), restored)
                        .await
                }
                PaymentNotice::Delayed { delayed, .. } if told.is_marked => {
                    restored.open.push(format!(
                        "Order {id} is lost, and its payment {} is on its way: run this again once it has arrived",
                        delayed.payment.payment_id
                    ));
                    Ok(())
                }
                // Of another stage perhaps, or nothing that is missed.
                _ => Ok(()),
            };
        }
        if restore.dry_run {
            return Ok(());
        }
        let settled = Box::pin(settle_payment(&self.orders, &NoQueue, now, notice)).await;
        let what = match settled {
            Ok(Settled::Paid) => "paid",
            Ok(Settled::Pending) => "pending",
            Ok(Settled::Cancelled) => "cancelled",
            Ok(Settled::Expired) => "expired",
            Ok(Settled::RefundDue) => "refund_due",
            Ok(Settled::Parked) => "parked",
            Ok(Settled::Known) => "known",
            Err(error @ (SettleError::UnknownOrder | SettleError::Provider(_) | SettleError::Store(_))) => {
                return Err(error.into());
            }
        };
        *restored.messages.entry(what).or_default() += 1;
        Ok(())
    }

    /// Whether the copy does not have the order either: a dry run has not put it back.
    async fn is_still_missing(&self, restore: &Restore, id: OrderId) -> anyhow::Result<bool> {
        let copies = dynamodb::DynamoDb::new(self.clients.dynamodb.clone(), restore.copies.clone());
        Ok(copies.stored_orders(&[id]).await?.is_empty())
    }

    /// An order that only the provider knows.
    async fn bring_back(
        &self,
        restore: &Restore,
        outside: &Outside,
        id: OrderId,
        payment: ReportedPayment,
        now: Timestamp,
        restored: &mut Restored,
    ) -> anyhow::Result<()> {
        let lost = Lost::find(&outside.warehouse, id, &payment).await;
        let order = lost.order(id, &restore.token_of_lost, &payment, now)?;
        let order = order.filter(|_| !restore.dry_run);
        restored.lost.push(lost);
        if let Some(order) = order {
            let committed = self.orders.commit(order, Vec::new()).await?;
            ensure!(
                matches!(committed, Committed::Done(_)),
                "another order of the id {id} is stored: run this again"
            );
        }
        Ok(())
    }

    /// Asks the warehouse for the orders put back that it may have. It takes each once, whatever it is asked: this spares the repetition.
    pub(super) async fn ask_warehouse(
        &self,
        restore: &Restore,
        outside: &Outside,
        now: &(impl Fn() -> Timestamp + Sync),
        restored: &mut Restored,
    ) -> anyhow::Result<()> {
        if restore.dry_run {
            return Ok(());
        }
        for id in std::mem::take(&mut restored.put_back) {
            let order = self.orders.get(id).await.context("the table of orders")?;
            let Some(order) = order.filter(|order| order.status() == Status::Paid) else {
                continue;
            };
            if let LookedUp::Found { erp_number } = outside.warehouse.look_up(id).await {
                let there = order.accepted_by_warehouse(erp_number, now())?;
                if let Committed::Done(_) = self.orders.commit(there, Vec::new()).await? {
                    restored.found_in_warehouse += 1;
                }
            }
        }
        Ok(())
    }
}
