use super::catalogue::{Metric, catalogue};
use crate::kit::bridge::{Bridge, PATH, metric_name, until};
use crate::kit::consume;
use crate::kit::http;
use crate::kit::kafka::Kafka;
use crate::kit::promtool;
use crate::kit::python::python;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

const PARSE: &str = include_str!("parse.py");

#[derive(Debug, Deserialize)]
struct Family {
    name: String,
    r#type: String,
    help: String,
    samples: Vec<Sample>,
}

#[derive(Debug, Deserialize)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

struct ExposedMetrics(Vec<Family>);

impl ExposedMetrics {
    fn of(bridge: &Bridge) -> Self {
        Self(parsed(bridge.admin("/metrics").text()))
    }

    fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let name = metric_name(name);
        let has = |sample: &&Sample| {
            let of = |(label, value): &(&str, &str)| sample.labels.get(*label).is_some_and(|it| it == value);
            sample.name == name && labels.iter().all(of)
        };
        let found: Vec<_> = self.0.iter().flat_map(|family| &family.samples).filter(has).collect();
        assert!(!found.is_empty(), "no series {name} {labels:?}");
        found.iter().map(|sample| sample.value).sum()
    }
}

fn parsed(text: &str) -> Vec<Family> {
    let mut child = python()
        .args(["-c", PARSE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    // It reads all input before it writes.
    child.stdin.take().expect("piped above").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "the parser refuses, see above:\n{text}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Converts to the format before OpenMetrics, for promtool.
fn classic(text: &str) -> String {
    let mut kind_of_next = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').expect("a name and a type");
        kind_of_next.insert(name, kind);
    }
    let full = |name: &str| match kind_of_next.get(name) {
        Some(&"counter") => format!("{name}_total"),
        Some(&"info") => format!("{name}_info"),
        _ => name.to_owned(),
    };
    let line = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
        ["#", "EOF"] => None,
        ["#", "UNIT", ..] => None,
        ["#", "TYPE", name, "info"] => Some(format!("# TYPE {} gauge", full(name))),
        ["#", what, name, ..] => {
            let rest = line.splitn(4, ' ').nth(3).unwrap_or_default();
            Some(format!("# {what} {} {rest}", full(name)))
        }
        _ => Some(line.to_owned()),
    };
    text.lines().filter_map(line).map(|line| format!("{line}\n")).collect()
}

const SECRET: &str = "a-secret-that-nobody-shares";
const TOKEN: &str = "a-token-of-24-characters";

fn settings(folder: &Path, route: &str) -> String {
    let at = |name: &str| folder.join(name).display().to_string();
    fs::write(at("secrets"), SECRET).expect("a file");
    fs::write(at("tokens"), TOKEN).expect("a file");
    format!(
        "sources:
  main: {{ signature: {{ required: false }} }}
  signed: {{ path: /signed, signature: {{ secrets_file: {secrets} }} }}
  token: {{ path: /token, signature: {{ required: false }}, token_file: {tokens} }}
routes:
  - {{ match: sms.sent, drop: true }}
{route}
spool: {{ directory: {spool} }}
kafka: {{ ack_deadline: 4s }}
server: {{ max_body_bytes: 4 KiB }}
topics: {{ create_missing: false }}
",
        secrets = at("secrets"),
        tokens = at("tokens"),
        spool = at("spool"),
    )
}

fn event(kind: &str, id: &str) -> Vec<u8> {
    format!(
        r#"{{"event":"{kind}","timestamp":"2026-03-12T14:32:00Z","data":{{"call_id":"{id}","message_id":"{id}","contact_id":"{id}"}}}}"#
    )
    .into_bytes()
}

fn begin(folder: &Path) -> Bridge {
    let kafka = Kafka::shared().bootstrap();
    let prefix = format!("{}.", crate::kit::topic_name("shown"));
    for topic in ["call.missed", "dead-letter"] {
        consume::create_topic(kafka, &format!("{prefix}{topic}"), 1);
    }
    let file = folder.join("bridge.yaml");
    fs::write(&file, settings(folder, "")).expect("a settings file");
    // The kit's own settings would override the file's.
    let over = ["kafka.ack_deadline=4s", "topics.create_missing=false"];
    let prefix = format!("topics.prefix={prefix}");
    let settings: Vec<&str> =
        [prefix.as_str(), "sources.main.signature.required=false"].into_iter().chain(over).collect();
    Bridge::serve_file(kafka, &file, &settings)
}

fn drive(bridge: &Bridge) {
    let post = |path: &str, headers: &[(&str, &str)], body: &[u8]| {
        let headers = [&[("connection", "close")], headers].concat();
        http::post(bridge.ingress, path, &headers, body).expect("an answer").status
    };
    let own = |body: &[u8]| post(PATH, &[], body);
    assert_eq!(own(&event("call.missed", "a")), 200, "acked");
    assert_eq!(own(&event("call.missed", "a")), 200, "duplicate");
    assert_eq!(own(&event("sms.sent", "a")), 200, "dropped");
    assert_eq!(own(&event("sms.received", "a")), 200, "spooled: its topic is missing");
    assert_eq!(own(&event("call.of_a_new_type", "a")), 200, "spooled, too");
    assert_eq!(own(b""), 200, "probe");
    assert_eq!(http::get(bridge.ingress, PATH).expect("an answer").status, 200, "probe");
    assert_eq!(own(b"no JSON"), 400);
    assert_eq!(own(br#"{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{"call_id":"a","ring_duration":"x"}}"#), 422);
    assert_eq!(own(&[b' '; 5000]), 413);
    assert_eq!(post(PATH, &[("content-encoding", "br")], b"{}"), 415);
    assert_eq!(post("/nowhere", &[], b"{}"), 404);
    let put = b"PUT /webhooks/justcall HTTP/1.1\r\nhost: b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    assert_eq!(http::request(bridge.ingress, put).expect("an answer").status, 405);
    assert_eq!(post("/token", &[], &event("call.missed", "b")), 401);
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(post("/token", &[("authorization", &bearer)], &event("call.missed", "b")), 200);
    let body =
        br#"{"webhook_url":"https://h.example/","type":"call.completed","request_id":"r","data":{"id":1}}"#;
    assert_eq!(post("/signed", &[], body), 401);
    let now = chrono::Utc::now().format("%Y-%m-%d %H:%M:%S").to_string();
    let wrong = [
        ("x-justcall-signature", "00".repeat(32)),
        ("x-justcall-signature-version", "v1".to_owned()),
        ("x-justcall-request-timestamp", now),
    ];
    let wrong: Vec<_> = wrong.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(post("/signed", &wrong, body), 503);
}

#[test]
fn every_metric_is_exposed_as_documented_and_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let bridge = begin(folder.path());
    drive(&bridge);
    bridge.wait_for_metric(r#"kafka_brokers{state="up"}"#, 1);
    until("the rows", || bridge.metric("spool_rows") == 2);
    let text = bridge.admin("/metrics").text().to_owned();
    promtool::check_metrics(&classic(&text));
    let metrics = ExposedMetrics(parsed(&text));
    assert_documented(&metrics, &bridge.prefix);
    assert_counted(&metrics, &bridge.topic("call.missed"), &bridge.topic("sms.received"));
    assert_of_files(&metrics);
    reload(&bridge, folder.path());
}

fn assert_documented(metrics: &ExposedMetrics, prefix: &str) {
    let documented = catalogue();
    let exposed: BTreeMap<String, &Family> =
        metrics.0.iter().map(|family| (full_name(family), family)).collect();
    let names = |names: Vec<&String>| names.into_iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(exposed.keys().collect()), names(documented.keys().collect()));
    for (name, family) in exposed {
        let metric = &documented[&name];
        assert_eq!(family.r#type, metric.kind, "{name}");
        assert_eq!(family.help.trim_end_matches('.'), metric.help, "{name}");
        assert!(!family.samples.is_empty(), "{name} has no series");
        for sample in &family.samples {
            assert_labels(&name, sample, metric, prefix);
        }
    }
}

fn full_name(family: &Family) -> String {
    match family.r#type.as_str() {
        "counter" => format!("{}_total", family.name),
        "info" => format!("{}_info", family.name),
        _ => family.name.clone(),
    }
}

fn assert_labels(name: &str, sample: &Sample, metric: &Metric, prefix: &str) {
    let labels: BTreeSet<_> = sample.labels.keys().filter(|label| *label != "le").collect();
    assert_eq!(labels, metric.labels.keys().collect::<BTreeSet<_>>(), "{name}");
    for (label, value) in sample.labels.iter().filter(|(label, _)| *label != "le") {
        let listed = &metric.labels[label];
        let is_known = match label.as_str() {
            "source" => ["main", "signed", "token", "other"].contains(&value.as_str()),
            "topic" => value.starts_with(prefix) || value == "other",
            "version" => value == env!("CARGO_PKG_VERSION"),
            _ => listed.contains(value),
        };
        assert!(is_known, "{name}: {label} is {value}");
    }
}

/// Metric, some of its labels, and the sum of their series.
type Count<'a> = (&'a str, &'a [(&'a str, &'a str)], f64);

fn assert_counted(metrics: &ExposedMetrics, acked: &str, spooled: &str) {
    let counts: &[Count] = &[
        ("events_total", &[("type", "call.missed"), ("outcome", "acked")], 2.0),
        ("events_total", &[("type", "call.missed"), ("outcome", "duplicate")], 1.0),
        ("events_total", &[("type", "sms.sent"), ("outcome", "dropped")], 1.0),
        ("events_total", &[("type", "sms.received"), ("outcome", "spooled")], 1.0),
        ("events_total", &[("type", "other"), ("outcome", "spooled")], 1.0),
        ("events_total", &[("type", "other"), ("outcome", "probe")], 2.0),
        ("events_total", &[("outcome", "dead_lettered")], 2.0),
        ("events_total", &[("outcome", "denied")], 2.0),
        ("events_total", &[("outcome", "refused")], 1.0),
        ("rejected_total", &[("reason", "not_json")], 1.0),
        ("rejected_total", &[("reason", "contract_violation")], 1.0),
        ("denied_total", &[("reason", "token")], 1.0),
        ("denied_total", &[("reason", "signature_missing")], 1.0),
        ("refused_total", &[("reason", "signature_mismatch")], 1.0),
        ("refused_total", &[], 1.0),
        ("http_rejected_requests_total", &[("reason", "unknown_path")], 1.0),
        ("http_rejected_requests_total", &[], 4.0),
        ("http_requests_total", &[("source", "main"), ("status", "200")], 7.0),
        ("http_requests_total", &[("source", "main"), ("status", "400")], 1.0),
        ("http_requests_total", &[("source", "main"), ("status", "405")], 1.0),
        ("http_requests_total", &[("source", "main"), ("status", "413")], 1.0),
        ("http_requests_total", &[("source", "main"), ("status", "415")], 1.0),
        ("http_requests_total", &[("source", "main"), ("status", "422")], 1.0),
        ("http_requests_total", &[("source", "token"), ("status", "200")], 1.0),
        ("http_requests_total", &[("source", "token"), ("status", "401")], 1.0),
        ("http_requests_total", &[("source", "signed"), ("status", "401")], 1.0),
        ("http_requests_total", &[("source", "signed"), ("status", "503")], 1.0),
        ("http_requests_total", &[("source", "other"), ("status", "404")], 1.0),
        ("http_requests_total", &[], 17.0),
        ("signatures_total", &[("source", "signed"), ("result", "signature_mismatch")], 1.0),
        ("records_total", &[("topic", acked), ("result", "acked")], 2.0),
        ("records_total", &[("topic", acked), ("result", "spooled")], 0.0),
        ("records_total", &[("topic", spooled), ("result", "spooled")], 1.0),
        ("records_total", &[("result", "spooled")], 2.0),
        ("topic_circuit_open", &[("topic", acked)], 0.0),
        ("topic_circuit_opened_total", &[("topic", spooled)], 1.0),
        ("topic_backlog_records", &[("topic", spooled)], 1.0),
        ("topic_backlog_records", &[("topic", "other")], 0.0),
        ("spool_appended_total", &[], 2.0),
        ("spool_drained_total", &[], 0.0),
        ("spool_writable", &[], 1.0),
        ("kafka_brokers", &[("state", "up")], 1.0),
        ("kafka_up", &[], 1.0),
        ("ready", &[], 1.0),
        ("dedup_entries", &[], 6.0),
        ("in_flight_requests", &[], 0.0),
        ("request_duration_seconds_count", &[], 14.0),
    ];
    for (name, labels, expected) in counts {
        let found = metrics.sum(name, labels);
        assert!((found - expected).abs() < f64::EPSILON, "{name} {labels:?}: {found}, not {expected}");
    }
    for more_than_nothing in
        ["ack_duration_seconds_count", "parse_duration_seconds_count", "spool_bytes", "spool_limit_bytes"]
    {
        assert!(metrics.sum(more_than_nothing, &[]) > 0.0, "{more_than_nothing}");
    }
    assert!(metrics.sum("process_resident_memory_bytes", &[]) > 1e6);
    assert!(metrics.sum("process_start_time_seconds", &[]) > 1.7e9);
}

fn assert_of_files(metrics: &ExposedMetrics) {
    let valid = |source, kind| metrics.sum("secrets", &[("source", source), ("kind", kind)]);
    assert_eq!(
        (valid("signed", "signature"), valid("token", "token"), valid("main", "signature")),
        (1.0, 1.0, 0.0)
    );
    let written =
        metrics.sum("secrets_modified_timestamp_seconds", &[("source", "signed"), ("kind", "signature")]);
    assert!(metrics.sum("config_last_reload_success_timestamp_seconds", &[]) - written < 600.0, "{written}");
}

fn reload(bridge: &Bridge, folder: &Path) {
    let file = folder.join("bridge.yaml");
    let route = "  - { match: contact.updated, topics: brand.new }";
    fs::write(&file, settings(folder, route)).expect("a settings file");
    until("the new topic", || {
        bridge.admin("/metrics").text().contains(r#"topic_circuit_open{topic="brand.new"}"#)
    });
    fs::write(&file, "routes: [{ match: no.such.type.*.*, topic: typo }]").expect("a settings file");
    bridge.wait_for_metric("config_last_reload_successful", 0);
    bridge.wait_for_metric("watched_files_invalid", 1);
    let metrics = ExposedMetrics::of(bridge);
    assert_eq!(metrics.sum("config_reloads_total", &[("result", "failure")]), 1.0);
    assert!(metrics.sum("config_reloads_total", &[("result", "success")]) >= 1.0);
}
