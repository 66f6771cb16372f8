use api::ToProblem;
use app::ports::{Catalogue, Clock, Stock, StoreError};
use app::{Listing, Offer, browse_catalogue, show_product};
use domain::Sku;
use lambda_kit::Problem;
use lambda_kit::http::{Handle, ReadRequest, Request, Response, text};

use crate::caching::cacheable;
use crate::catalogue_cache::CatalogueCache;
use crate::wire::{Page, listed, product_not_found, shown};

/// The public interface, as openapi.yaml describes it.
const INTERFACE: &str = include_str!("../../../openapi.yaml");
/// RFC 9512.
const YAML: &str = "application/yaml";

const LIST: &str = "GET /api/products";
const SHOW: &str = "GET /api/products/{sku}";
const DESCRIBE: &str = "GET /api/openapi.yaml";

/// The catalogue's routes, and `openapi.yaml`.
pub(crate) struct Catalog<S, C> {
    pub(crate) cache: CatalogueCache<S>,
    pub(crate) clock: C,
}

impl<S: Catalogue + Stock + Send + 'static, C: Clock> Handle for Catalog<S, C> {
    const ROUTES: &'static [&'static str] = &[LIST, SHOW, DESCRIBE];

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        match request.route() {
            LIST => self.list(request).await,
            SHOW => self.show(request).await,
            DESCRIBE => Ok(cacheable(request, text(200, YAML, INTERFACE))),
            _ => Err(Problem::route_not_found()),
        }
    }
}

impl<S: Catalogue + Stock + Send + 'static, C: Clock> Catalog<S, C> {
    pub(crate) fn new(store: S, clock: C) -> Self {
        Self {
            cache: CatalogueCache::new(store),
            clock,
        }
    }

    async fn list(&self, request: &Request) -> Result<Response, Problem> {
        let page = Page::read(request)?;
        let listing = self.browse(&page).await.map_err(ToProblem::to_problem)?;
        Ok(cacheable(request, listed(&listing)))
    }

    async fn show(&self, request: &Request) -> Result<Response, Problem> {
        let sku = Sku::parse(request.path_parameter("sku")).map_err(|_| product_not_found())?;
        let offer = self.look_up(&sku).await.map_err(ToProblem::to_problem)?;
        let offer = offer.ok_or_else(product_not_found)?;
        Ok(cacheable(request, shown(&offer)))
    }

    async fn browse(&self, page: &Page) -> Result<Listing, StoreError> {
        let now = self.clock.now();
        let after = page.after.as_ref();
        if let Some(query) = page.query.as_deref() {
            // Only a copy can be searched.
            let copy = self.cache.any_snapshot(now).await?;
            return Ok(copy.search(query, after, page.limit));
        }
        if let Some(copy) = self.cache.snapshot(now) {
            return browse_catalogue(&*copy, &*copy, after, page.limit).await;
        }
        let store = self.cache.store();
        browse_catalogue(store, store, after, page.limit).await
    }

    async fn look_up(&self, sku: &Sku) -> Result<Option<Offer>, StoreError> {
        if let Some(copy) = self.cache.snapshot(self.clock.now()) {
            return show_product(&*copy, &*copy, sku).await;
        }
        let store = self.cache.store();
        show_product(store, store, sku).await
    }
}
