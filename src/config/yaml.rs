//! Values of the crate `config` from YAML, each with its line.

use crate::yaml::{self, YamlError, YamlItem, YamlValue};
use config::{Map, Value, ValueKind};

/// `origin` is called with the line of a value, or of its key in a map.
pub(super) fn parse(text: &str, origin: impl Fn(usize) -> String) -> Result<Value, Vec<YamlError>> {
    let root = yaml::parse(text)?;
    Ok(root.map_or_else(|| Value::new(None, Map::<String, Value>::new()), |root| value(&root, &origin)))
}

fn value(item: &YamlItem, origin: &impl Fn(usize) -> String) -> Value {
    let kind = match &*item.value {
        YamlValue::Null => ValueKind::Nil,
        YamlValue::Scalar(written, _) => ValueKind::String(written.clone()),
        YamlValue::List(items) => ValueKind::Array(items.iter().map(|item| value(item, origin)).collect()),
        YamlValue::Map(entries) => {
            let entry = |(key, item): &(String, YamlItem)| (key.clone(), value(item, origin));
            ValueKind::Table(entries.iter().map(entry).collect())
        }
    };
    Value::new(Some(&origin(item.line)), kind)
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::config::value_path::value_at;

    fn origins(text: &str, keys: &[&str]) -> Vec<String> {
        let value = parse(text, |line| format!("f.yaml:{line}")).unwrap();
        let origin = |key: &&str| {
            value_at(&value, key).and_then(|value| value.origin()).unwrap_or("nowhere").to_owned()
        };
        keys.iter().map(origin).collect()
    }

    #[test]
    fn every_value_has_the_line_of_its_key() {
        let text = "\
# a comment
server:
  listen:
    0.0.0.0:1
routes:
  - match: a
    topics: [x,
      y]
  -
    when: { /data/Direction: inbound }
    42: number
kafka: { properties: { linger.ms: 1 } }
";
        let keys = [
            "server",
            "server.listen",
            "routes[0]",
            "routes[0].match",
            "routes[0].topics[0]",
            "routes[0].topics[1]",
            "routes[1].when",
            "routes[1].when./data/Direction",
            "routes[1].42",
            "kafka.properties.linger.ms",
        ];
        let lines = ["2", "3", "6", "6", "7", "8", "10", "10", "11", "12"];
        assert_eq!(origins(text, &keys), lines.map(|line| format!("f.yaml:{line}")));
    }

    #[test]
    fn scalars_keep_their_text_and_empty_scalars_have_no_value() {
        for (text, expected) in [
            ("+49", Some("+49")),
            ("0049", Some("0049")),
            ("10.", Some("10.")),
            ("True", Some("True")),
            ("''", Some("")),
            ("'null'", Some("null")),
            ("!!str null", Some("null")),
            ("!!int 7", Some("7")),
            ("!!int seven", None),
            ("null", None),
            ("~", None),
            ("", None),
        ] {
            let root = parse(&format!("a: {text}"), |_| String::new()).unwrap();
            let value = value_at(&root, "a").and_then(|value| value.clone().into_string().ok());
            assert_eq!(value.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn content_of_an_alias_has_the_line_of_its_anchor() {
        let text = "a: &it [1, 2]\nb: *it\n";
        assert_eq!(origins(text, &["a[1]", "b", "b[1]"]), ["f.yaml:1", "f.yaml:2", "f.yaml:1"]);
    }
}
