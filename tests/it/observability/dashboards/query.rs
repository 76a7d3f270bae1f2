use super::catalogue::{Metric, TARGET_LABELS};
use std::collections::{BTreeMap, BTreeSet};

type Metrics = BTreeMap<String, Metric>;

/// `recorded` has the names of recording rules.
pub(super) fn unknown_names(
    query: &str,
    legend: &str,
    metrics: &Metrics,
    recorded: &[String],
) -> Vec<String> {
    let mut strange = Vec::new();
    let mut labels: BTreeSet<&str> = TARGET_LABELS.into();
    let words = words(query);
    for (at, word) in words.iter().enumerate() {
        // A subquery's range and step, as in `[6m:1m]`, begin with a digit.
        let is_recorded = word.contains(':') && !word.starts_with(|c: char| c.is_ascii_digit());
        if is_recorded && !recorded.contains(word) {
            strange.push(format!("{word} is recorded by no rule"));
        }
        let is_metric = word.starts_with("justcall_bridge_") || word.starts_with("process_");
        if word.contains(':') || !is_metric {
            continue;
        }
        let Some((metric, is_bucket)) = find(word, metrics) else {
            strange.push(format!("{word} is no metric"));
            continue;
        };
        labels.extend(metric.labels.keys().map(String::as_str));
        if is_bucket {
            labels.insert("le");
        }
        for (label, operator, value) in matchers(&words[at + 1..]) {
            let known = TARGET_LABELS.contains(&label.as_str()) || metric.labels.contains_key(&label);
            if !known {
                strange.push(format!("{word} has no label {label}"));
            } else if let Some(values) = metric.labels.get(&label).filter(|values| !values.is_empty()) {
                let asked = value.split('|').filter(|each| !can_be(operator, each, values));
                strange.extend(asked.map(|each| format!("{label} of {word} is never {each}")));
            }
        }
    }
    let grouped = grouped(&words);
    let exposed =
        legend.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0.trim().to_owned()));
    let unknown = grouped.into_iter().chain(exposed).filter(|label| !labels.contains(label.as_str()));
    strange.extend(unknown.map(|label| format!("{label} is no label of what is asked for")));
    strange
}

/// True for a histogram's bucket.
fn find<'a>(series: &str, metrics: &'a Metrics) -> Option<(&'a Metric, bool)> {
    let histogram = |suffix: &str| {
        let metric = metrics.get(series.strip_suffix(suffix)?)?;
        (metric.kind == "histogram").then_some((metric, suffix == "_bucket"))
    };
    let plain = metrics.get(series).filter(|metric| metric.kind != "histogram").map(|metric| (metric, false));
    plain.or_else(|| ["_bucket", "_sum", "_count"].into_iter().find_map(histogram))
}

/// Only the text of a pattern before its first special character counts.
fn can_be(operator: &str, asked: &str, values: &[String]) -> bool {
    let plain = asked.split(['.', '+', '*', '$', '[', '(']).next().unwrap_or_default();
    let is_pattern = operator.contains('~') && plain.len() < asked.len();
    asked.starts_with('$')
        || values.iter().any(|value| if is_pattern { value.starts_with(plain) } else { value == asked })
}

fn matchers(words: &[String]) -> Vec<(String, &str, String)> {
    if words.first().map(String::as_str) != Some("{") {
        return Vec::new();
    }
    let within = words[1..].iter().take_while(|word| *word != "}").collect::<Vec<_>>();
    let parts = within.split(|word| *word == ",");
    parts
        .filter(|part| part.len() >= 3)
        .map(|part| {
            let operator = if part.iter().any(|word| *word == "~") { "~" } else { "=" };
            let value = part.last().expect("three at least").trim_matches('"').to_owned();
            (part[0].clone(), operator, value)
        })
        .collect()
}

fn grouped(words: &[String]) -> Vec<String> {
    let mut labels = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let groups =
            ["by", "without", "on", "ignoring", "group_left", "group_right"].contains(&word.as_str());
        if groups && words.get(at + 1).map(String::as_str) == Some("(") {
            let within = words[at + 2..].iter().take_while(|word| *word != ")");
            labels.extend(within.filter(|word| *word != ",").cloned());
        }
    }
    labels
}

fn words(query: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => rest[1..].find('"').map_or(rest.len(), |end| end + 2),
            c if is_of_a_name(c) => rest.find(|c| !is_of_a_name(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        if !word.trim().is_empty() {
            words.push(word.to_owned());
        }
        rest = after;
    }
    words
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

#[test]
fn unknown_names_in_a_query_are_found() {
    let metrics = super::catalogue::catalogue();
    let recorded = ["namespace_job:justcall_bridge_events:rate30m".to_owned()];
    let of = |query: &str, legend: &str| unknown_names(query, legend, &metrics, &recorded);
    for (query, legend) in [
        (
            r#"sum by (reason) (rate(justcall_bridge_refused_total{reason!~"signature_.+|kafka",pod=~"$pod"}[5m]))"#,
            "{{reason}}",
        ),
        (
            "histogram_quantile(0.9, sum by (le, job) (rate(justcall_bridge_ack_duration_seconds_bucket[5m])))",
            "",
        ),
        ("namespace_job:justcall_bridge_events:rate30m offset 1w", ""),
        ("count_over_time(namespace_job:justcall_bridge_events:rate30m[6m:1m])", ""),
    ] {
        assert_eq!(of(query, legend), [""; 0], "{query}");
    }
    for (query, legend, wrong) in [
        ("justcall_bridge_refusals_total", "", "no metric"),
        ("justcall_bridge_process_open_fds", "", "no metric"),
        ("process_open_files", "", "no metric"),
        ("justcall_bridge_ack_duration_seconds", "", "no metric"),
        ("justcall_bridge_ready_bucket", "", "no metric"),
        (r#"justcall_bridge_refused_total{cause="kafka"}"#, "", "no label"),
        (r#"justcall_bridge_refused_total{reason="kafak"}"#, "", "never"),
        (r#"justcall_bridge_refused_total{reason=~"kafka|sig.+|sog.+"}"#, "", "never"),
        ("sum by (topic) (justcall_bridge_ready)", "", "no label of"),
        ("justcall_bridge_ready", "{{topic}}", "no label of"),
        ("sum by (le) (justcall_bridge_ready)", "", "no label of"),
        ("job:justcall_bridge_events:rate30m", "", "recorded by no rule"),
    ] {
        let found = of(query, legend);
        assert!(found.len() == 1 && found[0].contains(wrong), "{query}: {found:?}");
    }
}
