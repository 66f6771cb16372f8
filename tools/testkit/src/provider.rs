use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use app::ports::{Opened, PaymentProvider, PaymentSession, RefundOutcome, SessionState};
use domain::{Money, Order, OrderId, PaymentAttempt, Refund, ReportedPayment};

use crate::lock;

/// The provider takes no page that ends sooner: Stripe's 30 minutes, in milliseconds.
const LEAST_PAGE: i64 = 30 * 60_000;

/// What happens to the next call of a [`FakeProvider`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderFault {
    /// It fails before it has an effect, and does not say so.
    LostRequest,
    /// It has its effect, and the answer is lost.
    LostAnswer,
    /// It is refused: a page that is not there yet for good, a refund for now.
    Refused,
}

/// A payment page.
#[derive(Clone, Debug)]
pub struct Page {
    /// The provider's name for it.
    pub session_id: String,
    /// Whose it is.
    pub order: OrderId,
    /// For which attempt.
    pub attempt: u32,
    /// What is to be paid.
    pub amount: Money,
    /// In Unix milliseconds, by the provider's clock.
    pub ends: i64,
    /// How it stands.
    pub state: PageState,
}

/// How a [`Page`] stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageState {
    /// It can be paid.
    Open,
    /// By the charge of that number.
    Paid(usize),
    /// Closed or run out.
    Expired,
}

/// Money taken.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The provider's name for it.
    pub payment_id: String,
    /// For which order.
    pub order: OrderId,
    /// How much.
    pub amount: Money,
    /// What was given back, one by one.
    pub refunds: Vec<Money>,
    /// Whether it was taken on a page that had ended.
    pub late: bool,
}

/// A payment provider in memory: pages by order and attempt, one charge a page, one refund a charge.
#[derive(Debug)]
pub struct FakeProvider(Mutex<State>);

#[derive(Debug)]
struct State {
    /// By which pages run out, in Unix milliseconds; the beginning of time until it is set.
    now: i64,
    pages: Vec<Page>,
    charges: Vec<Charge>,
    refused: Vec<(OrderId, u32)>,
    faults: VecDeque<ProviderFault>,
}

impl Default for FakeProvider {
    fn default() -> Self {
        Self(Mutex::new(State {
            now: i64::MIN,
            pages: Vec::new(),
            charges: Vec::new(),
            refused: Vec::new(),
            faults: VecDeque::new(),
        }))
    }
}

impl FakeProvider {
    /// The next call meets this fault; several are met in turn.
    pub fn fail_next(&self, fault: ProviderFault) {
        lock(&self.0).faults.push_back(fault);
    }

    /// Sets the provider's clock, in Unix milliseconds.
    pub fn set_clock(&self, now: i64) {
        lock(&self.0).now = now;
    }

    /// A shopper pays on the page of an attempt; `None` where it cannot be paid.
    pub fn pay(&self, order: OrderId, attempt: u32) -> Option<ReportedPayment> {
        let mut state = lock(&self.0);
        let page = state.find(order, attempt)?;
        let amount = state.pages[page].amount;
        state.pay(page, amount).map(|(_, payment)| payment)
    }

    /// A shopper pays so much on a page, of another currency or amount perhaps; `None` where it cannot be paid.
    pub fn pay_on(&self, session: &str, amount: Money) -> Option<(Page, ReportedPayment)> {
        let mut state = lock(&self.0);
        let page = state.by_session(session)?;
        state.pay(page, amount)
    }

    /// Money is taken on a page that ended unpaid; `None` where it did not.
    pub fn pay_late(&self, session: &str) -> Option<(Page, ReportedPayment)> {
        let mut state = lock(&self.0);
        let page = state.by_session(session)?;
        let ended = state.pages[page].state == PageState::Expired;
        let amount = state.pages[page].amount;
        ended.then(|| state.take(page, amount, true))
    }

    /// A page as it stands now, by its number.
    pub fn page(&self, number: usize) -> Option<Page> {
        let mut state = lock(&self.0);
        (number < state.pages.len()).then(|| {
            state.expire(number);
            state.pages[number].clone()
        })
    }

    /// The number of a page.
    pub fn page_number(&self, session: &str) -> Option<usize> {
        lock(&self.0).by_session(session)
    }

    /// How many pages were ever opened.
    pub fn pages(&self) -> usize {
        lock(&self.0).pages.len()
    }

    /// Opens a page, whether or not there is one for the attempt.
    pub fn open_anew(&self, order: &Order, attempt: &PaymentAttempt) -> Opened {
        let mut state = lock(&self.0);
        let page = state.new_page(order, attempt);
        Opened::Open(state.session(page))
    }

    /// Gives an amount of a charge back, whether or not it was given back before.
    pub fn give_back(&self, payment_id: &str, amount: Money) {
        lock(&self.0).give_back(payment_id, amount);
    }

    /// Money taken so far.
    pub fn charges(&self) -> Vec<Charge> {
        lock(&self.0).charges.clone()
    }

    /// Every payment taken, by its name, with what was given back of it.
    pub fn captures(&self) -> BTreeMap<String, (Money, Option<Money>)> {
        let charges = self.charges().into_iter();
        let capture = |charge: Charge| {
            (
                charge.payment_id,
                (charge.amount, charge.refunds.first().copied()),
            )
        };
        charges.map(capture).collect()
    }
}

impl State {
    fn find(&self, order: OrderId, attempt: u32) -> Option<usize> {
        let is = |page: &Page| page.order == order && page.attempt == attempt;
        self.pages.iter().rposition(is)
    }

    fn by_session(&self, session: &str) -> Option<usize> {
        self.pages.iter().position(|page| page.session_id == session)
    }

    fn new_page(&mut self, order: &Order, attempt: &PaymentAttempt) -> usize {
        let number = self.pages.len();
        self.pages.push(Page {
            session_id: format!("cs_{number}"),
            order: order.id,
            attempt: attempt.number,
            amount: order.quote.total,
            ends: attempt.expires_at.as_millisecond(),
            state: PageState::Open,
        });
        number
    }

    fn session(&self, page: usize) -> PaymentSession {
        let id = self.pages[page].session_id.clone();
        let redirect_url = format!("https://pay.example/{id}");
        PaymentSession { id, redirect_url }
    }

    fn pay(&mut self, page: usize, amount: Money) -> Option<(Page, ReportedPayment)> {
        self.expire(page);
        (self.pages[page].state == PageState::Open).then(|| self.take(page, amount, false))
    }

    fn take(&mut self, page: usize, amount: Money, late: bool) -> (Page, ReportedPayment) {
        let charge = self.charges.len();
        self.charges.push(Charge {
            payment_id: format!("pi_{charge}"),
            order: self.pages[page].order,
            amount,
            refunds: Vec::new(),
            late,
        });
        self.pages[page].state = PageState::Paid(charge);
        (self.pages[page].clone(), self.report(charge))
    }

    fn give_back(&mut self, payment_id: &str, amount: Money) {
        let mut charges = self.charges.iter_mut();
        if let Some(charge) = charges.find(|charge| charge.payment_id == payment_id) {
            charge.refunds.push(amount);
        }
    }

    fn report(&self, charge: usize) -> ReportedPayment {
        let Charge {
            payment_id, amount, ..
        } = self.charges[charge].clone();
        ReportedPayment { payment_id, amount }
    }

    fn expire(&mut self, page: usize) {
        let page = &mut self.pages[page];
        if page.state == PageState::Open && self.now >= page.ends {
            page.state = PageState::Expired;
        }
    }

    fn view(&mut self, page: Option<usize>) -> SessionState {
        let Some(page) = page else {
            return SessionState::Absent;
        };
        self.expire(page);
        match self.pages[page].state {
            PageState::Open => SessionState::Open {
                session_id: self.pages[page].session_id.clone(),
            },
            PageState::Expired => SessionState::Expired,
            PageState::Paid(charge) => SessionState::Paid(self.report(charge)),
        }
    }
}

impl PaymentProvider for FakeProvider {
    async fn open(&self, order: &Order, attempt: &PaymentAttempt) -> Opened {
        let mut state = lock(&self.0);
        let fault = state.faults.pop_front();
        if fault == Some(ProviderFault::LostRequest) {
            return Opened::Unknown("the request was lost".into());
        }
        let key = (order.id, attempt.number);
        let page = match state.find(order.id, attempt.number) {
            Some(page) => page,
            None if fault == Some(ProviderFault::Refused)
                || state.refused.contains(&key)
                || attempt.expires_at.as_millisecond() < state.now.saturating_add(LEAST_PAGE) =>
            {
                state.refused.push(key);
                return Opened::Refused("this page cannot be opened".into());
            }
            None => state.new_page(order, attempt),
        };
        match fault {
            Some(ProviderFault::LostAnswer) => Opened::Unknown("the answer was lost".into()),
            _ => Opened::Open(state.session(page)),
        }
    }

    async fn look_up(&self, order: OrderId, attempt: &PaymentAttempt) -> SessionState {
        let mut state = lock(&self.0);
        let page = state.find(order, attempt.number);
        match state.faults.pop_front() {
            Some(_) => SessionState::Unknown("no answer".into()),
            None => state.view(page),
        }
    }

    async fn close(&self, session_id: &str) -> SessionState {
        let mut state = lock(&self.0);
        let page = state.by_session(session_id);
        let fault = state.faults.pop_front();
        if fault == Some(ProviderFault::LostRequest) {
            return SessionState::Unknown("the request was lost".into());
        }
        if let Some(page) = page.filter(|page| state.pages[*page].state == PageState::Open) {
            state.pages[page].state = PageState::Expired;
        }
        match fault {
            Some(_) => SessionState::Unknown("the answer was lost".into()),
            None => state.view(page),
        }
    }

    async fn refund(&self, _order: OrderId, refund: &Refund, _tried_before: bool) -> RefundOutcome {
        let mut state = lock(&self.0);
        let fault = state.faults.pop_front();
        match fault {
            Some(ProviderFault::LostRequest) => return RefundOutcome::Unknown("the request was lost".into()),
            Some(ProviderFault::Refused) => return RefundOutcome::Refused("not now".into()),
            Some(ProviderFault::LostAnswer) | None => {}
        }
        let mut charges = state.charges.iter();
        let Some(charge) = charges.find(|charge| charge.payment_id == refund.payment_id) else {
            return RefundOutcome::Refused("no such payment".into());
        };
        if charge.refunds.is_empty() {
            state.give_back(&refund.payment_id, refund.amount);
        }
        match fault {
            Some(_) => RefundOutcome::Unknown("the answer was lost".into()),
            None => RefundOutcome::Done {
                refund_id: format!("re_{}", refund.payment_id),
            },
        }
    }
}
