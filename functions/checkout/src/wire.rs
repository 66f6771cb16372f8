//! What comes over the wire and goes back. Everything wrong with a request is told at once.

use app::{PlaceOrder, Placed};
use domain::{
    Address, Cart, CartError, ContactError, ContactField, Country, Currency, Customer, Money, Quote,
    ShippingTable, TextError,
};
use lambda_kit::Problem;
use lambda_kit::http::{Response, WithHeader, json};
use lambda_kit::json::{Document, Node};

/// The most items as sent, before those of one SKU are added up: four times the lines of the largest cart.
const MAX_ITEMS: usize = 5_000;

/// Reads a request for a quote.
pub(crate) fn read_quote_request(
    document: &Document,
    shipping: &ShippingTable,
) -> Result<(Cart, Country), Problem> {
    let cart = read_cart(&document.root().member("items"));
    let to = document.root().member("ship_to");
    let country = to.text().and_then(|raw| match Country::parse(raw) {
        Ok(country) => Some(country),
        Err(error) => {
            to.fault("invalid", sentence(&error));
            None
        }
    });
    check_destination(&to, country, shipping);
    document.finish(|| Some((cart?, country?)))
}

/// Reads a shopper's wish, made under `idempotency_key`.
pub(crate) fn read_wish(
    document: &Document,
    idempotency_key: String,
    shipping: &ShippingTable,
) -> Result<PlaceOrder, Problem> {
    let root = document.root();
    let cart = read_cart(&root.member("items"));
    let customer = read_customer(&root.member("customer"));
    let shipping_address = read_address(&root.member("shipping_address"), shipping);
    let expected_total = read_money(&root.member("expected_total"));
    document.finish(|| {
        Some(PlaceOrder {
            idempotency_key,
            cart: cart?,
            customer: customer?,
            shipping_address: shipping_address?,
            expected_total: expected_total?,
        })
    })
}

fn read_cart(items: &Node<'_>) -> Option<Cart> {
    let elements = items.elements()?;
    if elements.len() > MAX_ITEMS {
        items.fault("too_many_lines", format!("A cart has at most {MAX_ITEMS} items."));
        return None;
    }
    let read: Vec<_> = elements
        .iter()
        .map(|item| item.member("sku").text().zip(item.member("quantity").integer()))
        .collect();
    // The cart counts what it is given: where items were unreadable its faults are at other places.
    let places: Vec<_> = read
        .iter()
        .enumerate()
        .filter(|(_, item)| item.is_some())
        .map(|(n, _)| n)
        .collect();
    let complete = places.len() == read.len();
    let errors = match Cart::parse(read.into_iter().flatten()) {
        Ok(cart) => return complete.then_some(cart),
        Err(errors) => errors,
    };
    for error in errors {
        let item = |position: usize| places.get(position).and_then(|place| elements.get(*place));
        match error {
            CartError::Empty if complete => items.fault("missing", sentence(&error)),
            CartError::Empty => {}
            CartError::TooManyLines => items.fault("too_many_lines", sentence(&error)),
            CartError::Sku { position, source } => {
                item(position)?.member("sku").fault("invalid", sentence(&source));
            }
            CartError::Quantity { position } => {
                item(position)?
                    .member("quantity")
                    .fault("out_of_range", sentence(&error));
            }
        }
    }
    None
}

fn read_customer(node: &Node<'_>) -> Option<Customer> {
    let [name, email] = ["name", "email"].map(|field| node.member(field).text());
    note_faults(node, Customer::parse(name?, email?))
}

fn read_address(node: &Node<'_>, shipping: &ShippingTable) -> Option<Address> {
    let [name, street, city, country] =
        ["name", "street", "city", "country"].map(|field| node.member(field).text());
    let postal_code = read_postal_code(&node.member("postal_code"), country);
    let address = note_faults(
        node,
        Address::parse(name?, street?, postal_code?, city?, country?),
    )?;
    check_destination(&node.member("country"), Some(address.country), shipping);
    Some(address)
}

/// The postal code, which some countries' addresses do without.
fn read_postal_code<'a>(node: &Node<'a>, country: Option<&str>) -> Option<&'a str> {
    let country = country.and_then(|raw| Country::parse(raw).ok());
    if country.is_none_or(Country::needs_postal_code) {
        node.text()
    } else {
        node.text_or("")
    }
}

fn check_destination(node: &Node<'_>, country: Option<Country>, shipping: &ShippingTable) {
    let Some(country) = country.filter(|country| shipping.rate(*country).is_none()) else {
        return;
    };
    match country.name() {
        Some(name) => node.fault(
            "not_shipped_to",
            format!("The shop does not ship to {name} ({country})."),
        ),
        None => node.fault("unknown_country", format!("There is no country {country}.")),
    }
}

fn note_faults<T>(node: &Node<'_>, parsed: Result<T, Vec<ContactError>>) -> Option<T> {
    parsed
        .map_err(|errors| {
            for error in errors {
                node.member(name_of(error.field()))
                    .fault(code_of(error), sentence(&error));
            }
        })
        .ok()
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

fn read_money(node: &Node<'_>) -> Option<Money> {
    let amount = node.member("amount").integer();
    let code = node.member("currency");
    let currency = code.text().and_then(|raw| {
        let currency = Currency::parse(raw);
        if currency.is_none() {
            code.fault("invalid", "The shop does not know this currency.");
        }
        currency
    });
    Some(Money::new(amount?, currency?))
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

pub(crate) fn placed(placed: &Placed, access_token: String) -> Response {
    let order = api::Order::from(&placed.order);
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
