//! In which line of a settings file each value stands.

use super::tree::Table;
use config::{Value, ValueKind};
use std::collections::HashMap;
use yaml_rust2::Yaml;
use yaml_rust2::parser::{Event, MarkedEventReceiver, Parser, Tag};
use yaml_rust2::scanner::{Marker, TScalarStyle};

/// Gives every value of a file its line as part of its origin, `bridge.yaml:12`, and its text.
///
/// Numbers become the text that is written: YAML would read `+49` and `0049` as 49, and `10.` as 10.
pub(super) fn locate(name: &str, text: &str, table: Table) -> Value {
    relocate(&|line| format!("{name}:{line}"), name, text, table)
}

/// The same for a text that has no lines to speak of.
pub(super) fn as_written(origin: &str, text: &str, table: Table) -> Value {
    relocate(&|_| origin.to_owned(), origin, text, table)
}

/// Two keys of one map that denote the same name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Duplicate {
    /// Path of the second key.
    pub(super) path: String,
    /// Lines of the first and of the second key.
    pub(super) lines: [usize; 2],
}

/// Finds the keys that denote the same name: YAML reads them alike, or they are written alike.
pub(super) fn duplicates(text: &str) -> Vec<Duplicate> {
    let mut builder = Builder::default();
    // An error is found again when the text is read as YAML.
    let _ = Parser::new_from_str(text).load(&mut builder, false);
    builder.duplicates
}

/// Number that YAML allows and the settings do not: `.inf` or `.nan`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NonFinite {
    /// Path of the number. Empty if the file is nothing but this number.
    pub(super) path: String,
    pub(super) line: usize,
}

/// Finds the numbers that are not finite.
pub(super) fn non_finite(text: &str) -> Vec<NonFinite> {
    let mut builder = Builder::default();
    // An error is found again when the text is read as YAML.
    let _ = Parser::new_from_str(text).load(&mut builder, false);
    builder.non_finite
}

/// A value of the file: its line, and what is inside.
#[derive(Debug, Clone)]
struct Node {
    line: usize,
    inside: Inside,
}

#[derive(Debug, Clone)]
enum Inside {
    Nothing,
    Text(Scalar),
    Items(Vec<Node>),
    /// By the key as YAML reads it.
    Fields(HashMap<String, Field>),
}

/// A text as it is written and as YAML reads it.
#[derive(Debug, Clone, Default)]
struct Scalar {
    written: String,
    read: String,
}

#[derive(Debug, Clone)]
struct Field {
    written: String,
    node: Node,
}

impl Node {
    /// Returns a field by the key that YAML read, and the key as it is written.
    fn field(&self, key: &str) -> Option<(&str, &Self)> {
        let Inside::Fields(fields) = &self.inside else { return None };
        fields.get(key).map(|field| (field.written.as_str(), &field.node))
    }

    fn item(&self, at: usize) -> Option<&Self> {
        if let Inside::Items(items) = &self.inside { items.get(at) } else { None }
    }

    fn text(&self) -> Option<&Scalar> {
        if let Inside::Text(text) = &self.inside { Some(text) } else { None }
    }
}

/// Returns the text of a key that YAML reads: 7 for `007`, and `007` for `"007"`.
fn read_key(written: &str, style: TScalarStyle, tag: Option<&Tag>) -> String {
    let tag = tag.map(|tag| tag.suffix.as_str());
    let is_text =
        style != TScalarStyle::Plain || tag.is_some_and(|tag| !["int", "bool", "float"].contains(&tag));
    match Yaml::from_str(written) {
        Yaml::Integer(number) if !is_text => number.to_string(),
        Yaml::Boolean(truth) if !is_text => truth.to_string(),
        _ => written.to_owned(),
    }
}

/// Returns whether YAML reads a text as an infinite number, or as not a number.
fn is_non_finite(written: &str, style: TScalarStyle, tag: Option<&Tag>) -> bool {
    let can_be_number = style == TScalarStyle::Plain && tag.is_none_or(|tag| tag.suffix == "float");
    can_be_number && matches!(Yaml::from_str(written), Yaml::Real(_)) && written.parse::<f64>().is_err()
}

/// Lays places and texts over the fields of a map.
fn lay_fields(table: Table, node: Option<&Node>, origin: &dyn Fn(usize) -> String) -> Table {
    let fields = table.into_iter().map(|(key, value)| match node.and_then(|node| node.field(&key)) {
        Some((written, node)) => (written.to_owned(), lay(value, Some(node), origin)),
        None => (key, lay(value, None, origin)),
    });
    fields.collect()
}

fn relocate(origin: &dyn Fn(usize) -> String, name: &str, text: &str, table: Table) -> Value {
    let mut builder = Builder::default();
    // The text was read as YAML before.
    let _ = Parser::new_from_str(text).load(&mut builder, false);
    let root = builder.root.as_ref();
    let fields = ValueKind::Table(lay_fields(table, root, origin));
    Value::new(Some(&root.map_or_else(|| name.to_owned(), |root| origin(root.line))), fields)
}

/// Lays what is known of its place over a value.
fn lay(value: Value, node: Option<&Node>, origin: &dyn Fn(usize) -> String) -> Value {
    let at = node.map(|node| origin(node.line)).or_else(|| value.origin().map(str::to_owned));
    let kind = match value.kind {
        ValueKind::Table(table) => ValueKind::Table(lay_fields(table, node, origin)),
        ValueKind::Array(items) => {
            let items = items
                .into_iter()
                .enumerate()
                .map(|(at, item)| lay(item, node.and_then(|node| node.item(at)), origin));
            ValueKind::Array(items.collect())
        }
        ValueKind::Nil => ValueKind::Nil,
        single => node.and_then(Node::text).map_or(single, |text| ValueKind::String(text.written.clone())),
    };
    Value::new(at.as_ref(), kind)
}

/// Puts the nodes together as the parser tells of them.
#[derive(Default)]
struct Builder {
    root: Option<Node>,
    /// The lists and maps that are not at their end yet; of a map also the key that waits for its value.
    open: Vec<Open>,
    /// What aliases stand for.
    anchors: HashMap<usize, Inside>,
    duplicates: Vec<Duplicate>,
    non_finite: Vec<NonFinite>,
}

struct Open {
    node: Node,
    key: Option<(Scalar, usize)>,
    anchor: usize,
}

impl Builder {
    fn put(&mut self, mut node: Node, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, node.inside.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        match &mut parent.node.inside {
            Inside::Items(items) => items.push(node),
            Inside::Fields(fields) => match parent.key.take() {
                Some((Scalar { written, read }, line)) => {
                    // A person looks for the key.
                    node.line = line;
                    fields.insert(read, Field { written, node });
                }
                None => parent.key = Some((node.text().cloned().unwrap_or_default(), node.line)),
            },
            Inside::Nothing | Inside::Text(_) => {}
        }
    }
}

impl Builder {
    /// Notes that the map being read has a key, if it has another of the same name.
    fn compare_key(&mut self, key: &Scalar, line: usize) {
        let Some((Open { node, key: None, .. }, outer)) = self.open.split_last() else { return };
        let Inside::Fields(fields) = &node.inside else { return };
        let same = fields.get(&key.read);
        let same = same.or_else(|| fields.values().find(|field| field.written == key.written));
        let Some(first) = same.map(|field| field.node.line) else { return };
        let path = path_in(outer);
        let path = if path.is_empty() { key.written.clone() } else { format!("{path}.{}", key.written) };
        self.duplicates.push(Duplicate { path, lines: [first, line] });
    }
}

impl Builder {
    /// Records the path and the line of a value that is not a finite number.
    fn record_non_finite(&mut self, line: usize) {
        let is_key = |open: &Open| matches!(open.node.inside, Inside::Fields(_)) && open.key.is_none();
        if !self.open.last().is_some_and(is_key) {
            self.non_finite.push(NonFinite { path: path_in(&self.open), line });
        }
    }
}

/// Returns the path of the value that is read next in these lists and maps.
fn path_in(open: &[Open]) -> String {
    let mut path = String::new();
    for Open { node, key, .. } in open {
        match (&node.inside, key) {
            (Inside::Items(items), _) => path += &format!("[{}]", items.len()),
            (_, Some((key, _))) if path.is_empty() => path += &key.written,
            (_, Some((key, _))) => path += &format!(".{}", key.written),
            _ => {}
        }
    }
    path
}

impl MarkedEventReceiver for Builder {
    fn on_event(&mut self, event: Event, mark: Marker) {
        let node = |inside| Node { line: mark.line(), inside };
        match event {
            Event::Scalar(written, style, anchor, tag) => {
                if is_non_finite(&written, style, tag.as_ref()) {
                    self.record_non_finite(mark.line());
                }
                let text = Scalar { read: read_key(&written, style, tag.as_ref()), written };
                self.compare_key(&text, mark.line());
                self.put(node(Inside::Text(text)), anchor);
            }
            Event::Alias(anchor) => {
                let inside = self.anchors.get(&anchor).cloned().unwrap_or(Inside::Nothing);
                self.put(node(inside), 0);
            }
            Event::SequenceStart(anchor, _) => {
                self.open.push(Open { node: node(Inside::Items(Vec::new())), key: None, anchor });
            }
            Event::MappingStart(anchor, _) => {
                self.open.push(Open { node: node(Inside::Fields(HashMap::new())), key: None, anchor });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Open { node, anchor, .. }) = self.open.pop() {
                    self.put(node, anchor);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
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
}
