//! Building the functions' binaries with cargo, in the profile of the running program.

use crate::template::{Binary, Function};
use anyhow::{Context, bail};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use tokio::process::Command;

/// How the binaries come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binaries {
    /// Cargo builds them; its progress is shown on standard error.
    Build,
    /// Cargo builds them; what it says is shown only when it fails.
    BuildQuietly,
    /// They are taken from this directory, by their names.
    Prebuilt(PathBuf),
}

impl Binaries {
    /// Each function with the path of its binary.
    pub async fn of_functions(&self, functions: &[Function]) -> anyhow::Result<Vec<(Function, PathBuf)>> {
        let wanted: Vec<_> = functions.iter().map(|function| function.binary.clone()).collect();
        let built = self.provide(&wanted).await?;
        let path = |function: &Function| (function.clone(), built[&function.binary].clone());
        Ok(functions.iter().map(path).collect())
    }

    /// The path of each binary.
    pub async fn provide(&self, wanted: &[Binary]) -> anyhow::Result<HashMap<Binary, PathBuf>> {
        match self {
            Self::Build => build(wanted, Stdio::inherit()).await,
            Self::BuildQuietly => build(wanted, Stdio::piped()).await,
            Self::Prebuilt(directory) => wanted.iter().map(|binary| prebuilt(directory, binary)).collect(),
        }
    }
}

fn prebuilt(directory: &Path, binary: &Binary) -> anyhow::Result<(Binary, PathBuf)> {
    let path = directory.join(&binary.name);
    if !path.is_file() {
        bail!(
            "there is no binary `{}` in {}; build it first",
            binary.name,
            directory.display()
        );
    }
    // Processes start in the binary's directory, where a relative path would lead elsewhere.
    Ok((binary.clone(), std::path::absolute(path)?))
}

async fn build(wanted: &[Binary], messages: Stdio) -> anyhow::Result<HashMap<Binary, PathBuf>> {
    let Some(first) = wanted.first() else {
        return Ok(HashMap::new());
    };
    check_sources(&first.source, wanted).await?;
    let mut command = cargo(&first.source);
    // Of the whole workspace, so that features are unified as in every other build and no library is compiled twice.
    command.args(["build", "--workspace", "--message-format=json-render-diagnostics"]);
    let place = BuildPlace::of_this_program();
    command.args(["--profile", &place.profile]);
    if let Some(target) = &place.target {
        command.arg("--target-dir").arg(target);
    }
    for binary in wanted {
        command.args(["--bin", &binary.name]);
    }
    let output = run(command, messages).await?;
    if !output.status.success() {
        bail!(
            "the functions do not build; cargo says why:\n{}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    let built = executables(&output.stdout);
    let path = |binary: &Binary| {
        let path = built.get(&binary.name).cloned();
        Ok((
            binary.clone(),
            path.with_context(|| format!("cargo built no binary `{}`", binary.name))?,
        ))
    };
    wanted.iter().map(path).collect()
}

/// Checks that each binary's source is its package, in the workspace that `directory` is in.
async fn check_sources(directory: &Path, wanted: &[Binary]) -> anyhow::Result<()> {
    for binary in wanted {
        if !binary.source.is_dir() {
            bail!(
                "the source of `{}`, {}, is no directory; correct its CodeUri",
                binary.name,
                binary.source.display()
            );
        }
    }
    let mut command = cargo(directory);
    command.args(["metadata", "--no-deps", "--format-version=1"]);
    let output = run(command, Stdio::piped()).await?;
    if !output.status.success() {
        bail!(
            "cargo cannot read the workspace:\n{}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("cargo metadata cannot be understood")?;
    wanted.iter().try_for_each(|binary| metadata.check(binary))
}

/// Cargo, without the variables that another cargo has set for this very program: they would make build scripts run
/// again, and with them half of the dependencies.
fn cargo(directory: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(directory)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        let of_this_program = [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_BIN_",
            "CARGO_CRATE_",
            "CARGO_PRIMARY_",
        ];
        if of_this_program.iter().any(|prefix| name_text.starts_with(prefix)) || name_text == "OUT_DIR" {
            command.env_remove(&name);
        }
    }
    command
}

/// Standard output is kept; standard error goes where `messages` says, or is kept as well.
async fn run(mut command: Command, messages: Stdio) -> anyhow::Result<Output> {
    let child = command.stdout(Stdio::piped()).stderr(messages).spawn();
    let child = child
        .context("cargo cannot be started; install Rust (https://rustup.rs), or set CARGO to where it is")?;
    Ok(child.wait_with_output().await?)
}

/// Where cargo has put this program, so that the functions are built alike and share what is built.
struct BuildPlace {
    profile: String,
    target: Option<PathBuf>,
}

impl BuildPlace {
    fn of_this_program() -> Self {
        let executable = std::env::current_exe().unwrap_or_default();
        Self::of(&executable).unwrap_or_else(|| {
            let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
            Self {
                profile: profile.to_owned(),
                target: None,
            }
        })
    }

    /// `TARGET/PROFILE/program`, or `TARGET/PROFILE/deps/program` for tests.
    fn of(executable: &Path) -> Option<Self> {
        let mut directory = executable.parent()?;
        if directory.ends_with("deps") || directory.ends_with("examples") {
            directory = directory.parent()?;
        }
        let target = directory.parent()?;
        // Cargo marks the directories it owns.
        if !target.join("CACHEDIR.TAG").is_file() {
            return None;
        }
        let profile = match directory.file_name()?.to_str()? {
            "debug" => "dev",
            other => other,
        };
        Some(Self {
            profile: profile.to_owned(),
            target: Some(target.to_path_buf()),
        })
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

impl Metadata {
    /// Checks that the package in the binary's source has the binary.
    fn check(&self, binary: &Binary) -> anyhow::Result<()> {
        let manifest = binary.source.canonicalize()?.join("Cargo.toml");
        let is_built_there = |package: &Package| {
            let mut targets = package.targets.iter();
            package.manifest_path == manifest && targets.any(|target| target.is_binary(&binary.name))
        };
        if !self.packages.iter().any(is_built_there) {
            bail!(
                "no package of the workspace in {} has a binary `{}`; correct its CodeUri or Binary",
                binary.source.display(),
                binary.name
            );
        }
        Ok(())
    }
}

impl Target {
    fn is_binary(&self, name: &str) -> bool {
        self.name == name && self.kind.iter().any(|kind| kind == "bin")
    }
}

/// The binaries in cargo's messages, by name.
fn executables(messages: &[u8]) -> HashMap<String, PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        target: Option<Target>,
        executable: Option<PathBuf>,
    }
    messages
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Message>(line).ok())
        .filter_map(|message| Some((message.target?, message.executable?)))
        .filter(|(target, _)| target.is_binary(&target.name))
        .map(|(target, path)| (target.name, path))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each needs a name of its own: they all share this program's target directory.
    fn a_package(name: &str, main: &str) -> (tempfile::TempDir, Binary) {
        let directory = tempfile::tempdir().expect("a directory");
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n[workspace]\n[[bin]]\nname = \"{name}\"\npath = \"main.rs\"\n"
        );
        std::fs::write(directory.path().join("Cargo.toml"), manifest).expect("written");
        std::fs::write(directory.path().join("main.rs"), main).expect("written");
        let binary = Binary {
            name: name.into(),
            source: directory.path().to_path_buf(),
        };
        (directory, binary)
    }

    #[tokio::test]
    async fn the_binary_is_built_and_found() {
        let (_directory, binary) = a_package("fixture-good", "fn main() { println!(\"hello\"); }");
        let built = Binaries::BuildQuietly
            .provide(std::slice::from_ref(&binary))
            .await
            .expect("built");
        let said = std::process::Command::new(&built[&binary]).output().expect("run");
        assert_eq!(said.stdout, b"hello\n");
    }

    async fn refusal(binaries: &Binaries, name: &str, source: &Path) -> String {
        let (name, source) = (name.to_owned(), source.to_owned());
        let refused = binaries.provide(&[Binary { name, source }]).await;
        refused.expect_err("refused").to_string()
    }

    #[tokio::test]
    async fn a_broken_build_shows_what_cargo_says() {
        let (_directory, binary) = a_package("fixture-broken", "fn main() { nonsense() }");
        let error = refusal(&Binaries::BuildQuietly, &binary.name, &binary.source).await;
        assert!(error.starts_with("the functions do not build"), "{error}");
        assert!(error.contains("cannot find function `nonsense`"), "{error}");
    }

    #[tokio::test]
    async fn an_unknown_binary_is_named() {
        let (directory, _) = a_package("fixture-unknown", "fn main() {}");
        for (source, says) in [
            (
                directory.path(),
                "has a binary `other`; correct its CodeUri or Binary",
            ),
            (Path::new("/nowhere"), "correct its CodeUri"),
        ] {
            let error = refusal(&Binaries::BuildQuietly, "other", source).await;
            assert!(error.contains(says), "{error}");
        }
    }

    #[tokio::test]
    async fn a_missing_prebuilt_binary_is_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let binaries = Binaries::Prebuilt(directory.path().to_path_buf());
        let error = refusal(&binaries, "greet", Path::new("")).await;
        assert!(error.contains("there is no binary `greet` in"), "{error}");
        std::fs::write(directory.path().join("greet"), "").expect("written");
        let wanted = Binary {
            name: "greet".into(),
            source: PathBuf::new(),
        };
        assert!(binaries.provide(&[wanted]).await.is_ok());
    }

    #[test]
    fn the_profile_is_that_of_the_running_program() {
        let target = tempfile::tempdir().expect("a directory");
        std::fs::write(target.path().join("CACHEDIR.TAG"), "").expect("written");
        let of = |path: &str| BuildPlace::of(&target.path().join(path)).map(|place| place.profile);
        assert_eq!(of("debug/kontor").as_deref(), Some("dev"));
        assert_eq!(of("release/kontor").as_deref(), Some("release"));
        assert_eq!(of("debug/deps/world-123").as_deref(), Some("dev"));
        assert_eq!(of("fast/examples/x").as_deref(), Some("fast"));
        assert_eq!(
            BuildPlace::of(Path::new("/usr/local/bin/kontor")).map(|place| place.profile),
            None
        );
    }
}
