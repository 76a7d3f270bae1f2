//! YAML reader that keeps the text and the line of each value, because YAML would read `+49` and `0049` as
//! 49.
//!
//! Size and depth are limited, because the library's loader is recursive and aliases multiply.

use crate::terminal::is_obeyed;
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;
use yaml_rust2::parser::{Event, Parser, Tag};
use yaml_rust2::scanner::TScalarStyle;
use yaml_rust2::{ScanError, Yaml};

#[cfg(test)]
mod tests;

#[derive(Debug, thiserror::Error)]
pub(crate) enum YamlError {
    #[error("is not valid YAML: {} in line {}", .0.info(), .0.marker().line())]
    Syntax(#[from] ScanError),
    /// Path, and lines of keys that YAML reads alike or that are written alike.
    #[error("is not valid YAML: it sets `{0}` twice, in line {1} and in line {2}")]
    DuplicateKey(String, usize, usize),
    /// Path, in backquotes unless it is the root, and line of `.inf` or `.nan`.
    #[error("{0}in line {1} is not a finite number")]
    NonFiniteNumber(String, usize),
    /// Line of NUL or another control character, as after a power loss.
    #[error("is not valid YAML: it has a control character in line {0}")]
    ControlCharacter(usize),
    #[error("has more than {} MiB", MAX_TEXT_BYTES >> 20)]
    TooLong,
    #[error("line {0} is nested more than {MAX_DEPTH} levels deep")]
    TooDeep(usize),
    /// Line of an alias within the value that it repeats.
    #[error("line {0} repeats a value within itself")]
    Cycle(usize),
    #[error("has more than {MAX_NODES} values, with those that its aliases repeat")]
    TooManyValues,
    /// Line of the second document.
    #[error("has a second YAML document in line {0}")]
    SecondDocument(usize),
    /// Line of a key that is empty, a list or a map.
    #[error("has a key in line {0} that is not a text")]
    UnsupportedKey(usize),
}

/// Bytes. The parser needs about a hundred times that in memory for a list in brackets.
const MAX_TEXT_BYTES: usize = 4 << 20;

const MAX_FAULTS: usize = 100;

/// Lists and maps that contain a value.
pub(crate) const MAX_DEPTH: usize = 64;

/// Values, because aliases of aliases multiply.
const MAX_NODES: usize = 100_000;

/// In a map, the line is the key's.
#[derive(Debug, Clone)]
pub(crate) struct YamlItem {
    pub(crate) line: usize,
    /// Shared with the aliases that repeat it.
    pub(crate) value: Rc<YamlValue>,
}

#[derive(Debug)]
pub(crate) enum YamlValue {
    Null,
    /// Text as written, and the value that YAML reads: text, number or boolean.
    Scalar(String, Yaml),
    List(Vec<YamlItem>),
    /// In order, with keys as written.
    Map(Vec<(String, YamlItem)>),
}

/// An empty text has no value. JSON may have surrogate pairs, which YAML does not know.
///
/// Fails for a control character, otherwise every duplicate key, otherwise the first other error, otherwise
/// every number that is not finite.
pub(crate) fn parse(text: &str) -> Result<Option<YamlItem>, Vec<YamlError>> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(vec![YamlError::TooLong]);
    }
    // The parser takes NUL for the end of the text.
    let is_refused = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    if let Some(at) = text.find(is_refused) {
        return Err(vec![YamlError::ControlCharacter(text[..at].matches('\n').count() + 1)]);
    }
    let mut builder = Builder::default();
    let read = builder.read(&without_surrogates(text));
    if !builder.duplicates.is_empty() {
        return Err(builder.duplicates);
    }
    read.map_err(|error| vec![error])?;
    if builder.non_finite.is_empty() { Ok(builder.root) } else { Err(builder.non_finite) }
}

/// Replaces escaped surrogate pairs, if the text is JSON.
fn without_surrogates(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u") || serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return Cow::Borrowed(text);
    }
    let unit = |escape: &str| u16::from_str_radix(escape.strip_prefix("\\u")?.get(..4)?, 16).ok();
    let (mut replaced, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, escape)) = rest.find('\\').map(|at| rest.split_at(at)) {
        replaced += before;
        let units = unit(escape).zip(escape.get(6..).and_then(unit));
        let character = units.and_then(|(high, low)| char::decode_utf16([high, low]).next()?.ok());
        // An escape of JSON begins with two ASCII characters.
        let (kept, end) = match character.filter(|each| each.len_utf16() == 2) {
            Some(character) => (Cow::Owned(character.to_string()), 12),
            None => (Cow::Borrowed(&escape[..2]), 2),
        };
        replaced += &kept;
        rest = &escape[end..];
    }
    Cow::Owned(replaced + rest)
}

/// The emitter writes [`Yaml::Real`] unchanged, and does not escape characters that a terminal or an editor
/// obeys.
pub(crate) fn string(text: impl Into<String>) -> Yaml {
    let text = text.into();
    let is_escaped = |c: char| is_obeyed(c) || c == BYTE_ORDER_MARK;
    if !text.contains(is_escaped) {
        return Yaml::String(text);
    }
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if is_escaped(c) => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    });
    Yaml::Real(format!("\"{}\"", escaped.collect::<String>()))
}

const BYTE_ORDER_MARK: char = '\u{feff}';

#[derive(Clone)]
struct Node {
    value: Rc<YamlValue>,
    /// Number of values, itself included. A text counts once more for each KiB.
    size: usize,
    /// Levels of lists and maps.
    depth: usize,
}

impl Node {
    fn scalar(written: String, read: Yaml) -> Self {
        let size = 1 + written.len() / 1024;
        let value = match read {
            Yaml::Null | Yaml::BadValue => YamlValue::Null,
            read => YamlValue::Scalar(written, read),
        };
        Self { value: Rc::new(value), size, depth: 0 }
    }
}

/// By YAML's core schema.
fn read_scalar(text: &str, style: TScalarStyle, tag: Option<&Tag>) -> Yaml {
    if style != TScalarStyle::Plain {
        return Yaml::String(text.to_owned());
    }
    let Some(tag) = tag else {
        // The library does not know two spellings of YAML's core schema.
        let is_null = matches!(text, "Null" | "NULL");
        return if is_null { Yaml::Null } else { Yaml::from_str(text) };
    };
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

fn report(faults: &mut Vec<YamlError>, fault: YamlError) {
    if faults.len() < MAX_FAULTS {
        faults.push(fault);
    }
}

#[derive(Default)]
struct Builder {
    /// Includes those that aliases repeat.
    node_count: usize,
    document_count: usize,
    root: Option<YamlItem>,
    /// Not ended, the outermost first.
    open: Vec<Collection>,
    anchors: HashMap<usize, Node>,
    duplicates: Vec<YamlError>,
    non_finite: Vec<YamlError>,
}

struct Collection {
    line: usize,
    anchor: usize,
    /// [`Builder::node_count`] before it.
    nodes_before: usize,
    /// Levels of the deepest value in it.
    depth: usize,
    content: YamlContent,
}

enum YamlContent {
    List(Vec<YamlItem>),
    Map {
        entries: Vec<(String, YamlItem)>,
        /// By the key's text as written and as YAML reads it.
        lines: HashMap<String, usize>,
        /// Key, with its line, whose value is next.
        key: Option<(String, usize)>,
    },
}

impl Builder {
    fn read(&mut self, text: &str) -> Result<(), YamlError> {
        let mut parser = Parser::new_from_str(text);
        loop {
            let (event, mark) = parser.next_token()?;
            if event == Event::StreamEnd {
                return Ok(());
            }
            self.receive(event, mark.line())?;
            if self.node_count > MAX_NODES {
                return Err(YamlError::TooManyValues);
            }
        }
    }

    fn receive(&mut self, event: Event, line: usize) -> Result<(), YamlError> {
        match event {
            Event::DocumentStart if self.document_count > 0 => return Err(YamlError::SecondDocument(line)),
            Event::DocumentStart => self.document_count += 1,
            Event::Scalar(text, style, anchor, tag) => {
                let read = read_scalar(&text, style, tag.as_ref());
                let is_non_finite = matches!(read, Yaml::Real(_)) && text.parse::<f64>().is_err();
                if is_non_finite && !self.expects_key() {
                    let path = path_in(&self.open);
                    let path = if path.is_empty() { path } else { format!("`{path}` ") };
                    report(&mut self.non_finite, YamlError::NonFiniteNumber(path, line));
                }
                let node = Node::scalar(text, read);
                self.node_count += node.size;
                self.add(node, line, anchor)?;
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned().ok_or(YamlError::Cycle(line))?;
                if self.open.len() + node.depth > MAX_DEPTH {
                    return Err(YamlError::TooDeep(line));
                }
                self.node_count += node.size;
                self.add(node, line, 0)?;
            }
            Event::SequenceStart(anchor, _) => self.begin(YamlContent::List(Vec::new()), line, anchor)?,
            Event::MappingStart(anchor, _) => {
                let (entries, lines) = (Vec::new(), HashMap::new());
                self.begin(YamlContent::Map { entries, lines, key: None }, line, anchor)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end()?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn add(&mut self, node: Node, line: usize, anchor: usize) -> Result<(), YamlError> {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        if self.expects_key() {
            return self.add_key(&node.value, line);
        }
        let Some(parent) = self.open.last_mut() else {
            self.root.get_or_insert(YamlItem { line, value: node.value });
            return Ok(());
        };
        parent.depth = parent.depth.max(node.depth);
        match &mut parent.content {
            YamlContent::List(items) => items.push(YamlItem { line, value: node.value }),
            YamlContent::Map { entries, key, .. } => {
                if let Some((key, line)) = key.take() {
                    entries.push((key, YamlItem { line, value: node.value }));
                }
            }
        }
        Ok(())
    }

    fn expects_key(&self) -> bool {
        let innermost = self.open.last().map(|collection| &collection.content);
        matches!(innermost, Some(YamlContent::Map { key: None, .. }))
    }

    /// Keys that YAML reads alike are duplicates: 7 and `007`.
    fn add_key(&mut self, key: &YamlValue, line: usize) -> Result<(), YamlError> {
        let YamlValue::Scalar(written, read) = key else { return Err(YamlError::UnsupportedKey(line)) };
        let read = match read {
            Yaml::Integer(number) => number.to_string(),
            Yaml::Boolean(value) => value.to_string(),
            _ => written.clone(),
        };
        if let Some((Collection { content: YamlContent::Map { lines, key: next, .. }, .. }, outer)) =
            self.open.split_last_mut()
        {
            if let Some(first) = lines.get(&read).or_else(|| lines.get(written)) {
                let path = path_in(outer);
                let path = if path.is_empty() { written.clone() } else { format!("{path}.{written}") };
                report(&mut self.duplicates, YamlError::DuplicateKey(path, *first, line));
            }
            lines.insert(read, line);
            lines.insert(written.clone(), line);
            *next = Some((written.clone(), line));
        }
        Ok(())
    }

    fn begin(&mut self, content: YamlContent, line: usize, anchor: usize) -> Result<(), YamlError> {
        if self.open.len() == MAX_DEPTH {
            return Err(YamlError::TooDeep(line));
        }
        let nodes_before = self.node_count;
        self.node_count += 1;
        self.open.push(Collection { line, anchor, nodes_before, depth: 0, content });
        Ok(())
    }

    fn end(&mut self) -> Result<(), YamlError> {
        let Some(Collection { line, anchor, nodes_before, depth, content }) = self.open.pop() else {
            return Ok(());
        };
        let value = Rc::new(match content {
            YamlContent::List(items) => YamlValue::List(items),
            YamlContent::Map { entries, .. } => YamlValue::Map(entries),
        });
        let size = self.node_count - nodes_before;
        self.add(Node { value, size, depth: depth + 1 }, line, anchor)
    }
}

/// Returns the path of the next value.
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
