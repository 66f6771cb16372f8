//! The payment provider.

use app::ports::{Opened, PaymentSession, RefundOutcome, SessionState};
use domain::{Currency, Money, Order, OrderId, PaymentAttempt, Refund, ReportedPayment};

use crate::Mutation;

/// The provider takes no page that ends sooner: Stripe's 30 minutes, in milliseconds.
const LEAST_PAGE: i64 = 30 * 60_000;

/// A payment page.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) order: OrderId,
    pub(crate) attempt: u32,
    amount: Money,
    /// In Unix milliseconds, by the provider's clock.
    pub(crate) ends: i64,
    state: PageState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PageState {
    Open,
    /// By the charge of that number.
    Paid(usize),
    Expired,
}

/// Money taken.
#[derive(Clone, Debug)]
pub(crate) struct Charge {
    pub(crate) payment_id: String,
    pub(crate) order: OrderId,
    pub(crate) amount: Money,
    /// What was given back, one by one.
    pub(crate) refunds: Vec<Money>,
    /// Whether it was taken on a page that had ended.
    pub(crate) late: bool,
}

/// What a shopper takes into his head at the till, or a bug of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Exactly,
    OneCentLess,
    InAnotherCurrency,
}

/// Pages by order and attempt, a charge a page at most, a refund a charge at most.
#[derive(Debug)]
pub(crate) struct Provider {
    pages: Vec<Page>,
    pub(crate) charges: Vec<Charge>,
    refused: Vec<(OrderId, u32)>,
    watched: usize,
    mutation: Option<Mutation>,
}

impl Provider {
    pub(crate) fn new(mutation: Option<Mutation>) -> Self {
        Self {
            pages: Vec::new(),
            charges: Vec::new(),
            refused: Vec::new(),
            watched: 0,
            mutation,
        }
    }

    /// Refuses the attempt from now on.
    pub(crate) fn refuse(&mut self, order: OrderId, attempt: u32) {
        if self.find(order, attempt).is_none() {
            self.refused.push((order, attempt));
        }
    }

    pub(crate) fn open(&mut self, order: &Order, attempt: &PaymentAttempt, now: i64) -> Opened {
        let ends = attempt.expires_at.as_millisecond();
        let known = self
            .find(order.id, attempt.number)
            .filter(|_| self.mutation != Some(Mutation::PageKeyFromClock));
        let page = match known {
            Some(page) => page,
            None if self.refused.contains(&(order.id, attempt.number)) || ends < now + LEAST_PAGE => {
                self.refuse(order.id, attempt.number);
                return Opened::Refused("this page cannot be opened".into());
            }
            None => {
                self.pages.push(Page {
                    order: order.id,
                    attempt: attempt.number,
                    amount: order.quote.total,
                    ends,
                    state: PageState::Open,
                });
                self.pages.len() - 1
            }
        };
        let id = session_id(page);
        Opened::Open(PaymentSession {
            redirect_url: format!("https://pay.example/{id}"),
            id,
        })
    }

    pub(crate) fn look_up(&mut self, order: OrderId, attempt: u32, now: i64) -> SessionState {
        match self.find(order, attempt) {
            None => SessionState::Absent,
            Some(page) => self.state(page, now),
        }
    }

    pub(crate) fn close(&mut self, session: &str, now: i64) -> SessionState {
        let Some(page) = self.by_session(session) else {
            return SessionState::Absent;
        };
        if self.pages[page].state == PageState::Open {
            self.pages[page].state = PageState::Expired;
        }
        self.state(page, now)
    }

    pub(crate) fn refund(&mut self, refund: &Refund) -> RefundOutcome {
        let keyed = self.mutation != Some(Mutation::RefundWithoutKey);
        let partial = self.mutation == Some(Mutation::RefundInPart);
        let Some(charge) = self
            .charges
            .iter_mut()
            .find(|charge| charge.payment_id == refund.payment_id)
        else {
            return RefundOutcome::Refused("no such payment".into());
        };
        if charge.refunds.is_empty() || !keyed {
            let short = i64::from(partial);
            let amount = Money::new(refund.amount.minor() - short, refund.amount.currency());
            charge.refunds.push(amount);
        }
        RefundOutcome::Done {
            refund_id: format!("re_{}", refund.payment_id),
        }
    }

    /// A shopper pays; what was taken, and for which page, if the page can be paid.
    pub(crate) fn pay(&mut self, session: &str, taken: Taken, now: i64) -> Option<(Page, ReportedPayment)> {
        let page = self.by_session(session)?;
        self.expire(page, now);
        if self.pages[page].state != PageState::Open {
            return None;
        }
        Some(self.take(page, taken, false))
    }

    /// Money is taken on a page that ended unpaid.
    pub(crate) fn pay_late(&mut self, session: &str) -> Option<(Page, ReportedPayment)> {
        let page = self.by_session(session)?;
        let ended = self.pages[page].state == PageState::Expired;
        ended.then(|| self.take(page, Taken::Exactly, true))
    }

    fn take(&mut self, page: usize, taken: Taken, late: bool) -> (Page, ReportedPayment) {
        let charge = self.charges.len();
        let due = self.pages[page].amount;
        let amount = match taken {
            Taken::Exactly => due,
            Taken::OneCentLess => Money::new(due.minor() - 1, due.currency()),
            Taken::InAnotherCurrency => Money::new(due.minor(), Currency::Usd),
        };
        self.charges.push(Charge {
            payment_id: format!("pi_{charge}"),
            order: self.pages[page].order,
            amount,
            refunds: Vec::new(),
            late,
        });
        self.pages[page].state = PageState::Paid(charge);
        (self.pages[page].clone(), self.report(charge, due))
    }

    /// A page's end; the page, where it ended unpaid just now.
    pub(crate) fn page_ends(&mut self, page: usize, now: i64) -> Option<&Page> {
        let was_open = self.pages[page].state == PageState::Open;
        self.expire(page, now);
        let ended = was_open && self.pages[page].state == PageState::Expired;
        Some(&self.pages[page]).filter(|_| ended)
    }

    /// A page whose end nobody waits for yet.
    pub(crate) fn unwatched(&mut self) -> Option<usize> {
        let page = self.watched;
        (page < self.pages.len()).then(|| {
            self.watched += 1;
            page
        })
    }

    pub(crate) fn is_expired(&self, page: usize) -> bool {
        self.pages[page].state == PageState::Expired
    }

    /// The pages opened so far.
    pub(crate) fn pages(&self) -> &[Page] {
        &self.pages
    }

    fn find(&self, order: OrderId, attempt: u32) -> Option<usize> {
        self.pages
            .iter()
            .rposition(|page| page.order == order && page.attempt == attempt)
    }

    /// The number of a page.
    pub(crate) fn by_session(&self, session: &str) -> Option<usize> {
        (0..self.pages.len()).find(|page| session_id(*page) == session)
    }

    fn expire(&mut self, page: usize, now: i64) {
        let page = &mut self.pages[page];
        if page.state == PageState::Open && now >= page.ends {
            page.state = PageState::Expired;
        }
    }

    fn state(&mut self, page: usize, now: i64) -> SessionState {
        self.expire(page, now);
        match self.pages[page].state {
            PageState::Open => SessionState::Open {
                session_id: session_id(page),
            },
            PageState::Expired => SessionState::Expired,
            PageState::Paid(charge) => SessionState::Paid(self.report(charge, self.pages[page].amount)),
        }
    }

    fn report(&self, charge: usize, due: Money) -> ReportedPayment {
        let charge = &self.charges[charge];
        let amount = match self.mutation {
            Some(Mutation::AmountFromOrder) => due,
            Some(Mutation::CurrencyIgnored) => Money::new(charge.amount.minor(), due.currency()),
            _ => charge.amount,
        };
        ReportedPayment {
            payment_id: charge.payment_id.clone(),
            amount,
        }
    }
}

fn session_id(page: usize) -> String {
    format!("cs_{page}")
}
