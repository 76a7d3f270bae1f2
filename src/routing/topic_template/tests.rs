use super::{TopicTemplate, check_topic_name};
use justcall_events::{Family, KnownType};

#[test]
fn placeholder_of_an_unknown_type_is_unknown() {
    let missed = (Some(KnownType::CallMissed), Some(Family::Call));
    let new_sms = (None, Some(Family::Sms));
    let strange = (None, None);
    let cases = [
        ("calls", missed, "calls"),
        ("j.{event}", missed, "j.call.missed"),
        ("j.{event}", new_sms, "j.unknown"),
        ("j.{family}", missed, "j.call"),
        ("j.{family}", new_sms, "j.sms"),
        ("j.{family}", strange, "j.unknown"),
        ("j.{family}.{event}.v1", missed, "j.call.call.missed.v1"),
        ("j-{family}{event}", strange, "j-unknownunknown"),
    ];
    for (template, (known, family), expected) in cases {
        assert_eq!(TopicTemplate::parse(template).unwrap().expand(known, family), expected, "{template}");
    }
}

#[test]
fn malformed_template_is_refused() {
    let cases = [
        ("{event}", "needs fixed text"),
        ("{family}.calls", "needs fixed text"),
        ("j.{evnt}", "`{evnt}` is not a placeholder"),
        ("j.{}", "is not a placeholder"),
        ("j.{event", "not closed"),
    ];
    for (template, fault) in cases {
        let reason = TopicTemplate::parse(template).unwrap_err();
        assert!(reason.contains(fault), "{template}: {reason}");
    }
}

#[test]
fn topic_names_follow_kafkas_rules() {
    for legal in ["a", "a.b_c-D9", "...", &"x".repeat(249)] {
        assert_eq!(check_topic_name(legal), Ok(()), "{legal}");
    }
    for illegal in ["", ".", "..", "a b", "a/b", "é", "a}", &"x".repeat(250), "__consumer_offsets"] {
        assert!(check_topic_name(illegal).is_err(), "{illegal}");
    }
}
