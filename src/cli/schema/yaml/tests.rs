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
