use crate::routing::{
    Config, HeaderValue, Match, Operator, Predicate, RouteConfig, RouteTable, RouteTemplate, UnknownEvents,
};
use justcall_events::{Family, KnownType};
use std::collections::BTreeMap;

fn route(pattern: &str, topics: &[&str]) -> RouteConfig {
    RouteConfig {
        matches: vec![Match::Pattern(pattern.into())],
        topics: topics.iter().map(|topic| (*topic).into()).collect(),
        ..RouteConfig::default()
    }
}

fn with_key(key: &str) -> RouteConfig {
    RouteConfig { key: vec!["/data/id".into(), key.into()], ..route("*", &["t"]) }
}

fn with_header(name: &str, value: &str) -> RouteConfig {
    RouteConfig {
        headers: BTreeMap::from([(name.into(), HeaderValue::Text(value.into()))]),
        ..route("*", &["t"])
    }
}

fn config(prefix: &str, routes: Vec<RouteConfig>) -> Config {
    Config { prefix: prefix.into(), templates: Vec::new(), routes, unknown_events: UnknownEvents::Forward }
}

fn problems(config: &Config) -> Vec<String> {
    RouteTable::compile(config)
        .map(|_| Vec::new())
        .unwrap_or_else(|all| all.iter().map(ToString::to_string).collect())
}

#[test]
fn invalid_route_is_reported_with_its_error() {
    let long = "x".repeat(240);
    let cases = [
        (RouteConfig { matches: Vec::new(), ..route("*", &["t"]) }, "routes[0].match: is empty"),
        (route("*", &[]), "routes[0].topics: is empty"),
        (route("call.**", &["t"]), "routes[0].match[0]: `*` matches a whole segment"),
        (route("*", &["t", "{event}"]), "routes[0].topics[1]: `{event}` needs fixed text"),
        (route("*", &["t.{type}"]), "routes[0].topics[0]: `{type}` is not a placeholder"),
        (route("*", &["no spaces"]), "routes[0].topics[0]: the topic `no spaces` contains ' '"),
        (route("*", &[".."]), "routes[0].topics[0]: the topic `..`"),
        (route("*", &[""]), "routes[0].topics[0]: a topic name is empty"),
        (route("call.*", &[&format!("{long}{{event}}")]), "is longer than 249"),
        (route("*", &["t", "u", "t"]), "routes[0].topics[2]: the topic `t` is twice in this route"),
        (
            route("call.missed", &["t.{event}", "t.call.missed"]),
            "routes[0].topics[1]: the topic `t.call.missed`",
        ),
        (route("call.new", &["t.{family}", "t.call"]), "routes[0].topics[1]: the topic `t.call` is twice"),
        (with_key("data/id"), "routes[0].key[1]: is neither a JSON pointer"),
        (with_key(""), "routes[0].key[1]: is neither a JSON pointer"),
        (with_key("Direction"), "nor a named field, which is one of `direction`, `from`, `to`, `agent`"),
        (with_header("", "x"), "routes[0].headers.: a header's name is empty"),
        (with_header(&"n".repeat(256), "x"), "longer than 255 bytes"),
        (with_header("CE_team", "x"), "routes[0].headers.CE_team: header names that begin with `ce_`"),
        (with_header("dlq_reason", "x"), "begin with `ce_`, `dlq_` or"),
        (with_header("Content-Type", "x"), "the bridge writes itself"),
        (with_header("traceparent", "x"), "the bridge writes itself"),
        (with_header("Justcall-Violations", "x"), "or `justcall-` are"),
        (with_header("team", &"x".repeat(8192)), "routes[0].headers: are larger than 8192 bytes"),
    ];
    for (route, fault) in cases {
        let found = problems(&config("justcall.", vec![route]));
        assert!(matches!(&found[..], [one] if one.contains(fault)), "{fault}: {found:?}");
    }
}

#[test]
fn prefix_of_illegal_topic_names_is_refused() {
    for (prefix, fault) in [
        ("", "is empty"),
        ("just call.", "contains ' '"),
        ("j.{event}", "contains '{'"),
        (&"x".repeat(230), "is longer than 249"),
    ] {
        let found = problems(&config(prefix, Vec::new()));
        assert!(
            matches!(&found[..], [one] if one.starts_with("topics.prefix: ") && one.contains(fault)),
            "{found:?}"
        );
    }
}

#[test]
fn all_errors_are_reported_at_once() {
    let found = problems(&config("", vec![route("", &["{event}"]), with_key("x"), route("*", &["fine"])]));
    let keys: Vec<_> = found.iter().filter_map(|each| each.split(':').next()).collect();
    assert_eq!(keys, ["topics.prefix", "routes[0].match[0]", "routes[0].topics[0]", "routes[1].key[1]"]);
}

#[test]
fn topic_length_counts_only_for_reachable_names() {
    // After 230 characters, `contact.created` fits and `whatsapp.message_status_updated` does not.
    let template = format!("{}.{{event}}", "x".repeat(230));
    assert_eq!(problems(&config("j.", vec![route("contact.created", &[&template])])), [""; 0]);
    assert_eq!(problems(&config("j.", vec![route("whatsapp.*", &[&template])])).len(), 1);
}

#[test]
fn family_and_header_at_their_limits_are_accepted() {
    let by_family = RouteConfig { matches: vec![Match::Family(Family::Call)], ..route("*", &["t"]) };
    let routes = vec![
        by_family,
        RouteConfig { continues: Some(true), ..with_header(&"n".repeat(255), "x") },
        with_header("team", ""),
    ];
    assert_eq!(problems(&config("justcall.", routes)), [""; 0]);
}

fn template(name: &str, route: RouteConfig) -> RouteTemplate {
    RouteTemplate { name: name.into(), route }
}

fn uses(name: &str) -> RouteConfig {
    RouteConfig { template: Some(name.into()), ..RouteConfig::default() }
}

#[test]
fn template_fills_unset_fields() {
    let voice =
        RouteConfig { continues: Some(true), key: vec!["/data/a".into()], ..with_header("team", "voice") };
    let routes = vec![
        RouteConfig { topics: vec!["mine".into()], ..uses("voice") },
        RouteConfig { continues: Some(false), headers: with_header("team", "own").headers, ..uses("voice") },
    ];
    let config = Config { templates: vec![template("voice", voice)], ..config("j.", routes) };
    let table = RouteTable::compile(&config).unwrap();
    let taken: Vec<_> = table
        .destinations()
        .filter(|(known, _)| *known == Some(KnownType::CallMissed))
        .map(|(_, to)| {
            let team = to.headers.fixed.get("team").unwrap();
            (to.topics.join(" "), to.key[0].text().to_owned(), String::from_utf8_lossy(team).into_owned())
        })
        .collect();
    let expected = [("mine", "/data/a", "voice"), ("t", "/data/a", "own")];
    assert_eq!(taken, expected.map(|(topic, key, team)| (topic.into(), key.into(), team.into())));
}

#[test]
fn errors_name_the_template_or_the_route() {
    let bad =
        RouteConfig { topics: vec!["{event}".into()], key: vec!["id".into()], ..with_header("ce_a", "x") };
    let routes =
        vec![RouteConfig { topics: vec!["no spaces".into()], ..uses("bad") }, uses("gone"), uses("bad")];
    let config = Config { templates: vec![template("bad", bad)], ..config("j.", routes) };
    let keys: Vec<_> =
        problems(&config).iter().map(|each| each.split(':').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(
        keys,
        [
            "route_templates.bad.key[0]",
            "route_templates.bad.headers.ce_a",
            "routes[0].topics[0]",
            "routes[1].use",
            "routes[1].match",
            "routes[1].topics",
            "route_templates.bad.topics[0]",
        ]
    );
}

#[test]
fn route_that_drops_has_no_other_settings() {
    let dropping = RouteConfig { drop: Some(true), continues: Some(true), ..with_key("/data/a") };
    let found = problems(&config("j.", vec![dropping]));
    let keys: Vec<_> = found.iter().filter_map(|each| each.split(':').next()).collect();
    assert_eq!(keys, ["routes[0].topics", "routes[0].key", "routes[0].continue"]);
    let only = RouteConfig { drop: Some(true), ..route("*", &[]) };
    assert_eq!(problems(&config("j.", vec![only])), [""; 0]);
    let not_dropping = RouteConfig { drop: Some(false), ..route("*", &[]) };
    assert_eq!(problems(&config("j.", vec![not_dropping])).len(), 1, "topics are empty");
}

#[test]
fn conditions_and_pointed_headers_are_checked() {
    let test = Predicate { operator: Operator::OneOf(Vec::new()), ignore_case: false };
    let when =
        |pointer: &str| RouteConfig { when: [(pointer.into(), test.clone())].into(), ..route("*", &["t"]) };
    let from = |pointers: &[&str]| {
        let pointers = pointers.iter().map(|text| (*text).into()).collect();
        RouteConfig { headers: [("h".into(), HeaderValue::From(pointers))].into(), ..route("*", &["t"]) }
    };
    let many: BTreeMap<_, _> =
        (0..8).map(|at| (format!("h{at}"), HeaderValue::From(vec!["/data/a".into()]))).collect();
    for (route, fault) in [
        (when("data/a"), "routes[0].when.data/a: is neither a JSON pointer"),
        (when("/data/a"), "routes[0].when./data/a: is an empty list"),
        (when("caller"), "routes[0].when.caller: is neither a JSON pointer"),
        (when("direction"), "routes[0].when.direction: is an empty list"),
        (from(&[]), "routes[0].headers.h: `from` is empty"),
        (from(&["/a", "b"]), "routes[0].headers.h: is neither a JSON pointer"),
        (
            RouteConfig { headers: many, ..route("*", &["t"]) },
            "routes[0].headers: are larger than 8192 bytes",
        ),
    ] {
        let found = problems(&config("j.", vec![route]));
        assert!(matches!(&found[..], [one] if one.contains(fault)), "{fault}: {found:?}");
    }
}

#[test]
fn header_error_names_the_route_without_template_headers() {
    let quiet = RouteConfig { drop: Some(true), ..RouteConfig::default() };
    let loud = RouteConfig {
        matches: route("*", &[]).matches,
        headers: with_header("a", "x").headers,
        ..uses("quiet")
    };
    let config = Config { templates: vec![template("quiet", quiet)], ..config("j.", vec![loud]) };
    let Err(found) = RouteTable::compile(&config) else { panic!("a header of nothing") };
    assert_eq!(found[0].at, "routes[0].headers");
    assert_eq!(found[0].others, ["route_templates.quiet.drop"]);
}

#[test]
fn topics_ignore_types_of_earlier_routes() {
    let both = &["j.{event}", "j.call.missed"];
    let taken = vec![route("call.missed", &["m"]), route("call.*", both)];
    assert_eq!(problems(&config("j.", taken)), [""; 0]);
    let on = RouteConfig { continues: Some(true), ..route("call.missed", &["m"]) };
    assert_eq!(problems(&config("j.", vec![on, route("call.*", both)])).len(), 1, "it comes here too");
}
