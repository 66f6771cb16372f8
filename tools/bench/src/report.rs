//! How figures are shown and kept.

use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use comfy_table::{CellAlignment, Table as Grid, presets};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A table with a title, in Markdown: what a part prints is what the documentation shows.
pub(crate) struct Table {
    title: String,
    grid: Grid,
}

impl Table {
    /// An empty table of these columns; the first one names the row, all others are numbers.
    pub(crate) fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        let mut grid = Grid::new();
        grid.load_style(presets::ASCII_MARKDOWN).set_header(columns);
        for column in grid.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        Self {
            title: title.into(),
            grid,
        }
    }

    /// Adds a row, as many cells as there are columns.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.grid.add_row(cells.into_iter().collect::<Vec<_>>());
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}\n\n{}", self.title, self.grid)
    }
}

/// The machine that figures were measured on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// As the processor names itself.
    pub(crate) processor: String,
    /// Processors that this program may use.
    pub(crate) processors: usize,
    /// System and architecture, such as `linux x86_64`.
    pub(crate) system: String,
}

impl Machine {
    fn here() -> Self {
        let described = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = described.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.map(|rest| rest.trim_start_matches([' ', '\t', ':']));
        Self {
            processor: model.unwrap_or("unknown").to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

/// A part's figures, with when and where they were measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured<T> {
    /// When the measuring ended (RFC 3339).
    pub(crate) at: String,
    /// Where.
    pub(crate) machine: Machine,
    /// What.
    pub(crate) figures: T,
}

fn file(directory: &Path, part: &str) -> PathBuf {
    directory.join(part).with_extension("json")
}

/// Prints a part's tables and keeps its figures as `directory/part.json`.
///
/// # Errors
/// Where the file cannot be written.
pub(crate) fn publish<T: Serialize>(
    directory: &Path,
    part: &str,
    figures: T,
    tables: &[Table],
) -> anyhow::Result<()> {
    for table in tables {
        println!("{table}");
    }
    let measured = Measured {
        at: Timestamp::now().to_string(),
        machine: Machine::here(),
        figures,
    };
    let file = file(directory, part);
    let written = fs::create_dir_all(directory)
        .and_then(|()| fs::write(&file, serde_json::to_string_pretty(&measured)? + "\n"));
    written.with_context(|| format!("{} cannot be written", file.display()))
}

/// The figures that a part kept in `directory`.
///
/// # Errors
/// Where there are none, or not of this form: the part is to be run again.
pub(crate) fn kept<T: DeserializeOwned>(directory: &Path, part: &str) -> anyhow::Result<Measured<T>> {
    let file = file(directory, part);
    let read = || anyhow::Ok(serde_json::from_str(&fs::read_to_string(&file)?)?);
    read().with_context(|| format!("{} is not usable: run `bench {part}` first", file.display()))
}
