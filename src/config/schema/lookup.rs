use super::visitor::{NamedEntry, SchemaVisitor, TextSyntax, ValueType};
use crate::config::settings::Settings;

pub(in crate::config) fn look_up(path: &[String]) -> SchemaLookup<'_> {
    let is_root = path.is_empty();
    let mut lookup = SchemaLookup {
        path,
        text_syntax: TextSyntax::Text,
        is_secret: false,
        shape: if is_root { ValueShape::Map } else { ValueShape::Unknown },
        keys_below: 0,
        is_text_map: false,
    };
    super::visit_settings(&mut lookup, &mut Settings::default());
    lookup
}

pub(in crate::config) fn is_secret(path: &[String]) -> bool {
    look_up(path).is_secret
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum ValueShape {
    Map,
    /// One value or a list.
    Value,
    Either,
    /// The path is not in the schema.
    Unknown,
}

pub(in crate::config) struct SchemaLookup<'p> {
    path: &'p [String],
    /// In an environment variable or a flag.
    pub(in crate::config) text_syntax: TextSyntax,
    is_secret: bool,
    pub(in crate::config) shape: ValueShape,
    /// Keys below the setting's own.
    pub(in crate::config) keys_below: usize,
    pub(in crate::config) is_text_map: bool,
}

impl SchemaLookup<'_> {
    /// `None` unless the path begins with `key`.
    fn keys_below(&self, key: &str) -> Option<usize> {
        self.path.first().filter(|first| *first == key).map(|_| self.path.len() - 1)
    }

    fn set_map(&mut self) {
        self.text_syntax = TextSyntax::Json;
        self.shape = ValueShape::Map;
    }

    fn descend(&mut self, keys: usize, visit: impl FnOnce(&mut Self)) {
        let path = self.path;
        self.path = &path[keys..];
        visit(self);
        self.path = path;
    }
}

impl SchemaVisitor for SchemaLookup<'_> {
    fn field<T>(&mut self, key: &'static str, _target: &mut T, value_type: impl ValueType<T>) {
        let Some(below) = self.keys_below(key) else { return };
        let syntax = value_type.text_syntax();
        self.text_syntax = match syntax {
            syntax if below == 0 => syntax,
            TextSyntax::Json => TextSyntax::Json,
            _ => TextSyntax::Text,
        };
        self.shape = match syntax {
            TextSyntax::Json => ValueShape::Either,
            TextSyntax::TextMap if below == 0 => ValueShape::Map,
            _ => ValueShape::Value,
        };
        self.keys_below = below;
        self.is_text_map = syntax == TextSyntax::TextMap;
        self.is_secret = value_type.is_secret(self.path.get(1).map(String::as_str));
    }

    fn section(&mut self, key: &'static str, visit: impl FnOnce(&mut Self)) {
        match self.keys_below(key) {
            None => {}
            Some(0) => self.set_map(),
            Some(_) => self.descend(1, visit),
        }
    }

    fn named<T: NamedEntry>(&mut self, key: &'static str, _items: &mut Vec<T>, visit: fn(&mut Self, &mut T)) {
        match self.keys_below(key) {
            None => {}
            Some(0 | 1) => self.set_map(),
            Some(_) => {
                let mut item = T::with_name(&self.path[1]);
                self.descend(2, |visitor| visit(visitor, &mut item));
            }
        }
    }

    fn list<T: Default>(&mut self, key: &'static str, _: &mut Vec<T>, _: fn(&mut Self, &mut T)) {
        if self.keys_below(key).is_some() {
            self.text_syntax = TextSyntax::Json;
            self.shape = ValueShape::Value;
        }
    }

    fn default_to<T>(&mut self, _target: &mut T, _default: impl FnOnce() -> T) {}
}
