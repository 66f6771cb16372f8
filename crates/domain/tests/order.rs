//! An order's life, by its own transitions.

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

#[test]
fn a_small_order_is_placed_in_one_step() {
    let draft = an_order().lines(LINES_PER_STEP).draft();
    let (order, stock) = draft.reserve_step(noon()).expect("a draft");
    assert_eq!((order.status(), order.held()), (Status::Placed, LINES_PER_STEP));
    assert_eq!(stock.len(), LINES_PER_STEP);
    let takes_one = |change: &StockChange| matches!(change, StockChange::Take { pieces: 1, .. });
    assert!(stock.iter().all(takes_one));
}

#[test]
fn a_large_order_is_reserved_and_released_in_steps() {
    let lines = 2 * LINES_PER_STEP + 1;
    let mut order = an_order().lines(lines).draft();
    let mut taken = Vec::new();
    while order.status() == Status::Reserving {
        let (next, stock) = order.reserve_step(noon()).expect("reserving");
        assert!(stock.len() <= LINES_PER_STEP);
        taken.extend(stock.iter().map(|change| change.sku().clone()));
        order = next;
    }
    let all: Vec<_> = order.quote().lines.iter().map(|line| line.sku.clone()).collect();
    assert_eq!((order.held(), &taken), (lines, &all));

    let mut order = order.expire(noon()).expect("placed");
    let mut back = Vec::new();
    while order.work().contains(&JobKind::GiveStockBack) {
        let (next, stock) = order.give_back_step(noon());
        assert!((1..=LINES_PER_STEP).contains(&stock.len()));
        back.extend(stock.iter().map(|change| change.sku().clone()));
        order = next;
    }
    back.sort();
    taken.sort();
    assert_eq!((order.held(), back), (0, taken));
    assert_eq!(order.due_at(), None, "nothing is left to do");
}

#[test]
fn a_live_order_never_gives_its_stock_back() {
    for order in [an_order().placed(), an_order().paid(), an_order().forwarded()] {
        let (same, stock) = order.clone().give_back_step(noon());
        assert_eq!((same, stock), (order, Vec::new()));
    }
}

#[test]
fn a_withdrawn_order_is_removed_once_its_stock_is_back() {
    let builder = an_order().lines(LINES_PER_STEP + 1);
    let (half, _) = builder.draft().reserve_step(noon()).expect("a draft");
    let withdrawn = half.withdraw(noon()).expect("reserving");
    assert_eq!(withdrawn.work(), [JobKind::GiveStockBack]);
    let (empty, _) = withdrawn.give_back_step(noon());
    assert_eq!(empty.work(), [JobKind::Remove]);
}

#[test]
fn a_half_reserved_order_is_withdrawn_after_two_minutes() {
    let draft = an_order().draft();
    assert_eq!(draft.work(), [JobKind::Withdraw]);
    assert_eq!(draft.due_at(), Some(noon() + minutes(2)));
    assert_eq!(draft.reserved_until(), noon() + minutes(10));
    let withdrawn = draft.withdraw(noon()).expect("reserving");
    assert_eq!(events(&withdrawn), [""; 0], "no shopper was told of it");
}

#[test]
fn the_second_life_of_an_id_is_placed_later_than_its_first() {
    let first = noon();
    for (now, placed_at) in [
        (noon() - minutes(60), noon() + SignedDuration::from_millis(1)),
        (noon() + minutes(1), noon() + minutes(1)),
    ] {
        let again = an_order().draft().drafted_anew(first, now);
        assert_eq!(again.placed_at(), placed_at);
    }
}

#[test]
fn the_time_to_pay_begins_when_all_stock_is_reserved() {
    let builder = an_order().lines(LINES_PER_STEP + 1);
    let (half, _) = builder.draft().reserve_step(noon()).expect("a draft");
    let later = noon() + minutes(1);
    let (placed, _) = half.reserve_step(later).expect("reserving");
    assert_eq!(placed.reserved_until(), later + minutes(10));
    assert_eq!(placed.due_at(), Some(later + minutes(5)), "for a first look");
    let left = placed.left_until_window_closes();
    assert_eq!(left.due_at(), Some(later + minutes(10)), "and then at the end");
}

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
fn an_order_of_the_release_before_keeps_its_reservation() {
    let until = noon() + minutes(75);
    let before = altered(an_order().placed(), |parts| parts.reserved_until = until);
    let order = before.attempt_for(noon() + minutes(40)).expect("payable");
    assert_eq!(order.reserved_until(), until);
}

#[test]
fn a_hold_without_a_page_is_released_after_two_minutes() {
    let released = |order: &Order, after| order.may_be_released(noon() + minutes(after));
    let placed = an_order().placed();
    assert!(!released(&placed, 1));
    assert!(released(&placed, 2));
    let failed = an_order()
        .placed()
        .attempt_for(noon() + minutes(1))
        .expect("payable");
    let failed = failed.attempt_failed(noon() + minutes(2));
    assert!(!released(&failed, 2), "two minutes for another try");
    assert!(released(&failed, 3));
    let expired = an_order().placed().expire(noon()).expect("placed");
    for order in [
        an_order().draft(),
        an_order().paying(),
        an_order().paid(),
        expired,
    ] {
        assert!(!released(&order, 60), "{}", order.status().name());
    }
}

#[test]
fn a_hold_yields_to_an_order_of_half_its_pieces() {
    let sku = &an_order().skus()[0];
    let hold = altered(an_order().placed(), |parts| {
        parts.quote.lines[0].quantity = Quantity::new(10).expect("a quantity");
    });
    let half_a_minute = noon() + SignedDuration::from_secs(30);
    let yielded = |order: &Order, pieces, at| -> u32 {
        let wanted = |own: &domain::Sku| (own == sku).then_some(pieces);
        order.yields_to(wanted, at).map(|(_, pieces)| pieces).sum()
    };
    assert_eq!(yielded(&hold, 5, half_a_minute), 10);
    assert_eq!(yielded(&hold, 6, half_a_minute), 0);
    let too_early = half_a_minute - SignedDuration::from_millis(1);
    assert_eq!(yielded(&hold, 1, too_early), 0);
    let paying = hold.attempt_for(noon()).expect("payable");
    assert_eq!(yielded(&paying, 1, half_a_minute), 0);
}

#[test]
fn a_hold_in_steps_begins_with_the_last_of_them() {
    let (half, _) = an_order()
        .lines(LINES_PER_STEP + 1)
        .draft()
        .reserve_step(noon())
        .expect("a draft");
    assert_eq!(half.without_page_since(), None);
    let (placed, _) = half.reserve_step(noon() + minutes(1)).expect("reserving");
    assert_eq!(placed.without_page_since(), Some(noon() + minutes(1)));
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
fn a_refund_is_noted_once() {
    let rejected = an_order().paid().rejected_by_warehouse(noon()).expect("paid");
    let once = rejected.refunded("pi_1", "re".into(), noon());
    assert_eq!(once.clone().refunded("pi_1", "re".into(), noon()), once);
}

#[test]
fn pauses_double_up_to_a_quarter_of_an_hour() {
    let mut order = an_order().paid();
    let pauses: Vec<i64> = (0..8)
        .map(|_| {
            order = order.clone().retry_later(&JobKind::Forward, noon());
            order.due_at().expect("due").as_second() - noon().as_second()
        })
        .collect();
    assert_eq!(pauses, [30, 60, 120, 240, 480, 900, 900, 900]);
}

#[test]
fn asking_the_provider_again_never_misses_the_reservations_end() {
    let mut order = an_order().paying();
    for _ in 0..6 {
        let nearly = order.reserved_until() - minutes(1);
        order = order.retry_later(&JobKind::AskProvider, nearly);
    }
    assert_eq!(order.due_at(), Some(order.reserved_until()));
    let end = order.reserved_until();
    let after = an_order().paying().retry_later(&JobKind::AskProvider, end);
    assert_eq!(after.due_at(), Some(end + SignedDuration::from_secs(30)));
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
fn a_transition_that_the_table_does_not_know_is_refused() {
    let refused = an_order().placed().accepted_by_warehouse("K1".into(), noon());
    let (status, event) = (Status::Placed, Event::AcceptedByWarehouse);
    assert_eq!(refused, Err(Unmoved { status, event }));
    assert!(an_order().paid().cancel(noon()).is_err());
    assert!(an_order().forwarded().rejected_by_warehouse(noon()).is_err());
    assert!(an_order().placed().reserve_step(noon()).is_err());
}

#[test]
fn the_history_tells_what_a_shopper_was_told() {
    let order = an_order().paying();
    let (paid, settlement) = order.clone().settle(a_payment("pi", &order), noon());
    assert_eq!(settlement, Settlement::Paid);
    let done = paid.accepted_by_warehouse("K1".into(), noon()).expect("paid");
    assert_eq!(events(&done), ["placed", "payment_started", "paid", "forwarded"]);
    for entry in done.history() {
        assert_eq!(HistoryEvent::of_name(entry.event.name()), entry.event);
    }
}

#[test]
fn a_failed_try_of_one_kind_moves_no_other() {
    for (failing, other) in [
        (JobKind::Refund, JobKind::Forward),
        (JobKind::Forward, JobKind::Refund),
    ] {
        let before = an_order().paid_twice();
        let mut after = before.clone();
        for _ in 0..20 {
            after = after.retry_later(&failing, noon() + minutes(60));
        }
        assert_eq!(after.job(&other), before.job(&other));
        assert_eq!(after.tries(&failing), 20);
    }
}

#[test]
fn failed_tries_leave_the_first_due_time_as_it_was() {
    let order = an_order().paid_twice();
    let later = order.clone().retry_later(&JobKind::Refund, noon() + minutes(60));
    let job = later.job(&JobKind::Refund).expect("a job");
    assert_eq!(job.overdue(noon() + minutes(90)), minutes(90));
    let queued = order.queued(noon() + minutes(60));
    let job = queued.job(&JobKind::Forward).expect("a job");
    assert_eq!(job.overdue(noon() + minutes(65)), minutes(60));
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
fn an_open_page_is_looked_at_three_times_and_not_more() {
    let mut order = an_order().paying();
    let mut looks = Vec::new();
    while order.due_at().expect("due") < order.reserved_until() {
        let at = order.due_at().expect("due");
        looks.push(at.duration_since(noon()).as_mins());
        order = order.payment_seen_open(at);
    }
    assert_eq!(looks, [5, 15]);
    assert_eq!(order.due_at(), Some(order.reserved_until()));
    assert_eq!(order.tries(&JobKind::AskProvider), 0, "no look failed");
}

#[test]
fn an_order_with_a_job_of_a_newer_release_is_not_removed() {
    let job = Job::new(JobKind::of_name("send_invoice"), noon());
    let draft = altered(an_order().draft(), |parts| parts.jobs.push(job));
    let withdrawn = draft.withdraw(noon()).expect("a draft");
    assert!(withdrawn.job(&JobKind::Remove).is_none());
}

#[test]
fn a_job_of_a_newer_release_survives_every_change() {
    let job = Job::new(JobKind::of_name("send_invoice"), noon());
    let order = altered(an_order().placed(), |parts| parts.jobs.push(job.clone()));
    let order = order.attempt_for(noon()).expect("payable");
    let report = a_payment("pi", &order);
    let (paid, settlement) = order.settle(report, noon());
    assert_eq!(settlement, Settlement::Paid);
    let done = paid.accepted_by_warehouse("K1".into(), noon()).expect("paid");
    assert_eq!(done.jobs(), [job]);
}

#[test]
fn an_order_of_the_release_before_gets_its_jobs() {
    for order in [an_order().paid_twice(), an_order().placed(), an_order().draft()] {
        let due_at = noon() + minutes(7);
        let old = altered(order.clone(), |parts| parts.jobs.clear());
        let read = old.with_jobs_of_one_due_time(Some(due_at), 2);
        let job = |kind| Job {
            tries: 2,
            ..Job::new(kind, due_at)
        };
        let jobs: Vec<_> = order.work().into_iter().map(job).collect();
        assert_eq!(read.jobs(), jobs);
    }
}

#[test]
fn an_order_that_breaks_a_promise_is_not_restored() {
    let mut held = an_order().placed().into_parts();
    held.held += 1;
    assert_eq!(Order::restore(held), Err(InvalidOrder::HeldBeyondLines));
    for order in [an_order().paid(), an_order().forwarded()] {
        let mut unpaid = order.clone().into_parts();
        unpaid.capture = None;
        assert_eq!(Order::restore(unpaid), Err(InvalidOrder::PaidWithoutCapture));
        assert_eq!(Order::restore(order.clone().into_parts()), Ok(order));
    }
}

fn given_back(order: Order) -> Reversal {
    let payment = a_payment("pi_1", &order);
    order.taken_back(payment, TakenBack::Refunded, noon())
}

fn disputed(order: Order) -> Reversal {
    let payment = a_payment("pi_1", &order);
    order.taken_back(payment, TakenBack::Disputed, noon())
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
fn failing_attempts_do_not_grow_the_history() {
    let mut order = an_order().placed();
    for _ in 0..100 {
        order = order.start_attempt(noon()).attempt_failed(noon());
    }
    assert_eq!(order.history().len(), an_order().placed().history().len() + 1);
    assert_eq!(order.payment().map(|attempt| attempt.number), Some(100));
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
