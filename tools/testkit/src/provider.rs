use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use app::ports::{Cause, Opened, PaymentProvider, PaymentSession, RefundOutcome, SessionState};
use domain::{AttemptState, DelayedPayment, Money, Order, OrderId, PaymentAttempt, Refund, ReportedPayment};

use crate::lock;

/// The provider takes no page that ends sooner: Stripe's 30 minutes, in milliseconds.
const MIN_SESSION_LIFETIME_MS: i64 = 30 * 60_000;

/// What happens to the next call of a [`FakeProvider`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderFault {
    /// It fails before it has an effect, and does not say so.
    LostRequest,
    /// It has its effect, and the answer is lost.
    LostAnswer,
    /// It is refused: a page for good unless it is there already, a refund for now.
    Refused,
    /// It fails without an effect, and this answer is kept: the same call gets it again.
    Broken,
    /// It has its effect and fails all the same, and this answer is kept.
    BrokenAfterEffect,
    /// A refund that was not made is refused for good; any other call as by [`ProviderFault::Refused`].
    RefusedForGood,
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
    pub made: i64,
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
    /// The shopper is done, and the payment on its way.
    Delayed,
    /// The payment that was on its way did not arrive.
    Failed,
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
    /// Whether it went back without the shop.
    pub taken_back: bool,
    /// Whether that was a dispute.
    pub disputed: bool,
}

/// What is known of the refund of one payment.
#[derive(Clone, Copy, Debug, Default)]
struct RefundKeys {
    /// Under so many keys a failure is kept.
    spent: u32,
    /// Under which key it was made, and when.
    made: Option<(u32, i64)>,
}

/// A payment provider in memory: pages by order and attempt, one charge a page, one refund a charge.
#[derive(Debug, Default)]
pub struct FakeProvider(Mutex<ProviderState>);

/// What a [`FakeProvider`] knows.
#[derive(Debug, Default)]
pub struct ProviderState {
    /// By which pages run out, in Unix milliseconds.
    pub now: i64,
    /// Every page ever opened.
    pub pages: Vec<Page>,
    /// Money taken so far.
    pub charges: Vec<Charge>,
    /// The payments that it will never give back.
    pub kept: Vec<String>,
    /// How long after it was made a list shows something, in milliseconds.
    pub list_delay: i64,
    /// Whether its pages offer a method that confirms in days.
    pub offers_delay: bool,
    refused: Vec<(OrderId, u32)>,
    /// The attempts for which a failure is kept as the answer.
    broken: Vec<(OrderId, u32)>,
    refund_keys: HashMap<String, RefundKeys>,
    faults: VecDeque<ProviderFault>,
}

impl FakeProvider {
    /// What it knows, to look at and to change.
    pub fn state(&self) -> MutexGuard<'_, ProviderState> {
        lock(&self.0)
    }

    /// The next call meets this fault; several are met in turn.
    pub fn fail_next(&self, fault: ProviderFault) {
        self.state().faults.push_back(fault);
    }

    /// A shopper pays on the page of an attempt; `None` where it cannot be paid.
    pub fn pay(&self, order: OrderId, attempt: u32) -> Option<ReportedPayment> {
        let mut state = self.state();
        let page = state.find(order, attempt)?;
        let amount = state.pages[page].amount;
        state.pay(page, amount)
    }

    /// How many pages were ever opened.
    pub fn pages(&self) -> usize {
        self.state().pages.len()
    }
}

impl ProviderState {
    /// The number of the last page that was opened for an attempt.
    pub fn find(&self, order: OrderId, attempt: u32) -> Option<usize> {
        let is = |page: &Page| page.order == order && page.attempt == attempt;
        self.pages.iter().rposition(is)
    }

    /// The number of the page of that name.
    pub fn by_session(&self, session: &str) -> Option<usize> {
        self.pages.iter().position(|page| page.session_id == session)
    }

    /// Opens a page, whether or not there is one for the attempt.
    pub fn new_page(&mut self, order: &Order, attempt: &PaymentAttempt) -> PaymentSession {
        let session_id = format!("cs_{}", self.pages.len());
        self.pages.push(Page {
            session_id: session_id.clone(),
            order: order.id(),
            attempt: attempt.number,
            amount: order.quote().total,
            made: self.now,
            ends: attempt.expires_at.as_millisecond(),
            state: PageState::Open,
        });
        session(session_id)
    }

    /// A shopper pays so much on a page, of another currency or amount perhaps; `None` where it cannot be paid.
    pub fn pay(&mut self, page: usize, amount: Money) -> Option<ReportedPayment> {
        (self.expire(page) == PageState::Open).then(|| self.take(page, amount, false))
    }

    /// Takes money on a page, however it stands.
    pub fn take(&mut self, page: usize, amount: Money, late: bool) -> ReportedPayment {
        let payment_id = format!("pi_{}", self.charges.len());
        self.take_as(payment_id, page, amount, late)
    }

    fn take_as(&mut self, payment_id: String, page: usize, amount: Money, late: bool) -> ReportedPayment {
        let charge = self.charges.len();
        self.charges.push(Charge {
            payment_id,
            order: self.pages[page].order,
            amount,
            refunds: Vec::new(),
            late,
            taken_back: false,
            disputed: false,
        });
        self.pages[page].state = PageState::Paid(charge);
        self.report(charge)
    }

    /// A shopper pays on a page by a method that confirms in days; `None` where it cannot be paid.
    pub fn pay_later(&mut self, page: usize) -> Option<DelayedPayment> {
        if self.expire(page) != PageState::Open {
            return None;
        }
        self.pages[page].state = PageState::Delayed;
        Some(self.delayed(page))
    }

    /// A payment that is on its way fails; `None` where none is.
    pub fn fail(&mut self, page: usize) -> Option<DelayedPayment> {
        if self.pages[page].state != PageState::Delayed {
            return None;
        }
        self.pages[page].state = PageState::Failed;
        Some(self.delayed(page))
    }

    /// A payment that is on its way arrives; `None` where none is.
    pub fn arrive(&mut self, page: usize) -> Option<ReportedPayment> {
        let amount = self.pages[page].amount;
        let is_on_its_way = self.pages[page].state == PageState::Delayed;
        is_on_its_way.then(|| self.take_as(delayed_name(page), page, amount, false))
    }

    fn delayed(&self, page: usize) -> DelayedPayment {
        let Page {
            attempt,
            session_id,
            amount,
            ..
        } = self.pages[page].clone();
        DelayedPayment {
            attempt,
            session_id,
            payment: ReportedPayment {
                payment_id: delayed_name(page),
                amount,
            },
            was_offered: self.offers_delay,
        }
    }

    /// How a page stands now.
    pub fn expire(&mut self, page: usize) -> PageState {
        let page = &mut self.pages[page];
        if page.state == PageState::Open && self.now >= page.ends {
            page.state = PageState::Expired;
        }
        page.state
    }

    /// The charge of that name.
    pub fn charge(&mut self, payment_id: &str) -> Option<&mut Charge> {
        let mut charges = self.charges.iter_mut();
        charges.find(|charge| charge.payment_id == payment_id)
    }

    fn report(&self, charge: usize) -> ReportedPayment {
        let Charge {
            payment_id, amount, ..
        } = self.charges[charge].clone();
        ReportedPayment { payment_id, amount }
    }

    /// Whether a list shows what was made then.
    fn is_listed(&self, made: i64) -> bool {
        made + self.list_delay <= self.now
    }

    /// Whether a failure is kept for an attempt.
    pub fn is_broken(&self, order: OrderId, attempt: u32) -> bool {
        self.broken.contains(&(order, attempt))
    }

    /// The page of an attempt, by its name where that is known, or as a list shows it.
    fn seen(&self, order: OrderId, attempt: &PaymentAttempt) -> Option<usize> {
        if let AttemptState::Open { session_id } = &attempt.state {
            return self.by_session(session_id);
        }
        let found = self.find(order, attempt.number);
        found.filter(|page| self.is_listed(self.pages[*page].made))
    }

    /// The page of an attempt for which a failure is kept.
    fn page_despite(&mut self, order: OrderId, attempt: &PaymentAttempt) -> Opened {
        let page = self.seen(order, attempt);
        match self.view(page) {
            SessionState::Open { session_id } => Opened::Open(session(session_id)),
            SessionState::Paid(_)
            | SessionState::Delayed(_)
            | SessionState::Failed(_)
            | SessionState::Unknown(_) => Opened::Unknown("it was used".into()),
            SessionState::Expired | SessionState::Absent => Opened::Failed("no page is known".into()),
        }
    }

    /// Somebody gives all of a payment back, or claims it back, without the shop.
    pub fn take_back(&mut self, payment_id: &str, disputed: bool) -> bool {
        let Some(charge) = self.charge(payment_id).filter(|charge| charge.refunds.is_empty()) else {
            return false;
        };
        (charge.taken_back, charge.disputed) = (true, disputed);
        let amount = charge.amount;
        if disputed {
            self.kept.push(payment_id.to_owned());
        } else if let Some(charge) = self.charge(payment_id) {
            charge.refunds.push(amount);
        }
        true
    }

    fn view(&mut self, page: Option<usize>) -> SessionState {
        let Some(page) = page else {
            return SessionState::Absent;
        };
        match self.expire(page) {
            PageState::Open => SessionState::Open {
                session_id: self.pages[page].session_id.clone(),
            },
            PageState::Expired => SessionState::Expired,
            PageState::Paid(charge) => SessionState::Paid(self.report(charge)),
            PageState::Delayed => SessionState::Delayed(self.delayed(page)),
            PageState::Failed => SessionState::Failed(self.delayed(page)),
        }
    }
}

/// What the payment on a page is called before it has arrived.
fn delayed_name(page: usize) -> String {
    format!("pi_later_{page}")
}

fn session(id: String) -> PaymentSession {
    let redirect_url = format!("https://pay.example/{id}");
    PaymentSession { id, redirect_url }
}

impl PaymentProvider for FakeProvider {
    async fn open(&self, order: &Order, attempt: &PaymentAttempt) -> Opened {
        let mut state = self.state();
        let fault = state.faults.pop_front();
        if fault == Some(ProviderFault::LostRequest) {
            return Opened::Unknown("the request was lost".into());
        }
        let key = (order.id(), attempt.number);
        let refused = matches!(
            fault,
            Some(ProviderFault::Refused | ProviderFault::RefusedForGood)
        );
        let too_short = attempt.expires_at.as_millisecond() < state.now + MIN_SESSION_LIFETIME_MS;
        if state.is_broken(order.id(), attempt.number) {
            return state.page_despite(order.id(), attempt);
        }
        let known = state.find(order.id(), attempt.number);
        if refused || known.is_none() && state.refused.contains(&key) {
            state.refused.push(key);
            return Opened::Refused("this page cannot be opened".into());
        }
        if known.is_none() && too_short {
            return Opened::Failed("this page would end too soon".into());
        }
        if matches!(
            fault,
            Some(ProviderFault::Broken | ProviderFault::BrokenAfterEffect)
        ) {
            if known.is_none() {
                if fault == Some(ProviderFault::BrokenAfterEffect) {
                    state.new_page(order, attempt);
                }
                state.broken.push(key);
            }
            return state.page_despite(order.id(), attempt);
        }
        let opened = match known {
            Some(page) => session(state.pages[page].session_id.clone()),
            None => state.new_page(order, attempt),
        };
        match fault {
            Some(ProviderFault::LostAnswer) => Opened::Unknown("the answer was lost".into()),
            _ => Opened::Open(opened),
        }
    }

    async fn look_up(&self, order: OrderId, attempt: &PaymentAttempt) -> SessionState {
        let mut state = self.state();
        let page = state.seen(order, attempt);
        match state.faults.pop_front() {
            Some(_) => SessionState::Unknown("no answer".into()),
            None => state.view(page),
        }
    }

    async fn close(&self, session_id: &str) -> SessionState {
        let mut state = self.state();
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

    async fn order_of(&self, payment_id: &str) -> Result<Option<OrderId>, Cause> {
        let mut state = self.state();
        match state.faults.pop_front() {
            Some(_) => Err("no answer".into()),
            None => Ok(state.charge(payment_id).map(|charge| charge.order)),
        }
    }

    async fn refund(&self, _order: OrderId, refund: &Refund, tried_before: bool) -> RefundOutcome {
        let mut state = self.state();
        let fault = state.faults.pop_front();
        match fault {
            Some(ProviderFault::LostRequest) => return RefundOutcome::Unknown("the request was lost".into()),
            Some(ProviderFault::Refused) => return RefundOutcome::Refused("not now".into()),
            Some(ProviderFault::RefusedForGood) => state.kept.push(refund.payment_id.clone()),
            _ => {}
        }
        match (state.make_refund(refund, tried_before, fault), fault) {
            (RefundOutcome::Done { .. }, Some(ProviderFault::LostAnswer)) => {
                RefundOutcome::Unknown("the answer was lost".into())
            }
            (outcome, _) => outcome,
        }
    }
}

impl ProviderState {
    /// Under the first key whose answer is no kept failure, which needs a look at what was done under the keys before.
    fn make_refund(
        &mut self,
        refund: &Refund,
        tried_before: bool,
        fault: Option<ProviderFault>,
    ) -> RefundOutcome {
        let id = &refund.payment_id;
        let done = || RefundOutcome::Done {
            refund_id: format!("re_{id}"),
        };
        let keys = self.refund_keys.get(id).copied().unwrap_or_default();
        let kept = self.kept.contains(id);
        let Some(charge) = self.charge(id) else {
            return RefundOutcome::Refused("no such payment".into());
        };
        let (is_back, by_others) = (!charge.refunds.is_empty(), charge.taken_back);
        let listed = is_back && (by_others || keys.made.is_none_or(|(_, at)| self.is_listed(at)));
        if listed && tried_before {
            return done();
        }
        if keys.spent > 0 && !tried_before {
            return RefundOutcome::Unknown("a failure is kept".into());
        }
        let breaks = matches!(
            fault,
            Some(ProviderFault::Broken | ProviderFault::BrokenAfterEffect)
        );
        // A key's own answer is given again.
        if is_back && keys.made.is_some_and(|(key, _)| key == keys.spent) {
            return done();
        }
        if is_back && !breaks {
            return if listed {
                done()
            } else {
                RefundOutcome::Refused("it is refunded already".into())
            };
        }
        if kept && !is_back {
            return RefundOutcome::RefusedForGood("never".into());
        }
        let now = self.now;
        if !is_back && fault != Some(ProviderFault::Broken) {
            self.refund_keys.entry(id.clone()).or_default().made = Some((keys.spent, now));
            if let Some(charge) = self.charge(id) {
                charge.refunds.push(refund.amount);
            }
        }
        if breaks {
            self.refund_keys.entry(id.clone()).or_default().spent += 1;
            return RefundOutcome::Unknown("an error of the provider's own".into());
        }
        done()
    }
}
