//! Shoppers: they ask, wait, ask again under the same key, pay or leave; and what they are told must be true.

use std::sync::LazyLock;

use app::{PlaceOrder, PlaceOrderError, Placed};
use domain::{AccessToken, CartLine, Order, OrderId, ShippingTable, Status, UnavailableItem};
use testkit::an_access_token;

use crate::scenario::Pays;
use crate::task::{Side, end};
use crate::world::{Happening, World};
use crate::{Class, Mutation};

pub(crate) static SHIPPING: LazyLock<ShippingTable> = LazyLock::new(ShippingTable::of_the_shop);

/// How long a shopper waits for an answer, in milliseconds.
const REQUEST_TIMEOUT_MS: i64 = 10_000;
/// How often a shopper asks again.
const TRIES: u32 = 8;

/// Where a shopper stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    #[default]
    Ordering,
    Paying,
    AtThePage,
    Done,
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// The world's step at which it was sent.
    pub(crate) since: u32,
    stage: Stage,
    pub(crate) answered: bool,
}

/// A shopper, and what they were told.
#[derive(Debug, Default)]
pub(crate) struct Shopper {
    pub(crate) stage: Stage,
    pub(crate) requests: Vec<Request>,
    /// Told that this order is placed.
    pub(crate) placed: Option<OrderId>,
    /// Told that this token admits to it.
    pub(crate) token: Option<AccessToken>,
    /// Told that there is no order, and why.
    pub(crate) refused: bool,
    tries: u32,
    /// So often in a row a provider that works gave no page.
    pub(crate) fruitless: usize,
    will_wake: bool,
    pub(crate) session: String,
}

impl World<'_> {
    pub(crate) fn shopper_wakes(&mut self, number: usize) {
        let shopper = &mut self.shoppers[number];
        shopper.will_wake = false;
        match shopper.stage {
            Stage::Ordering | Stage::Paying => {
                for _ in 0..self.scenario.shoppers[number].clicks {
                    self.ask(number);
                }
            }
            Stage::AtThePage => self.pay(number),
            Stage::Done => {}
        }
    }

    fn ask(&mut self, number: usize) {
        let shopper = &mut self.shoppers[number];
        let (request, stage) = (shopper.requests.len(), shopper.stage);
        shopper.requests.push(Request {
            since: self.steps,
            stage,
            answered: false,
        });
        let shopper = number;
        self.schedule(
            REQUEST_TIMEOUT_MS,
            Happening::RequestTimesOut { shopper, request },
        );
        if stage == Stage::Ordering {
            let mut wish = self.scenario.shoppers[number].wish.clone();
            if self.mutation == Some(Mutation::OrderNamedByClock) {
                wish.idempotency_key = format!("{}{}", wish.idempotency_key, self.now);
            }
            wish.access_token = self.draw_token(number, request, &wish.idempotency_key);
            let drawn_again = self.has(Mutation::AccessTokenDrawnAgain);
            self.start(Side::Checkout, None, move |ports| async move {
                let drawn = wish.access_token.clone();
                let placing = app::place_order(&ports, &ports, &ports, &SHIPPING, &ports, wish);
                let mut placed = Box::pin(placing).await;
                if let (Ok(placed), true) = (&mut placed, drawn_again) {
                    placed.access_token = drawn;
                }
                end(move |world, answered| {
                    if answered {
                        world.hear_checkout(shopper, request, placed);
                    }
                })
            });
        } else if let (Some(id), Some(token)) =
            (self.shoppers[number].placed, self.shoppers[number].token.clone())
        {
            self.start(Side::Payment, None, move |ports| async move {
                let token = token.to_text();
                let page = app::start_payment(&ports, &ports, &ports, id.as_str(), &token).await;
                end(move |world, answered| {
                    world.note(|| format!("  {page:?}"));
                    if answered {
                        world.hear_page(shopper, request, page);
                    }
                })
            });
        }
    }

    /// What a run of the checkout draws for an order.
    fn draw_token(&self, number: usize, request: usize, key: &str) -> AccessToken {
        match self.mutation {
            Some(Mutation::AccessTokenFromId) => guess(OrderId::for_key(key)),
            Some(Mutation::AccessTokenDrawnOnce) => an_access_token("once"),
            _ => an_access_token(&format!("shopper {number}, request {request}")),
        }
    }

    pub(crate) fn try_again(&mut self, number: usize, request: usize) {
        let asked_in = self.shoppers[number].requests[request].stage;
        let shopper = &self.shoppers[number];
        if shopper.stage != asked_in || shopper.will_wake {
            return;
        }
        let gives_up = self.choose(2) == 1;
        let shopper = &mut self.shoppers[number];
        if gives_up || shopper.tries == TRIES {
            shopper.stage = Stage::Done;
            return;
        }
        shopper.tries += 1;
        let pause = 1_000 << shopper.tries;
        self.wake(number, pause);
    }

    pub(crate) fn wake(&mut self, number: usize, after: i64) {
        self.shoppers[number].will_wake = true;
        self.schedule(after, Happening::ShopperWakes(number));
    }

    pub(crate) fn hear(&mut self, number: usize, request: usize) -> Request {
        self.cancel(|what| {
            matches!(what, Happening::RequestTimesOut { shopper, request: own }
                if *shopper == number && *own == request)
        });
        let request = &mut self.shoppers[number].requests[request];
        request.answered = true;
        *request
    }

    pub(crate) fn hear_checkout(
        &mut self,
        number: usize,
        request: usize,
        result: Result<Placed, PlaceOrderError>,
    ) {
        let since = self.hear(number, request).since;
        let plan = &self.scenario.shoppers[number];
        let id = OrderId::for_key(&plan.wish.idempotency_key);
        match result {
            Ok(placed) => return self.hear_placed(number, placed),
            Err(PlaceOrderError::InProgress | PlaceOrderError::Store(_)) => {
                return self.try_again(number, request);
            }
            Err(PlaceOrderError::SoldOut { items, .. }) => self.hear_sold_out(number, id, since, &items),
            Err(PlaceOrderError::PriceChanged(quote)) => {
                if quote.total == plan.wish.expected_total || self.seen.was_public_at(id, since) {
                    self.accuse(Class::Untrue, "a price that did not change");
                }
            }
            Err(PlaceOrderError::KeyReused) => self.hear_key_reused(number, id),
            Err(PlaceOrderError::Unavailable(_)) => {
                let over_limit = |line: &CartLine| {
                    let product = &self.scenario.products[&line.sku];
                    line.quantity > product.max_per_order
                };
                if !plan.wish.cart.lines().iter().any(over_limit) || self.seen.was_public_at(id, since) {
                    self.accuse(Class::Untrue, "told of a limit, and was within it");
                }
            }
            Err(error @ PlaceOrderError::Pricing(_)) => {
                self.accuse(Class::Untrue, format!("told: {error}"));
            }
        }
        self.shoppers[number].refused = true;
        self.leave(number, Stage::Ordering);
    }

    pub(crate) fn leave(&mut self, number: usize, stage: Stage) {
        if self.shoppers[number].stage == stage {
            self.shoppers[number].stage = Stage::Done;
        }
    }

    fn hear_placed(
        &mut self,
        number: usize,
        Placed {
            order, access_token, ..
        }: Placed,
    ) {
        let wish = &self.scenario.shoppers[number].wish;
        if !is_wished(&order, wish) {
            self.accuse(Class::Untrue, "told of an order that was not wished");
        }
        let shopper = &mut self.shoppers[number];
        shopper.placed = Some(order.id());
        if shopper.token.get_or_insert_with(|| access_token.clone()) != &access_token {
            self.accuse(Class::Untrue, "told another access token for the same order");
        }
        let shopper = &mut self.shoppers[number];
        if shopper.stage != Stage::Ordering {
            return;
        }
        shopper.tries = 0;
        let comes_to_pay = self.scenario.shoppers[number].pays != Pays::NotAtAll;
        if comes_to_pay && order.status() == Status::Placed && self.choose(2) == 0 {
            self.shoppers[number].stage = Stage::Paying;
            self.wake(number, 5_000);
        } else {
            self.shoppers[number].stage = Stage::Done;
        }
    }

    fn hear_sold_out(&mut self, number: usize, id: OrderId, since: u32, items: &[UnavailableItem]) {
        let lines = self.scenario.shoppers[number].wish.cart.lines();
        let short = |item: &UnavailableItem| {
            let line = lines.iter().find(|line| line.sku == item.sku);
            line.is_some_and(|line| {
                let wanted = i64::from(line.quantity.get());
                self.seen
                    .was_short(&self.scenario.stock, &line.sku, wanted, since)
            })
        };
        if items.is_empty() || !items.iter().all(short) || self.seen.was_public_at(id, since) {
            self.accuse(Class::Untrue, "told sold out, and it was not");
        }
    }

    fn hear_key_reused(&mut self, number: usize, id: OrderId) {
        let mine = &self.scenario.shoppers[number].wish;
        let mine = domain::Fingerprint::of(
            &mine.cart,
            &mine.customer,
            &mine.shipping_address,
            mine.expected_total,
        );
        let other = |(own, fingerprint): &(OrderId, _)| *own == id && *fingerprint != mine;
        if !self.seen.fingerprints.iter().any(other) {
            self.accuse(Class::Untrue, "told of another wish under the key");
        }
    }
}

/// What a stranger takes for the token of an order: what everybody knows of it.
pub(crate) fn guess(id: OrderId) -> AccessToken {
    an_access_token(id.as_str())
}

/// Whether the order is what was asked for, at the total that was agreed to.
pub(crate) fn is_wished(order: &Order, wish: &PlaceOrder) -> bool {
    let (ordered, wished) = (&order.quote().lines, wish.cart.lines());
    let same_lines = ordered.len() == wished.len()
        && ordered
            .iter()
            .zip(wished)
            .all(|(line, own)| line.sku == own.sku && line.quantity == own.quantity);
    same_lines
        && order.quote().total == wish.expected_total
        && *order.customer() == wish.customer
        && *order.shipping_address() == wish.shipping_address
}
