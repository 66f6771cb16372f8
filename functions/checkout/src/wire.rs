//! What comes over the wire and goes back. Everything wrong with a request is reported at once.

use app::{PlaceOrder, Placed};
use domain::{
    AccessToken, Address, Cart, CartError, ContactError, ContactField, Country, Currency, Customer, Money,
    Quote, ShippingTable, TextError,
};
use lambda_kit::Problem;
use lambda_kit::http::{ReadRequest, Request, Response, WithHeader, json};
use lambda_kit::json::{Faults, MAX_ELEMENTS};

/// The most items as sent, before those of one SKU are added up: four times the lines of the largest cart.
const MAX_ITEMS: usize = MAX_ELEMENTS - 1;

/// Reads a request for a quote.
pub(crate) fn read_quote_request(
    request: &Request,
    shipping: &ShippingTable,
) -> Result<(Cart, Country), Problem> {
    let (body, mut faults) = request.json::<api::QuoteRequest>()?;
    let cart = read_cart(&body.items, &mut faults);
    let country = Country::parse(&body.ship_to);
    let country = country
        .map_err(|error| faults.push("/ship_to", "invalid", sentence(&error)))
        .ok();
    check_destination("/ship_to", country, shipping, &mut faults);
    faults.finish(|| Some((cart?, country?)))
}

/// Reads an order to be placed under `idempotency_key`, to which `access_token` will admit.
pub(crate) fn read_checkout(
    request: &Request,
    idempotency_key: String,
    shipping: &ShippingTable,
    access_token: AccessToken,
) -> Result<PlaceOrder, Problem> {
    let (body, mut faults) = request.json::<api::CheckoutRequest>()?;
    let (who, to) = (&body.customer, &body.shipping_address);
    let cart = read_cart(&body.items, &mut faults);
    let customer = Customer::parse(&who.name, &who.email);
    let customer = noted(customer, "/customer", &mut faults);
    let address = Address::parse(&to.name, &to.street, &to.postal_code, &to.city, &to.country);
    let address = noted(address, "/shipping_address", &mut faults);
    if Country::parse(&to.country).is_ok_and(|country| !country.needs_postal_code()) {
        faults.forgive_missing("/shipping_address/postal_code");
    }
    let country = address.as_ref().map(|address| address.country);
    check_destination("/shipping_address/country", country, shipping, &mut faults);
    let expected_total = read_money(&body.expected_total, &mut faults);
    faults.finish(|| {
        Some(PlaceOrder {
            idempotency_key,
            cart: cart?,
            customer: customer?,
            shipping_address: address?,
            expected_total: expected_total?,
            access_token,
        })
    })
}

fn read_cart(items: &[api::Item], faults: &mut Faults) -> Option<Cart> {
    if items.len() > MAX_ITEMS {
        let detail = format!("A cart has at most {MAX_ITEMS} items.");
        faults.push("/items", "too_many_lines", detail);
        return None;
    }
    let items = items.iter().map(|item| (item.sku.as_str(), item.quantity));
    let noted = |errors: Vec<CartError>| {
        for error in errors {
            let (pointer, code) = match &error {
                CartError::Empty => ("/items".to_owned(), "missing"),
                CartError::TooManyLines => ("/items".to_owned(), "too_many_lines"),
                CartError::Sku { position, .. } => (format!("/items/{position}/sku"), "invalid"),
                CartError::Quantity { position } => (format!("/items/{position}/quantity"), "out_of_range"),
            };
            faults.push(pointer, code, sentence(&error));
        }
    };
    Cart::parse(items).map_err(noted).ok()
}

fn check_destination(pointer: &str, to: Option<Country>, shipping: &ShippingTable, faults: &mut Faults) {
    let Some(to) = to.filter(|to| shipping.rate(*to).is_none()) else {
        return;
    };
    match to.name() {
        Some(name) => faults.push(
            pointer,
            "not_shipped_to",
            format!("The shop does not ship to {name} ({to})."),
        ),
        None => faults.push(pointer, "unknown_country", format!("There is no country {to}.")),
    }
}

fn noted<T>(parsed: Result<T, Vec<ContactError>>, pointer: &str, faults: &mut Faults) -> Option<T> {
    let note = |error: ContactError| {
        let pointer = format!("{pointer}/{}", name_of(error.field()));
        faults.push(pointer, code_of(error), sentence(&error));
    };
    parsed.map_err(|errors| errors.into_iter().for_each(note)).ok()
}

const fn name_of(field: ContactField) -> &'static str {
    match field {
        ContactField::Name => "name",
        ContactField::Email => "email",
        ContactField::Street => "street",
        ContactField::PostalCode => "postal_code",
        ContactField::City => "city",
        ContactField::Country => "country",
    }
}

const fn code_of(error: ContactError) -> &'static str {
    match error {
        ContactError::Text { source, .. } => match source {
            TextError::Missing => "missing",
            TextError::TooLong { .. } => "too_long",
            TextError::CardNumber => "card_number",
            TextError::Forbidden | TextError::Malformed => "invalid",
        },
        ContactError::PostalCode(_) | ContactError::Country(_) => "invalid",
        ContactError::Territory(_) => "wrong_territory",
    }
}

fn read_money(sent: &api::Money, faults: &mut Faults) -> Option<Money> {
    let currency = Currency::parse(&sent.currency);
    if currency.is_none() {
        let detail = "The shop does not know this currency.";
        faults.push("/expected_total/currency", "invalid", detail);
    }
    Some(Money::new(sent.amount, currency?))
}

/// An error's text as a sentence of its own.
fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| {
        let first = first.to_uppercase();
        format!("{first}{}.", rest.as_str())
    })
}

pub(crate) fn quoted(quote: &Quote) -> Response {
    json(200, &api::Quote::from(quote)).with_header("cache-control", "no-store")
}

pub(crate) fn placed(placed: &Placed) -> Response {
    let order = api::Order::from(&placed.order);
    let access_token = placed.access_token.to_text();
    let location = format!("/api/orders/{}", order.id);
    let response = json(201, &api::PlacedOrder { order, access_token })
        .with_header("location", location)
        .with_header("cache-control", "no-store");
    if placed.replayed {
        response.with_header("idempotent-replayed", "true")
    } else {
        response
    }
}
