use crate::routing::{
    Config, Match, Operator, Predicate, RouteConfig, RouteError, RouteTable, UnknownEvents,
};
use justcall_events::Family;

fn route(matches: &[&str], topic: &str) -> RouteConfig {
    RouteConfig {
        matches: matches.iter().map(|text| Match::Pattern((*text).into())).collect(),
        topics: vec![topic.into()],
        ..RouteConfig::default()
    }
}

fn when(route: RouteConfig, text: &str) -> RouteConfig {
    let test = Predicate { operator: Operator::OneOf(vec![text.into()]), ignore_case: false };
    RouteConfig { when: [("/data/a".into(), test)].into(), ..route }
}

fn problems(routes: Vec<RouteConfig>, unknown_events: UnknownEvents) -> Vec<RouteError> {
    let config = Config { prefix: "j.".into(), templates: Vec::new(), routes, unknown_events };
    RouteTable::compile(&config).err().unwrap_or_default()
}

fn shadowed(routes: Vec<RouteConfig>, unknown_events: UnknownEvents) -> Vec<(String, Vec<String>)> {
    problems(routes, unknown_events).into_iter().map(|problem| (problem.at, problem.others)).collect()
}

fn shadow(at: usize, others: &[usize]) -> Vec<(String, Vec<String>)> {
    let name = |index: &usize| format!("routes[{index}]");
    vec![(name(&at), others.iter().map(name).collect())]
}

#[test]
fn shadowed_route_is_reported_with_earlier_routes() {
    use UnknownEvents::{DeadLetter, Forward};
    let call = || route(&["call.*"], "calls");
    let by_family = |family| RouteConfig { matches: vec![Match::Family(family)], ..call() };
    assert_eq!(shadowed(vec![route(&["*"], "all"), call()], Forward), shadow(1, &[0]));
    assert_eq!(shadowed(vec![call(), route(&["call.missed"], "m")], Forward), shadow(1, &[0]));
    assert_eq!(shadowed(vec![call(), route(&["call.new"], "m")], Forward), shadow(1, &[0]));
    assert_eq!(
        shadowed(
            vec![
                route(&["call.missed"], "a"),
                route(&["sms.sent"], "b"),
                route(&["sms.sent", "call.missed"], "c")
            ],
            Forward
        ),
        shadow(2, &[0, 1])
    );
    assert_eq!(shadowed(vec![by_family(Family::Call), call()], Forward), shadow(1, &[0]));
    let plain = vec![route(&["call.missed"], "a"), route(&["call.missed"], "b")];
    assert_eq!(shadowed(plain, DeadLetter), shadow(1, &[0]));
    assert_eq!(shadowed(vec![when(call(), "x"), when(call(), "x")], Forward), shadow(1, &[0]));
    assert_eq!(shadowed(vec![call(), when(call(), "x")], Forward), shadow(1, &[0]));
    let dropping = RouteConfig { drop: Some(true), topics: Vec::new(), ..call() };
    assert_eq!(shadowed(vec![dropping, call()], Forward), shadow(1, &[0]));
}

#[test]
fn reachable_routes_are_accepted() {
    use UnknownEvents::{DeadLetter, Forward};
    let call = || route(&["call.*"], "calls");
    let by_family = RouteConfig { matches: vec![Match::Family(Family::Call)], ..call() };
    let on = RouteConfig { continues: Some(true), ..call() };
    for routes in [
        vec![call(), route(&["*"], "all")],
        vec![call(), by_family.clone()],
        vec![on, route(&["call.missed"], "m")],
        vec![when(call(), "x"), when(call(), "y")],
        vec![when(call(), "x"), call()],
        vec![route(&["call.missed"], "a"), call()],
        vec![route(&["*.sent"], "a"), route(&["sms.*"], "b")],
    ] {
        assert_eq!(shadowed(routes, Forward), []);
    }
    // With `dead_letter`, wildcards take known types only.
    let known: Vec<_> = justcall_events::KnownType::ALL.iter().map(|known| known.name()).collect();
    let calls: Vec<_> = known.into_iter().filter(|name| name.starts_with("call.")).collect();
    assert_eq!(shadowed(vec![route(&calls, "a"), call()], DeadLetter), shadow(1, &[0]));
    assert_eq!(shadowed(vec![route(&calls, "a"), call()], Forward), []);
}

#[test]
fn route_for_an_impossible_type_is_reported() {
    let found = problems(vec![route(&["fax.*"], "fax")], UnknownEvents::DeadLetter);
    assert!(matches!(&found[..], [one] if one.at == "routes[0]" && one.reason.contains("takes no event")));
    assert_eq!(problems(vec![route(&["fax.*"], "fax")], UnknownEvents::Forward), []);
}

#[test]
fn colliding_topics_are_reported_with_both_settings() {
    let routes =
        vec![route(&["call.*"], "a.b_c"), route(&["sms.*"], "a_b.c"), route(&["contact.*"], "j_call.missed")];
    let found = problems(routes, UnknownEvents::Forward);
    let places: Vec<_> = found.iter().map(|each| (each.at.as_str(), each.others[0].as_str())).collect();
    // `call.missed` has a route, so that no event goes to `j.call.missed`.
    assert_eq!(places, [("routes[1].topics[0]", "routes[0].topics[0]")]);
    assert!(found[0].reason.contains("`a_b.c` differs from `a.b_c`"), "{}", found[0]);
    let against_rest = problems(vec![route(&["contact.*"], "j_unknown")], UnknownEvents::Forward);
    assert_eq!(
        (against_rest[0].at.as_str(), &*against_rest[0].others),
        ("topics.prefix", &["routes[0].topics[0]".to_owned()][..])
    );
}

#[test]
fn dead_letters_need_a_topic_of_their_own() {
    let config = Config {
        prefix: "j.".into(),
        templates: Vec::new(),
        routes: vec![route(&["call.*"], "calls.in")],
        unknown_events: UnknownEvents::Forward,
    };
    let table = RouteTable::compile(&config).unwrap();
    let others = |topic: &str| -> Vec<_> {
        table.check_dead_letters(topic).into_iter().flat_map(|problem| problem.others).collect()
    };
    assert_eq!(others("calls.in"), ["routes[0].topics[0]"]);
    assert_eq!(others("calls_in"), ["routes[0].topics[0]"]);
    assert_eq!(others("j.unknown"), ["topics.prefix"]);
    assert_eq!(others("calls-in"), [""; 0]);
}
