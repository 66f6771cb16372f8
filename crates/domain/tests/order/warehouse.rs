//! What the warehouse takes, rejects or acknowledges illegibly.

use super::*;

#[test]
fn a_rejected_order_gives_money_and_stock_back() {
    let rejected = an_order().paid().rejected_by_warehouse(noon()).expect("paid");
    assert_eq!(rejected.work(), [JobKind::GiveStockBack, JobKind::Refund]);
    let (rejected, stock) = rejected.give_back_step(noon());
    assert_eq!(stock.len(), 1);
    let done = rejected.refunded("pi_1", "re".into(), noon());
    assert_eq!((done.due_at(), done.work()), (None, Vec::new()));
    let told = ["placed", "paid", "rejected", "refund_due", "refunded"];
    assert_eq!(events(&done), told);
    assert!(matches!(done.refunds()[0].state, RefundState::Done { .. }));
}

#[test]
fn a_rejection_is_held_with_a_due_time_of_its_own() {
    let (soon, later) = (noon() + minutes(60), noon() + minutes(24 * 60));
    let held = an_order().paid().hold_rejection(later, noon()).expect("paid");
    assert_eq!(
        (held.status(), held.work()),
        (Status::Paid, vec![JobKind::SettleRejection])
    );
    assert_eq!((held.due_at(), held.needs_human()), (Some(later), true));
    let again = held.clone().hold_rejection(soon, soon).expect("paid");
    assert_eq!(again, held, "the grace does not begin anew");
    let hastened = held.clone().settle_rejection_at(soon, noon()).expect("held");
    assert_eq!(hastened.due_at(), Some(soon));
    let settled = held.settle_rejection(later);
    assert_eq!(settled.work(), [JobKind::GiveStockBack, JobKind::Refund]);
    assert_eq!(settled.clone().settle_rejection(later), settled);
}

#[test]
fn a_second_payment_is_refunded_while_a_rejection_is_held() {
    let held = an_order()
        .paid()
        .hold_rejection(noon() + minutes(60), noon())
        .expect("paid");
    let second = a_payment("pi_2", &held);
    let (owing, _) = held.settle(second, noon() + minutes(1));
    let due = |kind| owing.job(&kind).map(|job| job.due_at);
    assert_eq!(due(JobKind::Refund), Some(noon() + minutes(1)));
    assert_eq!(due(JobKind::SettleRejection), Some(noon() + minutes(60)));
}

/// It knows neither the job nor the issue, and carries both.
#[test]
fn the_release_before_holds_a_rejection_as_well() {
    let held = an_order()
        .paid()
        .hold_rejection(noon() + minutes(60), noon())
        .expect("paid");
    let unknown = JobKind::Unknown("settle_rejection".to_owned());
    let as_before = altered(held.clone(), |order| {
        order.warehouse_issue = None;
        order.jobs[0].kind = unknown.clone();
    });
    let (owing, _) = as_before.settle(a_payment("pi_2", &held), noon() + minutes(1));
    assert_eq!(owing.refunds().len(), 1, "the rejected payment is not given back");
    assert_eq!(
        owing.job(&unknown).map(|job| job.due_at),
        Some(noon() + minutes(60))
    );
    let read_again = altered(owing, |order| {
        order.warehouse_issue = held.warehouse_issue().cloned();
        let kind = |job: &mut Job| job.kind = JobKind::of_name(job.kind.name());
        order.jobs.iter_mut().for_each(kind);
    });
    assert!(read_again.is_rejected());
    let settled = read_again.settle_rejection(noon() + minutes(60));
    assert_eq!(settled.work(), [JobKind::GiveStockBack, JobKind::Refund]);
    assert!(settled.job(&JobKind::Forward).is_none());
}

#[test]
fn what_is_wrong_at_the_warehouse_has_a_stable_name() {
    for name in ["rejected", "unconfirmed", "unheard-of"] {
        assert_eq!(IssueKind::of_name(name).name(), name);
    }
    assert!(is_erp_number("K-4711") && is_erp_number(&"9".repeat(64)));
    for wrong in ["", "K 1", "Kä1", "K\n", &"9".repeat(65)] {
        assert!(!is_erp_number(wrong), "{wrong}");
    }
}

#[test]
fn forwarding_ignores_the_end_of_the_payment_window() {
    let nearly = an_order().paid().reserved_until() - SignedDuration::from_secs(1);
    let later = an_order().paid().retry_later(&JobKind::Forward, nearly);
    assert_eq!(later.due_at(), Some(nearly + SignedDuration::from_secs(30)));
}

#[test]
fn a_queued_order_is_looked_at_again_after_five_minutes() {
    let queued = an_order().paid().queued(noon());
    assert_eq!(queued.due_at(), Some(noon() + minutes(5)));
}

#[test]
fn a_held_rejection_of_what_went_back_owes_nothing() {
    let later = noon() + minutes(60);
    let rejected = an_order().paid().hold_rejection(later, noon()).expect("paid");
    let Reversal::Stopped(before) = given_back(rejected) else {
        panic!("not noted")
    };
    let Reversal::Stopped(stopped) = disputed(an_order().paid()) else {
        panic!("not noted")
    };
    // The warehouse rejects what was on its way to it.
    let after = stopped.hold_rejection(later, noon()).expect("paid");
    for order in [before, after] {
        assert_eq!(order.work(), [JobKind::SettleRejection]);
        let settled = order.settle_rejection(later);
        assert_eq!((settled.status(), settled.due_refund()), (Status::Rejected, None));
        assert_eq!(settled.refunds().len(), 1);
        assert_eq!(settled.work(), [JobKind::GiveStockBack]);
    }
}
