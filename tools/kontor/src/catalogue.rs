//! The catalogue file: what the shop sells at first.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use domain::{Currency, Money, Product, Quantity, Sku, StockLevel, TaxRate};

use crate::rows::{Row, rows};

/// Pieces of each product when the file does not say.
const DEFAULT_STOCK: u32 = 100_000;
/// Tax rate in percent when the file does not say.
const DEFAULT_TAX_RATE: &str = "19";
/// The most faulty lines that a report shows.
const MAX_REPORTED: usize = 20;

/// Products and what there is of each, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    /// The products.
    pub products: Vec<Product>,
    /// Pieces of each product at the start.
    pub stock: Vec<StockLevel>,
}

impl Catalogue {
    /// Reads a CSV file with a header: `sku`, `name` and `unit_price` (cents, gross), and optionally `stock` (pieces), `tax_rate` (percent) and
    /// `max_per_order` (pieces), in any order; other columns are ignored. Where an optional column or a cell of it is empty, there are
    /// 100,000 pieces at 19%, and an order takes a tenth of the stock, at least 12. An error names every faulty line.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let file = std::fs::read(path).with_context(|| {
            format!(
                "the catalogue {} cannot be read; name another with --catalog FILE",
                path.display()
            )
        })?;
        Self::parse(&file).with_context(|| format!("the catalogue {} is not usable", path.display()))
    }

    fn parse(file: &[u8]) -> anyhow::Result<Self> {
        let (header, rows) = rows(file).context("line 1")?;
        let columns = Columns::of(&header)?;
        let mut catalogue = Self {
            products: Vec::new(),
            stock: Vec::new(),
        };
        let mut lines: HashMap<Sku, usize> = HashMap::new();
        let mut faults = Vec::new();
        for Row { line, cells } in rows {
            let read = cells
                .map_err(anyhow::Error::msg)
                .and_then(|cells| columns.read(&cells));
            let read = read.and_then(|(product, level)| match lines.insert(product.sku.clone(), line) {
                Some(earlier) => bail!("the SKU {} is also on line {earlier}", product.sku),
                None => Ok((product, level)),
            });
            match read {
                Ok((product, level)) => {
                    catalogue.products.push(product);
                    catalogue.stock.push(level);
                }
                Err(fault) => faults.push(format!("line {line}: {fault:#}")),
            }
        }
        ensure!(faults.is_empty(), report(&faults));
        ensure!(!catalogue.products.is_empty(), "it holds no product");
        Ok(catalogue)
    }
}

/// The faults, each on a line of its own; of many the first.
fn report(faults: &[String]) -> String {
    let shown = faults.iter().take(MAX_REPORTED).cloned();
    let more = faults.len().saturating_sub(MAX_REPORTED);
    let rest = (more > 0).then(|| format!("and {more} more faulty lines"));
    shown.chain(rest).collect::<Vec<_>>().join("\n")
}

/// The index of each column.
struct Columns {
    sku: usize,
    name: usize,
    unit_price: usize,
    stock: Option<usize>,
    tax_rate: Option<usize>,
    max_per_order: Option<usize>,
}

impl Columns {
    fn of(header: &csv::StringRecord) -> anyhow::Result<Self> {
        // A byte order mark, as spreadsheets write it, is no part of the first name.
        let columns: Vec<_> = header
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}'))
            .collect();
        for (at, name) in columns.iter().enumerate() {
            ensure!(
                name.is_empty() || !columns[..at].contains(name),
                "line 1: there are two columns `{name}`"
            );
        }
        let find = |name: &str| columns.iter().position(|column| *column == name);
        let required = |name: &str| {
            find(name).with_context(|| {
                format!("line 1: there is no column `{name}`; the header is sku,name,unit_price[,stock][,tax_rate][,max_per_order]")
            })
        };
        Ok(Self {
            sku: required("sku")?,
            name: required("name")?,
            unit_price: required("unit_price")?,
            stock: find("stock"),
            tax_rate: find("tax_rate"),
            max_per_order: find("max_per_order"),
        })
    }

    fn read(&self, record: &csv::StringRecord) -> anyhow::Result<(Product, StockLevel)> {
        let field = |column: usize| record.get(column).unwrap_or_default();
        let sku = Sku::parse(field(self.sku)).with_context(|| format!("sku `{}`", field(self.sku)))?;
        let name =
            Product::parse_name(field(self.name)).with_context(|| format!("name `{}`", field(self.name)))?;
        let cents = field(self.unit_price);
        let unit_price = cents
            .parse::<u32>()
            .ok()
            .filter(|cents| *cents > 0)
            .with_context(|| {
                format!("unit_price `{cents}` must be a whole number of cents, at least 1 (199 for 1.99 EUR)")
            })?;
        let optional = |column: Option<usize>| column.map(field).filter(|cell| !cell.is_empty());
        let percent = optional(self.tax_rate).unwrap_or(DEFAULT_TAX_RATE);
        let tax_rate = percent
            .parse()
            .ok()
            .and_then(TaxRate::from_percent)
            .with_context(|| {
                let known = TaxRate::ALL.map(|rate| rate.percent().to_string()).join(" or ");
                format!("tax_rate `{percent}` must be {known}")
            })?;
        let available = match optional(self.stock) {
            None => DEFAULT_STOCK,
            Some(stock) => stock
                .parse()
                .with_context(|| format!("stock `{stock}` must be a whole number of pieces, 0 or more"))?,
        };
        let max_per_order = match optional(self.max_per_order) {
            None => Product::default_max_per_order(available),
            Some(most) => most.parse().ok().and_then(Quantity::new).with_context(|| {
                format!(
                    "max_per_order `{most}` must be a whole number of pieces, 1 to {}",
                    domain::MAX_QUANTITY
                )
            })?,
        };
        let unit_price = Money::new(unit_price.into(), Currency::Eur);
        Ok((
            Product {
                sku: sku.clone(),
                name,
                unit_price,
                tax_rate,
                max_per_order,
            },
            StockLevel { sku, available },
        ))
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
                tax_rate: TaxRate::Reduced,
                max_per_order: Product::default_max_per_order(5),
            }]
        );
        assert_eq!(catalogue.stock, [StockLevel { sku, available: 5 }]);
    }

    #[test]
    fn stock_and_tax_rate_may_be_left_out() {
        let catalogue = parse("sku,name,unit_price\nA,Thing,1\n").expect("a catalogue");
        assert_eq!(catalogue.stock[0].available, 100_000);
        assert_eq!(catalogue.products[0].tax_rate, TaxRate::Standard);
        assert_eq!(catalogue.products[0].max_per_order.get(), 10_000);
    }

    #[test]
    fn the_most_an_order_takes_is_said_or_a_tenth_of_the_stock() {
        let catalogue = parse(
            "sku,name,unit_price,stock,max_per_order\nA,Thing,1,500,3\nB,Thing,1,500,\nC,Thing,1,,90000\n",
        )
        .expect("a catalogue");
        let most: Vec<u32> = catalogue
            .products
            .iter()
            .map(|product| product.max_per_order.get())
            .collect();
        assert_eq!(most, [3, 50, 90_000]);
        for bad in ["0", "100001", "1.5", "many"] {
            let fault = fault(&format!("sku,name,unit_price,max_per_order\nA,Thing,1,{bad}\n"));
            assert!(
                fault.contains("must be a whole number of pieces, 1 to 100000"),
                "{fault}"
            );
        }
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
            ("B,Thing", "line 3: there are 2 cells instead of 5"),
            (r#"B,"Vintage" Lampe 5",1,1,19"#, "line 3: a quotation mark"),
        ] {
            let fault = fault(&format!("{header}\nA,Thing,1,1,19\n{row}\n"));
            assert!(fault.contains(says), "{row}: {fault}");
        }
        assert!(fault("sku,name,unit_price,name\n").contains("two columns `name`"));
        assert!(fault("sku,name\nA,B\n").contains("line 1: there is no column `unit_price`"));
        assert!(fault("sku,name,unit_price\n").contains("holds no product"));
    }

    #[test]
    fn a_fault_has_the_line_of_the_file_with_crlf() {
        let file = "sku,name,unit_price\r\nA,Thing,1\r\n\r\nB,Thing,1\r\nC,,1\r\n";
        assert_eq!(fault(file), "line 5: name ``: must not be empty");
    }

    #[test]
    fn rows_without_any_value_are_blank_lines() {
        let catalogue = parse("sku,name,unit_price,stock,tax_rate\n,,,,\nA,Thing,1,,\n , , , , \n,,\n")
            .expect("a catalogue");
        assert_eq!(catalogue.products.len(), 1);
    }

    #[test]
    fn empty_optional_cells_take_the_default() {
        let catalogue =
            parse("sku,name,unit_price,stock,tax_rate\n00123,Teller,199,,\n").expect("a catalogue");
        assert_eq!(catalogue.stock[0].available, DEFAULT_STOCK);
        assert_eq!(catalogue.products[0].tax_rate, TaxRate::Standard);
    }

    #[test]
    fn names_are_cleaned_and_each_bad_row_is_reported() {
        let catalogue = parse("sku,name,unit_price\nA,Tee\u{AD}kanne\u{200B},1\nB,Herz ❤\u{FE0F},1\n")
            .expect("a catalogue");
        let names: Vec<_> = catalogue
            .products
            .iter()
            .map(|product| product.name.as_str())
            .collect();
        assert_eq!(names, ["Teekanne", "Herz ❤\u{FE0F}"]);
        assert_eq!(
            fault("sku,name,unit_price\nA,a\u{202E}b,1\nB,Thing,1\nC,Thing,x\nD,\"open,1\n"),
            "line 2: name `a\u{202E}b`: must not contain control or invisible characters\n\
             line 4: unit_price `x` must be a whole number of cents, at least 1 (199 for 1.99 EUR)\n\
             line 5: a quotation mark in a quoted cell is written twice, and nothing follows the closing one"
        );
        let many = "A,,1\n".repeat(25);
        assert!(fault(&format!("sku,name,unit_price\n{many}")).ends_with("\nand 5 more faulty lines"));
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

    #[test]
    fn the_orders_beside_the_catalogue_are_within_its_limits() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/online-retail");
        let catalogue = Catalogue::read(&data.join("products.csv")).expect("usable");
        let limits = catalogue
            .products
            .iter()
            .map(|one| (one.sku.as_str(), one.max_per_order.get()));
        let limits: HashMap<&str, u32> = limits.collect();
        for file in ["orders-2010-12-01-week.jsonl", "orders-largest.jsonl"] {
            for order in crate::replay::read(&data.join(file)).expect("orders") {
                for line in order.expect("an order").lines {
                    let limit = limits.get(line.sku.as_str()).copied();
                    assert!(limit >= Some(line.quantity), "{}: {limit:?}", line.sku);
                }
            }
        }
    }
}
