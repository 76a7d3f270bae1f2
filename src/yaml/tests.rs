use super::{YamlError, YamlValue, parse, string};
use std::rc::Rc;
use yaml_rust2::YamlEmitter;

#[test]
fn several_documents_and_keys_that_are_not_texts_are_refused() {
    for (text, expected) in [
        ("a: 1\n---\nb: 2", "second YAML document in line 2"),
        ("? [a]\n: 1", "key in line 1"),
        ("a: 1\n? { a: 1 }\n: 1", "key in line 2"),
        ("~: 1", "key in line 1"),
    ] {
        let errors = parse(text).unwrap_err();
        assert!(matches!(&errors[..], [error] if error.to_string().contains(expected)), "{text}: {errors:?}");
    }
}

#[test]
fn texts_and_faults_are_limited() {
    let errors = parse(&"#".repeat((4 << 20) + 1)).unwrap_err();
    assert!(matches!(errors[..], [YamlError::TooLong]), "{errors:?}");
    assert!(parse(&"#".repeat(4 << 20)).is_ok());
    for text in ["a: 1\n".repeat(1000), "- .inf\n".repeat(1000)] {
        assert_eq!(parse(&text).unwrap_err().len(), 100);
    }
}

#[test]
fn every_spelling_of_null_is_null() {
    for text in ["null", "Null", "NULL", "~", ""] {
        let Ok(Some(root)) = parse(&format!("a: {text}")) else { panic!("{text}") };
        let YamlValue::Map(entries) = &*root.value else { panic!("{text}") };
        assert!(matches!(*entries[0].1.value, YamlValue::Null), "{text}");
    }
}

#[test]
fn nested_values_are_limited_to_64_levels() {
    let nested = |levels: usize, inner: &str| "[".repeat(levels) + inner + &"]".repeat(levels);
    assert!(parse(&nested(64, "x")).is_ok());
    let aliases = format!("a: &a {}\nb: {}\n", nested(40, "x"), nested(23, "*a"));
    assert!(parse(&aliases).is_ok());
    for (text, line) in [
        ("a:\n - ".to_owned() + &"- ".repeat(6000), 2),
        ("? ".repeat(6000), 1),
        (nested(65, "x"), 1),
        (aliases.replace("[*a]", "[[*a]]"), 2),
    ] {
        let errors = parse(&text).unwrap_err();
        assert!(matches!(errors[..], [YamlError::TooDeep(found)] if found == line), "{errors:?}");
    }
    // The scanner has its own limit.
    for open in ["[", "{", "[{a: "] {
        assert!(parse(&open.repeat(6000)).is_err(), "{open}");
    }
}

#[test]
fn an_alias_shares_the_value_of_its_anchor() {
    let text = format!("a: &a [&b [&c [{}]]]\nd: [*a, *b]\ne: *c\n", ["x"; 1000].join(", "));
    let YamlValue::Map(entries) = &*parse(&text).unwrap().unwrap().value else { panic!("is a map") };
    let items = |value: &YamlValue| match value {
        YamlValue::List(items) => items.clone(),
        other => panic!("{other:?}"),
    };
    let [a, d, e] = &entries[..] else { panic!("{entries:?}") };
    let (inner, aliases) = (items(&a.1.value), items(&d.1.value));
    assert!(Rc::ptr_eq(&a.1.value, &aliases[0].value) && Rc::ptr_eq(&inner[0].value, &aliases[1].value));
    assert!(Rc::ptr_eq(&items(&inner[0].value)[0].value, &e.1.value));
}

#[test]
fn copies_of_a_long_text_are_limited() {
    let text =
        |count: usize| format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; count].join(", "));
    assert!(parse(&text(90)).is_ok());
    let errors = parse(&text(100)).unwrap_err();
    assert!(matches!(errors[..], [YamlError::TooManyValues]), "{errors:?}");
}

#[test]
fn an_alias_within_its_own_value_is_refused() {
    let errors = parse("a: 1\nb: &b [*b]\n").unwrap_err();
    assert!(matches!(errors[..], [YamlError::Cycle(2)]), "{errors:?}");
}

#[test]
fn control_character_is_refused_with_its_line() {
    for text in ["a: 1\nb: 2\0\0c: [[[", "a: 1\n\0", "a: 1\nb: \x1b", "a: 1\n# \u{9b}"] {
        let errors = parse(text).unwrap_err();
        assert!(matches!(errors[..], [YamlError::ControlCharacter(2)]), "{text:?}: {errors:?}");
    }
    assert!(parse("a:\r\n  \u{85}b: 1\t\n").is_ok());
}

#[test]
fn aliases_of_aliases_are_refused_before_they_take_memory() {
    let level = |n: usize| format!("l{n}: &l{n} [{}]\n", vec![format!("*l{}", n - 1); 10].join(", "));
    let text = |levels: usize| "l0: &l0 [x]\n".to_owned() + &(1..=levels).map(level).collect::<String>();
    assert!(parse(&text(3)).is_ok());
    for levels in [5, 30] {
        let errors = parse(&text(levels)).unwrap_err();
        assert!(matches!(errors[..], [YamlError::TooManyValues]), "{levels}: {errors:?}");
    }
}

#[test]
fn an_alias_is_compared_with_other_keys() {
    let errors = parse("a: &name b\nc:\n  *name : 1\n  b: 2\n").unwrap_err();
    assert_eq!(errors[0].to_string(), "is not valid YAML: it sets `c.b` twice, in line 3 and in line 4");
}

#[test]
fn characters_that_output_escapes_are_written_as_escapes_of_yaml() {
    for text in ["a\u{202e}b", "\u{2028}", "\u{2029}\"\\", "\u{feff}", "\u{1b}[2J", "\u{85}"] {
        let mut printed = String::new();
        YamlEmitter::new(&mut printed).dump(&string(text)).unwrap();
        assert!(printed.chars().all(|c| c.is_ascii_graphic() || c == '\n'), "{printed:?}");
        let value = parse(&printed).unwrap().unwrap().value;
        assert!(matches!(&*value, YamlValue::Scalar(written, _) if written == text), "{value:?}");
    }
}
