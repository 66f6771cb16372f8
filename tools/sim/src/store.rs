//! The tables of orders and stock, and what the oracle needs to remember of them.

use std::collections::{BTreeMap, HashMap};

use app::ports::{Committed, Shortage};
use domain::{Circuit, Fingerprint, Lane, Order, OrderId, Sku, Status, StockChange};
use jiff::Timestamp;

use crate::Mutation;

/// The one truth, with the contract of [`app::ports::Orders`].
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) orders: Vec<Order>,
    pub(crate) levels: BTreeMap<Sku, i64>,
    index: Vec<(i64, OrderId, Lane)>,
    index_before: Vec<(i64, OrderId, Lane)>,
    /// The warehouse's circuit.
    pub(crate) circuit: Circuit,
    mutation: Option<Mutation>,
    /// The world's step, for the notes below.
    pub(crate) step: u32,
    /// Every change of a level: at which step, what, to what.
    pub(crate) level_log: Vec<(u32, Sku, i64)>,
    /// Since which step a shopper can see an order, and in which state.
    pub(crate) status_log: Vec<(u32, OrderId, Status)>,
    /// Whose wishes were ever stored.
    pub(crate) fingerprints: Vec<(OrderId, Fingerprint)>,
}

impl Store {
    pub(crate) fn stocked(levels: &BTreeMap<Sku, i64>, mutation: Option<Mutation>) -> Self {
        Self {
            orders: Vec::new(),
            levels: levels.clone(),
            index: Vec::new(),
            index_before: Vec::new(),
            circuit: Circuit::default(),
            mutation,
            step: 0,
            level_log: Vec::new(),
            status_log: Vec::new(),
            fingerprints: Vec::new(),
        }
    }

    pub(crate) fn get(&self, id: OrderId) -> Option<&Order> {
        self.orders.iter().find(|order| order.id == id)
    }

    pub(crate) fn levels(&self, skus: &[Sku]) -> HashMap<Sku, u32> {
        let level = |sku: &Sku| {
            let left = self.levels.get(sku)?;
            Some((sku.clone(), u32::try_from(*left).unwrap_or(0)))
        };
        skus.iter().filter_map(level).collect()
    }

    /// [`app::ports::Orders::commit`].
    pub(crate) fn commit(&mut self, mut order: Order, mut stock: Vec<StockChange>) -> Committed {
        let stored = self.get(order.id);
        if let Some(mutation) = self.mutation {
            if mutation.skips(stored, &order) {
                order.version += 1;
                return Committed::Done(order);
            }
            mutation.spoil(stored, &mut order, &mut stock);
        }
        let expected = self.expects(stored, &order);
        if !self.has(Mutation::VersionStaysTheSame) || order.version == 0 {
            order.version += 1;
        }
        if !expected {
            return self.refuse(order, stock);
        }
        let short = self.short(&stock);
        if !short.is_empty() {
            return Committed::Short(short);
        }
        self.change(stock);
        self.write(order.clone());
        Committed::Done(order)
    }

    fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn expects(&self, stored: Option<&Order>, order: &Order) -> bool {
        if self.has(Mutation::WriteWithoutVersion)
            || self.has(Mutation::CreateOverwrites) && order.version == 0
        {
            return true;
        }
        match stored {
            None => order.version == 0,
            Some(stored) => {
                let same_life = stored.placed_at == order.placed_at || self.has(Mutation::WriteWithoutLife);
                stored.version == order.version && same_life
            }
        }
    }

    fn refuse(&mut self, order: Order, stock: Vec<StockChange>) -> Committed {
        if self.has(Mutation::StockWrittenDespiteConflict) {
            self.change(stock.clone());
        }
        let Some(stored) = self.get(order.id) else {
            return Committed::Conflict(None);
        };
        if *stored == order {
            if self.has(Mutation::RetryChangesStockAgain) {
                self.change(stock);
            }
            return Committed::Done(order);
        }
        let mut current = Box::new(stored.clone());
        if self.has(Mutation::FingerprintIgnored) {
            current.fingerprint = order.fingerprint;
        }
        Committed::Conflict(Some(current))
    }

    fn short(&self, stock: &[StockChange]) -> Vec<Shortage> {
        let checked = match self.mutation {
            Some(Mutation::ShortageIgnored) => 0,
            Some(Mutation::LastLineNotChecked) => stock.len().saturating_sub(1),
            _ => stock.len(),
        };
        let short = |change: &StockChange| {
            let StockChange::Take { sku, pieces } = change else {
                return None;
            };
            let left = self.levels.get(sku).copied().unwrap_or(0);
            (left < i64::from(*pieces)).then(|| Shortage {
                sku: sku.clone(),
                available: u32::try_from(left).unwrap_or(0),
            })
        };
        stock[..checked].iter().filter_map(short).collect()
    }

    fn change(&mut self, stock: Vec<StockChange>) {
        for change in stock {
            let (sku, delta) = match change {
                StockChange::Take { sku, pieces } => (sku, -i64::from(pieces)),
                StockChange::GiveBack { sku, pieces } => (sku, i64::from(pieces)),
            };
            let log = &self.level_log;
            let level = self.levels.entry(sku.clone()).or_default();
            *level += delta;
            if delta > 0 && self.mutation == Some(Mutation::GiveBackOverwrites) {
                let first = log.iter().find(|(_, own, _)| *own == sku);
                *level = first.map_or(*level, |(_, _, after)| after + delta);
            }
            let level = *level;
            self.level_log.push((self.step, sku, level));
        }
    }

    fn write(&mut self, order: Order) {
        let shown = self.get(order.id).map(|stored| stored.status);
        if shown != Some(order.status) {
            self.status_log.push((self.step, order.id, order.status));
        }
        if !self.fingerprints.contains(&(order.id, order.fingerprint)) {
            self.fingerprints.push((order.id, order.fingerprint));
        }
        self.index_before.clone_from(&self.index);
        self.index.retain(|(_, id, _)| *id != order.id);
        let lost = self.has(Mutation::DueEntryLost) && order.status == Status::Paid;
        for lane in [Lane::Mending, Lane::Forwarding] {
            if let Some(due) = order.due_in(lane).filter(|_| !lost) {
                let entry = (due.as_millisecond(), order.id);
                let place = self.index.partition_point(|(at, id, _)| (*at, *id) < entry);
                self.index.insert(place, (entry.0, entry.1, lane));
            }
        }
        match self.orders.iter_mut().find(|stored| stored.id == order.id) {
            Some(stored) => *stored = order,
            None => self.orders.push(order),
        }
    }

    /// [`app::ports::Orders::remove`].
    pub(crate) fn remove(&mut self, order: &Order) {
        let blind = self.has(Mutation::RemoveWithoutCondition);
        let any_life = self.has(Mutation::WriteWithoutLife);
        let same = |stored: &Order| {
            let same_life = any_life || stored.placed_at == order.placed_at;
            stored.id == order.id && (blind || stored.version == order.version && same_life)
        };
        if self.orders.iter().any(same) {
            self.orders.retain(|stored| stored.id != order.id);
            self.index_before.clone_from(&self.index);
            self.index.retain(|(_, id, _)| *id != order.id);
        }
    }

    /// [`app::ports::Orders::due`]; `stale`: as it was a write ago.
    pub(crate) fn due(&self, lane: Lane, now: i64, limit: usize, stale: bool) -> Vec<(OrderId, Timestamp)> {
        let index = if stale { &self.index_before } else { &self.index };
        let due = index.iter().take_while(|(at, ..)| *at <= now);
        let due = due.filter(|(_, _, own)| *own == lane);
        let entry = |(at, id, _): &(i64, OrderId, Lane)| Some((*id, Timestamp::from_millisecond(*at).ok()?));
        due.take(limit).filter_map(entry).collect()
    }

    /// [`app::ports::Circuits::store`].
    pub(crate) fn store_circuit(&mut self, mut circuit: Circuit) -> Option<Circuit> {
        if self.circuit.version != circuit.version {
            return None;
        }
        circuit.version += 1;
        self.circuit = circuit;
        Some(circuit)
    }

    /// When a reconciler finds something to do first, in Unix milliseconds: while the warehouse is left alone, its orders wait.
    pub(crate) fn first_due(&self) -> Option<i64> {
        let pause = self
            .circuit
            .open
            .map_or(i64::MIN, |open| open.retry_at.as_millisecond());
        let due = |(at, _, lane): &(i64, OrderId, Lane)| match lane {
            Lane::Mending => *at,
            Lane::Forwarding => pause.max(*at),
        };
        self.index.iter().map(due).min()
    }

    /// Whether at some time from step `since` on fewer than `wanted` pieces of `sku` were left.
    pub(crate) fn was_short(&self, initial: &BTreeMap<Sku, i64>, sku: &Sku, wanted: i64, since: u32) -> bool {
        let mut level = initial.get(sku).copied().unwrap_or(0);
        for (step, changed, after) in &self.level_log {
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
        for (step, own, after) in &self.status_log {
            if *own != id {
                continue;
            }
            if *step > since && state.is_some_and(&states) {
                return true;
            }
            state = Some(*after);
        }
        state.is_some_and(states)
    }

    /// Whether a shopper could see the order at step `step`.
    pub(crate) fn was_public_at(&self, id: OrderId, step: u32) -> bool {
        let before = self
            .status_log
            .iter()
            .rfind(|(at, own, _)| *own == id && *at <= step);
        before.is_some_and(|(_, _, status)| status.is_public())
    }
}
