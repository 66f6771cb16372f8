use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Mutex;

use app::ports::{Catalogue, Circuits, Committed, Orders, ProductPage, Shortage, Stock, StoreError};
use domain::{Circuit, Lane, Order, OrderId, Product, Sku, StockChange};
use jiff::Timestamp;

use crate::lock;

/// Products, stock and orders in memory, as exact as the real store.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    products: BTreeMap<Sku, Product>,
    stock: BTreeMap<Sku, u32>,
    orders: BTreeMap<OrderId, Order>,
    circuit: Circuit,
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

    /// Stores a product, replacing the one of the same SKU.
    pub fn put_product(&self, product: Product) {
        lock(&self.0).products.insert(product.sku.clone(), product);
    }

    /// Sets what is left of a SKU.
    pub fn set_stock(&self, sku: &Sku, pieces: u32) {
        lock(&self.0).stock.insert(sku.clone(), pieces);
    }

    /// What is left of a SKU.
    pub fn stock_of(&self, sku: &Sku) -> u32 {
        lock(&self.0).stock.get(sku).copied().unwrap_or(0)
    }

    /// Every stored order.
    pub fn orders(&self) -> Vec<Order> {
        lock(&self.0).orders.values().cloned().collect()
    }

    /// Stores an order as it is: for beginning in the middle of a story.
    pub fn put_order(&self, mut order: Order) -> Order {
        order.version += 1;
        lock(&self.0).orders.insert(order.id, order.clone());
        order
    }
}

impl Catalogue for MemoryStore {
    async fn page(&self, after: Option<&Sku>, limit: usize) -> Result<ProductPage, StoreError> {
        let state = lock(&self.0);
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
        Ok(lock(&self.0).products.values().cloned().collect())
    }

    async fn products(&self, skus: &[Sku]) -> Result<HashMap<Sku, Product>, StoreError> {
        let state = lock(&self.0);
        Ok(skus
            .iter()
            .filter_map(|sku| state.products.get_key_value(sku))
            .map(|(s, p)| (s.clone(), p.clone()))
            .collect())
    }
}

impl Stock for MemoryStore {
    async fn levels(&self, skus: &[Sku]) -> Result<HashMap<Sku, u32>, StoreError> {
        let state = lock(&self.0);
        Ok(skus
            .iter()
            .filter_map(|sku| state.stock.get_key_value(sku))
            .map(|(s, n)| (s.clone(), *n))
            .collect())
    }

    async fn all_levels(&self) -> Result<HashMap<Sku, u32>, StoreError> {
        let state = lock(&self.0);
        Ok(state
            .stock
            .iter()
            .map(|(sku, level)| (sku.clone(), *level))
            .collect())
    }
}

impl Orders for MemoryStore {
    async fn get(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        Ok(lock(&self.0).orders.get(&id).cloned())
    }

    async fn commit(&self, mut order: Order, stock: Vec<StockChange>) -> Result<Committed, StoreError> {
        let mut state = lock(&self.0);
        let stored = state.orders.get(&order.id);
        let expected = match stored {
            None => order.version == 0,
            Some(stored) => stored.version == order.version && stored.placed_at == order.placed_at,
        };
        order.version += 1;
        if !expected {
            return Ok(match stored {
                Some(stored) if *stored == order => Committed::Done(order),
                other => Committed::Conflict(other.cloned().map(Box::new)),
            });
        }
        let left = |sku: &Sku| state.stock.get(sku).copied().unwrap_or(0);
        let short: Vec<_> = stock
            .iter()
            .filter_map(|change| match change {
                StockChange::Take { sku, pieces } if left(sku) < *pieces => Some(Shortage {
                    sku: sku.clone(),
                    available: left(sku),
                }),
                StockChange::Take { .. } | StockChange::GiveBack { .. } => None,
            })
            .collect();
        if !short.is_empty() {
            return Ok(Committed::Short(short));
        }
        for change in stock {
            match change {
                StockChange::Take { sku, pieces } => *state.stock.entry(sku).or_default() -= pieces,
                StockChange::GiveBack { sku, pieces } => *state.stock.entry(sku).or_default() += pieces,
            }
        }
        state.orders.insert(order.id, order.clone());
        Ok(Committed::Done(order))
    }

    async fn remove(&self, order: &Order) -> Result<(), StoreError> {
        let mut state = lock(&self.0);
        let same = |stored: &Order| stored.version == order.version && stored.placed_at == order.placed_at;
        if state.orders.get(&order.id).is_some_and(same) {
            state.orders.remove(&order.id);
        }
        Ok(())
    }

    async fn due(
        &self,
        lane: Lane,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(OrderId, Timestamp)>, StoreError> {
        let state = lock(&self.0);
        let mut due: Vec<_> = state
            .orders
            .values()
            .filter_map(|order| order.due_in(lane).map(|at| (at, order.id)))
            .filter(|(at, _)| *at <= now)
            .collect();
        due.sort_unstable();
        Ok(due.into_iter().take(limit).map(|(at, id)| (id, at)).collect())
    }
}

impl Circuits for MemoryStore {
    async fn read(&self) -> Result<Circuit, StoreError> {
        Ok(lock(&self.0).circuit)
    }

    async fn store(&self, mut circuit: Circuit) -> Result<Option<Circuit>, StoreError> {
        let stored = &mut lock(&self.0).circuit;
        if stored.version != circuit.version {
            return Ok(None);
        }
        circuit.version += 1;
        *stored = circuit;
        Ok(Some(circuit))
    }
}
