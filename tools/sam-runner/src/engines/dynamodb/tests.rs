//! The engine through its wire format, as the SDK uses it.

use serde_json::{Value, json};

use super::*;
use crate::engines::testing;

struct Client {
    endpoint: String,
}

impl Client {
    fn of(engine: &DynamoDb) -> Client {
        Client {
            endpoint: engine.endpoint(),
        }
    }

    async fn call(&self, operation: &str, body: Value) -> (u16, Value) {
        let target = format!("DynamoDB_20120810.{operation}");
        let response = testing::call(&self.endpoint, "test", &target, &body).await;
        (
            response.status().as_u16(),
            response.json().await.unwrap_or_default(),
        )
    }

    async fn ok(&self, operation: &str, body: Value) -> Value {
        let (status, answer) = self.call(operation, body).await;
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }
}

impl Client {
    async fn put(&self, table: &str, item: Value) {
        self.ok("PutItem", json!({ "TableName": table, "Item": item }))
            .await;
    }

    /// Puts a product on the shelf.
    async fn stock(&self, sku: &str, available: &str) {
        self.put(
            "Stock",
            json!({ "sku": { "S": sku }, "available": { "N": available } }),
        )
        .await;
    }

    /// The pieces of a product.
    async fn left(&self, sku: &str) -> Value {
        let get = json!({ "TableName": "Stock", "Key": { "sku": { "S": sku } } });
        self.ok("GetItem", get).await["Item"]["available"]["N"].clone()
    }
}

fn orders() -> Value {
    json!({
        "TableName": "Orders",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            { "AttributeName": "order_id", "AttributeType": "S" },
            { "AttributeName": "due", "AttributeType": "S" },
            { "AttributeName": "due_at", "AttributeType": "N" }
        ],
        "KeySchema": [{ "AttributeName": "order_id", "KeyType": "HASH" }],
        "GlobalSecondaryIndexes": [{
            "IndexName": "due",
            "KeySchema": [
                { "AttributeName": "due", "KeyType": "HASH" },
                { "AttributeName": "due_at", "KeyType": "RANGE" }
            ],
            "Projection": { "ProjectionType": "KEYS_ONLY" }
        }],
        "PointInTimeRecoverySpecification": { "PointInTimeRecoveryEnabled": true },
        "SSESpecification": { "SSEEnabled": true },
        "DeletionProtectionEnabled": "false"
    })
}

fn stock() -> Value {
    json!({
        "TableName": "Stock",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "sku", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "sku", "KeyType": "HASH" }]
    })
}

async fn engine(data: Option<&Path>) -> (DynamoDb, Client) {
    let engine = DynamoDb::start(0, data).await.unwrap();
    engine.create_table(&orders()).unwrap();
    engine.create_table(&stock()).unwrap();
    let client = Client::of(&engine);
    (engine, client)
}

#[tokio::test]
async fn a_conditional_put_that_fails_shows_the_item_that_was_there() {
    let (_engine, client) = engine(None).await;
    let put = json!({
        "TableName": "Orders",
        "Item": { "order_id": { "S": "A" }, "version": { "N": "1" } },
        "ConditionExpression": "attribute_not_exists(order_id)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD"
    });
    client.ok("PutItem", put.clone()).await;
    let (status, answer) = client.call("PutItem", put).await;
    assert_eq!(status, 400);
    assert!(
        answer["__type"]
            .as_str()
            .unwrap()
            .ends_with("#ConditionalCheckFailedException"),
        "{answer}"
    );
    assert_eq!(answer["Item"]["version"]["N"], "1");
}

#[tokio::test]
async fn a_cancelled_transaction_changes_nothing_and_says_why() {
    let (_engine, client) = engine(None).await;
    client.stock("P1", "5").await;
    client.stock("P2", "1").await;
    let take = |sku: &str| {
        json!({ "Update": {
            "TableName": "Stock",
            "Key": { "sku": { "S": sku } },
            "UpdateExpression": "SET available = available - :n",
            "ConditionExpression": "available >= :n",
            "ExpressionAttributeValues": { ":n": { "N": "3" } },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD"
        }})
    };
    let both = json!({ "TransactItems": [take("P1"), take("P2")] });
    let (status, answer) = client.call("TransactWriteItems", both).await;
    assert_eq!(status, 400);
    assert_eq!(answer["CancellationReasons"][0]["Code"], "None");
    assert_eq!(answer["CancellationReasons"][1]["Code"], "ConditionalCheckFailed");
    assert_eq!(answer["CancellationReasons"][1]["Item"]["available"]["N"], "1");
    assert_eq!(client.left("P1").await, "5");
}

#[tokio::test]
async fn the_sparse_index_holds_only_what_is_due_in_its_order() {
    let (_engine, client) = engine(None).await;
    for (id, due_at) in [("A", Some("300")), ("B", None), ("C", Some("100"))] {
        let mut item = json!({ "order_id": { "S": id }, "status": { "S": "paid" } });
        if let Some(due_at) = due_at {
            item["due"] = json!({ "S": "due" });
            item["due_at"] = json!({ "N": due_at });
        }
        client.put("Orders", item).await;
    }
    let query = json!({
        "TableName": "Orders", "IndexName": "due",
        "KeyConditionExpression": "due = :due AND due_at <= :now",
        "ExpressionAttributeValues": { ":due": { "S": "due" }, ":now": { "N": "400" } }
    });
    let found = client.ok("Query", query).await;
    let expected = json!([
        { "order_id": { "S": "C" }, "due": { "S": "due" }, "due_at": { "N": "100" } },
        { "order_id": { "S": "A" }, "due": { "S": "due" }, "due_at": { "N": "300" } }
    ]);
    assert_eq!(found["Items"], expected);
}

#[tokio::test]
async fn a_batch_get_answers_for_the_keys_that_exist() {
    let (_engine, client) = engine(None).await;
    client.stock("P1", "1").await;
    client.stock("P2", "1").await;
    let keys = ["P1", "P2", "P3"].map(|sku| json!({ "sku": { "S": sku } }));
    let get = json!({ "RequestItems": { "Stock": { "Keys": keys } } });
    let found = client.ok("BatchGetItem", get).await;
    assert_eq!(found["Responses"]["Stock"].as_array().unwrap().len(), 2);
    assert_eq!(found["UnprocessedKeys"], json!({}));
}

#[tokio::test]
async fn data_outlives_the_engine_and_tables_are_found_again() {
    let data = tempfile::tempdir().unwrap();
    let (mut first, client) = engine(Some(data.path())).await;
    client.stock("P1", "7").await;
    drop(client);
    first.shutdown().await;
    drop(first);
    let (_second, client) = engine(Some(data.path())).await;
    assert_eq!(client.left("P1").await, "7");
}

#[tokio::test]
async fn a_table_whose_keys_differ_from_the_template_is_an_error() {
    let (engine, _client) = engine(None).await;
    let mut changed = orders();
    changed["GlobalSecondaryIndexes"][0]["IndexName"] = "late".into();
    let error = engine.create_table(&changed).unwrap_err().to_string();
    assert!(
        error.contains("table Orders in the data directory has other keys"),
        "{error}"
    );
}

#[tokio::test]
async fn a_stream_is_indexed_and_expiry_is_switched_on() {
    let engine = DynamoDb::start(0, None).await.unwrap();
    let mut table = stock();
    table["StreamSpecification"] = json!({ "StreamViewType": "NEW_AND_OLD_IMAGES" });
    table["TimeToLiveSpecification"] = json!({ "AttributeName": "expires_at", "Enabled": "true" });
    engine.create_table(&table).unwrap();
    engine.create_table(&table).unwrap();
    let client = Client::of(&engine);
    for (sku, expires_at) in [("old", "1000"), ("new", "9999999999")] {
        let item = json!({ "sku": { "S": sku }, "expires_at": { "N": expires_at } });
        client.put("Stock", item).await;
    }
    look_after(&engine.database, &engine.duties, engine.files.database());
    assert_eq!(
        client.ok("Scan", json!({ "TableName": "Stock" })).await["Count"],
        1
    );
    let indexes: i64 = rusqlite::Connection::open(engine.files.database())
        .unwrap()
        .query_row(
            "SELECT COUNT(*) FROM sqlite_master WHERE name = '_stream_records_by_sequence'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(indexes, 1);
}
