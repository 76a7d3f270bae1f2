//! YAML reader that keeps the text and the line of each value.
//!
//! A number becomes the text that was written, because YAML would read `+49` and `0049` as 49.

use config::{Map, Value, ValueKind};
use std::collections::HashMap;
use yaml_rust2::parser::{Event, MarkedEventReceiver, Parser, Tag};
use yaml_rust2::scanner::{Marker, TScalarStyle};
use yaml_rust2::{ScanError, Yaml};

/// Reason why a text is not accepted as settings.
#[derive(Debug, thiserror::Error)]
pub(super) enum YamlError {
    #[error("is not valid YAML: {} in line {}", .0.info(), .0.marker().line())]
    Syntax(ScanError),
    /// Path and lines of two keys of one map that YAML reads alike, or that are written alike.
    #[error("is not valid YAML: it sets `{0}` twice, in line {1} and in line {2}")]
    DuplicateKey(String, usize, usize),
    /// Path, in backquotes unless it is the root, and line of `.inf` or `.nan`.
    #[error("{0}in line {1} is not a finite number")]
    NonFiniteNumber(String, usize),
    /// Line of NUL or another control character, as a power loss leaves at the end of a file.
    #[error("is not valid YAML: it has a control character in line {0}")]
    ControlCharacter(usize),
    /// More than [`MAX_NODES`] values.
    #[error("has more than {MAX_NODES} values, with those that its aliases repeat")]
    TooManyValues,
    /// Several documents, or a key that is empty, a list or a map.
    #[error("is not a map of settings")]
    Unsupported,
}

/// Largest number of values, because aliases of aliases multiply.
const MAX_NODES: usize = 100_000;

/// Parses a text. The origin of each value is `origin` of its line, or of its key's line in a map.
///
/// # Errors
/// A control character, otherwise every duplicate key, otherwise the syntax error, otherwise every number that is not finite.
pub(super) fn parse(text: &str, origin: impl Fn(usize) -> String) -> Result<Value, Vec<YamlError>> {
    // The parser takes NUL for the end of the text, so it would ignore the rest.
    let is_refused = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    if let Some(at) = text.find(is_refused) {
        return Err(vec![YamlError::ControlCharacter(text[..at].matches('\n').count() + 1)]);
    }
    let mut builder = Builder {
        origin,
        node_count: 0,
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
    if builder.node_count > MAX_NODES {
        return Err(vec![YamlError::TooManyValues]);
    }
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
    /// Number of values in it, itself included.
    size: usize,
    /// Form as a key of a map. `None` if the node cannot be one.
    key: Option<YamlKey>,
}

/// Key as it is written and as YAML reads it: 7 for `007`, and `007` for `"007"`.
#[derive(Clone, Default)]
struct YamlKey {
    written: String,
    read: String,
}

impl Node {
    const EMPTY: Self = Self { kind: ValueKind::Nil, size: 1, key: None };

    fn scalar(written: String, read: Yaml) -> Self {
        let read_key = match &read {
            Yaml::String(_) | Yaml::Real(_) => Some(written.clone()),
            Yaml::Integer(number) => Some(number.to_string()),
            Yaml::Boolean(value) => Some(value.to_string()),
            _ => None,
        };
        let key = read_key.map(|read| YamlKey { written: written.clone(), read });
        let kind = if key.is_some() { ValueKind::String(written) } else { ValueKind::Nil };
        Self { kind, size: 1, key }
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
    /// Number of values so far.
    node_count: usize,
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
    /// Value of [`Builder::node_count`] before it.
    nodes_before: usize,
    content: YamlContent,
}

enum YamlContent {
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
    /// Adds a node to the innermost collection, as a key or as a value.
    fn add(&mut self, node: Node, line: usize, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        if self.expects_key() {
            return self.add_key(node.key, line);
        }
        let key = match self.open.last_mut() {
            Some(Collection { content: YamlContent::Map { key, .. }, .. }) => key.take(),
            _ => None,
        };
        let origin = (self.origin)(key.as_ref().map_or(line, |(_, line)| *line));
        let value = Value::new(Some(&origin), node.kind);
        match self.open.last_mut().map(|parent| &mut parent.content) {
            None => {
                self.root.get_or_insert(value);
            }
            Some(YamlContent::List(items)) => items.push(value),
            Some(YamlContent::Map { table, .. }) => {
                if let Some((key, _)) = key {
                    table.insert(key, value);
                }
            }
        }
    }

    /// Returns whether the next node is the key of a map.
    fn expects_key(&self) -> bool {
        let innermost = self.open.last().map(|collection| &collection.content);
        matches!(innermost, Some(YamlContent::Map { key: None, .. }))
    }

    fn add_key(&mut self, key: Option<YamlKey>, line: usize) {
        let Some((Collection { content: YamlContent::Map { lines, key: next, .. }, .. }, outer)) =
            self.open.split_last_mut()
        else {
            return;
        };
        self.has_unsupported_key |= key.is_none();
        let YamlKey { written, read } = key.unwrap_or_default();
        if let Some(first) = lines.get(&read).or_else(|| lines.get(&written)) {
            let path = path_in(outer);
            let path = if path.is_empty() { written.clone() } else { format!("{path}.{written}") };
            self.duplicates.push(YamlError::DuplicateKey(path, *first, line));
        }
        lines.insert(read, line);
        lines.insert(written.clone(), line);
        *next = Some((written, line));
    }

    fn begin(&mut self, content: YamlContent, line: usize, anchor: usize) {
        let nodes_before = self.node_count;
        self.node_count = self.node_count.saturating_add(1);
        self.open.push(Collection { line, anchor, nodes_before, content });
    }

    fn end(&mut self) {
        let Some(Collection { line, anchor, nodes_before, content }) = self.open.pop() else { return };
        let kind = match content {
            YamlContent::List(items) => ValueKind::Array(items),
            YamlContent::Map { table, .. } => ValueKind::Table(table),
        };
        self.add(Node { kind, size: self.node_count - nodes_before, key: None }, line, anchor);
    }
}

/// Returns the path of the value that is read next in these lists and maps.
fn path_in(open: &[Collection]) -> String {
    let mut path = String::new();
    for Collection { content, .. } in open {
        match content {
            YamlContent::List(items) => path += &format!("[{}]", items.len()),
            YamlContent::Map { key: Some((key, _)), .. } if path.is_empty() => path += key,
            YamlContent::Map { key: Some((key, _)), .. } => path += &format!(".{key}"),
            YamlContent::Map { key: None, .. } => {}
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
                    let path = path_in(&self.open);
                    let path = if path.is_empty() { path } else { format!("`{path}` ") };
                    self.non_finite.push(YamlError::NonFiniteNumber(path, line));
                }
                self.node_count = self.node_count.saturating_add(1);
                self.add(Node::scalar(text, read), line, anchor);
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor);
                self.node_count = self.node_count.saturating_add(node.map_or(1, |node| node.size));
                let node = node.filter(|_| self.node_count <= MAX_NODES).cloned().unwrap_or(Node::EMPTY);
                self.add(node, line, 0);
            }
            Event::SequenceStart(anchor, _) => self.begin(YamlContent::List(Vec::new()), line, anchor),
            Event::MappingStart(anchor, _) => {
                let (table, lines) = (Map::new(), HashMap::new());
                self.begin(YamlContent::Map { table, lines, key: None }, line, anchor);
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{YamlError, parse};
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
    fn several_documents_and_keys_that_are_not_texts_are_refused() {
        for text in ["a: 1\n---\nb: 2", "? [a]\n: 1", "? { a: 1 }\n: 1", "~: 1"] {
            let errors = parse(text, |_| String::new()).unwrap_err();
            assert!(matches!(errors[..], [YamlError::Unsupported]), "{text}: {errors:?}");
        }
    }

    #[test]
    fn control_character_is_refused_with_its_line() {
        for text in ["a: 1\nb: 2\0\0c: [[[", "a: 1\n\0", "a: 1\nb: \x1b", "a: 1\n# \u{9b}"] {
            let errors = parse(text, |_| String::new()).unwrap_err();
            assert!(matches!(errors[..], [YamlError::ControlCharacter(2)]), "{text:?}: {errors:?}");
        }
        assert!(parse("a:\r\n  \u{85}b: 1\t\n", |_| String::new()).is_ok());
    }

    #[test]
    fn aliases_of_aliases_are_refused_before_they_take_memory() {
        let level = |n: usize| format!("l{n}: &l{n} [{}]\n", vec![format!("*l{}", n - 1); 10].join(", "));
        let text = |levels: usize| "l0: &l0 [x]\n".to_owned() + &(1..=levels).map(level).collect::<String>();
        assert!(parse(&text(3), |_| String::new()).is_ok());
        for levels in [5, 30] {
            let errors = parse(&text(levels), |_| String::new()).unwrap_err();
            assert!(matches!(errors[..], [YamlError::TooManyValues]), "{levels}: {errors:?}");
        }
    }

    #[test]
    fn an_alias_is_compared_with_other_keys() {
        let errors = parse("a: &name b\nc:\n  *name : 1\n  b: 2\n", |_| String::new()).unwrap_err();
        assert_eq!(errors[0].to_string(), "is not valid YAML: it sets `c.b` twice, in line 3 and in line 4");
    }

    #[test]
    fn content_of_an_alias_has_the_line_of_its_anchor() {
        let text = "a: &it [1, 2]\nb: *it\n";
        assert_eq!(origins(text, &["a[1]", "b", "b[1]"]), ["f.yaml:1", "f.yaml:2", "f.yaml:1"]);
    }
}
