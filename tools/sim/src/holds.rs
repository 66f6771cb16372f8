//! Stock held for orders that nobody has paid: for how long, and for how much.

use domain::{AttemptState, Order, OrderId, Status};
use jiff::SignedDuration;
use testkit::PageState;

use crate::Class;
use crate::world::World;

/// No unpaid order holds stock for longer, from placing.
const LONGEST_HOLD: SignedDuration = SignedDuration::from_mins(45);
/// Where all goes well, an order without a payment page that holds a scarce product is released by then: it is looked at after five minutes.
const RELEASED_BY: i64 = 6 * 60_000;

/// An unpaid order before a write.
pub(crate) struct Hold {
    /// The name of its payment page; `None` where it has none.
    page: Option<String>,
}

impl Hold {
    fn of(order: &Order) -> Option<Self> {
        let page = order.payment().and_then(|attempt| match &attempt.state {
            AttemptState::Open { session_id } => Some(session_id.clone()),
            AttemptState::Opening | AttemptState::Failed => None,
        });
        (order.status() == Status::Placed).then_some(Self { page })
    }
}

impl World<'_> {
    pub(crate) fn hold(&self, id: OrderId) -> Option<Hold> {
        self.store.peek(id, Hold::of).flatten()
    }

    /// After each write: no order holds stock for too long, is over a product's limit, or has expired while its page can be paid.
    pub(crate) fn judge_hold(&mut self, id: OrderId, before: Option<Hold>) {
        let products = &self.scenario.products;
        let over_limit = |order: &Order| {
            let mut lines = order.quote().lines.iter();
            lines.any(|line| line.quantity > products[&line.sku].max_per_order)
        };
        let too_long = |order: &Order| {
            order.status() == Status::Placed && order.reserved_until() > order.placed_at() + LONGEST_HOLD
        };
        if self.store.peek(id, over_limit) == Some(true) {
            self.accuse(Class::Unexpected, "an order takes more of a product than it may");
        }
        if self.store.peek(id, too_long) == Some(true) {
            self.accuse(
                Class::Unfinished,
                "an unpaid order holds stock for over 45 minutes",
            );
        }
        let expired_at = |order: &Order| (order.status() == Status::Expired).then(|| order.placed_at());
        let (Some(before), Some(placed_at)) = (before, self.store.peek(id, expired_at).flatten()) else {
            return;
        };
        self.set_clocks();
        let page = before
            .page
            .and_then(|page| self.provider.state().by_session(&page));
        if let Some(page) = page {
            if self.provider.state().expire(page) == PageState::Open {
                self.accuse(Class::Unexpected, "expired while its payment page was open");
            }
        } else if self.scenario.releases
            && self.choices.taken().is_empty()
            && self.now > placed_at.as_millisecond() + RELEASED_BY
        {
            self.accuse(
                Class::Unfinished,
                "a scarce product was held for long without a payment page",
            );
        }
    }
}
