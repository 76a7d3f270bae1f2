//! Named files are correct, so that only the settings decide.

use super::TIMEOUT;
use crate::ingress::tls::authority::Authority;
use crate::kit::process::Process;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const WORKERS: usize = 4;

struct Case {
    settings: Value,
    faults: Vec<String>,
}

/// Certificate, key, and text of other settings.
struct Files {
    folder: TempDir,
    certificate: String,
    key: String,
    other_key: String,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let authority = Authority::new();
        let (pair, other) = (authority.pair(), authority.pair());
        for (name, text) in [
            ("ca.pem", &*authority.certificate),
            ("certificate.pem", &*pair.certificate),
            ("key.pem", &*pair.key),
            ("name", "me"),
            ("password", "hush-4711"),
            ("plain", "PLAIN"),
            ("oauth", "OAUTHBEARER"),
            ("true", "true"),
            ("ssl", "ssl"),
            ("bytes", "9000000"),
            ("millis", "10000"),
            ("secret", "a-secret-for-tests"),
        ] {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        Self { folder, certificate: pair.certificate, key: pair.key, other_key: other.key }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

type Properties<'a> = (&'a [(&'a str, &'a str)], &'a [(&'a str, &'a str)], &'a [&'a str]);

fn of_properties(files: &Files, (values, named, faults): Properties<'_>) -> Case {
    let text = |value: &str| match value {
        "CERTIFICATE" => files.certificate.clone(),
        "KEY" => files.key.clone(),
        "OTHER KEY" => files.other_key.clone(),
        value => value.strip_prefix("file ").map_or_else(|| value.to_owned(), |name| files.path(name)),
    };
    let path = |name: &str| if name.is_empty() { String::new() } else { files.path(name) };
    let values: serde_json::Map<_, _> =
        values.iter().map(|(name, value)| ((*name).to_owned(), text(value).into())).collect();
    let named: serde_json::Map<_, _> =
        named.iter().map(|(name, file)| ((*name).to_owned(), path(file).into())).collect();
    let key = |name: &&str| match name.split_once(' ') {
        Some((_, setting)) => setting.to_owned(),
        None if named.contains_key(*name) => format!("kafka.properties_files.{name}"),
        None => format!("kafka.properties.{name}"),
    };
    let faults = faults.iter().map(key).collect();
    Case { settings: json!({ "kafka": { "properties": values, "properties_files": named } }), faults }
}

const SSL: (&str, &str) = ("security.protocol", "ssl");
const SASL: (&str, &str) = ("security.protocol", "sasl_plaintext");
const SASL_SSL: (&str, &str) = ("security.protocol", "SASL_SSL");
const PLAIN: (&str, &str) = ("sasl.mechanism", "PLAIN");
const USER: (&str, &str) = ("sasl.username", "me");
const PASSWORD: (&str, &str) = ("sasl.password", "hush");
const TOKENS: (&str, &str) = ("enable.sasl.oauthbearer.unsecure.jwt", "true");

const PROPERTIES: &[Properties<'static>] = &[
    (&[], &[("sasl.password", "")], &["sasl.password"]),
    (&[SASL, PLAIN, USER], &[("sasl.password", "")], &["sasl.password"]),
    (&[SSL, ("ssl.key.location", "file key.pem")], &[], &["ssl.key.location"]),
    (&[SSL, ("ssl.key.pem", "KEY")], &[], &["ssl.key.pem"]),
    (&[SSL], &[("ssl.key.pem", "key.pem")], &["ssl.key.pem"]),
    (&[("ssl.key.location", "file key.pem")], &[], &[]),
    (
        &[SSL, ("ssl.key.location", "file key.pem"), ("ssl.certificate.location", "file certificate.pem")],
        &[],
        &[],
    ),
    (&[SSL, ("ssl.key.pem", "KEY"), ("ssl.certificate.location", "file certificate.pem")], &[], &[]),
    (&[SSL, ("ssl.key.pem", "KEY"), ("ssl.certificate.pem", "CERTIFICATE")], &[], &[]),
    (&[SSL, ("ssl.key.pem", "KEY")], &[("ssl.certificate.pem", "certificate.pem")], &[]),
    (&[SSL, ("ssl.certificate.location", "file certificate.pem")], &[], &[]),
    (&[SSL, ("ssl.key.pem", "OTHER KEY"), ("ssl.certificate.pem", "CERTIFICATE")], &[], &["ssl.key.pem"]),
    (
        &[SSL, ("ssl.key.pem", "junk"), ("ssl.certificate.location", "file certificate.pem")],
        &[],
        &["ssl.key.pem"],
    ),
    (
        &[SSL, ("ssl.certificate.pem", "junk"), ("ssl.key.location", "file key.pem")],
        &[],
        &["ssl.certificate.pem"],
    ),
    (
        &[SSL, ("ssl.certificate.pem", "junk"), ("ssl.key.pem", "junk"), ("ssl.ca.pem", "junk")],
        &[],
        &["ssl.certificate.pem", "ssl.key.pem", "ssl.ca.pem"],
    ),
    (&[SSL, ("ssl.ca.pem", "junk"), ("ssl.ca.location", "file ca.pem")], &[], &["ssl.ca.pem"]),
    (&[SSL, ("ssl.ca.location", " ")], &[], &["ssl.ca.location"]),
    (&[SSL, ("ssl.ca.location", "")], &[], &[]),
    (
        &[SSL, ("ssl.key.location", "file key.pem"), ("ssl.certificate.location", "")],
        &[],
        &["ssl.key.location"],
    ),
    (&[("ssl.keystore.location", "/k.p12")], &[], &["ssl.keystore.password"]),
    (&[], &[("ssl.keystore.location", "name")], &["ssl.keystore.password"]),
    (
        &[SSL, ("ssl.cipher.suites", "junk")],
        &[("ssl.keystore.location", "name")],
        &["ssl.keystore.password", "ssl.cipher.suites"],
    ),
    (&[SASL, PLAIN, USER], &[], &["sasl.password"]),
    (&[SASL, PLAIN], &[], &["sasl.password", "sasl.username"]),
    (&[SASL, PLAIN, USER, ("sasl.password", "")], &[], &["sasl.password"]),
    (&[SASL, PLAIN, USER, PASSWORD], &[], &[]),
    (&[SASL, PLAIN, USER], &[("sasl.password", "password")], &[]),
    (&[SASL, PLAIN], &[("sasl.password", "password")], &["sasl.username"]),
    (&[SASL], &[], &["sasl.mechanism"]),
    (&[SASL_SSL, ("sasl.mechanism", "CRAM-MD5")], &[], &["sasl.mechanism"]),
    (&[SASL_SSL, ("sasl.mechanism", "OAUTHBEARER")], &[], &["sasl.mechanism"]),
    (&[SASL_SSL, ("sasl.mechanism", "OAUTHBEARER"), TOKENS], &[], &[]),
    (
        &[SASL_SSL, ("sasl.mechanism", "OAUTHBEARER")],
        &[("enable.sasl.oauthbearer.unsecure.jwt", "true")],
        &[],
    ),
    (&[SASL, USER, PASSWORD], &[("sasl.mechanism", "plain")], &[]),
    (&[SASL, USER], &[("sasl.mechanisms", "plain")], &["sasl.password"]),
    (&[SASL_SSL, TOKENS], &[("sasl.mechanism", "oauth")], &[]),
    (
        &[SASL_SSL, USER, PASSWORD, ("ssl.ca.pem", "junk"), ("ssl.curves.list", "junk")],
        &[("sasl.mechanism", "plain")],
        &["ssl.ca.pem", "ssl.curves.list"],
    ),
    (
        &[SASL_SSL, USER, PASSWORD, ("ssl.key.location", "file key.pem")],
        &[("sasl.mechanism", "plain")],
        &["ssl.key.location"],
    ),
    (
        &[SASL, USER, PASSWORD, ("reconnect.backoff.ms", "5000")],
        &[("sasl.mechanism", "plain")],
        &["reconnect.backoff.ms"],
    ),
    // librdkafka finds these faults one after the other.
    (
        &[
            SASL_SSL,
            ("sasl.mechanism", "CRAM-MD5"),
            ("ssl.ca.pem", "junk"),
            ("ssl.key.pem", "junk"),
            ("ssl.sigalgs.list", "junk"),
            ("reconnect.backoff.ms", "5000"),
            ("linger.ms", "-1"),
        ],
        &[],
        &[
            "linger.ms",
            "reconnect.backoff.ms",
            "sasl.mechanism",
            "ssl.ca.pem",
            "ssl.key.pem",
            "ssl.sigalgs.list",
        ],
    ),
    (
        &[SASL_SSL, PLAIN, ("ssl.certificate.pem", "junk"), ("queue.buffering.backpressure.threshold", "2")],
        &[("ssl.keystore.location", "name")],
        &[
            "queue.buffering.backpressure.threshold",
            "sasl.password",
            "sasl.username",
            "ssl.certificate.pem",
            "ssl.keystore.password",
        ],
    ),
    (&[("reconnect.backoff.ms", "5000")], &[("reconnect.backoff.max.ms", "millis")], &[]),
    (&[], &[("security.protocol", "ssl")], &[]),
    (&[("queue.buffering.backpressure.threshold", "2")], &[], &["queue.buffering.backpressure.threshold"]),
    // The client that creates topics has no lower limit than the producer.
    (&[("linger.ms", "400000"), ("compression.level", "3")], &[], &["linger.ms"]),
    // Two names of one property.
    (
        &[("max.partition.fetch.bytes", "1000"), ("fetch.message.max.bytes", "2000")],
        &[],
        &["fetch.message.max.bytes"],
    ),
    (&[("ssl.ca.location", "file ca.pem"), SSL, ("sasl.passwrod", "hush")], &[], &["sasl.passwrod"]),
];

const ENDPOINTS: [(&str, bool); 20] = [
    ("http:///x", false),
    ("http:a", false),
    ("http:/a", false),
    ("http:////a", false),
    ("http://a%41", false),
    ("http://%61:1/x", false),
    ("http://[::1", false),
    ("http://a:99999", false),
    ("http://a:", true),
    ("http://@a", true),
    ("HTTP://a", true),
    ("http://a/%41", true),
    ("http://a/[x]", true),
    ("http://a/x//", true),
    ("http://a'b", true),
    ("http://1.2", true),
    ("http://[::1]:4318/x", true),
    ("http://a..b", true),
    ("http://a_b:1", true),
    ("http://*", true),
];

fn others(files: &Files) -> Vec<Case> {
    let case = |settings: Value, faults: &[&str]| Case {
        settings,
        faults: faults.iter().map(|key| (*key).to_owned()).collect(),
    };
    let secrets = |number: usize| -> Vec<_> { (0..number).map(|n| format!("secret-{n}")).collect() };
    let secret = files.path("secret");
    let signed = |number: usize| json!({ "secrets": secrets(number), "secrets_file": secret });
    let mut cases = vec![
        case(json!({}), &[]),
        case(
            json!({ "telemetry": { "otlp_headers_files": { "a": "", "b": files.path("name") } } }),
            &["telemetry.otlp_headers_files.a"],
        ),
        case(
            json!({ "telemetry": { "otlp_headers_files": { "no name": files.path("name") } } }),
            &["telemetry.otlp_headers_files.no name"],
        ),
        case(
            json!({ "telemetry": { "otlp_headers": { "a": "b\nc", "no name": "x" } } }),
            &["telemetry.otlp_headers.a", "telemetry.otlp_headers.no name"],
        ),
        case(
            json!({ "kafka": { "properties_files": { "message.max.bytes": files.path("bytes") } },
                    "server": { "max_body_bytes": "2 MiB" } }),
            &[],
        ),
        case(json!({ "server": { "max_body_bytes": "2 MiB" } }), &["server.max_body_bytes"]),
        case(json!({ "sources": { "main": { "signature": signed(7) } } }), &[]),
        case(
            json!({ "sources": { "main": { "signature": signed(8) } } }),
            &["sources.main.signature.secrets_file"],
        ),
        case(
            json!({ "sources": { "main": { "signature": { "secrets": secrets(9) } } } }),
            &["sources.main.signature.secrets"],
        ),
        case(
            json!({ "sources": {
                "a": { "path": "/a" },
                "a2": { "path": "/b", "token": "short" },
                "b": { "path": "/c", "token": "short", "signature": signed(8) },
            } }),
            &[
                "sources.a.signature.required",
                "sources.a2.signature.required",
                "sources.a2.token",
                "sources.b.signature.secrets_file",
                "sources.b.token",
            ],
        ),
        case(
            json!({ "telemetry": { "log_filter": "=,=" }, "server": { "workers": 0 },
                    "topics": { "prefix": "a b" }, "shutdown": { "timeout": "100ms" } }),
            &["server.workers", "shutdown.timeout", "telemetry.log_filter", "topics.prefix"],
        ),
    ];
    cases.extend(ENDPOINTS.map(|(endpoint, is_good)| {
        let faults: &[&str] = if is_good { &[] } else { &["telemetry.otlp_endpoint"] };
        case(json!({ "telemetry": { "otlp_endpoint": endpoint } }), faults)
    }));
    cases
}

/// Exit code, 0 for a bridge that serves, and printed lines.
type Ended = (i32, Vec<String>);

fn check(args: &[&str]) -> Ended {
    let mut process = Process::bridge(&[&["check", "--offline", "--json"], args].concat(), &[]);
    let code = process.wait_exit(TIMEOUT).code().expect("an exit code, not a signal");
    (code, process.stdout())
}

fn serve(args: &[&str]) -> Ended {
    let mut process = Process::bridge(&[&["serve"], args].concat(), &[]);
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(status) = process.try_exit() {
            process.wait_exit(TIMEOUT);
            return (status.code().expect("an exit code, not a signal"), process.stderr());
        }
        if process.stderr().iter().any(|line| line.contains("\"serving\"")) {
            return (0, Vec::new());
        }
        assert!(Instant::now() < deadline, "{:#?}", process.stderr());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn disagreement(case: &Case, folder: &Path, number: usize) -> Option<String> {
    let file: PathBuf = folder.join(format!("bridge-{number}.json"));
    let mut settings = case.settings.clone();
    settings["admin"]["listen"] = "127.0.0.1:0".into();
    settings["server"]["listen"] = "127.0.0.1:0".into();
    settings["kafka"]["bootstrap_servers"] = "127.0.0.1:1".into();
    if settings["sources"].is_null() {
        settings["sources"] = json!({ "main": { "signature": { "required": false } } });
    }
    fs::write(&file, settings.to_string()).expect("a file");
    let args = ["--config", file.to_str().expect("text")];
    let ((offline, report), (served, lines)) = (check(&args), serve(&args));
    let expected = if case.faults.is_empty() { 0 } else { 78 };
    let report: Value = serde_json::from_str(&report.concat()).expect("a report");
    let failures = report["findings"].as_array().expect("findings").iter();
    let keys = failures.filter(|finding| finding["level"] == "failure").map(|finding| &finding["key"]);
    let keys: BTreeSet<_> = keys.filter_map(Value::as_str).collect();
    let begins = |key: &str| {
        lines.iter().any(|line| {
            let line = line.trim_start_matches("error: ");
            line.strip_prefix(key).is_some_and(|rest| rest.starts_with([' ', ':']))
        })
    };
    let agrees = (offline, served) == (expected, expected)
        && keys == case.faults.iter().map(String::as_str).collect()
        && case.faults.iter().all(|key| begins(key));
    let shown = &case.settings;
    (!agrees).then(|| {
        format!(
            "{shown}\n  expected {:?}\n  offline {offline} {keys:?}\n  serve {served} {lines:#?}",
            case.faults
        )
    })
}

#[test]
fn offline_check_and_serve_report_the_same_faults() {
    let files = Files::new();
    let mut cases: Vec<_> = PROPERTIES.iter().map(|case| of_properties(&files, *case)).collect();
    cases.extend(others(&files));
    let next = AtomicUsize::new(0);
    let take = || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        cases.get(number).map(|case| (number, case))
    };
    let differing: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            std::iter::from_fn(take)
                .filter_map(|(number, case)| disagreement(case, files.folder.path(), number))
                .collect::<Vec<_>>()
        };
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker")).collect()
    });
    assert!(differing.is_empty(), "{} of {}:\n{}", differing.len(), cases.len(), differing.join("\n"));
}
