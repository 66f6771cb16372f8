//! A table as CloudFormation describes it, made in the engine.

use anyhow::{Context, anyhow, bail, ensure};
use dynoxide::Database;
use dynoxide::actions::create_table::CreateTableRequest;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::update_time_to_live::{TimeToLiveSpecification, UpdateTimeToLiveRequest};
use dynoxide::errors::DynoxideError;
use serde_json::{Map, Value, json};

/// Properties that CloudFormation and the `CreateTable` call name and shape alike.
const SAME_IN_BOTH: [&str; 6] = [
    "TableName",
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "ProvisionedThroughput",
    "TableClass",
];
/// The same, inside an index.
const SAME_IN_AN_INDEX: [&str; 4] = ["IndexName", "KeySchema", "Projection", "ProvisionedThroughput"];
const INDEXES: [&str; 2] = ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"];

/// A table to be: the `CreateTable` call and what belongs to it.
#[derive(Debug)]
pub(super) struct Table {
    name: String,
    request: Value,
    expires_by: Option<String>,
    has_stream: bool,
}

impl Table {
    /// Reads the resolved properties of an `AWS::DynamoDB::Table`.
    pub(super) fn from_properties(properties: &Value) -> anyhow::Result<Table> {
        let name = properties["TableName"]
            .as_str()
            .context("a table has no TableName")?
            .to_owned();
        let mut request = Map::new();
        for property in SAME_IN_BOTH {
            copy(properties, property, &mut request);
        }
        for property in INDEXES {
            if let Some(indexes) = properties[property].as_array() {
                request.insert(property.into(), indexes.iter().map(index).collect());
            }
        }
        let view = properties["StreamSpecification"]["StreamViewType"].as_str();
        if let Some(view) = view {
            request.insert(
                "StreamSpecification".into(),
                json!({ "StreamEnabled": true, "StreamViewType": view }),
            );
        }
        let expiry = &properties["TimeToLiveSpecification"];
        let expires_by = is_true(&expiry["Enabled"])
            .then(|| expiry["AttributeName"].as_str().map(str::to_owned))
            .flatten();
        Ok(Table {
            name,
            request: request.into(),
            expires_by,
            has_stream: view.is_some(),
        })
    }

    /// Whether items expire by themselves.
    pub(super) fn has_expiry(&self) -> bool {
        self.expires_by.is_some()
    }

    /// Whether changes are recorded in a stream.
    pub(super) fn has_stream(&self) -> bool {
        self.has_stream
    }

    /// Makes the table, or finds it made as it should be.
    pub(super) fn create(&self, database: &Database) -> anyhow::Result<()> {
        let name = &self.name;
        let request: CreateTableRequest =
            serde_json::from_value(self.request.clone()).with_context(|| format!("table {name}"))?;
        match database.create_table(request) {
            Ok(_) => {}
            Err(DynoxideError::ResourceInUseException(_)) => self.compare_with_existing(database)?,
            Err(error) => bail!("table {name}: {error}"),
        }
        let Some(attribute_name) = self.expires_by.clone() else {
            return Ok(());
        };
        let expiry = UpdateTimeToLiveRequest {
            table_name: name.clone(),
            time_to_live_specification: TimeToLiveSpecification {
                attribute_name,
                enabled: true,
            },
        };
        match database.update_time_to_live(expiry) {
            Ok(_) => Ok(()),
            Err(error) if error.to_string().contains("already enabled") => Ok(()),
            Err(error) => bail!("table {name}: {error}"),
        }
    }

    fn compare_with_existing(&self, database: &Database) -> anyhow::Result<()> {
        let name = &self.name;
        let described = database
            .describe_table(DescribeTableRequest {
                table_name: name.clone(),
            })
            .map_err(|error| anyhow!("table {name}: {error}"))?;
        let existing = serde_json::to_value(described)?;
        ensure!(
            keys(&existing["Table"]) == keys(&self.request),
            "table {name} in the data directory has other keys or indexes than the template asks for: \
             start with another data directory, or remove this one"
        );
        Ok(())
    }
}

/// The key schemas of a table and its indexes, in a form that compares.
fn keys(table: &Value) -> Value {
    let mut indexes: Vec<Value> = INDEXES
        .iter()
        .filter_map(|property| table[property].as_array())
        .flatten()
        .map(|index| {
            json!([
                index["IndexName"],
                index["KeySchema"],
                index["Projection"]["ProjectionType"]
            ])
        })
        .collect();
    indexes.sort_by_key(ToString::to_string);
    json!([table["KeySchema"], indexes])
}

/// An index as the `CreateTable` call wants it.
fn index(properties: &Value) -> Value {
    let mut index = Map::new();
    for property in SAME_IN_AN_INDEX {
        copy(properties, property, &mut index);
    }
    index.into()
}

fn copy(from: &Value, property: &str, to: &mut Map<String, Value>) {
    match &from[property] {
        Value::Null => {}
        Value::Object(throughput) if property == "ProvisionedThroughput" => {
            let numbers = throughput
                .iter()
                .map(|(name, value)| (name.clone(), number(value)))
                .collect();
            to.insert(property.into(), Value::Object(numbers));
        }
        value => {
            to.insert(property.into(), value.clone());
        }
    }
}

/// CloudFormation takes numbers as strings, too, parameters above all.
fn number(value: &Value) -> Value {
    value
        .as_str()
        .and_then(|text| text.parse::<i64>().ok())
        .map_or_else(|| value.clone(), Value::from)
}

/// A boolean, also as the string that a parameter makes of it.
fn is_true(value: &Value) -> bool {
    value.as_bool().unwrap_or(value == "true")
}
