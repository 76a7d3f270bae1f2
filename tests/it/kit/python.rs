//! Python's side of the tests: validators that know nothing of the bridge, fetched by pip.

use super::cache;
use super::java::run;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

const REQUIREMENTS: &str = include_str!("python/requirements.txt");

/// A command that runs Python with the validators at hand.
pub(crate) fn python() -> Command {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    // Two runs with different versions of Python do not share their packages.
    let folder = FOLDER.get_or_init(|| cache::folder("python", &[REQUIREMENTS, &version()], install));
    Command::new(folder.join("bin/python"))
}

fn install(folder: &Path) {
    eprintln!("fetching validators with pip, once…");
    run(Command::new("python3").args(["-m", "venv"]).arg(folder));
    let list = folder.join("requirements.txt");
    fs::write(&list, REQUIREMENTS).expect("requirements.txt");
    let mut fetch = Command::new(folder.join("bin/python"));
    fetch.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    run(fetch.arg(list));
}

/// What `python3` is, if it can make a folder of its own packages.
fn version() -> String {
    let mut ask = Command::new("python3");
    ask.args(["-c", "import ensurepip, sys, venv; print(sys.version)"]);
    let output = ask.stderr(Stdio::null()).output().ok().filter(|output| output.status.success());
    let output = output.expect(
        "These tests judge JSON Schema and OpenAPI with validators for Python: python3 and its venv are needed. \
         On Debian or Ubuntu: apt-get install python3 python3-venv.",
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
