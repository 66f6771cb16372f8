//! The adapter keeps the contracts that the fakes keep, on the tables of `template.yaml` in an embedded engine.

use std::path::Path;
use std::sync::Arc;

use app::ports::{Committed, Orders};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use domain::{Product, Sku, StockLevel};
use dynamodb::{DynamoDb, Tables, WarehouseCircuit};
use sam_runner::engines::dynamodb::DynamoDb as Engine;
use sam_runner::template::{Document, Resolver, Stack, Surroundings};
use testkit::contract::{self, Stocking};
use testkit::{an_order, noon};

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
