//! JSON as YAML that every YAML version reads the same way.

use serde_json::{Map, Value};

/// Returns the document as YAML.
///
/// All string values are quoted: YAML 1.1 reads `no` as a boolean and `2026-03-12T14:30:00Z` as a date.
pub(super) fn write(document: &Value) -> String {
    let mut text = String::new();
    block(document, 0, &mut text);
    text
}

/// Writes a value as lines at that depth.
fn block(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => mapping(fields, depth, text),
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                entry("-", item, depth, text);
            }
        }
        flat => {
            text.push_str(&flat.to_string());
            text.push('\n');
        }
    }
}

fn mapping(fields: &Map<String, Value>, depth: usize, text: &mut String) {
    for (name, value) in fields {
        let name = if is_plain(name) { name.clone() } else { Value::from(name.as_str()).to_string() };
        entry(&format!("{name}:"), value, depth, text);
    }
}

/// Writes the beginning of a line, with the value behind or below it.
fn entry(beginning: &str, value: &Value, depth: usize, text: &mut String) {
    text.push_str(&"  ".repeat(depth));
    text.push_str(beginning);
    let is_nested = match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    text.push(if is_nested { '\n' } else { ' ' });
    block(value, depth + 1, text);
}

/// Returns true if a name needs no quotes, because it can only be read as text.
fn is_plain(name: &str) -> bool {
    const RESERVED_WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    name.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '$' | '/' | '_'))
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "$/_-.".contains(c))
        && !RESERVED_WORDS.iter().any(|word| name.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use yaml_rust2::{Yaml, YamlLoader};

    fn read(text: &str) -> Yaml {
        YamlLoader::load_from_str(text).unwrap().remove(0)
    }

    #[test]
    fn nesting_matches_json() {
        let document = json!({
            "a": { "b": [1, [2, { "c": null }], {}, []], "d": true },
            "e": [{ "f": "g", "h": "i" }],
            "max": u64::MAX,
        });
        let expected = "\
a:
  b:
    - 1
    -
      - 2
      -
        c: null
    - {}
    - []
  d: true
e:
  -
    f: \"g\"
    h: \"i\"
max: 18446744073709551615
";
        assert_eq!(write(&document), expected);
        let back = read(expected);
        assert_eq!(back["a"]["b"][1][1]["c"], Yaml::Null);
        assert_eq!(back["e"][0]["h"].as_str(), Some("i"));
    }

    #[test]
    fn strings_stay_strings() {
        for text in
            ["no", "2026-03-12T14:30:00Z", "1.0", "a: b", "# c", "- d", "\"e\"\\\n\t\u{85}é", "", "~", "0x1F"]
        {
            let document = json!({ "value": text, text: 1 });
            let back = read(&write(&document));
            assert_eq!(back["value"].as_str(), Some(text));
            assert_eq!(back[text].as_i64(), Some(1), "{text:?}");
        }
    }
}
