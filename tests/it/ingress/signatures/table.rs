mod cases;

use super::request::{
    Request, SIGNATURE, TIMESTAMP, VERSION, ahead, call, documented, encode_uri_component, event, hex_hmac,
    now, records_by_topic, sign, summary,
};
use super::{SECRET, URL};
use crate::kit::bridge::Bridge;
use crate::kit::kafka::Kafka;
use cases::{bodies, headers, signatures, sources, times, urls};
use std::collections::BTreeMap;

/// Accepts [`URL`] and [`ESCAPED_URL`], signed with [`SECRET`] or [`SECOND`].
const MAIN: &str = "/webhooks/justcall";
/// Accepts any URL, signed with [`SECRET`].
const OPEN: &str = "/open";
/// Accepts any URL, signed with [`FOREIGN`].
const OTHER: &str = "/other";

const SECOND: &str = "second-of-the-two";
const FOREIGN: &str = "of-another-account";
/// JavaScript and Python escape this URL differently.
const ESCAPED_URL: &str = "https://hooks.example.com/büro/!*'()~ %41?a=b|c";

type Expected = (u16, &'static str);

const ACKED: Expected = (200, "acked");
const MISSING: Expected = (401, "signature_missing");
const BAD_VERSION: Expected = (401, "signature_version");
const MALFORMED: Expected = (401, "signature_malformed");
const NO_URL: Expected = (401, "signature_no_url");
const BAD_URL: Expected = (401, "signature_url");
const UNVERIFIABLE: Expected = (401, "unverifiable");
const MISMATCH: Expected = (503, "signature_mismatch");
const STALE: Expected = (503, "signature_stale");

struct Case {
    name: &'static str,
    request: Request,
    expected: Expected,
}

#[derive(Default)]
struct Table(Vec<Case>);

impl Table {
    fn case(&mut self, name: &'static str, expected: Expected, tamper: impl FnOnce(Request) -> Request) {
        let request = tamper(Request::signed(SECRET, self.body(), &now()));
        self.0.push(Case { name, request, expected });
    }

    fn body(&self) -> String {
        call(self.0.len())
    }

    fn signature(&mut self, name: &'static str, expected: Expected, make: impl FnOnce(&str) -> String) {
        let at = now();
        self.case(name, expected, |it| it.replace(TIMESTAMP, &at).replace(SIGNATURE, make(&at)));
    }

    fn timestamp(&mut self, name: &'static str, expected: Expected, timestamp: &str) {
        let signature = sign(SECRET, URL, "call.completed", timestamp);
        self.case(name, expected, |it| it.replace(TIMESTAMP, timestamp).replace(SIGNATURE, signature));
    }
}

#[test]
fn tampered_requests_have_exact_responses_and_write_nothing_unverified() {
    let mut table = Table::default();
    for part in [headers, signatures, times, urls, bodies, sources] {
        part(&mut table);
    }
    let cases = table.0;
    assert!(cases.len() > 150, "{} cases", cases.len());
    let kafka = Kafka::shared().bootstrap();
    // A bridge that read a time as local time would be hours off there.
    let bridge = Bridge::start_with(
        kafka,
        &[
            &format!("sources.main.path={MAIN}"),
            &format!("sources.main.signature.secrets=[\"{SECRET}\",\"{SECOND}\"]"),
            &format!("sources.main.signature.urls=[\"{URL}\",\"{ESCAPED_URL}\"]"),
            &format!("sources.open.path={OPEN}"),
            &format!("sources.open.signature.secrets=[\"{SECRET}\"]"),
            &format!("sources.other.path={OTHER}"),
            &format!("sources.other.signature.secrets=[\"{FOREIGN}\"]"),
        ],
        &[("TZ", "IST-5:30")],
    );
    bridge.wait_ready(true);
    let mut wrong = Vec::new();
    for Case { name, request, expected } in &cases {
        let (status, tag) = summary(&request.send(&bridge));
        if (status, tag.as_str()) != *expected {
            wrong.push(format!("{name}: expected {expected:?}, got {status} {tag}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_only_acked_is_written(&bridge, kafka, &cases);
    assert_counted_once(&bridge, &cases);
}

fn assert_only_acked_is_written(bridge: &Bridge, kafka: &str, cases: &[Case]) {
    let mut expected = BTreeMap::<String, Vec<Vec<u8>>>::new();
    for Case { name, request, .. } in cases.iter().filter(|case| case.expected == ACKED) {
        let kind = if *name == "a bar within the type" { "unknown" } else { "call.completed" };
        expected.entry(bridge.topic(kind)).or_default().push(request.body.clone());
    }
    expected.values_mut().for_each(|bodies| bodies.sort());
    let count = expected.values().map(Vec::len).sum();
    assert_eq!(records_by_topic(bridge, kafka, count), expected.into_iter().collect::<Vec<_>>());
}

fn assert_counted_once(bridge: &Bridge, cases: &[Case]) {
    let mut totals = BTreeMap::<String, u64>::new();
    for Case { request, expected: (status, tag), .. } in cases {
        let source = match request.path() {
            MAIN => "main",
            OPEN => "open",
            _ => "other",
        };
        let result = if *status == 200 { "valid" } else { tag };
        let mut count = |series: String| *totals.entry(series).or_default() += 1;
        count(format!("signatures_total{{source=\"{source}\",result=\"{result}\"}}"));
        match status {
            401 => count(format!("denied_total{{reason=\"{tag}\"}}")),
            503 => count(format!("refused_total{{reason=\"{tag}\"}}")),
            _ => {}
        }
    }
    for (series, total) in &totals {
        assert_eq!(bridge.metric(series), *total, "{series}");
    }
    for family in ["signatures_total", "denied_total", "refused_total"] {
        let expected: u64 =
            totals.iter().filter(|(series, _)| series.starts_with(family)).map(|(_, total)| total).sum();
        assert_eq!(bridge.metric_sum(family), expected as f64, "{family}");
    }
    assert_eq!(bridge.metric_sum("rejected_total"), 0.0);
}
