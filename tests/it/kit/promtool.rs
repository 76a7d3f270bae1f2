use super::cache;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) fn promtool(args: &[&str], file: &Path) -> String {
    let output = command().args(args).arg(file).output().expect("promtool starts");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    assert!(output.status.success(), "promtool {args:?}:\n{printed}");
    printed
}

pub(crate) fn check_metrics(text: &str) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), text).expect("it is written");
    let stdin = fs::File::open(file.path()).expect("it is read");
    let output = command().args(["check", "metrics"]).stdin(stdin).output().expect("promtool starts");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert!(output.status.success() && printed.trim().is_empty(), "promtool check metrics:\n{printed}");
}

pub(crate) fn check_queries(queries: &[String]) {
    let rules: Vec<_> = queries
        .iter()
        .enumerate()
        .map(|(n, query)| serde_json::json!({ "record": format!("query_{n}"), "expr": query }))
        .collect();
    // JSON is YAML.
    let file = serde_json::json!({ "groups": [{ "name": "queries", "rules": rules }] });
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("queries.yaml");
    fs::write(&path, file.to_string()).expect("it is written");
    let printed = promtool(&["check", "rules"], &path);
    assert!(printed.contains(&format!("{} rules found", queries.len())), "{printed}");
}

/// Unpacks Debian's package if necessary, because an installation would start a server.
fn command() -> Command {
    let mut version = Command::new("promtool");
    version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    if version.status().is_ok_and(|status| status.success()) {
        return Command::new("promtool");
    }
    let folder = cache::folder("promtool", &[FETCH], |folder| {
        eprintln!("fetching promtool with apt-get, once…");
        let fetched =
            Command::new("sh").args(["-ec", FETCH]).current_dir(folder).output().expect("sh starts");
        assert!(
            fetched.status.success() && folder.join("promtool").exists(),
            "These tests check alerts and the dashboard with Prometheus's own promtool. It is not on the PATH, \
             and cannot be fetched; on Debian or Ubuntu after `apt-get update` it could.\n{}",
            String::from_utf8_lossy(&fetched.stderr)
        );
    });
    Command::new(folder.join("promtool"))
}

const FETCH: &str = "apt-get download -qq prometheus
    dpkg --fsys-tarfile prometheus_*.deb | tar -x --strip-components=3 ./usr/bin/promtool
    rm prometheus_*.deb";
