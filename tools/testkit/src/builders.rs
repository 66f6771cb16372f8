use std::collections::HashMap;

use app::PlaceOrder;
use domain::{
    AccessToken, Address, Cart, Country, Currency, Customer, DelayedPayment, Fingerprint, Money, Order,
    OrderId, OrderParts, Product, Quantity, Quote, ReportedPayment, ShippingTable, Sku, Status, TaxRate,
    price_cart,
};
use jiff::Timestamp;

use crate::noon;

/// An amount in euro cents.
pub fn eur(cents: i64) -> Money {
    Money::new(cents, Currency::Eur)
}

/// A SKU.
pub fn a_sku(sku: &str) -> Sku {
    Sku::parse(sku).expect("a SKU")
}

/// A country.
pub fn a_country(code: &str) -> Country {
    Country::parse(code).expect("a country")
}

/// A product at the standard rate.
pub fn a_product(sku: &str, cents: i64) -> Product {
    Product {
        sku: a_sku(sku),
        name: format!("PRODUCT {sku}"),
        unit_price: eur(cents),
        tax_rate: TaxRate::Standard,
        max_per_order: Quantity::MAX,
    }
}

/// An address in Germany.
pub fn an_address() -> Address {
    Address::parse("Ada Lovelace", "Unter den Linden 1", "10117", "Berlin", "DE").expect("an address")
}

fn a_customer() -> Customer {
    Customer::parse("Ada Lovelace", "ada@example.org").expect("a customer")
}

/// The access token that is drawn where `seed` says so: another one for each.
pub fn an_access_token(seed: &str) -> AccessToken {
    let id = OrderId::for_key(seed);
    let (drawn, _) = id.as_str().as_bytes().split_first_chunk().expect("26 characters");
    AccessToken::of_random(*drawn)
}

/// A wish for these items (SKU, pieces), to be paid with `expected_total`.
pub fn a_wish(idempotency_key: &str, items: &[(&str, i64)], expected_total: Money) -> PlaceOrder {
    PlaceOrder {
        idempotency_key: idempotency_key.to_owned(),
        cart: Cart::parse(items.iter().copied()).expect("a cart"),
        customer: a_customer(),
        shipping_address: an_address(),
        expected_total,
        access_token: an_access_token(idempotency_key),
    }
}

/// `order` with other parts, as a store may hold it: for what no transition leads to.
pub fn altered(order: Order, alter: impl FnOnce(&mut OrderParts)) -> Order {
    let mut parts = order.into_parts();
    alter(&mut parts);
    Order::restore(parts).expect("parts of an order")
}

/// The payment of that name, of the order's total.
pub fn a_payment(payment_id: &str, order: &Order) -> ReportedPayment {
    ReportedPayment {
        payment_id: payment_id.to_owned(),
        amount: order.quote().total,
    }
}

/// An order of one piece of each of `LINE0`, `LINE1`, ..., placed under the key `an order` at [`noon`]; see [`OrderBuilder`].
pub fn an_order() -> OrderBuilder {
    OrderBuilder {
        key: "an order".to_owned(),
        lines: 1,
        at: noon(),
    }
}

/// Builds orders in any state by the domain's own transitions.
#[derive(Clone, Debug)]
pub struct OrderBuilder {
    key: String,
    lines: usize,
    at: Timestamp,
}

impl OrderBuilder {
    /// Placed under another idempotency key.
    #[must_use]
    pub fn under(mut self, key: &str) -> Self {
        key.clone_into(&mut self.key);
        self
    }

    /// Of so many lines.
    #[must_use]
    pub fn lines(mut self, lines: usize) -> Self {
        self.lines = lines;
        self
    }

    /// Placed at another time.
    #[must_use]
    pub fn at(mut self, at: Timestamp) -> Self {
        self.at = at;
        self
    }

    /// The SKUs of its lines.
    pub fn skus(&self) -> Vec<Sku> {
        (0..self.lines).map(|n| a_sku(&format!("LINE{n}"))).collect()
    }

    /// Nothing reserved, nothing stored.
    pub fn draft(&self) -> Order {
        let skus = self.skus();
        let products: HashMap<Sku, Product> = skus
            .iter()
            .map(|sku| (sku.clone(), a_product(sku.as_str(), 1_000)))
            .collect();
        let cart = Cart::parse(skus.iter().map(|sku| (sku.as_str(), 1))).expect("a cart");
        let quote: Quote =
            price_cart(&cart, &products, &ShippingTable::of_the_shop(), a_country("DE")).expect("a price");
        let (customer, address) = (a_customer(), an_address());
        let fingerprint = Fingerprint::of(&cart, &customer, &address, quote.total);
        Order::draft(
            OrderId::for_key(&self.key),
            fingerprint,
            an_access_token(&self.key),
            customer,
            address,
            quote,
            self.at,
        )
    }

    /// All stock reserved.
    pub fn placed(&self) -> Order {
        let mut order = self.draft();
        while order.status() == Status::Reserving {
            order = order.reserve_step(self.at).expect("reserving").0;
        }
        order
    }

    /// With a first attempt to pay, that is being opened.
    pub fn paying(&self) -> Order {
        self.placed().attempt_for(self.at).expect("payable")
    }

    /// Paid by a method that confirms in days: the payment `pi_1` is on its way.
    pub fn pending(&self) -> Order {
        let paying = self.paying();
        let delayed = DelayedPayment {
            attempt: 1,
            session_id: "cs_1".to_owned(),
            payment: a_payment("pi_1", &paying),
            was_offered: true,
        };
        paying.payment_delayed(delayed, self.at).0
    }

    /// Paid in full, by the payment `pi_1`.
    pub fn paid(&self) -> Order {
        let placed = self.placed();
        let payment = a_payment("pi_1", &placed);
        placed.settle(payment, self.at).0
    }

    /// Paid a second time, by `pi_2`, which is to be given back.
    pub fn paid_twice(&self) -> Order {
        let paid = self.paid();
        let second = a_payment("pi_2", &paid);
        paid.settle(second, self.at).0
    }

    /// Acknowledged by the warehouse.
    pub fn forwarded(&self) -> Order {
        self.paid()
            .accepted_by_warehouse("K0000001".to_owned(), self.at)
            .expect("paid")
    }
}
