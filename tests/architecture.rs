//! Who may import whom: dependencies point one way, `domain` <- `app` <- adapters <- functions.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Each workspace crate with its dependencies that ship with it, and those alone that are crates of the workspace.
struct Workspace {
    all: BTreeMap<String, BTreeSet<String>>,
    /// The folder at the top in which each crate is: `crates`, `functions`, `tools` or `tests`.
    folder: BTreeMap<String, String>,
}

impl Workspace {
    fn read() -> Self {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
        let arguments = [
            "metadata",
            "--format-version=1",
            "--no-deps",
            "--manifest-path",
            manifest,
        ];
        let output = Command::new(env!("CARGO")).args(arguments).output();
        let output = output.expect("cargo runs").stdout;
        let metadata: Value = serde_json::from_slice(&output).expect("metadata");
        let texts = |value: &Value, name: &str| value[name].as_str().expect("a text").to_owned();
        let packages = metadata["packages"].as_array().expect("packages");
        let root = texts(&metadata, "workspace_root");
        let folder = packages.iter().map(|package| {
            let manifest = texts(package, "manifest_path");
            let inside = manifest.strip_prefix(&root).expect("below the root");
            let folder = inside.split('/').nth(1).expect("a folder");
            (texts(package, "name"), folder.to_owned())
        });
        let all = packages.iter().map(|package| {
            let shipped = package["dependencies"].as_array().expect("dependencies").iter();
            let shipped = shipped.filter(|dependency| dependency["kind"].is_null());
            (
                texts(package, "name"),
                shipped.map(|dependency| texts(dependency, "name")).collect(),
            )
        });
        Self {
            all: all.collect(),
            folder: folder.collect(),
        }
    }

    /// The crates in any of these folders at the top.
    fn below(&self, folders: &[&str]) -> Vec<&str> {
        let inside = self
            .folder
            .iter()
            .filter(|(_, folder)| folders.contains(&folder.as_str()));
        inside.map(|(name, _)| name.as_str()).collect()
    }

    /// The dependencies of `crate_name` that are crates of the workspace.
    fn own(&self, crate_name: &str) -> BTreeSet<&str> {
        let dependencies = self
            .all
            .get(crate_name)
            .unwrap_or_else(|| panic!("no crate {crate_name}"));
        dependencies
            .iter()
            .map(String::as_str)
            .filter(|name| self.all.contains_key(*name))
            .collect()
    }

    fn assert_only(&self, crate_name: &str, allowed: &[&str]) {
        let allowed: BTreeSet<_> = allowed.iter().copied().collect();
        let strangers: Vec<_> = self.own(crate_name).difference(&allowed).copied().collect();
        assert!(strangers.is_empty(), "{crate_name} must not import {strangers:?}");
    }
}

#[test]
fn the_domain_imports_nobody_and_no_technology() {
    let workspace = Workspace::read();
    workspace.assert_only("domain", &[]);
    let technology = "tokio serde serde_json tracing http reqwest fastrand rand";
    for crate_name in ["domain", "app"] {
        let used = &workspace.all[crate_name];
        let found: Vec<_> = technology
            .split(' ')
            .filter(|name| used.contains(*name) && !(crate_name == "app" && *name == "tracing"))
            .collect();
        assert!(found.is_empty(), "{crate_name} uses {found:?}");
        assert!(
            !used.iter().any(|name| name.starts_with("aws")),
            "{crate_name} knows AWS"
        );
    }
}

/// The rooms whose imports are named one by one.
#[test]
fn each_crate_imports_only_what_it_may() {
    let workspace = Workspace::read();
    for (room, may) in [
        ("app", &["domain"][..]),
        // What every function shares, and what runs a template, knows nothing of the shop.
        ("lambda-kit", &[]),
        ("https", &[]),
        ("sam-runner", &[]),
        ("sandboxes", &["sam-runner"]),
        // The operator's command uses adapters only.
        ("ops", &["app", "domain", "dynamodb", "https", "queue", "stripe"]),
    ] {
        workspace.assert_only(room, may);
    }
}

/// All that is in `crates/` and no port or rule is an adapter: a new one needs no entry here.
#[test]
fn adapters_import_ports_and_never_each_other() {
    let workspace = Workspace::read();
    for name in workspace.below(&["crates"]) {
        // What clients are told is the interface's, and the functions' alone: it may name their problems.
        let of_functions: &[_] = if name == "api" { &["lambda-kit"] } else { &[] };
        workspace.assert_only(name, &[&["app", "domain", "https"], of_functions].concat());
    }
}

#[test]
fn nothing_that_ships_imports_a_tool_or_a_function() {
    let workspace = Workspace::read();
    for name in workspace.below(&["crates", "functions"]) {
        workspace.assert_only(name, &workspace.below(&["crates"]));
    }
}

#[test]
fn the_shop_is_the_only_program_that_cargo_run_starts() {
    let default_run = |(_, manifest): &(String, String)| manifest.contains("\ndefault-run = ");
    let programs: Vec<_> = manifests().into_iter().filter(default_run).collect();
    assert_eq!(programs.len(), 1, "{programs:?}");
    assert!(programs[0].0.ends_with("tools/kontor/Cargo.toml"), "{programs:?}");
}

/// `cargo run` builds what ships and the tools; `cargo test` adds what tests alone need. A feature that only a test asks for would have each
/// library compiled twice: `tests/Cargo.toml` asks for it too.
#[test]
fn tests_ask_for_no_feature_that_cargo_run_lacks() {
    let (run, test) = (features("normal,build"), features("normal,build,dev"));
    let more = run
        .iter()
        .filter(|(library, features)| !features.is_superset(&test[*library]));
    let more: Vec<_> = more
        .map(|(library, has)| (library, test[library].difference(has).collect::<Vec<_>>()))
        .collect();
    assert!(more.is_empty(), "{more:?}");
}

/// Each library of the workspace with the features that it is compiled with, following these kinds of dependencies.
fn features(kinds: &str) -> BTreeMap<String, BTreeSet<String>> {
    let arguments = "tree --workspace --locked --prefix=none --format={p}|{f} --edges";
    let output = Command::new(env!("CARGO"))
        .args(arguments.split(' '))
        .arg(kinds)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut features: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    let text = String::from_utf8_lossy(&output.stdout);
    for line in text.lines().filter(|line| !line.is_empty()) {
        // What cargo has shown before is marked, whatever it was asked.
        let line = line.trim_end_matches(" (*)");
        let (library, compiled_with) = line.split_once('|').expect("a library with its features");
        let compiled_with = compiled_with
            .split(',')
            .filter(|feature| !feature.is_empty())
            .map(str::to_owned);
        features
            .entry(library.to_owned())
            .or_default()
            .extend(compiled_with);
    }
    features
}

#[test]
fn only_the_workspaces_manifest_names_versions() {
    for (name, manifest) in manifests() {
        let versions = manifest
            .lines()
            .skip_while(|line| !line.starts_with("[dependencies]"));
        let strays: Vec<_> = versions
            .filter(|line| line.contains('=') && line.contains('"') && line.contains("version"))
            .collect();
        assert!(strays.is_empty(), "{name}: {strays:?}");
    }
}

fn manifests() -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut manifests = Vec::new();
    for folder in ["crates", "functions", "tools"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path().join("Cargo.toml");
            if !path.is_file() {
                continue;
            }
            manifests.push((
                path.display().to_string(),
                std::fs::read_to_string(&path).expect("a manifest"),
            ));
        }
    }
    manifests
}
