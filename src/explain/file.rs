//! Reader of expectation files.

use super::Error;
use super::case::{Case, WrittenCase};
use crate::input;
use crate::yaml::{self, YamlItem, YamlValue};
use serde_json::value::RawValue;
use serde_json::{Number, Value};
use std::path::Path;
use yaml_rust2::Yaml;

/// Fails if the file or a case is malformed, or there is no case.
pub(crate) fn cases(path: &Path, bytes: &[u8]) -> Result<Vec<Case>, Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let cases = written(path, bytes)?.into_iter().map(|(at, written)| {
        let wrong = |reason| Error::Invalid(at.clone(), reason);
        written.case(at.clone(), folder).map_err(wrong)
    });
    let cases: Vec<_> = cases.collect::<Result<_, _>>()?;
    if cases.is_empty() { Err(Error::Empty(path.to_owned())) } else { Ok(cases) }
}

/// Returns every case with its position.
pub(super) fn written(path: &Path, bytes: &[u8]) -> Result<Vec<(String, WrittenCase)>, Error> {
    let name = path.display().to_string();
    let wrong = |at: &str, reason: String| Error::Invalid(at.to_owned(), reason);
    let text = str::from_utf8(input::without_mark(bytes)).map_err(|_| wrong(&name, "is no UTF-8".into()))?;
    let items: Vec<(String, Box<RawValue>)> = if is_yaml(path) {
        yaml_items(&name, text).map_err(|reason| wrong(&name, reason))?
    } else if text.trim_start().starts_with('[') {
        let items: Vec<Box<RawValue>> =
            serde_json::from_str(text).map_err(|error| wrong(&name, error.to_string()))?;
        items.into_iter().enumerate().map(|(at, item)| (format!("{name}[{at}]"), item)).collect()
    } else {
        lines(&name, text)?
    };
    let read = |(at, item): (String, Box<RawValue>)| {
        let written = serde_json::from_str(item.get()).map_err(|error| wrong(&at, in_its_line(&error)))?;
        Ok((at, written))
    };
    items.into_iter().map(read).collect()
}

pub(super) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}

/// Skips empty lines and lines that begin with `#` or `//`.
fn lines(name: &str, text: &str) -> Result<Vec<(String, Box<RawValue>)>, Error> {
    let lines = text.lines().enumerate().map(|(at, line)| (format!("{name}:{}", at + 1), line.trim()));
    let cases = lines.filter(|(_, line)| !is_comment(line));
    let read = |(at, line): (String, &str)| match serde_json::from_str(line) {
        Ok(item) => Ok((at, item)),
        Err(error) => Err(Error::Invalid(at, format!("a case is one line of JSON: {}", in_its_line(&error)))),
    };
    cases.map(read).collect()
}

/// Omits the line number, which counts only within the text of the case.
fn in_its_line(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column", " at column")
}

pub(super) fn is_comment(line: &str) -> bool {
    line.is_empty() || line.starts_with('#') || line.starts_with("//")
}

fn yaml_items(name: &str, text: &str) -> Result<Vec<(String, Box<RawValue>)>, String> {
    let root = yaml::parse(text).map_err(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        errors.join("; ")
    })?;
    let cases = match root.as_ref().map(|root| &*root.value) {
        None => &[][..],
        Some(YamlValue::List(cases)) => cases,
        Some(_) => return Err("a list of cases is expected".into()),
    };
    let have_own_lines = cases.windows(2).all(|pair| pair[0].line < pair[1].line);
    let item = |(index, case): (usize, &YamlItem)| {
        let at = if have_own_lines { format!("{name}:{}", case.line) } else { format!("{name}[{index}]") };
        let mut json = String::new();
        write_json(&case.value, &mut json);
        let item = RawValue::from_string(json).map_err(|error| format!("case {index}: {error}"))?;
        Ok((at, item))
    };
    cases.iter().enumerate().map(item).collect()
}

/// Keeps numbers as written. One that JSON does not know, such as `007`, is a text.
fn write_json(value: &YamlValue, json: &mut String) {
    let is_number = |text: &str| serde_json::from_str::<Number>(text).is_ok();
    match value {
        YamlValue::Null => json.push_str("null"),
        YamlValue::Scalar(_, Yaml::Boolean(value)) => json.push_str(&value.to_string()),
        YamlValue::Scalar(text, Yaml::Integer(_) | Yaml::Real(_)) if is_number(text) => json.push_str(text),
        YamlValue::Scalar(text, _) => json.push_str(&Value::from(&**text).to_string()),
        YamlValue::List(items) => {
            json.push('[');
            for (index, item) in items.iter().enumerate() {
                json.push_str(if index > 0 { "," } else { "" });
                write_json(&item.value, json);
            }
            json.push(']');
        }
        YamlValue::Map(entries) => {
            json.push('{');
            for (index, (name, item)) in entries.iter().enumerate() {
                json.push_str(if index > 0 { "," } else { "" });
                json.push_str(&Value::from(&**name).to_string());
                json.push(':');
                write_json(&item.value, json);
            }
            json.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(name: &str, text: &str) -> Result<Vec<Case>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let place = format!("{}/", folder.path().display());
        cases(&path, text.as_bytes()).map_err(|error| error.to_string().replace(&place, ""))
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
    fn yaml_has_the_guards_of_settings() {
        let levels: String = (1..9)
            .map(|level| format!("- &l{level} [{}]\n", vec![format!("*l{}", level - 1); 9].join(", ")))
            .collect();
        for (text, expected) in [
            ("- { sample: call.missed, outcome: routed }\n\0".to_owned(), "control character in line 2"),
            ("- ".repeat(6000) + "x", "line 1 is nested more than 64 levels deep"),
            (format!("- &l0 [x]\n{levels}"), "more than 100000 values"),
            (
                "- { sample: call.missed, outcome: routed, sample: sms.sent }".into(),
                "sets `[0].sample` twice",
            ),
            ("- { sample: call.missed, outcome: .inf }".into(), "is not a finite number"),
        ] {
            let error = read_as("m.yaml", &text).unwrap_err();
            assert!(error.starts_with("m.yaml: ") && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn digits_that_are_not_a_number_of_json_stay_text() {
        let yaml = "- { event: {a: 4.50, b: 0049, c: +49, d: 0x1f, e: 12345678901234567890123, f: '1', g: True, h: ~}, key: 007 }";
        let case = &read_as("m.yaml", yaml).unwrap()[0];
        assert_eq!(
            String::from_utf8_lossy(&case.body),
            r#"{"a":4.50,"b":"0049","c":"+49","d":"0x1f","e":12345678901234567890123,"f":"1","g":true,"h":null}"#
        );
        assert_eq!(case.expected.every.key, Some(Value::from("007")));
    }

    #[test]
    fn number_of_a_key_or_header_is_the_text_as_written() {
        let numbers = "key: 4.50, headers: {version: 1e3, id: 12345678901234567890123, live: true, trace: ~}";
        let json = r#"{"sample": "call.missed", "key": 4.50, "headers":
            {"version": 1e3, "id": 12345678901234567890123, "live": true, "trace": null}}"#;
        for (name, text) in [
            ("m.yaml", format!("- {{ sample: call.missed, {numbers} }}")),
            ("m.yaml", format!("- {{ sample: call.missed, records: {{ calls: {{ {numbers} }} }} }}")),
            ("m.ndjson", json.replace('\n', "")),
        ] {
            let expected = &read_as(name, &text).unwrap()[0].expected;
            let record = expected.records.get("calls").unwrap_or(&expected.every);
            assert_eq!(record.key, Some("4.50".into()), "{text}");
            let headers = serde_json::json!(
                {"version": "1e3", "id": "12345678901234567890123", "live": "true", "trace": null});
            assert_eq!(record.headers.clone().map(Value::from), Some(headers), "{text}");
        }
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
}
