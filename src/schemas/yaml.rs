//! JSON as YAML that every YAML version reads the same way.

use serde_json::Value;
use yaml_rust2::{Yaml, YamlEmitter};

pub(crate) fn write(document: &Value) -> String {
    let mut text = String::new();
    let _ = YamlEmitter::new(&mut text).dump(&yaml(document));
    format!("{}\n", text.trim_start_matches("---\n"))
}

/// Converts a value. Scalars keep their JSON form, which YAML includes. The emitter writes `Yaml::Real`
/// unchanged, and would not quote a string such as `2026-03-12`, a date in YAML 1.1.
fn yaml(value: &Value) -> Yaml {
    match value {
        Value::Object(fields) => {
            Yaml::Hash(fields.iter().map(|(name, value)| (key(name), yaml(value))).collect())
        }
        Value::Array(items) => Yaml::Array(items.iter().map(yaml).collect()),
        scalar => Yaml::Real(scalar.to_string()),
    }
}

/// Converts a name. The emitter quotes words such as `no`. Only a name that begins with a digit or a sign can
/// be a date or number.
fn key(name: &str) -> Yaml {
    let starts_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '$' | '/' | '_'));
    if starts_plain && name.bytes().all(|byte| byte.is_ascii_graphic()) {
        Yaml::String(name.to_owned())
    } else {
        Yaml::Real(Value::from(name).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use yaml_rust2::YamlLoader;

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
    - - 2
      - c: null
    - {}
    - []
  d: true
e:
  - f: \"g\"
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
        for text in [
            "no",
            "y",
            "Off",
            "null",
            "2026-03-12",
            "2026-03-12T14:30:00Z",
            "1.0",
            "007",
            "1_000",
            "12:30",
            ".inf",
            "a: b",
            "# c",
            "a\u{2028}b\u{7}",
            "- d",
            "\"e\"\\\n\t\u{85}é",
            "",
            "~",
            "0x1F",
        ] {
            let document = json!({ "value": text, text: 1 });
            let written = write(&document);
            let back = read(&written);
            assert_eq!(back["value"].as_str(), Some(text));
            assert_eq!(back[text].as_i64(), Some(1), "{text:?}");
            // The reader knows YAML 1.2 only. Quotes make a string in YAML 1.1 too.
            let quoted = json!(text).to_string();
            for line in [format!("value: {quoted}\n"), format!("{quoted}: 1\n")] {
                assert!(written.contains(&line), "{written}");
            }
        }
    }
}
