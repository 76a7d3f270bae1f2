//! Where settings come from, laid over each other: the file, the environment, the flags.

use super::form::Written;
use super::lines::{Duplicate, NonFinite, as_written, duplicates, locate, non_finite};
use super::problem::Problem;
use super::shape::{Setting, is_secret, setting, written};
use crate::input;
use config::{FileFormat, Format, Map, Value, ValueKind};
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use yaml_rust2::ScanError;

mod merge;
mod names;

use merge::merge;
use names::{PREFIX, named_twice, path_of, path_of_variable, variable_for};

/// Where settings come from, besides their defaults. The later field wins.
#[derive(Clone, Default)]
pub struct Sources {
    /// The settings file.
    pub file: SettingsFile,
    /// Environment variables; those that do not begin with `JUSTCALL_BRIDGE__` are not looked at.
    pub environment: Vec<(OsString, OsString)>,
    /// `key=value`, such as `kafka.ack_deadline=3s`.
    pub flags: Vec<String>,
    /// Which of the files that the settings name are read.
    pub files: Files,
}

/// Which of the files that the settings name are read, and must be there. What the others hold is left
/// out, and nothing is wrong with that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Files {
    /// All: what a bridge needs.
    #[default]
    All,
    /// Those of Kafka's properties: what a command needs that talks to Kafka.
    OfKafka,
    /// None, for whoever only says what the settings mean, such as in CI.
    None,
}

impl Sources {
    /// The settings file, if there is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.file {
            SettingsFile::None => None,
            SettingsFile::Usual => USUAL_FILES.iter().map(Path::new).find(|path| path.exists()),
            SettingsFile::At(path) => Some(path),
        }
    }

    /// The same, of which the file must be there from now on if it is now.
    #[must_use]
    pub fn pinned(self) -> Self {
        let file = self.file().map_or(SettingsFile::None, |path| SettingsFile::At(path.to_owned()));
        Self { file, ..self }
    }
}

/// Which settings file is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SettingsFile {
    /// None.
    #[default]
    None,
    /// `config/bridge.yaml`, else `/etc/justcall-bridge/bridge.yaml`, else none.
    Usual,
    /// This one, which must be there.
    At(PathBuf),
}

/// A map of settings as it was written; every value knows where that was.
pub(super) type Table = Map<String, Value>;

const USUAL_FILES: [&str; 2] = ["config/bridge.yaml", "/etc/justcall-bridge/bridge.yaml"];

/// Everything that was said, the later over the earlier.
pub(super) fn collect(sources: &Sources, problems: &mut Vec<Problem>) -> Value {
    let mut root = Value::new(None, Table::new());
    let mut file = match sources.file().map(read_file) {
        Some(Ok(file)) => Some(file),
        Some(Err(found)) => {
            problems.extend(found);
            None
        }
        None => None,
    };
    if let Some(file) = &mut file {
        remove_references("", file, problems);
    }
    let mut lay = |layer: Result<Option<Value>, Problem>| match layer {
        Ok(Some(layer)) => merge(&mut Vec::new(), &mut root, layer, problems),
        Ok(None) => {}
        Err(problem) => problems.push(problem),
    };
    lay(Ok(file));
    let mut environment: Vec<_> = sources.environment.iter().collect();
    environment.sort_unstable();
    for (name, text) in environment {
        lay(from_variable(name, text));
    }
    for (index, flag) in sources.flags.iter().enumerate() {
        lay(from_flag(index, flag).map(Some));
    }
    let variables = sources.environment.iter().filter_map(|(name, _)| name.to_str());
    for (key, [one, other]) in named_twice(variables) {
        let reason = format!("is set by the environment variables {one} and {other}: set one of them");
        problems.push(Problem::without_value(key, None, reason));
    }
    root
}

fn read_file(path: &Path) -> Result<Value, Vec<Problem>> {
    let name = path.display().to_string();
    let problem = |reason| Problem::without_value(name.clone(), None, reason);
    let text = input::read_text(path).map_err(|error| vec![problem(format!("cannot be read: {error}"))])?;
    let text = text.trim_start_matches('\u{feff}');
    let twice: Vec<_> = duplicates(text)
        .iter()
        .map(|Duplicate { path, lines: [first, second] }| {
            problem(format!("is no YAML: it sets `{path}` twice, in line {first} and in line {second}"))
        })
        .collect();
    if !twice.is_empty() {
        return Err(twice);
    }
    let table = FileFormat::Yaml.parse(Some(&name), text);
    table.map(|table| locate(&name, text, table)).map_err(|error| {
        let numbers: Vec<_> =
            non_finite(text).iter().map(|number| problem(non_finite_fault(number))).collect();
        if numbers.is_empty() || error.is::<ScanError>() {
            vec![problem(yaml_fault(&*error))]
        } else {
            numbers
        }
    })
}

fn non_finite_fault(NonFinite { path, line }: &NonFinite) -> String {
    let at = if path.is_empty() { String::new() } else { format!("`{path}` ") };
    format!("{at}in line {line} is not a finite number")
}

/// Where the text stops being YAML. Other errors quote the text, in which there may be a secret.
fn yaml_fault(error: &(dyn Error + Send + Sync + 'static)) -> String {
    match error.downcast_ref::<ScanError>() {
        Some(error) => format!("is no YAML: {} in line {}", error.info(), error.marker().line()),
        None => "is no map of settings".into(),
    }
}

/// Removes each value with a reference such as `${NAME}`, which the file does not expand, and reports it.
fn remove_references(key: &str, value: &mut Value, problems: &mut Vec<Problem>) {
    match &mut value.kind {
        ValueKind::String(text) if has_reference(text) => {
            let variable = key.to_ascii_uppercase().replace('.', "__").replace('-', "_");
            let hint = if key.contains('[') {
                "write the value itself".to_owned()
            } else {
                format!("write the value itself, or set the environment variable {PREFIX}{variable}")
            };
            let reason = format!("holds `${{…}}`, and variables are not expanded in this file: {hint}");
            problems.push(Problem::without_value(key, value.origin(), reason));
            value.kind = ValueKind::Nil;
        }
        ValueKind::Table(table) => {
            for (name, inner) in table {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                remove_references(&key, inner, problems);
            }
        }
        ValueKind::Array(items) => {
            for (index, inner) in items.iter_mut().enumerate() {
                remove_references(&format!("{key}[{index}]"), inner, problems);
            }
        }
        _ => {}
    }
}

/// Finds `${NAME}`, also with a default as in `${NAME:-value}`.
fn has_reference(text: &str) -> bool {
    text.match_indices("${").any(|(at, _)| {
        let inner = text[at + 2..].split_once('}').map_or("", |(inner, _)| inner);
        let name = inner.split([':', '-', '?']).next().unwrap_or_default();
        let is_name = |each: char| each.is_ascii_alphanumeric() || each == '_';
        name.starts_with(|each: char| each.is_ascii_alphabetic() || each == '_') && name.chars().all(is_name)
    })
}

/// Variables that Kubernetes and Docker set for a Service named `justcall-bridge…`.
fn is_service_link(rest: &str) -> bool {
    let is_number = |text: &str| text.split('_').next().is_some_and(|number| number.parse::<u16>().is_ok());
    let rest = format!("_{rest}");
    rest.ends_with("_SERVICE_HOST")
        || rest.contains("_SERVICE_PORT")
        || rest.ends_with("_PORT")
        || rest.split_once("_PORT_").is_some_and(|(_, port)| is_number(port))
}

fn from_variable(name: &OsStr, text: &OsStr) -> Result<Option<Value>, Problem> {
    let shown = name.to_string_lossy();
    let Some(rest) = shown.strip_prefix(&PREFIX[..PREFIX.len() - 1]) else { return Ok(None) };
    let Some(key) = rest.strip_prefix('_') else {
        if is_service_link(rest) {
            return Ok(None);
        }
        let reason = format!("names no setting: `{PREFIX}`, with two underscores, is the prefix of settings");
        return Err(Problem::without_value(shown.clone(), None, reason));
    };
    let (Some(name), Some(text)) = (name.to_str(), text.to_str()) else {
        return Err(Problem::without_value(shown.clone(), None, "is not UTF-8"));
    };
    let origin = format!("environment variable {name}");
    let path = path_of_variable(key);
    if path.iter().any(String::is_empty) {
        return Err(Problem::without_value(name, None, "names no setting: `__` stands between two keys"));
    }
    nested(&path, leaf(&path, text, &origin)?, &origin).map(Some)
}

fn from_flag(index: usize, flag: &str) -> Result<Value, Problem> {
    let origin = format!("flag {}", index + 1);
    let Some((key, text)) = flag.split_once('=') else {
        return Err(Problem::without_value("--set", Some(&origin), "is written `key=value`"));
    };
    let key = key.trim();
    let path = path_of(key);
    let origin = format!("flag --set {key}");
    let value = nested(&path, leaf(&path, text, &origin)?, &origin)?;
    match secret_in(&mut Vec::new(), &value) {
        Some(path) => {
            let setting = setting(&path);
            let key = setting.whole().join(".");
            Err(Problem::without_value(key, Some(&origin), not_by_flag(&setting)))
        }
        None => Ok(value),
    }
}

/// Returns the path of a secret that is in a value.
fn secret_in(path: &mut Vec<String>, value: &Value) -> Option<Vec<String>> {
    match &value.kind {
        ValueKind::Table(table) => table.iter().find_map(|(name, inner)| {
            path.push(name.clone());
            let found = secret_in(path, inner);
            path.pop();
            found
        }),
        ValueKind::Nil => None,
        ValueKind::String(text) if text.is_empty() => None,
        ValueKind::Array(items) if items.is_empty() => None,
        _ => is_secret(path).then(|| path.clone()),
    }
}

/// Returns the key of a secret that a settings file holds itself, if the file can be read.
pub(super) fn secret_in_file(path: &Path) -> Option<String> {
    secret_in(&mut Vec::new(), &read_file(path).ok()?).map(|path| path.join("."))
}

/// Returns why a secret is not accepted from a flag, and where it belongs.
fn not_by_flag(setting: &Setting<'_>) -> String {
    let path = setting.path.join(".");
    let file = match (setting.is_map, setting.entry) {
        (true, Some(entry)) => format!("name its file in `{path}_files.{entry}`"),
        (true, None) => format!("name the file of each entry in `{path}_files`"),
        (false, _) => format!("name its file in `{path}_file`"),
    };
    let variable = variable_for(&setting.whole());
    let variable = variable.map_or(String::new(), |name| format!(", or set the environment variable {name}"));
    format!("is a secret, and every user of this machine can read a command line: {file}{variable}")
}

/// A value given as text: JSON where the setting is a list or a map, otherwise the text as it is.
fn leaf(path: &[String], text: &str, origin: &String) -> Result<Value, Problem> {
    let begins = text.trim_start();
    let is_json = begins.starts_with(['[', '{'])
        && match written(path) {
            Written::Text => false,
            // An address or a secret may begin with a bracket, but hardly with a bracket and a quote.
            Written::TextOrList => {
                begins.starts_with("[\"") || serde_json::from_str::<Vec<serde_json::Value>>(begins).is_ok()
            }
            Written::TextMap | Written::Json => true,
        };
    if !is_json {
        return Ok(Value::new(Some(origin), text));
    }
    let key = "value";
    let text = format!("{{\"{key}\": {text}}}");
    if let Some(Duplicate { path: twice, .. }) = duplicates(&text).first() {
        let twice = twice.strip_prefix(key).map_or(&**twice, |rest| rest.trim_start_matches('.'));
        return Err(Problem::without_value(path.join("."), Some(origin), format!("sets `{twice}` twice")));
    }
    let table =
        FileFormat::Yaml.parse(Some(origin), &text).ok().map(|table| as_written(origin, &text, table));
    match table.map(|table| table.kind) {
        Some(ValueKind::Table(mut table)) => table.remove(key),
        _ => None,
    }
    .ok_or_else(|| Problem::without_value(path.join("."), Some(origin), "begins like JSON but is none"))
}

fn nested(path: &[String], leaf: Value, origin: &String) -> Result<Value, Problem> {
    if path.iter().any(String::is_empty) {
        return Err(Problem::without_value(
            path.join("."),
            Some(origin),
            "has an empty key between its dots",
        ));
    }
    let wrap = |inner, key: &String| Value::new(Some(origin), Table::from_iter([(key.clone(), inner)]));
    Ok(path.iter().rev().fold(leaf, wrap))
}

/// What stands under a key such as `routes[2].topics[0]` or `kafka.properties.linger.ms`. An index
/// into a single value finds that value, for a list of one may be written without brackets.
pub(super) fn find<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    if key.is_empty() {
        return Some(value);
    }
    match &value.kind {
        ValueKind::Table(table) => table.iter().find_map(|(name, inner)| {
            let rest = key.strip_prefix(name.as_str())?;
            let is_whole = rest.is_empty() || rest.starts_with(['.', '[']);
            is_whole.then(|| find(inner, rest.strip_prefix('.').unwrap_or(rest)))?
        }),
        ValueKind::Array(items) => {
            let (index, rest) = key.strip_prefix('[')?.split_once(']')?;
            find(items.get(index.parse::<usize>().ok()?)?, rest.strip_prefix('.').unwrap_or(rest))
        }
        _ => key.starts_with('[').then_some(value),
    }
}

#[cfg(test)]
mod tests {
    use super::merge::merge;
    use super::{Sources, find, is_secret, names, path_of};
    use config::{FileFormat, Format, Value};

    impl Sources {
        /// Settings given as `key=value`: secrets by the environment, everything else by flags.
        pub(crate) fn given(settings: &[&str]) -> Self {
            let mut sources = Self::default();
            for setting in settings {
                match setting.split_once('=') {
                    Some((key, text)) if is_secret(&path_of(key)) => {
                        let name = names::variable_for(&path_of(key)).unwrap();
                        sources.environment.push((name.into(), text.into()));
                    }
                    _ => sources.flags.push((*setting).to_owned()),
                }
            }
            sources
        }
    }

    fn tree(yaml: &str) -> Value {
        Value::new(None, FileFormat::Yaml.parse(None, yaml).unwrap())
    }

    #[test]
    fn maps_are_merged_and_everything_else_is_replaced() {
        let mut under = tree("a: { b: 1, c: [1, 2] }\nd: 1\ne: { f: 1 }\ng: 1");
        let mut problems = Vec::new();
        merge(&mut Vec::new(), &mut under, tree("a: { c: [3] }\nd: { x: 1 }\ne: 2\ng:"), &mut problems);
        assert_eq!(under, tree("a: { b: 1, c: [3] }\nd: { x: 1 }\ne: 2\ng: 1"));
        assert_eq!(problems.iter().map(|problem| &*problem.key).collect::<Vec<_>>(), ["d", "e"]);
    }

    #[test]
    fn a_key_finds_its_value_through_dots_and_indices() {
        let root = tree("a: { b.c: 1, b: { d: 2 }, e: [x, { f: y }] }\ng: one");
        let found = |key| find(&root, key).map(ToString::to_string);
        for (key, expected) in [
            ("a.b.c", Some("1")),
            ("a.b.d", Some("2")),
            ("a.e[0]", Some("x")),
            ("a.e[1].f", Some("y")),
            ("g[0]", Some("one")),
            ("a.e[2]", None),
            ("a.x", None),
            ("ab", None),
        ] {
            assert_eq!(found(key).as_deref(), expected, "{key}");
        }
    }
}
