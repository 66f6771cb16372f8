//! Tables in Markdown, and where they and the figures are kept.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

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

/// Prints a part's tables, and puts them into the page `directory.md` where that has a place for them: between the comments `<!-- part -->`
/// and `<!-- /part -->`, with when and where they were measured.
pub(crate) fn publish(part: &str, tables: &[String], directory: &Path) -> anyhow::Result<()> {
    let tables = tables.join("\n");
    println!("{tables}");
    let described = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = described.lines().find_map(|line| line.strip_prefix("model name"));
    let processor = model.map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let day = Timestamp::now().strftime("%F");
    let content = format!("{tables}\nMeasured on {day}: {processors} processors, {processor}.\n");
    let page = directory.with_extension("md");
    let text = fs::read_to_string(&page).unwrap_or_default();
    if let Some(text) = with_section(&text, part, &content) {
        fs::write(&page, text)?;
    }
    Ok(())
}

/// The page with another content between a part's comments; `None` where it has none.
fn with_section(page: &str, part: &str, content: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {part} -->\n"), format!("<!-- /{part} -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{content}\n{end}{after}"))
}

/// Keeps a part's figures as `directory/part.json`.
pub(crate) fn keep(part: &str, figures: &impl Serialize, directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)?;
    let text = serde_json::to_string_pretty(figures)? + "\n";
    Ok(fs::write(directory.join(part).with_extension("json"), text)?)
}

/// The figures that a part kept in `directory`.
///
/// # Errors
/// Where there are none, or not of this form: the part must run again.
pub(crate) fn kept<T: DeserializeOwned>(part: &str, directory: &Path) -> anyhow::Result<T> {
    let file = directory.join(part).with_extension("json");
    let read = || anyhow::Ok(serde_json::from_str(&fs::read_to_string(&file)?)?);
    read().with_context(|| format!("{} is not usable: run `bench {part}` first", file.display()))
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
