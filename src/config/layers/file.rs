use super::names::PREFIX;
use crate::config::error::SettingError;
use crate::config::yaml::parse;
use crate::input;
use config::{Value, ValueKind};
use std::path::Path;

pub(super) fn read(path: &Path, errors: &mut Vec<SettingError>) -> Option<Value> {
    let name = path.display().to_string();
    let mut report = |reason: String| errors.push(SettingError::without_value(name.clone(), None, reason));
    let text = match input::read_text(path) {
        Ok(text) => text,
        Err(error) => {
            report(format!("cannot be read: {error}"));
            return None;
        }
    };
    match parse(text.trim_start_matches('\u{feff}'), |line| format!("{name}:{line}")) {
        // Only comments, perhaps after `---`.
        Ok(root) if matches!(root.kind, ValueKind::Nil) => None,
        Ok(mut root) if matches!(root.kind, ValueKind::Table(_)) => {
            remove_references("", &mut root, errors);
            Some(root)
        }
        Ok(_) => {
            report("is not a map of settings".into());
            None
        }
        Err(faults) => {
            faults.iter().for_each(|fault| report(fault.to_string()));
            None
        }
    }
}

/// References such as `${NAME}` are not expanded.
fn remove_references(key: &str, value: &mut Value, errors: &mut Vec<SettingError>) {
    match &mut value.kind {
        ValueKind::String(text) if has_reference(text) => {
            let variable = key.to_ascii_uppercase().replace('.', "__").replace('-', "_");
            let hint = if key.contains('[') {
                "write the value itself".to_owned()
            } else {
                format!("write the value itself, or set the environment variable {PREFIX}{variable}")
            };
            let reason = format!("contains `${{…}}`, and variables are not expanded in this file: {hint}");
            errors.push(SettingError::without_value(key, value.origin(), reason));
            value.kind = ValueKind::Nil;
        }
        ValueKind::Table(table) => {
            for (name, inner) in table {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                remove_references(&key, inner, errors);
            }
        }
        ValueKind::Array(items) => {
            for (index, inner) in items.iter_mut().enumerate() {
                remove_references(&format!("{key}[{index}]"), inner, errors);
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
