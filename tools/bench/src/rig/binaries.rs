//! The functions' binaries, built for release.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use tokio::process::Command;

use super::workspace;

/// How binaries are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    /// As they are deployed.
    Own,
    /// With the AWS SDK's own HTTP client, crypto provider and certificates.
    SdkDefaults,
}

/// A directory of binaries.
pub(crate) struct Binaries(PathBuf);

impl Binaries {
    /// Builds packages, each with a binary of its name, and shows cargo's progress.
    pub(crate) async fn build(packages: &[&str], build: Build) -> anyhow::Result<Self> {
        let target = std::env::var_os("CARGO_TARGET_DIR");
        let mut target = target.map_or_else(|| workspace().join("target"), PathBuf::from);
        let mut cargo = Command::new("cargo");
        cargo.current_dir(workspace()).stdin(Stdio::null());
        cargo.args(["build", "--locked", "--release"]);
        for package in packages {
            cargo.args(["--package", package]);
        }
        if build == Build::SdkDefaults {
            // Beside the others, not in their place.
            target.push("sdk-defaults");
            cargo.args(["--features", "lambda-kit/sdk-defaults"]);
        }
        cargo.arg("--target-dir").arg(&target);
        let ended = cargo.status().await.context("cargo cannot be started")?;
        ensure!(ended.success(), "the functions do not build");
        Ok(Self(target.join("release")))
    }

    /// The path of a binary.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// The sizes of a binary, and of a zip with nothing else in it, in bytes.
pub(crate) fn sizes(binary: &Path) -> anyhow::Result<(u64, u64)> {
    let content = std::fs::read(binary)?;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("bootstrap", zip::write::SimpleFileOptions::default())?;
    std::io::Write::write_all(&mut zip, &content)?;
    Ok((content.len() as u64, zip.finish()?.into_inner().len() as u64))
}
