//! Tables in Markdown, and where they and the figures are kept.

use std::fmt::{Display, Write};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A column's title, and what stands in it for a row.
pub(crate) type Column<'c, T> = (&'c str, &'c dyn Fn(&T) -> String);

/// A table with a title. The first column names the row and is aligned left, the others are numbers.
pub(crate) fn table<T>(title: impl Display, rows: &[T], columns: &[Column<'_, T>]) -> String {
    let mut grid = Table::new();
    grid.load_style(presets::ASCII_MARKDOWN);
    grid.set_header(columns.iter().map(|(title, _)| *title));
    for row in rows {
        grid.add_row(columns.iter().map(|(_, cell)| cell(row)));
    }
    for column in grid.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("**{title}**\n\n{grid}\n")
}

/// Figures of a part, with when and where they were measured.
#[derive(Serialize, Deserialize)]
struct Measured<T> {
    /// When the measuring ended (RFC 3339).
    at: String,
    machine: Machine,
    figures: T,
}

#[derive(Serialize, Deserialize)]
struct Machine {
    /// As the processor names itself.
    processor: String,
    /// Processors that this program may use.
    processors: usize,
    /// System and architecture, such as `linux x86_64`.
    system: String,
}

impl Machine {
    fn here() -> Self {
        let described = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = described.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
        Self {
            processor: model.to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

/// What a part found.
pub(crate) struct Report {
    part: &'static str,
    measured: Measured<Value>,
    tables: String,
}

impl Report {
    /// Figures and their tables, measured now and here.
    pub(crate) fn new(
        part: &'static str,
        figures: &impl Serialize,
        tables: &[String],
    ) -> anyhow::Result<Self> {
        let measured = Measured {
            at: Timestamp::now().to_string(),
            machine: Machine::here(),
            figures: serde_json::to_value(figures)?,
        };
        Ok(Self {
            part,
            measured,
            tables: tables.join("\n"),
        })
    }

    /// Prints the tables, keeps the figures as `directory/part.json`, and puts the tables into `directory.md` where that has a place for them:
    /// between the comments `<!-- part -->` and `<!-- /part -->`.
    pub(crate) fn publish(&self, directory: &Path) -> anyhow::Result<()> {
        println!("{}", self.tables);
        fs::create_dir_all(directory)?;
        let json = serde_json::to_string_pretty(&self.measured)? + "\n";
        let file = file(directory, self.part);
        fs::write(&file, json).with_context(|| format!("{} cannot be written", file.display()))?;
        let page = directory.with_extension("md");
        let Ok(text) = fs::read_to_string(&page) else {
            return Ok(());
        };
        let Machine {
            processor,
            processors,
            ..
        } = &self.measured.machine;
        let day = self.measured.at.get(..10).unwrap_or_default();
        let mut content = String::new();
        write!(
            content,
            "{}\nMeasured on {day}: {processors} processors, {processor}.\n",
            self.tables
        )?;
        if let Some(text) = with_section(&text, self.part, &content) {
            fs::write(&page, text).with_context(|| format!("{} cannot be written", page.display()))?;
        }
        Ok(())
    }
}

/// The page with another content between a part's comments; `None` where it has none.
fn with_section(page: &str, part: &str, content: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {part} -->\n"), format!("<!-- /{part} -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{content}\n{end}{after}"))
}

/// The figures that a part kept in `directory`.
///
/// # Errors
/// Where there are none, or not of this form: the part must run again.
pub(crate) fn kept<T: DeserializeOwned>(directory: &Path, part: &str) -> anyhow::Result<T> {
    let file = file(directory, part);
    let read = || anyhow::Ok(serde_json::from_str::<Measured<T>>(&fs::read_to_string(&file)?)?.figures);
    read().with_context(|| format!("{} is not usable: run `bench {part}` first", file.display()))
}

fn file(directory: &Path, part: &str) -> PathBuf {
    directory.join(part).with_extension("json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_line_a_row_and_a_cell_a_column() {
        let shown = table(
            "Sizes",
            &[1, 22],
            &[("a", &|row| format!("row {row}")), ("b", &ToString::to_string)],
        );
        assert_eq!(
            shown,
            "**Sizes**\n\n| a      |  b |\n|--------|----|\n| row 1  |  1 |\n| row 22 | 22 |\n"
        );
    }

    #[test]
    fn only_the_section_of_the_part_is_replaced() {
        let page = "a\n<!-- warm -->\nold\n<!-- /warm -->\nb\n<!-- cold -->\n<!-- /cold -->\n";
        let replaced = with_section(page, "warm", "new\n").expect("a section");
        assert_eq!(
            replaced,
            "a\n<!-- warm -->\n\nnew\n\n<!-- /warm -->\nb\n<!-- cold -->\n<!-- /cold -->\n"
        );
        assert_eq!(with_section(page, "load", "new"), None);
    }
}
