use super::catalogue::catalogue;
use super::intervals;
use super::query::unknown_names;
use crate::kit::promtool::promtool;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use yaml_rust2::{Yaml, YamlLoader};

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) expr: String,
    pub(super) severity: String,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) runbook: String,
}

fn groups() -> Vec<Yaml> {
    let documents = YamlLoader::load_from_str(&super::repository_file(RULES)).expect("YAML");
    documents[0]["groups"].as_vec().expect("groups").iter().flat_map(|group| group["rules"].clone()).collect()
}

const RULES: &str = "deploy/prometheus/rules.yaml";
const TESTS: [&str; 3] = [
    "deploy/prometheus/rules_test.yaml",
    "deploy/prometheus/rules_days_test.yaml",
    "deploy/prometheus/rules_weeks_test.yaml",
];

pub(super) fn rules() -> Vec<Rule> {
    let alerts = groups().into_iter().filter(|rule| !rule["alert"].is_badvalue());
    let rules: Vec<Rule> = alerts.map(|rule| read(&rule)).collect();
    assert!(rules.len() > 20, "{}", rules.len());
    rules
}

fn read(rule: &Yaml) -> Rule {
    let name = rule["alert"].as_str().expect("a name").to_owned();
    let text = |value: &Yaml, what: &str| {
        value.as_str().unwrap_or_else(|| panic!("{name} has no {what}")).to_owned()
    };
    let annotation = |what: &str| text(&rule["annotations"][what], what);
    Rule {
        expr: text(&rule["expr"], "expr"),
        severity: text(&rule["labels"]["severity"], "severity"),
        summary: annotation("summary"),
        description: annotation("description"),
        runbook: annotation("runbook_url"),
        name,
    }
}

pub(super) fn recorded() -> Vec<String> {
    groups().iter().filter_map(|rule| rule["record"].as_str()).map(str::to_owned).collect()
}

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

#[test]
fn every_alert_uses_only_exposed_metrics() {
    let (metrics, recorded) = (catalogue(), recorded());
    let exprs = groups().into_iter().filter_map(|rule| rule["expr"].as_str().map(str::to_owned));
    let strange = exprs.flat_map(|expr| unknown_names(&expr, "", &metrics, &recorded));
    assert_eq!(strange.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn every_alert_has_a_severity_a_description_and_a_runbook() {
    for rule in rules() {
        let Rule { name, severity, summary, description, runbook, expr } = &rule;
        assert!(["critical", "warning", "info"].contains(&severity.as_str()), "{name}: {severity}");
        assert!(!summary.ends_with('.') && summary.len() < 140, "{name}: {summary}");
        assert!(description.ends_with('.') && description.len() > 100, "{name}: {description}");
        assert_eq!(*runbook, format!("docs/operations/runbook.md#{}", name.to_lowercase()));
        for text in [summary, description] {
            // A label that the expression has aggregated away would be empty.
            let labels = text.split("$labels.").skip(1).map(|rest| rest.split([' ', '}']).next());
            for label in labels.flatten() {
                let has = expr.contains(label) || recorded_labels(expr).contains(label);
                assert!(has || expr.contains("topic_circuit_open"), "{name}: {label}");
            }
        }
    }
}

fn recorded_labels(expr: &str) -> String {
    let asked = |rule: &Yaml| rule["record"].as_str().is_some_and(|name| expr.contains(name));
    groups().iter().filter(|rule| asked(rule)).filter_map(|rule| rule["expr"].as_str()).collect()
}

#[test]
fn every_log_line_quoted_by_an_alert_exists() {
    let sources = sources(&path("src"));
    let descriptions: Vec<_> = rules().into_iter().map(|rule| (rule.name, rule.description)).collect();
    let mut quoted = 0;
    for (name, text) in &descriptions {
        // A quoted string within braces is one of Prometheus's formats.
        for line in text.split('"').skip(1).step_by(2).filter(|quoted| !quoted.starts_with('%')) {
            quoted += 1;
            assert!(sources.contains(line), "{name} quotes {line:?}, which the bridge does not log");
        }
    }
    assert!(quoted >= 4, "{quoted}");
}

fn sources(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let read = |path: PathBuf| {
        if path.is_dir() { sources(&path) } else { std::fs::read_to_string(&path).unwrap_or_default() }
    };
    entries.map(read).collect()
}

#[test]
fn alerts_fire_in_their_tests_and_no_others_do() {
    let output = promtool(&["check", "rules"], &path(RULES));
    assert!(output.contains("SUCCESS"), "{output}");
    for file in TESTS {
        let output = promtool(&["test", "rules"], &path(file));
        assert!(output.contains("SUCCESS"), "{output}");
    }
}

#[test]
fn alerts_fire_alike_at_scrape_intervals_of_30_and_60_seconds() {
    let tests = super::repository_file(TESTS[0]);
    let folder = tempfile::tempdir().expect("a folder");
    for factor in [2, 4] {
        let file = folder.path().join(format!("every_{factor}.json"));
        std::fs::write(&file, intervals::thinned(&tests, &path(RULES), factor)).expect("it is written");
        let output = promtool(&["test", "rules"], &file);
        assert!(output.contains("SUCCESS"), "{output}");
    }
}

#[test]
fn every_alert_fires_in_a_test() {
    let tests: String = TESTS.map(super::repository_file).concat();
    for Rule { name, severity, .. } in rules() {
        let fired = tests.lines().any(|line| {
            line.contains(&format!("ALERTS{{alertname=\"{name}\",alertstate=\"firing\""))
                && line.contains(&format!("severity=\"{severity}\""))
                && line.contains("value: 1")
        });
        assert!(fired, "{name} fires as {severity} in no test");
    }
    let named: BTreeSet<_> = rules().into_iter().map(|rule| rule.name).collect();
    let tested = tests.split("alertname=\"").skip(1).filter_map(|rest| rest.split('"').next());
    for name in tested {
        assert!(named.contains(name), "{name} is tested and is not an alert");
    }
}
