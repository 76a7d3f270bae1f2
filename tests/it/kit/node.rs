use super::cache;
use super::java::run;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

const PACKAGE: &str = include_str!("node/package.json");
const LOCK: &str = include_str!("node/package-lock.json");

pub(crate) fn node(script: &str) -> Command {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| packages("node", PACKAGE, LOCK));
    let mut command = Command::new("node");
    command.args(["-e", script]).current_dir(folder);
    command
}

pub(crate) fn packages(name: &str, package: &str, lock: &str) -> PathBuf {
    cache::folder(name, &[package, lock], |folder| install(folder, package, lock))
}

fn install(folder: &Path, package: &str, lock: &str) {
    for tool in ["node", "npm"] {
        let answer = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(
            answer.is_ok_and(|status| status.success()),
            "These tests use packages for JavaScript, such as AsyncAPI's own parser: node and npm are needed. \
             On Debian or Ubuntu: apt-get install nodejs npm."
        );
    }
    eprintln!("fetching packages with npm, once…");
    fs::write(folder.join("package.json"), package).expect("package.json");
    fs::write(folder.join("package-lock.json"), lock).expect("package-lock.json");
    let mut fetch = Command::new("npm");
    run(fetch.args(["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder));
}
