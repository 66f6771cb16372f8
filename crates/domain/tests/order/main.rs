//! An order's life, by its own transitions.

mod delayed;
mod jobs;
mod paying;
mod refunds;
mod reserving;
mod warehouse;

use domain::{
    AttemptState, DelayedPayment, Event, HistoryEvent, InvalidOrder, IssueKind, Job, JobKind, LINES_PER_STEP,
    Order, PaymentRefused, Quantity, RefundReason, RefundState, ReportedPayment, Reversal, Settlement,
    Status, StockChange, TakenBack, Unmoved, is_erp_number,
};
use jiff::SignedDuration;
use testkit::{a_payment, altered, an_order, eur, noon};

fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

fn events(order: &Order) -> Vec<&str> {
    order.history().iter().map(|entry| entry.event.name()).collect()
}

fn given_back(order: Order) -> Reversal {
    let payment = a_payment("pi_1", &order);
    order.taken_back(payment, TakenBack::Refunded, noon())
}

fn disputed(order: Order) -> Reversal {
    let payment = a_payment("pi_1", &order);
    order.taken_back(payment, TakenBack::Disputed, noon())
}
