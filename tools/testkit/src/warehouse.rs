use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use app::ports::{LookedUp, Submitted, Warehouse};
use domain::{Address, Customer, Order, OrderId, PricedLine};

use crate::lock;

/// How a [`FakeWarehouse`] answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WarehouseMood {
    /// As it should.
    #[default]
    Well,
    /// Not at all.
    Down,
    /// It takes orders and its answers get lost.
    LosingAnswers,
    /// It takes nothing now, and says so.
    Busy,
    /// It takes orders, and its number for them cannot be read.
    Illegible,
    /// It refuses every order for good.
    Rejecting,
}

/// An order as the warehouse has it.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// How often it has the order: once, as it should.
    pub copies: u32,
    lines: Vec<PricedLine>,
    customer: Customer,
    address: Address,
    /// Whether every submission of it was the same.
    consistent: bool,
    submissions: u32,
}

impl Accepted {
    /// Whether it is what was ordered.
    pub fn is(&self, order: &Order) -> bool {
        self.lines == order.quote().lines
            && self.customer == *order.customer()
            && self.address == *order.shipping_address()
            && self.consistent
    }
}

/// A warehouse in memory: orders by our id, each once.
#[derive(Debug, Default)]
pub struct FakeWarehouse(Mutex<WarehouseState>);

/// What a [`FakeWarehouse`] knows.
#[derive(Debug, Default)]
pub struct WarehouseState {
    /// What it has.
    pub accepted: BTreeMap<OrderId, Accepted>,
    /// What it will never take.
    pub rejected: Vec<OrderId>,
    mood: WarehouseMood,
}

impl FakeWarehouse {
    /// What it knows, to look at and to change.
    pub fn state(&self) -> MutexGuard<'_, WarehouseState> {
        lock(&self.0)
    }

    /// From now on it answers like this.
    pub fn set_mood(&self, mood: WarehouseMood) {
        self.state().mood = mood;
    }

    /// How often it was handed the order.
    pub fn deliveries(&self, id: OrderId) -> u32 {
        let state = self.state();
        state.accepted.get(&id).map_or(0, |accepted| accepted.submissions)
    }

    /// How many orders it has.
    pub fn orders(&self) -> usize {
        self.state().accepted.len()
    }
}

impl WarehouseState {
    /// Refuses the order from now on, if it has not taken it.
    pub fn reject(&mut self, id: OrderId) {
        if !self.accepted.contains_key(&id) {
            self.rejected.push(id);
        }
    }

    /// Takes the rejected order after all, as a human enters it or mends what it was rejected for.
    pub fn mend(&mut self, id: OrderId) {
        self.rejected.retain(|rejected| *rejected != id);
    }

    /// Has the order from now on.
    pub fn take(&mut self, order: &Order) {
        let accepted = Accepted {
            copies: 1,
            lines: order.quote().lines.clone(),
            customer: order.customer().clone(),
            address: order.shipping_address().clone(),
            consistent: true,
            submissions: 1,
        };
        self.accepted.insert(order.id(), accepted);
    }
}

impl Warehouse for FakeWarehouse {
    async fn submit(&self, order: &Order) -> Submitted {
        let mut state = self.state();
        match state.mood {
            WarehouseMood::Down => return Submitted::Unknown("no answer".into()),
            WarehouseMood::Busy => return Submitted::Busy("too many requests".into()),
            WarehouseMood::Rejecting => state.reject(order.id()),
            WarehouseMood::Well | WarehouseMood::LosingAnswers | WarehouseMood::Illegible => {}
        }
        if state.rejected.contains(&order.id()) {
            return Submitted::Rejected("not for us".into());
        }
        match state.accepted.get_mut(&order.id()) {
            Some(accepted) => {
                accepted.consistent &= accepted.is(order);
                accepted.submissions += 1;
            }
            None => state.take(order),
        }
        match state.mood {
            WarehouseMood::LosingAnswers => Submitted::Unknown("the answer was lost".into()),
            WarehouseMood::Illegible => Submitted::Unreadable("no number".into()),
            _ => Submitted::Accepted {
                erp_number: erp_number(order.id()),
            },
        }
    }

    async fn look_up(&self, id: OrderId) -> LookedUp {
        let state = self.state();
        match state.mood {
            WarehouseMood::Down | WarehouseMood::LosingAnswers => LookedUp::Unknown("no answer".into()),
            WarehouseMood::Illegible if state.accepted.contains_key(&id) => {
                LookedUp::Unreadable("no number".into())
            }
            _ if state.accepted.contains_key(&id) => LookedUp::Found {
                erp_number: erp_number(id),
            },
            _ => LookedUp::Absent,
        }
    }
}

/// The warehouse's number for an order.
pub fn erp_number(id: OrderId) -> String {
    format!("K-{id}")
}
