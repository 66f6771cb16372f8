//! Why there is no quote, or no order, as the shopper is told.

use app::ports::StoreError;
use app::{PlaceOrderError, QuoteError};
use domain::{PricingError, Quote, UnavailableItem};
use lambda_kit::{Fault, Problem};
use serde_json::Value;

pub(crate) fn of_quote(error: QuoteError) -> Problem {
    match error {
        QuoteError::Unavailable(items) => items_unavailable(&items),
        QuoteError::Pricing(error) => of_pricing(error, "/ship_to"),
        QuoteError::Store(error) => store_failed(error),
    }
}

pub(crate) fn of_order(error: PlaceOrderError) -> Problem {
    match error {
        PlaceOrderError::UnknownItems(items) => items_unavailable(&items),
        PlaceOrderError::Pricing(error) => of_pricing(error, "/shipping_address/country"),
        PlaceOrderError::PriceChanged(quote) => {
            Problem::new(409, "price_changed", "The price is not the expected one")
                .detail("Nothing was ordered. See quote for what it costs now.")
                .with("quote", fresh(Some(&quote)))
        }
        PlaceOrderError::SoldOut { items, quote } => {
            Problem::new(409, "sold_out", "Too little is left of some items")
                .detail("Nothing was ordered. See errors for what is left, and quote for what that costs.")
                .faults(items.iter().map(unavailable).collect())
                .with("quote", fresh(quote.as_deref()))
        }
        PlaceOrderError::KeyReused => Problem::new(
            422,
            "idempotency_key_reused",
            "The Idempotency-Key belongs to another request",
        )
        .detail("Send each order with a key of its own."),
        PlaceOrderError::InProgress => Problem::new(
            409,
            "request_in_progress",
            "The same order is being placed right now",
        )
        .detail("Send the same request again in a moment.")
        .retry_after(1),
        PlaceOrderError::Store(error) => store_failed(error),
    }
}

fn of_pricing(error: PricingError, country: &str) -> Problem {
    match error {
        PricingError::UnknownSkus(items) => items_unavailable(&items),
        PricingError::NotShippedTo(to) => {
            let detail = format!("The shop does not ship to {to}.");
            Problem::validation_failed(vec![Fault::new(country, "unknown_country", detail)])
        }
        PricingError::TotalTooLarge => {
            let detail = format!("An order's total is at most {}.", domain::MAX_TOTAL);
            Problem::validation_failed(vec![Fault::new("/items", "total_too_large", detail)])
        }
        // The catalogue has a price that the shop cannot take.
        PricingError::Currency => Problem::internal_error(error),
    }
}

/// A store that is busy is nobody's business; one that does not answer, or cannot be read, is somebody's.
fn store_failed(error: StoreError) -> Problem {
    match error {
        StoreError::Busy => Problem::busy(error),
        StoreError::Unknown(_) => Problem::busy(error).unexpected(),
        StoreError::Corrupt(_) => Problem::internal_error(error),
    }
}

fn items_unavailable(items: &[UnavailableItem]) -> Problem {
    Problem::new(422, "items_unavailable", "Some items cannot be had")
        .detail("See errors for each of them.")
        .faults(items.iter().map(unavailable).collect())
}

fn unavailable(item: &UnavailableItem) -> Fault {
    let pointer = format!("/items/{}", item.position);
    let fault = match item.available {
        None => Fault::new(
            pointer,
            "unknown_sku",
            format!("There is no product {}.", item.sku),
        ),
        Some(left) => {
            let detail = format!("Of {} there are {left} left.", item.sku);
            Fault::new(pointer, "sold_out", detail).with("available", left)
        }
    };
    fault.with("sku", item.sku.as_str())
}

fn fresh(quote: Option<&Quote>) -> Value {
    quote
        .map(|quote| serde_json::to_value(api::Quote::from(quote)).expect("a quote is plain JSON"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use lambda_kit::http::ReadResponse;

    use super::*;

    #[test]
    fn a_store_that_is_busy_or_silent_may_be_asked_again() {
        let told = |error: StoreError| {
            let response = of_order(error.into()).into_response("r1");
            let code = response.body_json()["code"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            (
                response.code(),
                code,
                response.header_of("retry-after").map(str::to_owned),
            )
        };
        let busy = (503, "busy".to_owned(), Some("1".to_owned()));
        assert_eq!(told(StoreError::Busy), busy);
        assert_eq!(told(StoreError::Unknown("reset".into())), busy);
        let broken = (500, "internal_error".to_owned(), None);
        assert_eq!(told(StoreError::Corrupt("garbled".into())), broken);
        assert_eq!(
            of_quote(QuoteError::Pricing(PricingError::Currency)).code(),
            "internal_error"
        );
    }
}
