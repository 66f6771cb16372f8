//! Payments that confirm in days.

use super::*;

/// A payment on its way by the first attempt of an order.
fn on_its_way(order: &Order) -> DelayedPayment {
    DelayedPayment {
        attempt: 1,
        session_id: "cs_1".into(),
        payment: a_payment("pi_1", order),
        was_offered: true,
    }
}

#[test]
fn stock_is_held_three_weeks_for_a_payment_on_its_way() {
    let paying = an_order().paying();
    let (pending, settlement) = paying.clone().payment_delayed(on_its_way(&paying), noon());
    assert_eq!(
        (pending.status(), settlement),
        (Status::PaymentPending, Settlement::Pending)
    );
    assert_eq!(pending.reserved_until(), noon() + minutes(21 * 24 * 60));
    assert_eq!(pending.held(), 1);
    let refused = PaymentRefused::NotPayable(Status::PaymentPending);
    assert_eq!(pending.clone().attempt_for(noon()), Err(refused));
    assert!(pending.clone().cancel(noon()).is_err(), "the money is on its way");
    let again = pending.clone().payment_delayed(on_its_way(&paying), noon());
    assert_eq!(again, (pending.clone(), Settlement::Known));

    let mut asked = pending.clone();
    let mut looks = 0;
    while asked.due_at().expect("due") < asked.reserved_until() {
        let at = asked.due_at().expect("due");
        (asked, looks) = (asked.payment_seen_open(at), looks + 1);
    }
    assert_eq!((looks, asked.due_at()), (9, Some(pending.reserved_until())));

    let (paid, settlement) = pending.settle(a_payment("pi_1", &paying), noon());
    assert_eq!(settlement, Settlement::Paid);
    assert_eq!(
        events(&paid),
        ["placed", "payment_started", "payment_pending", "paid"]
    );
    let late = paid.clone().payment_delayed(on_its_way(&paying), noon());
    assert_eq!(late, (paid, Settlement::Known), "told after it arrived");
}

#[test]
fn a_payment_that_fails_on_its_way_cancels_its_order_once() {
    let paying = an_order().paying();
    let failed = || on_its_way(&paying);
    let (pending, _) = paying.clone().payment_delayed(failed(), noon());
    // That it failed may be told before that it was on its way.
    for waiting in [pending, paying.clone()] {
        let (cancelled, settlement) = waiting.payment_failed(failed(), noon());
        assert_eq!(
            (cancelled.status(), settlement),
            (Status::Cancelled, Settlement::Cancelled)
        );
        assert_eq!(cancelled.work(), [JobKind::GiveStockBack]);
        assert!(events(&cancelled).ends_with(&["payment_failed", "cancelled"]));
        for known in [
            cancelled.clone().payment_failed(failed(), noon()),
            cancelled.clone().payment_delayed(failed(), noon()),
        ] {
            assert_eq!(known, (cancelled.clone(), Settlement::Known));
        }
        let (owing, settlement) = cancelled.settle(a_payment("pi_1", &paying), noon());
        assert_eq!(settlement, Settlement::RefundDue, "it came all the same");
        assert_eq!(
            owing.due_refund().map(|refund| &refund.reason),
            Some(&RefundReason::OrderEnded)
        );
    }
}

#[test]
fn a_failed_payment_of_an_earlier_attempt_ends_nothing() {
    let second = an_order().paying().attempt_failed(noon()).start_attempt(noon());
    let failed = on_its_way(&second);
    assert_eq!(
        second.clone().payment_failed(failed, noon()),
        (second, Settlement::Known)
    );
}

#[test]
fn a_delay_that_nobody_offered_waits_for_a_human_or_its_end() {
    let paying = an_order().paying();
    let delayed = || DelayedPayment {
        was_offered: false,
        ..on_its_way(&paying)
    };
    let (parked, settlement) = paying.clone().payment_delayed(delayed(), noon());
    assert_eq!(settlement, Settlement::Parked);
    assert!(parked.needs_human() && parked.work().is_empty());
    let known = parked.clone().payment_delayed(delayed(), noon());
    assert_eq!(known, (parked.clone(), Settlement::Known));

    let (paid, settlement) = parked.clone().settle(a_payment("pi_1", &paying), noon());
    assert_eq!((paid.status(), settlement), (Status::Paid, Settlement::Paid));
    assert!(!paid.needs_human());
    let (cancelled, settlement) = parked.clone().payment_failed(delayed(), noon());
    assert_eq!(
        (cancelled.status(), settlement),
        (Status::Cancelled, Settlement::Cancelled)
    );
    assert!(!cancelled.needs_human());

    let (other, _) = parked.settle(a_payment("pi_2", &paying), noon());
    assert!(
        other.status() == Status::Paid && other.needs_human(),
        "a second one may come"
    );
    let (alone, settlement) = other.payment_failed(delayed(), noon());
    assert_eq!((alone.status(), settlement), (Status::Paid, Settlement::Resumed));
    assert!(!alone.needs_human());
}

#[test]
fn a_payment_that_fails_after_it_was_told_of_stops_the_order() {
    let paid = an_order().paid();
    let failed = on_its_way(&paid);
    let (stopped, settlement) = paid.payment_failed(failed.clone(), noon());
    assert_eq!(settlement, Settlement::Parked);
    assert!(stopped.needs_human() && stopped.work().is_empty());
    let again = stopped.clone().payment_failed(failed, noon());
    assert_eq!(again, (stopped, Settlement::Known));
}
