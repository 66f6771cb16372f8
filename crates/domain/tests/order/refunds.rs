//! Money that goes back, by the shop and without it.

use super::*;

#[test]
fn a_second_payment_is_given_back() {
    for order in [an_order().paid(), an_order().forwarded()] {
        let second = a_payment("pi_2", &order);
        let (owing, settlement) = order.clone().settle(second.clone(), noon());
        assert_eq!(settlement, Settlement::RefundDue);
        assert_eq!(owing.due_refund().expect("a refund").payment_id, "pi_2");
        assert_eq!(owing.status(), order.status(), "the order goes on");
        assert_eq!(owing.due_at(), Some(noon()), "money is given back at once");
        assert_eq!(owing.clone().settle(second, noon()), (owing, Settlement::Known));
    }
}

#[test]
fn money_for_an_ended_order_is_given_back() {
    let placed = an_order().placed();
    let expired = placed.clone().expire(noon()).expect("placed");
    let (expired, _) = expired.give_back_step(noon());
    let cancelled = placed.cancel(noon()).expect("placed");
    for order in [expired, cancelled] {
        let (owing, settlement) = order.clone().settle(a_payment("pi", &order), noon());
        assert_eq!(settlement, Settlement::RefundDue);
        assert_eq!(owing.status(), order.status());
        let back = owing.refunded("pi", "re".into(), noon());
        assert_eq!(back.total_refunded(), back.quote().total);
        assert_eq!(back.due_refund(), None);
    }
}

#[test]
fn a_second_wrong_payment_is_refunded_and_the_first_still_waits() {
    let placed = an_order().placed();
    let report = |payment_id: &str, cents| ReportedPayment {
        payment_id: payment_id.into(),
        amount: eur(cents),
    };
    let (parked, settlement) = placed.settle(report("pi_1", 1), noon());
    assert_eq!(settlement, Settlement::Parked);
    let (owing, settlement) = parked.clone().settle(report("pi_2", 2), noon());
    assert_eq!(settlement, Settlement::RefundDue);
    assert_eq!(owing.parked(), parked.parked());
    assert_eq!(owing.due_refund().map(|refund| refund.amount), Some(eur(2)));
    for known in [report("pi_1", 1), report("pi_2", 2)] {
        let again = owing.clone().settle(known, noon());
        assert_eq!(again, (owing.clone(), Settlement::Known));
    }
}

#[test]
fn a_refund_is_noted_once() {
    let rejected = an_order().paid().rejected_by_warehouse(noon()).expect("paid");
    let once = rejected.refunded("pi_1", "re".into(), noon());
    assert_eq!(once.clone().refunded("pi_1", "re".into(), noon()), once);
}

#[test]
fn a_refund_that_is_refused_for_good_waits_for_a_human() {
    let owing = an_order().paid_twice();
    let parked = owing.refund_refused("pi_2", "closed account".into(), noon());
    assert!(parked.needs_human());
    assert_eq!(parked.work(), [JobKind::Forward], "the order goes on");
    assert_eq!(parked.total_refunded(), eur(0));
    let same = a_payment("pi_2", &parked);
    assert_eq!(parked.clone().settle(same, noon()), (parked, Settlement::Known));
}

#[test]
fn a_payment_that_went_back_keeps_a_paid_order_here() {
    for reversal in [given_back(an_order().paid()), disputed(an_order().paid())] {
        let Reversal::Stopped(stopped) = reversal else {
            panic!("{reversal:?}")
        };
        assert_eq!((stopped.status(), stopped.work()), (Status::Paid, Vec::new()));
        assert!(stopped.is_taken_back() && stopped.needs_human());
        assert_eq!(stopped.held(), stopped.quote().lines.len());
        assert!(matches!(disputed(stopped), Reversal::Known(_)));
    }
}

#[test]
fn a_payment_that_went_back_too_late_is_noted() {
    let Reversal::TooLate(back) = given_back(an_order().forwarded()) else {
        panic!("not noted")
    };
    assert_eq!(events(&back).last(), Some(&"refunded"));
    assert_eq!(back.total_refunded(), back.quote().total);
    let Reversal::TooLate(claimed) = disputed(an_order().forwarded()) else {
        panic!("not noted")
    };
    assert!(claimed.needs_human());
    assert_eq!(events(&claimed).last(), Some(&"disputed"));
}

#[test]
fn what_the_provider_tells_of_our_own_refund_is_known() {
    let owing = an_order().paid().rejected_by_warehouse(noon()).expect("paid");
    let Reversal::Known(owing) = given_back(owing) else {
        panic!("taken for another one")
    };
    let done = owing.refunded("pi_1", "re_1".into(), noon());
    assert!(matches!(given_back(done), Reversal::Known(_)));
}

#[test]
fn a_human_gives_back_what_the_provider_refused() {
    let owing = an_order().paid().rejected_by_warehouse(noon()).expect("paid");
    let refused = owing.refund_refused("pi_1", "charge_disputed".into(), noon());
    let Reversal::Noted(done) = given_back(refused) else {
        panic!("not noted")
    };
    assert!(matches!(done.refunds()[0].state, RefundState::Done { .. }));
    assert!(!done.needs_human());
}

/// A refund of the shop's own that failed after it was made.
fn failed(order: Order, refund_id: &str) -> Reversal {
    let payment = a_payment("pi_1", &order);
    let how = TakenBack::RefundFailed {
        refund_id: refund_id.to_owned(),
        reason: "expired_or_canceled_card".to_owned(),
    };
    order.taken_back(payment, how, noon())
}

#[test]
fn a_refund_that_fails_after_all_waits_for_a_human() {
    let owing = an_order().paid().rejected_by_warehouse(noon()).expect("paid");
    assert!(matches!(failed(owing.clone(), "re_1"), Reversal::TooEarly));
    let done = owing.refunded("pi_1", "re_1".into(), noon());
    assert!(matches!(failed(done.clone(), "re_2"), Reversal::Known(_)));
    let Reversal::Noted(failed_once) = failed(done, "re_1") else {
        panic!("not noted")
    };
    assert!(failed_once.needs_human());
    assert_eq!(failed_once.due_refund(), None);
    // Late news of the refund that failed is none of another one; nor is its failure, once more.
    assert!(matches!(given_back(failed_once.clone()), Reversal::Known(_)));
    assert!(matches!(failed(failed_once, "re_1"), Reversal::Known(_)));
}

#[test]
fn an_order_whose_payment_went_back_can_be_given_up() {
    let Reversal::Stopped(stopped) = given_back(an_order().paid()) else {
        panic!("not stopped")
    };
    let given_up = stopped
        .settle_rejection_at(noon(), noon())
        .expect("a human is asked");
    assert!(
        given_up.clone().retry_rejected(noon()).is_err(),
        "its payment went back"
    );
    let settled = given_up.settle_rejection(noon());
    assert_eq!((settled.status(), settled.due_refund()), (Status::Rejected, None));
    assert_eq!(settled.work(), [JobKind::GiveStockBack]);
    let settled_at = an_order().paid().settle_rejection_at(noon(), noon());
    assert!(settled_at.is_err(), "it is on its way to the warehouse");
}

#[test]
fn of_several_refunds_each_has_its_turn() {
    let twice = an_order().paid_twice();
    let both = twice.rejected_by_warehouse(noon()).expect("paid");
    let first = both.due_refund().expect("owed").payment_id.clone();
    let failed = both.retry_later(&JobKind::Refund, noon());
    let second = failed.due_refund().expect("owed").payment_id.clone();
    assert_ne!(first, second);
    let done = failed.refunded(&second, "re_2".into(), noon());
    assert_eq!(done.due_refund().expect("owed").payment_id, first);
}

#[test]
fn what_went_back_is_not_refunded_for_the_release_before() {
    let Reversal::Stopped(stopped) = given_back(an_order().paid()) else {
        panic!("not stopped")
    };
    let owed_again = altered(stopped, |parts| {
        let mut refund = parts.refunds[0].clone();
        refund.reason = RefundReason::RejectedByWarehouse;
        refund.state = RefundState::Due;
        parts.refunds.push(refund);
    });
    assert_eq!(owed_again.due_refund(), None);
}

#[test]
fn money_back_before_its_payment_is_reported_stops_the_order() {
    let Reversal::Noted(placed) = given_back(an_order().placed().start_attempt(noon())) else {
        panic!("not noted")
    };
    let report = a_payment("pi_1", &placed);
    let (paid, Settlement::Paid) = placed.clone().settle(report.clone(), noon()) else {
        panic!("not paid")
    };
    assert!(paid.needs_human() && paid.work().is_empty());
    assert!(matches!(
        paid.settle(report.clone(), noon()),
        (_, Settlement::Known)
    ));
    // Nothing is owed for it where the order has ended.
    let expired = placed.expire(noon()).expect("placed");
    assert!(matches!(expired.settle(report, noon()), (_, Settlement::Known)));
}

#[test]
fn what_went_back_is_not_owed_once_more_by_a_rejection() {
    let Reversal::Stopped(stopped) = given_back(an_order().paid()) else {
        panic!("not stopped")
    };
    let rejected = stopped.rejected_by_warehouse(noon()).expect("paid");
    assert_eq!((rejected.refunds().len(), rejected.due_refund()), (1, None));
}
