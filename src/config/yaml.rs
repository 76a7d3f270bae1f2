//! YAML reader that keeps the text and the line of each value.
//!
//! A number becomes the text that was written, because YAML would read `+49` and `0049` as 49.

use config::{Map, Value, ValueKind};
use std::collections::HashMap;
use std::fmt;
use yaml_rust2::parser::{Event, MarkedEventReceiver, Parser, Tag};
use yaml_rust2::scanner::{Marker, TScalarStyle};
use yaml_rust2::{ScanError, Yaml};

/// Reason why a text is not accepted as settings.
#[derive(Debug)]
pub(super) enum YamlError {
    Syntax(ScanError),
    /// Two keys of one map that YAML reads alike, or that are written alike.
    DuplicateKey {
        path: String,
        lines: [usize; 2],
    },
    /// `.inf` or `.nan`. The path is empty if the text is only this number.
    NonFiniteNumber {
        path: String,
        line: usize,
    },
    /// Several documents, or a key that is empty, a list or a map.
    Unsupported,
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(error) => {
                write!(f, "is not valid YAML: {} in line {}", error.info(), error.marker().line())
            }
            Self::DuplicateKey { path, lines: [first, second] } => {
                write!(f, "is not valid YAML: it sets `{path}` twice, in line {first} and in line {second}")
            }
            Self::NonFiniteNumber { path, line } if path.is_empty() => {
                write!(f, "in line {line} is not a finite number")
            }
            Self::NonFiniteNumber { path, line } => {
                write!(f, "`{path}` in line {line} is not a finite number")
            }
            Self::Unsupported => f.write_str("is not a map of settings"),
        }
    }
}

/// Parses a text. The origin of each value is `origin` of its line, or of its key's line in a map.
///
/// # Errors
/// Every duplicate key, otherwise the syntax error, otherwise every number that is not finite.
pub(super) fn parse(text: &str, origin: impl Fn(usize) -> String) -> Result<Value, Vec<YamlError>> {
    let mut builder = Builder {
        origin,
        document_count: 0,
        root: None,
        open: Vec::new(),
        anchors: HashMap::new(),
        duplicates: Vec::new(),
        non_finite: Vec::new(),
        has_unsupported_key: false,
    };
    let parsed = Parser::new_from_str(text).load(&mut builder, true);
    if !builder.duplicates.is_empty() {
        return Err(builder.duplicates);
    }
    parsed.map_err(|error| vec![YamlError::Syntax(error)])?;
    if !builder.non_finite.is_empty() {
        return Err(builder.non_finite);
    }
    if builder.document_count > 1 || builder.has_unsupported_key {
        return Err(vec![YamlError::Unsupported]);
    }
    Ok(builder.root.unwrap_or_else(|| Value::new(None, Map::<String, Value>::new())))
}

/// Value without its origin.
#[derive(Clone)]
struct Node {
    kind: ValueKind,
    /// Form as a key of a map. `None` if the node cannot be one.
    key: Option<Key>,
}

/// Key as it is written and as YAML reads it: 7 for `007`, and `007` for `"007"`.
#[derive(Clone)]
struct Key {
    written: String,
    read: String,
}

impl Node {
    fn scalar(written: String, read: Yaml) -> Self {
        let read_key = match &read {
            Yaml::String(_) | Yaml::Real(_) => Some(written.clone()),
            Yaml::Integer(number) => Some(number.to_string()),
            Yaml::Boolean(value) => Some(value.to_string()),
            _ => None,
        };
        let key = read_key.map(|read| Key { written: written.clone(), read });
        let kind = if key.is_some() { ValueKind::String(written) } else { ValueKind::Nil };
        Self { kind, key }
    }

    fn collection(kind: ValueKind) -> Self {
        Self { kind, key: None }
    }
}

/// Returns the value that YAML's core schema reads from a scalar.
fn read_scalar(text: &str, style: TScalarStyle, tag: Option<&Tag>) -> Yaml {
    if style != TScalarStyle::Plain {
        return Yaml::String(text.to_owned());
    }
    let Some(tag) = tag else { return Yaml::from_str(text) };
    let is_core_tag = tag.handle == "tag:yaml.org,2002:";
    match (tag.suffix.as_str(), Yaml::from_str(text)) {
        _ if !is_core_tag => Yaml::String(text.to_owned()),
        ("bool", read @ Yaml::Boolean(_))
        | ("int", read @ Yaml::Integer(_))
        | ("float", read @ (Yaml::Real(_) | Yaml::Integer(_)))
        | ("null", read @ Yaml::Null) => read,
        ("bool" | "int" | "float" | "null", _) => Yaml::BadValue,
        _ => Yaml::String(text.to_owned()),
    }
}

/// Receiver of the parser's events that builds the values.
struct Builder<O> {
    origin: O,
    document_count: usize,
    root: Option<Value>,
    /// Lists and maps that have not ended, the outermost first.
    open: Vec<Collection>,
    anchors: HashMap<usize, Node>,
    duplicates: Vec<YamlError>,
    non_finite: Vec<YamlError>,
    has_unsupported_key: bool,
}

/// List or map that has not ended.
struct Collection {
    line: usize,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Value>),
    Map {
        table: Map<String, Value>,
        /// Line of each key, by its text as it is written and as YAML reads it.
        lines: HashMap<String, usize>,
        /// Key, with its line, of which the value is read next.
        key: Option<(String, usize)>,
    },
}

impl<O: Fn(usize) -> String> Builder<O> {
    fn value(&self, kind: ValueKind, line: usize) -> Value {
        Value::new(Some(&(self.origin)(line)), kind)
    }

    /// Adds a node to the innermost collection, as a key or as a value.
    fn add(&mut self, node: Node, line: usize, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        if self.expects_key() {
            return self.add_key(node.key, line);
        }
        let key = match self.open.last_mut() {
            Some(Collection { content: Content::Map { key, .. }, .. }) => key.take(),
            _ => None,
        };
        let value = self.value(node.kind, key.as_ref().map_or(line, |(_, line)| *line));
        match self.open.last_mut().map(|parent| &mut parent.content) {
            None => {
                self.root.get_or_insert(value);
            }
            Some(Content::List(items)) => items.push(value),
            Some(Content::Map { table, .. }) => {
                if let Some((key, _)) = key {
                    table.insert(key, value);
                }
            }
        }
    }

    /// Returns whether the next node is the key of a map.
    fn expects_key(&self) -> bool {
        let innermost = self.open.last().map(|collection| &collection.content);
        matches!(innermost, Some(Content::Map { key: None, .. }))
    }

    fn add_key(&mut self, key: Option<Key>, line: usize) {
        let Some((Collection { content: Content::Map { lines, key: next, .. }, .. }, outer)) =
            self.open.split_last_mut()
        else {
            return;
        };
        self.has_unsupported_key |= key.is_none();
        let Key { written, read } =
            key.unwrap_or_else(|| Key { written: String::new(), read: String::new() });
        if let Some(first) = lines.get(&read).or_else(|| lines.get(&written)) {
            let path = path_in(outer);
            let path = if path.is_empty() { written.clone() } else { format!("{path}.{written}") };
            self.duplicates.push(YamlError::DuplicateKey { path, lines: [*first, line] });
        }
        lines.insert(read, line);
        lines.insert(written.clone(), line);
        *next = Some((written, line));
    }

    fn begin(&mut self, content: Content, line: usize, anchor: usize) {
        self.open.push(Collection { line, anchor, content });
    }

    fn end(&mut self) {
        let Some(Collection { line, anchor, content }) = self.open.pop() else { return };
        let kind = match content {
            Content::List(items) => ValueKind::Array(items),
            Content::Map { table, .. } => ValueKind::Table(table),
        };
        self.add(Node::collection(kind), line, anchor);
    }
}

/// Returns the path of the value that is read next in these lists and maps.
fn path_in(open: &[Collection]) -> String {
    let mut path = String::new();
    for Collection { content, .. } in open {
        match content {
            Content::List(items) => path += &format!("[{}]", items.len()),
            Content::Map { key: Some((key, _)), .. } if path.is_empty() => path += key,
            Content::Map { key: Some((key, _)), .. } => path += &format!(".{key}"),
            Content::Map { key: None, .. } => {}
        }
    }
    path
}

impl<O: Fn(usize) -> String> MarkedEventReceiver for Builder<O> {
    fn on_event(&mut self, event: Event, mark: Marker) {
        let line = mark.line();
        match event {
            Event::DocumentStart => self.document_count += 1,
            Event::Scalar(text, style, anchor, tag) => {
                let read = read_scalar(&text, style, tag.as_ref());
                let is_non_finite = matches!(read, Yaml::Real(_)) && text.parse::<f64>().is_err();
                if is_non_finite && !self.expects_key() {
                    self.non_finite.push(YamlError::NonFiniteNumber { path: path_in(&self.open), line });
                }
                self.add(Node::scalar(text, read), line, anchor);
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                self.add(node.unwrap_or(Node::collection(ValueKind::Nil)), line, 0);
            }
            Event::SequenceStart(anchor, _) => self.begin(Content::List(Vec::new()), line, anchor),
            Event::MappingStart(anchor, _) => {
                let (table, lines) = (Map::new(), HashMap::new());
                self.begin(Content::Map { table, lines, key: None }, line, anchor);
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }
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
    fn content_of_an_alias_has_the_line_of_its_anchor() {
        let text = "a: &it [1, 2]\nb: *it\n";
        assert_eq!(origins(text, &["a[1]", "b", "b[1]"]), ["f.yaml:1", "f.yaml:2", "f.yaml:1"]);
    }
}
