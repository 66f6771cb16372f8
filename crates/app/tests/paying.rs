//! Paying orders, and hearing of it.

use app::ports::Clock;
use app::{
    PaymentNotice, PaymentPage, SettleError, Settled, StartPaymentError, reconcile, resend_orders,
    settle_payment, start_payment,
};
use domain::{DelayedPayment, Order, PaymentRefused, ReportedPayment, Status};
use jiff::SignedDuration;
use testkit::{
    FakeClock, FakeProvider, FakeQueue, MemoryStore, ProviderFault, an_access_token, an_order, eur,
};

struct World {
    store: MemoryStore,
    provider: FakeProvider,
    queue: FakeQueue,
    clock: FakeClock,
    order: Order,
}

impl World {
    /// A world with one placed order.
    fn new() -> Self {
        let store = MemoryStore::default();
        let order = store.put_order(an_order().placed());
        Self {
            store,
            provider: FakeProvider::default(),
            queue: FakeQueue::default(),
            clock: FakeClock::at_noon(),
            order,
        }
    }

    async fn start(&self) -> Result<PaymentPage, StartPaymentError> {
        let token = self.order.access_token().expect("a token");
        self.start_with(&token.to_text()).await
    }

    async fn start_with(&self, token: &str) -> Result<PaymentPage, StartPaymentError> {
        let id = self.order.id();
        let (store, provider) = (&self.store, &self.provider);
        start_payment(store, provider, &self.clock, id.as_str(), token).await
    }

    async fn hear(&self, payment: ReportedPayment) -> Result<Settled, SettleError> {
        let order = self.order.id();
        self.settle(PaymentNotice::Captured { order, payment }).await
    }

    async fn hear_of_end(&self, attempt: u32) -> Result<Settled, SettleError> {
        let order = self.order.id();
        self.settle(PaymentNotice::SessionExpired { order, attempt })
            .await
    }

    async fn settle(&self, notice: PaymentNotice) -> Result<Settled, SettleError> {
        settle_payment(&self.store, &self.queue, &self.clock, notice).await
    }

    async fn reconcile(&self) {
        let until = self.clock.now() + SignedDuration::from_mins(1);
        let report = reconcile(&self.store, &self.queue, &self.provider, &self.clock, until)
            .await
            .expect("a report");
        assert_eq!(report.failed, 0);
    }

    fn now(&self) -> Order {
        let order = self.store.peek(self.order.id(), Clone::clone);
        order.expect("an order")
    }

    fn stock(&self) -> u32 {
        self.store.stock_of(&self.order.quote().lines[0].sku)
    }

    /// Time passes until the reservation has ended.
    fn wait_for_the_end(&self) {
        while self.clock.now() <= self.now().reserved_until() {
            self.clock.advance(SignedDuration::from_mins(1));
        }
    }
}

#[tokio::test]
async fn a_payment_page_is_the_same_while_it_lives() {
    let world = World::new();
    let first = world.start().await.expect("a page");
    world.clock.advance(SignedDuration::from_mins(5));
    assert_eq!(world.start().await.expect("a page"), first);
    assert_eq!(world.provider.pages(), 1);
}

#[tokio::test]
async fn a_stranger_cannot_pay() {
    let world = World::new();
    for token in ["", "wrong", &an_access_token("other").to_text()] {
        let page = world.start_with(token).await;
        assert!(matches!(page, Err(StartPaymentError::NotFound)));
    }
}

#[tokio::test]
async fn a_lost_answer_of_the_provider_leads_to_the_same_page() {
    let world = World::new();
    world.provider.fail_next(ProviderFault::LostAnswer);
    assert!(matches!(world.start().await, Err(StartPaymentError::Provider(_))));
    assert!(world.start().await.is_ok());
    assert_eq!(world.provider.pages(), 1, "no second page was opened");
}

#[tokio::test]
async fn a_refused_attempt_is_followed_by_a_new_one() {
    let world = World::new();
    world.provider.fail_next(ProviderFault::Refused);
    assert!(world.start().await.is_err());
    assert!(world.start().await.is_ok());
    assert_eq!(world.now().payment().map(|attempt| attempt.number), Some(2));
}

#[tokio::test]
async fn a_payment_is_heard_once_and_queued() {
    let world = World::new();
    world.start().await.expect("a page");
    let payment = world.provider.pay(world.order.id(), 1).expect("paid");
    assert_eq!(world.hear(payment.clone()).await.expect("settled"), Settled::Paid);
    assert_eq!(world.queue.take(), Some(world.order.id()));
    assert_eq!(world.hear(payment).await.expect("settled"), Settled::Known);
    assert_eq!(world.now().status(), Status::Paid);
}

#[tokio::test]
async fn a_paid_order_that_could_not_be_queued_is_queued_later() {
    let world = World::new();
    world.start().await.expect("a page");
    world.queue.set_down(true);
    let payment = world.provider.pay(world.order.id(), 1).expect("paid");
    assert_eq!(world.hear(payment).await.expect("settled"), Settled::Paid);
    assert!(world.queue.is_empty());
    world.queue.set_down(false);
    world.clock.advance(SignedDuration::from_mins(6));
    let until = world.clock.now() + SignedDuration::from_secs(50);
    let resent = resend_orders(&world.store, &world.queue, &world.store, &world.clock, until, 10).await;
    assert_eq!(resent.expect("an answer").sent, 1);
    assert_eq!(world.queue.take(), Some(world.order.id()));
}

#[tokio::test]
async fn a_notice_for_an_order_that_is_not_there_must_come_again() {
    let world = World::new();
    let notice = PaymentNotice::SessionExpired {
        order: domain::OrderId::for_key("nobody's"),
        attempt: 1,
    };
    assert!(matches!(
        world.settle(notice).await,
        Err(SettleError::UnknownOrder)
    ));
}

#[tokio::test]
async fn a_payment_that_no_webhook_told_of_is_found_by_asking() {
    for opened_unnoticed in [false, true] {
        let world = World::new();
        if opened_unnoticed {
            world.provider.fail_next(ProviderFault::LostAnswer);
        }
        assert_eq!(world.start().await.is_err(), opened_unnoticed);
        world.provider.pay(world.order.id(), 1).expect("paid");
        world.clock.advance(SignedDuration::from_mins(6));
        world.reconcile().await;
        assert_eq!(world.now().status(), Status::Paid);
        assert_eq!(world.queue.len(), 1);
    }
}

#[tokio::test]
async fn an_unpaid_order_expires_and_its_stock_goes_back() {
    let world = World::new();
    world.wait_for_the_end();
    world.reconcile().await;
    assert_eq!(world.now().status(), Status::Expired);
    assert_eq!(world.stock(), 1);
    assert_eq!(world.now().due_at(), None);
}

#[tokio::test]
async fn an_order_expires_only_after_its_open_page_is_closed() {
    let world = World::new();
    world.start().await.expect("a page");
    world.wait_for_the_end();
    world.reconcile().await;
    assert_eq!(world.now().status(), Status::Expired);
    assert_eq!(
        world.provider.pay(world.order.id(), 1),
        None,
        "money cannot come late"
    );
}

#[tokio::test]
async fn an_order_does_not_expire_while_the_provider_does_not_answer() {
    let world = World::new();
    world.start().await.expect("a page");
    world.wait_for_the_end();
    world.provider.fail_next(ProviderFault::LostRequest);
    world.reconcile().await;
    assert_eq!((world.now().status(), world.stock()), (Status::Placed, 0));
    world.clock.advance(SignedDuration::from_mins(20));
    world.reconcile().await;
    assert_eq!((world.now().status(), world.stock()), (Status::Expired, 1));
}

#[tokio::test]
async fn only_the_last_page_ends_its_order_when_it_expires() {
    let world = World::new();
    world.provider.fail_next(ProviderFault::Refused);
    assert!(world.start().await.is_err());
    world.start().await.expect("a page");
    for (attempt, settled, status) in [
        (1, Settled::Known, Status::Placed),
        (2, Settled::Expired, Status::Expired),
    ] {
        assert_eq!(world.hear_of_end(attempt).await.expect("settled"), settled);
        assert_eq!(world.now().status(), status);
    }
    assert_eq!(world.stock(), 1);
    let expired = PaymentRefused::NotPayable(Status::Expired);
    assert!(matches!(world.start().await, Err(StartPaymentError::Refused(refused)) if refused == expired));
}

#[tokio::test]
async fn money_for_an_expired_order_is_given_back_once() {
    let world = World::new();
    world.start().await.expect("a page");
    let payment = world.provider.pay(world.order.id(), 1).expect("paid");
    world.hear_of_end(1).await.expect("settled");
    let heard = world.hear(payment.clone()).await;
    assert_eq!(heard.expect("settled"), Settled::RefundDue);
    world.provider.fail_next(ProviderFault::LostAnswer);
    world.reconcile().await;
    world.clock.advance(SignedDuration::from_mins(2));
    world.reconcile().await;
    let charge = world.provider.state().charges[0].clone();
    assert_eq!(
        (charge.payment_id, charge.refunds),
        (payment.payment_id, vec![charge.amount])
    );
    let order = world.now();
    assert_eq!(order.total_refunded(), order.quote().total);
    assert_eq!(order.due_at(), None);
    assert!(world.queue.is_empty());
}

#[tokio::test]
async fn a_wrong_amount_parks_the_order() {
    let world = World::new();
    let payment = ReportedPayment {
        payment_id: "pi".into(),
        amount: testkit::eur(1),
    };
    assert_eq!(world.hear(payment).await.expect("settled"), Settled::Parked);
    world.wait_for_the_end();
    world.reconcile().await;
    assert_eq!(world.now().status(), Status::Placed, "no machine decides");
}

#[tokio::test]
async fn a_kept_failure_ends_with_a_page_of_another_attempt() {
    for fault in [ProviderFault::Broken, ProviderFault::BrokenAfterEffect] {
        let world = World::new();
        // What was opened unseen is not listed yet.
        world.provider.state().list_delay = 60_000;
        world.provider.fail_next(fault);
        let page = world.start().await.expect("a page");
        assert_eq!(world.start().await.expect("a page"), page);
        assert_eq!(world.now().payment().map(|attempt| attempt.number), Some(2));
    }
}

#[tokio::test]
async fn a_page_that_a_failed_call_opened_is_found() {
    let world = World::new();
    world.provider.fail_next(ProviderFault::BrokenAfterEffect);
    let page = world.start().await.expect("a page");
    assert_eq!(world.start().await.expect("a page"), page);
    assert_eq!(world.provider.pages(), 1);
}

#[tokio::test]
async fn one_kept_failure_and_a_refund_is_back_in_5_minutes() {
    for fault in [ProviderFault::Broken, ProviderFault::BrokenAfterEffect] {
        let world = World::new();
        world.start().await.expect("a page");
        let first = world.provider.pay(world.order.id(), 1).expect("a payment");
        world.hear(first).await.expect("an answer");
        let twice = {
            let mut state = world.provider.state();
            state.list_delay = 45_000;
            state.take(0, eur(1_490), true)
        };
        let payment_id = twice.payment_id.clone();
        assert_eq!(world.hear(twice).await.expect("an answer"), Settled::RefundDue);
        world.provider.fail_next(fault);
        for _ in 0..5 {
            world.provider.state().now = world.clock.now().as_millisecond();
            world.reconcile().await;
            world.clock.advance(SignedDuration::from_mins(1));
        }
        let order = world.now();
        assert_eq!(order.due_refund(), None, "{fault:?}");
        let mut state = world.provider.state();
        let charge = state.charge(&payment_id).expect("a charge");
        assert_eq!(charge.refunds, [eur(1_490)], "{fault:?}");
    }
}

/// A shopper pays by direct debit on the page of the first attempt.
async fn by_debit(world: &World) -> DelayedPayment {
    world.provider.state().offers_delay = true;
    world.start().await.expect("a page");
    world.provider.state().pay_later(0).expect("an open page")
}

#[tokio::test]
async fn a_payment_on_its_way_is_not_paid_until_it_arrives() {
    let world = World::new();
    let delayed = by_debit(&world).await;
    let order = world.order.id();
    for settled in [Settled::Pending, Settled::Known] {
        let delayed = delayed.clone();
        let heard = world.settle(PaymentNotice::Delayed { order, delayed }).await;
        assert_eq!(heard.expect("an answer"), settled);
        assert!(world.queue.is_empty());
    }
    assert_eq!((world.now().status(), world.stock()), (Status::PaymentPending, 0));
    // The end of its page, told late, ends nothing.
    assert_eq!(world.hear_of_end(1).await.expect("an answer"), Settled::Known);
    let payment = world.provider.state().arrive(0).expect("on its way");
    assert_eq!(
        world.hear(payment.clone()).await.expect("an answer"),
        Settled::Paid
    );
    assert_eq!(world.hear(payment).await.expect("an answer"), Settled::Known);
    assert_eq!(world.queue.take(), Some(order));
}

#[tokio::test]
async fn a_payment_that_fails_on_its_way_gives_the_stock_back() {
    let world = World::new();
    by_debit(&world).await;
    let failed = world.provider.state().fail(0).expect("on its way");
    let order = world.order.id();
    for settled in [Settled::Cancelled, Settled::Known] {
        let failed = failed.clone();
        let heard = world.settle(PaymentNotice::Failed { order, failed }).await;
        assert_eq!(heard.expect("an answer"), settled);
    }
    assert_eq!((world.now().status(), world.stock()), (Status::Cancelled, 1));
}

#[tokio::test]
async fn the_provider_is_asked_for_a_payment_on_its_way() {
    for (ends, status, stock) in [
        (Some(true), Status::Paid, 0),
        (Some(false), Status::Cancelled, 1),
        (None, Status::PaymentPending, 0),
    ] {
        let world = World::new();
        by_debit(&world).await;
        world.wait_for_the_end();
        world.reconcile().await;
        assert_eq!(world.now().status(), Status::PaymentPending, "no event came");
        match ends {
            Some(true) => drop(world.provider.state().arrive(0)),
            Some(false) => drop(world.provider.state().fail(0)),
            None => {}
        }
        world.wait_for_the_end();
        world.reconcile().await;
        assert_eq!((world.now().status(), world.stock()), (status, stock));
        assert!(world.now().due_at().is_none() || status == Status::Paid);
        assert_eq!(world.now().parked().is_some(), ends.is_none(), "a human is asked");
    }
}

#[tokio::test]
async fn no_answer_ends_no_payment_on_its_way() {
    let world = World::new();
    let delayed = by_debit(&world).await;
    let order = world.order.id();
    world
        .settle(PaymentNotice::Delayed { order, delayed })
        .await
        .expect("an answer");
    world.wait_for_the_end();
    world.provider.fail_next(ProviderFault::LostAnswer);
    world.reconcile().await;
    assert_eq!((world.now().status(), world.stock()), (Status::PaymentPending, 0));
}
