//! Update of a file of expectations to the actual results.

use super::Error;
use super::case::{ExpectedRecord, WrittenCase};
use super::compare::{differences, short};
use super::explanation::{Explanation, RouteOutcome, RouteRecord, Router};
use super::file::{is_comment, is_yaml, written};
use crate::record::names;
use crate::{input, private_file};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::io::{self, ErrorKind};
use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Updated {
    pub(crate) changed: usize,
    pub(crate) added: usize,
}

/// Updates the fields that each case already expects, and adds a case for each body. Leaves the file
/// unchanged if it is not NDJSON.
pub(crate) fn update(
    router: &Router<'_>,
    path: &Path,
    bodies: &[Bytes],
    source: Option<&str>,
) -> Result<Updated, Error> {
    let invalid = |reason: &str| Error::Invalid(path.display().to_string(), reason.to_owned());
    if is_yaml(path) {
        return Err(invalid("--update writes NDJSON: comments of YAML would be lost"));
    }
    let failed = |error: io::Error| Error::File(path.to_owned(), error);
    let before = match input::read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    if before.trim_start().starts_with('[') {
        return Err(invalid("--update writes NDJSON, a case on each line"));
    }
    let (mut after, mut changed) = (String::new(), 0);
    for (at, line) in before.lines().enumerate() {
        let now =
            if is_comment(line.trim()) { line.to_owned() } else { updated(router, path, at, line, source)? };
        changed += usize::from(now != line);
        after.push_str(&now);
        after.push('\n');
    }
    for body in bodies {
        after.push_str(&new(router, body, source)?);
        after.push('\n');
    }
    private_file::replace(path, after.as_bytes()).map_err(failed)?;
    Ok(Updated { changed, added: bodies.len() })
}

fn updated(
    router: &Router<'_>,
    path: &Path,
    at: usize,
    line: &str,
    default: Option<&str>,
) -> Result<String, Error> {
    let place = format!("{}:{}", path.display(), at + 1);
    let failed = |reason: String| Error::Invalid(place.clone(), reason);
    let read = || written(path, line.as_bytes()).ok()?.pop();
    let (Some((_, mut now)), Some((_, case))) = (read(), read()) else {
        return Err(failed("is no case".into()));
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    let case = case.case(place.clone(), folder).map_err(failed)?;
    let source = router.source(case.source.as_deref().or(default)).map_err(failed)?;
    let explanation = router.explain(source, &case.body);
    // A case that matches keeps its text.
    if differences(&case.expected, &explanation).is_empty() {
        return Ok(line.to_owned());
    }
    let all = facts(&explanation);
    let replace = |field: &mut Option<Value>, fact: &Option<Value>| {
        if field.is_some() {
            field.clone_from(fact);
        }
    };
    replace(&mut now.route, &all.route);
    replace(&mut now.topics, &all.topics);
    replace(&mut now.reason, &all.reason);
    // Always updated, because the other expected fields may no longer exist.
    now.outcome = all.outcome;
    now.partition = now.partition.and(explanation.records.first().map(|record| json!(record.partition)));
    let asks_of_records = now.key.is_some() || now.headers.is_some() || now.records.is_some();
    match (all.records, now.records.is_some()) {
        (None, false) => {
            now.key = now.key.and(all.key);
            now.headers = now.headers.and(all.headers);
        }
        (None, true) => (now.key, now.headers, now.records) = (all.key, all.headers, None),
        (records, _) if asks_of_records => (now.key, now.headers, now.records) = (None, None, records),
        (Some(_), _) => {}
    }
    Ok(text(&now))
}

fn new(router: &Router<'_>, body: &Bytes, source: Option<&str>) -> Result<String, Error> {
    let index = router.source(source).map_err(Error::Source)?;
    let mut case = facts(&router.explain(index, body));
    case.source = source.map(str::to_owned);
    put_body(&mut case, body);
    Ok(text(&case))
}

/// Stores a body unchanged, except for line breaks between JSON values, because a case is one line.
fn put_body(case: &mut WrittenCase, body: &[u8]) {
    match str::from_utf8(body) {
        // In valid JSON, line breaks are outside of strings.
        Ok(text) if serde_json::from_str::<&RawValue>(text).is_ok() => {
            case.event = RawValue::from_string(text.replace(['\n', '\r'], " ")).ok();
        }
        Ok(text) => case.body = Some(text.to_owned()),
        Err(_) => case.body_base64 = Some(BASE64_STANDARD.encode(body)),
    }
}

/// Returns the reproducible part of a result, with only the headers that routes set.
fn facts(explanation: &Explanation) -> WrittenCase {
    let mut case = WrittenCase {
        outcome: Some(json!(explanation.outcome.name())),
        reason: explanation.rejection.as_ref().map(|rejection| json!(rejection.reason)),
        ..WrittenCase::default()
    };
    if matches!(explanation.outcome, RouteOutcome::Routed | RouteOutcome::Dropped) {
        case.route = Some(short(json!(explanation.routes)));
    }
    if explanation.outcome == RouteOutcome::Routed {
        case.topics = Some(short(json!(explanation.topics())));
        add_records(&mut case, &explanation.records);
    }
    case
}

/// Adds the values that all records share, and the others by topic.
fn add_records(case: &mut WrittenCase, records: &[RouteRecord]) {
    let of = |record: &RouteRecord| ExpectedRecord {
        key: Some(json!(record.key)),
        partition: None,
        headers: own(record),
    };
    let same = |a: &RouteRecord, b: &RouteRecord| a.key == b.key && own(a) == own(b);
    match records {
        [first, rest @ ..] if rest.iter().all(|other| same(first, other)) => {
            let every = of(first);
            (case.key, case.headers) = (every.key, every.headers);
        }
        _ => case.records = Some(records.iter().map(|record| (record.topic.clone(), of(record))).collect()),
    }
}

fn own(record: &RouteRecord) -> Option<Map<String, Value>> {
    let is_own = |name: &str| !names::is_reserved(name);
    let own: Map<_, _> = record
        .headers
        .iter()
        .filter(|(name, _)| is_own(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    (!own.is_empty()).then_some(own)
}

fn text(case: &WrittenCase) -> String {
    // Always serializes.
    serde_json::to_string(case).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_body_is_the_body_that_was_explained() {
        for (body, expected) in [
            (&b"{\"a\":\n[1,\r\n 2]}"[..], &b"{\"a\": [1,   2]}"[..]),
            (b"{\"a\":\"b\nc\"}", b"{\"a\":\"b\nc\"}"),
            (b"{\"a\":\"\r\"}", b"{\"a\":\"\r\"}"),
            (b"{\"a\":\"\xff\"}", b"{\"a\":\"\xff\"}"),
            (b"no JSON\n", b"no JSON\n"),
            (b"\xef\xbb\xbf{}", b"\xef\xbb\xbf{}"),
            (b"{} {}", b"{} {}"),
            (b"", b""),
        ] {
            let mut case = WrittenCase { outcome: Some(json!("routed")), ..WrittenCase::default() };
            put_body(&mut case, body);
            let line = text(&case);
            assert_eq!(line.lines().count(), 1, "{line}");
            let (_, read) = written(Path::new("cases"), line.as_bytes()).unwrap().pop().unwrap();
            let read = read.case("1".into(), Path::new(".")).unwrap();
            assert_eq!(read.body[..], *expected, "{line}");
        }
    }

    #[test]
    fn headers_of_the_bridge_are_not_route_headers() {
        let headers = names::HEADERS.iter().map(|header| header.name).chain(["team"]);
        let headers = headers.map(|name| (name.to_owned(), json!("value"))).collect();
        let record = RouteRecord { topic: "calls".into(), key: None, partition: None, headers };
        let own = own(&record).unwrap();
        assert_eq!(own.keys().collect::<Vec<_>>(), ["team"]);
    }
}
