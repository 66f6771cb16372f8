//! What the documentation names is there.

use std::collections::BTreeMap;
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

/// Commands of the runbook that no rehearsed deployment runs, the file that does instead, and how.
const RUN_ELSEWHERE: [(&str, &str, &str); 4] = [
    (
        "ops dlq redrive",
        "tools/ops/tests/operating.rs",
        "shop.redrive()",
    ),
    ("infra/smoke.sh", ".ci/faulty-aws", "infra/smoke.sh"),
    (".ci/rehearse-deploy", ".ci/run", ".ci/rehearse-deploy"),
    (".ci/run", ".github/workflows/ci.yml", ".ci/run"),
];

/// The commands that the runbook tells, and whether `.ci/rehearse-deploy` runs them: those of `ops` and `aws`, and every line of a block, but
/// for what it says that the emulator cannot answer.
fn commands_of_the_runbook() -> BTreeMap<String, bool> {
    let rehearsal = read(".ci/rehearse-deploy");
    let (_, left_out) = rehearsal.split_once("NOT_OF_THE_EMULATOR = ").expect("a list");
    let left_out = left_out.lines().next().unwrap_or_default();
    let mut commands = BTreeMap::new();
    for span in read("docs/runbook.md").split('`').skip(1).step_by(2) {
        if let Some(block) = span.strip_prefix("sh\n") {
            commands.extend(block.lines().map(|line| (line.to_owned(), true)));
            continue;
        }
        let command = span.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_rehearsed = command.starts_with("ops ") || command.starts_with("aws ");
        let is_template = command.rsplit('.').next() == Some("yaml");
        let is_script = !is_template && (command.starts_with("infra/") || command.starts_with(".ci/"));
        if is_rehearsed || is_script {
            let is_rehearsed = is_rehearsed && !left_out.contains(&format!("\"{command}\""));
            commands.insert(command, is_rehearsed);
        }
    }
    commands
}

#[test]
fn every_command_of_the_runbook_is_run_somewhere() {
    let commands = commands_of_the_runbook();
    assert!(commands.len() > 15, "{commands:?}");
    let nowhere: Vec<_> = commands
        .iter()
        .filter(|(command, is_rehearsed)| {
            let elsewhere = RUN_ELSEWHERE.iter().find(|(own, ..)| own == command);
            !**is_rehearsed && !elsewhere.is_some_and(|(_, file, how)| read(file).contains(how))
        })
        .collect();
    assert!(nowhere.is_empty(), "docs/runbook.md: {nowhere:?}");
    let unknown: Vec<_> = RUN_ELSEWHERE
        .iter()
        .filter(|(own, ..)| commands.get(*own) != Some(&false))
        .collect();
    assert!(
        unknown.is_empty(),
        "not in docs/runbook.md, or rehearsed: {unknown:?}"
    );
}
