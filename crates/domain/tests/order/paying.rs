//! Attempts to pay, and what a payment means.

use super::*;

#[test]
fn a_payment_page_never_outlives_the_reservation() {
    for started in [0, 9, 14] {
        let now = noon() + minutes(started);
        let order = an_order().placed().attempt_for(now).expect("payable");
        let attempt = order.payment().expect("an attempt");
        assert_eq!(attempt.expires_at, order.reserved_until());
        assert!(attempt.expires_at >= now + minutes(30), "as the provider wants");
        assert!(attempt.expires_at <= noon() + minutes(45));
    }
    let late = an_order().placed().attempt_for(noon() + minutes(15));
    assert_eq!(late, Err(PaymentRefused::ReservationEnding));
}

#[test]
fn a_failed_attempt_holds_stock_as_one_never_made() {
    for (failed, until, due) in [(0, 10, 5), (5, 10, 10), (12, 14, 14)] {
        let at = noon() + minutes(failed);
        let order = an_order().placed().attempt_for(at).expect("payable");
        let order = order.attempt_failed(at);
        assert_eq!(order.reserved_until(), noon() + minutes(until));
        assert_eq!(order.due_at(), Some(noon() + minutes(due)));
        let opened = order.attempt_opened("cs".to_owned());
        assert_eq!(
            opened.reserved_until(),
            at + minutes(31),
            "it had opened all the same"
        );
    }
}

#[test]
fn the_same_attempt_goes_on_until_it_has_failed() {
    let now = noon();
    let opening = an_order().placed().attempt_for(now).expect("payable");
    assert_eq!(opening.clone().attempt_for(now + minutes(1)), Ok(opening.clone()));
    let session_id = "cs".to_owned();
    let open = opening.clone().attempt_opened(session_id.clone());
    assert_eq!(open.clone().attempt_for(now + minutes(1)), Ok(open.clone()));
    let attempt = open.payment().expect("an attempt");
    assert_eq!(attempt.state, AttemptState::Open { session_id });
    let again = opening.attempt_failed(now).attempt_for(now + minutes(1));
    let again = again.expect("payable");
    assert_eq!(again.payment().map(|attempt| attempt.number), Some(2));
}

#[test]
fn an_open_page_is_asked_for_and_then_the_window_closes() {
    let opening = an_order().paying();
    assert_eq!(opening.work(), [JobKind::AskProvider]);
    assert_eq!(opening.due_at(), Some(noon() + minutes(5)), "at the first look");
    let failed = opening.attempt_failed(noon());
    assert_eq!(failed.work(), [JobKind::CloseWindow]);
    assert_eq!(failed.due_at(), Some(noon() + minutes(5)));
}

#[test]
fn a_page_opened_late_is_asked_for_two_minutes_later() {
    for (started, asked) in [(0, 5), (3, 5), (4, 6), (14, 16)] {
        let order = an_order().placed().attempt_for(noon() + minutes(started));
        assert_eq!(order.expect("payable").due_at(), Some(noon() + minutes(asked)));
    }
}

#[test]
fn a_page_that_has_ended_is_for_the_provider_to_judge() {
    let order = an_order().paying();
    let end = order.reserved_until();
    assert_eq!(order.attempt_for(end), Err(PaymentRefused::PageEnded));
}

#[test]
fn starting_to_pay_again_does_not_hold_stock_for_ever() {
    let mut order = an_order().placed();
    let mut now = noon();
    while let Ok(started) = order.clone().attempt_for(now) {
        order = started.attempt_failed(now);
        let since = order.without_page_since().expect("no page");
        assert!(since + minutes(2) < noon() + minutes(45), "kept since {since}");
        now = order.reserved_until() - minutes(1);
        assert!(now < noon() + minutes(45), "still held at {now}");
    }
}

#[test]
fn an_order_that_is_paid_or_has_ended_is_not_payable() {
    let expired = an_order().placed().expire(noon()).expect("placed");
    for order in [an_order().paid(), an_order().forwarded(), expired] {
        let status = order.status();
        assert_eq!(order.attempt_for(noon()), Err(PaymentRefused::NotPayable(status)));
    }
}

#[test]
fn the_agreed_amount_pays_the_order_and_makes_it_due() {
    let placed = an_order().placed();
    let (paid, settlement) = placed.clone().settle(a_payment("pi", &placed), noon());
    assert_eq!(settlement, Settlement::Paid);
    assert_eq!(paid.work(), [JobKind::Forward]);
    assert_eq!(paid.due_at(), Some(noon() + minutes(5)));
    assert_eq!(events(&paid), ["placed", "paid"]);
}

#[test]
fn the_same_payment_again_changes_nothing() {
    for order in [
        an_order().paid(),
        an_order().forwarded(),
        an_order().paid().rejected_by_warehouse(noon()).expect("paid"),
    ] {
        let same = a_payment("pi_1", &order);
        assert_eq!(order.clone().settle(same, noon()), (order, Settlement::Known));
    }
}

#[test]
fn another_amount_or_currency_never_pays_and_waits_for_a_human() {
    let placed = an_order().placed();
    let less = eur(placed.quote().total.minor() - 1);
    let pounds = domain::Money::new(placed.quote().total.minor(), domain::Currency::Gbp);
    for amount in [less, pounds] {
        let payment_id = "pi".to_owned();
        let report = ReportedPayment { payment_id, amount };
        let (parked, settlement) = placed.clone().settle(report.clone(), noon());
        assert_eq!(settlement, Settlement::Parked);
        assert_eq!((parked.status(), parked.due_at()), (Status::Placed, None));
        assert!(parked.clone().attempt_for(noon()).is_err(), "paid again by hand");
        assert_eq!(parked.clone().settle(report, noon()), (parked, Settlement::Known));
    }
}

#[test]
fn failing_attempts_do_not_grow_the_history() {
    let mut order = an_order().placed();
    for _ in 0..100 {
        order = order.start_attempt(noon()).attempt_failed(noon());
    }
    assert_eq!(order.history().len(), an_order().placed().history().len() + 1);
    assert_eq!(order.payment().map(|attempt| attempt.number), Some(100));
}
