//! The circuit to the warehouse.

use app::ports::{Circuits, StoreError};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use domain::{Circuit, OpenCircuit};
use jiff::Timestamp;

use crate::failure::{corrupt, failed};
use crate::item::{Item, item, number, number_of, text};
use crate::keys::{CIRCUIT, PAUSES, RETRY_AT, VERSION};

/// The item that is the warehouse's circuit.
const WAREHOUSE: &str = "warehouse";

/// The warehouse's circuit, in the table of circuits.
#[derive(Clone, Debug)]
pub struct WarehouseCircuit {
    client: Client,
    table: String,
}

impl WarehouseCircuit {
    /// The one in `table`, by way of `client`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

impl Circuits for WarehouseCircuit {
    async fn read(&self) -> Result<Circuit, StoreError> {
        let read = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(CIRCUIT, text(WAREHOUSE))
            .consistent_read(true)
            .send()
            .await
            .map_err(failed)?;
        read.item
            .as_ref()
            .map_or_else(|| Ok(Circuit::default()), from_item)
    }

    async fn store(&self, mut circuit: Circuit) -> Result<Option<Circuit>, StoreError> {
        let before = circuit.version;
        circuit.version += 1;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(circuit)));
        let put = if before == 0 {
            put.condition_expression(format!("attribute_not_exists({CIRCUIT})"))
        } else {
            put.condition_expression(format!("{VERSION} = :version"))
                .expression_attribute_values(":version", number(before))
        };
        match put.send().await {
            Ok(_) => Ok(Some(circuit)),
            // Perhaps this very write, done before and its answer lost: its pause ends like any other.
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
                Ok(None)
            }
            Err(error) => Err(failed(error)),
        }
    }
}

fn to_item(circuit: Circuit) -> Item {
    let mut item = item([(CIRCUIT, text(WAREHOUSE)), (VERSION, number(circuit.version))]);
    if let Some(OpenCircuit { pauses, retry_at }) = circuit.open {
        item.insert(PAUSES.to_owned(), number(pauses));
        item.insert(RETRY_AT.to_owned(), number(retry_at.as_millisecond()));
    }
    item
}

fn from_item(item: &Item) -> Result<Circuit, StoreError> {
    let open = |retry_at| {
        Some(OpenCircuit {
            pauses: number_of(item, PAUSES)?,
            retry_at: Timestamp::from_millisecond(retry_at).ok()?,
        })
    };
    let circuit = match (number_of(item, VERSION), number_of(item, RETRY_AT)) {
        (Some(version), None) => Some(Circuit { version, open: None }),
        (Some(version), Some(retry_at)) => open(retry_at).map(|open| Circuit {
            version,
            open: Some(open),
        }),
        (None, _) => None,
    };
    circuit.ok_or_else(|| corrupt("the warehouse's circuit"))
}
