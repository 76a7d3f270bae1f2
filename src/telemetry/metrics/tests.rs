use super::*;
use crate::telemetry::{CATALOGUE, Kind, State};
use std::time::Duration;

fn render(metrics: &Metrics) -> String {
    metrics.render(&Readiness::new(), 0)
}

fn assert_line(text: &str, line: &str) {
    assert!(text.lines().any(|each| each == line), "no line {line:?} in:\n{text}");
}

#[test]
fn the_catalogue_names_exactly_what_is_scraped() {
    let metrics = Metrics::new();
    metrics.source("main");
    let text = render(&metrics);
    let scraped: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let described: Vec<_> = CATALOGUE
        .iter()
        .map(|each| format!("{} {}", each.registered_name(), format!("{:?}", each.kind).to_lowercase()))
        .collect();
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    assert_eq!(sorted(scraped.into_iter().map(str::to_owned).collect()), sorted(described));
}

#[test]
fn names_have_the_prefix_and_counters_their_suffix() {
    for each in CATALOGUE {
        assert!(each.name.starts_with("justcall_bridge_"), "{}", each.name);
        assert_eq!(each.kind == Kind::Counter, each.name.ends_with("_total"), "{}", each.name);
        assert!(each.kind != Kind::Histogram || each.name.ends_with("_seconds"), "{}", each.name);
        assert!(!each.help.ends_with('.'), "{}", each.name);
    }
}

#[test]
fn every_series_is_there_before_it_moves() {
    let text = render(&Metrics::new());
    assert_line(&text, "justcall_bridge_events_total{type=\"call.completed\",outcome=\"acked\"} 0");
    assert_line(&text, "justcall_bridge_refused_total{reason=\"queue_full\"} 0");
    assert_line(&text, "justcall_bridge_kafka_delivery_errors_total{kind=\"abandoned\"} 0");
    let version = env!("CARGO_PKG_VERSION");
    assert_line(&text, &format!("justcall_bridge_build_info{{version=\"{version}\"}} 1"));
}

#[test]
fn an_event_counts_under_its_type_and_outcome_alone() {
    let metrics = Metrics::new();
    metrics.event(Some(KnownType::SdCallAiGenerated), EventOutcome::Duplicate);
    metrics.event(None, EventOutcome::Refused);
    let text = render(&metrics);
    assert_line(&text, "justcall_bridge_events_total{type=\"sd.call_ai_generated\",outcome=\"duplicate\"} 1");
    assert_line(&text, "justcall_bridge_events_total{type=\"other\",outcome=\"refused\"} 1");
    let moved =
        text.lines().filter(|line| line.starts_with("justcall_bridge_events_total") && !line.ends_with(" 0"));
    assert_eq!(moved.count(), 2);
}

#[test]
fn outcomes_are_in_the_order_of_their_tags() {
    for (outcome, tag) in [
        (EventOutcome::Acked, "acked"),
        (EventOutcome::Spooled, "spooled"),
        (EventOutcome::Duplicate, "duplicate"),
        (EventOutcome::Dropped, "dropped"),
        (EventOutcome::Probe, "probe"),
        (EventOutcome::DeadLettered, "dead_lettered"),
        (EventOutcome::Refused, "refused"),
        (EventOutcome::Denied, "denied"),
    ] {
        assert_eq!(tags::OUTCOMES[outcome as usize], tag);
    }
}

#[test]
fn a_tag_in_no_list_counts_as_other() {
    let metrics = Metrics::new();
    metrics.refused("kafka");
    metrics.refused("+15551234567");
    let text = render(&metrics);
    assert_line(&text, "justcall_bridge_refused_total{reason=\"kafka\"} 1");
    assert_line(&text, "justcall_bridge_refused_total{reason=\"other\"} 1");
    assert!(!text.contains("1555"));
}

#[test]
fn a_source_has_its_own_series_from_the_start() {
    let metrics = Metrics::new();
    let (main, other) = (metrics.source("main"), metrics.source("other"));
    main.valid(1);
    main.signature("signature_stale");
    other.reused.inc();
    let text = render(&metrics);
    for (series, value) in [
        ("signatures_total{source=\"main\",result=\"valid\"}", 1),
        ("signatures_total{source=\"main\",result=\"signature_stale\"}", 1),
        ("signatures_total{source=\"other\",result=\"valid\"}", 0),
        ("signature_secret_matches_total{source=\"main\",secret=\"0\"}", 0),
        ("signature_secret_matches_total{source=\"main\",secret=\"1\"}", 1),
        ("signature_reused_total{source=\"main\"}", 0),
        ("signature_reused_total{source=\"other\"}", 1),
    ] {
        assert_line(&text, &format!("justcall_bridge_{series} {value}"));
    }
}

#[test]
fn every_list_of_tags_ends_with_other() {
    for list in [tags::REFUSED, tags::REJECTED, tags::DENIED, tags::TURNED_AWAY, tags::DELIVERY_ERRORS] {
        assert_eq!(list.last(), Some(&tags::OTHER));
    }
}

#[test]
fn what_is_known_elsewhere_is_taken_over_at_the_scrape() {
    let metrics = Metrics::new();
    let readiness = Readiness::new();
    readiness.set_state(State::Serving);
    readiness.kafka_up();
    metrics.request_seconds.observe(Duration::from_millis(3));
    let text = metrics.render(&readiness, 4096);
    assert_line(&text, "justcall_bridge_in_flight_bytes 4096");
    assert_line(&text, "justcall_bridge_kafka_up 1");
    assert_line(&text, "justcall_bridge_ready 1");
    assert_line(&text, "justcall_bridge_request_seconds_bucket{le=\"0.005\"} 1");
    assert_line(&text, "justcall_bridge_request_seconds_bucket{le=\"0.0025\"} 0");
    assert!(text.ends_with("# EOF\n"));
}
