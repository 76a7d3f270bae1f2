use super::*;

fn read_as(name: &str, text: &str) -> Result<Vec<Case>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let place = format!("{}/", folder.path().display());
    read(&path).map_err(|error| error.to_string().replace(&place, ""))
}

fn places(name: &str, text: &str) -> Vec<String> {
    let cases = read_as(name, text).unwrap().into_iter();
    cases.map(|case| case.at.rsplit('/').next().unwrap_or_default().to_owned()).collect()
}

const CASE: &str = r#"{"sample": "call.missed", "outcome": "routed"}"#;

#[test]
fn cases_are_ndjson_json_or_yaml() {
    assert_eq!(places("m.ndjson", &format!("# calls\n{CASE}\n\n{CASE}\n")), ["m.ndjson:2", "m.ndjson:4"]);
    assert_eq!(places("m.json", &format!("[{CASE},\n {CASE}]")), ["m.json[0]", "m.json[1]"]);
    let yaml = "# calls\n- name: one\n  sample: call.missed\n  with: { /data/agent_id: 4.5 }\n  key: 007\n- { sample: sms.sent, outcome: routed }\n";
    assert_eq!(places("m.yaml", yaml), ["m.yaml:2", "m.yaml:6"]);
    let flow = "[{ sample: call.missed, outcome: routed }, { sample: sms.sent, outcome: routed }]";
    assert_eq!(places("m.yaml", flow), ["m.yaml[0]", "m.yaml[1]"]);
    assert_eq!(read_as("m.yml", yaml).unwrap()[0].name.as_deref(), Some("one"));
}

#[test]
fn malformed_file_is_reported_with_its_position() {
    for (name, text, expected) in [
        (
            "m.ndjson",
            "{\"sample\": \"call.missed\",\n\"outcome\": \"routed\"}",
            "m.ndjson:1: a case is one line of JSON: EOF while parsing an object at column 25",
        ),
        ("m.ndjson", "{\"sample\": \"call.missed\", \"topic\": 1}", "m.ndjson:1: unknown field `topic`"),
        ("m.yaml", "sample: call.missed", "m.yaml: a list of cases"),
        ("m.yaml", "- sample: [", "m.yaml: "),
        ("m.ndjson", "\n# nothing\n", "m.ndjson has no case"),
    ] {
        let error = read_as(name, text).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}
