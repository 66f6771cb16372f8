//! Due work, and what the order tells of itself.

use super::*;

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
