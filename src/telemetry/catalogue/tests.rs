use super::*;
use justcall_events::KnownType;
use std::collections::BTreeSet;
use std::fmt::Write;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/METRICS.md");

const BEGIN: &str = "# Metrics

<!-- Made from src/telemetry/catalogue.rs by `UPDATE_GOLDEN=1 cargo test --lib metrics_page`: change it there. -->

`GET /metrics` on the admin listener (`admin.listen`), as OpenMetrics text. What to look at first is on the dashboard, [deploy/grafana](../deploy/grafana/justcall-kafka-bridge.json); what wakes somebody is in [deploy/prometheus/rules.yaml](../deploy/prometheus/rules.yaml), and what to do then in [RUNBOOK.md](RUNBOOK.md).

- Every name begins with `justcall_bridge_`, left out below. Times are in seconds, sizes in bytes, counters end in `_total`, histograms have `_bucket`, `_sum` and `_count`.
- The values of every label come from a closed set, named here or by the settings: nothing that a sender writes becomes a label. What is in no list counts as `other`. Every series is there from the start, at 0.
- An event costs a few additions to numbers that were looked up beforehand. What is known elsewhere is asked for when `/metrics` is.
- A name, or a value of a label, that is renamed or goes is listed in the changelog under Breaking.
";

fn labels(description: &Description) -> String {
    let names: Vec<_> = description.labels.iter().map(|label| format!("`{}`", label.name)).collect();
    names.join(", ")
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
        Kind::Info => "info",
    }
}

fn unit(description: &Description) -> &'static str {
    let name = description.registered_name();
    let unit = ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(&format!("_{unit}")));
    unit.unwrap_or_default()
}

fn values(values: Values) -> String {
    match values {
        Values::Of(tags) => tags.iter().map(|tag| format!("`{tag}`")).collect::<Vec<_>>().join(" "),
        Values::Types => {
            let types = KnownType::ALL.iter().map(|known| known.name()).chain([tags::OTHER]);
            types.map(|tag| format!("`{tag}`")).collect::<Vec<_>>().join(" ")
        }
        Values::Sources(false) => "the names under `sources`".to_owned(),
        Values::Sources(true) => "the names under `sources`, and `other`".to_owned(),
        Values::Topics => "the topics that the settings can yield, and `other` for those of earlier \
                           settings that the spool still holds records of"
            .to_owned(),
        Values::Version => "the version of the build".to_owned(),
    }
}

fn short(description: &Description) -> &'static str {
    description.name.strip_prefix("justcall_bridge_").unwrap()
}

fn page() -> String {
    let mut page = BEGIN.to_owned();
    let mut about = "";
    for each in CATALOGUE {
        if each.about != about {
            about = each.about;
            let _ = write!(page, "\n## {about}\n\n| name | type | unit | labels | since | tells |\n");
            page.push_str("|---|---|---|---|---|---|\n");
        }
        let Description { since, help, .. } = each;
        let (name, kind, unit, labels) = (short(each), kind(each.kind), unit(each), labels(each));
        let _ = writeln!(page, "| `{name}` | {kind} | {unit} | {labels} | {since} | {help} |");
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
fn metrics_page_is_this_catalogue() {
    let page = page();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(page == written, "docs/METRICS.md differs; UPDATE_GOLDEN=1 writes it anew");
}

#[test]
fn names_have_the_prefix_their_unit_and_the_suffix_of_their_kind() {
    for each in CATALOGUE {
        let name = each.name;
        assert!(name.starts_with("justcall_bridge_"), "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert_eq!(each.kind == Kind::Counter, name.ends_with("_total"), "{name}");
        assert_eq!(each.kind == Kind::Info, name.ends_with("_info"), "{name}");
        assert!(each.kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
        // Base units only.
        for scaled in ["milli", "micro", "minute", "hour", "kilo", "mega", "percent"] {
            assert!(!name.contains(scaled), "{name}");
        }
    }
}

#[test]
fn help_is_one_line_without_a_full_stop_that_a_table_can_hold() {
    for each in CATALOGUE {
        assert!(!each.help.is_empty() && !each.help.ends_with('.'), "{}", each.name);
        assert!(!each.help.contains(['\n', '|']) && !each.help.contains("  "), "{}", each.name);
    }
}

#[test]
fn no_name_is_there_twice_also_without_its_suffix() {
    let names: BTreeSet<_> = CATALOGUE.iter().map(Description::registered_name).collect();
    assert_eq!(names.len(), CATALOGUE.len());
}

#[test]
fn labels_are_no_others_than_a_target_has() {
    // What Prometheus puts on every series of a target: a label of ours would be renamed.
    for label in CATALOGUE.iter().flat_map(|each| each.labels) {
        assert!(!["job", "instance", "namespace", "pod", "container", "service", "le"].contains(&label.name));
    }
}

#[test]
fn what_strangers_can_cause_ends_with_other() {
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
