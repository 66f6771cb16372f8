use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard};

use app::ports::{Catalogue, Circuits, Committed, Orders, ProductPage, Shortage, Stock, StoreError};
use domain::{Circuit, DueIndex, Order, OrderId, Product, Sku, StockChange};
use jiff::Timestamp;

use crate::lock;

/// Products, stock and orders in memory, as exact as the real store.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<StoreState>);

/// What a [`MemoryStore`] holds.
#[derive(Debug, Default)]
pub struct StoreState {
    products: BTreeMap<Sku, Product>,
    /// What is left of each SKU: below zero only where somebody forces it.
    pub stock: BTreeMap<Sku, i64>,
    /// Every stored order.
    pub orders: BTreeMap<OrderId, Order>,
    /// The warehouse's circuit.
    pub circuit: Circuit,
    /// Which order was written last, and what was there before.
    before: Option<(OrderId, Option<Order>)>,
}

impl MemoryStore {
    /// A store with these products, and so many pieces of each.
    pub fn with(products: impl IntoIterator<Item = (Product, u32)>) -> Self {
        let store = Self::default();
        for (product, pieces) in products {
            store.set_stock(&product.sku, pieces);
            store.put_product(product);
        }
        store
    }

    /// What it holds, to look at and to change.
    pub fn state(&self) -> MutexGuard<'_, StoreState> {
        lock(&self.0)
    }

    /// Stores a product, replacing the one of the same SKU.
    pub fn put_product(&self, product: Product) {
        self.state().products.insert(product.sku.clone(), product);
    }

    /// Sets what is left of a SKU.
    pub fn set_stock(&self, sku: &Sku, pieces: u32) {
        self.state().stock.insert(sku.clone(), i64::from(pieces));
    }

    /// What is left of a SKU.
    pub fn stock_of(&self, sku: &Sku) -> u32 {
        at_least_none(self.state().left(sku))
    }

    /// Every stored order.
    pub fn orders(&self) -> Vec<Order> {
        self.state().orders.values().cloned().collect()
    }

    /// Looks at an order in its place.
    pub fn peek<T>(&self, id: OrderId, look: impl FnOnce(&Order) -> T) -> Option<T> {
        self.state().orders.get(&id).map(look)
    }

    /// Stores an order as it is: for beginning in the middle of a story.
    pub fn put_order(&self, order: Order) -> Order {
        let order = order.next_version();
        self.state().write(order.clone());
        order
    }
}

fn at_least_none(left: i64) -> u32 {
    u32::try_from(left).unwrap_or(0)
}

fn first(
    entries: impl Iterator<Item = (Timestamp, OrderId)>,
    now: Timestamp,
    limit: usize,
) -> Vec<(OrderId, Timestamp)> {
    let mut due: Vec<_> = entries.filter(|(at, _)| *at <= now).collect();
    due.sort_unstable();
    due.into_iter().take(limit).map(|(at, id)| (id, at)).collect()
}

impl StoreState {
    /// When the first order of that index is due.
    pub fn first_due(&self, index: DueIndex) -> Option<Timestamp> {
        self.entries(index).map(|(at, _)| at).min()
    }

    /// [`Orders::due`] as it was before the last write.
    pub fn due_before(&self, index: DueIndex, now: Timestamp, limit: usize) -> Vec<(OrderId, Timestamp)> {
        let (last, before) = self
            .before
            .as_ref()
            .map_or((None, None), |(id, order)| (Some(*id), order.as_ref()));
        let others = self.entries(index).filter(|(_, id)| Some(*id) != last);
        let before = before.and_then(|order| Some((order.due_in(index)?, order.id())));
        first(others.chain(before), now, limit)
    }

    fn entries(&self, index: DueIndex) -> impl Iterator<Item = (Timestamp, OrderId)> {
        let entry = move |order: &Order| order.due_in(index).map(|at| (at, order.id()));
        self.orders.values().filter_map(entry)
    }

    /// What is left of a SKU.
    pub fn left(&self, sku: &Sku) -> i64 {
        self.stock.get(sku).copied().unwrap_or(0)
    }

    /// What of these changes cannot be made.
    pub fn shortages(&self, stock: &[StockChange]) -> Vec<Shortage> {
        let short = |change: &StockChange| match change {
            StockChange::Take { sku, pieces } if self.left(sku) < i64::from(*pieces) => Some(Shortage {
                sku: sku.clone(),
                available: at_least_none(self.left(sku)),
            }),
            StockChange::Take { .. } | StockChange::GiveBack { .. } => None,
        };
        stock.iter().filter_map(short).collect()
    }

    /// Changes stock without a condition.
    pub fn change(&mut self, stock: &[StockChange]) {
        for change in stock {
            let (sku, delta) = match change {
                StockChange::Take { sku, pieces } => (sku, -i64::from(*pieces)),
                StockChange::GiveBack { sku, pieces } => (sku, i64::from(*pieces)),
            };
            *self.stock.entry(sku.clone()).or_default() += delta;
        }
    }

    fn write(&mut self, order: Order) {
        let id = order.id();
        self.before = Some((id, self.orders.insert(id, order)));
    }
}

impl Catalogue for MemoryStore {
    async fn page(&self, after: Option<&Sku>, limit: usize) -> Result<ProductPage, StoreError> {
        let state = self.state();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = state
            .products
            .range::<Sku, _>((from, Bound::Unbounded))
            .map(|(_, product)| product.clone());
        let products = rest.by_ref().take(limit).collect();
        Ok(ProductPage {
            products,
            more: rest.next().is_some(),
        })
    }

    async fn all(&self) -> Result<Vec<Product>, StoreError> {
        Ok(self.state().products.values().cloned().collect())
    }

    async fn products(&self, skus: &[Sku]) -> Result<HashMap<Sku, Product>, StoreError> {
        let state = self.state();
        Ok(skus
            .iter()
            .filter_map(|sku| state.products.get_key_value(sku))
            .map(|(s, p)| (s.clone(), p.clone()))
            .collect())
    }
}

impl Stock for MemoryStore {
    async fn levels(&self, skus: &[Sku]) -> Result<HashMap<Sku, u32>, StoreError> {
        let state = self.state();
        let known = skus.iter().filter(|sku| state.stock.contains_key(*sku));
        Ok(known
            .map(|sku| (sku.clone(), at_least_none(state.left(sku))))
            .collect())
    }

    async fn all_levels(&self) -> Result<HashMap<Sku, u32>, StoreError> {
        let skus: Vec<Sku> = self.state().stock.keys().cloned().collect();
        self.levels(&skus).await
    }
}

impl Orders for MemoryStore {
    async fn get(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        Ok(self.state().orders.get(&id).cloned())
    }

    async fn commit(&self, order: Order, stock: Vec<StockChange>) -> Result<Committed, StoreError> {
        let mut state = self.state();
        let stored = state.orders.get(&order.id());
        let expected = match stored {
            None => order.version() == 0,
            Some(stored) => stored.version() == order.version() && stored.placed_at() == order.placed_at(),
        };
        let order = order.next_version();
        if !expected {
            return Ok(match stored {
                Some(stored) if *stored == order => Committed::Done(order),
                other => Committed::Conflict(other.cloned().map(Box::new)),
            });
        }
        let short = state.shortages(&stock);
        if !short.is_empty() {
            return Ok(Committed::OutOfStock(short));
        }
        state.change(&stock);
        state.write(order.clone());
        Ok(Committed::Done(order))
    }

    async fn remove(&self, order: &Order) -> Result<(), StoreError> {
        let mut state = self.state();
        let same =
            |stored: &Order| stored.version() == order.version() && stored.placed_at() == order.placed_at();
        if state.orders.get(&order.id()).is_some_and(same) {
            state.before = Some((order.id(), state.orders.remove(&order.id())));
        }
        Ok(())
    }

    async fn due(
        &self,
        index: DueIndex,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(OrderId, Timestamp)>, StoreError> {
        Ok(first(self.state().entries(index), now, limit))
    }
}

impl Circuits for MemoryStore {
    async fn read(&self) -> Result<Circuit, StoreError> {
        Ok(self.state().circuit)
    }

    async fn store(&self, mut circuit: Circuit) -> Result<Option<Circuit>, StoreError> {
        let stored = &mut self.state().circuit;
        if stored.version != circuit.version {
            return Ok(None);
        }
        circuit.version += 1;
        *stored = circuit;
        Ok(Some(circuit))
    }
}
