//! What every implementation of a port must do, as tests that run on the fakes and on the real adapters alike.

use std::future::Future;

use app::ports::{Catalogue, Circuits, Committed, Orders, Stock};
use domain::{
    AccessToken, Circuit, Currency, DueIndex, HistoryEntry, HistoryEvent, Job, JobKind, LINES_PER_STEP,
    Money, Order, OrderId, Parked, ParkedReason, Product, ReportedPayment, Reversal, Settlement, Sku,
    StockChange, TakenBack,
};
use jiff::SignedDuration;

use crate::{MemoryStore, a_product, altered, an_order, eur, noon};

/// Fills the store that a contract is tried on.
pub trait Stocking: Sync {
    /// Stores a product.
    fn stock_product(&self, product: Product) -> impl Future<Output = ()> + Send;
    /// Sets what is left of a SKU.
    fn stock_pieces(&self, sku: &Sku, pieces: u32) -> impl Future<Output = ()> + Send;
}

impl Stocking for MemoryStore {
    async fn stock_product(&self, product: Product) {
        self.put_product(product);
    }

    async fn stock_pieces(&self, sku: &Sku, pieces: u32) {
        self.set_stock(sku, pieces);
    }
}

/// The contract of [`Orders`], on an empty store.
pub async fn orders(store: &(impl Orders + Stock), shelf: &impl Stocking) {
    a_stored_order_reads_back_in_every_state(store).await;
    a_write_needs_the_version_that_was_read(store).await;
    a_write_that_was_done_before_is_done_and_no_conflict(store, shelf).await;
    stock_is_taken_all_or_nothing(store, shelf).await;
    a_conflict_comes_before_a_shortage(store, shelf).await;
    a_removed_order_is_gone_and_its_second_life_is_another(store).await;
    only_due_orders_are_listed_the_longest_due_first(store).await;
    an_order_that_is_due_twice_is_listed_in_both_indexes(store).await;
    what_a_newer_release_wrote_reads_back(store).await;
    the_largest_step_fits(store, shelf).await;
}

/// The contract of [`Catalogue`] and [`Stock`], on an empty store.
pub async fn catalogue(store: &(impl Catalogue + Stock), shelf: &impl Stocking) {
    let skus: Vec<Sku> = (0..130).map(|n| crate::a_sku(&format!("P{n:03}"))).collect();
    for (n, sku) in (0_i64..).zip(&skus) {
        shelf.stock_product(a_product(sku.as_str(), 100 + n)).await;
        shelf.stock_pieces(sku, u32::try_from(n).expect("small")).await;
    }
    let first = store.page(None, 100).await.expect("a page");
    assert_eq!((first.products.len(), first.more), (100, true));
    let rest = store.page(Some(&skus[99]), 30).await.expect("a page");
    assert_eq!(
        (rest.products.len(), rest.more),
        (30, false),
        "no more after the exact end"
    );
    let listed = first.products.into_iter().chain(rest.products);
    let listed: Vec<Sku> = listed.map(|product| product.sku).collect();
    assert_eq!(listed, skus, "in the order of the SKUs");
    assert_eq!(store.all().await.expect("all").len(), 130);

    let mut wanted = skus.clone();
    wanted.push(crate::a_sku("UNKNOWN"));
    let found = store.products(&wanted).await.expect("products");
    assert_eq!(found.len(), 130, "more than one batch, the unknown left out");
    assert_eq!(found[&skus[7]], a_product("P007", 107));
    let levels = store.levels(&wanted).await.expect("levels");
    assert_eq!((levels.len(), levels[&skus[42]]), (130, 42));
    assert_eq!(store.all_levels().await.expect("all levels"), levels);
}

/// One of each state, and with everything that an order may have.
fn orders_of_every_kind() -> Vec<Order> {
    let builder = an_order().lines(2);
    let now = noon();
    let start = |key: &str| builder.clone().under(key).placed().start_attempt(now);
    let rejected = |key: &str| {
        let paid = builder.clone().under(key).paid();
        paid.rejected_by_warehouse(now).expect("paid")
    };
    let expired = builder.clone().under("expired").placed();
    let refunded = rejected("refunded");
    let payment_id = refunded.due_refund().expect("a refund").payment_id.clone();
    let reason = ParkedReason::AmountDiffers {
        payment_id: payment_id.clone(),
        captured: eur(1),
    };
    let with_token = |key: &str, token| {
        altered(builder.clone().under(key).placed(), |parts| {
            parts.access_token = token;
        })
    };
    let yen = Money::new(1_490, Currency::of_payment("JPY"));
    let in_yen = |payment_id: &str| ReportedPayment {
        payment_id: payment_id.to_owned(),
        amount: yen,
    };
    let settled = |order: Order, report| match order.settle(report, now) {
        (order, Settlement::Parked | Settlement::RefundDue) => order,
        other => panic!("{other:?}"),
    };
    let parked_in_yen = settled(builder.clone().under("yen").placed(), in_yen("pi_1"));
    let taken_back = |key: &str, how| {
        let paid = builder.clone().under(key).paid();
        let payment = ReportedPayment {
            payment_id: "pi_1".to_owned(),
            amount: paid.quote().total,
        };
        match paid.taken_back(payment, how, now) {
            Reversal::Stopped(order) => order,
            other => panic!("{other:?}"),
        }
    };
    vec![
        settled(parked_in_yen.clone(), in_yen("pi_2")),
        taken_back("given back", TakenBack::Refunded),
        taken_back("disputed", TakenBack::Disputed),
        builder.clone().under("draft").draft(),
        builder.clone().under("placed").placed(),
        start("started"),
        start("failed").attempt_failed(now),
        builder.clone().under("pending").pending(),
        altered(builder.clone().under("delay not offered").paying(), |parts| {
            let (payment_id, amount) = ("pi_1".to_owned(), eur(1));
            let reason = ParkedReason::Delayed { payment_id, amount };
            parts.parked = Some(Parked { at: now, reason });
        }),
        builder.clone().under("paid").paid(),
        builder.clone().under("forwarded").forwarded(),
        expired.expire(now).expect("placed"),
        rejected("rejected"),
        refunded.refunded(&payment_id, "re_1".to_owned(), now),
        rejected("refused for good").refund_refused("pi_1", "closed account".to_owned(), now),
        altered(builder.clone().under("parked").placed(), |parts| {
            parts.parked = Some(Parked { at: now, reason });
        }),
        with_token("untold", None),
        with_token("derived", AccessToken::from_bytes(&[255; 32]).ok()),
    ]
}

async fn a_stored_order_reads_back_in_every_state(store: &impl Orders) {
    for order in orders_of_every_kind() {
        let stored = stored(store, order.clone()).await;
        assert_eq!(stored, order.next_version());
        assert_eq!(get(store, stored.id()).await, Some(stored));
    }
    assert_eq!(get(store, OrderId::for_key("never")).await, None);
}

async fn a_write_needs_the_version_that_was_read(store: &impl Orders) {
    let stored = stored(store, an_order().under("versions").placed()).await;
    let paid = an_order().under("versions").paid();
    let winner = altered(paid, |parts| parts.version = stored.version());
    done(store, winner.clone(), Vec::new()).await;
    let late = stored.clone().expire(noon()).expect("placed");
    let current = refused(store, late, Vec::new()).await;
    assert_eq!(current.status(), domain::Status::Paid);
    let other = an_order().under("versions").draft();
    refused(store, other, Vec::new()).await;
    let missing = altered(an_order().under("not there").placed(), |parts| parts.version = 3);
    assert_eq!(
        store.commit(missing, Vec::new()).await.expect("a commit"),
        Committed::Conflict(None)
    );
}

async fn a_write_that_was_done_before_is_done_and_no_conflict(
    store: &(impl Orders + Stock),
    shelf: &impl Stocking,
) {
    let builder = an_order().under("twice").lines(1);
    let sku = builder.skus().remove(0);
    shelf.stock_pieces(&sku, 5).await;
    let (order, stock) = builder.draft().reserve_step(noon()).expect("a draft");
    for _ in 0..2 {
        let stored = done(store, order.clone(), stock.clone()).await;
        assert_eq!(stored, order.clone().next_version());
    }
    assert_eq!(level(store, &sku).await, 4, "taken once");
    let placed = stored_now(store, &order).await;
    let expired = placed.expire(noon()).expect("placed");
    for _ in 0..2 {
        done(store, expired.clone(), Vec::new()).await;
    }
}

async fn stock_is_taken_all_or_nothing(store: &(impl Orders + Stock), shelf: &impl Stocking) {
    let builder = an_order().under("short").lines(3);
    let skus = builder.skus();
    for (sku, pieces) in skus.iter().zip([5, 0, 0]) {
        shelf.stock_pieces(sku, pieces).await;
    }
    let (order, stock) = builder.draft().reserve_step(noon()).expect("a draft");
    let Ok(Committed::OutOfStock(short)) = store.commit(order.clone(), stock.clone()).await else {
        panic!("oversold")
    };
    let named: Vec<_> = short.iter().map(|s| (s.sku.clone(), s.available)).collect();
    assert_eq!(
        named,
        [(skus[1].clone(), 0), (skus[2].clone(), 0)],
        "every short SKU is named"
    );
    assert_eq!(level(store, &skus[0]).await, 5, "nothing was taken");
    assert_eq!(get(store, order.id()).await, None, "nothing was stored");

    for sku in &skus {
        shelf.stock_pieces(sku, 1).await;
    }
    done(store, order.clone(), stock).await;
    let ended = stored_now(store, &order).await.expire(noon()).expect("placed");
    let (ended, back) = ended.give_back_step(noon());
    done(store, ended, back).await;
    for sku in &skus {
        assert_eq!(level(store, sku).await, 1, "all is back");
    }
}

async fn a_conflict_comes_before_a_shortage(store: &(impl Orders + Stock), shelf: &impl Stocking) {
    let builder = an_order().under("conflict first").lines(1);
    stored(store, builder.placed()).await;
    shelf.stock_pieces(&builder.skus()[0], 0).await;
    let (order, stock) = builder
        .at(noon() + SignedDuration::from_secs(1))
        .draft()
        .reserve_step(noon())
        .expect("a draft");
    refused(store, order, stock).await;
}

async fn a_removed_order_is_gone_and_its_second_life_is_another(store: &impl Orders) {
    let first = stored(store, an_order().under("lives").draft()).await;
    store
        .remove(&altered(first.clone(), |parts| parts.version = 7))
        .await
        .expect("a no-op");
    assert!(
        get(store, first.id()).await.is_some(),
        "another version is not removed"
    );
    store.remove(&first).await.expect("removed");
    assert_eq!(get(store, first.id()).await, None);
    let later = noon() + SignedDuration::from_mins(1);
    let second = stored(store, an_order().under("lives").at(later).draft()).await;
    let stale = first.withdraw(noon()).expect("reserving");
    refused(store, stale.clone(), Vec::new()).await;
    store.remove(&stale).await.expect("a no-op");
    assert_eq!(get(store, second.id()).await, Some(second));
}

async fn only_due_orders_are_listed_the_longest_due_first(store: &impl Orders) {
    let now = noon() + SignedDuration::from_hours(1_000);
    let builder = an_order().lines(1);
    let mut expected = Vec::new();
    for (key, minutes) in [("due b", 2), ("due a", 1), ("due c", 3), ("due later", 9_999)] {
        let due_at = now - SignedDuration::from_mins(10) + SignedDuration::from_mins(minutes);
        let order = altered(builder.clone().under(key).placed(), |parts| {
            parts.jobs = vec![Job::new(JobKind::CloseWindow, due_at)];
        });
        expected.push((due_at, order.id(), minutes < 100));
        stored(store, order).await;
    }
    let idle = stored(store, builder.under("not due").forwarded()).await;
    assert_eq!(idle.due_at(), None);
    expected.sort_unstable();
    let wanted: Vec<_> = expected
        .into_iter()
        .filter(|(_, _, due)| *due)
        .map(|(due_at, id, _)| (id, due_at))
        .collect();
    let all = store.due(DueIndex::Reconciler, now, 1_000).await.expect("a list");
    let listed = all.iter().copied();
    let listed: Vec<_> = listed.filter(|entry| wanted.contains(entry)).collect();
    assert_eq!(listed, wanted, "with the time since when");
    assert!(!all.iter().any(|(id, _)| *id == idle.id()));
    assert_eq!(
        store
            .due(DueIndex::Reconciler, now, 1)
            .await
            .expect("a list")
            .len(),
        1,
        "no more than asked for"
    );
    let paid = stored(store, an_order().lines(1).under("due at the warehouse").paid()).await;
    for (index, listed) in [(DueIndex::Forwarder, true), (DueIndex::Reconciler, false)] {
        let all = store.due(index, now, 1_000).await.expect("a list");
        let has = |id| all.iter().any(|(own, _)| *own == id);
        assert_eq!(has(paid.id()), listed, "each index by itself");
        assert_eq!(has(wanted[0].0), !listed, "each index by itself");
    }
}

async fn an_order_that_is_due_twice_is_listed_in_both_indexes(store: &impl Orders) {
    let owing = stored(store, an_order().lines(1).under("due twice").paid_twice()).await;
    let now = noon() + SignedDuration::from_hours(1);
    for (index, due_at) in [
        (DueIndex::Reconciler, noon()),
        (DueIndex::Forwarder, noon() + SignedDuration::from_mins(5)),
    ] {
        let all = store.due(index, now, 1_000).await.expect("a list");
        assert!(all.contains(&(owing.id(), due_at)), "{index:?}: {all:?}");
    }
}

async fn what_a_newer_release_wrote_reads_back(store: &impl Orders) {
    let name = "of_a_newer_release".to_owned();
    let order = altered(an_order().lines(1).under("newer").paid(), |parts| {
        parts.history.push(HistoryEntry {
            at: noon(),
            event: HistoryEvent::Unknown(name.clone()),
        });
        parts.jobs.push(Job {
            tries: 3,
            first_due_at: noon(),
            ..Job::new(JobKind::Unknown(name), noon() + SignedDuration::from_mins(1))
        });
    });
    let order = stored(store, order).await;
    assert_eq!(stored_now(store, &order).await, order);
    let forwarded = order
        .accepted_by_warehouse("K1".to_owned(), noon())
        .expect("paid");
    let kept = stored(store, forwarded).await;
    assert_eq!(kept.jobs().len(), 1, "the job of a newer release goes on");
    assert_eq!(stored_now(store, &kept).await, kept);
}

/// What every [`Circuits`] must do; on a store in which no circuit is.
pub async fn circuits(store: &impl Circuits) {
    let none = store.read().await.expect("a read");
    assert_eq!(none, Circuit::default());
    let open = none.paused(noon());
    let stored = store.store(open).await.expect("an answer").expect("stored");
    assert_eq!(stored, Circuit { version: 1, ..open });
    assert_eq!(store.read().await.expect("a read"), stored);
    assert_eq!(
        store.store(none.closed()).await.expect("an answer"),
        None,
        "another was quicker"
    );
    let closed = store
        .store(stored.closed())
        .await
        .expect("an answer")
        .expect("stored");
    assert_eq!(
        closed,
        Circuit {
            version: 2,
            open: None
        }
    );
    assert_eq!(store.read().await.expect("a read"), closed);
}

async fn the_largest_step_fits(store: &(impl Orders + Stock), shelf: &impl Stocking) {
    let builder = an_order().under("large").lines(1_200);
    for sku in builder.skus() {
        shelf.stock_pieces(&sku, 1).await;
    }
    let (order, stock) = builder.draft().reserve_step(noon()).expect("a draft");
    assert_eq!(stock.len(), LINES_PER_STEP);
    assert!(
        stock
            .iter()
            .all(|change| matches!(change, StockChange::Take { pieces: 1, .. }))
    );
    let stored = done(store, order, stock).await;
    assert_eq!(get(store, stored.id()).await, Some(stored));
}

async fn stored(store: &impl Orders, order: Order) -> Order {
    done(store, order, Vec::new()).await
}

async fn done(store: &impl Orders, order: Order, stock: Vec<StockChange>) -> Order {
    match store.commit(order, stock).await {
        Ok(Committed::Done(stored)) => stored,
        other => panic!("not stored: {other:?}"),
    }
}

async fn refused(store: &impl Orders, order: Order, stock: Vec<StockChange>) -> Order {
    match store.commit(order, stock).await {
        Ok(Committed::Conflict(Some(current))) => *current,
        other => panic!("no conflict: {other:?}"),
    }
}

async fn get(store: &impl Orders, id: OrderId) -> Option<Order> {
    store.get(id).await.expect("a read")
}

async fn stored_now(store: &impl Orders, order: &Order) -> Order {
    get(store, order.id()).await.expect("an order")
}

async fn level(store: &impl Stock, sku: &Sku) -> u32 {
    let levels = store.levels(std::slice::from_ref(sku)).await;
    levels.expect("a level").get(sku).copied().unwrap_or(0)
}
