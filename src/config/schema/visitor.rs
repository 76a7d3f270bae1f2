use config::Value;
use yaml_rust2::Yaml;

/// A deserializer fills settings in, a printer reads them.
pub(in crate::config) trait SchemaVisitor {
    fn field<T>(&mut self, key: &'static str, target: &mut T, value_type: impl ValueType<T>);

    fn section(&mut self, key: &'static str, visit: impl FnOnce(&mut Self));

    /// Visits a map of entries whose names the operator chooses.
    fn named<T: NamedEntry>(&mut self, key: &'static str, items: &mut Vec<T>, visit: fn(&mut Self, &mut T));

    fn list<T: Default>(&mut self, key: &'static str, items: &mut Vec<T>, visit: fn(&mut Self, &mut T));

    /// Sets a default that depends on settings visited before. A printer ignores it.
    fn default_to<T>(&mut self, target: &mut T, default: impl FnOnce() -> T);
}

pub(in crate::config) trait NamedEntry {
    fn with_name(name: &str) -> Self;

    fn name(&self) -> &str;
}

/// In an environment variable or a flag.
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

pub(in crate::config) trait ValueType<T> {
    /// The error is the fault and the expected form.
    fn parse(&self, value: &Value) -> Result<T, String>;

    /// [`ValueType::parse`] accepts the result for the same value, unless it is secret.
    fn to_yaml(&self, value: &T) -> Yaml;

    fn text_syntax(&self) -> TextSyntax {
        TextSyntax::Text
    }

    /// `entry` is the key if the value is a map.
    fn is_secret(&self, _entry: Option<&str>) -> bool {
        false
    }
}
