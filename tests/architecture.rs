//! The arrows between the parts of the crate, read from its sources.
//!
//! A part may name another only along an arrow of [`ARROWS`]; each outside library has one home; files
//! stay short and folders have names that mean something. `tests.rs` and `tests/` are free.

#[path = "architecture/source.rs"]
mod source;

use source::{Source, sources};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Files of the bridge.
static BRIDGE: LazyLock<Vec<Source>> = LazyLock::new(|| sources("src"));

/// Files of the events crate.
static EVENTS_CRATE: LazyLock<Vec<Source>> = LazyLock::new(|| sources("crates/justcall-events/src"));

/// Who may name whom. A part that is not listed is a breach by being there.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    (
        "cli",
        &[
            "app",
            "config",
            // `check` compares a topic's retention with the age from which records get a new timestamp.
            "delivery",
            "ingest",
            "input",
            "kafka",
            "record",
            "routing",
            "secret",
            "telemetry",
        ],
    ),
    (
        "app",
        &[
            "config",
            "delivery",
            "health",
            "http",
            "ingest",
            "input",
            "kafka",
            "record",
            "routing",
            "spool",
            "telemetry",
            "watch",
        ],
    ),
    ("config", &["delivery", "http", "ingest", "input", "kafka", "routing", "secret", "spool", "telemetry"]),
    ("http", &["health", "ingest", "input", "rate_limit", "secret", "telemetry", "watch"]),
    ("ingest", &["delivery", "rate_limit", "record", "routing", "secret", "telemetry", "watch"]),
    ("backoff", &[]),
    ("delivery", &["backoff", "health", "rate_limit", "record", "spool", "telemetry"]),
    ("kafka", &["backoff", "delivery", "health", "record", "secret", "telemetry"]),
    ("routing", &["record"]),
    ("spool", &["backoff"]),
    // `record` for the trace that records name, `health` for the metrics of readiness.
    ("telemetry", &["health", "rate_limit", "record", "secret"]),
    ("health", &[]),
    ("rate_limit", &[]),
    ("record", &[]),
    ("secret", &["input"]),
    ("input", &[]),
    ("watch", &["telemetry"]),
];

/// Outside libraries and the parts that may name them. A library's companions count as the library:
/// `rdkafka_sys` as `rdkafka`.
const HOMES: &[(&str, &[&str])] = &[
    // `app` starts its runtime.
    ("actix_web", &["http", "app"]),
    ("actix_http", &["http"]),
    ("actix_server", &["http"]),
    ("actix_service", &["http"]),
    ("rdkafka", &["kafka"]),
    ("rusqlite", &["spool"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("indicatif", &["cli"]),
    // `http` raises the limit on open files, `input` opens without waiting, `spool` looks for holes and room.
    ("rustix", &["cli", "http", "input", "spool"]),
    // `cli` sends events, `telemetry` traces; both through rustls.
    ("reqwest", &["cli", "telemetry"]),
    ("rustls", &["http", "cli", "telemetry"]),
    ("opentelemetry", &["telemetry"]),
    ("tokio_rustls", &["http"]),
    // The contract of the events. `http` names what was expected of a body, `telemetry` labels metrics with
    // the closed set of types.
    ("justcall_events", &["cli", "config", "delivery", "http", "ingest", "routing", "telemetry"]),
    ("subtle", &["secret"]),
    ("zeroize", &["secret", "http"]),
    // What a reload swaps.
    ("arc_swap", &["watch", "ingest", "delivery", "kafka"]),
];

const LONGEST_FILE: usize = 400;

/// Folders called so gather what has no home.
const MEANINGLESS: &[&str] = &["utils", "common", "types", "manager", "helpers"];

#[test]
fn parts_keep_to_the_arrows() {
    assert_none(&BRIDGE, arrow_breaches);
}

#[test]
fn outside_libraries_stay_at_home() {
    assert_none(&BRIDGE, home_breaches);
}

#[test]
fn only_tests_unwrap() {
    assert_none(&BRIDGE, unwrap_breaches);
}

#[test]
fn files_are_short_and_folders_have_meaning() {
    assert_none(&BRIDGE, shape_breaches);
}

#[test]
fn the_events_crate_keeps_to_the_same_rules() {
    assert_none(&EVENTS_CRATE, unwrap_breaches);
    assert_none(&EVENTS_CRATE, shape_breaches);
}

#[test]
fn every_arrow_and_every_home_is_used() {
    assert_eq!(unused_arrows(ARROWS, &BRIDGE), [""; 0]);
    assert_eq!(unused_homes(HOMES, &BRIDGE), [""; 0]);
}

fn assert_none(sources: &[Source], check: fn(&Source) -> Vec<String>) {
    assert!(sources.iter().any(|source| source.path.ends_with("src/lib.rs")), "lib.rs was not found");
    let breaches: Vec<String> = sources.iter().flat_map(check).collect();
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

/// Returns the entries of `arrows` along which no file names a room.
fn unused_arrows(arrows: &[(&str, &[&str])], sources: &[Source]) -> Vec<String> {
    let named = |source: &Source| {
        let from = source.part().to_owned();
        source.parts_named().into_iter().map(move |(_, to)| (from.clone(), to)).collect::<Vec<_>>()
    };
    let used: BTreeSet<(String, String)> = sources.iter().flat_map(named).collect();
    let all = arrows.iter().flat_map(|(from, to)| to.iter().map(move |to| (*from, *to)));
    let unused = all.filter(|(from, to)| !used.contains(&((*from).to_owned(), (*to).to_owned())));
    unused.map(|(from, to)| format!("{from} -> {to} is not used")).collect()
}

/// Returns the entries of `homes` that name a room without that library.
fn unused_homes(homes: &[(&str, &[&str])], sources: &[Source]) -> Vec<String> {
    let all = homes.iter().flat_map(|(library, rooms)| rooms.iter().map(move |room| (*library, *room)));
    let uses = |library: &str, room: &str| {
        let mut files = sources.iter().filter(|source| source.part() == room);
        files.any(|source| !source.lines_naming_library(library).is_empty())
    };
    let unused = all.filter(|(library, room)| !uses(library, room));
    unused.map(|(library, room)| format!("{room} does not use {library}")).collect()
}

fn arrow_breaches(source: &Source) -> Vec<String> {
    let part = source.part();
    // The root declares the modules and re-exports from them.
    if part == "lib" {
        return Vec::new();
    }
    let Some((_, open)) = ARROWS.iter().find(|(from, _)| *from == part) else {
        return vec![format!("{}: no arrow begins at `{part}`; give it a place in ARROWS", source.path)];
    };
    let strays =
        source.parts_named().into_iter().filter(|(_, to)| *to != part && !open.contains(&to.as_str()));
    strays.map(|(line, to)| format!("{}:{line}: {part} -> {to} is no arrow", source.path)).collect()
}

fn home_breaches(source: &Source) -> Vec<String> {
    let part = source.part();
    let mut breaches = Vec::new();
    for (library, homes) in HOMES.iter().filter(|(_, homes)| !homes.contains(&part)) {
        for line in source.lines_naming_library(library) {
            let homes = homes.join(" and ");
            breaches
                .push(format!("{}:{line}: {part} -> {library}, which only {homes} may name", source.path));
        }
    }
    breaches
}

fn unwrap_breaches(source: &Source) -> Vec<String> {
    let lines = source.lines_with(&[".", "unwrap", "(", ")"]).into_iter();
    lines.map(|line| format!("{}:{line}: unwrap outside tests", source.path)).collect()
}

fn shape_breaches(source: &Source) -> Vec<String> {
    let mut breaches = Vec::new();
    let length = source.length();
    if length > LONGEST_FILE {
        breaches.push(format!("{}:{length}: longer than {LONGEST_FILE} lines", source.path));
    }
    if source.path.ends_with("/mod.rs") {
        breaches.push(format!("{}: a module is `name.rs`, with its children in `name/`", source.path));
    }
    let names = source.path.trim_end_matches(".rs").split('/');
    for name in names.filter(|name| MEANINGLESS.contains(name)) {
        breaches.push(format!("{}: `{name}` says nothing", source.path));
    }
    breaches
}

mod the_check_bites {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source::new(path, text)
    }

    #[test]
    fn import_against_the_arrows_is_named_with_file_line_and_arrow() {
        let breach = source("src/record/headers.rs", "//! Doc.\n\nuse crate::http::Config;\n");
        assert_eq!(arrow_breaches(&breach), ["src/record/headers.rs:3: record -> http is no arrow"]);
    }

    #[test]
    fn no_part_but_the_outermost_imports_config() {
        for part in ["http", "ingest", "delivery", "kafka", "routing", "spool", "telemetry"] {
            let path = format!("src/{part}/mod.rs");
            assert_eq!(arrow_breaches(&source(&path, "use crate::config::Settings;")).len(), 1, "{part}");
        }
        for path in ["src/app.rs", "src/cli/serve.rs"] {
            assert_eq!(arrow_breaches(&source(path, "use crate::config::Settings;")), [""; 0]);
        }
    }

    #[test]
    fn every_way_to_name_a_part_is_seen() {
        for text in [
            "use crate::http::Config;",
            "pub(crate) use crate::http;",
            "use crate::{event::Event, http};",
            "use crate::{\n    event::{Event, EventId},\n    http::{Config, AdminConfig},\n};",
            "fn f(config: &crate::http::Config) {}",
            "fn f() { crate :: http :: f() }",
            "use super::super::http::Config;",
            "use super::super::{http::Config};",
            "use justcall_kafka_bridge::http::Config;",
            "let a = \"// no comment\"; crate::http::f();",
            "let quote = '\"'; crate::http::f(); let other = '\"';",
            "fn f<'a>(a: &'a str) { crate::http::f(a) }",
            "let a = r#\"a \" b\"#; crate::http::f();",
            "#[cfg(not(test))]\nuse crate::http::Config;",
            "#[cfg(test)]\nmod tests;\nuse crate::http::Config;",
            "#[cfg(test)]\nmod tests { fn f() {} }\nuse crate::http::Config;",
        ] {
            let named = source("src/record/headers.rs", text).parts_named();
            assert!(named.iter().any(|(_, part)| part == "http"), "not seen in:\n{text}\nbut: {named:?}");
        }
    }

    #[test]
    fn what_names_no_part_is_left_alone() {
        for text in [
            "// use crate::http::Config;",
            "/// See [`crate::http`].",
            "/* crate::http /* nested */ crate::http */",
            "let a = \"crate::http\";",
            "let a = r##\"crate::http\"# crate::http\"##;",
            "use super::Record;",
            "use crate::record::Record;",
            "use self::http::Config;",
            "#[cfg(test)]\nuse crate::http::Config;",
            "#[cfg(test)]\nmod tests {\n    use crate::http::Config;\n}",
            "use http::Config;",
        ] {
            assert_eq!(arrow_breaches(&source("src/record/headers.rs", text)), [""; 0], "{text}");
        }
    }

    #[test]
    fn arrow_or_home_that_no_file_uses_is_named() {
        let files = [source("src/http/tls.rs", "use crate::secret::Secret;\nuse rustls::ServerConfig;")];
        let arrows: &[(&str, &[&str])] = &[("http", &["secret", "watch"]), ("ingest", &["secret"])];
        assert_eq!(
            unused_arrows(arrows, &files),
            ["http -> watch is not used", "ingest -> secret is not used"]
        );
        let homes: &[(&str, &[&str])] = &[("rustls", &["http", "cli"]), ("rdkafka", &["http"])];
        assert_eq!(unused_homes(homes, &files), ["cli does not use rustls", "http does not use rdkafka"]);
    }

    #[test]
    fn part_without_a_place_is_a_breach() {
        assert_eq!(arrow_breaches(&source("src/cache/mod.rs", "")).len(), 1);
    }

    #[test]
    fn library_away_from_home_is_a_breach() {
        let breach = source("src/delivery/lane.rs", "\nuse rdkafka::ClientConfig;");
        let expected = "src/delivery/lane.rs:2: delivery -> rdkafka, which only kafka may name";
        assert_eq!(home_breaches(&breach), [expected]);
        for (path, text) in [
            ("src/ingest/mod.rs", "fn f() -> actix_web::HttpResponse {}"),
            ("src/http/mod.rs", "use {bytes::Bytes, rdkafka_sys as kafka};"),
            ("src/app.rs", "let open = rusqlite::Connection::open;"),
            ("src/config/mod.rs", "#[derive(clap::Args)]"),
            ("src/http/mod.rs", "use reqwest;"),
        ] {
            assert_eq!(home_breaches(&source(path, text)).len(), 1, "{text}");
        }
        let at_home = source("src/kafka/producer.rs", "use rdkafka::ClientConfig;");
        assert_eq!(home_breaches(&at_home), [""; 0]);
        let mention = source("src/http/mod.rs", "// rdkafka::ClientConfig\nlet rdkafka_version = 1;");
        assert_eq!(home_breaches(&mention), [""; 0]);
    }

    #[test]
    fn unwrap_is_a_breach_outside_tests_only() {
        let code = "fn f() { g().unwrap(); }\n#[cfg(test)]\nmod tests { fn f() { g().unwrap() } }";
        assert_eq!(unwrap_breaches(&source("src/app.rs", code)), ["src/app.rs:1: unwrap outside tests"]);
        assert_eq!(unwrap_breaches(&source("src/app.rs", "g().unwrap_or(1); // .unwrap()")), [""; 0]);
    }

    #[test]
    fn long_file_and_empty_word_are_breaches() {
        assert_eq!(shape_breaches(&source("src/app.rs", &"\n".repeat(400))), [""; 0]);
        assert_eq!(shape_breaches(&source("src/app.rs", &"\n".repeat(401))).len(), 1);
        assert_eq!(shape_breaches(&source("src/http/utils/mod.rs", "")).len(), 2);
    }
}
