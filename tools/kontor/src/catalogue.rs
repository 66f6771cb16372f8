//! The catalogue file: what the shop sells at first.

use anyhow::{Context, bail};
use domain::{Currency, Money, Product, Sku, StockLevel, TaxRate};
use serde::Deserialize;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Products and what there is of each, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    /// The products.
    pub products: Vec<Product>,
    /// Pieces of each product at the start.
    pub stock: Vec<StockLevel>,
}

impl Catalogue {
    /// Reads a CSV file with a header: `sku`, `name` and `unit_price` (cents, gross), and optionally `stock` (pieces,
    /// 100,000 if left out) and `tax_rate` (percent, 19 if left out), in any order; other columns are left alone. An error
    /// names the line.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| {
            format!(
                "the catalogue {} cannot be read; name another with --catalog FILE",
                path.display()
            )
        })?;
        Self::parse(file).with_context(|| format!("the catalogue {} is not usable", path.display()))
    }

    fn parse(csv: impl Read) -> anyhow::Result<Self> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(csv);
        let header = reader.headers().context("line 1")?.clone();
        for name in ["sku", "name", "unit_price"] {
            if !header.iter().any(|column| column == name) {
                bail!(
                    "line 1: there is no column `{name}`; the header is sku,name,unit_price[,stock][,tax_rate]"
                );
            }
        }
        let mut catalogue = Self {
            products: Vec::new(),
            stock: Vec::new(),
        };
        let mut lines: HashMap<Sku, u64> = HashMap::new();
        for record in reader.records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            let row: Row = record.deserialize(Some(&header))?;
            let (product, level) = row.read().with_context(|| format!("line {line}"))?;
            if let Some(earlier) = lines.insert(product.sku.clone(), line) {
                bail!("line {line}: the SKU {} is also on line {earlier}", product.sku);
            }
            catalogue.products.push(product);
            catalogue.stock.push(level);
        }
        if catalogue.products.is_empty() {
            bail!("it holds no product");
        }
        Ok(catalogue)
    }
}

/// A line of the file, as it is written.
#[derive(Deserialize)]
struct Row {
    sku: String,
    name: String,
    unit_price: String,
    #[serde(default = "default_stock")]
    stock: String,
    #[serde(default = "default_tax_rate")]
    tax_rate: String,
}

/// Pieces of each product when the file does not say.
fn default_stock() -> String {
    "100000".to_owned()
}

/// Tax rate in percent when the file does not say.
fn default_tax_rate() -> String {
    "19".to_owned()
}

impl Row {
    fn read(&self) -> anyhow::Result<(Product, StockLevel)> {
        let sku = Sku::parse(&self.sku).with_context(|| format!("sku `{}`", self.sku))?;
        let name = Product::parse_name(&self.name).with_context(|| format!("name `{}`", self.name))?;
        let cents = self.unit_price.parse::<u32>().ok().filter(|cents| *cents > 0);
        let cents = cents.with_context(|| {
            let price = &self.unit_price;
            format!("unit_price `{price}` must be a whole number of cents, at least 1 (199 for 1.99 EUR)")
        })?;
        let tax_rate = self.tax_rate.parse().ok().and_then(TaxRate::from_percent);
        let tax_rate = tax_rate.with_context(|| {
            let known = TaxRate::ALL.map(|rate| rate.percent().to_string()).join(" or ");
            format!("tax_rate `{}` must be {known}", self.tax_rate)
        })?;
        let available = self.stock.parse().with_context(|| {
            let stock = &self.stock;
            format!("stock `{stock}` must be a whole number of pieces, 0 or more")
        })?;
        let product = Product {
            sku: sku.clone(),
            name,
            unit_price: Money::new(cents.into(), Currency::Eur),
            tax_rate,
        };
        Ok((product, StockLevel { sku, available }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(csv: &str) -> anyhow::Result<Catalogue> {
        Catalogue::parse(csv.as_bytes())
    }

    fn fault(csv: &str) -> String {
        format!("{:#}", parse(csv).expect_err("refused"))
    }

    #[test]
    fn columns_are_found_by_their_names_in_any_order() {
        let catalogue =
            parse("\u{feff}tax_rate, colour ,stock,unit_price,name,sku\n7,red,5,199,A book,21456\n")
                .expect("a catalogue");
        let sku = Sku::parse("21456").expect("a SKU");
        assert_eq!(
            catalogue.products,
            [Product {
                sku: sku.clone(),
                name: "A book".into(),
                unit_price: Money::new(199, Currency::Eur),
                tax_rate: TaxRate::Reduced
            }]
        );
        assert_eq!(catalogue.stock, [StockLevel { sku, available: 5 }]);
    }

    #[test]
    fn stock_and_tax_rate_may_be_left_out() {
        let catalogue = parse("sku,name,unit_price\nA,Thing,1\n").expect("a catalogue");
        assert_eq!(catalogue.stock[0].available, 100_000);
        assert_eq!(catalogue.products[0].tax_rate, TaxRate::Standard);
    }

    #[test]
    fn a_fault_is_told_with_its_line() {
        let header = "sku,name,unit_price,stock,tax_rate";
        for (row, says) in [
            ("A B,Thing,1,1,19", "line 3: sku `A B`: a SKU has"),
            ("B,,1,1,19", "line 3: name ``"),
            (
                "B,Thing,1.99,1,19",
                "line 3: unit_price `1.99` must be a whole number of cents, at least 1 (199 for 1.99 EUR)",
            ),
            ("B,Thing,0,1,19", "line 3: unit_price `0`"),
            (
                "B,Thing,1,-1,19",
                "line 3: stock `-1` must be a whole number of pieces",
            ),
            ("B,Thing,1,1,20", "line 3: tax_rate `20` must be 19 or 7"),
            ("A,Thing,1,1,19", "line 3: the SKU A is also on line 2"),
            ("B,Thing", "line: 3"),
        ] {
            let fault = fault(&format!("{header}\nA,Thing,1,1,19\n{row}\n"));
            assert!(fault.contains(says), "{row}: {fault}");
        }
        assert!(fault("sku,name\nA,B\n").contains("line 1: there is no column `unit_price`"));
        assert!(fault("sku,name,unit_price\n").contains("holds no product"));
    }

    #[test]
    fn a_missing_file_says_what_to_do() {
        let error = Catalogue::read(Path::new("/nowhere.csv")).expect_err("missing");
        assert!(error.to_string().contains("--catalog FILE"), "{error}");
    }

    #[test]
    fn the_catalogue_that_comes_with_the_shop_is_usable() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/online-retail/products.csv");
        let catalogue = Catalogue::read(&path).expect("usable");
        assert_eq!(catalogue.products.len(), 3768);
        let reduced: Vec<&str> = catalogue
            .products
            .iter()
            .filter(|product| product.tax_rate == TaxRate::Reduced)
            .map(|product| product.sku.as_str())
            .collect();
        assert_eq!(reduced, ["21456", "21457", "21458", "22444"]);
    }
}
