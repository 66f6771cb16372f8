//! What the shop takes, measured: `cargo run --release -p bench -- PART` prints a part's tables and keeps its figures as JSON.

mod cold;
mod cost;
mod figures;
mod growth;
mod load;
mod report;
mod stand;
mod warm;

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
enum Part {
    /// Cold starts, of every function beside a no-op one and beside itself with the AWS SDK's defaults.
    Cold(cold::Args),
    /// Warm requests: their own work, their calls, and what these carry.
    Warm(warm::Args),
    /// The whole shop under load, with the proof that every order reaches the warehouse once.
    Load(load::Args),
    /// What becomes of a request when orders, the catalogue or the table of orders grow.
    Growth(growth::Args),
    /// What an hour, an idle month and a million orders cost on AWS, by what was measured, and what each choice saves.
    Cost(cost::Args),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Cli { part, out } = Cli::parse();
    match part {
        Part::Cold(args) => cold::run(&args, &out).await,
        Part::Warm(args) => warm::run(&args, &out).await,
        Part::Load(args) => load::run(&args, &out).await,
        Part::Growth(args) => growth::run(&args, &out).await,
        Part::Cost(args) => cost::run(&args, &out),
    }
}
