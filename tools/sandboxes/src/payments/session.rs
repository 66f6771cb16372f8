//! Checkout Sessions: what may be asked for, and how they are shown.

use std::collections::BTreeMap;

use reqwest::Url;
use serde_json::{Value, json};

use super::error::StripeError;
use super::form::{Params, in_brackets};
use super::listing::Listed;

/// Stripe's limits for a session: <https://docs.stripe.com/api/checkout/sessions/create>.
const MOST_LINE_ITEMS: usize = 100;
const MIN_SESSION_LIFETIME_S: u64 = 30 * 60;
const LATEST_EXPIRY_S: u64 = 24 * 3600;
const LONGEST_REFERENCE: usize = 200;
/// In minor units: <https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>, the same for the currencies below.
const LEAST_AMOUNT: i64 = 50;
const MOST_AMOUNT: i64 = 99_999_999;
const CURRENCIES: [&str; 4] = ["chf", "eur", "gbp", "usd"];

/// Parameters of Stripe's that are understood or may be there without an effect: <https://docs.stripe.com/api/checkout/sessions/create>.
const PARAMETERS: [&str; 31] = [
    "allow_promotion_codes",
    "allowed_payment_method_types[*]",
    "automatic_tax[enabled]",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "custom_text[after_submit][message]",
    "custom_text[submit][message]",
    "customer_creation",
    "customer_email",
    "expand[*]",
    "expires_at",
    "invoice_creation[enabled]",
    "line_items[*][price_data][currency]",
    "line_items[*][price_data][product_data][description]",
    "line_items[*][price_data][product_data][images][*]",
    "line_items[*][price_data][product_data][metadata][*]",
    "line_items[*][price_data][product_data][name]",
    "line_items[*][price_data][unit_amount]",
    "line_items[*][quantity]",
    "locale",
    "metadata[*]",
    "mode",
    "payment_intent_data[description]",
    "payment_intent_data[metadata][*]",
    "payment_intent_data[receipt_email]",
    "payment_intent_data[statement_descriptor_suffix]",
    "phone_number_collection[enabled]",
    "submit_type",
    "success_url",
    "ui_mode",
];
/// What a session can show whole: <https://docs.stripe.com/api/checkout/sessions/object>.
pub(super) const EXPANDABLE: [&str; 3] = ["customer", "line_items", "payment_intent"];
/// Payment methods that a German shop may offer, of Stripe's many.
const PAYMENT_METHODS: [&str; 10] = [
    "bancontact",
    "card",
    "customer_balance",
    "eps",
    "ideal",
    "klarna",
    "link",
    "p24",
    "paypal",
    "sepa_debit",
];
/// The one of them that confirms in days, and takes euros only: <https://docs.stripe.com/payments/sepa-debit>.
const DEBIT: &str = "sepa_debit";
const LOCALES: [&str; 42] = [
    "auto", "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA",
    "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru",
    "sk", "sl", "sv", "th", "tr", "vi", "zh", "zh-HK", "zh-TW", "en-US",
];

/// A session's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It waits for the shopper.
    Open,
    /// The shopper is done, and the payment is on its way.
    Processing,
    /// It is paid.
    Complete,
    /// The payment that was on its way did not arrive.
    Failed,
    /// No longer payable.
    Expired,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Processing | State::Complete | State::Failed => "complete",
            State::Expired => "expired",
        }
    }
}

/// What is paid for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LineItem {
    pub(super) name: String,
    /// Minor units.
    pub(super) unit_amount: i64,
    pub(super) quantity: i64,
}

/// A session.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) state: State,
    /// Minor units.
    pub(super) amount_total: i64,
    /// Lower case, as Stripe writes it.
    pub(super) currency: String,
    pub(super) line_items: Vec<LineItem>,
    pub(super) client_reference_id: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    /// For the payment intent.
    pub(super) intent_metadata: BTreeMap<String, String>,
    /// Unix seconds.
    pub(super) created: u64,
    /// Unix seconds.
    pub(super) expires_at: u64,
    /// From the payment on.
    pub(super) payment_intent: Option<String>,
    payment_method_types: Vec<String>,
    customer_email: Option<String>,
    success_url: String,
    cancel_url: Option<String>,
    page_url: String,
}

impl Listed for Session {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> u64 {
        self.created
    }
}

impl Session {
    /// Opens a session as the parameters ask for it; its page is under `base`.
    pub(super) fn open(params: &Params, base: &str, now: u64) -> Result<Session, StripeError> {
        params.only(&PARAMETERS)?;
        params.expand(&EXPANDABLE)?;
        check_choices(params)?;
        if params.required("/mode")? != "payment" {
            return Err(StripeError::invalid("Invalid mode: this sandbox only knows payment").about("mode"));
        }
        let success_url = url(params, "/success_url")?.ok_or_else(|| StripeError::missing("success_url"))?;
        let cancel_url = url(params, "/cancel_url")?;
        let (line_items, currency) = line_items(params)?;
        let payment_method_types = payment_methods(params, &currency)?;
        let id = super::new_id("cs_test_", 58);
        Ok(Session {
            state: State::Open,
            amount_total: total(&line_items, &currency)?,
            currency,
            line_items,
            client_reference_id: reference(params)?,
            metadata: params.metadata("/metadata")?,
            intent_metadata: params.metadata("/payment_intent_data/metadata")?,
            created: now,
            expires_at: expires_at(params, now)?,
            payment_intent: None,
            payment_method_types,
            customer_email: email(params)?,
            success_url,
            cancel_url,
            page_url: format!("{base}/pay/{id}"),
            id,
        })
    }

    /// Whether it can be paid by direct debit.
    pub(super) fn offers_debit(&self) -> bool {
        self.payment_method_types.iter().any(|method| method == DEBIT)
    }

    /// The payment intent of a payment that is on its way, or failed: <https://docs.stripe.com/payments/paymentintents/lifecycle>.
    pub(super) fn intent_json(&self) -> Value {
        let has_failed = self.state == State::Failed;
        json!({
            "id": self.payment_intent,
            "object": "payment_intent",
            "amount": self.amount_total,
            "amount_received": 0,
            "created": self.created,
            "currency": self.currency,
            "latest_charge": null,
            "livemode": false,
            "metadata": self.intent_metadata,
            "payment_method_types": self.payment_method_types,
            "status": if has_failed { "requires_payment_method" } else { "processing" },
        })
    }

    /// Where the shopper goes after paying.
    pub(super) fn success_url(&self) -> String {
        self.success_url.replace("{CHECKOUT_SESSION_ID}", &self.id)
    }

    /// Where the shopper goes who leaves.
    pub(super) fn cancel_url(&self) -> Option<&str> {
        self.cancel_url.as_deref()
    }

    /// As it is on the wire.
    pub(super) fn json(&self) -> Value {
        let is_open = self.state == State::Open;
        let is_paid = self.state == State::Complete;
        let told = json!({
            "id": self.id,
            "object": "checkout.session",
            "amount_subtotal": self.amount_total,
            "amount_total": self.amount_total,
            "cancel_url": self.cancel_url,
            "client_reference_id": self.client_reference_id,
            "created": self.created,
            "currency": self.currency,
            "customer_details": self.customer_details(),
            "customer_email": self.customer_email,
            "expires_at": self.expires_at,
            "livemode": false,
            "metadata": self.metadata,
            "mode": "payment",
            "payment_intent": self.payment_intent,
            "payment_method_types": self.payment_method_types,
            "payment_status": if is_paid { "paid" } else { "unpaid" },
            "status": self.state.name(),
            "success_url": self.success_url,
            "ui_mode": "hosted_page",
            "url": is_open.then_some(&self.page_url),
        });
        [told, always_the_same()]
            .into_iter()
            .filter_map(|part| part.as_object().cloned())
            .flatten()
            .collect()
    }

    fn customer_details(&self) -> Value {
        match &self.customer_email {
            Some(email) => json!({ "address": null, "email": email, "name": null, "phone": null,
                "tax_exempt": "none", "tax_ids": null }),
            None => Value::Null,
        }
    }
}

/// What Stripe shows, too, and what never varies here.
fn always_the_same() -> Value {
    json!({
        "after_expiration": null,
        "allow_promotion_codes": null,
        "automatic_tax": { "enabled": false, "liability": null, "provider": null, "status": null },
        "billing_address_collection": null,
        "consent": null,
        "customer": null,
        "customer_creation": "if_required",
        "invoice": null,
        "locale": null,
        "payment_link": null,
        "payment_method_collection": "if_required",
        "payment_method_options": {},
        "phone_number_collection": { "enabled": false },
        "recovered_from": null,
        "shipping_address_collection": null,
        "shipping_cost": null,
        "shipping_options": [],
        "submit_type": null,
        "subscription": null,
        "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 },
    })
}

fn url(params: &Params, pointer: &str) -> Result<Option<String>, StripeError> {
    let Some(text) = params.text(pointer) else {
        return Ok(None);
    };
    let is_web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    if text.chars().any(char::is_whitespace) || !Url::parse(text).is_ok_and(|url| is_web(&url)) {
        return Err(StripeError::invalid("Not a valid URL")
            .code("url_invalid")
            .about(&in_brackets(pointer)));
    }
    Ok(Some(text.to_owned()))
}

/// Values of which Stripe takes a few only.
fn check_choices(params: &Params) -> Result<(), StripeError> {
    let one_of = |value: &str, known: &[&str], name: &str| {
        let message = format!("Invalid {name}: must be one of {}", known.join(", "));
        let refused = StripeError::invalid(message).about(name);
        known.contains(&value).then_some(()).ok_or(refused)
    };
    if let Some(locale) = params.text("/locale") {
        one_of(locale, &LOCALES, "locale")?;
    }
    if let Some(mode) = params.text("/ui_mode") {
        one_of(mode, &["hosted_page"], "ui_mode")?;
    }
    let methods = params.get("/allowed_payment_method_types").as_array();
    for (at, method) in methods.into_iter().flatten().enumerate() {
        let name = format!("allowed_payment_method_types[{at}]");
        one_of(method.as_str().unwrap_or_default(), &PAYMENT_METHODS, &name)?;
    }
    Ok(())
}

/// What the page offers: of what is allowed, what fits the currency; cards where nothing is asked for
/// (<https://docs.stripe.com/changelog/endive/2026-09-30/remove-payment-method-types-checkout-sessions>).
fn payment_methods(params: &Params, currency: &str) -> Result<Vec<String>, StripeError> {
    let Some(allowed) = params.get("/allowed_payment_method_types").as_array() else {
        return Ok(vec!["card".to_owned()]);
    };
    let allowed = allowed.iter().filter_map(Value::as_str);
    let fits = |method: &&str| *method != DEBIT || currency == "eur";
    let offered: Vec<String> = allowed.filter(fits).map(str::to_owned).collect();
    if offered.is_empty() {
        let message = "No payment method is compatible with this Checkout Session.";
        return Err(StripeError::invalid(message).about("allowed_payment_method_types"));
    }
    Ok(offered)
}

/// An address as RFC 5322 writes one without quotes: atoms with single dots between them, and a domain.
fn email(params: &Params) -> Result<Option<String>, StripeError> {
    let Some(email) = params.text("/customer_email") else {
        return Ok(None);
    };
    let atoms = |text: &str| {
        text.split('.')
            .all(|atom| !atom.is_empty() && !atom.contains(['@', ' ']))
    };
    let fits = |(local, domain): (&str, &str)| {
        local.is_ascii() && atoms(local) && atoms(domain) && domain.contains('.')
    };
    if email.rsplit_once('@').is_some_and(fits) {
        return Ok(Some(email.to_owned()));
    }
    let error = StripeError::invalid(format!("Invalid email address: {email}"));
    Err(error.code("email_invalid").about("customer_email"))
}

fn expires_at(params: &Params, now: u64) -> Result<u64, StripeError> {
    let Some(given) = params.integer("/expires_at")? else {
        return Ok(now + LATEST_EXPIRY_S);
    };
    let expires_at = u64::try_from(given).unwrap_or_default();
    let message = if expires_at < now + MIN_SESSION_LIFETIME_S {
        "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
    } else if expires_at > now + LATEST_EXPIRY_S {
        "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
    } else {
        return Ok(expires_at);
    };
    Err(StripeError::invalid(message).about("expires_at"))
}

fn reference(params: &Params) -> Result<Option<String>, StripeError> {
    match params.text("/client_reference_id") {
        Some(reference) if reference.len() > LONGEST_REFERENCE => {
            let message = format!("Invalid string: must be at most {LONGEST_REFERENCE} characters");
            Err(StripeError::invalid(message).about("client_reference_id"))
        }
        reference => Ok(reference.map(str::to_owned)),
    }
}

/// The line items and the currency that they share.
fn line_items(params: &Params) -> Result<(Vec<LineItem>, String), StripeError> {
    let count = match params.get("/line_items") {
        Value::Array(items) => items.len(),
        Value::Null => return Err(StripeError::missing("line_items")),
        _ => return Err(StripeError::invalid("Invalid array").about("line_items")),
    };
    if count > MOST_LINE_ITEMS {
        let message =
            format!("Checkout Sessions may have at most {MOST_LINE_ITEMS} line items; received {count}.");
        return Err(StripeError::invalid(message).about("line_items"));
    }
    let mut currency = None;
    let mut items = Vec::new();
    for at in 0..count {
        let (item, its_currency) = line_item(params, at)?;
        if *currency.get_or_insert_with(|| its_currency.clone()) != its_currency {
            return Err(
                StripeError::invalid("All line items must have the same currency.").about("line_items"),
            );
        }
        items.push(item);
    }
    let currency = currency.ok_or_else(|| StripeError::missing("line_items"))?;
    Ok((items, currency))
}

fn line_item(params: &Params, at: usize) -> Result<(LineItem, String), StripeError> {
    let path = |field: &str| format!("/line_items/{at}/{field}");
    let required = |field: &str| {
        let pointer = path(field);
        params
            .integer(&pointer)?
            .ok_or_else(|| StripeError::missing(&in_brackets(&pointer)))
    };
    let currency = params.required(&path("price_data/currency"))?.to_lowercase();
    if !CURRENCIES.contains(&currency.as_str()) {
        let error = StripeError::invalid(format!(
            "Invalid currency: {currency}. This sandbox knows {CURRENCIES:?}"
        ));
        return Err(error.about(&in_brackets(&path("price_data/currency"))));
    }
    let item = LineItem {
        name: params.required(&path("price_data/product_data/name"))?.to_owned(),
        unit_amount: required("price_data/unit_amount")?,
        quantity: required("quantity")?,
    };
    if item.unit_amount < 0 {
        let error = StripeError::invalid("Invalid non-negative integer").code("parameter_invalid_integer");
        return Err(error.about(&in_brackets(&path("price_data/unit_amount"))));
    }
    if item.quantity < 1 {
        let error = StripeError::invalid("This value must be greater than or equal to 1.");
        return Err(error
            .code("parameter_invalid_integer")
            .about(&in_brackets(&path("quantity"))));
    }
    Ok((item, currency))
}

fn total(items: &[LineItem], currency: &str) -> Result<i64, StripeError> {
    let total = items.iter().try_fold(0_i64, |total, item| {
        total.checked_add(item.unit_amount.checked_mul(item.quantity)?)
    });
    let currency = currency.to_uppercase();
    match total {
        Some(total) if total < LEAST_AMOUNT => {
            let message =
                format!("The Checkout Session's total amount due must add up to at least 0.50 {currency}.");
            Err(StripeError::invalid(message).code("amount_too_small"))
        }
        Some(total) if total <= MOST_AMOUNT => Ok(total),
        _ => {
            let message = format!(
                "The Checkout Session's total amount due must be no more than 999,999.99 {currency}."
            );
            Err(StripeError::invalid(message).code("amount_too_large"))
        }
    }
}
