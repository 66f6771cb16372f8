//! Benchmarks of the shop: `cargo run --release -p bench -- PART` prints a part's tables, keeps its figures as JSON, and brings
//! `docs/performance.md` up to date.

mod cold;
mod cost;
mod growth;
mod load;
mod report;
mod rig;
mod warm;

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

/// Measures the shop on this machine. Ratios are taken within one run, so that they hold on a noisy machine, too.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
struct Cli {
    #[command(subcommand)]
    part: Part,
    /// Where the figures are kept, one JSON file a part; the tables go into the page beside it.
    #[arg(long, global = true, value_name = "DIR", default_value = "docs/performance")]
    out: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// All parts, one after the other, with their defaults: three quarters of an hour.
    All,
    /// Cold starts, of each function beside a no-op one and beside itself with the AWS SDK's defaults.
    Cold(cold::Args),
    /// Warm requests: processor time, instructions, calls to AWS and their units.
    Warm(warm::Args),
    /// The whole shop under load, with the proof that every order reaches the warehouse once.
    Load(load::Args),
    /// The same requests with larger orders, catalogues and tables.
    Growth(growth::Args),
    /// What an hour, an idle month and a million orders cost on AWS, and what each choice saves.
    Cost(cost::Args),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Cli { part, out } = Cli::parse();
    if !matches!(part, Part::All) {
        return run(part, &out).await;
    }
    for words in ["cold", "warm", "load", "load --week", "growth", "cost"] {
        eprintln!("bench {words}");
        let words = std::iter::once("bench").chain(words.split(' '));
        run(Cli::try_parse_from(words)?.part, &out).await?;
    }
    Ok(())
}

async fn run(part: Part, out: &Path) -> anyhow::Result<()> {
    match part {
        Part::All => Ok(()),
        Part::Cold(args) => cold::run(&args, out).await,
        Part::Warm(args) => warm::run(&args, out).await,
        Part::Load(args) => load::run(&args, out).await,
        Part::Growth(args) => growth::run(&args, out).await,
        Part::Cost(args) => cost::run(&args, out),
    }
}
