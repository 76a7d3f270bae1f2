use super::cache;
use super::java::run;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

const REQUIREMENTS: &str = include_str!("python/requirements.txt");

pub(crate) fn python() -> Command {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    Command::new(FOLDER.get_or_init(|| packages("python", REQUIREMENTS)).join("bin/python"))
}

/// The Python is in `bin`.
pub(crate) fn packages(name: &str, requirements: &str) -> PathBuf {
    cache::folder(name, &[requirements, &version()], |folder| install(folder, requirements))
}

fn install(folder: &Path, requirements: &str) {
    eprintln!("fetching packages for Python with pip, once…");
    run(Command::new("python3").args(["-m", "venv"]).arg(folder));
    let list = folder.join("requirements.txt");
    fs::write(&list, requirements).expect("requirements.txt");
    let mut fetch = Command::new(folder.join("bin/python"));
    fetch.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    run(fetch.arg(list));
}

/// Panics if `python3` cannot create virtual environments.
fn version() -> String {
    let mut ask = Command::new("python3");
    ask.args(["-c", "import ensurepip, sys, venv; print(sys.version)"]);
    let output = ask.stderr(Stdio::null()).output().ok().filter(|output| output.status.success());
    let output = output.expect(
        "These tests run programs in Python: python3 and its venv are needed. \
         On Debian or Ubuntu: apt-get install python3 python3-venv.",
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
