//! All sessions, charges, refunds and events. Pure; the time comes in as Unix seconds.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::charge::Charge;
use super::error::StripeError;
use super::event::Event;
use super::form::Params;
use super::listing::{self, Listed};
use super::refund::{Refund, RefundRequest};
use super::session::{Session, State};
use super::webhook_endpoint::WebhookEndpoint;

/// What the shopper, or a test, does with an open session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// The payment goes through.
    Pay,
    /// The payment is on its way, as by bank transfer: whether it arrives shows later.
    PayLater,
    /// The payment that was on its way arrives.
    Arrive,
    /// The payment that was on its way does not arrive.
    Fail,
    /// The card is declined; the session stays open.
    Decline,
    /// The session ends unpaid.
    Expire,
}

/// The books.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    sessions: Vec<Session>,
    by_id: HashMap<String, usize>,
    /// Open sessions by the time at which they expire.
    expiring: BTreeSet<(u64, usize)>,
    /// Payments on their way by the time at which they end, and whether they arrive then.
    on_their_way: BTreeSet<(u64, usize, bool)>,
    charges: Vec<Charge>,
    /// Charges by their payment intent.
    by_intent: HashMap<String, usize>,
    refunds: Vec<Refund>,
    pub(super) webhook_endpoints: Vec<WebhookEndpoint>,
    events: Vec<Event>,
    sent: usize,
}

impl Listed for Event {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> u64 {
        self.created
    }
}

impl Ledger {
    /// Adds a session that was just opened.
    pub(super) fn add(&mut self, session: Session) -> Value {
        let at = self.sessions.len();
        self.by_id.insert(session.id.clone(), at);
        self.expiring.insert((session.expires_at, at));
        let shown = session.json();
        self.sessions.push(session);
        shown
    }

    /// A session by its id.
    pub(super) fn session(&self, id: &str) -> Result<&Session, StripeError> {
        self.at(id).map(|at| &self.sessions[at])
    }

    /// `GET /v1/checkout/sessions/{id}`, with what is to be `expand`ed shown whole.
    pub(super) fn show_session(&self, id: &str, expand: &[&str]) -> Result<Value, StripeError> {
        let session = self.session(id)?;
        let mut shown = session.json();
        if let Some(intent) = &session.payment_intent
            && expand.contains(&"payment_intent")
            && let Ok(whole) = self.intent(intent)
        {
            shown["payment_intent"] = whole;
        }
        Ok(shown)
    }

    fn at(&self, id: &str) -> Result<usize, StripeError> {
        self.by_id
            .get(id)
            .copied()
            .ok_or_else(|| StripeError::no_such("checkout.session", id, "session"))
    }

    /// Ends the sessions whose time is over, and the payments that were on their way.
    pub(super) fn expire_due(&mut self, now: u64) {
        while let Some(&(expires_at, at)) = self.expiring.first()
            && expires_at <= now
        {
            self.close(at, State::Expired, "checkout.session.expired", now);
        }
        while let Some(&(ends_at, at, arrives)) = self.on_their_way.first()
            && ends_at <= now
        {
            self.on_their_way.pop_first();
            let id = self.sessions[at].id.clone();
            // Where a test was quicker, it has ended already.
            let _ = self.act(&id, if arrives { Act::Arrive } else { Act::Fail }, now);
        }
    }

    /// The shopper pays by direct debit: it arrives or fails at that time, or does neither.
    pub(super) fn debit(
        &mut self,
        id: &str,
        end: Option<(u64, bool)>,
        now: u64,
    ) -> Result<&Session, StripeError> {
        if !self.session(id)?.offers_debit() {
            return Err(StripeError::invalid("This session offers no direct debit."));
        }
        self.act(id, Act::PayLater, now)?;
        let at = self.at(id)?;
        if let Some((ends_at, arrives)) = end {
            self.on_their_way.insert((ends_at, at, arrives));
        }
        Ok(&self.sessions[at])
    }

    /// Does something with a session that must be open. Paying again what is paid changes nothing and is no error.
    pub(super) fn act(&mut self, id: &str, act: Act, now: u64) -> Result<&Session, StripeError> {
        let at = self.at(id)?;
        match (self.sessions[at].state, act) {
            (State::Open, Act::Pay) => {
                self.pay(at, now);
                self.close(at, State::Complete, "checkout.session.completed", now);
            }
            (State::Open, Act::PayLater) => {
                self.sessions[at].payment_intent = Some(super::new_id("pi_", 24));
                self.close(at, State::Processing, "checkout.session.completed", now);
            }
            (State::Processing, Act::Arrive) => {
                self.pay(at, now);
                let kind = "checkout.session.async_payment_succeeded";
                self.close(at, State::Complete, kind, now);
            }
            (State::Processing, Act::Fail) => {
                self.close(at, State::Failed, "checkout.session.async_payment_failed", now);
            }
            (State::Open, Act::Decline) => self.decline(at, now),
            (State::Open, Act::Expire) => {
                self.close(at, State::Expired, "checkout.session.expired", now);
            }
            (State::Complete, Act::Pay) | (State::Expired, Act::Expire) => {}
            (state, _) => {
                let message = format!(
                    "This Checkout Session is no longer open: its status is {}.",
                    state.name()
                );
                return Err(StripeError::invalid(message).code("checkout_session_not_open"));
            }
        }
        Ok(&self.sessions[at])
    }

    /// Ends a session by the API, which is stricter than [`Ledger::act`].
    pub(super) fn expire(&mut self, id: &str, now: u64) -> Result<Value, StripeError> {
        let at = self.at(id)?;
        if self.sessions[at].state != State::Open {
            return Err(StripeError::invalid(format!(
                "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status \
                 of {}.",
                self.sessions[at].state.name()
            )));
        }
        self.close(at, State::Expired, "checkout.session.expired", now);
        Ok(self.sessions[at].json())
    }

    fn pay(&mut self, at: usize, now: u64) {
        let session = &mut self.sessions[at];
        let intent = session.payment_intent.clone();
        let payment_intent = intent.unwrap_or_else(|| super::new_id("pi_", 24));
        session.payment_intent = Some(payment_intent.clone());
        self.by_intent.insert(payment_intent.clone(), self.charges.len());
        self.charges.push(Charge {
            id: super::new_id("ch_", 24),
            session: at,
            payment_intent,
            captured: session.amount_total,
            refunded: 0,
            disputed: false,
            currency: session.currency.clone(),
            metadata: session.intent_metadata.clone(),
            created: now,
        });
    }

    fn decline(&mut self, at: usize, now: u64) {
        let session = &self.sessions[at];
        let attempt = json!({
            "id": super::new_id("pi_", 24), "object": "payment_intent", "amount": session.amount_total,
            "currency": session.currency, "status": "requires_payment_method",
            "last_payment_error": { "type": "card_error", "code": "card_declined", "decline_code": "generic_decline",
                "message": "Your card was declined." },
        });
        self.events
            .push(Event::new("payment_intent.payment_failed", &attempt, now));
    }

    fn close(&mut self, at: usize, state: State, kind: &'static str, now: u64) {
        let session = &mut self.sessions[at];
        self.expiring.remove(&(session.expires_at, at));
        session.state = state;
        self.events.push(Event::new(kind, &session.json(), now));
    }

    fn charge_of(&self, intent: &str) -> Result<usize, StripeError> {
        let charge = self.by_intent.get(intent).copied();
        charge.ok_or_else(|| StripeError::no_such("payment_intent", intent, "payment_intent"))
    }

    /// A payment intent by its id.
    pub(super) fn intent(&self, id: &str) -> Result<Value, StripeError> {
        let uncharged = |session: &&Session| session.payment_intent.as_deref() == Some(id);
        match (self.charge_of(id), self.sessions.iter().find(uncharged)) {
            (Ok(charge), _) => Ok(self.charges[charge].intent_json()),
            (Err(_), Some(session)) => Ok(session.intent_json()),
            (Err(unknown), None) => Err(unknown),
        }
    }

    /// Gives money back: never more than what was captured and is not given back yet.
    pub(super) fn refund(
        &mut self,
        request: RefundRequest,
        status: &'static str,
        now: u64,
    ) -> Result<Value, StripeError> {
        let at = self.charge_of(&request.payment_intent)?;
        let charge = &mut self.charges[at];
        if charge.disputed {
            let message = format!("Charge {} has been charged back.", charge.id);
            return Err(StripeError::invalid(message).code("charge_disputed"));
        }
        let left = charge.captured - charge.refunded;
        if left == 0 {
            let message = format!("Charge {} has already been refunded.", charge.id);
            return Err(StripeError::invalid(message).code("charge_already_refunded"));
        }
        let amount = request.amount.unwrap_or(left);
        if amount > left {
            let message =
                format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
            return Err(StripeError::invalid(message).about("amount"));
        }
        charge.refunded += amount;
        let refund = Refund {
            id: super::new_id("re_", 24),
            amount,
            currency: charge.currency.clone(),
            payment_intent: request.payment_intent,
            charge: charge.id.clone(),
            created: now,
            reason: request.reason,
            metadata: request.metadata,
            status,
        };
        let shown = refund.json();
        self.refunds.push(refund);
        self.events.push(Event::new("refund.created", &shown, now));
        self.events
            .push(Event::new("charge.refunded", &charge.json(), now));
        Ok(shown)
    }

    /// A refund that was on its way succeeds, or fails.
    pub(super) fn end_refund(
        &mut self,
        id: &str,
        status: &'static str,
        now: u64,
    ) -> Result<Value, StripeError> {
        let refund = self.refunds.iter_mut().find(|refund| refund.id == id);
        let refund = refund.ok_or_else(|| StripeError::no_such("refund", id, "refund"))?;
        refund.status = status;
        let shown = refund.json();
        self.events.push(Event::new("refund.updated", &shown, now));
        if status == "failed" {
            self.events.push(Event::new("refund.failed", &shown, now));
        }
        Ok(shown)
    }

    /// The shopper's bank claims a payment back.
    pub(super) fn dispute(&mut self, intent: &str, now: u64) -> Result<Value, StripeError> {
        let at = self.charge_of(intent)?;
        let charge = &mut self.charges[at];
        charge.disputed = true;
        let dispute = charge.dispute_json(now);
        self.events
            .push(Event::new("charge.dispute.created", &dispute, now));
        Ok(dispute)
    }

    /// A refund by its id.
    pub(super) fn find_refund(&self, id: &str) -> Result<Value, StripeError> {
        let refund = self.refunds.iter().find(|refund| refund.id == id);
        refund
            .map(Refund::json)
            .ok_or_else(|| StripeError::no_such("refund", id, "refund"))
    }

    /// An event by its id.
    pub(super) fn find_event(&self, id: &str) -> Result<Value, StripeError> {
        let event = self.events.iter().find(|event| event.id == id);
        event
            .map(Event::json)
            .ok_or_else(|| StripeError::no_such("event", id, "id"))
    }

    /// `GET /v1/checkout/sessions`, as far as it was made until then.
    pub(super) fn list_sessions(&self, params: &Params, until: u64) -> Result<Value, StripeError> {
        let (status, intent) = (params.text("/status"), params.text("/payment_intent"));
        let wanted = |session: &Session| {
            session.created <= until
                && status.is_none_or(|status| session.state.name() == status)
                && (intent.is_none() || session.payment_intent.as_deref() == intent)
        };
        listing::page(
            "/v1/checkout/sessions",
            &self.sessions,
            params,
            wanted,
            Session::json,
        )
    }

    /// `GET /v1/refunds`, as far as they were made until then.
    pub(super) fn list_refunds(&self, params: &Params, until: u64) -> Result<Value, StripeError> {
        let (intent, charge) = (params.text("/payment_intent"), params.text("/charge"));
        let wanted = |refund: &Refund| {
            refund.created <= until
                && intent.is_none_or(|intent| refund.payment_intent == intent)
                && charge.is_none_or(|charge| refund.charge == charge)
        };
        listing::page("/v1/refunds", &self.refunds, params, wanted, Refund::json)
    }

    /// `GET /v1/events`.
    pub(super) fn list_events(&self, params: &Params) -> Result<Value, StripeError> {
        let kind = params.text("/type");
        let wanted = |event: &Event| kind.is_none_or(|kind| event.kind == kind);
        listing::page("/v1/events", &self.events, params, wanted, Event::json)
    }

    /// `GET /v1/webhook_endpoints`.
    pub(super) fn list_webhook_endpoints(&self, params: &Params) -> Result<Value, StripeError> {
        let all = &self.webhook_endpoints;
        listing::page(
            "/v1/webhook_endpoints",
            all,
            params,
            |_| true,
            WebhookEndpoint::json,
        )
    }

    /// Every charge with its refunds, in the order of the orders they are for.
    pub(super) fn charges(&self) -> Value {
        let mut refunds: HashMap<&str, Vec<Value>> = HashMap::new();
        for refund in &self.refunds {
            let shown = json!({ "id": refund.id, "amount": refund.amount, "created": refund.created });
            refunds.entry(&refund.charge).or_default().push(shown);
        }
        let mut charges: Vec<(&Session, &Charge)> = self
            .charges
            .iter()
            .map(|charge| (&self.sessions[charge.session], charge))
            .collect();
        charges.sort_by(|(one, _), (other, _)| one.client_reference_id.cmp(&other.client_reference_id));
        let shown = charges.into_iter().map(|(session, charge)| {
            json!({
                "order_id": session.client_reference_id,
                "session": session.id,
                "payment_intent": session.payment_intent,
                "charge": charge.id,
                "amount": charge.captured,
                "currency": session.currency,
                "refunded": charge.refunded,
                "disputed": charge.disputed,
                "refunds": refunds.remove(charge.id.as_str()).unwrap_or_default(),
            })
        });
        shown.collect()
    }

    /// The events since the last time that the shop's webhook gets.
    pub(super) fn take_unsent(&mut self) -> Vec<Event> {
        let unsent = self.events[self.sent..]
            .iter()
            .filter(|event| event.is_sent())
            .cloned()
            .collect();
        self.sent = self.events.len();
        unsent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3600;
    const NOW: u64 = 1_800_000_000;

    fn params(changes: &[(&str, &str)]) -> Params {
        let mut all = vec![
            ("mode", "payment"),
            ("success_url", "http://localhost:3000/#/order/A?paid=1"),
            ("client_reference_id", "A"),
            ("line_items[0][price_data][currency]", "eur"),
            ("line_items[0][price_data][unit_amount]", "1000"),
            ("line_items[0][price_data][product_data][name]", "Lantern"),
            ("line_items[0][quantity]", "2"),
        ];
        all.extend(changes);
        let encoded = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(all)
            .finish();
        Params::parse(encoded.as_bytes()).unwrap()
    }

    fn with_session(changes: &[(&str, &str)]) -> (Ledger, String) {
        let mut ledger = Ledger::default();
        let session = Session::open(&params(changes), "http://localhost:3001", NOW).unwrap();
        let id = ledger.add(session)["id"].as_str().unwrap().to_owned();
        (ledger, id)
    }

    fn refuse(changes: &[(&str, &str)]) -> String {
        let error = Session::open(&params(changes), "http://localhost:3001", NOW).unwrap_err();
        format!("{error:?}")
    }

    #[test]
    fn a_new_session_is_open_and_unpaid() {
        let (ledger, id) = with_session(&[("metadata[order_id]", "A")]);
        let shown = ledger.session(&id).unwrap().json();
        assert_eq!(shown["url"], format!("http://localhost:3001/pay/{id}"));
        assert_eq!(
            (&shown["status"], &shown["payment_status"]),
            (&json!("open"), &json!("unpaid"))
        );
        assert_eq!(
            (&shown["amount_total"], &shown["currency"]),
            (&json!(2000), &json!("eur"))
        );
        assert_eq!(shown["metadata"], json!({ "order_id": "A" }));
        assert_eq!(shown["expires_at"], NOW + DAY);
    }

    #[test]
    fn what_stripe_refuses_is_refused() {
        let soon = (NOW + 1799).to_string();
        let late = (NOW + DAY + 1).to_string();
        let cases = [
            (("expires_at", soon.as_str()), "at least 30 minutes"),
            (("expires_at", late.as_str()), "less than 24 hours"),
            (("expires_at", "soon"), "Invalid integer"),
            (("mode", "setup"), "Invalid mode"),
            (("success_url", "somewhere"), "Not a valid URL"),
            (("success_url", ""), "success_url"),
            (("line_items[0][quantity]", "0"), "line_items[0][quantity]"),
            (("line_items[0][quantity]", "100000"), "amount_too_large"),
            (
                ("line_items[0][price_data][unit_amount]", "24"),
                "amount_too_small",
            ),
            (("line_items[0][price_data][unit_amount]", "-1"), "non-negative"),
            (("line_items[0][price_data][currency]", "xyz"), "Invalid currency"),
            (
                ("line_items[0][price_data][product_data][name]", ""),
                "parameter_missing",
            ),
            (("basket", "1"), "parameter_unknown"),
        ];
        for (change, expected) in cases {
            let error = refuse(&[change]);
            assert!(error.contains(expected), "{change:?}: {error}");
        }
        let many: Vec<(String, String)> = (1..=100)
            .flat_map(|n| {
                let name = |field: &str| format!("line_items[{n}]{field}");
                [
                    (name("[quantity]"), "1".to_owned()),
                    (name("[price_data][currency]"), "eur".into()),
                    (name("[price_data][unit_amount]"), "1".into()),
                    (name("[price_data][product_data][name]"), "x".into()),
                ]
            })
            .collect();
        let many: Vec<(&str, &str)> = many
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert!(refuse(&many).contains("at most 100 line items"));
        assert!(Session::open(&params(&many[..396]), "", NOW).is_ok());
        let limits = [(NOW + 1800).to_string(), (NOW + DAY).to_string()];
        for limit in &limits {
            assert!(Session::open(&params(&[("expires_at", limit)]), "", NOW).is_ok());
        }
    }

    #[test]
    fn paying_captures_once_and_a_decline_leaves_the_session_open() {
        let (mut ledger, id) = with_session(&[]);
        assert_eq!(ledger.act(&id, Act::Decline, NOW).unwrap().state, State::Open);
        assert_eq!(ledger.act(&id, Act::Pay, NOW).unwrap().state, State::Complete);
        let again = ledger.act(&id, Act::Pay, NOW).unwrap().json();
        assert_eq!(
            (&again["payment_status"], &again["url"]),
            (&json!("paid"), &Value::Null)
        );
        assert!(ledger.act(&id, Act::Decline, NOW).is_err());
        assert!(ledger.act(&id, Act::Expire, NOW).is_err());
        assert!(ledger.expire(&id, NOW).is_err());
        assert_eq!(ledger.charges().as_array().unwrap().len(), 1);
        let kinds: Vec<_> = ledger.take_unsent().iter().map(|event| event.kind).collect();
        assert_eq!(kinds, ["checkout.session.completed"]);
    }

    #[test]
    fn a_session_expires_by_itself_and_cannot_be_paid_then() {
        let (mut ledger, id) = with_session(&[]);
        ledger.expire_due(NOW + DAY - 1);
        assert!(ledger.take_unsent().is_empty());
        ledger.expire_due(NOW + DAY);
        let events = ledger.take_unsent();
        assert_eq!(events[0].kind, "checkout.session.expired");
        assert_eq!(events[0].json()["data"]["object"]["status"], "expired");
        assert!(ledger.act(&id, Act::Pay, NOW + DAY).is_err());
        ledger.expire_due(NOW + 2 * DAY);
        assert!(ledger.take_unsent().is_empty());
    }

    #[test]
    fn no_more_is_refunded_than_was_captured() {
        let (mut ledger, id) = with_session(&[]);
        ledger.act(&id, Act::Pay, NOW).unwrap();
        let intent = ledger.session(&id).unwrap().payment_intent.clone().unwrap();
        let mut refund = |amount: &str| {
            let encoded = format!("payment_intent={intent}&amount={amount}");
            let request = RefundRequest::parse(&Params::parse(encoded.as_bytes()).unwrap())?;
            ledger
                .refund(request, "succeeded", NOW)
                .map(|refund| refund["amount"].as_i64())
        };
        assert_eq!(refund("1500"), Ok(Some(1500)));
        assert!(refund("501").is_err());
        assert!(refund("0").is_err());
        assert_eq!(refund(""), Ok(Some(500)));
        assert!(format!("{:?}", refund("1").unwrap_err()).contains("charge_already_refunded"));
        let charges = ledger.charges();
        assert_eq!(
            (&charges[0]["order_id"], &charges[0]["refunded"]),
            (&json!("A"), &json!(2000))
        );
        assert_eq!(charges[0]["refunds"].as_array().unwrap().len(), 2);
        let nobody = Params::parse(b"payment_intent=pi_nobody").unwrap();
        assert!(
            ledger
                .refund(RefundRequest::parse(&nobody).unwrap(), "succeeded", NOW)
                .is_err()
        );
    }
}
