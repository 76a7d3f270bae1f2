use super::{Gap, RoutePart, reaches};
use crate::routing::{
    Config, HeaderValue, Match, Operator, Predicate, RouteConfig, RouteTable, UnknownEvents,
};
use justcall_events::{Dialect, Family, NamedField};

fn route(name: &str) -> RouteConfig {
    RouteConfig {
        matches: vec![Match::Pattern(name.into())],
        topics: vec!["t".into()],
        ..RouteConfig::default()
    }
}

fn when(name: &str, conditions: &[(&str, Operator)]) -> RouteConfig {
    let test = |wanted: &Operator| Predicate { operator: wanted.clone(), ignore_case: false };
    let when = conditions.iter().map(|(field, wanted)| ((*field).to_owned(), test(wanted))).collect();
    RouteConfig { when, ..route(name) }
}

fn key(name: &str, fields: &[&str]) -> RouteConfig {
    RouteConfig { key: fields.iter().map(|field| (*field).to_owned()).collect(), ..route(name) }
}

fn gaps(route: RouteConfig) -> Vec<Gap> {
    let unknown_events = UnknownEvents::Forward;
    let config = Config { prefix: "j.".into(), templates: Vec::new(), routes: vec![route], unknown_events };
    RouteTable::compile(&config).unwrap().gaps(&Dialect::ALL)
}

fn there() -> Operator {
    Operator::Exists(true)
}

/// Returns the dialects without the fields of the only setting, and the field to use instead.
fn missing(route: RouteConfig) -> Vec<(Dialect, Option<&'static str>)> {
    gaps(route).iter().map(|gap| (gap.dialect, gap.instead.map(NamedField::name))).collect()
}

#[test]
fn pointer_absent_in_one_dialect_is_a_gap_with_its_named_field() {
    use Dialect::{Documented, Live};
    for (name, pointer, expected) in [
        ("call.*", "/data/direction", vec![(Live, Some("direction"))]),
        ("call.*", "/data/call_info/direction", vec![(Documented, Some("direction"))]),
        ("call.*", "/data/from", vec![(Live, Some("from"))]),
        ("sms.*", "/data/to", vec![(Live, Some("to"))]),
        ("*", "/data/contact_number", vec![(Documented, Some("contact_number"))]),
        ("sms.*", "/data/justcall_number", vec![(Documented, Some("justcall_number"))]),
        ("call.*", "/data/recording_url", vec![(Live, Some("recording"))]),
        ("*", "/data/misspelt", vec![(Documented, None), (Live, None)]),
        ("call.*", "/data/agent_id", vec![]),
        ("sms.*", "/data/direction", vec![]),
        ("contact.created", "/data/phone", vec![]),
        ("party.started", "/data/anything", vec![]),
    ] {
        assert_eq!(missing(key(name, &[pointer])), expected, "{name} {pointer}");
        assert_eq!(missing(when(name, &[(pointer, there())])), expected, "{name} {pointer}");
    }
}

#[test]
fn named_field_absent_in_all_types_of_a_route_is_a_gap() {
    for field in NamedField::ALL {
        assert_eq!(missing(key("*", &[field.name()])), [], "{}", field.name());
    }
    assert_eq!(missing(key("sms.received", &["disposition"])), Dialect::ALL.map(|dialect| (dialect, None)));
    assert_eq!(
        missing(key("jc.call_ai_generated", &["from"])),
        [(Dialect::Live, None)],
        "it has no direction"
    );
    assert_eq!(missing(key("voicemail.received", &["direction"])), [], "it is implied");
    assert_eq!(missing(key("voicemail.received", &["contact_number"])), []);
}

#[test]
fn list_is_a_gap_only_if_a_dialect_has_none_of_its_fields() {
    assert_eq!(missing(key("call.*", &["/data/from", "/data/contact_number"])), []);
    let both = key("call.*", &["/data/none", "/data/from"]);
    assert_eq!(missing(both), [(Dialect::Live, Some("from"))]);
}

#[test]
fn field_absent_in_some_families_is_a_gap_of_these() {
    let families = |route| {
        let found = gaps(route).into_iter();
        found.map(|gap| (gap.dialect, gap.families, gap.instead)).collect::<Vec<_>>()
    };
    let direction = families(when("*", &[("/data/direction", there())]));
    assert_eq!(direction, [(Dialect::Live, vec![Family::Call], Some(NamedField::Direction))]);
    let from = families(key("*", &["/data/from"]));
    assert_eq!(from, [(Dialect::Live, vec![], Some(NamedField::From))], "no family has it");
    assert_eq!(
        families(key("*", &["/data/agent_id"])),
        [],
        "contacts have no agent in the documented dialect"
    );
    assert_eq!(families(key("*", &["direction"])), []);
}

#[test]
fn condition_on_a_spelling_of_the_other_dialect_is_a_gap() {
    let spelled = |name: &str, pointer: &str, wanted: Operator| {
        let found = gaps(when(name, &[(pointer, wanted)])).into_iter();
        found.map(|gap| (gap.dialect, gap.is_spelling, gap.instead.map(NamedField::name))).collect::<Vec<_>>()
    };
    let is = |texts: &[&str]| Operator::OneOf(texts.iter().map(|text| (*text).into()).collect());
    let begins = |text: &str| Operator::Prefix(vec![text.into()]);
    let (documented, live) = (Dialect::Documented, Dialect::Live);
    for (name, pointer, wanted, expected) in [
        ("sms.*", "/data/direction", is(&["inbound"]), vec![(live, true, Some("direction"))]),
        ("sms.*", "/data/direction", is(&["Incoming"]), vec![(documented, true, Some("direction"))]),
        ("sms.*", "/data/direction", is(&["inbound", "Incoming"]), vec![]),
        ("sms.*", "/data/direction", is(&["sideways"]), vec![]),
        ("jc.*", "/data/contact_number", begins("+1415"), vec![(live, true, Some("contact_number"))]),
        (
            "sms.*",
            "/data/contact_number",
            begins("+1415"),
            vec![(documented, false, Some("contact_number")), (live, true, Some("contact_number"))],
        ),
        ("jc.*", "/data/contact_number", begins("1415"), vec![]),
        ("jc.*", "/data/contact_number", begins("+49"), vec![]),
        ("sms.*", "/data/agent_id", is(&["23"]), vec![]),
    ] {
        assert_eq!(spelled(name, pointer, wanted), expected, "{name} {pointer}");
    }
}

#[test]
fn gap_names_setting_and_part() {
    let from = |field: &str| HeaderValue::From(vec![field.into()]);
    let headers = [("agent".into(), from("agent")), ("caller".into(), from("/data/from"))].into();
    let found = gaps(RouteConfig { headers, ..when("call.*", &[("/data/to", there())]) });
    let said: Vec<_> = found.iter().map(|gap| (gap.route, gap.at.as_str(), gap.part)).collect();
    let expected = [
        (0, "routes[0].when./data/to", RoutePart::Condition),
        (0, "routes[0].headers.caller", RoutePart::Header),
    ];
    assert_eq!(said, expected);
}

#[test]
fn condition_that_holds_without_its_field_is_not_a_gap() {
    assert_eq!(missing(when("call.*", &[("/data/call_info", Operator::Exists(false))])), []);
}

#[test]
fn dialect_excluded_by_the_envelope_has_no_gaps() {
    let live = ("/webhook_url", there());
    assert_eq!(missing(when("call.*", &[live.clone(), ("/data/call_info/direction", there())])), []);
    assert_eq!(
        missing(when("call.*", &[("/event", Operator::Exists(false)), ("/data/call_info/type", there())])),
        []
    );
    let documented = missing(when("call.*", &[live, ("/data/direction", there())]));
    assert_eq!(documented, [(Dialect::Live, Some("direction"))]);
    let misspelt = missing(when("call.*", &[("/evnt", there())]));
    assert_eq!(misspelt, [(Dialect::Documented, None), (Dialect::Live, None)]);
}

#[test]
fn pointers_may_lead_into_empty_sample_values() {
    let body = serde_json::json!({ "a": { "b/c": [{ "d": 1 }] }, "open": {}, "list": [], "none": null });
    for (pointer, expected) in [
        ("/a", true),
        ("/a/b~1c/0/d", true),
        ("/a/b~1c/7/d", true),
        ("/a/b~1c/d", false),
        ("/a/b~1c/0/d/e", false),
        ("/a/x", false),
        ("/open/x", true),
        ("/list/0/x", true),
        ("/none/x", true),
        ("/x", false),
    ] {
        assert_eq!(reaches(&body, pointer), expected, "{pointer}");
    }
}
