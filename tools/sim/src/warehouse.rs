//! The warehouse system.

use app::ports::{LookedUp, Submitted};
use domain::{Address, Customer, Order, OrderId, PricedLine};

use crate::Mutation;

/// An order as the warehouse has it.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) id: OrderId,
    pub(crate) lines: Vec<PricedLine>,
    pub(crate) customer: Customer,
    pub(crate) address: Address,
    /// Whether every hand-over of it was the same.
    pub(crate) consistent: bool,
}

impl Accepted {
    /// Whether it is what was ordered.
    pub(crate) fn is(&self, order: &Order) -> bool {
        self.lines == order.quote.lines
            && self.customer == order.customer
            && self.address == order.shipping_address
            && self.consistent
    }
}

/// Orders by our id; whether it refuses one for good follows from the order.
#[derive(Debug)]
pub(crate) struct WarehouseSystem {
    pub(crate) accepted: Vec<Accepted>,
    pub(crate) rejected: Vec<OrderId>,
    mutation: Option<Mutation>,
}

impl WarehouseSystem {
    pub(crate) fn new(mutation: Option<Mutation>) -> Self {
        Self {
            accepted: Vec::new(),
            rejected: Vec::new(),
            mutation,
        }
    }

    /// Refuses the order from now on, if it has not taken it.
    pub(crate) fn reject(&mut self, id: OrderId) {
        if !self.accepted.iter().any(|accepted| accepted.id == id) {
            self.rejected.push(id);
        }
    }

    pub(crate) fn submit(&mut self, order: &Order) -> Submitted {
        if self.rejected.contains(&order.id) {
            return Submitted::Rejected("not for us".into());
        }
        let named_anew = self.mutation == Some(Mutation::SubmitKeyFromClock);
        let known = self.accepted.iter_mut().find(|accepted| accepted.id == order.id);
        match known {
            Some(accepted) if !named_anew => {
                accepted.consistent &= accepted.is(order);
                if self.mutation == Some(Mutation::DuplicateIsRejected) {
                    return Submitted::Rejected("known".into());
                }
            }
            _ => {
                let mut lines = order.quote.lines.clone();
                if self.mutation == Some(Mutation::SubmitLosesLine) {
                    lines.pop();
                }
                self.accepted.push(Accepted {
                    id: order.id,
                    lines,
                    customer: order.customer.clone(),
                    address: order.shipping_address.clone(),
                    consistent: true,
                });
            }
        }
        Submitted::Accepted {
            erp_number: erp_number(order.id),
        }
    }

    pub(crate) fn look_up(&self, id: OrderId) -> LookedUp {
        let any = self.mutation == Some(Mutation::LookUpFindsAny);
        match self.accepted.iter().find(|accepted| any || accepted.id == id) {
            Some(found) => LookedUp::Found {
                erp_number: erp_number(found.id),
            },
            None => LookedUp::Absent,
        }
    }
}

/// The warehouse's number for an order.
pub(crate) fn erp_number(id: OrderId) -> String {
    format!("K-{id}")
}
