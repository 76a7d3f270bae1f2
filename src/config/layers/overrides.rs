use super::names::{PREFIX, path_of, path_of_variable, variable_for};
use crate::config::error::SettingError;
use crate::config::schema::lookup::{is_secret, look_up};
use crate::config::schema::visitor::TextSyntax;
use crate::config::value_path::find_path;
use crate::config::yaml::parse;
use crate::yaml::{MAX_DEPTH, YamlError};
use config::{Map, Value};
use std::ffi::OsStr;

/// `None` if the bridge does not own the variable.
pub(super) fn from_variable(name: &OsStr, text: &OsStr) -> Result<Option<Value>, SettingError> {
    let shown = name.to_string_lossy();
    let Some(rest) = shown.strip_prefix(&PREFIX[..PREFIX.len() - 1]) else { return Ok(None) };
    let Some(key) = rest.strip_prefix('_') else {
        if is_service_link(rest) {
            return Ok(None);
        }
        let reason = format!("is not a setting: begin its name with `{PREFIX}`, with two underscores");
        return Err(SettingError::without_value(shown.clone(), None, reason));
    };
    let (Some(name), Some(text)) = (name.to_str(), text.to_str()) else {
        return Err(SettingError::without_value(shown.clone(), None, "is not UTF-8"));
    };
    let origin = format!("environment variable {name}");
    let path = path_of_variable(key);
    if path.iter().any(String::is_empty) {
        let reason = "is not a setting: write one `__` between two keys";
        return Err(SettingError::without_value(name, None, reason));
    }
    nest(&path, parse_text(&path, text, &origin)?, &origin).map(Some)
}

/// Kubernetes and Docker set variables for a Service named `justcall-bridge…`.
fn is_service_link(rest: &str) -> bool {
    let is_number = |text: &str| text.split('_').next().is_some_and(|number| number.parse::<u16>().is_ok());
    let rest = format!("_{rest}");
    rest.ends_with("_SERVICE_HOST")
        || rest.contains("_SERVICE_PORT")
        || rest.ends_with("_PORT")
        || rest.split_once("_PORT_").is_some_and(|(_, port)| is_number(port))
}

/// `index` starts at 0. Rejects a secret.
pub(super) fn from_flag(index: usize, flag: &str) -> Result<Value, SettingError> {
    let Some((key, text)) = flag.split_once('=') else {
        let origin = format!("flag {}", index + 1);
        return Err(SettingError::without_value("--set", Some(&origin), "must be written `key=value`"));
    };
    let key = key.trim();
    let path = path_of(key);
    let origin = format!("flag --set {key}");
    let value = nest(&path, parse_text(&path, text, &origin)?, &origin)?;
    match find_path(&value, &is_secret) {
        Some(path) => Err(secret_in_flag(&path, &origin)),
        None => Ok(value),
    }
}

fn secret_in_flag(path: &[String], origin: &str) -> SettingError {
    let found = look_up(path);
    let (setting, below) = path.split_at(path.len() - found.keys_below);
    let entry = below.first().filter(|_| found.is_text_map);
    let path = &path[..setting.len() + usize::from(entry.is_some())];
    let setting = setting.join(".");
    let file = match (found.is_text_map, entry) {
        (true, Some(entry)) => format!("name its file in `{setting}_files.{entry}`"),
        (true, None) => format!("name the file of each entry in `{setting}_files`"),
        (false, _) => format!("name its file in `{setting}_file`"),
    };
    let variable = variable_for(path);
    let variable = variable.map_or(String::new(), |name| format!(", or set the environment variable {name}"));
    let reason =
        format!("is a secret, and every user of this machine can read a command line: {file}{variable}");
    SettingError::without_value(path.join("."), Some(origin), reason)
}

/// JSON for a list or a map, otherwise the text itself.
fn parse_text(path: &[String], text: &str, origin: &String) -> Result<Value, SettingError> {
    let json = text.trim_start();
    let is_json = json.starts_with(['[', '{'])
        && match look_up(path).text_syntax {
            TextSyntax::Text => false,
            // An address or a secret hardly begins with a bracket and a quote.
            TextSyntax::TextOrList => {
                json.starts_with("[\"") || serde_json::from_str::<Vec<serde_json::Value>>(json).is_ok()
            }
            TextSyntax::TextMap | TextSyntax::Json => true,
        };
    if !is_json {
        return Ok(Value::new(Some(origin), text));
    }
    parse(json, |_| origin.clone()).map_err(|errors| {
        let reason = match errors.first() {
            Some(YamlError::DuplicateKey(key, ..)) => format!("sets `{key}` twice"),
            None | Some(YamlError::Syntax(_) | YamlError::ControlCharacter(_)) => {
                "begins like JSON but is not valid JSON".into()
            }
            Some(other) => other.to_string(),
        };
        SettingError::without_value(path.join("."), Some(origin), reason)
    })
}

fn nest(path: &[String], value: Value, origin: &String) -> Result<Value, SettingError> {
    // Functions on the tree of values are recursive.
    if path.len() > MAX_DEPTH {
        let reason = format!("has more than {MAX_DEPTH} keys");
        return Err(SettingError::without_value(path[..4].join(".") + "…", Some(origin), reason));
    }
    if path.iter().any(String::is_empty) {
        let reason = "has an empty key between its dots";
        return Err(SettingError::without_value(path.join("."), Some(origin), reason));
    }
    let wrap = |inner, key: &String| Value::new(Some(origin), Map::from_iter([(key.clone(), inner)]));
    Ok(path.iter().rev().fold(value, wrap))
}
