use super::*;
use crate::health::LifecycleState;
use crate::telemetry::catalogue::{CATALOGUE, Label, LabelValues, MetricKind};
use std::time::Duration;

fn render(metrics: &Metrics) -> String {
    metrics.render(&Readiness::new(), 0)
}

fn assert_line(text: &str, line: &str) {
    assert!(text.lines().any(|each| each == line), "no line {line:?} in:\n{text}");
}

#[test]
fn scrape_has_exactly_the_metrics_of_the_catalogue() {
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
fn every_series_exists_at_start() {
    let text = render(&Metrics::new());
    assert_line(&text, "justcall_bridge_events_total{type=\"call.completed\",outcome=\"acked\"} 0");
    assert_line(&text, "justcall_bridge_refused_total{reason=\"queue_full\"} 0");
    assert_line(&text, "justcall_bridge_kafka_delivery_errors_total{kind=\"abandoned\"} 0");
    let version = env!("CARGO_PKG_VERSION");
    assert_line(&text, &format!("justcall_bridge_build_info{{version=\"{version}\"}} 1"));
}

#[test]
fn event_counts_once_by_type_and_outcome() {
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
fn outcomes_have_the_order_of_their_tags() {
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
fn unlisted_tag_counts_as_other() {
    let metrics = Metrics::new();
    metrics.refused("kafka");
    metrics.refused("+15551234567");
    let text = render(&metrics);
    assert_line(&text, "justcall_bridge_refused_total{reason=\"kafka\"} 1");
    assert_line(&text, "justcall_bridge_refused_total{reason=\"other\"} 1");
    assert!(!text.contains("1555"));
}

#[test]
fn each_source_has_its_own_series_at_start() {
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
fn responses_count_by_source_and_status() {
    let metrics = Metrics::new();
    let (main, elsewhere) = (metrics.responses(Some("main")), metrics.responses(None));
    for status in tags::STATUSES.iter().filter(|status| **status != tags::OTHER) {
        main.count(status.parse().unwrap());
    }
    main.count(418);
    main.count(500);
    elsewhere.count(404);
    let text = render(&metrics);
    for status in tags::STATUSES {
        let count = if *status == tags::OTHER { 2 } else { 1 };
        assert_line(
            &text,
            &format!("justcall_bridge_http_requests_total{{source=\"main\",status=\"{status}\"}} {count}"),
        );
    }
    assert_line(&text, "justcall_bridge_http_requests_total{source=\"other\",status=\"404\"} 1");
}

#[test]
fn topics_outside_the_settings_share_a_series() {
    let metrics = Metrics::new();
    let (named, former, older) = (metrics.topic(Some("a")), metrics.topic(None), metrics.topic(None));
    named.spooled.inc();
    former.failed.inc();
    older.failed.inc();
    former.backlog.set(5);
    older.backlog.set(3);
    named.backlog.set(1);
    former.backlog.set(4);
    named.circuit_open.set(1);
    let text = render(&metrics);
    for line in [
        "records_total{topic=\"a\",result=\"acked\"} 0",
        "records_total{topic=\"a\",result=\"spooled\"} 1",
        "records_total{topic=\"other\",result=\"failed\"} 2",
        "topic_backlog_records{topic=\"other\"} 7",
        "topic_backlog_records{topic=\"a\"} 1",
        "topic_circuit_open{topic=\"a\"} 1",
        "topic_circuit_open{topic=\"other\"} 0",
        "topic_circuit_opened_total{topic=\"a\"} 0",
    ] {
        assert_line(&text, &format!("justcall_bridge_{line}"));
    }
}

#[test]
fn kafka_client_gauges_are_set_and_counters_added() {
    let metrics = Metrics::new();
    let figures = ClientFigures {
        queue_bytes: 7,
        brokers: [3, 0, 1, 0, 0],
        slowest_rtt: Duration::from_micros(2500),
        throttle: Duration::ZERO,
        disconnects: 2,
        request_errors: 1,
    };
    metrics.update_kafka_client(&figures);
    metrics.update_kafka_client(&ClientFigures { brokers: [4, 0, 0, 0, 0], ..figures });
    let text = render(&metrics);
    for line in [
        "kafka_queue_bytes 7",
        "kafka_brokers{state=\"up\"} 4",
        "kafka_brokers{state=\"down\"} 0",
        "kafka_slowest_rtt_seconds 0.0025",
        "kafka_disconnects_total 4",
        "kafka_request_errors_total 2",
    ] {
        assert_line(&text, &format!("justcall_bridge_{line}"));
    }
}

#[test]
fn last_reload_is_successful_from_the_start_and_after_each_success() {
    let metrics = Metrics::new();
    assert_line(&render(&metrics), "justcall_bridge_config_last_reload_successful 1");
    metrics.settings_reload(false);
    assert_line(&render(&metrics), "justcall_bridge_config_last_reload_successful 0");
    metrics.settings_reload(true);
    let text = render(&metrics);
    assert_line(&text, "justcall_bridge_config_last_reload_successful 1");
    assert_line(&text, "justcall_bridge_config_reloads_total{result=\"failure\"} 1");
}

#[test]
fn scrape_hook_is_called_at_each_scrape() {
    let metrics = Metrics::new();
    let early = metrics.forgotten_early.clone();
    metrics.on_scrape(move || {
        early.inc();
    });
    render(&metrics);
    assert_line(&render(&metrics), "justcall_bridge_dedup_evictions_total 2");
}

#[test]
fn scrape_updates_metrics_from_their_origin() {
    let metrics = Metrics::new();
    let readiness = Readiness::new();
    readiness.set_state(LifecycleState::Serving);
    readiness.kafka_up();
    metrics.request_duration_seconds.observe(Duration::from_millis(3));
    let text = metrics.render(&readiness, 4096);
    assert_line(&text, "justcall_bridge_in_flight_bytes 4096");
    assert_line(&text, "justcall_bridge_kafka_up 1");
    assert_line(&text, "justcall_bridge_ready 1");
    assert_line(&text, "justcall_bridge_request_duration_seconds_bucket{le=\"0.005\"} 1");
    assert_line(&text, "justcall_bridge_request_duration_seconds_bucket{le=\"0.0025\"} 0");
    assert!(text.ends_with("# EOF\n"));
}

/// `increase` ignores the first value of a new series.
#[test]
fn every_counter_is_zero_at_start() {
    let text = render(&Metrics::new());
    let mut seen = 0;
    for each in CATALOGUE.iter().filter(|each| each.kind == MetricKind::Counter) {
        let lines = match each.labels {
            [] => vec![format!("{} 0", each.name)],
            [Label { name, values: LabelValues::Of(tags) }] => {
                tags.iter().map(|tag| format!("{}{{{name}=\"{tag}\"}} 0", each.name)).collect()
            }
            _ => continue,
        };
        for line in lines {
            // Already above zero.
            if !line.starts_with("process_") {
                assert_line(&text, &line);
                seen += 1;
            }
        }
    }
    assert!(seen > 60, "{seen}");
}
