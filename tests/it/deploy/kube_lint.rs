use super::chart::{Rendered, sets};
use super::project;
use super::tools::{self, CHART, both, documents, helms, template};
use crate::kit::process::bridge_command;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

/// A value decides these checks of kube-score.
const BY_VALUE: [&str; 2] = ["container-image-pull-policy", "pod-networkpolicy"];

const OF_OPERATORS: [&str; 4] = ["ExternalSecret", "HTTPRoute", "PrometheusRule", "ServiceMonitor"];

fn lint(helm: &std::path::Path, set: &Rendered) {
    let mut lint = Command::new(helm);
    lint.args(["lint", "--strict", "--values"]).arg(&set.values).arg(project(CHART));
    let output = lint.output().expect("helm starts");
    assert!(output.status.success(), "{}: {}", set.name, both(&output));
}

#[test]
fn helm_lint_passes_for_every_set_of_values() {
    assert!(sets().len() >= 10, "only {} sets", sets().len());
    for helm in helms() {
        sets().iter().for_each(|set| lint(helm, set));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    for set in sets() {
        let output = template(&helms()[0], Some(&set.values), &[]);
        assert!(output.status.success(), "{}: {}", set.name, both(&output));
        let file = folder.path().join("old.yaml");
        fs::write(&file, output.stdout).expect("a file");
        assert_eq!(documents(&file), set.documents, "{}: Helm 3 and 4 differ", set.name);
    }
}

#[test]
fn manifests_are_valid_in_three_versions_of_kubernetes() {
    let files: Vec<_> = sets().iter().map(|set| set.file.clone()).collect();
    let all = sets().iter().flat_map(|set| &set.documents);
    let own = all.filter(|document| OF_OPERATORS.iter().all(|kind| document["kind"] != *kind)).count();
    assert_eq!(tools::validate(&files), 3 * own);
}

#[test]
fn misspelt_field_is_found() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("wrong.yaml");
    let text = fs::read_to_string(&sets()[0].file).expect("manifests");
    fs::write(&file, text.replace("podManagementPolicy:", "podManagmentPolicy:")).expect("a file");
    let found = std::panic::catch_unwind(|| tools::validate(&[file]));
    assert!(found.is_err(), "the misspelt field was accepted");
}

#[test]
fn custom_resources_are_valid() {
    let all = sets().iter().flat_map(|set| &set.documents);
    let theirs: Vec<&Value> =
        all.filter(|document| OF_OPERATORS.iter().any(|kind| document["kind"] == *kind)).collect();
    for kind in OF_OPERATORS {
        assert!(theirs.iter().any(|document| document["kind"] == kind), "no set of values has a {kind}");
    }
    let mut judge = tools::crd_judge();
    let mut judge = judge.stdin(Stdio::piped()).spawn().expect("node starts");
    let mut stdin = judge.stdin.take().expect("piped above");
    for document in theirs {
        writeln!(stdin, "{document}").expect("it reads");
    }
    drop(stdin);
    assert!(judge.wait().expect("it ends").success(), "see above");
}

#[test]
fn kube_score_finds_nothing_critical() {
    for set in sets() {
        let mut score = tools::kube_score();
        score.args(["score", "--output-format", "ci", "--kubernetes-version", "v1.34"]);
        if set.name != "hardened-values" {
            score.args(BY_VALUE.iter().flat_map(|test| ["--ignore-test", *test]));
        }
        let output = score.arg(&set.file).output().expect("kube-score starts");
        let printed = both(&output);
        assert!(printed.contains("[OK]"), "{}: kube-score checked nothing: {printed}", set.name);
        assert!(output.status.success() && !printed.contains("[CRITICAL]"), "{}: {printed}", set.name);
    }
}

#[test]
fn bridge_accepts_the_settings_of_every_config_map() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("bridge.yaml");
    for set in sets() {
        fs::write(&file, set.settings()).expect("a file");
        let mut check = bridge_command();
        check.args(["check", "--offline", "--config"]).arg(&file).envs(variables(set)).current_dir(&folder);
        let output = check.output().expect("the bridge starts");
        assert!(output.status.success(), "{}: {}", set.name, both(&output));
    }
}

fn variables(set: &Rendered) -> Vec<(String, String)> {
    let env = set.pod()["containers"][0]["env"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    env.iter().map(|each| (text(&each["name"]), text(&each["value"]))).collect()
}
