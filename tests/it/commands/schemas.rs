mod agreement;
mod headers;
mod mutations;

use crate::kit::golden;
use crate::kit::node::node;
use crate::kit::process::bridge_command;
use crate::kit::python::python;
use justcall_events::{Dialect, samples};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

const JUDGE: &str = include_str!("schemas/judge.py");
const PARSE: &str = include_str!("schemas/parse.js");
const SETTINGS: &str = include_str!("schemas/bridge.yaml");

fn printed(command: &mut Command, input: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let mut stdin = child.stdin.take().expect("piped above");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input.as_bytes()));
        child.wait_with_output().expect("it ends")
    });
    assert!(output.status.success(), "the command failed, see above");
    String::from_utf8(output.stdout).expect("text")
}

fn verdicts(judge: &str, cases: &[Value]) -> Vec<Value> {
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let answer = printed(python().args(["-c", JUDGE, judge]), &lines);
    let answer: Vec<Value> = answer.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answer.len(), cases.len());
    answer
}

fn schema(args: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("bridge.yaml"), SETTINGS).expect("bridge.yaml");
    printed(bridge_command().arg("schema").args(args).current_dir(&folder), "")
}

fn document(args: &[&str]) -> Value {
    serde_json::from_str(&schema(args)).expect("JSON")
}

const ASYNCAPI: &[&str] = &["asyncapi", "--config", "bridge.yaml"];
const OPENAPI: &[&str] = &["openapi", "--config", "bridge.yaml"];

/// Event types have a golden file of their own.
fn trimmed(mut document: Value) -> String {
    document["info"]["version"] = json!("VERSION");
    let schemas = document["components"]["schemas"].as_object_mut().expect("schemas");
    for (name, schema) in schemas {
        if name.contains("documented.") || name.contains("live.") {
            *schema = json!("as `schema events` has it");
        }
    }
    format!("{document:#}\n")
}

#[test]
fn event_schemas_are_valid_and_accept_their_examples() {
    let of = |validation| document(&["events", "--validation", validation]);
    let mut documents: Vec<_> = ["documented", "tolerant", "strict"].map(of).into();
    documents.push(document(&["events", "call.missed", "--dialect", "documented"]));
    verdicts("schema", &documents);
    assert_eq!(
        documents[0]["oneOf"].as_array().expect("a list").len(),
        Dialect::ALL.into_iter().flat_map(samples).count()
    );
    assert_eq!(documents[3]["$id"], "urn:justcall-kafka-bridge:schema:documented:documented.call.missed");
    golden::same("schema/events.json", &schema(&["events"]));
}

#[test]
fn each_event_schema_can_have_a_file_of_its_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = bridge_command()
        .args(["schema", "events", "--dialect", "documented", "--yaml", "--out", "schemas"])
        .current_dir(&folder)
        .status();
    assert!(run.expect("it starts").success());
    let files = fs::read_dir(folder.path().join("schemas")).expect("the folder").count();
    assert_eq!(files, samples(Dialect::Documented).count());
    assert!(folder.path().join("schemas/documented.contact.updated.yaml").exists());
}

#[test]
fn type_of_another_dialect_is_refused_by_name() {
    let output = bridge_command()
        .args(["schema", "events", "contact.created", "--dialect", "live"])
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("none of these types has the live dialect"), "{error}");
}

#[test]
fn asyncapi_parses_without_diagnostics() {
    let text = schema(ASYNCAPI);
    assert_eq!(printed(&mut node(PARSE), &text), "", "diagnostics of the parser");
    golden::same("schema/asyncapi.json", &trimmed(serde_json::from_str(&text).expect("JSON")));
}

#[test]
fn asyncapi_parser_reports_an_invalid_document() {
    let mut broken = document(ASYNCAPI);
    broken["operations"]["send.justcall.calls"]["channel"]["$ref"] = json!("#/channels/none");
    assert!(!printed(&mut node(PARSE), &broken.to_string()).is_empty());
}

#[test]
fn openapi_is_valid_and_so_are_its_examples() {
    let document = document(OPENAPI);
    let examples = verdicts("openapi", std::slice::from_ref(&document))[0].as_i64().expect("a count");
    assert!(examples > 50, "only {examples} examples were checked");
    golden::same("schema/openapi.json", &trimmed(document));
}

#[test]
fn yaml_and_json_are_the_same_document() {
    let both = |args: &[&str]| {
        let text = schema(&[args, &["--yaml"]].concat());
        json!({ "text": text, "document": document(args) })
    };
    let cases = [both(ASYNCAPI), both(OPENAPI), both(&["events"])];
    assert_eq!(verdicts("same_yaml", &cases), [true, true, true]);
}

#[test]
fn invalid_settings_exit_with_78() {
    let run = bridge_command().args(["schema", "openapi", "--set", "server.listen=nowhere"]).output();
    let output = run.expect("it starts");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(78), 0));
}
