use config::{Value, ValueKind};

/// Key such as `routes[2].topics[0]`. An index into a single value finds that value, because a list of one
/// may be written without brackets.
pub(super) fn value_at<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    if key.is_empty() {
        return Some(value);
    }
    match &value.kind {
        ValueKind::Table(table) => table.iter().find_map(|(name, inner)| {
            let rest = key.strip_prefix(name.as_str())?;
            let is_whole_name = rest.is_empty() || rest.starts_with(['.', '[']);
            is_whole_name.then(|| value_at(inner, rest.strip_prefix('.').unwrap_or(rest)))?
        }),
        ValueKind::Array(items) => {
            let (index, rest) = key.strip_prefix('[')?.split_once(']')?;
            value_at(items.get(index.parse::<usize>().ok()?)?, rest.strip_prefix('.').unwrap_or(rest))
        }
        _ => key.starts_with('[').then_some(value),
    }
}

/// Returns the keys of the first value that `is_match` accepts, without empty values.
pub(super) fn find_path(value: &Value, is_match: &impl Fn(&[String]) -> bool) -> Option<Vec<String>> {
    find_below(&mut Vec::new(), value, is_match)
}

fn find_below(
    path: &mut Vec<String>,
    value: &Value,
    is_match: &impl Fn(&[String]) -> bool,
) -> Option<Vec<String>> {
    match &value.kind {
        ValueKind::Table(table) => table.iter().find_map(|(name, inner)| {
            path.push(name.clone());
            let found = find_below(path, inner, is_match);
            path.pop();
            found
        }),
        ValueKind::Nil => None,
        ValueKind::String(text) if text.is_empty() => None,
        ValueKind::Array(items) if items.is_empty() => None,
        _ => is_match(path).then(|| path.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::value_at;
    use crate::config::yaml::parse;

    #[test]
    fn a_key_finds_its_value_through_dots_and_indices() {
        let root = parse("a: { b.c: 1, b: { d: 2 }, e: [x, { f: y }] }\ng: one", |_| String::new()).unwrap();
        let found = |key| value_at(&root, key).map(ToString::to_string);
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
