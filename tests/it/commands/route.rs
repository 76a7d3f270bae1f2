use crate::kit::golden;
use crate::kit::process::bridge_command;
use justcall_events::{Dialect, KnownType, samples};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};
use tempfile::TempDir;

const SETTINGS: &str = include_str!("route/bridge.yaml");
const EVENTS: &str = include_str!("route/events.ndjson");
const EXPECTED: &str = include_str!("route/expected.yaml");

fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in [("bridge.yaml", SETTINGS), ("events.ndjson", EVENTS), ("expected.yaml", EXPECTED)] {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

fn route_with_stdin(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut command = bridge_command();
    command.args(["route", "--config", "bridge.yaml", "--received-at", "2026-03-12T15:00:00Z"]).args(args);
    command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    // The command may end without reading, after an invalid argument.
    let _ = child.stdin.take().expect("piped above").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

fn route(folder: &Path, args: &[&str]) -> Output {
    route_with_stdin(folder, args, "")
}

fn summary(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{out}{err}exit code {}\n", output.status.code().expect("a code"))
}

#[test]
fn every_outcome_of_an_event_is_printed() {
    let folder = folder();
    let printed = |args: &[&str]| summary(&route(folder.path(), args));
    golden::same("route/events.txt", &printed(&["events.ndjson", "--source", "main"]));
    golden::same("route/events.ndjson", &printed(&["events.ndjson", "--source", "main", "--json"]));
    golden::same(
        "route/tolerant.txt",
        &printed(&["events.ndjson", "--source", "easy", "--partitions", "12"]),
    );
    let policy = ["--source", "main", "--set", "unknown_events=dead_letter", "events.ndjson", "--json"];
    golden::same("route/dead-letter-policy.ndjson", &printed(&policy));
}

/// A JSON pointer fits one dialect, a named field both.
#[test]
fn missing_field_is_distinguished_from_another_value() {
    let folder = folder();
    let (_, live) =
        samples(Dialect::Live).find(|(known, _)| *known == KnownType::CallMissed).expect("a sample");
    let outgoing = live.replace("Incoming", "Outgoing");
    let printed = |body: &str, args: &[&str]| {
        let output = route_with_stdin(folder.path(), &[&["--source", "main"], args].concat(), body);
        String::from_utf8(output.stdout).expect("text")
    };
    let step = |body: &str, args: &[&str]| {
        let printed: Value =
            serde_json::from_str(&printed(body, &[&["--json"], args].concat())).expect("JSON");
        printed["steps"][1].clone()
    };
    let named = [
        "--set",
        "routes=[{match: sms.*, topics: s}, {match: call.missed, when: {direction: outbound}, topics: justcall.missed.outbound}]",
    ];
    let text = r#"condition not met: /data/direction is "outbound" (field absent or null)"#;
    assert!(printed(&outgoing, &[]).contains(text), "{}", printed(&outgoing, &[]));
    assert_eq!(step(&outgoing, &[])["field_absent"], true);
    assert_eq!(step(&outgoing, &named)["verdict"], "took");
    let text = "condition not met: direction is \"outbound\"\n";
    assert!(printed(live, &named).contains(text), "{}", printed(live, &named));
    assert_eq!(step(live, &named)["field_absent"], false);
}

#[test]
fn one_event_can_come_from_standard_input() {
    let folder = folder();
    let pretty = serde_json::from_str::<Value>(EVENTS.lines().next().expect("a line")).expect("JSON");
    let output = route_with_stdin(folder.path(), &["--source", "main", "--json"], &format!("{pretty:#}\n"));
    assert_eq!(output.status.code(), Some(0));
    let printed: Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    assert_eq!((printed["at"].as_str(), printed["routes"].as_array().map(Vec::len)), (Some("-"), Some(2)));
}

#[test]
fn partitions_are_those_of_kafkas_java_client() {
    let folder = folder();
    let events: String = (0..40)
        .map(|id| format!("{{\"event\":\"call.answered\",\"timestamp\":\"2026-03-12T14:33:10Z\",\"data\":{{\"call_id\":\"{}\"}}}}\n", "kä".repeat(id + 1)))
        .collect();
    let args = ["--source", "main", "--partitions", "7", "--json"];
    let output = route_with_stdin(folder.path(), &args, &events);
    let printed: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    let keys: Vec<&str> = printed.iter().filter_map(|each| each["records"][0]["key"].as_str()).collect();
    let partitions: Vec<i64> =
        printed.iter().filter_map(|each| each["records"][0]["partition"].as_i64()).collect();
    let bytes: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
    let by_java = crate::kit::murmur2::java_partitions(&bytes, 7);
    assert_eq!(partitions, by_java.iter().map(|each| i64::from(*each)).collect::<Vec<_>>());
    assert_eq!(keys.len(), 40);
}

#[test]
fn mapping_that_meets_its_expectations_passes() {
    let folder = folder();
    let output = route(folder.path(), &["--expect", "expected.yaml", "--source", "main"]);
    assert_eq!(summary(&output), "10 as expected\nexit code 0\n");
}

#[test]
fn difference_is_reported_with_place_field_and_both_values() {
    let folder = folder();
    let settings = SETTINGS
        .replace("when: { /data/direction: outbound }", "when: { /data/direction: { exists: true } }")
        .replace("drop: true", "topics: justcall.sms");
    fs::write(folder.path().join("bridge.yaml"), settings).expect("bridge.yaml");
    let printed = |args: &[&str]| summary(&route(folder.path(), args));
    golden::same("route/differences.txt", &printed(&["--expect", "expected.yaml", "--source", "main"]));
    golden::same(
        "route/differences.ndjson",
        &printed(&["--expect", "expected.yaml", "--source", "main", "--json"]),
    );
}

#[test]
fn written_expectations_pass_afterwards() {
    let folder = folder();
    let add = ["events.ndjson", "--source", "main", "--expect", "mapping.ndjson", "--update"];
    assert_eq!(summary(&route(folder.path(), &add)), "mapping.ndjson: 0 changed, 11 added\nexit code 0\n");
    let written = || fs::read_to_string(folder.path().join("mapping.ndjson")).expect("written");
    golden::same("route/written.ndjson", &written());
    let compare = ["--expect", "mapping.ndjson"];
    assert_eq!(summary(&route(folder.path(), &compare)), "11 as expected\nexit code 0\n");

    let settings =
        SETTINGS.replace("drop: true", "topics: justcall.sms").replace("team: voice", "team: phone");
    fs::write(folder.path().join("bridge.yaml"), settings).expect("bridge.yaml");
    assert_eq!(route(folder.path(), &compare).status.code(), Some(1));
    let update = ["--expect", "mapping.ndjson", "--update"];
    assert_eq!(summary(&route(folder.path(), &update)), "mapping.ndjson: 2 changed, 0 added\nexit code 0\n");
    assert_eq!(summary(&route(folder.path(), &compare)), "11 as expected\nexit code 0\n");
    assert!(written().contains("phone") && !written().contains("dropped"));
}

#[test]
fn update_changes_only_the_stated_expectations() {
    let folder = folder();
    let before = r##"# calls
{"sample": "call.missed", "headers": {"team": "voice"}}
{"sample":"call.missed","topics":"wrong"}

{"sample":"sms.sent","with":{"/data/from":"+49301234"},"route":7,"records":{"wrong":{"key":"a"}}}
{ "name": "right", "sample": "contact.created", "topics": "justcall.contacts" }
"##;
    let after = r##"# calls
{"sample":"call.missed","outcome":"routed","records":{"justcall.all.call":{"key":"call_90ab34ef"},"justcall.calls":{"key":"call_90ab34ef"},"justcall.missed":{"key":"+14155550147","headers":{"team":"voice"}}}}
{"sample":"call.missed","outcome":"routed","topics":["justcall.all.call","justcall.calls","justcall.missed"]}

{"sample":"sms.sent","with":{"/data/from":"+49301234"},"outcome":"routed","route":null,"key":"msg_7f60b2a4"}
{ "name": "right", "sample": "contact.created", "topics": "justcall.contacts" }
"##;
    let file = folder.path().join("mapping.ndjson");
    fs::write(&file, before).expect("mapping.ndjson");
    let summary =
        summary(&route(folder.path(), &["--source", "main", "--expect", "mapping.ndjson", "--update"]));
    assert_eq!(summary, "mapping.ndjson: 3 changed, 0 added\nexit code 0\n");
    assert_eq!(fs::read_to_string(file).expect("mapping.ndjson"), after);
}

#[test]
fn impossible_request_is_refused_with_a_reason() {
    let folder = folder();
    fs::write(folder.path().join("empty.ndjson"), "").expect("a file");
    for (args, code, expected) in [
        (&["events.ndjson"][..], 1, "name the source of the events: the settings have easy, main"),
        (&["events.ndjson", "--source", "other"], 1, "there is no source \"other\""),
        (&["none.json", "--source", "main"], 1, "cannot read none.json"),
        (&["--expect", "empty.ndjson"], 1, "empty.ndjson has no case"),
        (&["--expect", "expected.yaml"], 1, "expected.yaml:1: name the source"),
        (&["--expect", "expected.yaml", "--update"], 1, "comments of YAML would be lost"),
        (&["events.ndjson", "--expect", "expected.yaml"], 1, "has its own events"),
        (&["--update"], 2, "--expect"),
        (&["--set", "topics.prefix=", "events.ndjson"], 78, "topics.prefix"),
    ] {
        let summary = summary(&route(folder.path(), args));
        assert!(
            summary.contains(expected) && summary.ends_with(&format!("exit code {code}\n")),
            "{args:?}: {summary}"
        );
    }
}
