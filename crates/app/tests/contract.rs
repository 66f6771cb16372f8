//! The fake store keeps the contracts that the real one keeps.

use testkit::{MemoryStore, contract};

#[tokio::test]
async fn the_memory_store_keeps_the_contract_of_orders() {
    let store = MemoryStore::default();
    contract::orders(&store, &store).await;
}

#[tokio::test]
async fn the_memory_store_keeps_the_contract_of_the_catalogue() {
    let store = MemoryStore::default();
    contract::catalogue(&store, &store).await;
}

#[tokio::test]
async fn the_memory_store_keeps_the_contract_of_circuits() {
    contract::circuits(&MemoryStore::default()).await;
}
