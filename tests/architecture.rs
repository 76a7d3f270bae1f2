//! Rules for the sources, except `tests.rs` and `tests/`.

#[path = "architecture/source.rs"]
mod source;

use source::{Source, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

static BRIDGE: LazyLock<Vec<Source>> = LazyLock::new(|| sources("src"));

static EVENTS_CRATE: LazyLock<Vec<Source>> = LazyLock::new(|| sources("crates/justcall-events/src"));

const ARROWS: &[(&str, &[&str])] = &[
    (
        "cli",
        &[
            "app",
            "config",
            "delivery",
            "diagnostics",
            "explain",
            "kafka",
            "masking",
            "private_file",
            "record",
            "replay",
            "routing",
            "schemas",
            "send",
            "telemetry",
            "terminal",
            "topics",
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
            "routing",
            "spool",
            "telemetry",
            "watch",
        ],
    ),
    // Needed for the age from which records get a new time, and the limit on open files.
    ("diagnostics", &["config", "delivery", "http", "kafka", "routing", "spool", "terminal", "topics"]),
    ("explain", &["config", "ingest", "input", "private_file", "record", "routing", "yaml"]),
    ("masking", &["record"]),
    (
        "replay",
        &["config", "delivery", "ingest", "input", "kafka", "private_file", "record", "routing", "topics"],
    ),
    ("schemas", &["config", "http", "ingest", "kafka", "record", "routing", "telemetry"]),
    ("send", &["input", "secret"]),
    ("topics", &["config", "kafka", "routing", "yaml"]),
    (
        "config",
        &["delivery", "http", "ingest", "input", "kafka", "routing", "secret", "spool", "telemetry", "yaml"],
    ),
    ("http", &["health", "ingest", "input", "rate_limit", "secret", "telemetry", "watch"]),
    ("ingest", &["delivery", "rate_limit", "record", "routing", "secret", "telemetry", "watch"]),
    ("backoff", &[]),
    ("delivery", &["backoff", "health", "rate_limit", "record", "spool", "telemetry"]),
    ("kafka", &["backoff", "delivery", "health", "record", "secret", "telemetry"]),
    ("routing", &["record"]),
    ("spool", &["backoff"]),
    // Needed for the trace that records name, and the metrics of readiness.
    ("telemetry", &["health", "rate_limit", "record", "secret"]),
    ("health", &[]),
    ("rate_limit", &[]),
    ("record", &[]),
    ("secret", &["input"]),
    ("input", &[]),
    ("private_file", &[]),
    ("terminal", &[]),
    ("watch", &["telemetry"]),
    // Needed for the characters that its output escapes.
    ("yaml", &["terminal"]),
];

/// `rdkafka_sys` counts as `rdkafka`.
const HOMES: &[(&str, &[&str])] = &[
    ("actix_web", &["http", "app"]),
    ("actix_http", &["http"]),
    ("actix_server", &["http"]),
    ("actix_service", &["http"]),
    ("rdkafka", &["kafka"]),
    ("rusqlite", &["spool"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("indicatif", &["cli", "terminal"]),
    ("rustix", &["config", "diagnostics", "http", "input", "private_file", "spool", "terminal"]),
    ("reqwest", &["send", "telemetry"]),
    ("rustls", &["http", "diagnostics", "send", "telemetry"]),
    ("opentelemetry", &["telemetry"]),
    ("tokio_rustls", &["http"]),
    (
        "justcall_events",
        &[
            "cli",
            "config",
            "delivery",
            "diagnostics",
            "explain",
            "http",
            "ingest",
            "masking",
            "replay",
            "routing",
            "schemas",
            "send",
            "telemetry",
        ],
    ),
    ("subtle", &["secret"]),
    ("zeroize", &["secret", "http"]),
    ("arc_swap", &["watch", "ingest", "delivery", "kafka"]),
];

const MAX_FILE_LINES: usize = 400;

const MEANINGLESS: &[&str] = &["utils", "common", "types", "manager", "helpers"];

/// Their module completes them.
const SHARED_NAMES: &[&str] = &["Args", "Config", "Error"];

#[test]
fn rooms_import_only_allowed_rooms() {
    assert_none(&BRIDGE, arrow_breaches);
}

#[test]
fn libraries_are_used_only_in_their_rooms() {
    assert_none(&BRIDGE, home_breaches);
}

#[test]
fn unwrap_is_used_only_in_tests() {
    assert_none(&BRIDGE, unwrap_breaches);
}

#[test]
fn files_are_short_and_folder_names_have_a_meaning() {
    assert_none(&BRIDGE, shape_breaches);
}

#[test]
fn events_crate_follows_the_same_rules() {
    assert_none(&EVENTS_CRATE, unwrap_breaches);
    assert_none(&EVENTS_CRATE, shape_breaches);
}

#[test]
fn every_allowed_import_and_library_is_used() {
    assert_eq!(unused_arrows(ARROWS, &BRIDGE), [""; 0]);
    assert_eq!(unused_homes(HOMES, &BRIDGE), [""; 0]);
}

#[test]
fn files_do_not_import_each_other_in_a_circle() {
    assert_eq!(circles(&BRIDGE), [""; 0]);
    assert_eq!(circles(&EVENTS_CRATE), [""; 0]);
}

#[test]
fn names_of_types_are_unique() {
    assert_eq!(shared_names(&BRIDGE), [""; 0]);
    assert_eq!(shared_names(&EVENTS_CRATE), [""; 0]);
}

fn assert_none(sources: &[Source], check: fn(&Source) -> Vec<String>) {
    assert!(sources.iter().any(|source| source.path.ends_with("src/lib.rs")), "lib.rs was not found");
    let breaches: Vec<String> = sources.iter().flat_map(check).collect();
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

fn unused_arrows(arrows: &[(&str, &[&str])], sources: &[Source]) -> Vec<String> {
    let named = |source: &Source| {
        let from = source.room().to_owned();
        source.rooms_named().into_iter().map(move |(_, to)| (from.clone(), to)).collect::<Vec<_>>()
    };
    let used: BTreeSet<(String, String)> = sources.iter().flat_map(named).collect();
    let all = arrows.iter().flat_map(|(from, to)| to.iter().map(move |to| (*from, *to)));
    let unused = all.filter(|(from, to)| !used.contains(&((*from).to_owned(), (*to).to_owned())));
    unused.map(|(from, to)| format!("{from} -> {to} is not used")).collect()
}

fn unused_homes(homes: &[(&str, &[&str])], sources: &[Source]) -> Vec<String> {
    let all = homes.iter().flat_map(|(library, rooms)| rooms.iter().map(move |room| (*library, *room)));
    let uses = |library: &str, room: &str| {
        let mut files = sources.iter().filter(|source| source.room() == room);
        files.any(|source| !source.lines_naming_library(library).is_empty())
    };
    let unused = all.filter(|(library, room)| !uses(library, room));
    unused.map(|(library, room)| format!("{room} does not use {library}")).collect()
}

fn shared_names(sources: &[Source]) -> Vec<String> {
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for source in sources {
        for (line, name) in source.types() {
            places.entry(name).or_default().push(format!("{}:{line}", source.path));
        }
    }
    let shared = places.iter().filter(|(name, places)| places.len() > 1 && !SHARED_NAMES.contains(name));
    shared.map(|(name, places)| format!("{name}: {}", places.join(", "))).collect()
}

/// A file and its children may import each other.
fn circles(sources: &[Source]) -> Vec<String> {
    let modules: Vec<Vec<&str>> = sources.iter().map(Source::modules).collect();
    let target = |path: &[String]| {
        let prefixes = (1..=path.len()).rev().map(|length| &path[..length]);
        prefixes.filter_map(|prefix| modules.iter().position(|module| module == prefix)).next()
    };
    let are_kin =
        |a: usize, b: usize| modules[a].starts_with(&modules[b]) || modules[b].starts_with(&modules[a]);
    let imports: Vec<BTreeSet<usize>> = sources
        .iter()
        .enumerate()
        .map(|(file, source)| {
            let targets = source.names().into_iter().filter_map(|path| target(&path));
            targets.filter(|to| !are_kin(file, *to)).collect()
        })
        .collect();
    let reached: Vec<BTreeSet<usize>> = (0..sources.len()).map(|file| reached_from(file, &imports)).collect();
    let circle = |file: usize| {
        let members: Vec<usize> =
            reached[file].iter().copied().filter(|to| reached[*to].contains(&file)).collect();
        (members.first() == Some(&file)).then_some(members)
    };
    let names = |members: Vec<usize>| {
        members.into_iter().map(|member| sources[member].path.as_str()).collect::<Vec<_>>().join(", ")
    };
    (0..sources.len()).filter_map(circle).map(names).collect()
}

fn reached_from(file: usize, imports: &[BTreeSet<usize>]) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(next) = open.pop() {
        open.extend(imports[next].iter().filter(|to| reached.insert(**to)));
    }
    reached
}

fn arrow_breaches(source: &Source) -> Vec<String> {
    let part = source.room();
    // The root declares the rooms, and the program calls it.
    if ["lib", "main"].contains(&part) {
        return Vec::new();
    }
    let Some((_, open)) = ARROWS.iter().find(|(from, _)| *from == part) else {
        return vec![format!("{}: no arrow begins at `{part}`; give it a place in ARROWS", source.path)];
    };
    let strays =
        source.rooms_named().into_iter().filter(|(_, to)| *to != part && !open.contains(&to.as_str()));
    strays.map(|(line, to)| format!("{}:{line}: {part} -> {to} is no arrow", source.path)).collect()
}

fn home_breaches(source: &Source) -> Vec<String> {
    let part = source.room();
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
    if length > MAX_FILE_LINES {
        breaches.push(format!("{}:{length}: longer than {MAX_FILE_LINES} lines", source.path));
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

mod rule_tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source::new(path, text)
    }

    #[test]
    fn forbidden_import_is_reported_with_file_line_and_rooms() {
        let breach = source("src/record/headers.rs", "//! Doc.\n\nuse crate::http::Config;\n");
        assert_eq!(arrow_breaches(&breach), ["src/record/headers.rs:3: record -> http is no arrow"]);
    }

    #[test]
    fn only_app_and_cli_import_config() {
        for part in ["http", "ingest", "delivery", "kafka", "routing", "spool", "telemetry"] {
            let path = format!("src/{part}/mod.rs");
            assert_eq!(arrow_breaches(&source(&path, "use crate::config::Settings;")).len(), 1, "{part}");
        }
        for path in ["src/app.rs", "src/cli/serve.rs"] {
            assert_eq!(arrow_breaches(&source(path, "use crate::config::Settings;")), [""; 0]);
        }
    }

    #[test]
    fn every_form_of_import_is_found() {
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
            let named = source("src/record/headers.rs", text).rooms_named();
            assert!(
                named.iter().any(|(_, part)| part == "http"),
                "import not found in:\n{text}\nbut: {named:?}"
            );
        }
    }

    #[test]
    fn other_paths_are_ignored() {
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
    fn unused_arrow_or_home_is_reported() {
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
    fn circle_of_files_is_named_and_a_child_may_import_its_parent() {
        let files = [
            source("src/spool.rs", "mod handle;\nuse handle::Handle;"),
            source("src/spool/handle.rs", "use super::writer::{self, Writer};\nuse super::Spool;"),
            source("src/spool/shared.rs", "use super::handle::Handle;"),
            source("src/spool/writer.rs", "fn f() { crate::spool::shared::f() }"),
        ];
        assert_eq!(circles(&files), ["src/spool/handle.rs, src/spool/shared.rs, src/spool/writer.rs"]);
        assert_eq!(circles(&files[..3]), [""; 0]);
    }

    #[test]
    fn name_of_two_types_is_reported_and_associated_types_are_ignored() {
        let files = [
            source(
                "src/spool.rs",
                "struct Report;\nimpl Iterator for Spool {\n    type Item = u8;\n    fn next(&mut self) { enum Step {} }\n}",
            ),
            source(
                "src/http.rs",
                "fn f(of: impl Fn()) {\n    type Report = u8;\n}\ntrait Sink {\n    type Item;\n}\nenum Step {}",
            ),
            source("src/app.rs", "enum Error {}\n#[cfg(test)]\nmod tests {\n    struct Report;\n}"),
            source("src/kafka.rs", "enum Error {}"),
        ];
        assert_eq!(
            shared_names(&files),
            ["Report: src/spool.rs:1, src/http.rs:2", "Step: src/spool.rs:4, src/http.rs:7"]
        );
    }

    #[test]
    fn unlisted_room_is_a_breach() {
        assert_eq!(arrow_breaches(&source("src/cache/mod.rs", "")).len(), 1);
    }

    #[test]
    fn library_in_another_room_is_a_breach() {
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
    fn unwrap_outside_tests_is_a_breach() {
        let code = "fn f() { g().unwrap(); }\n#[cfg(test)]\nmod tests { fn f() { g().unwrap() } }";
        assert_eq!(unwrap_breaches(&source("src/app.rs", code)), ["src/app.rs:1: unwrap outside tests"]);
        assert_eq!(unwrap_breaches(&source("src/app.rs", "g().unwrap_or(1); // .unwrap()")), [""; 0]);
    }

    #[test]
    fn long_file_and_meaningless_folder_are_breaches() {
        assert_eq!(shape_breaches(&source("src/app.rs", &"\n".repeat(400))), [""; 0]);
        assert_eq!(shape_breaches(&source("src/app.rs", &"\n".repeat(401))).len(), 1);
        assert_eq!(shape_breaches(&source("src/http/utils/mod.rs", "")).len(), 2);
    }
}
