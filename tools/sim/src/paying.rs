//! Shoppers at the till: the payment page that they are sent to, and what they do there.

use app::ports::StoreError;
use app::{PaymentNotice, PaymentPage, StartPaymentError};
use domain::{Currency, Money, PaymentRefused, Status};
use testkit::Page;

use crate::Class;
use crate::scenario::Pays;
use crate::shopper::Stage;
use crate::task::Side;
use crate::world::{Happening, World};

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
            Err(
                StartPaymentError::Provider(_)
                | StartPaymentError::Store(StoreError::Busy | StoreError::Unknown(_)),
            ) => {
                self.try_again(number, request);
            }
            Err(StartPaymentError::Refused(PaymentRefused::ReservationEnding)) => {
                self.leave(number, Stage::Paying);
            }
            Err(StartPaymentError::Refused(PaymentRefused::NotPayable(status))) => {
                let placed = self.shoppers[number].placed;
                let was = placed.is_some_and(|id| self.seen.was(id, since, |state| state == status));
                let parked = placed.and_then(|id| self.store.peek(id, |order| order.parked.is_some()));
                if !was || status == Status::Placed && parked != Some(true) {
                    self.accuse(Class::Untrue, || {
                        format!("told not payable, being {}", status.name())
                    });
                }
                self.leave(number, Stage::Paying);
            }
            Err(error @ (StartPaymentError::NotFound | StartPaymentError::Store(StoreError::Corrupt(_)))) => {
                self.accuse(Class::Untrue, || format!("told: {error}"));
                self.leave(number, Stage::Paying);
            }
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
            return self.accuse(Class::Untrue, || "told to pay on a page of no order".to_owned());
        };
        if self.shoppers[number].stage != Stage::Paying {
            return;
        }
        self.shoppers[number].stage = Stage::AtThePage;
        self.shoppers[number].session = session;
        match self.scenario.shoppers[number].pays {
            Pays::AtOnce => self.wake(number, 10_000),
            Pays::AtTheLastMoment => {
                let left = ends - self.clock(Side::Provider) - self.scenario.eager - 1_000;
                self.wake(number, left.max(1_000));
            }
            Pays::Never | Pays::NotAtAll => self.shoppers[number].stage = Stage::Done,
        }
    }

    fn page_of(&self, session: &str) -> Option<Page> {
        self.set_clocks();
        self.provider
            .page_number(session)
            .and_then(|number| self.provider.page(number))
    }

    pub(crate) fn pay(&mut self, number: usize) {
        self.shoppers[number].stage = Stage::Done;
        let session = std::mem::take(&mut self.shoppers[number].session);
        let Some(Page { amount: due, .. }) = self.page_of(&session) else {
            return;
        };
        let amount = match self.choose(4) {
            1 => return,
            2 => Money::new(due.minor() - 1, due.currency()),
            3 => Money::new(due.minor(), Currency::Usd),
            _ => due,
        };
        let Some((page, payment)) = self.provider.pay_on(&session, amount) else {
            self.note(|| format!("shopper {number} finds {session} closed"));
            return self.pay_all_the_same(&session);
        };
        self.note(|| format!("shopper {number} pays {} on {session}", payment.amount));
        let order = page.order;
        let payment = self.as_reported(payment, order);
        self.tell(PaymentNotice::Captured { order, payment });
        // Back in the browser's history, and once more to the till.
        if self.choose(2) == 1 {
            self.shoppers[number].stage = Stage::Paying;
            self.wake(number, 3_000);
        }
    }

    /// The provider may break its word and take money on a page that it had declared closed; then it tells until it is heard.
    fn pay_all_the_same(&mut self, session: &str) {
        if self.choose(2) == 0 {
            return;
        }
        if let Some((page, payment)) = self.provider.pay_late(session) {
            self.note(|| format!("{session} takes money all the same"));
            let order = page.order;
            let payment = self.as_reported(payment, order);
            let notice = PaymentNotice::Captured { order, payment };
            self.schedule(1_000, Happening::Webhook { notice, before: 0 });
        }
    }
}
