use super::*;
use justcall_events::KnownType;
use std::collections::BTreeSet;
use std::fmt::Write;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/metrics.md");

const BEGIN: &str = "# Metrics

<!-- Generated from src/telemetry/catalogue.rs by `UPDATE_GOLDEN=1 cargo test --lib metrics_page`. -->

`GET /metrics` on the admin listener (`admin.listen`) returns OpenMetrics text. `deploy/grafana` has a dashboard with the most important metrics, `deploy/prometheus` the alerts. The [runbook](../operations/runbook.md) describes the response to each alert.

- Every name has the prefix `justcall_bridge_`, which is left out below. Names with `process_` have no other prefix. Times are in seconds, sizes in bytes. Counters end in `_total`. Histograms have `_bucket`, `_sum` and `_count`.
- The values of a label are a closed set, listed here or defined by the settings. No data of a sender becomes a label; a value outside the set counts as `other`. Every series exists from the start, at 0.
- An event costs a few atomic additions. Other values are read at the scrape.
- The changelog lists renamed and removed metrics and label values under Breaking.
";

fn labels(description: &MetricDescription) -> String {
    let names: Vec<_> = description.labels.iter().map(|label| format!("`{}`", label.name)).collect();
    names.join(", ")
}

fn kind(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
        MetricKind::Info => "info",
    }
}

fn unit(description: &MetricDescription) -> &'static str {
    let name = description.registered_name();
    let unit = ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(&format!("_{unit}")));
    unit.unwrap_or_default()
}

fn values(values: LabelValues) -> String {
    match values {
        LabelValues::Of(tags) => tags.iter().map(|tag| format!("`{tag}`")).collect::<Vec<_>>().join(" "),
        LabelValues::Types => {
            let types = KnownType::ALL.iter().map(|known| known.name()).chain([tags::OTHER]);
            types.map(|tag| format!("`{tag}`")).collect::<Vec<_>>().join(" ")
        }
        LabelValues::Sources => "the names under `sources`".to_owned(),
        LabelValues::SourcesOrOther => "the names under `sources`, and `other`".to_owned(),
        LabelValues::Topics => "the topics that the settings can name, and `other` for topics of earlier \
                           settings with records in the spool"
            .to_owned(),
        LabelValues::Version => "the version of the build".to_owned(),
    }
}

fn short(description: &MetricDescription) -> &'static str {
    description.name.strip_prefix("justcall_bridge_").unwrap_or(description.name)
}

fn page() -> String {
    let mut page = BEGIN.to_owned();
    let mut about = "";
    for each in CATALOGUE {
        if each.about != about {
            about = each.about;
            let _ = write!(page, "\n## {about}\n\n| name | type | unit | labels | description |\n");
            page.push_str("|---|---|---|---|---|\n");
        }
        let help = each.help;
        let (name, kind, unit, labels) = (short(each), kind(each.kind), unit(each), labels(each));
        let _ = writeln!(page, "| `{name}` | {kind} | {unit} | {labels} | {help} |");
    }
    page.push_str("\n## Values of labels\n\n| metric | label | values |\n|---|---|---|\n");
    for each in CATALOGUE {
        for label in each.labels {
            let _ = writeln!(page, "| `{}` | `{}` | {} |", short(each), label.name, values(label.values));
        }
    }
    page
}

#[test]
fn metrics_page_is_generated_from_the_catalogue() {
    let page = page();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(page == written, "docs/reference/metrics.md differs; UPDATE_GOLDEN=1 generates it");
}

#[test]
fn names_have_their_prefix_their_unit_and_the_suffix_of_their_kind() {
    for each in CATALOGUE {
        let name = each.name;
        let prefix = if each.about == "Process" { "process_" } else { "justcall_bridge_" };
        assert!(name.starts_with(prefix), "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert_eq!(each.kind == MetricKind::Counter, name.ends_with("_total"), "{name}");
        assert_eq!(each.kind == MetricKind::Info, name.ends_with("_info"), "{name}");
        assert!(each.kind != MetricKind::Histogram || name.ends_with("_seconds"), "{name}");
        // Base units only.
        for scaled in ["milli", "micro", "minute", "hour", "kilo", "mega", "percent"] {
            assert!(!name.contains(scaled), "{name}");
        }
    }
}

#[test]
fn help_is_one_line_without_a_full_stop() {
    for each in CATALOGUE {
        assert!(!each.help.is_empty() && !each.help.ends_with('.'), "{}", each.name);
        assert!(!each.help.contains(['\n', '|']) && !each.help.contains("  "), "{}", each.name);
    }
}

#[test]
fn registered_names_are_unique() {
    let names: BTreeSet<_> = CATALOGUE.iter().map(MetricDescription::registered_name).collect();
    assert_eq!(names.len(), CATALOGUE.len());
}

#[test]
fn labels_do_not_collide_with_those_of_a_target() {
    // Prometheus adds these labels to every series of a target, and renames ours.
    for label in CATALOGUE.iter().flat_map(|each| each.labels) {
        assert!(!["job", "instance", "namespace", "pod", "container", "service", "le"].contains(&label.name));
    }
}

#[test]
fn sets_of_tags_from_outside_end_with_other() {
    for list in [
        tags::REFUSED,
        tags::REJECTED,
        tags::DENIED,
        tags::TURNED_AWAY,
        tags::DELIVERY_ERRORS,
        tags::STATUSES,
        tags::BROKERS,
    ] {
        assert_eq!(list.last(), Some(&tags::OTHER));
    }
}
