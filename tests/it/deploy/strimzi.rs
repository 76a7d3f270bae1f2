use super::project;
use super::tools::{both, documents, printed};
use crate::kit::java::run;
use crate::kit::process::bridge_command;
use crate::kit::{cache, golden};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const POM: &str = include_str!("strimzi/pom.xml");
const JUDGE: &str = include_str!("strimzi/Judge.java");

#[test]
fn topics_and_rights_are_those_of_the_settings() {
    let mut export = bridge_command();
    export.args(["topics", "export", "--format", "strimzi", "--cluster", "events", "--namespace", "kafka"]);
    export.args(["--for", "serve,check", "--config"]).arg(project("deploy/strimzi/bridge.yaml"));
    golden::same("../../deploy/strimzi/kafka.yaml", &printed(&mut export));
}

#[test]
fn strimzi_parses_every_field_of_its_resources() {
    let resources = documents(&project("deploy/strimzi/kafka.yaml"));
    let lines: String = resources.iter().map(|resource| format!("{resource}\n")).collect();
    let taken = judge(&lines);
    assert!(taken.status.success(), "{}", both(&taken));
    assert!(both(&taken).contains(&format!("{} read", resources.len())), "{}", both(&taken));
    for (right, wrong) in [(r#""partitions""#, r#""partitionz""#), (r#""Write""#, r#""Wriite""#)] {
        assert!(lines.contains(right));
        assert!(!judge(&lines.replace(right, wrong)).status.success(), "{wrong} was taken");
    }
}

/// Takes resources as lines of JSON.
fn judge(lines: &str) -> Output {
    let folder = cache::folder("strimzi", &[POM, JUDGE], fetch);
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), lines).expect("a file");
    let mut judge = Command::new("java");
    judge.args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", "jars/*:classes", "Judge"]).arg(file.path());
    judge.current_dir(folder).output().expect("java starts")
}

fn fetch(folder: &Path) {
    eprintln!("fetching Strimzi's own model through Maven, once…");
    fs::write(folder.join("pom.xml"), POM).expect("pom.xml");
    fs::write(folder.join("Judge.java"), JUDGE).expect("Judge.java");
    let mut fetch = Command::new("mvn");
    run(fetch
        .args(["-B", "-q", "dependency:copy-dependencies", "-DoutputDirectory=jars"])
        .current_dir(folder));
    let mut compile = Command::new("javac");
    run(compile.args(["-d", "classes", "-cp", "jars/*", "Judge.java"]).current_dir(folder));
}
