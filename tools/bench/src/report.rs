//! Tables in Markdown, and where they and the figures are kept.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A table with a title. The header and each row have their cells between ` | `, as in Markdown. The first column names the row and is
/// aligned left, the others are numbers.
pub(crate) fn table(title: impl Display, header: &str, rows: impl IntoIterator<Item = String>) -> String {
    let mut grid = Table::new();
    grid.load_style(presets::ASCII_MARKDOWN);
    grid.set_header(header.split(" | "));
    for row in rows {
        grid.add_row(row.split(" | "));
    }
    for column in grid.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("**{title}**\n\n{grid}\n")
}

/// A cell of what may not have been measured.
pub(crate) fn or_dash(cell: Option<impl Display>) -> String {
    cell.map_or_else(|| "-".to_owned(), |cell| cell.to_string())
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
        Self {
            processor: model
                .map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']))
                .to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

/// Prints a part's tables, keeps its figures as `directory/part.json`, and puts the tables into `directory.md` where that has a place for
/// them: between the comments `<!-- part -->` and `<!-- /part -->`.
pub(crate) fn publish(
    part: &str,
    figures: impl Serialize,
    tables: &[String],
    directory: &Path,
) -> anyhow::Result<()> {
    let (tables, machine) = (tables.join("\n"), Machine::here());
    println!("{tables}");
    let at = Timestamp::now().to_string();
    let content = format!(
        "{tables}\nMeasured on {}: {} processors, {}.\n",
        &at[..10],
        machine.processors,
        machine.processor
    );
    // A value's members are sorted: where none has changed, no line of the file has.
    let figures = serde_json::to_value(figures)?;
    let measured = Measured { at, machine, figures };
    fs::create_dir_all(directory)?;
    write(
        &file(directory, part),
        &(serde_json::to_string_pretty(&measured)? + "\n"),
    )?;
    let page = directory.with_extension("md");
    let text = fs::read_to_string(&page).unwrap_or_default();
    with_section(&text, part, &content).map_or(Ok(()), |text| write(&page, &text))
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))
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
        let rows = ["row 1 | 1", "row 22 | 22", "row 3 | "].map(str::to_owned);
        let expected = "**Sizes**\n\n| a      |  b |\n|--------|----|\n| row 1  |  1 |\n| row 22 | 22 |\n| row 3  |    |\n";
        assert_eq!(table("Sizes", "a | b", rows), expected);
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
