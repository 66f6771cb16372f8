//! Shoppers at the till: the payment page that they are sent to, and what they do there.

use app::ports::StoreError;
use app::{PaymentNotice, PaymentPage, StartPaymentError};
use domain::{Currency, Money, OrderId, PaymentRefused, ReportedPayment, Status, TakenBack};
use testkit::{Charge, Page, PageState};

use crate::Class;
use crate::scenario::Pays;
use crate::shopper::Stage;
use crate::task::Side;
use crate::world::{Happening, World};

/// How long a payment that confirms in days is on its way, in milliseconds.
const DELAY: i64 = 3 * 24 * 3_600_000;
/// How long the shop waits for it at least.
const LEAST_PENDING: i64 = 20 * 24 * 3_600_000;

impl World<'_> {
    pub(crate) fn hear_page(
        &mut self,
        number: usize,
        request: usize,
        result: Result<PaymentPage, StartPaymentError>,
    ) {
        let since = self.hear(number, request).since;
        match result {
            Ok(page) => self.hear_redirect(number, &page),
            Err(StartPaymentError::Provider(_)) => {
                self.judge_fruitless(number, since);
                self.try_again(number, request);
            }
            Err(
                StartPaymentError::Declined(_)
                | StartPaymentError::Store(StoreError::Busy | StoreError::Unknown(_)),
            ) => {
                self.try_again(number, request);
            }
            Err(StartPaymentError::Refused(
                PaymentRefused::ReservationEnding | PaymentRefused::PageEnded,
            )) => {
                self.leave(number, Stage::Paying);
            }
            Err(StartPaymentError::Refused(PaymentRefused::NotPayable(status))) => {
                let placed = self.shoppers[number].placed;
                let was = placed.is_some_and(|id| self.seen.was(id, since, |state| state == status));
                let parked = placed.and_then(|id| self.store.peek(id, |order| order.parked().is_some()));
                if !was || status == Status::Placed && parked != Some(true) {
                    self.accuse(
                        Class::Untrue,
                        format!("told not payable, being {}", status.name()),
                    );
                }
                self.leave(number, Stage::Paying);
            }
            Err(error @ (StartPaymentError::NotFound | StartPaymentError::Store(StoreError::Corrupt(_)))) => {
                self.accuse(Class::Untrue, format!("told: {error}"));
                self.leave(number, Stage::Paying);
            }
        }
    }

    /// Told again and again that there is no page, by a provider that has worked since the shopper asked.
    fn judge_fruitless(&mut self, number: usize, since: u32) {
        let works = self.is_on_time(Side::Provider) && self.is_on_time(Side::Payment);
        // A kept failure is told to each run that was under way: only who asks afterwards may count on a page.
        let failed = self.shoppers[number]
            .placed
            .is_none_or(|id| self.page_failed.get(&id).is_some_and(|step| *step >= since));
        let clicks = self.scenario.shoppers[number].clicks;
        let shopper = &mut self.shoppers[number];
        shopper.fruitless = if works && !failed {
            shopper.fruitless + 1
        } else {
            0
        };
        if shopper.fruitless > clicks {
            self.accuse(Class::Unfinished, "no page of a provider that works");
        }
    }

    fn hear_redirect(&mut self, number: usize, page: &PaymentPage) {
        let session = page
            .redirect_url
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        let placed = self.shoppers[number].placed;
        let own = self.page_of(&session).filter(|page| Some(page.order) == placed);
        let Some(ends) = own.map(|page| page.ends) else {
            return self.accuse(Class::Untrue, "told to pay on a page of no order");
        };
        if self.shoppers[number].stage != Stage::Paying {
            return;
        }
        self.shoppers[number].stage = Stage::AtThePage;
        self.shoppers[number].session = session;
        match self.scenario.shoppers[number].pays {
            Pays::AtOnce | Pays::Twice | Pays::AndTakesBack { .. } | Pays::Later { .. } => {
                self.wake(number, 10_000);
            }
            Pays::AtTheLastMoment => {
                let left = ends - self.clock(Side::Provider) - self.scenario.eager - 1_000;
                self.wake(number, left.max(1_000));
            }
            Pays::Never | Pays::NotAtAll => self.shoppers[number].stage = Stage::Done,
        }
    }

    fn page_of(&self, session: &str) -> Option<Page> {
        self.set_clocks();
        let mut state = self.provider.state();
        let number = state.by_session(session)?;
        state.expire(number);
        Some(state.pages[number].clone())
    }

    pub(crate) fn pay(&mut self, number: usize) {
        self.shoppers[number].stage = Stage::Done;
        let session = std::mem::take(&mut self.shoppers[number].session);
        let Some(Page {
            amount: due,
            order,
            state,
            ..
        }) = self.page_of(&session)
        else {
            return;
        };
        if let Pays::Later { offered } = self.scenario.shoppers[number].pays {
            return self.pay_later(number, &session, offered);
        }
        let amount = match self.choose(4) {
            1 => return,
            2 => Money::new(due.minor() - 1, due.currency()),
            3 => Money::new(due.minor(), Currency::of_payment("JPY")),
            _ => due,
        };
        if state == PageState::Open && self.scenario.shoppers[number].pays == Pays::Twice {
            for _ in 0..2 {
                let payment = self.take(&session, due, true);
                let notice = PaymentNotice::Captured { order, payment };
                self.schedule(1_000, Happening::Webhook { notice, before: 0 });
            }
        } else if state == PageState::Open {
            self.note(|| format!("shopper {number} pays {amount} on {session}"));
            let payment = self.take(&session, amount, false);
            self.will_take_back(number, &payment.payment_id);
            self.tell(PaymentNotice::Captured { order, payment });
            // Back in the browser's history, and once more to the till.
            if self.choose(2) == 1 {
                self.shoppers[number].stage = Stage::Paying;
                self.wake(number, 3_000);
            }
        } else if self.choose(2) == 1 && state == PageState::Expired {
            // The provider may break its word and take money on a page that it had declared closed; then it tells until it is heard.
            self.note(|| format!("{session} takes money all the same"));
            let payment = self.take(&session, due, true);
            let notice = PaymentNotice::Captured { order, payment };
            self.schedule(1_000, Happening::Webhook { notice, before: 0 });
        }
    }

    /// The shopper pays by a method that confirms in days; what becomes of it shows then, if ever.
    fn pay_later(&mut self, number: usize, session: &str, offered: bool) {
        let mut state = self.provider.state();
        state.offers_delay = offered;
        let page = state.by_session(session).expect("a page that was looked at");
        let order = state.pages[page].order;
        let delayed = state.pay_later(page);
        drop(state);
        let Some(delayed) = delayed else { return };
        self.note(|| format!("shopper {number} pays later on {session}"));
        self.delayed.push((page, self.now));
        self.tell(PaymentNotice::Delayed { order, delayed });
        if let Some(arrives) = [Some(true), Some(false), None][self.choose(3)] {
            self.schedule(DELAY, Happening::DelayEnds { page, arrives });
        }
        if self.choose(2) == 1 {
            self.shoppers[number].stage = Stage::Paying;
            self.wake(number, 3_000);
        }
    }

    /// A payment that was on its way arrives, or fails.
    pub(crate) fn end_delay(&mut self, page: usize, arrives: bool) {
        self.note(|| format!("the payment on page {page} arrives: {arrives}"));
        let mut state = self.provider.state();
        let order = state.pages[page].order;
        let notice = if arrives {
            let payment = state.arrive(page);
            payment.map(|payment| PaymentNotice::Captured { order, payment })
        } else {
            let since = self.delayed.iter().find(|(own, _)| *own == page);
            if state.offers_delay && since.is_some_and(|(_, since)| self.now < since + LEAST_PENDING) {
                self.failed_in_time.push(order);
            }
            let failed = state.fail(page);
            failed.map(|failed| PaymentNotice::Failed { order, failed })
        };
        drop(state);
        self.tell(notice.expect("it was on its way"));
    }

    /// After each write: whose payment is on its way is not given up, and no human is asked before it has taken too long.
    pub(crate) fn judge_delay(&mut self, id: OrderId) {
        let state = self.provider.state();
        let on_its_way = |(page, _): &&(usize, i64)| {
            let page = &state.pages[*page];
            page.order == id && page.state == PageState::Delayed
        };
        let since = self.delayed.iter().find(on_its_way).map(|(_, since)| *since);
        let is_early = since.is_some_and(|since| state.offers_delay && self.now < since + LEAST_PENDING);
        drop(state);
        let given_up = self.store.peek(id, |order| order.status().gives_stock_back());
        if since.is_some() && given_up == Some(true) {
            self.accuse(Class::Lost, "given up while its payment was on its way");
        }
        if is_early && self.store.peek(id, |order| order.parked().is_some()) == Some(true) {
            self.accuse(Class::Untrue, "a human is asked before a payment took too long");
        }
    }

    /// The payment goes back without the shop: at once, when the order is about to go out, or later.
    fn will_take_back(&mut self, number: usize, payment_id: &str) {
        if let Pays::AndTakesBack { disputed } = self.scenario.shoppers[number].pays {
            let after = [1_500, 100, 60_000][self.choose(3)];
            let payment_id = payment_id.to_owned();
            let back = Happening::TakenBack { payment_id, disputed };
            self.schedule(after, back);
        }
    }

    /// A payment goes back without the shop, unless it has gone back already.
    pub(crate) fn take_back(&mut self, payment_id: &str, disputed: bool) {
        if !self.provider.state().take_back(payment_id, disputed) {
            return;
        }
        self.note(|| format!("{payment_id} goes back without the shop"));
        let charge = self.provider.state().charge(payment_id).cloned();
        let Some(Charge { order, amount, .. }) = charge else {
            return;
        };
        let payment_id = payment_id.to_owned();
        let payment = ReportedPayment { payment_id, amount };
        let how = if disputed {
            TakenBack::Disputed
        } else {
            TakenBack::Refunded
        };
        self.tell(PaymentNotice::TakenBack { order, payment, how });
    }

    fn take(&self, session: &str, amount: Money, late: bool) -> ReportedPayment {
        let mut state = self.provider.state();
        let page = state.by_session(session).expect("a page that was looked at");
        let (order, payment) = (state.pages[page].order, state.take(page, amount, late));
        drop(state);
        self.as_reported(payment, order)
    }
}
