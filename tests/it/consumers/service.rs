use crate::kit::cache;
use crate::kit::java::run;
use crate::kit::python;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const POM: &str = include_str!("../../../examples/java/pom.xml");
const JAVA: &str = include_str!("../../../examples/java/src/main/java/example/EventConsumer.java");
const LOGGER: &str = include_str!("../../../examples/java/src/main/resources/simplelogger.properties");
const REQUIREMENTS: &str = include_str!("../../../examples/python/requirements.txt");

pub(super) struct Consumer {
    pub(super) make: fn() -> Command,
    pub(super) stopped: i32,
    /// librdkafka commits also while the handler blocks.
    pub(super) commits_periodically: bool,
}

pub(super) const IN_RUST: Consumer = Consumer { make: rust, stopped: 0, commits_periodically: true };

/// Java reports the signal as exit code even after a clean end.
pub(super) const IN_JAVA: Consumer = Consumer { make: java, stopped: 128 + 15, commits_periodically: false };

pub(super) const IN_PYTHON: Consumer = Consumer { make: python, stopped: 0, commits_periodically: true };

fn rust() -> Command {
    let test = std::env::current_exe().expect("the path of this program");
    let built = test.ancestors().nth(2).expect("target/<profile>/deps/<program>");
    // `cargo test` has built it already, unless only some tests were selected.
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--locked", "--example", "consumer", "--target-dir"]);
    build.arg(built.parent().expect("target")).current_dir(env!("CARGO_MANIFEST_DIR"));
    if built.ends_with("release") {
        build.arg("--release");
    }
    // Cargo's variables for this test would rebuild other packages.
    let inherited = std::env::vars_os().map(|(name, _)| name);
    for name in inherited.filter(|name| name.to_string_lossy().starts_with("CARGO_PKG_")) {
        build.env_remove(name);
    }
    build.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_MANIFEST_PATH");
    run(&mut build);
    Command::new(built.join("examples/consumer"))
}

fn java() -> Command {
    let folder = cache::folder("consumer-java", &[POM, JAVA, LOGGER], compile);
    let mut command = Command::new("java");
    command.args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]);
    command.arg(format!("{0}/target/classes:{0}/target/dependency/*", folder.display()));
    command.arg("example.EventConsumer");
    command
}

fn compile(folder: &Path) {
    let sources = [
        ("pom.xml", POM),
        ("src/main/java/example/EventConsumer.java", JAVA),
        ("src/main/resources/simplelogger.properties", LOGGER),
    ];
    for (path, text) in sources {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
        fs::write(path, text).expect("a source");
    }
    let mut maven = Command::new("mvn");
    run(maven.args(["-B", "-q", "compile", "dependency:copy-dependencies"]).current_dir(folder));
}

fn python() -> Command {
    let packages = python::packages("consumer-python", REQUIREMENTS);
    let script: PathBuf = [env!("CARGO_MANIFEST_DIR"), "examples/python/consumer.py"].iter().collect();
    let mut command = Command::new(packages.join("bin/python"));
    command.arg(script);
    command
}
