use super::{ReloadPlan, list_changes};
use crate::config::{Settings, SettingsInput};
use crate::routing::{Match, RouteConfig};
use std::time::{Duration, Instant};

fn settings(given: &[&str]) -> Settings {
    Settings::load(&SettingsInput::given(given)).unwrap()
}

fn reload(before: &[&str], after: &[&str]) -> ReloadPlan {
    settings(before).plan_reload(&settings(after)).unwrap_or_else(|errors| panic!("{errors}"))
}

const ROUTES: &str = r#"routes=[{"match":"call.*","topics":"a"},{"match":"sms.*","when":{"/data/from":"+15550100"},"topics":"b"}]"#;

#[test]
fn same_settings_are_no_difference() {
    let ReloadPlan { settings: after, changed, pending_restart, .. } = reload(&[ROUTES], &[ROUTES]);
    assert_eq!((changed, pending_restart), (vec![], vec![]));
    assert!(after == settings(&[ROUTES]));
}

#[test]
fn changes_that_need_no_restart_are_applied_and_listed() {
    let after = [
        r#"routes=[{"match":"call.missed","topics":"m"},{"match":"call.*","topics":"a"},{"match":"sms.*","when":{"/data/from":"+15550199"},"topics":"b"}]"#,
        "unknown_events=dead_letter",
        "topics.partitions=6",
        "sources.main.validation=strict",
        "topics.config.retention.ms=1000",
    ];
    let ReloadPlan { settings: in_force, changed, pending_restart, .. } =
        reload(&[ROUTES, "sources.main.validation=documented"], &after);
    assert!(in_force == settings(&after));
    assert_eq!(pending_restart, [""; 0]);
    assert_eq!(
        changed,
        [
            "sources.main.validation: documented -> strict",
            "topics.config.retention.ms: nothing -> 1000",
            "topics.partitions: nothing -> 6",
            "unknown_events: forward -> dead_letter",
            "+ routes[0]: match [call.missed], topics [m]",
            "- routes[1]: match [sms.*], when [/data/from], topics [b]",
            "+ routes[2]: match [sms.*], when [/data/from], topics [b]",
        ]
    );
}

#[test]
fn named_field_changes_like_a_pointer_and_without_its_value() {
    let after = ROUTES.replace("/data/from", "from");
    let ReloadPlan { changed, pending_restart, .. } = reload(&[ROUTES], &[&after]);
    assert_eq!(pending_restart, [""; 0]);
    let expected = [
        "- routes[1]: match [sms.*], when [/data/from], topics [b]",
        "+ routes[1]: match [sms.*], when [from], topics [b]",
    ];
    assert_eq!(changed, expected);
}

#[test]
fn changes_that_need_a_restart_are_listed_only() {
    let before = ["sources.main.validation=documented"];
    let after = [
        "server.max_body_bytes=900 KiB",
        "server.max_in_flight=64 MiB",
        "spool.max_bytes=2 GiB",
        "sources.main.path=/elsewhere",
        "sources.other.path=/other",
        "topics.create_missing=false",
    ];
    let ReloadPlan { settings: in_force, changed, pending_restart, .. } = reload(&before, &after);
    assert_eq!(changed, ["topics.create_missing: true -> false"]);
    let kept = settings(&["topics.create_missing=false"]);
    assert!(in_force == kept, "nothing else is in force");
    for key in [
        "server.max_body_bytes",
        "server.max_in_flight",
        "spool.max_bytes",
        "sources.main.path",
        "sources.other.path",
    ] {
        assert!(
            pending_restart.iter().any(|pending_restart| pending_restart == key),
            "{key}: {pending_restart:?}"
        );
    }
    assert!(
        !pending_restart.iter().any(|pending_restart| pending_restart.starts_with("topics")),
        "{pending_restart:?}"
    );
}

#[test]
fn changed_secrets_are_listed_without_their_values() {
    let secret = |text: &str| [format!(r#"sources.main.signature.secrets=["{text}"]"#)];
    let (before, after) = (secret("first-secret"), secret("other-secret"));
    let ReloadPlan { changed, pending_restart, .. } = reload(&[&before[0]], &[&after[0]]);
    assert_eq!(changed, [""; 0]);
    assert_eq!(pending_restart, ["sources.main.signature.secrets"]);
}

#[test]
fn secrets_are_named_beside_other_settings_and_by_the_file_they_are_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let in_file = format!("kafka.properties_files.sasl.password={}", file.display());
    std::fs::write(&file, "first").unwrap();
    let before = settings(&[
        &in_file,
        "kafka.properties.ssl.key.password=first",
        "telemetry.otlp_headers.api-key=first",
    ]);
    std::fs::write(&file, "second").unwrap();
    let after = settings(&[
        &in_file,
        "kafka.properties.ssl.key.password=second",
        "telemetry.otlp_headers.api-key=second",
        "sources.main.token=0123456789abcdef",
        "spool.max_bytes=2 GiB",
    ]);
    let Ok(ReloadPlan { pending_restart, .. }) = before.plan_reload(&after) else {
        panic!("no contradiction")
    };
    assert_eq!(
        pending_restart,
        [
            "kafka.properties.ssl.key.password",
            "kafka.properties_files.sasl.password",
            "sources.main.token",
            "spool.max_bytes",
            "telemetry.otlp_headers.api-key",
        ]
    );
}

#[test]
fn routes_that_only_read_alike_are_a_difference() {
    let with = |said: &str| format!(r#"routes=[{{"match":"*","topics":"a",{said}}}]"#);
    for (before, after) in [
        (r#""when":{"/data/a":["x, y"]}"#, r#""when":{"/data/a":["x","y"]}"#),
        (r#""headers":{"a":"b, c: d"}"#, r#""headers":{"a":"b","c":"d"}"#),
        (r#""headers":{}"#, r#""headers":{"a":""}"#),
    ] {
        let ReloadPlan { changed, .. } = reload(&[&with(before)], &[&with(after)]);
        assert!(
            matches!(&changed[..], [old, new] if old.starts_with('-') && new.starts_with('+')),
            "{changed:?}"
        );
    }
}

#[test]
fn new_topics_differ_from_the_dead_letter_topic_in_force() {
    let before = settings(&["dead_letter.topic=rejected"]);
    let after = settings(&["dead_letter.topic=elsewhere", r#"routes=[{"match":"*","topics":"rejected"}]"#]);
    let Err(errors) = before.plan_reload(&after) else { panic!("both would be one topic") };
    assert!(errors.to_string().starts_with("dead_letter.topic: `rejected` is also a topic"), "{errors}");
}

#[test]
fn new_routes_fit_the_memory_budget_in_force() {
    let routes = r#"routes=[{"match":"*","topics":["a","b","c"]}]"#;
    let before = settings(&["server.max_in_flight=3 MiB"]);
    let after = settings(&["server.max_in_flight=4 MiB", routes]);
    let Err(errors) = before.plan_reload(&after) else { panic!("no event of the largest would be let in") };
    assert!(
        errors.to_string().starts_with("server.max_in_flight: must be at least 3981312 bytes"),
        "{errors}"
    );
}

#[test]
fn many_routes_are_compared_quickly() {
    let routes = |count: usize, topic: &str| {
        let mut settings = Settings::default();
        let route = |index: usize| RouteConfig {
            matches: vec![Match::Pattern("call.*".into())],
            topics: vec![format!("{topic}{index}")],
            ..RouteConfig::default()
        };
        settings.routing.routes = (0..count).map(route).collect();
        settings
    };
    let (before, mut after) = (routes(5_000, "t"), routes(5_000, "t"));
    after.routing.routes[2_500].topics = vec!["other".into()];
    let (before, after) = (super::routes(&before), super::routes(&after));
    let started = Instant::now();
    let lines = list_changes("routes", &before, &after);
    assert_eq!(
        lines,
        ["- routes[2500]: match [call.*], topics [t2500]", "+ routes[2500]: match [call.*], topics [other]"]
    );
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
