//! The fake store keeps the contracts that the real one keeps.

use testkit::{MemoryStore, contract};

#[tokio::test]
async fn the_memory_store_keeps_the_contract_of_orders() {
    contract::orders(&MemoryStore::default()).await;
}

#[tokio::test]
async fn the_memory_store_keeps_the_contract_of_the_catalogue() {
    contract::catalogue(&MemoryStore::default()).await;
}
