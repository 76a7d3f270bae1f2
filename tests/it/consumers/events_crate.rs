use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const README: &str = include_str!("../../../crates/justcall-events/README.md");
const LOCK: &str = include_str!("../../../Cargo.lock");

fn crate_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/justcall-events")
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("events-crate").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn project(folder: &Path, dependency: &Path, main: &str) {
    project_with(folder, &format!("justcall-events.path = {dependency:?}"), main);
}

fn project_with(folder: &Path, dependencies: &str, main: &str) {
    // Projects share cargo's build folder, so each binary has a name of its own.
    let name = format!("{}-consumer", folder.file_name().expect("a name").to_string_lossy());
    let manifest = format!(
        "[package]\nname = {name:?}\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{dependencies}\n"
    );
    fs::create_dir_all(folder.join("src")).expect("a folder");
    fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    fs::write(folder.join("Cargo.lock"), LOCK).expect("a lock file");
    fs::write(folder.join("src/main.rs"), main).expect("a source");
}

fn cargo(folder: &Path, args: &[&str]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(args).arg("--offline").current_dir(folder);
    for tool in ["CC", "CXX", "AR", "CMAKE", "PKG_CONFIG", "PERL"] {
        cargo.env(tool, "/bin/false");
    }
    cargo
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("events-crate/target"))
        .env_remove("RUSTFLAGS");
    cargo
}

fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("cargo starts");
    assert!(status.success(), "{command:?}\n{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("text")
}

fn rust_blocks() -> Vec<&'static str> {
    README.split("```").filter_map(|block| block.strip_prefix("rust\n")).collect()
}

#[test]
fn consumer_of_the_readme_builds_without_a_native_toolchain() {
    let folder = folder("readme");
    project(&folder, &crate_folder(), rust_blocks()[0]);
    let printed = succeed(&mut cargo(&folder, &["run", "--quiet"]));
    assert_eq!(printed, "call_77aa rang for Some(25) s\n");
}

/// Excludes other platforms.
fn packages(project: &Path) -> Vec<Value> {
    let host = succeed(Command::new(env!("CARGO")).arg("-vV"));
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let args = ["metadata", "--format-version", "1", "--filter-platform", host];
    let mut metadata: Value = serde_json::from_str(&succeed(&mut cargo(project, &args))).expect("JSON");
    match metadata["packages"].take() {
        Value::Array(packages) => packages,
        other => panic!("no packages: {other}"),
    }
}

#[test]
fn consumer_depends_on_few_crates_and_on_no_native_library() {
    let folder = folder("dependencies");
    project(&folder, &crate_folder(), "fn main() {}");
    let packages = packages(&folder);
    let names: BTreeSet<_> =
        packages.iter().map(|package| package["name"].as_str().expect("a name")).collect();
    assert!(names.contains("serde_json"), "{names:?}");
    let native: Vec<_> =
        packages.iter().filter(|package| is_native(package)).map(|package| &package["name"]).collect();
    assert!(native.is_empty(), "{native:?} need a native library or a C compiler");
    assert!(names.len() <= 32, "{} crates: {names:?}", names.len());
    for package in packages.iter().filter(|package| !package["source"].is_null()) {
        let locked = format!("name = {}\nversion = {}\n", package["name"], package["version"]);
        assert!(LOCK.contains(&locked), "{locked} differs from the version of this workspace");
    }
}

fn is_native(package: &Value) -> bool {
    let builds_c = |dependency: &Value| {
        dependency["kind"] == "build"
            && matches!(dependency["name"].as_str(), Some("cc" | "cmake" | "pkg-config"))
    };
    !package["links"].is_null()
        || package["name"].as_str().is_some_and(|name| name.ends_with("-sys"))
        || package["dependencies"].as_array().is_some_and(|all| all.iter().any(builds_c))
}

const CONSUMER_OF_THE_NEW_TYPE: &str = r#"
use justcall_events::{
    BodyHash, Dialect, Documented, DocumentedData, Family, KnownType, Scanned, Validation, samples, scan,
};

fn main() {
    let known = KnownType::from_name("call.transferred").expect("it is in the catalogue");
    assert_eq!((known.family(), known.about()), (Family::Call, "An agent passed a call on."));
    let (_, body) = samples(Dialect::Documented).find(|(sample, _)| *sample == known).expect("a sample");
    let DocumentedData::CallTransferred(call) = Documented::from_slice(body.as_bytes()).unwrap().data else {
        panic!("another struct")
    };
    assert_eq!((&*call.call_id, call.to_agent_id), ("call_1", Some(7)));
    let wrong = body.replace("7", "\"seven\"");
    let judged = [body, &wrong].map(|body| match scan(body.as_bytes()).unwrap() {
        Scanned::Envelope(envelope) => envelope.validate(Validation::Strict, &BodyHash::of(body.as_bytes())),
        Scanned::Probe => panic!("a probe"),
    });
    assert_eq!(judged[0].as_ref().unwrap().entity_id.as_deref(), Some("call_1"));
    assert_eq!(judged[1].as_ref().unwrap_err().pointer, "/data/to_agent_id");
    assert!(!known.is_listed_in(Dialect::Live));
}
"#;

const DECLARATION: &str = r#"
    /// An agent passed a call on.
    CallTransferred = "call.transferred", Call {
        documented: CallTransferred {
            call_id: Identity;
            /// Agent who took the call over.
            to_agent_id: Integer,
        }
    }
}

#[cfg(test)]"#;

const SAMPLE: &str = r#"{"event":"call.transferred","timestamp":"2026-03-12T14:30:00Z","data":{"call_id":"call_1","to_agent_id":7}}"#;

#[test]
fn new_event_type_takes_one_declaration_and_one_sample() {
    let folder = folder("new-type");
    let copy = folder.join("justcall-events");
    succeed(Command::new("cp").arg("-r").arg(crate_folder()).arg(&copy));
    let catalogue = copy.join("src/catalogue.rs");
    let before = fs::read_to_string(&catalogue).expect("the catalogue");
    let after = before.replace("}\n\n#[cfg(test)]", DECLARATION.trim_start_matches('\n'));
    assert_ne!(before, after, "the end of the declarations was not found");
    fs::write(&catalogue, after).expect("the copy is writable");
    fs::write(copy.join("src/samples/documented/call.transferred.json"), SAMPLE)
        .expect("the copy is writable");
    let consumer = folder.join("new-type");
    project(&consumer, &copy, CONSUMER_OF_THE_NEW_TYPE);
    succeed(&mut cargo(&consumer, &["run", "--quiet"]));
}

/// Without features, so that the project needs only packages of the bridge.
const NATIVE: [&str; 4] = ["libsqlite3-sys", "openssl-sys", "rdkafka-sys", "ring"];

#[test]
fn check_for_native_libraries_finds_those_of_the_bridge() {
    let folder = folder("native");
    let dependencies = NATIVE.map(|name| format!("{name} = {{ version = \"*\", default-features = false }}"));
    project_with(&folder, &dependencies.join("\n"), "fn main() {}");
    let packages = packages(&folder);
    let native = packages.iter().filter(|package| is_native(package));
    let native: BTreeSet<_> = native.filter_map(|package| package["name"].as_str()).collect();
    for expected in NATIVE {
        assert!(native.contains(expected), "{expected} is not in {native:?}");
    }
}
