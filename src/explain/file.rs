//! Reader of expectation files.

use super::Error;
use super::case::{Case, WrittenCase};
use crate::input;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Number, Value};
use std::path::Path;
use yaml_rust2::{Yaml, YamlLoader};

/// Returns every case of a file with this content.
///
/// # Errors
///
/// If the file or a case is malformed, or there is no case.
pub(crate) fn cases(path: &Path, bytes: &[u8]) -> Result<Vec<Case>, Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let cases = written(path, bytes)?.into_iter().map(|(at, written)| {
        let wrong = |reason| Error::Invalid(at.clone(), reason);
        written.case(at.clone(), folder).map_err(wrong)
    });
    let cases: Vec<_> = cases.collect::<Result<_, _>>()?;
    if cases.is_empty() { Err(Error::Empty(path.to_owned())) } else { Ok(cases) }
}

/// Returns every case as written, with its position.
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

/// Returns a case for each line. Skips empty lines and lines that begin with `#` or `//`.
fn lines(name: &str, text: &str) -> Result<Vec<(String, Box<RawValue>)>, Error> {
    let lines = text.lines().enumerate().map(|(at, line)| (format!("{name}:{}", at + 1), line.trim()));
    let cases = lines.filter(|(_, line)| !is_comment(line));
    let read = |(at, line): (String, &str)| match serde_json::from_str(line) {
        Ok(item) => Ok((at, item)),
        Err(error) => Err(Error::Invalid(at, format!("a case is one line of JSON: {}", in_its_line(&error)))),
    };
    cases.map(read).collect()
}

/// Formats an error without its line number, which counts only within the text of the case.
fn in_its_line(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column", " at column")
}

pub(super) fn is_comment(line: &str) -> bool {
    line.is_empty() || line.starts_with('#') || line.starts_with("//")
}

fn yaml_items(name: &str, text: &str) -> Result<Vec<(String, Box<RawValue>)>, String> {
    let documents = YamlLoader::load_from_str(text).map_err(|error| error.to_string())?;
    let mut cases = Vec::new();
    for document in documents {
        let Yaml::Array(more) = document else { return Err("a list of cases is expected".into()) };
        cases.extend(more);
    }
    let lines = Some(dashes(text)).filter(|lines| lines.len() == cases.len());
    let at = |index: usize| match &lines {
        Some(lines) => format!("{name}:{}", lines[index]),
        None => format!("{name}[{index}]"),
    };
    let item = |(index, case): (usize, &Yaml)| {
        let value = json(case).map_err(|reason| format!("case {index}: {reason}"))?;
        let item = to_raw_value(&value).map_err(|error| error.to_string())?;
        Ok((at(index), item))
    };
    cases.iter().enumerate().map(item).collect()
}

/// Returns the line numbers on which the items of an outermost YAML list begin.
///
/// These lines have the least indented dashes. The YAML parser does not report positions.
fn dashes(text: &str) -> Vec<usize> {
    let numbered = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    let dashed =
        numbered.filter(|(_, line)| matches!(line.trim_start(), "-") || line.trim_start().starts_with("- "));
    let indent = |line: &str| line.len() - line.trim_start().len();
    let dashed: Vec<_> = dashed.map(|(at, line)| (at, indent(line))).collect();
    let least = dashed.iter().map(|(_, indent)| *indent).min();
    dashed.into_iter().filter(|(_, indent)| Some(*indent) == least).map(|(at, _)| at).collect()
}

fn json(yaml: &Yaml) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Boolean(bool) => Value::Bool(*bool),
        Yaml::Integer(number) => Value::from(*number),
        Yaml::Real(text) => Value::Number(number(text)?),
        Yaml::String(text) => Value::String(text.clone()),
        Yaml::Array(items) => Value::Array(items.iter().map(json).collect::<Result<_, _>>()?),
        Yaml::Hash(fields) => {
            let field = |(name, value): (&Yaml, &Yaml)| match name {
                Yaml::String(name) => Ok((name.clone(), json(value)?)),
                _ => Err("the name of a field is no text".to_owned()),
            };
            Value::Object(fields.iter().map(field).collect::<Result<Map<_, _>, _>>()?)
        }
        Yaml::Alias(_) | Yaml::BadValue => return Err("holds what JSON has not".into()),
    })
}

fn number(text: &str) -> Result<Number, String> {
    serde_json::from_str(text).map_err(|_| format!("{text} is no number of JSON"))
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
