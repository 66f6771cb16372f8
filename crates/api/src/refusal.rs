//! What a client is told of the errors of the use cases: their one home.

use app::ports::StoreError;
use app::{PlaceOrderError, QuoteError, SettleError, ShowOrderError, StartPaymentError};
use domain::{PaymentRefused, PricingError, Quote, Status, Unavailability, UnavailableItem};
use lambda_kit::{Fault, Problem};
use serde_json::Value;

/// An error of a use case, to a client.
pub trait ToProblem {
    /// The problem that it is told as; the error itself is for the log.
    fn to_problem(self) -> Problem;
}

impl ToProblem for StoreError {
    /// Throttling is expected: 503. No answer, or one that cannot be read, needs a person: logged as an error.
    fn to_problem(self) -> Problem {
        match self {
            Self::Busy => Problem::busy(self),
            Self::Unknown(_) => Problem::busy(self).unexpected(),
            Self::Corrupt(_) => Problem::internal_error(self),
        }
    }
}

impl ToProblem for ShowOrderError {
    fn to_problem(self) -> Problem {
        match self {
            Self::NotFound => order_not_found(),
            Self::Store(error) => error.to_problem(),
        }
    }
}

impl ToProblem for SettleError {
    /// Believed and not applied: the event must come again.
    fn to_problem(self) -> Problem {
        match self {
            Self::UnknownOrder => Problem::internal_error(self),
            Self::Provider(_) => Problem::busy(self).unexpected(),
            Self::Store(error) => error.to_problem(),
        }
    }
}

impl ToProblem for StartPaymentError {
    fn to_problem(self) -> Problem {
        match self {
            Self::NotFound => order_not_found(),
            Self::Refused(PaymentRefused::NotPayable(status)) => {
                let detail = format!("The order is {}.", status.name());
                not_payable(detail).with("order_status", status.name().into())
            }
            Self::Refused(PaymentRefused::ReservationEnding) => Problem::new(
                409,
                "payment_window_closed",
                "It is too late to pay the order",
            )
            .detail("Its goods are put by for 45 minutes at most, and a payment page needs 30 of them. Place the order again."),
            Self::Refused(PaymentRefused::PageEnded) => {
                not_payable("Its payment page has ended. Read the order to see whether it was paid there.".to_owned())
                    .with("order_status", Status::Placed.name().into())
            }
            Self::Declined(_) => Problem::new(422, "payment_refused", "The order cannot be paid like this")
                .detail("The payment provider refuses it. Nothing was charged. Sending the request again changes nothing.")
                .because(self)
                .unexpected(),
            Self::Provider(_) => Problem::new(
                503,
                "payment_provider_unavailable",
                "The payment page cannot be opened right now",
            )
            .detail("Nothing was charged. Send the same request again.")
            .retry_after(5)
            .because(self),
            Self::Store(error) => error.to_problem(),
        }
    }
}

impl ToProblem for QuoteError {
    fn to_problem(self) -> Problem {
        match self {
            Self::Unavailable(items) => items_unavailable(&items),
            Self::Pricing(error) => of_pricing(error, "/ship_to"),
            Self::Store(error) => error.to_problem(),
        }
    }
}

impl ToProblem for PlaceOrderError {
    fn to_problem(self) -> Problem {
        match self {
            Self::Unavailable(items) => items_unavailable(&items),
            Self::Pricing(error) => of_pricing(error, "/shipping_address/country"),
            Self::PriceChanged(quote) => {
                Problem::new(409, "price_changed", "The price is not the expected one")
                    .detail("Nothing was ordered. See quote for what it costs now.")
                    .with("quote", fresh(Some(&quote)))
            }
            Self::SoldOut { items, quote } => {
                Problem::new(409, "sold_out", "Too little is left of some items")
                    .detail(
                        "Nothing was ordered. See errors for what is left, and quote for what that costs.",
                    )
                    .faults(unavailable(&items))
                    .with("quote", fresh(quote.as_deref()))
            }
            Self::KeyReused => Problem::new(
                422,
                "idempotency_key_reused",
                "The Idempotency-Key belongs to another request",
            )
            .detail("Send each order with a key of its own."),
            Self::InProgress => Problem::new(
                409,
                "request_in_progress",
                "The same order is being placed right now",
            )
            .detail("Send the same request again in a moment.")
            .retry_after(1),
            Self::Store(error) => error.to_problem(),
        }
    }
}

fn of_pricing(error: PricingError, country: &str) -> Problem {
    match error {
        PricingError::Unavailable(items) => items_unavailable(&items),
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

/// The same words for no order, no token and a wrong one.
fn order_not_found() -> Problem {
    Problem::new(404, "order_not_found", "There is no such order")
        .detail("Check the order's id and the access token.")
}

fn not_payable(detail: String) -> Problem {
    Problem::new(409, "order_not_payable", "The order cannot be paid").detail(detail)
}

fn items_unavailable(items: &[UnavailableItem]) -> Problem {
    Problem::new(422, "items_unavailable", "Some items cannot be had")
        .detail("See errors for each of them.")
        .faults(unavailable(items))
}

fn unavailable(items: &[UnavailableItem]) -> Vec<Fault> {
    let fault = |item: &UnavailableItem| {
        let (sku, pointer) = (item.sku.as_str(), format!("/items/{}", item.position));
        let fault = |code, detail| Fault::new(pointer, code, detail).with("sku", sku);
        match item.why {
            Unavailability::UnknownSku => fault("unknown_sku", format!("There is no product {sku}.")),
            Unavailability::SoldOut { available } => {
                let detail = format!("Of {sku} there are {available} left.");
                fault("sold_out", detail).with("available", available)
            }
            Unavailability::OverLimit { max_per_order } => {
                let most = max_per_order.get();
                let detail = format!("Of {sku} an order takes at most {most}.");
                fault("over_limit", detail).with("max_per_order", most)
            }
        }
    };
    items.iter().map(fault).collect()
}

fn fresh(quote: Option<&Quote>) -> Value {
    quote
        .map(|quote| serde_json::to_value(crate::Quote::from(quote)).expect("a quote is plain JSON"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use lambda_kit::http::ReadResponse;

    use super::*;

    #[test]
    fn a_store_that_is_busy_or_silent_may_be_asked_again() {
        let told = |error: StoreError| {
            let response = PlaceOrderError::from(error).to_problem().into_response("r1");
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
            QuoteError::Pricing(PricingError::Currency).to_problem().code(),
            "internal_error"
        );
    }
}
