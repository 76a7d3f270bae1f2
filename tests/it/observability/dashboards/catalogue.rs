use crate::kit::bridge::metric_name;
use std::collections::BTreeMap;

/// Prometheus adds them to every series of a target.
pub(super) const TARGET_LABELS: [&str; 4] = ["namespace", "job", "instance", "pod"];

#[derive(Debug)]
pub(super) struct Metric {
    pub(super) kind: String,
    pub(super) help: String,
    /// Values are empty if not listed.
    pub(super) labels: BTreeMap<String, Vec<String>>,
}

pub(super) fn catalogue() -> BTreeMap<String, Metric> {
    let page = super::repository_file("docs/reference/metrics.md");
    let rows: Vec<Vec<&str>> = page.lines().filter_map(cells).collect();
    let mut metrics: BTreeMap<_, _> =
        rows.iter().filter(|row| row.len() == 5).map(|row| metric(row)).collect();
    for row in rows.iter().filter(|row| row.len() == 3) {
        let metric =
            metrics.get_mut(&full(row[0])).unwrap_or_else(|| panic!("{row:?} does not belong to a metric"));
        let values = if row[2].starts_with('`') { ticked(row[2]) } else { Vec::new() };
        let label = metric.labels.get_mut(row[1].trim_matches('`'));
        *label.unwrap_or_else(|| panic!("{row:?} is not a label")) = values;
    }
    assert!(metrics.len() > 40, "docs/reference/metrics.md was not parsed: {}", metrics.len());
    metrics
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let row = line.strip_prefix("| `")?;
    let row = row.strip_suffix(" |")?;
    Some(row.split(" | ").collect())
}

fn metric(row: &[&str]) -> (String, Metric) {
    let labels = ticked(row[3]).into_iter().map(|label| (label, Vec::new())).collect();
    (full(row[0]), Metric { kind: row[1].to_owned(), help: row[4].to_owned(), labels })
}

fn full(name: &str) -> String {
    metric_name(name.trim_matches('`'))
}

fn ticked(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
