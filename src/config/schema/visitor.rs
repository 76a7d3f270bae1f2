//! Visitor of the settings' schema, and the types of values.

use config::Value;
use yaml_rust2::Yaml;

/// Visitor of every setting. A deserializer fills them in, a printer reads them.
pub(in crate::config) trait SchemaVisitor {
    /// Visits one setting.
    fn field<T>(&mut self, key: &'static str, target: &mut T, value_type: impl ValueType<T>);

    /// Visits the settings under a common key.
    fn section(&mut self, key: &'static str, visit: impl FnOnce(&mut Self));

    /// Visits a map of entries whose names the operator chooses.
    fn named<T: NamedEntry>(&mut self, key: &'static str, items: &mut Vec<T>, visit: fn(&mut Self, &mut T));

    /// Visits a list of maps of settings.
    fn list<T: Default>(&mut self, key: &'static str, items: &mut Vec<T>, visit: fn(&mut Self, &mut T));

    /// Sets a default that depends on settings visited before. A printer ignores it.
    fn default_to<T>(&mut self, target: &mut T, default: impl FnOnce() -> T);
}

/// Entry whose name the operator chooses.
pub(in crate::config) trait NamedEntry {
    /// Returns an entry with defaults for everything but its name.
    fn with_name(name: &str) -> Self;

    fn name(&self) -> &str;
}

/// Syntax of a setting in an environment variable or a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum TextSyntax {
    /// Text as it is, even if it begins like JSON.
    Text,
    /// JSON list, otherwise text.
    TextOrList,
    /// JSON map whose values are texts.
    TextMap,
    /// JSON if it begins like a list or a map, otherwise text.
    Json,
}

/// Type of a setting's value: its syntax and its range.
pub(in crate::config) trait ValueType<T> {
    /// Parses a value. The error is its fault and the expected form.
    fn parse(&self, value: &Value) -> Result<T, String>;

    /// Returns YAML that [`ValueType::parse`] accepts for the same value, unless it is secret.
    fn to_yaml(&self, value: &T) -> Yaml;

    /// Returns the syntax in an environment variable or a flag.
    fn text_syntax(&self) -> TextSyntax {
        TextSyntax::Text
    }

    /// Returns whether a text in the value is a secret. `entry` is its key if the value is a map.
    fn is_secret(&self, _entry: Option<&str>) -> bool {
        false
    }
}
