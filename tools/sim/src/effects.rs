//! What a call does: the fakes do it, with seeded bugs planted around them, and what the oracle must remember is noted.

use std::collections::HashMap;
use std::future::Future;

use app::PaymentNotice;
use app::ports::{
    Catalogue, Committed, LookedUp, Opened, Orders, PaymentProvider, RefundOutcome, SessionState, StoreError,
    Submitted, Warehouse,
};
use domain::{
    AttemptState, DueIndex, JobKind, Money, Order, OrderId, PaymentAttempt, Product, Quantity, Refund,
    ReportedPayment, Sku, Status, StockChange, TakenBack,
};
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use testkit::{ProviderFault, WarehouseMood, altered};

use crate::fault::Fault;
use crate::task::Side;
use crate::world::World;
use crate::{Class, Mutation};

/// The answer of a fake.
pub(crate) fn ready<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().expect("a fake never waits")
}

impl World<'_> {
    pub(crate) fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    pub(crate) fn products(&mut self, skus: &[Sku]) -> Result<HashMap<Sku, Product>, StoreError> {
        if self.fault == Fault::PriceUp {
            for product in self.scenario.products.values() {
                let unit_price = testkit::eur(product.unit_price.minor() + 1);
                self.store.put_product(Product {
                    unit_price,
                    ..product.clone()
                });
            }
        }
        let mut products = ready(self.store.products(skus))?;
        if self.has(Mutation::LimitIgnored) {
            let limits = products.values_mut().map(|product| &mut product.max_per_order);
            limits.for_each(|limit| *limit = Quantity::MAX);
        }
        Ok(products)
    }

    pub(crate) fn get(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        let order = ready(self.store.get(id))?;
        if !self.has(Mutation::LivePageIsReleased) || !self.scenario.releases {
            return Ok(order);
        }
        let open = |attempt: &&mut PaymentAttempt| matches!(attempt.state, AttemptState::Open { .. });
        Ok(order.map(|order| {
            altered(order, |order| {
                if let Some(attempt) = order.payment.as_mut().filter(open) {
                    attempt.state = AttemptState::Failed;
                }
            })
        }))
    }

    pub(crate) fn commit(&mut self, order: Order, stock: Vec<StockChange>) -> Committed {
        let id = order.id();
        let before = self.rejection(id);
        let hold = self.hold(id);
        let skus: Vec<Sku> = stock.iter().map(|change| change.sku().clone()).collect();
        let committed = match self.mutation {
            None => ready(self.store.commit(order, stock)).expect("the fake always answers"),
            Some(bug) => self.commit_with(bug, order, stock),
        };
        self.seen.note_levels(self.steps, &self.store, skus);
        self.seen.note_order(self.steps, &self.store, id);
        self.judge_jobs(id);
        self.judge_rejection(id, before);
        self.judge_hold(id, hold);
        self.judge_delay(id);
        committed
    }

    fn commit_with(&mut self, bug: Mutation, mut order: Order, mut stock: Vec<StockChange>) -> Committed {
        let stored = self.store.peek(order.id(), Clone::clone);
        if bug.skips(stored.as_ref(), &order) {
            return Committed::Done(order.next_version());
        }
        bug.spoil(stored.as_ref(), &mut order, &mut stock);
        let same_version = |stored: &Order| stored.version() == order.version();
        let blind = match bug {
            Mutation::WriteWithoutVersion => true,
            Mutation::CreateOverwrites => order.version() == 0,
            Mutation::WriteWithoutLife => stored.as_ref().is_some_and(same_version),
            _ => false,
        };
        if blind {
            return self.overwrite(order, &stock);
        }
        let checked = match bug {
            Mutation::ShortageIgnored => 0,
            Mutation::LastLineNotChecked => stock.len().saturating_sub(1),
            _ => stock.len(),
        };
        let unchecked = stock.split_off(checked);
        if bug == Mutation::StockOutsideTransaction && self.fault == Fault::LoseAnswer {
            stock.clear();
        }
        let (version, fingerprint) = (order.version(), order.fingerprint());
        let known = stored.is_some_and(|stored| stored.version() == version + 1);
        let committed = ready(self.store.commit(order, stock.clone())).expect("the fake always answers");
        match (committed, bug) {
            (Committed::Done(done), Mutation::RetryChangesStockAgain) if known => {
                self.store.state().change(&stock);
                Committed::Done(done)
            }
            (Committed::Done(done), Mutation::VersionStaysTheSame) if !known && version > 0 => {
                let done = altered(done, |done| done.version = version - 1);
                Committed::Done(self.store.put_order(done))
            }
            (Committed::Done(done), Mutation::GiveBackOverwrites) if !known => {
                self.give_back_to_first_level(&stock);
                Committed::Done(done)
            }
            (Committed::Done(done), _) if !known => {
                self.store.state().change(&unchecked);
                Committed::Done(done)
            }
            (Committed::Conflict(current), Mutation::StockWrittenDespiteConflict) => {
                self.store.state().change(&stock);
                Committed::Conflict(current)
            }
            (Committed::Conflict(Some(current)), Mutation::FingerprintIgnored) => {
                let current = altered(*current, |current| current.fingerprint = fingerprint);
                Committed::Conflict(Some(Box::new(current)))
            }
            (committed, _) => committed,
        }
    }

    fn overwrite(&self, order: Order, stock: &[StockChange]) -> Committed {
        let short = self.store.state().shortages(stock);
        if !short.is_empty() {
            return Committed::OutOfStock(short);
        }
        self.store.state().change(stock);
        Committed::Done(self.store.put_order(order))
    }

    fn give_back_to_first_level(&self, stock: &[StockChange]) {
        for change in stock {
            if let (StockChange::GiveBack { sku, pieces }, Some(first)) =
                (change, self.seen.first_level(change.sku()))
            {
                let level = u32::try_from(first).unwrap_or(0) + pieces;
                self.store.set_stock(sku, level);
            }
        }
    }

    pub(crate) fn remove(&mut self, order: &Order) -> Result<(), StoreError> {
        let stored = self.store.peek(order.id(), Clone::clone);
        let named = match (self.mutation, stored) {
            (Some(Mutation::RemoveWithoutCondition), Some(stored)) => stored,
            (Some(Mutation::WriteWithoutLife), Some(stored)) => {
                altered(order.clone(), |order| order.placed_at = stored.placed_at())
            }
            _ => order.clone(),
        };
        let removed = ready(self.store.remove(&named));
        self.seen.note_order(self.steps, &self.store, order.id());
        removed
    }

    pub(crate) fn due(
        &self,
        index: DueIndex,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(OrderId, Timestamp)>, StoreError> {
        let mut due = match self.fault {
            Fault::Stale => self.store.state().due_before(index, now, limit),
            Fault::JobEarly => ready(self.store.due(index, now + SignedDuration::from_hours(1), limit))?,
            _ => ready(self.store.due(index, now, limit))?,
        };
        match self.fault {
            Fault::JobLost => drop(due.drain(..1.min(due.len()))),
            Fault::JobDoubled => due = due.iter().flat_map(|entry| [*entry; 2]).collect(),
            _ => {}
        }
        due.retain(|(id, _)| !self.is_lost(index, *id));
        Ok(due)
    }

    fn is_lost(&self, index: DueIndex, id: OrderId) -> bool {
        let lost = |order: &Order| match self.mutation {
            Some(Mutation::DueEntryLost) => order.status() == Status::Paid,
            Some(Mutation::RefundHoldsBackForwarding) => {
                index == DueIndex::Forwarder && order.job(&JobKind::Refund).is_some()
            }
            _ => false,
        };
        self.mutation.is_some() && self.store.peek(id, lost).unwrap_or(false)
    }

    /// When a reconciler finds something to do first, in Unix milliseconds: while the warehouse is left alone, its orders wait.
    pub(crate) fn first_due(&self) -> Option<i64> {
        if self.has(Mutation::DueEntryLost)
            && self
                .store
                .orders()
                .iter()
                .all(|order| self.is_lost(DueIndex::Reconciler, order.id()))
        {
            return None;
        }
        let state = self.store.state();
        let pause = state.circuit.open.map(|open| open.retry_at);
        let forwarding = state.first_due(DueIndex::Forwarder);
        let forwarding = forwarding.map(|at| pause.map_or(at, |pause| at.max(pause)));
        let mending = state.first_due(DueIndex::Reconciler);
        let first = forwarding.into_iter().chain(mending).min();
        first.map(Timestamp::as_millisecond)
    }

    pub(crate) fn open_page(&mut self, order: &Order, attempt: &PaymentAttempt) -> Opened {
        self.set_clocks();
        let known = self.provider.state().find(order.id(), attempt.number).is_some();
        match self.fault {
            Fault::Refuse if !known => self.provider.fail_next(ProviderFault::Refused),
            Fault::Broken => self.provider.fail_next(ProviderFault::Broken),
            Fault::BrokenAfterEffect => self.provider.fail_next(ProviderFault::BrokenAfterEffect),
            _ => {}
        }
        if self.has(Mutation::KeptFailureIsAskedAgain) && self.fault == Fault::None {
            let broken = self.provider.state().is_broken(order.id(), attempt.number);
            if broken {
                return Opened::Unknown("a failure is kept".into());
            }
        }
        let mut opened = ready(self.provider.open(order, attempt));
        if self.has(Mutation::KeptFailureIsAskedAgain) && matches!(opened, Opened::Failed(_)) {
            opened = Opened::Unknown("a failure is kept".into());
        }
        if self.has(Mutation::PageKeyFromClock) && matches!(opened, Opened::Open(_)) {
            opened = Opened::Open(self.provider.state().new_page(order, attempt));
        }
        self.watch_pages();
        opened
    }

    pub(crate) fn look_up_page(&mut self, order: OrderId, attempt: &PaymentAttempt) -> SessionState {
        self.set_clocks();
        self.as_read(ready(self.provider.look_up(order, attempt)), order)
    }

    pub(crate) fn close_page(&mut self, session: &str) -> SessionState {
        self.set_clocks();
        let state = ready(self.provider.close(session));
        let Some(number) = self.provider.state().by_session(session) else {
            return state;
        };
        self.tell_of_closed(number);
        let order = self.provider.state().pages[number].order;
        self.as_read(state, order)
    }

    fn as_read(&self, state: SessionState, order: OrderId) -> SessionState {
        match state {
            SessionState::Paid(payment) => SessionState::Paid(self.as_reported(payment, order)),
            state => state,
        }
    }

    /// A payment as the adapter reads it.
    pub(crate) fn as_reported(&self, payment: ReportedPayment, order: OrderId) -> ReportedPayment {
        let due = self.store.peek(order, |order| order.quote().total);
        let amount = match (self.mutation, due) {
            (Some(Mutation::AmountFromOrder), Some(due)) => due,
            (Some(Mutation::CurrencyIgnored), Some(due)) => {
                Money::new(payment.amount.minor(), due.currency())
            }
            _ => payment.amount,
        };
        ReportedPayment { amount, ..payment }
    }

    pub(crate) fn refund(&mut self, order: OrderId, refund: &Refund, tried_before: bool) -> RefundOutcome {
        match self.fault {
            Fault::Refuse => self.provider.fail_next(ProviderFault::Refused),
            Fault::RefuseForGood => self.provider.fail_next(ProviderFault::RefusedForGood),
            Fault::Broken => self.provider.fail_next(ProviderFault::Broken),
            Fault::BrokenAfterEffect => self.provider.fail_next(ProviderFault::BrokenAfterEffect),
            _ => {}
        }
        let mut refund = refund.clone();
        if self.has(Mutation::RefundInPart) {
            refund.amount = Money::new(refund.amount.minor() - 1, refund.amount.currency());
        }
        if self.has(Mutation::RefundWithoutKey)
            && let Some(charge) = self.provider.state().charge(&refund.payment_id)
            && !charge.refunds.is_empty()
        {
            charge.refunds.push(refund.amount);
        }
        self.set_clocks();
        let is_back = |world: &World<'_>| {
            let mut state = world.provider.state();
            let charge = state.charge(&refund.payment_id);
            charge.is_some_and(|charge| !charge.refunds.is_empty())
        };
        let was_back = is_back(self);
        let keeps_key = self.has(Mutation::SpentRefundKeyIsKept);
        let outcome = ready(self.provider.refund(order, &refund, tried_before && !keeps_key));
        if !was_back && is_back(self) {
            // The provider tells of the shop's own refunds like of any other.
            self.tell_of_refund(order, &refund);
        }
        match outcome {
            RefundOutcome::Refused(cause)
                if was_back && self.has(Mutation::UnlistedRefundIsRefusedForGood) =>
            {
                RefundOutcome::RefusedForGood(cause)
            }
            outcome => outcome,
        }
    }

    fn tell_of_refund(&mut self, order: OrderId, refund: &Refund) {
        let mut payment_id = refund.payment_id.clone();
        if self.has(Mutation::RefundNamedByCharge) {
            payment_id = payment_id.replace("pi_", "ch_");
        }
        let amount = refund.amount;
        let payment = ReportedPayment { payment_id, amount };
        let how = TakenBack::Refunded;
        self.tell(PaymentNotice::TakenBack { order, payment, how });
    }

    /// A message enters the queue.
    pub(crate) fn send(&mut self, id: OrderId) {
        let mut body = id.to_string();
        if self.has(Mutation::MessageNamesShopper)
            && let Some(email) = self.store.peek(id, |order| order.customer().email.clone())
        {
            body = format!("{body} {email}");
        }
        if OrderId::parse(&body).is_err() {
            self.accuse(Class::Leak, "a message carries more than an order's id");
        }
        self.deliver(&body);
    }

    fn set_mood(&self) {
        let down = self.now - self.begun < self.scenario.outage;
        let mood = if down {
            WarehouseMood::Down
        } else if self.fault == Fault::Illegible {
            WarehouseMood::Illegible
        } else {
            WarehouseMood::Well
        };
        self.warehouse.set_mood(mood);
    }

    pub(crate) fn submit(&mut self, order: &Order) -> Submitted {
        self.set_mood();
        if self.fault == Fault::Proxy {
            let cause = "a proxy: 407".into();
            return if self.has(Mutation::ProxyIsRejection) {
                Submitted::Rejected(cause)
            } else {
                Submitted::Busy(cause)
            };
        }
        if self.fault == Fault::Reject {
            self.warehouse.state().reject(order.id());
        }
        let mut order = order.clone();
        if self.has(Mutation::SubmitLosesLine) {
            order = altered(order, |order| {
                order.quote.lines.pop();
                order.held = order.quote.lines.len();
            });
        }
        if self.seen.went_back_before(order.id(), order.version()) {
            self.accuse(
                Class::Unexpected,
                "sent, although its payment was known to have gone back",
            );
        }
        let known = self.warehouse.deliveries(order.id()) > 0;
        let submitted = ready(self.warehouse.submit(&order));
        match (submitted, self.mutation) {
            (Submitted::Accepted { .. }, Some(Mutation::DuplicateIsRejected)) if known => {
                Submitted::Rejected("known".into())
            }
            (submitted, Some(Mutation::SubmitKeyFromClock)) if known => {
                let mut state = self.warehouse.state();
                state.accepted.entry(order.id()).and_modify(|own| own.copies += 1);
                submitted
            }
            (submitted, _) => submitted,
        }
    }

    pub(crate) fn look_up_order(&self, id: OrderId) -> LookedUp {
        self.set_mood();
        if self.has(Mutation::IllegibleIsRejected) || self.has(Mutation::DuplicateIsRejected) {
            return LookedUp::Absent;
        }
        let any = self.has(Mutation::LookUpFindsAny);
        let first = self.warehouse.state().accepted.keys().next().copied();
        let any = first.filter(|_| any);
        ready(self.warehouse.look_up(any.unwrap_or(id)))
    }

    /// Sets the clocks of what is outside.
    pub(crate) fn set_clocks(&self) {
        self.provider.state().now = self.clock(Side::Provider);
        self.queue.state().now = self.now;
    }
}
