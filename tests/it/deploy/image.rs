use super::tools::{both, printed};
use super::{project, report_skipped};
use crate::kit::bridge::UNSIGNED;
use crate::kit::kafka::Kafka;
use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

pub(super) const USER: &str = "65532:65532";

const CONTAIN: &str = include_str!("contain.sh");
const DOCKERFILE: &str = include_str!("../../../deploy/Dockerfile");

pub(super) struct Image {
    root: TempDir,
}

impl Image {
    pub(super) fn assemble() -> Self {
        Self::of(Path::new(env!("CARGO_BIN_EXE_justcall-bridge")))
    }

    fn of(binary: &Path) -> Self {
        let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let mut steps = Command::new(project("deploy/image/root"));
        printed(steps.arg(binary).arg(root.path()));
        Self { root }
    }

    pub(super) fn path(&self, inside: &str) -> PathBuf {
        self.root.path().join(inside.trim_start_matches('/'))
    }

    /// Adds an authority in PEM.
    pub(super) fn trust(&self, authority: &str) {
        let all = File::options().append(true).open(self.path("etc/ssl/certs/ca-certificates.crt"));
        all.expect("authorities").write_all(authority.as_bytes()).expect("one more");
    }

    fn files(&self) -> Vec<String> {
        let mut find = Command::new("find");
        let found = printed(find.args([".", "!", "-type", "d"]).current_dir(&self.root));
        let mut files: Vec<_> = found.lines().map(|line| line[1..].to_owned()).collect();
        files.sort();
        files
    }

    pub(super) fn command(&self, groups: &str, mounts: &[Mount], program: &[&str]) -> Command {
        // A runtime creates these before it makes the root read-only.
        for folder in ["proc", "dev"].into_iter().chain(mounts.iter().map(|mount| mount.to.as_str())) {
            fs::create_dir_all(self.path(folder)).expect("a place to mount at");
        }
        for file in ["dev/null", "dev/zero", "dev/urandom", "etc/hosts", "etc/resolv.conf"] {
            File::create(self.path(file)).expect("a place to mount at");
        }
        let mut table = tempfile::NamedTempFile::new().expect("a temporary file");
        for Mount { from, to, read_only } in mounts {
            let how = if *read_only { "ro" } else { "rw" };
            writeln!(table, "{} {to} {how}", from.display()).expect("a line");
        }
        let (_, table) = table.keep().expect("a file");
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", CONTAIN, "contain"]).arg(self.root.path());
        command.args([USER, groups]).arg(table).args(program);
        command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }
}

pub(super) struct Mount {
    pub(super) from: PathBuf,
    pub(super) to: String,
    pub(super) read_only: bool,
}

pub(super) fn can_contain(what: &str) -> bool {
    let mut probe = Command::new("unshare");
    probe.args(["--mount", "sh", "-c", "mount --make-rprivate / && setpriv --no-new-privs true"]);
    match probe.output() {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            report_skipped(what, &format!("mount namespaces need root: {}", both(&output).trim()));
            false
        }
        Err(error) => {
            report_skipped(what, &format!("unshare (Debian's util-linux): {error}"));
            false
        }
    }
}

#[test]
fn image_has_the_bridge_and_its_libraries() {
    let image = Image::assemble();
    let is_library =
        |file: &str| (file.starts_with("/lib") || file.starts_with("/usr/lib")) && file.contains(".so");
    let (libraries, rest): (Vec<_>, Vec<_>) = image.files().into_iter().partition(|file| is_library(file));
    let expected = [
        "/etc/group",
        "/etc/nsswitch.conf",
        "/etc/passwd",
        "/etc/ssl/certs/ca-certificates.crt",
        "/licenses/LICENSE",
        "/usr/local/bin/justcall-bridge",
        "/usr/local/ssl/cert.pem",
    ];
    assert_eq!(rest, expected);
    assert!(libraries.len() <= 5, "unexpected libraries: {libraries:?}");
    let root = image.root.path().to_str().expect("a path of text");
    let mut again = Command::new(project("deploy/image/root"));
    let output = again.args([env!("CARGO_BIN_EXE_justcall-bridge"), root]).output().expect("it starts");
    assert!(both(&output).contains("is not empty"), "an image must not be mixed with another");
}

#[test]
fn image_runs_read_only_as_any_user_and_trusts_public_authorities() {
    if !can_contain("that the image's files are enough to start the bridge") {
        return;
    }
    let image = Image::assemble();
    let run = |args: &[&str]| {
        let program = [&["/usr/local/bin/justcall-bridge"], args].concat();
        both(&image.command("65532", &[], &program).output().expect("it starts"))
    };
    assert!(run(&["--version"]).contains(env!("CARGO_PKG_VERSION")));
    let elsewhere = ["serve", "--set", UNSIGNED, "--set", "spool.directory=/var/lib/other"];
    let message = run(&elsewhere);
    assert!(message.contains("Read-only file system"), "{message}");

    let secured = Kafka::start_secured();
    let servers = format!("kafka.bootstrap_servers={}", secured.tls);
    let over_tls = ["kafka.properties.security.protocol=SSL", "kafka.ack_deadline=10s", UNSIGNED, &servers];
    let check: Vec<&str> =
        ["check"].into_iter().chain(over_tls.iter().flat_map(|set| ["--set", *set])).collect();
    let message = run(&check);
    assert!(message.contains("not from an authority that this machine trusts"), "{message}");
    image.trust(&fs::read_to_string(&secured.ca).expect("the authority"));
    let message = run(&check);
    assert!(!message.contains("authority") && message.contains("ok       kafka"), "{message}");
}

fn stages() -> Vec<Vec<Vec<&'static str>>> {
    let lines = DOCKERFILE.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let mut stages: Vec<Vec<Vec<_>>> = Vec::new();
    for line in lines {
        let words: Vec<_> = line.split_whitespace().collect();
        if words[0] == "FROM" {
            stages.push(Vec::new());
        }
        stages.last_mut().expect("FROM comes first").push(words);
    }
    stages
}

#[test]
fn dockerfile_runs_only_the_tested_steps() {
    let stages = stages();
    let [build, image] = stages.as_slice() else { panic!("two stages") };
    let runs: Vec<_> =
        build.iter().filter(|words| words[0] == "RUN").map(|words| words[1..].join(" ")).collect();
    assert_eq!(
        runs,
        [
            "deploy/image/dependencies",
            "deploy/image/build",
            "deploy/image/root target/release/justcall-bridge /image"
        ]
    );
    let rust = build[0][1].strip_prefix("rust:").expect("an image with Rust");
    assert!(version(rust) >= version(env!("CARGO_PKG_RUST_VERSION")), "{rust} is too old");
    assert!(image.iter().all(|words| words[0] != "RUN" && words[0] != "HEALTHCHECK"));
    assert!(image.contains(&vec!["USER", USER]), "{image:?}");
    assert!(image.contains(&vec!["ARG", concat!("VERSION=", env!("CARGO_PKG_VERSION"))]), "{image:?}");
}

/// Reads `1.95-bookworm` as 1 and 95.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split(['.', '-']).map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

fn copy(build: &[Vec<&str>], into: &Path) {
    for words in build.iter().filter(|words| words[0] == "COPY") {
        let (to, from) = words[1..].split_last().expect("a target");
        let to = into.join(to);
        for from in from {
            let from = project(from);
            fs::create_dir_all(&to).expect("a folder");
            // Docker copies the contents of a folder.
            let from = if from.is_dir() { from.join(".") } else { from };
            printed(Command::new("cp").arg("-r").arg(from).arg(&to));
        }
    }
}

fn run_build_stage(folder: &Path, cargo: Option<&Path>) -> Vec<String> {
    let stages = stages();
    let (mut done, mut outputs) = (0, Vec::new());
    for (at, words) in stages[0].iter().enumerate() {
        if words[0] != "RUN" || words[1].ends_with("/root") {
            continue;
        }
        copy(&stages[0][done..at], folder);
        done = at;
        let mut step = Command::new("bash");
        step.args(["-c", &words[1..].join(" ")]).env_remove("CARGO_TARGET_DIR").current_dir(folder);
        if let Some(cargo) = cargo {
            let path = std::env::var("PATH").expect("a path");
            step.env("PATH", format!("{}:{path}", cargo.display())).env("REAL_CARGO", env!("CARGO"));
        }
        let output = step.output().expect("bash starts");
        assert!(output.status.success(), "{words:?}: {}", both(&output));
        outputs.push(both(&output));
    }
    outputs
}

/// Checks that the files form a workspace that matches its lock. Downloads the crates of the fuzz targets, which other
/// tests do not need.
const FAKE_CARGO: &str = r#"#!/bin/sh
manifest=Cargo.toml
for word; do
  [ "$before" != --manifest-path ] || manifest=$word
  before=$word
done
host=$("$REAL_CARGO" -vV | sed -n 's/^host: //p')
exec "$REAL_CARGO" metadata --locked --filter-platform "$host" --format-version 1 --manifest-path "$manifest"
"#;

#[test]
fn files_copied_by_the_dockerfile_suffice_for_cargo() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cargo = tempfile::tempdir().expect("a temporary folder");
    let reader = cargo.path().join("cargo");
    fs::write(&reader, FAKE_CARGO).expect("a file");
    fs::set_permissions(&reader, Permissions::from_mode(0o755)).expect("the file is ours");
    run_build_stage(folder.path(), Some(cargo.path()));
    let kept = fs::read_to_string(project("deploy/Dockerfile.dockerignore")).expect("a list");
    let stages = stages();
    for words in stages[0].iter().filter(|words| words[0] == "COPY") {
        let from = &words[1..words.len() - 1];
        let is_kept = |source: &&str| {
            let mut kept = kept.lines().filter_map(|line| line.strip_prefix('!'));
            kept.any(|path| Path::new(source).starts_with(path))
        };
        assert!(from.iter().all(is_kept), ".dockerignore excludes a part of {from:?}");
    }
    let read = compiled_files();
    assert!(read.len() > 100, "the compiler's list of files is incomplete: {read:?}");
    let missing: Vec<_> = read.iter().filter(|file| !folder.path().join(file).exists()).collect();
    assert!(missing.is_empty(), "COPY lacks files that the compiler reads: {missing:?}");
}

/// From the compiler's list beside the library.
fn compiled_files() -> BTreeSet<PathBuf> {
    let built = Path::new(env!("CARGO_BIN_EXE_justcall-bridge")).parent().expect("a folder").join("deps");
    let entries =
        fs::read_dir(&built).expect("the folder of built files").map(|entry| entry.expect("an entry").path());
    let is_ours = |path: &PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy();
        (name.starts_with("justcall_kafka_bridge-") || name.starts_with("justcall_events-"))
            && path.extension().is_some_and(|ending| ending == "d")
            && built.join(format!("lib{name}.rlib")).exists()
    };
    let lists = entries.filter(is_ours).map(|path| fs::read_to_string(path).expect("a list"));
    let files = lists.flat_map(|list| {
        list.lines().filter_map(|line| line.strip_suffix(':')).map(PathBuf::from).collect::<Vec<_>>()
    });
    // An older list may name deleted files.
    files.filter(|file| file.is_relative() && project(&file.to_string_lossy()).exists()).collect()
}

#[test]
#[ignore = "takes minutes; before a release: cargo test --test it -- --ignored image_is_built"]
fn image_is_built_by_the_steps_and_files_of_the_dockerfile() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let outputs = run_build_stage(folder.path(), None);
    let compiled = outputs[1].lines().filter(|line| line.trim_start().starts_with("Compiling")).count();
    assert_eq!(compiled, 2, "the dependencies were not built in their own layer: {}", outputs[1]);
    let image = Image::of(&folder.path().join("target/release/justcall-bridge"));
    if can_contain("that the released binary starts in its image") {
        let mut command = image.command("65532", &[], &["/usr/local/bin/justcall-bridge", "--version"]);
        assert!(printed(&mut command).contains(env!("CARGO_PKG_VERSION")));
    }
}
