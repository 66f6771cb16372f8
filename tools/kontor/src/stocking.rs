//! Stocking: the catalogue goes into the tables of a shop, on this machine or deployed.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use app::ports::Stock;
use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use domain::{Sku, StockLevel};
use dynamodb::{DynamoDb, Tables};
use futures_util::future::try_join_all;
use serde::Deserialize;

use crate::catalogue::Catalogue;

/// Batches of this many go out side by side.
const CHUNK: usize = 500;

/// What `kontor stock` takes. Region, credentials and endpoint are those that the AWS CLI would use.
#[derive(Clone, Debug, clap::Args)]
pub struct StockArgs {
    /// Catalogue to sell: CSV with the columns sku, name, unit_price (cents) and optionally stock, tax_rate and max_per_order.
    pub catalogue: PathBuf,
    /// The outputs of the deployed stack, as `sam list stack-outputs --output json` writes them; - reads standard input.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub outputs: PathBuf,
}

/// What was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stocked {
    /// Products written, new ones and known ones.
    pub products: usize,
    /// Those whose stock was counted in: the others had theirs already.
    pub new: usize,
}

/// Puts a catalogue into the tables of a deployed stack: every product as the file has it, and stock where there is none yet.
/// What is left of a known product stays as it is, since orders hold some of it.
///
/// # Errors
/// What is wrong with a file, or what the tables said.
pub async fn stock(args: &StockArgs) -> anyhow::Result<Stocked> {
    let catalogue = Catalogue::read(&args.catalogue)?;
    let tables = tables(&args.outputs)
        .with_context(|| format!("the stack's outputs ({}) are not usable", args.outputs.display()))?;
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http);
    let shop = DynamoDb::new(Client::new(&config.load().await), tables);
    put_catalogue(&shop, &catalogue).await
}

/// Puts the catalogue into the tables. Stock that is there already stays as it is.
pub(crate) async fn put_catalogue(shop: &DynamoDb, catalogue: &Catalogue) -> anyhow::Result<Stocked> {
    let products = try_join_all(
        catalogue
            .products
            .chunks(CHUNK)
            .map(|chunk| shop.put_products(chunk)),
    );
    products.await.context("the products cannot be stored")?;
    let skus: Vec<Sku> = catalogue.stock.iter().map(|level| level.sku.clone()).collect();
    let known = shop.levels(&skus).await.context("the stock cannot be read")?;
    let new: Vec<StockLevel> = catalogue
        .stock
        .iter()
        .filter(|level| !known.contains_key(&level.sku))
        .cloned()
        .collect();
    let pieces = try_join_all(new.chunks(CHUNK).map(|chunk| shop.put_stock(chunk)));
    pieces.await.context("the stock cannot be stored")?;
    Ok(Stocked {
        products: catalogue.products.len(),
        new: new.len(),
    })
}

/// One output of a stack.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    output_key: String,
    output_value: String,
}

fn tables(outputs: &Path) -> anyhow::Result<Tables> {
    let mut text = String::new();
    if outputs == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        File::open(outputs)?.read_to_string(&mut text)?;
    }
    let outputs: Vec<Output> = serde_json::from_str(&text)?;
    let value = |key: &str| {
        let output = outputs.iter().find(|output| output.output_key == key);
        output
            .map(|output| output.output_value.clone())
            .with_context(|| format!("there is no output {key}"))
    };
    Ok(Tables {
        products: value("ProductsTableName")?,
        stock: value("StockTableName")?,
        orders: value("OrdersTableName")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_named_by_the_stacks_outputs() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("outputs.json");
        let output = |key: &str| {
            format!(r#"{{"OutputKey": "{key}", "OutputValue": "of-{key}", "Description": "..."}}"#)
        };
        let all = ["ApiUrl", "ProductsTableName", "StockTableName", "OrdersTableName"].map(output);
        std::fs::write(&file, format!("[{}]", all.join(","))).expect("written");
        let tables = tables(&file).expect("tables");
        assert_eq!(
            (
                tables.products.as_str(),
                tables.stock.as_str(),
                tables.orders.as_str()
            ),
            ("of-ProductsTableName", "of-StockTableName", "of-OrdersTableName")
        );
        std::fs::write(&file, format!("[{}]", all[..2].join(","))).expect("written");
        let error = super::tables(&file).expect_err("no stock").to_string();
        assert_eq!(error, "there is no output StockTableName");
    }
}
