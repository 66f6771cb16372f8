//! `cargo run`: the whole shop on one machine.

use clap::Parser;
use kontor::cli::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    kontor::cli::show_warnings();
    let cli = Cli::parse();
    let ended = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| {
            let ended = runtime.block_on(cli.run());
            // Threads that still wait for something must not keep the program.
            runtime.shutdown_background();
            ended
        });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
