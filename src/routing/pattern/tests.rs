use super::Pattern;
use proptest::prelude::*;

fn matches(pattern: &str, name: &str) -> bool {
    Pattern::parse(pattern).unwrap().matches(name)
}

#[test]
fn star_is_one_segment_or_the_rest_at_the_end() {
    let cases = [
        ("call.completed", "call.completed", true),
        ("call.completed", "call.completed.late", false),
        ("call.completed", "call", false),
        ("call.*", "call.completed", true),
        ("call.*", "call.completed.late", true),
        ("call.*", "call", false),
        ("call.*", "caller.completed", false),
        ("*.received", "sms.received", true),
        ("*.received", "a.sms.received", false),
        ("*.received", "received", false),
        ("a.*.c", "a.b.c", true),
        ("a.*.c", "a.b.b.c", false),
        ("*.*", "a", false),
        ("*.*", "a.b.c", true),
        ("*", "a", true),
        ("*", "a.b.c", true),
        ("*", "", true),
        ("CALL.*", "call.completed", false),
    ];
    for (pattern, name, expected) in cases {
        assert_eq!(matches(pattern, name), expected, "{pattern} on {name}");
    }
}

#[test]
fn malformed_pattern_is_refused() {
    let cases = [
        ("", "is empty"),
        ("call.miss*", "whole segment"),
        ("**", "whole segment"),
        ("call..missed", "empty segment"),
        (".missed", "empty segment"),
        ("call.", "empty segment"),
        ("call. missed", "white space"),
        ("call\n", "white space"),
        (&"x".repeat(257), "longer than 256"),
    ];
    for (pattern, fault) in cases {
        let reason = Pattern::parse(pattern).unwrap_err();
        assert!(reason.contains(fault), "{pattern}: {reason}");
    }
}

/// Reference implementation.
fn reference(pattern: &[&str], name: &[&str]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (["*"], [_, ..]) => true,
        ([first, pattern @ ..], [found, name @ ..]) => {
            (*first == "*" || first == found) && reference(pattern, name)
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn pattern_agrees_with_the_reference(
        pattern in prop::collection::vec(prop::sample::select(vec!["a", "b", "*"]), 1..5),
        name in prop::collection::vec(prop::sample::select(vec!["a", "b", "c", ""]), 1..6),
    ) {
        let compiled = Pattern::parse(&pattern.join(".")).unwrap();
        prop_assert_eq!(compiled.matches(&name.join(".")), reference(&pattern, &name));
    }

    #[test]
    fn matching_names_have_the_fixed_prefix(
        pattern in prop::collection::vec(prop::sample::select(vec!["a", "b", "*"]), 1..4),
        name in "[abc]\\.[abc]\\.[abc]",
    ) {
        let compiled = Pattern::parse(&pattern.join(".")).unwrap();
        prop_assert!(!compiled.matches(&name) || name.starts_with(compiled.fixed_prefix()));
    }
}
