//! Form in which a setting is written, and whether it is a secret, by its path in the layout.

use super::form::{Form, Kind, Naming, Written};
use super::layout;
use super::settings::Settings;

/// Returns how an environment variable or a flag writes the setting under a path.
///
/// A path that the layout does not name is text.
pub(super) fn written(path: &[String]) -> Written {
    find(path).found
}

/// Returns whether a text under a path is a secret.
pub(super) fn is_secret(path: &[String]) -> bool {
    find(path).is_secret
}

/// Setting that a path leads to, or into.
pub(super) struct Setting<'p> {
    /// Path of the setting itself.
    pub(super) path: &'p [String],
    /// Whether its value is a map of texts.
    pub(super) is_map: bool,
    /// Key of the map's entry.
    pub(super) entry: Option<&'p str>,
}

impl Setting<'_> {
    /// Returns the path of the entry, or of the setting where there is none.
    pub(super) fn whole(&self) -> Vec<String> {
        let entry = self.entry.map(str::to_owned);
        self.path.iter().cloned().chain(entry).collect()
    }
}

/// Returns the setting that a path leads to; the whole path if the layout does not name it.
pub(super) fn setting(path: &[String]) -> Setting<'_> {
    let Finder { behind_field, is_map, .. } = find(path);
    let (path, behind) = path.split_at(path.len() - behind_field);
    let entry = behind.first().filter(|_| is_map).map(String::as_str);
    Setting { path, is_map, entry }
}

/// Form that the layout wants for the setting under a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// A map of settings or of texts.
    Map,
    /// One value or a list.
    Value,
    /// A map or one value.
    Either,
    /// The layout does not name the path.
    Unknown,
}

/// Returns the form that the layout wants for the setting under a path.
pub(super) fn nature(path: &[String]) -> Nature {
    find(path).nature
}

fn find(path: &[String]) -> Finder<'_> {
    let mut finder = Finder {
        path,
        found: Written::Text,
        is_secret: false,
        nature: Nature::Unknown,
        behind_field: 0,
        is_map: false,
    };
    // The root.
    if path.is_empty() {
        finder.nature = Nature::Map;
    }
    layout::settings(&mut finder, &mut Settings::default());
    finder
}

/// The [`Form`] that looks for one path.
struct Finder<'p> {
    path: &'p [String],
    found: Written,
    is_secret: bool,
    nature: Nature,
    /// Number of keys behind those of the field.
    behind_field: usize,
    is_map: bool,
}

impl Finder<'_> {
    /// Returns the keys behind `key`, if the path begins with it.
    fn behind(&self, key: &str) -> Option<usize> {
        self.path.first().filter(|first| *first == key).map(|_| self.path.len() - 1)
    }

    fn found_map(&mut self) {
        self.found = Written::Json;
        self.nature = Nature::Map;
    }

    fn within(&mut self, keys: usize, describe: impl FnOnce(&mut Self)) {
        let whole = self.path;
        self.path = &whole[keys..];
        describe(self);
        self.path = whole;
    }
}

impl Form for Finder<'_> {
    fn field<T>(&mut self, key: &'static str, _it: &mut T, kind: impl Kind<T>) {
        let Some(behind) = self.behind(key) else { return };
        self.found = match kind.written() {
            written if behind == 0 => written,
            Written::Json => Written::Json,
            _ => Written::Text,
        };
        self.behind_field = behind;
        self.is_map = kind.written() == Written::TextMap;
        self.nature = match kind.written() {
            Written::Json => Nature::Either,
            Written::TextMap if behind == 0 => Nature::Map,
            _ => Nature::Value,
        };
        self.is_secret = kind.is_secret(self.path.get(1).map(String::as_str));
    }

    fn section(&mut self, key: &'static str, describe: impl FnOnce(&mut Self)) {
        match self.behind(key) {
            None => {}
            Some(0) => self.found_map(),
            Some(_) => self.within(1, describe),
        }
    }

    fn named<T>(
        &mut self,
        key: &'static str,
        _it: &mut Vec<T>,
        naming: Naming<T>,
        describe: fn(&mut Self, &mut T),
    ) {
        match self.behind(key) {
            None => {}
            Some(0 | 1) => self.found_map(),
            Some(_) => {
                let mut entry = (naming.make)(&self.path[1]);
                self.within(2, |form| describe(form, &mut entry));
            }
        }
    }

    fn list<T>(
        &mut self,
        key: &'static str,
        _it: &mut Vec<T>,
        _make: fn() -> T,
        _describe: fn(&mut Self, &mut T),
    ) {
        if self.behind(key).is_some() {
            self.found = Written::Json;
            self.nature = Nature::Value;
        }
    }

    fn default_to<T>(&mut self, _it: &mut T, _default: impl FnOnce() -> T) {}
}
