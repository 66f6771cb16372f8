//! The life of an order: one table of states, events and what follows.

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Stock is being reserved in steps; the shopper has no answer yet.
    Reserving,
    /// Stock reserved, payment awaited.
    Placed,
    /// A payment is on its way that confirms in days, as a direct debit does.
    PaymentPending,
    /// Paid; to be forwarded to the warehouse.
    Paid,
    /// Acknowledged by the warehouse.
    Forwarded,
    /// Handed to the carrier.
    Shipped,
    /// Handed to the shopper.
    Delivered,
    /// Not paid in time; its stock goes back.
    Expired,
    /// Given up by the shopper before paying, or its payment failed on its way; its stock goes back.
    Cancelled,
    /// Refused by the warehouse for good; refunded, its stock goes back, a human looks.
    Rejected,
    /// Never placed: not all of its stock could be reserved. Removed once its stock is back.
    Withdrawn,
}

/// What can happen to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The stock of every line is reserved.
    StockReserved,
    /// The stock of a line ran out, or reserving was left half done.
    ReservationFailed,
    /// The provider captured the order's total.
    PaymentCaptured,
    /// The shopper paid by a method that confirms in days.
    PaymentDelayed,
    /// The payment that was on its way did not arrive.
    PaymentFailed,
    /// The reservation ended and the provider holds no payment.
    PaymentWindowClosed,
    /// The shopper gave the order up.
    CancelledByShopper,
    /// The warehouse acknowledged the order.
    AcceptedByWarehouse,
    /// The warehouse refused the order for good.
    RejectedByWarehouse,
    /// The warehouse handed the order to the carrier.
    Dispatched,
    /// The carrier handed the order over.
    HandedOver,
}

/// What follows from an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The order moves on.
    To(Status),
    /// Late or repeated: nothing changes.
    NoOp,
    /// The event cannot be true of such an order, and must not be dropped.
    Contradicts,
}

impl Status {
    /// Every state.
    pub const ALL: [Self; 11] = [
        Self::Reserving,
        Self::Placed,
        Self::PaymentPending,
        Self::Paid,
        Self::Forwarded,
        Self::Shipped,
        Self::Delivered,
        Self::Expired,
        Self::Cancelled,
        Self::Rejected,
        Self::Withdrawn,
    ];

    /// The state's stable name, as stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserving => "reserving",
            Self::Placed => "placed",
            Self::PaymentPending => "payment_pending",
            Self::Paid => "paid",
            Self::Forwarded => "forwarded",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether a shopper was ever told of such an order.
    pub const fn is_public(self) -> bool {
        !matches!(self, Self::Reserving | Self::Withdrawn)
    }

    /// Whether such an order was paid.
    pub(super) const fn was_paid(self) -> bool {
        matches!(
            self,
            Self::Paid | Self::Forwarded | Self::Shipped | Self::Delivered | Self::Rejected
        )
    }

    /// Whether the order's stock goes back on the shelf.
    pub const fn gives_stock_back(self) -> bool {
        matches!(
            self,
            Self::Expired | Self::Cancelled | Self::Rejected | Self::Withdrawn
        )
    }

    /// The one table: what follows from `event` in this state.
    pub const fn on(self, event: Event) -> Step {
        use Event as E;
        use Status as S;
        use Step::{Contradicts, NoOp, To};
        match (self, event) {
            (S::Reserving, E::StockReserved) => To(S::Placed),
            (S::Reserving, E::ReservationFailed) => To(S::Withdrawn),
            (S::Placed, E::PaymentDelayed) => To(S::PaymentPending),
            (S::Placed | S::PaymentPending, E::PaymentCaptured) => To(S::Paid),
            (S::Placed | S::PaymentPending, E::PaymentWindowClosed) => To(S::Expired),
            (S::Placed, E::CancelledByShopper) | (S::Placed | S::PaymentPending, E::PaymentFailed) => {
                To(S::Cancelled)
            }
            (S::Paid, E::AcceptedByWarehouse) => To(S::Forwarded),
            (S::Paid, E::RejectedByWarehouse) => To(S::Rejected),
            (S::Forwarded, E::Dispatched) => To(S::Shipped),
            (S::Shipped, E::HandedOver) => To(S::Delivered),
            // The carrier's word may overtake the warehouse's.
            (S::Forwarded, E::HandedOver) => To(S::Delivered),

            (S::Placed, E::StockReserved)
            | (S::Withdrawn, E::ReservationFailed)
            | (S::Paid | S::Forwarded | S::Shipped | S::Delivered | S::Rejected, E::PaymentCaptured)
            // That it was on its way is told late.
            | (
                S::PaymentPending | S::Paid | S::Forwarded | S::Shipped | S::Delivered | S::Rejected,
                E::PaymentDelayed,
            )
            | (S::Forwarded | S::Shipped | S::Delivered, E::AcceptedByWarehouse)
            | (S::Rejected, E::RejectedByWarehouse)
            | (S::Shipped | S::Delivered, E::Dispatched)
            | (S::Delivered, E::HandedOver)
            // The window of an order that is paid, or has ended, closes without a sound.
            | (
                S::Paid | S::Forwarded | S::Shipped | S::Delivered | S::Expired | S::Cancelled | S::Rejected,
                E::PaymentWindowClosed,
            )
            | (S::Expired | S::Cancelled, E::CancelledByShopper | E::PaymentFailed) => NoOp,

            _ => Contradicts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const EVENTS: [Event; 11] = [
        Event::StockReserved,
        Event::ReservationFailed,
        Event::PaymentCaptured,
        Event::PaymentDelayed,
        Event::PaymentFailed,
        Event::PaymentWindowClosed,
        Event::CancelledByShopper,
        Event::AcceptedByWarehouse,
        Event::RejectedByWarehouse,
        Event::Dispatched,
        Event::HandedOver,
    ];

    /// The whole table, a row a state, a column an event in the order of [`EVENTS`]: `-` no-op, `!` contradiction.
    const TABLE: [(Status, [&str; 11]); 11] = [
        (
            Status::Reserving,
            ["placed", "withdrawn", "!", "!", "!", "!", "!", "!", "!", "!", "!"],
        ),
        (
            Status::Placed,
            [
                "-",
                "!",
                "paid",
                "payment_pending",
                "cancelled",
                "expired",
                "cancelled",
                "!",
                "!",
                "!",
                "!",
            ],
        ),
        (
            Status::PaymentPending,
            [
                "!",
                "!",
                "paid",
                "-",
                "cancelled",
                "expired",
                "!",
                "!",
                "!",
                "!",
                "!",
            ],
        ),
        (
            Status::Paid,
            [
                "!",
                "!",
                "-",
                "-",
                "!",
                "-",
                "!",
                "forwarded",
                "rejected",
                "!",
                "!",
            ],
        ),
        (
            Status::Forwarded,
            [
                "!",
                "!",
                "-",
                "-",
                "!",
                "-",
                "!",
                "-",
                "!",
                "shipped",
                "delivered",
            ],
        ),
        (
            Status::Shipped,
            ["!", "!", "-", "-", "!", "-", "!", "-", "!", "-", "delivered"],
        ),
        (
            Status::Delivered,
            ["!", "!", "-", "-", "!", "-", "!", "-", "!", "-", "-"],
        ),
        (
            Status::Expired,
            ["!", "!", "!", "!", "-", "-", "-", "!", "!", "!", "!"],
        ),
        (
            Status::Cancelled,
            ["!", "!", "!", "!", "-", "-", "-", "!", "!", "!", "!"],
        ),
        (
            Status::Rejected,
            ["!", "!", "-", "-", "!", "-", "!", "!", "-", "!", "!"],
        ),
        (
            Status::Withdrawn,
            ["!", "-", "!", "!", "!", "!", "!", "!", "!", "!", "!"],
        ),
    ];

    #[test]
    fn every_pair_of_state_and_event_is_decided() {
        for (status, row) in TABLE {
            for (event, expected) in EVENTS.into_iter().zip(row) {
                let found = match status.on(event) {
                    Step::To(next) => next.name(),
                    Step::NoOp => "-",
                    Step::Contradicts => "!",
                };
                assert_eq!(found, expected, "{status:?} on {event:?}");
            }
        }
    }

    #[test]
    fn every_state_is_reached_from_the_first() {
        let mut reached = HashSet::from([Status::Reserving]);
        for _ in Status::ALL {
            for status in reached.clone() {
                reached.extend(EVENTS.into_iter().filter_map(|event| match status.on(event) {
                    Step::To(next) => Some(next),
                    _ => None,
                }));
            }
        }
        assert_eq!(reached.len(), Status::ALL.len());
    }

    #[test]
    fn no_event_moves_an_order_twice() {
        for status in Status::ALL {
            for event in EVENTS {
                if let Step::To(next) = status.on(event) {
                    assert_eq!(next.on(event), Step::NoOp, "{event:?} again in {next:?}");
                }
            }
        }
    }

    #[test]
    fn reserving_and_withdrawn_orders_are_not_public() {
        let kept_quiet = Status::ALL.into_iter().filter(|status| !status.is_public());
        assert_eq!(
            kept_quiet.collect::<Vec<_>>(),
            [Status::Reserving, Status::Withdrawn]
        );
    }

    #[test]
    fn a_state_is_found_by_its_name() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.name()), Some(status));
        }
        assert_eq!(Status::parse("unheard-of"), None);
    }
}
