//! The adapter keeps the contracts that the fakes keep, on the tables of `template.yaml` in an embedded engine.

use std::path::Path;
use std::sync::Arc;

use app::ports::{Catalogue, Committed, Orders};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use domain::{Order, Product, Sku, Status, StockLevel};
use dynamodb::{DynamoDb, StoredOrder, Tables, WarehouseCircuit};
use jiff::SignedDuration;
use sam_runner::engines::dynamodb::DynamoDb as Engine;
use sam_runner::template::{Document, Resolver, Stack, Surroundings};
use testkit::contract::{self, Stocking};
use testkit::{a_product, altered, an_access_token, an_order, noon};

/// The adapter, and the engine that it talks to.
struct Store {
    adapter: DynamoDb,
    circuit: WarehouseCircuit,
    _engine: Engine,
}

impl Store {
    /// New and empty, with the keys and indexes that the template declares.
    async fn new() -> Self {
        let engine = Engine::start(0, None).await.expect("an engine");
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
        let document = Document::read(&template).expect("the template");
        let surroundings = Surroundings {
            stack_name: "shop",
            region: "eu-central-1",
            account: "000000000000",
            parameters: ["SiteUrl", "ErpBaseUrl"]
                .map(|name| (name.to_owned(), "http://localhost".to_owned()))
                .into(),
            queue_url: &|name| format!("http://127.0.0.1/{name}"),
        };
        let resolver = Resolver::new(&document, &surroundings).expect("a resolver");
        let stack = Stack::read(&resolver).expect("a stack");
        for table in &stack.tables {
            engine.create_table(&table.properties).expect("a table");
        }
        let name = |id: &str| {
            stack
                .tables
                .iter()
                .find(|table| table.id == id)
                .expect("in the template")
                .name
                .clone()
        };
        let tables = Tables {
            products: name("ProductsTable"),
            stock: name("StockTable"),
            orders: name("OrdersTable"),
        };
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .endpoint_url(engine.endpoint())
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        let client = Client::from_conf(config);
        Self {
            circuit: WarehouseCircuit::new(client.clone(), name("CircuitsTable")),
            adapter: DynamoDb::new(client, tables),
            _engine: engine,
        }
    }
}

/// Fills the adapter's tables.
struct Stockroom<'a>(&'a DynamoDb);

impl Stocking for Stockroom<'_> {
    async fn stock_product(&self, product: Product) {
        self.0.put_products(&[product]).await.expect("stored");
    }

    async fn stock_pieces(&self, sku: &Sku, pieces: u32) {
        self.0
            .put_stock(&[StockLevel {
                sku: sku.clone(),
                available: pieces,
            }])
            .await
            .expect("stored");
    }
}

#[tokio::test]
async fn the_adapter_keeps_the_contract_of_orders() {
    let store = Store::new().await;
    contract::orders(&store.adapter, &Stockroom(&store.adapter)).await;
}

#[tokio::test]
async fn the_adapter_keeps_the_contract_of_the_catalogue() {
    let store = Store::new().await;
    contract::catalogue(&store.adapter, &Stockroom(&store.adapter)).await;
}

#[tokio::test]
async fn the_adapter_keeps_the_contract_of_circuits() {
    let store = Store::new().await;
    contract::circuits(&store.circuit).await;
}

#[tokio::test]
async fn of_many_buyers_of_the_last_pieces_exactly_as_many_are_served() {
    let store = Store::new().await;
    let builder = an_order().lines(1);
    let last = StockLevel {
        sku: builder.skus().remove(0),
        available: 10,
    };
    store.adapter.put_stock(&[last]).await.expect("stocked");
    let adapter = Arc::new(store.adapter.clone());
    let buyers = (0..50).map(|n| {
        let (adapter, builder) = (Arc::clone(&adapter), builder.clone().under(&format!("buyer {n}")));
        tokio::spawn(async move {
            let (order, stock) = builder.draft().reserve_step(noon()).expect("a draft");
            adapter.commit(order, stock).await.expect("an outcome")
        })
    });
    let mut served = 0;
    for buyer in buyers.collect::<Vec<_>>() {
        match buyer.await.expect("no panic") {
            Committed::Done(_) => served += 1,
            Committed::OutOfStock(short) => assert_eq!(short[0].available, 0),
            Committed::Conflict(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(served, 10);
}

/// Stores an order as it is, and reads it as it is stored.
async fn kept(store: &DynamoDb, order: Order) -> StoredOrder {
    let id = order.id();
    let committed = store.commit(order, Vec::new()).await.expect("an outcome");
    assert!(matches!(committed, Committed::Done(_)), "{committed:?}");
    let mut stored = store.stored_orders(&[id]).await.expect("read");
    stored.remove(&id).expect("stored")
}

#[tokio::test]
async fn an_order_put_back_has_a_version_that_neither_had() {
    let (copies, store) = (Store::new().await, Store::new().await);
    let (copies, store) = (&copies.adapter, &store.adapter);
    let copy = kept(copies, an_order().paid()).await;
    let id = copy.id;
    assert!(store.put_back(&copy, None).await.expect("an outcome"));
    let first = store.get(id).await.expect("read").expect("stored");
    assert_eq!((first.version(), first.status()), (1, Status::Paid));
    // What was put back is not to be taken for nothing, and what changed since it was read stays.
    assert!(!store.put_back(&copy, None).await.expect("an outcome"));
    let read = kept(store, first.clone()).await;
    let newer = kept(store, read.order.as_ref().expect("readable").clone()).await;
    assert!(!store.put_back(&copy, Some(&read)).await.expect("an outcome"));
    assert!(store.put_back(&copy, Some(&newer)).await.expect("an outcome"));
    let last = store.get(id).await.expect("read").expect("stored");
    assert_eq!(last.version(), 4);
    assert_eq!(store.orders_page(None).await.expect("a page").orders.len(), 1);
}

#[tokio::test]
async fn an_order_put_back_keeps_the_access_token_that_stands() {
    let later = an_order().at(noon() + SignedDuration::from_mins(1));
    let new = an_access_token("new");
    let of_0_2_0 = altered(an_order().paid(), |order| order.access_token = None);
    for (copied, standing, expected) in [
        (
            an_order().paid(),
            an_order().paid().with_access_token(new.clone()),
            new.clone(),
        ),
        (
            of_0_2_0,
            an_order().paid().with_access_token(new.clone()),
            new.clone(),
        ),
        (
            an_order().paid(),
            later.paid().with_access_token(new),
            an_order().paid().access_token().expect("a token").clone(),
        ),
    ] {
        let (copies, store) = (Store::new().await, Store::new().await);
        let (copies, store) = (&copies.adapter, &store.adapter);
        let copy = kept(copies, copied).await;
        let standing = kept(store, standing).await;
        assert!(store.put_back(&copy, Some(&standing)).await.expect("an outcome"));
        let order = store.get(copy.id).await.expect("read").expect("stored");
        assert_eq!(order.access_token(), Some(&expected));
    }
}

#[tokio::test]
async fn a_level_is_set_in_place_of_the_one_that_was_read() {
    let store = Store::new().await;
    let (store, sku) = (&store.adapter, an_order().skus().remove(0));
    assert!(store.set_level(&sku, 5, None).await.expect("an outcome"));
    assert!(!store.set_level(&sku, 6, None).await.expect("an outcome"));
    let read = store.stored_levels().await.expect("read");
    assert_eq!(read[&sku].available, Some(5));
    let current = read.get(&sku);
    assert!(store.set_level(&sku, 7, current).await.expect("an outcome"));
    assert!(!store.set_level(&sku, 8, current).await.expect("an outcome"));
    assert_eq!(
        store.stored_levels().await.expect("read")[&sku].available,
        Some(7)
    );
}

#[tokio::test]
async fn products_that_are_missing_are_put_back_and_others_if_asked() {
    let (copies, store) = (Store::new().await, Store::new().await);
    let (copies, store) = (&copies.adapter, &store.adapter);
    let products = ["A", "B"].map(|sku| a_product(sku, 1_000));
    copies.put_products(&products).await.expect("stored");
    store.put_products(&[a_product("A", 900)]).await.expect("stored");
    for (all, dry_run, expected) in [
        (true, true, 2),
        (false, false, 1),
        (true, false, 1),
        (true, false, 0),
    ] {
        let put = store.put_back_products(copies, all, dry_run).await;
        assert_eq!(put.expect("an outcome"), expected, "{all}, {dry_run}");
    }
    assert_eq!(store.all().await.expect("read"), products);
}
