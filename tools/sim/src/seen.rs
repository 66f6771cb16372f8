//! What the oracle must remember of the tables of orders and stock.

use std::collections::BTreeMap;

use domain::{Fingerprint, OrderId, Sku, Status};
use testkit::MemoryStore;

/// Every change that a client could see, by the world's step.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Every level after a write.
    levels: Vec<(u32, Sku, i64)>,
    /// Since when an order was in which state; `None`: it was removed.
    states: Vec<(u32, OrderId, Option<Status>)>,
    /// Whose wishes were ever stored.
    pub(crate) fingerprints: Vec<(OrderId, Fingerprint)>,
    /// From which version on an order's payment was known to have gone back.
    went_back: Vec<(OrderId, u64)>,
}

impl Seen {
    pub(crate) fn note_levels(&mut self, step: u32, store: &MemoryStore, skus: Vec<Sku>) {
        for sku in skus {
            let level = store.state().left(&sku);
            self.levels.push((step, sku, level));
        }
    }

    pub(crate) fn note_order(&mut self, step: u32, store: &MemoryStore, id: OrderId) {
        let stored = store.peek(id, |order| (order.status(), order.fingerprint()));
        let went_back = store
            .peek(id, |order| order.is_taken_back().then(|| order.version()))
            .flatten();
        if let Some(version) = went_back
            && !self.went_back_before(id, version)
        {
            self.went_back.push((id, version));
        }
        let state = stored.map(|(status, _)| status);
        let last = self.states.iter().rfind(|(_, own, _)| *own == id);
        if last.and_then(|(_, _, last)| *last) != state {
            self.states.push((step, id, state));
        }
        if let Some((_, fingerprint)) = stored
            && !self.fingerprints.contains(&(id, fingerprint))
        {
            self.fingerprints.push((id, fingerprint));
        }
    }

    /// Whether that version of an order knew that its payment had gone back.
    pub(crate) fn went_back_before(&self, id: OrderId, version: u64) -> bool {
        self.went_back
            .iter()
            .any(|(own, since)| *own == id && *since <= version)
    }

    /// Whether more was ever sold than there was.
    pub(crate) fn oversold(&self) -> bool {
        self.levels.iter().any(|(_, _, level)| *level < 0)
    }

    /// The level after the first write.
    pub(crate) fn first_level(&self, sku: &Sku) -> Option<i64> {
        let first = self.levels.iter().find(|(_, own, _)| own == sku);
        first.map(|(_, _, level)| *level)
    }

    /// Whether at some time from step `since` on fewer than `wanted` pieces of `sku` were left.
    pub(crate) fn was_short(&self, initial: &BTreeMap<Sku, i64>, sku: &Sku, wanted: i64, since: u32) -> bool {
        let mut level = initial.get(sku).copied().unwrap_or(0);
        for (step, changed, after) in &self.levels {
            if changed != sku {
                continue;
            }
            if *step > since && level < wanted {
                return true;
            }
            level = *after;
        }
        level < wanted
    }

    /// Whether the order was in one of those states at some time from step `since` on.
    pub(crate) fn was(&self, id: OrderId, since: u32, states: impl Fn(Status) -> bool) -> bool {
        let mut state = None;
        for (step, _, after) in self.states.iter().filter(|(_, own, _)| *own == id) {
            if *step > since && state.is_some_and(&states) {
                return true;
            }
            state = *after;
        }
        state.is_some_and(states)
    }

    /// Whether a shopper could see the order at step `step`.
    pub(crate) fn was_public_at(&self, id: OrderId, step: u32) -> bool {
        let mut before = self
            .states
            .iter()
            .rev()
            .filter(|(at, own, _)| *own == id && *at <= step);
        before
            .next()
            .is_some_and(|(_, _, state)| state.is_some_and(Status::is_public))
    }
}
