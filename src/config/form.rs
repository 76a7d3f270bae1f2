//! The words in which the layout of the settings is written once, to be read and to be printed.

use config::Value;
use yaml_rust2::Yaml;

/// Goes through the settings, key by key: a reader fills them in, a printer writes them down.
pub(super) trait Form {
    /// One setting.
    fn field<T>(&mut self, key: &'static str, it: &mut T, kind: impl Kind<T>);

    /// Settings under a common key.
    fn section(&mut self, key: &'static str, describe: impl FnOnce(&mut Self));

    /// Settings by a name that the operator chooses.
    fn named<T>(
        &mut self,
        key: &'static str,
        it: &mut Vec<T>,
        naming: Naming<T>,
        describe: fn(&mut Self, &mut T),
    );

    /// A list of settings.
    fn list<T>(
        &mut self,
        key: &'static str,
        it: &mut Vec<T>,
        make: fn() -> T,
        describe: fn(&mut Self, &mut T),
    );

    /// A default that follows from settings read before; a printer leaves it alone.
    fn default_to<T>(&mut self, it: &mut T, default: impl FnOnce() -> T);
}

/// How an entry under a chosen name begins, and what its name is.
pub(super) struct Naming<T> {
    pub(super) make: fn(&str) -> T,
    pub(super) name: fn(&T) -> &str,
}

/// Form in which an environment variable or a flag writes a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// Text as it is, also where it begins like JSON.
    Text,
    /// A JSON list, otherwise text.
    TextOrList,
    /// A JSON map, of which each entry is text.
    TextMap,
    /// JSON where it begins like a list or a map, otherwise text.
    Json,
}

/// How a setting's value is written.
pub(super) trait Kind<T> {
    /// Reads a value, or says what is wrong with it and what would be right.
    fn read(&self, value: &Value) -> Result<T, String>;

    /// Writes a value so that [`Kind::read`] gives it back, unless it is secret.
    fn show(&self, it: &T) -> Yaml;

    /// Returns the form that an environment variable or a flag may have.
    fn written(&self) -> Written {
        Written::Text
    }

    /// Returns whether a text in the value is a secret. `entry` is its key where the value is a map.
    fn is_secret(&self, _entry: Option<&str>) -> bool {
        false
    }
}
