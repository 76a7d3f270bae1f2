use std::collections::BTreeMap;

pub(super) const PREFIX: &str = "JUSTCALL_BRIDGE__";

pub(super) fn path_of(key: &str) -> Vec<String> {
    match key.splitn(3, '.').collect::<Vec<_>>()[..] {
        [section, map, rest] if is_open_map(section, map) || is_header_map(section, map) => {
            [section, map, rest].map(str::to_owned).into()
        }
        _ => key.split('.').map(str::to_owned).collect(),
    }
}

/// An underscore in a variable's name replaces dots and dashes.
pub(super) fn path_of_variable(key: &str) -> Vec<String> {
    let mut path: Vec<_> = key.to_ascii_lowercase().split("__").map(str::to_owned).collect();
    if path.iter().any(String::is_empty) {
        return path;
    }
    match &mut path[..] {
        [section, map, rest @ ..] if is_open_map(section, map) && !rest.is_empty() => {
            let key = rest.join("_").replace('_', ".");
            path.splice(2.., [key]);
        }
        [section, map, header] if is_header_map(section, map) => *header = header.replace('_', "-"),
        [section, source, ..] if section == "sources" => *source = source.replace('_', "-"),
        _ => {}
    }
    path
}

pub(super) fn duplicates<'n>(variables: impl Iterator<Item = &'n str>) -> Vec<(String, [&'n str; 2])> {
    let mut names = BTreeMap::new();
    let mut duplicates = Vec::new();
    for name in variables {
        let Some(key) = name.strip_prefix(PREFIX) else { continue };
        let path = path_of_variable(key);
        if let Some(other) = names.insert(path.clone(), name) {
            duplicates.push((path.join("."), [other, name]));
        }
    }
    duplicates
}

/// `None` if no variable can name the setting.
pub(super) fn variable_for(path: &[String]) -> Option<String> {
    let name = path.join("__").to_ascii_uppercase().replace(['.', '-'], "_");
    (path_of_variable(&name) == path).then(|| format!("{PREFIX}{name}"))
}

/// Returns whether the keys of a map are not the bridge's and contain dots.
fn is_open_map(section: &str, map: &str) -> bool {
    matches!((section, map), ("kafka", "properties" | "properties_files") | ("topics", "config"))
}

fn is_header_map(section: &str, map: &str) -> bool {
    matches!((section, map), ("telemetry", "otlp_headers" | "otlp_headers_files"))
}
