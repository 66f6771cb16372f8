//! What the documentation names is there.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The tracked files that match, by their paths below the root.
fn tracked(pattern: &str) -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", pattern])
        .current_dir(root())
        .output();
    let listed = String::from_utf8(listed.expect("git").stdout).expect("names");
    let files: Vec<_> = listed.lines().map(str::to_owned).collect();
    assert!(!files.is_empty(), "no {pattern}");
    files
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_test_that_limits_names_exists() {
    let code: String = tracked("*.rs").iter().map(|path| read(path)).collect();
    let limits = read("docs/limits.md");
    // Between two backticks, and with as many underscores as only a test's name has.
    let names: Vec<_> = limits
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|span| span.matches('_').count() > 2 && !span.contains([' ', '/', '.']))
        .collect();
    assert!(names.len() > 30, "{names:?}");
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !code.contains(&format!("fn {name}(")))
        .collect();
    assert!(missing.is_empty(), "docs/limits.md names {missing:?}");
}

#[test]
fn every_link_to_a_file_leads_there() {
    for page in tracked("*.md") {
        let folder = root().join(&page).parent().expect("a folder").to_owned();
        let text = read(&page);
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#']).next())
        {
            let is_here = !target.is_empty() && !target.contains("://");
            assert!(!is_here || folder.join(target).exists(), "{page}: {target}");
        }
    }
}

#[test]
fn every_check_is_a_job_of_the_forge() {
    let listed = Command::new(root().join(".ci/run")).arg("--list").output();
    let listed = String::from_utf8(listed.expect("a list").stdout).expect("text");
    let checks: Vec<_> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let workflow = read(".github/workflows/ci.yml");
    let jobs = workflow
        .lines()
        .filter_map(|line| line.strip_prefix("          - "));
    assert!(!checks.is_empty());
    assert_eq!(jobs.collect::<Vec<_>>(), checks);
}
