use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use app::ports::{Opened, PaymentProvider, PaymentSession, RefundOutcome, SessionState};
use domain::{Money, Order, OrderId, PaymentAttempt, Refund, ReportedPayment};

use crate::lock;

/// What happens to the next call of a [`FakeProvider`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderFault {
    /// It fails before it has an effect, and does not say so.
    LostRequest,
    /// It has its effect, and the answer is lost.
    LostAnswer,
    /// It is refused.
    Refused,
    /// A refund is refused for good; any other call is refused.
    RefusedForGood,
}

/// A payment provider in memory: pages by order and attempt, one capture a page, one refund a payment.
#[derive(Debug, Default)]
pub struct FakeProvider(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    sessions: BTreeMap<(OrderId, u32), Session>,
    refunds: BTreeMap<String, Money>,
    faults: VecDeque<ProviderFault>,
}

#[derive(Clone, Debug)]
struct Session {
    amount: Money,
    state: Page,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    Open,
    Paid,
    Expired,
}

impl FakeProvider {
    /// The next call meets this fault; several are met in turn.
    pub fn fail_next(&self, fault: ProviderFault) {
        lock(&self.0).faults.push_back(fault);
    }

    /// A shopper pays on the page of an attempt; `None` where it cannot be paid.
    pub fn pay(&self, order: OrderId, attempt: u32) -> Option<ReportedPayment> {
        let mut state = lock(&self.0);
        let session = state
            .sessions
            .get_mut(&(order, attempt))
            .filter(|session| session.state == Page::Open)?;
        session.state = Page::Paid;
        Some(ReportedPayment {
            payment_id: payment_id(order, attempt),
            amount: session.amount,
        })
    }

    /// The page of an attempt runs out.
    pub fn expire(&self, order: OrderId, attempt: u32) {
        if let Some(session) = lock(&self.0)
            .sessions
            .get_mut(&(order, attempt))
            .filter(|s| s.state == Page::Open)
        {
            session.state = Page::Expired;
        }
    }

    /// How many pages were ever opened.
    pub fn pages(&self) -> usize {
        lock(&self.0).sessions.len()
    }

    /// Every payment taken, by its name, with what was given back of it.
    pub fn captures(&self) -> BTreeMap<String, (Money, Option<Money>)> {
        let state = lock(&self.0);
        let paid = state
            .sessions
            .iter()
            .filter(|(_, session)| session.state == Page::Paid);
        paid.map(|((order, attempt), session)| {
            let id = payment_id(*order, *attempt);
            let back = state.refunds.get(&id).copied();
            (id, (session.amount, back))
        })
        .collect()
    }
}

impl State {
    fn view(&self, key: (OrderId, u32)) -> SessionState {
        match self.sessions.get(&key) {
            None => SessionState::Absent,
            Some(session) => match session.state {
                Page::Open => SessionState::Open {
                    session_id: session_id(key),
                },
                Page::Expired => SessionState::Expired,
                Page::Paid => {
                    let payment_id = payment_id(key.0, key.1);
                    SessionState::Paid(ReportedPayment {
                        payment_id,
                        amount: session.amount,
                    })
                }
            },
        }
    }
}

impl PaymentProvider for FakeProvider {
    async fn open(&self, order: &Order, attempt: &PaymentAttempt) -> Opened {
        let mut state = lock(&self.0);
        let fault = state.faults.pop_front();
        let key = (order.id, attempt.number);
        match fault {
            Some(ProviderFault::LostRequest) => return Opened::Unknown("the request was lost".into()),
            Some(ProviderFault::Refused | ProviderFault::RefusedForGood) => {
                return Opened::Refused("refused".into());
            }
            Some(ProviderFault::LostAnswer) | None => {}
        }
        let fresh = Session {
            amount: order.quote.total,
            state: Page::Open,
        };
        state.sessions.entry(key).or_insert(fresh);
        if fault.is_some() {
            return Opened::Unknown("the answer was lost".into());
        }
        let id = session_id(key);
        Opened::Open(PaymentSession {
            redirect_url: format!("https://pay.example/{id}"),
            id,
        })
    }

    async fn look_up(&self, order: OrderId, attempt: &PaymentAttempt) -> SessionState {
        let mut state = lock(&self.0);
        match state.faults.pop_front() {
            Some(_) => SessionState::Unknown("no answer".into()),
            None => state.view((order, attempt.number)),
        }
    }

    async fn close(&self, session_id: &str) -> SessionState {
        let mut state = lock(&self.0);
        let Some(key) = state
            .sessions
            .keys()
            .copied()
            .find(|key| self::session_id(*key) == session_id)
        else {
            return SessionState::Absent;
        };
        let fault = state.faults.pop_front();
        if fault == Some(ProviderFault::LostRequest) {
            return SessionState::Unknown("the request was lost".into());
        }
        if let Some(session) = state
            .sessions
            .get_mut(&key)
            .filter(|session| session.state == Page::Open)
        {
            session.state = Page::Expired;
        }
        if fault.is_some() {
            SessionState::Unknown("the answer was lost".into())
        } else {
            state.view(key)
        }
    }

    async fn refund(&self, _order: OrderId, refund: &Refund, _tried_before: bool) -> RefundOutcome {
        let mut state = lock(&self.0);
        let fault = state.faults.pop_front();
        match fault {
            Some(ProviderFault::LostRequest) => return RefundOutcome::Unknown("the request was lost".into()),
            Some(ProviderFault::Refused) => return RefundOutcome::Refused("refused".into()),
            Some(ProviderFault::RefusedForGood) => {
                return RefundOutcome::RefusedForGood("the account is closed".into());
            }
            Some(ProviderFault::LostAnswer) | None => {}
        }
        state.refunds.insert(refund.payment_id.clone(), refund.amount);
        match fault {
            Some(_) => RefundOutcome::Unknown("the answer was lost".into()),
            None => RefundOutcome::Done {
                refund_id: format!("re_{}", refund.payment_id),
            },
        }
    }
}

fn session_id((order, attempt): (OrderId, u32)) -> String {
    format!("cs_{order}_{attempt}")
}

fn payment_id(order: OrderId, attempt: u32) -> String {
    format!("pi_{order}_{attempt}")
}
