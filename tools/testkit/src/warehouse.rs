use std::sync::Mutex;

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
    /// It refuses every order for good.
    Rejecting,
}

/// An order as the warehouse has it.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Its id in the shop.
    pub id: OrderId,
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
        self.lines == order.quote.lines
            && self.customer == order.customer
            && self.address == order.shipping_address
            && self.consistent
    }
}

/// A warehouse in memory: orders by our id, each once.
#[derive(Debug, Default)]
pub struct FakeWarehouse(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    mood: WarehouseMood,
    accepted: Vec<Accepted>,
    rejected: Vec<OrderId>,
}

impl FakeWarehouse {
    /// From now on it answers like this.
    pub fn set_mood(&self, mood: WarehouseMood) {
        lock(&self.0).mood = mood;
    }

    /// Refuses the order from now on, if it has not taken it.
    pub fn reject(&self, id: OrderId) {
        lock(&self.0).reject(id);
    }

    /// Whether it refuses the order for good.
    pub fn rejects(&self, id: OrderId) -> bool {
        lock(&self.0).rejected.contains(&id)
    }

    /// Takes the order in, whether or not it has it.
    pub fn take(&self, order: &Order) {
        lock(&self.0).take(order);
    }

    /// What it has.
    pub fn accepted(&self) -> Vec<Accepted> {
        lock(&self.0).accepted.clone()
    }

    /// How often it was handed the order.
    pub fn deliveries(&self, id: OrderId) -> u32 {
        let state = lock(&self.0);
        let own = state.accepted.iter().filter(|accepted| accepted.id == id);
        own.map(|accepted| accepted.submissions).sum()
    }

    /// How many orders it has.
    pub fn orders(&self) -> usize {
        lock(&self.0).accepted.len()
    }
}

impl State {
    fn reject(&mut self, id: OrderId) {
        if !self.accepted.iter().any(|accepted| accepted.id == id) {
            self.rejected.push(id);
        }
    }

    fn take(&mut self, order: &Order) {
        self.accepted.push(Accepted {
            id: order.id,
            lines: order.quote.lines.clone(),
            customer: order.customer.clone(),
            address: order.shipping_address.clone(),
            consistent: true,
            submissions: 1,
        });
    }
}

impl Warehouse for FakeWarehouse {
    async fn submit(&self, order: &Order) -> Submitted {
        let mut state = lock(&self.0);
        match state.mood {
            WarehouseMood::Down => return Submitted::Unknown("no answer".into()),
            WarehouseMood::Busy => return Submitted::Busy("too many requests".into()),
            WarehouseMood::Rejecting => state.reject(order.id),
            WarehouseMood::Well | WarehouseMood::LosingAnswers => {}
        }
        if state.rejected.contains(&order.id) {
            return Submitted::Rejected("not for us".into());
        }
        match state.accepted.iter_mut().find(|accepted| accepted.id == order.id) {
            Some(accepted) => {
                accepted.consistent &= accepted.is(order);
                accepted.submissions += 1;
            }
            None => state.take(order),
        }
        match state.mood {
            WarehouseMood::LosingAnswers => Submitted::Unknown("the answer was lost".into()),
            _ => Submitted::Accepted {
                erp_number: erp_number(order.id),
            },
        }
    }

    async fn look_up(&self, id: OrderId) -> LookedUp {
        let state = lock(&self.0);
        match state.mood {
            WarehouseMood::Down | WarehouseMood::LosingAnswers => LookedUp::Unknown("no answer".into()),
            _ if state.accepted.iter().any(|accepted| accepted.id == id) => LookedUp::Found {
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
