use std::path::Path;
use std::time::Duration;
use yaml_rust2::{Yaml, YamlLoader};

const WRITTEN_INTERVAL: &str = "15s";

/// Makes the scrape interval `factor` times longer. Returns JSON, which is YAML.
pub(super) fn thinned(tests: &str, rules: &Path, factor: u32) -> String {
    let documents = YamlLoader::load_from_str(tests).expect("YAML");
    let mut file = json(&documents[0]);
    assert_eq!(file["evaluation_interval"], WRITTEN_INTERVAL);
    let interval = format!("{}s", (Duration::from_secs(15) * factor).as_secs());
    file["rule_files"] = serde_json::json!([rules]);
    file["evaluation_interval"] = interval.clone().into();
    for case in file["tests"].as_array_mut().expect("tests") {
        assert_eq!(case["interval"], WRITTEN_INTERVAL, "{}", case["name"]);
        case["interval"] = interval.clone().into();
        for series in case["input_series"].as_array_mut().expect("series") {
            let samples = samples(series["values"].as_str().expect("values"));
            series["values"] = every(factor as usize, &samples).join(" ").into();
        }
    }
    file.to_string()
}

fn json(yaml: &Yaml) -> serde_json::Value {
    match yaml {
        Yaml::Array(items) => items.iter().map(json).collect(),
        Yaml::Hash(members) => {
            let members = members.iter().map(|(name, value)| (name.as_str().expect("a name"), json(value)));
            members.map(|(name, value)| (name.to_owned(), value)).collect()
        }
        Yaml::String(text) => text.as_str().into(),
        Yaml::Integer(number) => (*number).into(),
        other => panic!("{other:?}"),
    }
}

fn samples(values: &str) -> Vec<String> {
    values.split_whitespace().flat_map(expanded).collect()
}

/// Expands `stale`, `_`, `_x2`, `1`, `1x2`, `1+0.5x2` or `1-0.5x2`.
fn expanded(token: &str) -> Vec<String> {
    let (what, times) = token.split_once('x').unwrap_or((token, "0"));
    let times: u32 = times.parse().expect("a number of times");
    if ["_", "stale"].contains(&what) {
        return vec![what.to_owned(); times.max(1) as usize];
    }
    // The first sign belongs to the first number.
    let sign = what[1..].find(['+', '-']).map_or(what.len(), |at| at + 1);
    let (first, step) = what.split_at(sign);
    let first: f64 = first.parse().expect("a first value");
    let step: f64 = if step.is_empty() { 0.0 } else { step.parse().expect("a step") };
    (0..=times).map(|time| (first + step * f64::from(time)).to_string()).collect()
}

/// A target that was absent between two samples marks the next one as stale.
fn every(factor: usize, samples: &[String]) -> Vec<String> {
    let seen = |at: usize| {
        let since = &samples[(at + 1).saturating_sub(factor)..=at];
        let was_gone = samples[at] == "_" && since.iter().any(|sample| sample == "stale");
        if was_gone { "stale".to_owned() } else { samples[at].clone() }
    };
    let mut samples_at: Vec<_> = (0..samples.len()).step_by(factor).map(seen).collect();
    let last = samples.len() - 1;
    // A series that ends has no next sample.
    if samples[last] == "stale" && !last.is_multiple_of(factor) {
        samples_at.push("stale".to_owned());
    }
    samples_at
}

#[test]
fn thinned_samples_match_a_longer_scrape_interval() {
    for (written, factor, seen) in [
        ("0 1 2 3 4", 2, "0 2 4"),
        ("0+1x4", 4, "0 4"),
        ("9-0.5x3 _x2 7", 2, "9 8 _ 7"),
        ("1x3 stale _x3 2", 2, "1 1 stale _ 2"),
        ("1x2 stale _ 2x3", 2, "1 1 stale 2 2"),
        ("1x2 stale 2x3", 2, "1 1 2 2"),
        ("1x1 stale _x4", 4, "1 stale"),
        ("1x2 stale", 4, "1 stale"),
        ("-5x1 -4+2x1", 1, "-5 -5 -4 -2"),
    ] {
        assert_eq!(every(factor, &samples(written)).join(" "), seen, "{written}");
    }
}
