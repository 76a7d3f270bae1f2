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
