//! Products that are remembered for a while.

use app::PriceMemory;
use app::ports::Catalogue;
use jiff::SignedDuration;
use testkit::{MemoryStore, a_product, a_sku, noon};

async fn price(catalogue: &impl Catalogue, sku: &str) -> Option<i64> {
    let found = catalogue.products(&[a_sku(sku)]).await.expect("products");
    found.get(&a_sku(sku)).map(|product| product.unit_price.minor())
}

#[tokio::test]
async fn a_price_is_cached_for_thirty_seconds_a_missing_one_never() {
    let store = MemoryStore::with([(a_product("A", 100), 1)]);
    let memory = PriceMemory::default();
    let now = memory.before(&store, noon());
    assert_eq!(
        (price(&now, "A").await, price(&now, "B").await),
        (Some(100), None)
    );
    store.put_product(a_product("A", 200));
    store.put_product(a_product("B", 300));
    assert_eq!(
        (price(&now, "A").await, price(&now, "B").await),
        (Some(100), Some(300))
    );
    let later = memory.before(&store, noon() + SignedDuration::from_secs(30));
    assert_eq!(price(&later, "A").await, Some(200));
}
