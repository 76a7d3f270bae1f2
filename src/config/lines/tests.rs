use super::super::tree::find;
use super::locate;
use config::{FileFormat, Format};

fn origins(text: &str, keys: &[&str]) -> Vec<String> {
    let table = FileFormat::Yaml.parse(Some(&"f.yaml".to_owned()), text).unwrap();
    let value = locate("f.yaml", text, table);
    let origin =
        |key: &&str| find(&value, key).and_then(|value| value.origin()).unwrap_or("nowhere").to_owned();
    keys.iter().map(origin).collect()
}

#[test]
fn every_value_knows_the_line_of_its_key() {
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
fn what_stands_behind_an_alias_is_found_where_it_is_written() {
    let text = "a: &it [1, 2]\nb: *it\n";
    assert_eq!(origins(text, &["a[1]", "b", "b[1]"]), ["f.yaml:1", "f.yaml:2", "f.yaml:1"]);
}
