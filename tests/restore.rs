//! Going back to one second on the running shop, with the operator's command. What AWS does in an account, copying each table as of that second, is
//! done here by copying them in that second; the rest is the same. A world of its own: its tables are torn.

use std::collections::{BTreeMap, BTreeSet};

use app::ports::Orders;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, BillingMode, DeleteRequest, KeySchemaElement, PutRequest, WriteRequest,
};
use domain::{AccessToken, Order, OrderId, RefundState, Status};
use dynamodb::Tables;
use jiff::Timestamp;
use kontor::world::World;
use kontor_tests::tables::{client, store, variable};
use kontor_tests::{LATER, PAIR, Shopper, items, running};
use ops::{Clients, Outside, Place, Restore, Restored, Shop};
use serde_json::{Value, json};

/// Pieces of [`LATER`] at first.
const PIECES: i64 = 1_000;
/// What the stock and the orders hold is to be the same second's: so long nothing changes before it.
const QUIET: std::time::Duration = std::time::Duration::from_millis(2_500);

fn world() -> &'static World {
    running().world()
}

fn table(name: &str) -> String {
    variable(name).expect("every function knows the tables")
}

/// An order that was placed and may have been paid.
struct Bought {
    id: OrderId,
    token: String,
}

impl Bought {
    fn of((id, token): (String, String)) -> Self {
        Self {
            id: OrderId::parse(&id).expect("an id"),
            token,
        }
    }

    async fn wait_for(&self, shopper: &Shopper, status: &str) {
        shopper.wait_for(status, self.id.as_str(), &self.token).await;
    }

    async fn stored(&self) -> Order {
        store().get(self.id).await.expect("a read").expect("an order")
    }

    fn key(&self) -> (&'static str, AttributeValue) {
        ("order_id", AttributeValue::S(self.id.to_string()))
    }
}

async fn buy(shopper: &Shopper, key: &str, pieces: i64) -> Bought {
    Bought::of(shopper.buy(key, &items(&[(LATER, pieces)])).await)
}

async fn place(shopper: &Shopper, key: &str, pieces: i64) -> Bought {
    let placed = shopper.place(key, LATER, pieces).await;
    Bought::of((placed.id, placed.token))
}

async fn pay(shopper: &Shopper, order: &Bought) {
    let page = shopper.open_page(order.id.as_str(), &order.token).await;
    assert_eq!(shopper.on_the_page(&page, "paid").await.status, 200);
}

/// Copies a table, as AWS restores one: items and keys, under another name.
async fn copy_of(source: &str) -> String {
    let client = client();
    let described = client.describe_table().table_name(source).send().await;
    let described = described.expect("described").table.expect("a table");
    let keys = described.key_schema.expect("keys");
    let is_key = |name: &str| {
        keys.iter()
            .any(|key: &KeySchemaElement| key.attribute_name() == name)
    };
    let attributes = described.attribute_definitions.unwrap_or_default().into_iter();
    let attributes = attributes.filter(|attribute| is_key(attribute.attribute_name()));
    let copy = format!("{source}-copy");
    let created = client
        .create_table()
        .table_name(&copy)
        .set_attribute_definitions(Some(attributes.collect()))
        .set_key_schema(Some(keys))
        .billing_mode(BillingMode::PayPerRequest);
    created.send().await.expect("a table");
    let mut pages = client.scan().table_name(source).into_paginator().items().send();
    let mut puts = Vec::new();
    while let Some(item) = pages.next().await {
        let put = PutRequest::builder().set_item(Some(item.expect("an item")));
        let put = WriteRequest::builder().put_request(put.build().expect("an item"));
        puts.push(put.build());
    }
    for batch in puts.chunks(25) {
        write(&copy, batch.to_vec()).await;
    }
    copy
}

async fn write(table: &str, requests: Vec<WriteRequest>) {
    let written = client()
        .batch_write_item()
        .request_items(table, requests)
        .send()
        .await;
    let left = written.expect("written").unprocessed_items.unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
}

/// Deletes the item of this key.
async fn tear<const N: usize>(table: &str, key: [(&str, AttributeValue); N]) {
    let delete = DeleteRequest::builder().set_key(Some(
        key.map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect(),
    ));
    let delete = WriteRequest::builder().delete_request(delete.build().expect("a key"));
    write(table, vec![delete.build()]).await;
}

async fn operator() -> (Shop, Outside) {
    let lambda = world().endpoints()["AWS_ENDPOINT_URL_LAMBDA"].clone();
    let clients = Clients::at(&world().dynamodb_endpoint(), &world().sqs_endpoint(), &lambda).await;
    let shop = Shop::find(clients, "kontor").await.expect("a shop");
    let secrets: Value = serde_json::from_str(include_str!("../events/secrets.json")).expect("JSON");
    let key = |at: &str| {
        secrets
            .pointer(at)
            .and_then(Value::as_str)
            .expect("a key")
            .to_owned()
            .into()
    };
    let outside = Outside::of(
        &shop,
        key("/stripe_secret_key"),
        key("/erp_credentials/token"),
        None,
    )
    .await;
    (shop, outside.expect("both"))
}

/// The orders that the warehouse has, each once.
async fn in_the_warehouse(shopper: &Shopper) -> BTreeSet<String> {
    let url = format!("{}/sandbox/orders", running().warehouse_url);
    let orders = shopper.get(&url).await;
    let id = |order: &Value| order["order_id"].as_str().expect("an id").to_owned();
    let listed = orders.list("orders");
    let ids: BTreeSet<_> = listed.iter().map(id).collect();
    assert_eq!(ids.len(), listed.len(), "an order is there twice");
    ids
}

/// Captured and given back in all, in cents.
async fn money(shopper: &Shopper) -> (i64, i64) {
    let url = format!("{}/sandbox/charges", running().payments_url);
    let charges = shopper.get(&url).await;
    let (mut captured, mut back) = (0, 0);
    for charge in charges.list("charges") {
        let cents = |value: &Value| value["amount"].as_i64().expect("an amount");
        captured += cents(charge);
        let refunds = charge["refunds"].as_array().expect("a list");
        back += refunds.iter().map(cents).sum::<i64>();
    }
    (captured, back)
}

async fn restored(shop: &Shop, outside: &Outside, restore: &Restore) -> Restored {
    let now = || Timestamp::from_millisecond(Timestamp::now().as_millisecond()).expect("a time");
    shop.restore(restore, outside, now).await.expect("restored")
}

/// Back to this second, from copies that are made now.
async fn to_now() -> Restore {
    let at = Timestamp::now();
    Restore {
        at,
        copies: Tables {
            products: copy_of(&table("PRODUCTS_TABLE")).await,
            stock: copy_of(&table("STOCK_TABLE")).await,
            orders: copy_of(&table("ORDERS_TABLE")).await,
        },
        rewind: false,
        dry_run: false,
        token_of_lost: AccessToken::of_random([0; 16]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_shop_loses_no_order_payment_or_piece() {
    let shopper = Shopper::default();
    let (shop, outside) = operator().await;
    let forwarded = buy(&shopper, "restore-forwarded", 1).await;
    forwarded.wait_for(&shopper, "forwarded").await;
    let placed = place(&shopper, "restore-placed", 2).await;
    shopper.warehouse_faults(json!({"down": true})).await;
    let paid = buy(&shopper, "restore-paid", 3).await;
    paid.wait_for(&shopper, "paid").await;

    // The second to which the shop goes back.
    tokio::time::sleep(QUIET).await;
    let restore = to_now().await;

    // What happens after it.
    shopper.warehouse_faults(json!({"down": false})).await;
    let resent = shop
        .resend(paid.id, false, Timestamp::now())
        .await
        .expect("an answer");
    assert!(resent.sent);
    pay(&shopper, &placed).await;
    let [shipped, kept] = [("restore-shipped", 4), ("restore-kept", 6)];
    let shipped = buy(&shopper, shipped.0, shipped.1).await;
    let kept = buy(&shopper, kept.0, kept.1).await;
    for order in [&paid, &placed, &shipped, &kept] {
        order.wait_for(&shopper, "forwarded").await;
    }
    shopper.warehouse_faults(json!({"down": true})).await;
    let unshipped = buy(&shopper, "restore-unshipped", 5).await;
    unshipped.wait_for(&shopper, "paid").await;
    let unpaid = place(&shopper, "restore-unpaid", 7).await;
    let open_page = shopper.open_page(unpaid.id.as_str(), &unpaid.token).await;
    let (captured, _) = money(&shopper).await;
    let owed = unshipped.stored().await.quote().total.minor();

    // The loss: all but one order, a product, and what is left of one. One order is there, and cannot be read.
    for order in [&forwarded, &placed, &shipped, &unshipped, &unpaid] {
        tear(&table("ORDERS_TABLE"), [order.key()]).await;
    }
    let torn = client().update_item().table_name(table("ORDERS_TABLE"));
    let (name, id) = paid.key();
    let torn = torn.key(name, id).update_expression("SET document = :torn");
    let torn = torn.expression_attribute_values(":torn", AttributeValue::B(Blob::new("torn")));
    torn.send().await.expect("a write");
    let text = |text: &str| AttributeValue::S(text.to_owned());
    tear(&table("STOCK_TABLE"), [("sku", text(LATER))]).await;
    let product = [("catalogue", text("all")), ("sku", text(PAIR))];
    tear(&table("PRODUCTS_TABLE"), product).await;
    shopper.warehouse_faults(json!({"down": false})).await;

    let dry_run = Restore {
        dry_run: true,
        ..restore.clone()
    };
    let would = restored(&shop, &outside, &dry_run).await;
    assert_eq!((would.orders_put_back, would.lost.len()), (3, 2), "{would}");
    assert!(would.open.is_empty(), "{would}");
    assert_eq!(store().get(placed.id).await.expect("a read"), None);

    let told = restored(&shop, &outside, &restore).await;
    println!("{told}");
    assert_eq!((told.orders_put_back, told.orders_kept), (3, 0), "{told}");
    assert_eq!((told.products_put_back, told.levels_set), (1, 1), "{told}");
    // The order that the provider says is paid; that which was paid in the copy, unless its turn has come meanwhile.
    assert!((1..=2).contains(&told.found_in_warehouse), "{told}");
    assert_eq!(told.pages_closed, 1, "{told}");
    assert_eq!(told.messages.get("paid"), Some(&1), "{told}");
    assert!(
        told.short.is_empty() && told.at_the_edge.is_empty() && told.open.is_empty(),
        "{told}"
    );
    let lost = told
        .lost
        .iter()
        .map(|lost| (lost.order_id.clone(), lost.place.clone()));
    let lost: BTreeMap<_, _> = lost.collect();
    assert_eq!(lost.len(), 2, "{told}");
    assert_eq!(lost[unshipped.id.as_str()], Place::HasItNot);
    assert!(matches!(lost[shipped.id.as_str()], Place::HasIt { .. }), "{told}");

    // Again, with nothing left to do.
    let again = restored(&shop, &outside, &restore).await;
    assert_eq!((again.orders_put_back, again.levels_set), (0, 0), "{again}");
    assert!(again.lost.is_empty() && again.open.is_empty(), "{again}");

    world().run_schedule_now("reconciler").await.expect("a run");
    for order in [&forwarded, &placed, &paid, &shipped, &kept] {
        assert_eq!(order.stored().await.status(), Status::Forwarded);
    }
    let given_up = unshipped.stored().await;
    assert_eq!(given_up.status(), Status::Expired);
    assert!(matches!(given_up.refunds()[0].state, RefundState::Done { .. }));
    assert_eq!(money(&shopper).await, (captured, owed));
    let expected = [&forwarded, &placed, &paid, &shipped, &kept].map(|order| order.id.to_string());
    assert_eq!(in_the_warehouse(&shopper).await, BTreeSet::from(expected));
    // What left for the order that only the warehouse knows is taken off by hand.
    assert_eq!(shopper.left(LATER).await, PIECES - (1 + 2 + 3 + 6));

    // The closed page takes no money, and a lost order's key no other order.
    assert_ne!(shopper.on_the_page(&open_page, "paid").await.status, 200);
    let reused = shopper.order("restore-unshipped", &items(&[(LATER, 5)])).await;
    reused.assert_problem(422, "idempotency_key_reused");
    buy(&shopper, "restore-afterwards", 1)
        .await
        .wait_for(&shopper, "forwarded")
        .await;
}

#[test]
fn restoring_stops_every_function_that_writes() {
    let script = include_str!("../infra/restore.sh");
    let listed = script
        .split(['(', ')'])
        .skip_while(|part| !part.ends_with("\nwriters="));
    let stopped: BTreeSet<_> = listed.skip(1).take(1).flat_map(str::split_whitespace).collect();
    let writes = |action: &String| {
        let action = action.strip_prefix("dynamodb:").unwrap_or_default();
        ["BatchWrite", "Delete", "Put", "Update"]
            .iter()
            .any(|write| action.starts_with(write))
    };
    let functions = world().stack().functions.iter();
    let writing = functions.filter(|function| {
        let mut statements = function.role.statements.iter();
        statements.any(|statement| statement.actions.iter().any(writes))
    });
    let names = writing.map(|function| function.name.strip_prefix("kontor-").unwrap_or_default());
    assert_eq!(stopped, names.collect());
}
