//! Stripe's objects, as far as the shop reads them.

use std::collections::BTreeMap;

use domain::{Currency, DelayedPayment, Money, OrderId, ReportedPayment};
use serde::Deserialize;

use crate::payment_methods::is_delayed;

/// A Checkout Session.
#[derive(Debug, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) url: Option<String>,
    /// `open`, `complete` or `expired`.
    #[serde(default)]
    pub(crate) status: Option<String>,
    /// `paid`, `unpaid` or `no_payment_required`.
    pub(crate) payment_status: String,
    #[serde(default)]
    amount_total: Option<i64>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    client_reference_id: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    payment_intent: Option<Reference>,
    /// What the page offers.
    #[serde(default)]
    payment_method_types: Vec<String>,
}

/// Another object: its name, or the object itself where it was asked for whole (docs.stripe.com/api/expanding_objects).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Reference {
    /// By its name.
    Id(String),
    /// Whole.
    Whole {
        /// Its name.
        id: String,
        /// How it stands, if that is told.
        #[serde(default)]
        status: Option<String>,
    },
}

impl Reference {
    pub(crate) fn id(&self) -> &str {
        let (Self::Id(id) | Self::Whole { id, .. }) = self;
        id
    }
}

/// What this shop writes into the metadata of its sessions, payments and refunds.
pub(crate) const SHOP: &str = "kontor";

/// Whose an object is. One account may serve several stages and other shops.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Metadata(BTreeMap<String, String>);

impl Metadata {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether the object is of this shop and stage. The release before wrote neither, but the attempt.
    pub(crate) fn is_of(&self, stage: &str) -> bool {
        match (self.get("shop"), self.get("stage")) {
            (None, None) => self.get("attempt").is_some(),
            _ => self.names(stage),
        }
    }

    /// Whether it names this shop and stage.
    pub(crate) fn names(&self, stage: &str) -> bool {
        (self.get("shop"), self.get("stage")) == (Some(SHOP), Some(stage))
    }

    /// The order that it is for.
    pub(crate) fn order(&self) -> Option<OrderId> {
        OrderId::parse(self.get("order_id")?).ok()
    }
}

/// Any object, as far as it says whose it is.
#[derive(Debug, Deserialize)]
pub(crate) struct Marked {
    #[serde(default)]
    pub(crate) metadata: Metadata,
}

/// Of what a list has, the name.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    pub(crate) id: String,
}

impl Session {
    /// The order that it is for; `None` where it is not this shop's.
    pub(crate) fn order(&self) -> Option<OrderId> {
        OrderId::parse(self.client_reference_id.as_deref()?).ok()
    }

    /// The attempt to pay that it is for.
    pub(crate) fn attempt(&self) -> Option<u32> {
        self.metadata.as_ref()?.get("attempt")?.parse().ok()
    }

    /// Whether this shop opened it, in this stage.
    pub(crate) fn is_of(&self, stage: &str) -> bool {
        self.metadata
            .as_ref()
            .is_some_and(|metadata| metadata.is_of(stage))
    }

    /// Whether it names this shop and stage.
    pub(crate) fn is_marked(&self, stage: &str) -> bool {
        let metadata = self.metadata.as_ref();
        metadata.is_some_and(|metadata| metadata.names(stage))
    }

    /// Whether nothing more is to come: what was due is paid, or nothing was.
    pub(crate) fn is_paid(&self) -> bool {
        matches!(self.payment_status.as_str(), "paid" | "no_payment_required")
    }

    /// Whether the shopper is done and the payment is on its way, or failed.
    pub(crate) fn is_delayed(&self) -> bool {
        self.payment_status == "unpaid" && self.status.as_deref() == Some("complete")
    }

    /// Whether a payment that was on its way failed; known only where the payment intent is shown whole
    /// (docs.stripe.com/payments/paymentintents/lifecycle).
    pub(crate) fn has_failed(&self) -> Option<bool> {
        match self.payment_intent.as_ref()? {
            Reference::Id(_) => None,
            Reference::Whole { status, .. } => match status.as_deref()? {
                "processing" | "requires_action" => Some(false),
                "requires_payment_method" | "canceled" => Some(true),
                _ => None,
            },
        }
    }

    /// The payment that is, or was, on its way; `None` where something of it is missing.
    pub(crate) fn delayed_payment(&self) -> Option<DelayedPayment> {
        Some(DelayedPayment {
            attempt: self.attempt()?,
            session_id: self.id.clone(),
            payment: self.payment()?,
            was_offered: self.payment_method_types.iter().any(|method| is_delayed(method)),
        })
    }

    /// The payment that was taken on it, which is nothing where none was required; `None` where its amount or currency is no such.
    pub(crate) fn payment(&self) -> Option<ReportedPayment> {
        let currency = Currency::of_payment(self.currency.as_deref()?);
        let is_free = self.payment_status == "no_payment_required";
        let amount = Money::new(if is_free { 0 } else { self.amount_total? }, currency);
        // A session without a payment intent was free of charge, which none of ours is; its own name serves all the same.
        let payment_id = self
            .payment_intent
            .as_ref()
            .map_or(&*self.id, Reference::id)
            .to_owned();
        Some(ReportedPayment { payment_id, amount })
    }
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct List<T> {
    pub(crate) data: Vec<T>,
    #[serde(default)]
    pub(crate) has_more: bool,
}

/// A refund.
#[derive(Debug, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: String,
    /// Minor units.
    amount: i64,
    /// `pending`, `requires_action`, `succeeded`, `failed` or `canceled`.
    #[serde(default)]
    status: Option<String>,
}

impl Refund {
    /// Whether all of `amount` (minor units) is on its way back. A part, given back by hand, is not what is due.
    pub(crate) fn returns(&self, amount: i64) -> bool {
        self.amount >= amount && !self.has_failed()
    }

    /// Whether the money does not come back by it.
    pub(crate) fn has_failed(&self) -> bool {
        let status = self.status.as_deref();
        matches!(status, Some("failed" | "canceled" | "requires_action"))
    }
}

/// What was given back of a payment.
#[derive(Debug, Default)]
pub(crate) struct GivenBack {
    /// The refund that returned all of it, or the last of those that did so together.
    pub(crate) in_full: Option<String>,
    /// Minor units in all, of refunds that did not fail.
    pub(crate) total: i64,
    /// Whether a refund failed.
    pub(crate) has_failed: bool,
}

impl GivenBack {
    /// Of `amount` (minor units) by these refunds, newest first.
    pub(crate) fn of(amount: i64, refunds: &[Refund]) -> Self {
        let made = || refunds.iter().filter(|refund| !refund.has_failed());
        let total = made().fold(0_i64, |total, refund| total.saturating_add(refund.amount));
        let whole = made().find(|refund| refund.returns(amount));
        let in_full = whole.or_else(|| made().next()).filter(|_| total >= amount);
        Self {
            in_full: in_full.map(|refund| refund.id.clone()),
            total,
            has_failed: refunds.iter().any(Refund::has_failed),
        }
    }
}

/// A charge, a dispute or a refund, as far as events tell of them.
#[derive(Debug, Deserialize)]
pub(crate) struct MoneyBack {
    pub(crate) id: String,
    /// Minor units.
    amount: i64,
    currency: String,
    #[serde(default)]
    payment_intent: Option<Reference>,
    #[serde(default)]
    pub(crate) metadata: Option<Metadata>,
    /// Of a charge: whether all of it was given back.
    #[serde(default)]
    pub(crate) refunded: bool,
    /// Of a refund.
    #[serde(default)]
    failure_reason: Option<String>,
}

impl MoneyBack {
    /// The payment; `None` where it was none by a payment intent, as all of the shop's are.
    pub(crate) fn payment(&self) -> Option<ReportedPayment> {
        let currency = Currency::of_payment(&self.currency);
        Some(ReportedPayment {
            payment_id: self.payment_intent.as_ref()?.id().to_owned(),
            amount: Money::new(self.amount, currency),
        })
    }

    /// The order that it is for, where it is of this shop and stage.
    pub(crate) fn order(&self, stage: &str) -> Option<OrderId> {
        let metadata = self.metadata.as_ref().filter(|metadata| metadata.is_of(stage));
        metadata?.order()
    }

    pub(crate) fn failure(&self) -> String {
        let reason = short(self.failure_reason.as_deref());
        format!("the refund failed at the provider: {reason}")
    }
}

/// A payment intent.
#[derive(Debug, Deserialize)]
pub(crate) struct PaymentIntent {
    #[serde(default)]
    pub(crate) metadata: Metadata,
}

/// The body of an answer that is no success.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorBody {
    pub(crate) error: ErrorDetail,
}

/// What went wrong; its message is left out, since it may repeat what was sent.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorDetail {
    #[serde(default)]
    code: Option<String>,
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    param: Option<String>,
}

impl ErrorDetail {
    pub(crate) fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }

    /// The parameter that it is about; empty where it names none.
    pub(crate) fn param(&self) -> String {
        short(self.param.as_deref())
    }

    /// The code for programs, or else the type.
    pub(crate) fn code(&self) -> String {
        short(self.code.as_deref().or(self.kind.as_deref()))
    }
}

fn short(text: Option<&str>) -> String {
    text.unwrap_or_default().chars().take(64).collect()
}

/// An event, as a webhook brings it.
#[derive(Debug, Deserialize)]
pub(crate) struct Event<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Missing in thin events, which name their object only.
    #[serde(borrow, default)]
    pub(crate) data: Option<EventData<'a>>,
}

/// The object of an event, unread until it is known to be of interest.
#[derive(Debug, Deserialize)]
pub(crate) struct EventData<'a> {
    #[serde(borrow, default)]
    pub(crate) object: Option<&'a serde_json::value::RawValue>,
}
