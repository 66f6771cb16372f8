//! What a shopper sends, byte by byte: `.ci/fuzz` runs these targets for long, `cargo test` replays what was found.

use app::PlaceOrder;
use domain::{Cart, Country, Fingerprint, ShippingTable};
use lambda_kit::Problem;
use lambda_kit::http::{BuildRequest, ReadResponse, Request, request};
use serde_json::{Value, json};
use testkit::an_access_token;

use crate::idempotency_key::idempotency_key;
use crate::wire::{read_checkout, read_quote_request};

fn posted(body: &[u8]) -> Request {
    request("POST").with_body(body)
}

fn assert_bounds(cart: &Cart) {
    assert!((1..=domain::MAX_LINES).contains(&cart.lines().len()));
    for line in cart.lines() {
        assert!((1..=domain::MAX_QUANTITY).contains(&line.quantity.get()));
        let sku = line.sku.as_str();
        assert!(
            sku.bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        );
    }
}

/// Whatever is wrong, it is told as the sender's fault, and nothing that was typed comes back.
fn assert_refusal(problem: Problem) {
    assert!(
        matches!(problem.status(), 400 | 413 | 422),
        "{}",
        problem.status()
    );
    let body = problem.into_response("r1").text().to_owned();
    let longest_number = body.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
    assert!(longest_number < Some(9), "{body}");
}

fn items(cart: &Cart) -> Value {
    let item = |line: &domain::CartLine| json!({"sku": line.sku.as_str(), "quantity": line.quantity.get()});
    cart.lines().iter().map(item).collect()
}

#[test]
fn quote_body() {
    let shipping = ShippingTable::of_the_shop();
    let read = |body: &[u8]| read_quote_request(&posted(body), &shipping);
    let wish =
        |(cart, to): &(Cart, Country)| json!({"items": items(cart), "ship_to": to.as_str()}).to_string();
    bolero::check!().for_each(|body: &[u8]| match read(body) {
        Ok(asked) => {
            assert_bounds(&asked.0);
            assert!(shipping.rate(asked.1).is_some());
            let again = read(wish(&asked).as_bytes()).expect("the same");
            assert_eq!(wish(&again), wish(&asked));
        }
        Err(problem) => assert_refusal(problem),
    });
}

#[test]
fn checkout_body() {
    let shipping = ShippingTable::of_the_shop();
    let read =
        |body: &[u8]| read_checkout(&posted(body), "key".to_owned(), &shipping, an_access_token("key"));
    bolero::check!().for_each(|body: &[u8]| match read(body) {
        Ok(wish) => {
            assert_bounds(&wish.cart);
            let printed = printed(&wish);
            for (field, longest) in TEXTS {
                let text = printed.pointer(field).and_then(Value::as_str).expect("a text");
                let least = usize::from(field != "/shipping_address/postal_code");
                assert!((least..=longest).contains(&text.chars().count()), "{field}");
                assert!(!text.chars().any(misleads), "{field}");
                let with_a_card = with_a_card(&printed, field, text);
                assert_refusal(
                    read(with_a_card.to_string().as_bytes())
                        .map(drop)
                        .expect_err("a card"),
                );
            }
            let again = read(printed.to_string().as_bytes()).expect("the same");
            assert_eq!(fingerprint(&again), fingerprint(&wish));
        }
        Err(problem) => assert_refusal(problem),
    });
}

/// The fields that a person fills in, and the most characters of each.
const TEXTS: [(&str, usize); 6] = [
    ("/customer/name", 100),
    ("/customer/email", 254),
    ("/shipping_address/name", 100),
    ("/shipping_address/street", 120),
    ("/shipping_address/postal_code", 12),
    ("/shipping_address/city", 80),
];

/// The same wish with a card's number behind, or in the middle of, what was typed.
fn with_a_card(wish: &Value, field: &str, text: &str) -> Value {
    const CARDS: [&str; 4] = [
        "4242424242424242",
        "4242 4242 4242 4242",
        "3782-822463-10005",
        "4242.4242.4242.4242",
    ];
    let card = CARDS[text.len() % CARDS.len()];
    let kept: String = text.chars().take(30).collect();
    let mut wish = wish.clone();
    let place = wish.pointer_mut(field).expect("a field");
    *place = Value::from(format!(
        "{kept} {card}{}",
        ["", " x", "-", " 7 b"][text.len() / 4 % 4]
    ));
    wish
}

/// Controls, and what turns the direction of writing (UAX #9).
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn printed(wish: &PlaceOrder) -> Value {
    let (customer, to) = (&wish.customer, &wish.shipping_address);
    json!({
        "items": items(&wish.cart),
        "customer": {"name": customer.name, "email": customer.email},
        "shipping_address": {
            "name": to.name, "street": to.street, "postal_code": to.postal_code, "city": to.city, "country": to.country.as_str(),
        },
        "expected_total": api::Money::from(wish.expected_total),
    })
}

fn fingerprint(wish: &PlaceOrder) -> Fingerprint {
    Fingerprint::of(
        &wish.cart,
        &wish.customer,
        &wish.shipping_address,
        wish.expected_total,
    )
}

#[test]
fn idempotency_key_header() {
    bolero::check!().for_each(|header: &[u8]| {
        let Ok(header) = std::str::from_utf8(header) else {
            return;
        };
        match idempotency_key(Some(header)) {
            Ok(key) => {
                assert!((16..=255).contains(&key.len()) && key.bytes().all(|b| matches!(b, b' '..=b'~')));
                let quoted = format!("\"{}\"", key.replace('\\', r"\\").replace('"', "\\\""));
                assert_eq!(idempotency_key(Some(&quoted)).expect("a key"), key);
            }
            Err(problem) => {
                assert_eq!(problem.status(), 400);
                assert!(matches!(
                    problem.code(),
                    "idempotency_key_missing" | "idempotency_key_invalid"
                ));
                assert_eq!(
                    problem.code() == "idempotency_key_missing",
                    header.trim().is_empty()
                );
            }
        }
    });
}
