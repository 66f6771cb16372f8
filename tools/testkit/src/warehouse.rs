use std::collections::BTreeMap;
use std::sync::Mutex;

use app::ports::{LookedUp, Submitted, Warehouse};
use domain::{Order, OrderId};

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

/// A warehouse in memory.
#[derive(Debug, Default)]
pub struct FakeWarehouse(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    mood: WarehouseMood,
    deliveries: BTreeMap<OrderId, u32>,
}

impl FakeWarehouse {
    /// From now on it answers like this.
    pub fn set_mood(&self, mood: WarehouseMood) {
        lock(&self.0).mood = mood;
    }

    /// How often it was handed the order.
    pub fn deliveries(&self, id: OrderId) -> u32 {
        lock(&self.0).deliveries.get(&id).copied().unwrap_or(0)
    }

    /// How many orders it has.
    pub fn orders(&self) -> usize {
        lock(&self.0).deliveries.len()
    }
}

impl Warehouse for FakeWarehouse {
    async fn submit(&self, order: &Order) -> Submitted {
        let mut state = lock(&self.0);
        match state.mood {
            WarehouseMood::Down => return Submitted::Unknown("no answer".into()),
            WarehouseMood::Busy => return Submitted::Busy("too many requests".into()),
            WarehouseMood::Rejecting => return Submitted::Rejected("not for us".into()),
            WarehouseMood::Well | WarehouseMood::LosingAnswers => {}
        }
        *state.deliveries.entry(order.id).or_default() += 1;
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
            _ if state.deliveries.contains_key(&id) => LookedUp::Found {
                erp_number: erp_number(id),
            },
            _ => LookedUp::Absent,
        }
    }
}

fn erp_number(id: OrderId) -> String {
    format!("K-{id}")
}
