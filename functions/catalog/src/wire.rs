use api::{Product, ProductList};
use app::{Listing, Offer};
use data_encoding::BASE64URL_NOPAD;
use domain::Sku;
use lambda_kit::Problem;
use lambda_kit::http::{ReadRequest, Request, Response, json};

/// Products on a page where nothing else is asked for.
const DEFAULT_LIMIT: usize = 24;
/// The most products on a page.
const MAX_LIMIT: usize = 100;
/// The most characters of a search.
const MAX_QUERY: usize = 100;
/// What a cursor holds begins with its version, so that an old one is told from a broken one when it changes.
const CURSOR_VERSION: &str = "1:";

/// Which part of the catalogue is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) query: Option<String>,
    pub(crate) after: Option<Sku>,
    pub(crate) limit: usize,
}

impl Page {
    /// Reads the query; a search or a cursor without a value is as good as none.
    pub(crate) fn read(request: &Request) -> Result<Self, Problem> {
        let given = |name| request.query(name).filter(|value| !value.trim().is_empty());
        let limit = match request.query("limit") {
            None => DEFAULT_LIMIT,
            Some(limit) => read_limit(limit)?,
        };
        let query = given("q");
        if query.as_ref().is_some_and(|q| q.chars().count() > MAX_QUERY) {
            return Err(invalid_parameter(
                "q",
                format!("A search has at most {MAX_QUERY} characters."),
            ));
        }
        let after = given("cursor").map(read_cursor).transpose()?;
        Ok(Self {
            query: query.map(|q| q.trim().to_owned()),
            after,
            limit,
        })
    }
}

fn read_limit(raw: &str) -> Result<usize, Problem> {
    let limit = raw.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| invalid_parameter("limit", format!("A page has 1 to {MAX_LIMIT} products.")))
}

fn read_cursor(raw: &str) -> Result<Sku, Problem> {
    let held = BASE64URL_NOPAD.decode(raw.as_bytes()).ok();
    let held = held.and_then(|bytes| String::from_utf8(bytes).ok());
    let sku = held.as_deref().and_then(|held| held.strip_prefix(CURSOR_VERSION));
    sku.and_then(|sku| Sku::parse(sku).ok()).ok_or_else(|| {
        Problem::new(400, "invalid_cursor", "The cursor is not one of ours")
            .detail("Begin with the first page again.")
    })
}

pub(crate) fn cursor(after: &Sku) -> String {
    BASE64URL_NOPAD.encode(format!("{CURSOR_VERSION}{after}").as_bytes())
}

fn invalid_parameter(name: &str, detail: String) -> Problem {
    Problem::new(400, "invalid_parameter", "A query parameter is not valid")
        .detail(detail)
        .with("parameter", name.into())
}

pub(crate) fn product_not_found() -> Problem {
    Problem::new(404, "product_not_found", "There is no such product")
        .detail("The catalogue does not have this SKU, or no longer.")
}

pub(crate) fn listed(listing: &Listing) -> Response {
    let list = ProductList {
        items: listing.offers.iter().map(product).collect(),
        next_cursor: listing.next_after.as_ref().map(cursor),
        correction: listing.correction.clone(),
    };
    json(200, &list)
}

pub(crate) fn shown(offer: &Offer) -> Response {
    json(200, &product(offer))
}

fn product(offer: &Offer) -> Product {
    Product::new(&offer.product, offer.available)
}

#[cfg(test)]
mod tests {
    use lambda_kit::http::{BuildRequest, request};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_reads_back_and_is_versioned() {
        let sku = Sku::parse("85123A").expect("a SKU");
        assert_eq!(read_cursor(&cursor(&sku)).expect("a cursor"), sku);
        let other = BASE64URL_NOPAD.encode(b"2:85123A");
        for bad in ["85123A", "!", &other, "MTo", "MTo_"] {
            assert_eq!(
                read_cursor(bad).map_err(|p| p.code()),
                Err("invalid_cursor"),
                "{bad}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_query_is_read_or_refused(query in ".*", cursor in ".*", limit in ".*") {
            let query = format!("q={query}&cursor={cursor}&limit={limit}");
            let read = Page::read(&request("").with_query(&query));
            prop_assert!(read.map_or_else(|problem| problem.status() == 400, |page| page.limit <= MAX_LIMIT));
        }
    }
}
