use api::ToProblem;
use app::ports::{Catalogue, Clock, Orders, Stock};
use app::{PlaceOrderError, Placed, PriceMemory, place_order, quote_cart};
use domain::{AccessToken, ShippingTable};
use lambda_kit::http::{Handle, ReadRequest, Request, Response};
use lambda_kit::metrics::{self, Unit};
use lambda_kit::{Problem, telemetry};

use crate::idempotency_key::idempotency_key;
use crate::wire;

/// The two routes of the checkout.
pub(crate) struct Checkout<S, C> {
    pub(crate) store: S,
    pub(crate) prices: PriceMemory,
    pub(crate) shipping: ShippingTable,
    pub(crate) draw_token: fn() -> AccessToken,
    pub(crate) clock: C,
}

impl<S: Catalogue + Stock + Orders, C: Clock> Handle for Checkout<S, C> {
    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        match request.route() {
            "POST /api/quote" => self.quote(request).await,
            "POST /api/checkout" => self.place(request).await,
            _ => Err(Problem::route_not_found()),
        }
    }
}

impl<S: Catalogue + Stock + Orders, C: Clock> Checkout<S, C> {
    async fn quote(&self, request: &Request) -> Result<Response, Problem> {
        let (cart, ship_to) = wire::read_quote_request(request, &self.shipping)?;
        let (store, now) = (&self.store, self.clock.now());
        let catalogue = self.prices.before(store, now);
        let quote = quote_cart(&catalogue, store, store, &self.shipping, now, &cart, ship_to).await;
        quote
            .map(|quote| wire::quoted(&quote))
            .map_err(ToProblem::to_problem)
    }

    async fn place(&self, request: &Request) -> Result<Response, Problem> {
        let key = idempotency_key(request.header("idempotency-key"))?;
        let wish = wire::read_checkout(request, key, &self.shipping, (self.draw_token)())?;
        let store = &self.store;
        let catalogue = self.prices.before(store, self.clock.now());
        let placed = place_order(&catalogue, store, store, &self.shipping, &self.clock, wish).await;
        count(&placed);
        let placed = placed.map_err(ToProblem::to_problem)?;
        telemetry::note("order.id", placed.order.id());
        Ok(wire::placed(&placed))
    }
}

/// Counts what came of a wish; a retry that meets its order was counted before.
fn count(placed: &Result<Placed, PlaceOrderError>) {
    match placed {
        Ok(placed) if !placed.replayed => {
            metrics::count("OrdersPlaced", 1);
            metrics::record("RevenuePlaced", Unit::None, placed.order.quote().total.minor());
        }
        Err(PlaceOrderError::SoldOut { .. }) => metrics::count("SoldOut", 1),
        Ok(_) | Err(_) => {}
    }
}
