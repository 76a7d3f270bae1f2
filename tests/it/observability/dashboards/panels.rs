use super::alerts;
use super::catalogue::catalogue;
use super::query::unknown_names;
use crate::kit::promtool;
use serde_json::Value;
use std::collections::BTreeSet;

fn dashboard() -> Value {
    serde_json::from_str(&super::repository_file("deploy/grafana/justcall-kafka-bridge.json")).expect("JSON")
}

fn panels(dashboard: &Value) -> &[Value] {
    dashboard["panels"].as_array().expect("panels")
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}

fn queries(dashboard: &Value) -> Vec<(&str, &str)> {
    let targets = panels(dashboard).iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let annotations = dashboard["annotations"]["list"].as_array().expect("annotations").iter();
    let of_panels = targets.map(|target| (text(target, "expr"), text(target, "legendFormat")));
    of_panels.chain(annotations.map(|each| (text(each, "expr"), text(each, "titleFormat")))).collect()
}

fn filled_in(query: &str) -> String {
    let query = query.replace("$__rate_interval", "5m").replace("$namespace", "n").replace("$job", "j");
    let query = query.replace("$pod", "p");
    assert!(!query.contains('$'), "the dashboard lacks this variable: {query}");
    query
}

#[test]
fn every_query_uses_only_exposed_metrics() {
    let (dashboard, metrics) = (dashboard(), catalogue());
    let queries = queries(&dashboard);
    assert!(queries.len() > 60, "{}", queries.len());
    let strange = queries.iter().flat_map(|(query, legend)| unknown_names(query, legend, &metrics, &[]));
    assert_eq!(strange.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn every_query_is_promql_and_follows_the_variables() {
    let dashboard = dashboard();
    let queries = queries(&dashboard);
    for (query, _) in &queries {
        let series = query.matches("justcall_bridge_").count() + query.matches("process_").count();
        let chosen = query.matches(r#"{namespace=~"$namespace",job=~"$job",pod=~"$pod""#).count();
        assert_eq!(series, chosen, "some series are not of the chosen bridges: {query}");
    }
    promtool::check_queries(&queries.iter().map(|(query, _)| filled_in(query)).collect::<Vec<_>>());
}

#[test]
fn every_metric_is_on_the_dashboard() {
    let dashboard = dashboard();
    let asked: String = queries(&dashboard).iter().map(|(query, _)| format!("{query}\n")).collect();
    let missing = catalogue()
        .into_keys()
        .filter(|name| !asked.contains(&format!("{name}{{")) && !asked.contains(&format!("{name}_bucket{{")));
    assert_eq!(missing.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn variables_select_data_source_namespace_job_and_pod_also_outside_kubernetes() {
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let names: Vec<_> = variables.iter().map(|variable| text(variable, "name")).collect();
    assert_eq!(names, ["datasource", "namespace", "job", "pod"]);
    for variable in &variables[1..] {
        assert_eq!(text(variable, "allValue"), ".*", "without such a label it is empty");
        assert!(text(variable, "definition").starts_with("label_values(justcall_bridge_build_info"));
        assert_eq!(text(&variable["query"], "query"), text(variable, "definition"));
    }
}

#[test]
fn panels_have_descriptions_and_do_not_overlap() {
    let dashboard = dashboard();
    let (mut ids, mut titles, mut taken) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for panel in panels(&dashboard) {
        let title = text(panel, "title");
        assert!(ids.insert(panel["id"].as_u64()), "{title}: duplicate id");
        if text(panel, "type") == "row" {
            titles.clear();
        }
        assert!(titles.insert(title), "{title}: twice in a row");
        let place = |side: &str| panel["gridPos"][side].as_u64().expect(side);
        assert!(place("x") + place("w") <= 24, "{title}: too wide");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "{title}: overlaps another panel");
            }
        }
        if text(panel, "type") == "row" {
            continue;
        }
        assert!(text(panel, "description").ends_with('.'), "{title}: no sentence");
        let targets = panel["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert_eq!(targets.is_empty(), text(panel, "type") == "alertlist", "{title}: no query");
        for target in targets {
            assert_eq!(text(&target["datasource"], "uid"), "${datasource}", "{title}");
        }
        if text(panel, "type") == "stat" {
            // Over a range, Grafana shows the last number of a series that has ended.
            assert!(targets.iter().all(|target| target["instant"] == true), "{title}: not an instant query");
        }
        if text(panel, "type") == "timeseries" {
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title}: no unit");
            assert!(
                targets.iter().all(|target| !text(target, "legendFormat").is_empty()),
                "{title}: no legend"
            );
        }
    }
}

#[test]
fn first_row_shows_health_and_the_others_follow_the_path_of_an_event() {
    let dashboard = dashboard();
    let rows = panels(&dashboard).iter().filter(|panel| panel["type"] == "row");
    let titles: Vec<_> = rows.map(|row| text(row, "title")).collect();
    assert_eq!(titles, ["Overview", "Ingress", "Kafka", "Spool", "Dead letters", "Reloads and process"]);
    let list = panels(&dashboard).iter().find(|panel| panel["type"] == "alertlist").expect("the alerts");
    let prefix = text(&list["options"], "alertName");
    assert!(alerts::rules().iter().all(|rule| rule.name.starts_with(prefix)));
}
