use std::collections::HashMap;
use std::future::Future;

use domain::{Product, Sku};

use super::StoreError;

/// A part of the catalogue in the order of the SKUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductPage {
    /// At most as many as asked for.
    pub products: Vec<Product>,
    /// Whether the catalogue goes on after the last of them.
    pub more: bool,
}

/// The products of the shop. Reads may be some seconds old.
pub trait Catalogue: Sync {
    /// The products after `after` (from the first where `None`), at most `limit` (1 to 100).
    fn page(
        &self,
        after: Option<&Sku>,
        limit: usize,
    ) -> impl Future<Output = Result<ProductPage, StoreError>> + Send;

    /// Every product, in the order of the SKUs: for building an index, not for answering a request.
    fn all(&self) -> impl Future<Output = Result<Vec<Product>, StoreError>> + Send;

    /// Those of `skus` that the catalogue has; any number of SKUs, each at most once.
    fn products(
        &self,
        skus: &[Sku],
    ) -> impl Future<Output = Result<HashMap<Sku, Product>, StoreError>> + Send;
}

/// What is left of each product. Reads may be some milliseconds old: only a conditional write decides.
pub trait Stock: Sync {
    /// Pieces left of each of `skus` (any number, each at most once); a SKU that is not in the answer has none.
    fn levels(&self, skus: &[Sku]) -> impl Future<Output = Result<HashMap<Sku, u32>, StoreError>> + Send;

    /// Pieces left of every SKU: for a copy that answers readers, not for answering one.
    fn all_levels(&self) -> impl Future<Output = Result<HashMap<Sku, u32>, StoreError>> + Send;
}
