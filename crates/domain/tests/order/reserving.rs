//! Holding stock: in steps, for how long, and giving it back.

use super::*;

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
