//! What the shop takes, measured: `cargo run --release -p bench -- PART` prints a part's tables and keeps its figures as JSON.

mod figures;
mod report;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Measures the shop on this machine. Ratios are taken within one run, so that they hold on a noisy machine, too.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
struct Cli {
    #[command(subcommand)]
    part: Part,
    /// Where the figures are kept, one JSON file a part.
    #[arg(long, global = true, value_name = "DIR", default_value = "docs/performance")]
    out: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Part {}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Cli { part, out: _ } = Cli::parse();
    match part {}
}
