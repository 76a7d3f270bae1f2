//! `route --expect FILE --update`: writes the actual results as expectations.

use super::case::{OfRecord, Written};
use super::compare::short;
use super::file::{is_comment, is_yaml, written};
use crate::cli::route::explanation::{Explanation, Line, Outcome, Router};
use crate::cli::route::input::Input;
use crate::cli::{Failure, print};
use crate::input;
use crate::private_file;
use crate::record::names;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Updates the fields that each case already expects, and adds a case for each input.
pub(super) fn run(
    router: &Router<'_>,
    path: &Path,
    inputs: Vec<Input>,
    source: Option<&str>,
) -> Result<(), Failure> {
    if is_yaml(path) {
        let reason = "--update writes NDJSON: comments of YAML would be lost";
        return Err(Failure::Failed(format!("{}: {reason}", path.display())));
    }
    let failed =
        |error: io::Error| Failure::Failed(format!("cannot read or write {}: {error}", path.display()));
    let before = match input::read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    if before.trim_start().starts_with('[') {
        return Err(Failure::Failed(format!(
            "{}: --update writes NDJSON, a case on each line",
            path.display()
        )));
    }
    let (mut after, mut changed) = (String::new(), 0);
    for (at, line) in before.lines().enumerate() {
        let now =
            if is_comment(line.trim()) { line.to_owned() } else { updated(router, path, at, line, source)? };
        changed += usize::from(now != line);
        after.push_str(&now);
        after.push('\n');
    }
    let added = inputs.len();
    for input in inputs {
        after.push_str(&new(router, input, source)?);
        after.push('\n');
    }
    private_file::replace(path, after.as_bytes()).map_err(failed)?;
    print(&format!("{}: {changed} changed, {added} added\n", path.display()))
}

fn updated(
    router: &Router<'_>,
    path: &Path,
    at: usize,
    line: &str,
    default: Option<&str>,
) -> Result<String, Failure> {
    let place = format!("{}:{}", path.display(), at + 1);
    let failed = |reason: String| Failure::Failed(format!("{place}: {reason}"));
    let read = || written(path, line.as_bytes()).ok()?.pop();
    let (Some((_, mut now)), Some((_, case))) = (read(), read()) else {
        return Err(failed("is no case".into()));
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    let case = case.case(place.clone(), folder).map_err(failed)?;
    let source = router.source(case.source.as_deref().or(default)).map_err(failed)?;
    let explanation = router.explain(source, &case.body);
    // A case that matches keeps its text.
    if super::differences(&case.expected, &explanation).is_empty() {
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

fn new(router: &Router<'_>, input: Input, source: Option<&str>) -> Result<String, Failure> {
    let index = router.source(source).map_err(Failure::Failed)?;
    let mut case = facts(&router.explain(index, &input.body));
    case.source = source.map(str::to_owned);
    let body = String::from_utf8_lossy(&input.body).into_owned();
    // Unchanged except for line breaks, so that the case fits on one line.
    match RawValue::from_string(body.replace(['\n', '\r'], " ")) {
        Ok(event) => case.event = Some(event),
        Err(_) => case.body = Some(body),
    }
    Ok(text(&case))
}

/// Returns the reproducible part of a result. Of the headers, only those that routes set.
fn facts(explanation: &Explanation) -> Written {
    let mut case = Written {
        outcome: Some(json!(explanation.outcome.name())),
        reason: explanation.rejection.as_ref().map(|rejection| json!(rejection.reason)),
        ..Written::default()
    };
    if matches!(explanation.outcome, Outcome::Routed | Outcome::Dropped) {
        case.route = Some(short(json!(explanation.routes)));
    }
    if explanation.outcome == Outcome::Routed {
        case.topics = Some(short(json!(explanation.topics())));
        add_records(&mut case, &explanation.records);
    }
    case
}

/// Adds the values that all records share, and the others by topic.
fn add_records(case: &mut Written, records: &[Line]) {
    let of = |record: &Line| OfRecord { key: Some(json!(record.key)), partition: None, headers: own(record) };
    let same = |a: &Line, b: &Line| a.key == b.key && own(a) == own(b);
    match records {
        [first, rest @ ..] if rest.iter().all(|other| same(first, other)) => {
            let every = of(first);
            (case.key, case.headers) = (every.key, every.headers);
        }
        _ => case.records = Some(records.iter().map(|record| (record.topic.clone(), of(record))).collect()),
    }
}

/// Returns the headers that routes set.
fn own(record: &Line) -> Option<Map<String, Value>> {
    let is_own = |name: &str| !names::is_reserved(name);
    let own: Map<_, _> = record
        .headers
        .iter()
        .filter(|(name, _)| is_own(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    (!own.is_empty()).then_some(own)
}

fn text(case: &Written) -> String {
    // Strings, numbers and parsed JSON always serialize.
    serde_json::to_string(case).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_bridge_are_not_route_headers() {
        let headers = names::HEADERS.iter().map(|header| header.name).chain(["team"]);
        let headers = headers.map(|name| (name.to_owned(), json!("value"))).collect();
        let record = Line { topic: "calls".into(), key: None, partition: None, headers };
        let own = own(&record).unwrap();
        assert_eq!(own.keys().collect::<Vec<_>>(), ["team"]);
    }
}
