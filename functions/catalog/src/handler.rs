use std::sync::{Arc, Mutex, PoisonError};

use app::ports::{Catalogue, Clock, Stock, StoreError};
use app::{ProductSearch, browse_catalogue, show_product};
use domain::Sku;
use jiff::{SignedDuration, Timestamp};
use lambda_kit::Problem;
use lambda_kit::http::{Handle, Request, Response};

use crate::caching::cacheable;
use crate::wire::{Page, listed, product_not_found, shown, store_failed};

/// How old the index of the search may be: a new product is found a minute later.
const INDEX_AGE: SignedDuration = SignedDuration::from_secs(60);

/// The public interface, as openapi.yaml describes it.
const INTERFACE: &str = include_str!("../../../openapi.yaml");
/// RFC 9512.
const YAML: &str = "application/yaml";

/// The catalogue's routes, and the one that describes them all: whoever asks what the shop sells may ask how.
pub(crate) struct Catalog<S, C> {
    pub(crate) store: S,
    pub(crate) clock: C,
    index: Mutex<Option<Index>>,
}

#[derive(Clone)]
struct Index {
    built_at: Timestamp,
    search: Arc<ProductSearch>,
}

impl<S: Catalogue + Stock, C: Clock> Handle for Catalog<S, C> {
    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        match request.route() {
            "GET /api/products" => self.list(request).await,
            "GET /api/products/{sku}" => self.show(request).await,
            "GET /api/openapi.yaml" => Ok(cacheable(request, &Response::text(200, YAML, INTERFACE))),
            _ => Err(Problem::route_not_found()),
        }
    }
}

impl<S: Catalogue + Stock, C: Clock> Catalog<S, C> {
    pub(crate) fn new(store: S, clock: C) -> Self {
        Self {
            store,
            clock,
            index: Mutex::new(None),
        }
    }

    async fn list(&self, request: &Request) -> Result<Response, Problem> {
        let page = Page::read(request)?;
        let index = match page.query {
            Some(_) => Some(self.index().await.map_err(store_failed)?),
            None => None,
        };
        let search = index.as_deref().zip(page.query.as_deref());
        let listing = browse_catalogue(&self.store, &self.store, search, page.after.as_ref(), page.limit)
            .await
            .map_err(store_failed)?;
        Ok(cacheable(request, &listed(&listing)))
    }

    async fn show(&self, request: &Request) -> Result<Response, Problem> {
        let sku = Sku::parse(request.path_parameter("sku")).map_err(|_| product_not_found())?;
        let offer = show_product(&self.store, &self.store, &sku)
            .await
            .map_err(store_failed)?;
        let offer = offer.ok_or_else(product_not_found)?;
        Ok(cacheable(request, &shown(&offer)))
    }

    /// The index, built with the first search and again when it is old; an old one is better than none.
    async fn index(&self) -> Result<Arc<ProductSearch>, StoreError> {
        let known = self.index.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let now = self.clock.now();
        if let Some(index) = known.as_ref().filter(|index| now < index.built_at + INDEX_AGE) {
            return Ok(Arc::clone(&index.search));
        }
        match (self.store.all().await, known) {
            (Ok(products), _) => {
                let search = Arc::new(ProductSearch::new(products));
                let fresh = Index {
                    built_at: now,
                    search: Arc::clone(&search),
                };
                *self.index.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
                Ok(search)
            }
            (Err(error), Some(old)) => {
                tracing::warn!(
                    error = lambda_kit::telemetry::chain(&error),
                    "the search stays as old as it is"
                );
                Ok(old.search)
            }
            (Err(error), None) => Err(error),
        }
    }
}
