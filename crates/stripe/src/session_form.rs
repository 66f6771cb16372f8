//! Asking for a Checkout Session. The same order and attempt always give the same form, as the same idempotency key must.

use domain::{Order, PaymentAttempt};
use form_urlencoded::Serializer;

use crate::StripeConfig;
use crate::objects::SHOP;

/// The most line items of a Checkout Session (docs.stripe.com/api/checkout/sessions/create, `line_items`).
const MOST_LINE_ITEMS: usize = 100;

/// Whether the page knows the shopper's mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Email {
    /// It is filled in.
    Prefilled,
    /// The shopper types it: Stripe does not take the one that the shop has.
    Asked,
}

/// The form of `POST /v1/checkout/sessions`.
pub(crate) fn session_form(
    order: &Order,
    attempt: &PaymentAttempt,
    config: &StripeConfig,
    email: Email,
) -> String {
    let mut form = Form(Serializer::new(String::new()));
    let id = order.id();
    let id = id.as_str();
    let number = attempt.number.to_string();
    form.add("mode", "payment");
    for (number, method) in config.payment_methods.names().enumerate() {
        form.add(&format!("allowed_payment_method_types[{number}]"), method);
    }
    form.add("client_reference_id", id);
    for object in ["metadata", "payment_intent_data[metadata]"] {
        form.add(&format!("{object}[order_id]"), id);
        form.add(&format!("{object}[attempt]"), &number);
        form.add(&format!("{object}[shop]"), SHOP);
        form.add(&format!("{object}[stage]"), &config.stage);
    }
    if email == Email::Prefilled {
        form.add("customer_email", &order.customer().email);
    }
    form.add("expires_at", &attempt.expires_at.as_second().to_string());
    let site_url = &config.site_url;
    form.add("success_url", &format!("{site_url}/#/order/{id}?paid=1"));
    form.add("cancel_url", &format!("{site_url}/#/order/{id}?left=1"));
    for (index, item) in line_items(order).iter().enumerate() {
        let of = |member: &str| format!("line_items[{index}]{member}");
        form.add(&of("[quantity]"), &item.quantity.to_string());
        form.add(
            &of("[price_data][currency]"),
            &order.quote().total.currency().code().to_lowercase(),
        );
        form.add(&of("[price_data][unit_amount]"), &item.unit_amount.to_string());
        form.add(&of("[price_data][product_data][name]"), &item.name);
    }
    form.0.finish()
}

struct Form(Serializer<'static, String>);

impl Form {
    fn add(&mut self, name: &str, value: &str) {
        self.0.append_pair(name, value);
    }
}

/// What the payment page lists. The items add up to the order's total.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LineItem {
    pub(crate) name: String,
    pub(crate) quantity: u32,
    /// Minor units.
    pub(crate) unit_amount: i64,
}

/// The order's lines and its shipping; an order with more of them than the page takes is one item with the total.
pub(crate) fn line_items(order: &Order) -> Vec<LineItem> {
    let quote = order.quote();
    let shipping = quote.shipping.minor();
    if quote.lines.len() + usize::from(shipping > 0) > MOST_LINE_ITEMS {
        let name = format!("Order {}, {} products", order.id(), quote.lines.len());
        return vec![LineItem {
            name,
            quantity: 1,
            unit_amount: quote.total.minor(),
        }];
    }
    let line = |line: &domain::PricedLine| LineItem {
        name: line.name.clone(),
        quantity: line.quantity.get(),
        unit_amount: line.unit_price.minor(),
    };
    let mut items: Vec<_> = quote.lines.iter().map(line).collect();
    if shipping > 0 {
        items.push(LineItem {
            name: "Versand / Shipping".to_owned(),
            quantity: 1,
            unit_amount: shipping,
        });
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::{an_order, noon};

    #[test]
    fn the_items_add_up_to_the_total_whatever_the_size() {
        for lines in [1, 4, 99, 100, 101, 1_200] {
            let order = an_order().lines(lines).placed();
            let items = line_items(&order);
            let sum: i64 = items
                .iter()
                .map(|item| item.unit_amount * i64::from(item.quantity))
                .sum();
            assert_eq!(sum, order.quote().total.minor(), "{lines} lines");
            assert!(items.len() <= MOST_LINE_ITEMS);
        }
    }

    #[test]
    fn the_same_attempt_asks_in_the_same_words() {
        let order = an_order().placed().start_attempt(noon());
        let attempt = order.payment().cloned().expect("an attempt");
        let config = StripeConfig {
            api_base: String::new(),
            secret_key: secrecy::SecretString::from("sk_test").into(),
            site_url: "https://shop.example".into(),
            stage: "test".into(),
            payment_methods: crate::PaymentMethods::parse("card,sepa_debit").expect("known"),
        };
        let form = session_form(&order, &attempt, &config, Email::Prefilled);
        assert_eq!(form, session_form(&order, &attempt, &config, Email::Prefilled));
        let fields: std::collections::HashMap<_, _> =
            form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        assert_eq!(fields["client_reference_id"], order.id().as_str());
        assert_eq!(fields["metadata[attempt]"], "1");
        assert_eq!(
            [
                &fields["allowed_payment_method_types[0]"],
                &fields["allowed_payment_method_types[1]"]
            ],
            ["card", "sepa_debit"]
        );
        for object in ["metadata", "payment_intent_data[metadata]"] {
            assert_eq!(fields[&format!("{object}[shop]")], "kontor");
            assert_eq!(fields[&format!("{object}[stage]")], "test");
        }
        assert_eq!(
            fields["expires_at"],
            order.reserved_until().as_second().to_string()
        );
        assert_eq!(
            fields["success_url"],
            format!("https://shop.example/#/order/{}?paid=1", order.id())
        );
        assert_eq!(fields["line_items[0][price_data][unit_amount]"], "1000");
        assert_eq!(
            fields["line_items[1][price_data][product_data][name]"],
            "Versand / Shipping"
        );
    }
}
