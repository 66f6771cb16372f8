//! The functions' binaries, built for release.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use tokio::process::Command;

use super::workspace;

/// Builds packages as they are deployed, each with a binary of its name, and shows cargo's progress. Returns the directory of the binaries.
/// With `sdk_defaults` they have the AWS SDK's own HTTP client, crypto provider and certificates.
pub(crate) async fn build(packages: &[&str], sdk_defaults: bool) -> anyhow::Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let mut target = target.map_or_else(|| workspace().join("target"), PathBuf::from);
    let mut cargo = Command::new("cargo");
    cargo.current_dir(workspace());
    cargo.args(["build", "--locked", "--release"]);
    cargo.args(packages.iter().flat_map(|package| ["--package", package]));
    if sdk_defaults {
        // Beside the others, not in their place.
        target.push("sdk-defaults");
        cargo.args(["--features", "lambda-kit/sdk-defaults"]);
    }
    cargo.arg("--target-dir").arg(&target);
    let ended = cargo.status().await.context("cargo cannot be started")?;
    ensure!(ended.success(), "the functions do not build");
    Ok(target.join("release"))
}

/// The sizes of a binary, and of a zip with nothing else in it, in bytes.
pub(crate) fn sizes(binary: &Path) -> anyhow::Result<(u64, u64)> {
    let content = std::fs::read(binary)?;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("bootstrap", zip::write::SimpleFileOptions::default())?;
    std::io::Write::write_all(&mut zip, &content)?;
    Ok((content.len() as u64, zip.finish()?.into_inner().len() as u64))
}
