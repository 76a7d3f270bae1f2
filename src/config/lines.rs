//! In which line of a settings file each value stands.

use super::tree::Table;
use config::{Value, ValueKind};
use std::collections::HashMap;
use yaml_rust2::parser::{Event, MarkedEventReceiver, Parser};
use yaml_rust2::scanner::Marker;

#[cfg(test)]
mod tests;

/// Gives every value of a file its line as part of its origin: `bridge.yaml:12`.
pub(super) fn locate(name: &str, text: &str, table: Table) -> Value {
    let mut builder = Builder::default();
    // The text was read as YAML before.
    let _ = Parser::new_from_str(text).load(&mut builder, false);
    relocate(name, Value::new(Some(&name.to_owned()), table), builder.root.as_ref())
}

/// A value of the file: its line, and what is inside.
#[derive(Debug)]
struct Node {
    line: usize,
    inside: Inside,
}

#[derive(Debug)]
enum Inside {
    Nothing,
    Items(Vec<Node>),
    Fields(HashMap<String, Node>),
}

fn relocate(name: &str, value: Value, node: Option<&Node>) -> Value {
    let origin = match node {
        Some(node) => Some(format!("{name}:{}", node.line)),
        None => value.origin().map(str::to_owned),
    };
    let kind = match value.kind {
        ValueKind::Table(table) => {
            let inside = |key: &str| match node.map(|node| &node.inside) {
                Some(Inside::Fields(fields)) => fields.get(key),
                _ => None,
            };
            let fields = table.into_iter().map(|(key, value)| {
                let value = relocate(name, value, inside(&key));
                (key, value)
            });
            ValueKind::Table(fields.collect())
        }
        ValueKind::Array(items) => {
            let inside = |at: usize| match node.map(|node| &node.inside) {
                Some(Inside::Items(nodes)) => nodes.get(at),
                _ => None,
            };
            let items = items.into_iter().enumerate().map(|(at, item)| relocate(name, item, inside(at)));
            ValueKind::Array(items.collect())
        }
        single => single,
    };
    Value::new(origin.as_ref(), kind)
}

/// Puts the nodes together as the parser tells of them.
#[derive(Default)]
struct Builder {
    root: Option<Node>,
    /// The lists and maps that are not at their end yet; of a map also the key that waits for its value.
    open: Vec<(Node, Option<(String, usize)>)>,
}

impl Builder {
    fn put(&mut self, mut node: Node, text: Option<String>) {
        let Some((parent, key)) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        match &mut parent.inside {
            Inside::Items(items) => items.push(node),
            Inside::Fields(fields) => match key.take() {
                Some((key, line)) => {
                    // A person looks for the key.
                    node.line = line;
                    fields.insert(key, node);
                }
                None => *key = Some((text.unwrap_or_default(), node.line)),
            },
            Inside::Nothing => {}
        }
    }
}

impl MarkedEventReceiver for Builder {
    fn on_event(&mut self, event: Event, mark: Marker) {
        let node = |inside| Node { line: mark.line(), inside };
        match event {
            Event::Scalar(text, ..) => self.put(node(Inside::Nothing), Some(text)),
            Event::Alias(_) => self.put(node(Inside::Nothing), None),
            Event::SequenceStart(..) => self.open.push((node(Inside::Items(Vec::new())), None)),
            Event::MappingStart(..) => self.open.push((node(Inside::Fields(HashMap::new())), None)),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some((node, _)) = self.open.pop() {
                    self.put(node, None);
                }
            }
            _ => {}
        }
    }
}
