use super::{Template, check_topic_name};
use justcall_events::{Family, KnownType};

#[test]
fn placeholders_say_what_is_known_and_nothing_a_body_says() {
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
        assert_eq!(Template::parse(template).unwrap().expand(known, family), expected, "{template}");
    }
}

#[test]
fn a_malformed_template_is_named_with_its_fault() {
    let cases = [
        ("{event}", "needs fixed text"),
        ("{family}.calls", "needs fixed text"),
        ("j.{evnt}", "`{evnt}` is no placeholder"),
        ("j.{}", "is no placeholder"),
        ("j.{event", "not closed"),
    ];
    for (template, fault) in cases {
        let reason = Template::parse(template).unwrap_err();
        assert!(reason.contains(fault), "{template}: {reason}");
    }
}

#[test]
fn topic_names_are_held_to_kafkas_rules() {
    for legal in ["a", "a.b_c-D9", "...", &"x".repeat(249)] {
        assert_eq!(check_topic_name(legal), Ok(()), "{legal}");
    }
    for illegal in ["", ".", "..", "a b", "a/b", "é", "a}", &"x".repeat(250), "__consumer_offsets"] {
        assert!(check_topic_name(illegal).is_err(), "{illegal}");
    }
}
