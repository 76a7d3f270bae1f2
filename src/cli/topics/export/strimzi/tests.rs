use super::*;
use proptest::prelude::*;

#[test]
fn valid_kubernetes_name_is_kept() {
    for name in ["justcall.call.completed", "justcall.dead-letter", "a", "0.1-2", &"a".repeat(249)] {
        assert_eq!(resource_name(name), name);
    }
}

#[test]
fn other_names_stay_readable_and_distinct() {
    let name = resource_name("JustCall.call_completed");
    assert!(name.starts_with("justcall.call-completed-"), "{name}");
    let mut names: Vec<_> = ["a_b", "a_B", "A.b", "_a.b", "a..b", "a.b_", "-a-b", "a.-b", "___", "...x", "_"]
        .map(resource_name)
        .to_vec();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 11, "{names:?}");
}

#[test]
fn invalid_kubernetes_names_are_recognized() {
    for name in ["", "A", "a_b", "-a", "a-", "a.", ".a", "a..b", "a.-b", "ä", &"a".repeat(254)] {
        assert!(!is_kubernetes_name(name), "{name:?}");
    }
}

proptest! {
    #[test]
    fn every_topic_has_a_valid_kubernetes_name(topic in "[a-zA-Z0-9._-]{1,249}") {
        let name = resource_name(&topic);
        prop_assert!(is_kubernetes_name(&name), "{name}");
    }

    #[test]
    fn different_topics_have_different_names(one in "[aA._-]{1,6}", other in "[aA._-]{1,6}") {
        prop_assert_eq!(one == other, resource_name(&one) == resource_name(&other));
    }
}
