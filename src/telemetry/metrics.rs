//! Metrics of the process. Handles are resolved once: an event costs a few relaxed additions, and no lookup
//! or lock.

use super::Histogram;
use super::catalogue::tags::{self, EventOutcome};
use super::catalogue::{self, MetricDescription};
use super::kafka_client_metrics::{ClientFigures, KafkaClientMetrics};
use super::labeled_metric::LabeledMetric;
use super::process_metrics::{ProcessMetrics, unix_seconds};
use super::registry::register;
use super::source_metrics::{ResponseCounters, SourceCounters, SourceMetrics};
use super::spool_metrics::{SpoolFigures, SpoolMetrics};
use super::topic_metrics::{TopicCounters, TopicMetrics};
use crate::health::{KafkaState, Readiness, SpoolState};
use justcall_events::KnownType;
use parking_lot::Mutex;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::fmt;

pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Buckets for work that waits for Kafka or a client: 100 µs to 60 s, in microseconds.
const WAIT_BUCKETS: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

/// Buckets for work that never waits: 1 µs to 50 ms, in microseconds.
const WORK_BUCKETS: &[u64] = &[1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000];

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Counters by type ([`KnownType::index`], then all others) and outcome.
    events: Vec<Vec<Counter>>,
    refused: TaggedCounters,
    rejected: TaggedCounters,
    denied: TaggedCounters,
    sources: SourceMetrics,
    topics: TopicMetrics,
    client: KafkaClientMetrics,
    process: ProcessMetrics,
    scrape_hooks: ScrapeHooks,
    turned_away: TaggedCounters,
    delivery_errors: TaggedCounters,
    in_flight_bytes: Gauge,
    log_lines_dropped: Counter,
    kafka_up: Gauge,
    spool_writable: Gauge,
    spool: SpoolMetrics,
    ready: Gauge,
    /// Violations accepted by tolerant validation.
    pub tolerated_violations: Counter,
    /// Route headers left out because of their values.
    pub headers_left_out: Counter,
    /// Missing topics that the bridge created.
    pub topics_created: Counter,
    /// Time from a complete body to its records.
    pub parse_duration_seconds: Histogram,
    /// Time from producing an event's records to the last acknowledgement.
    pub ack_duration_seconds: Histogram,
    /// Time from a request's head to its outcome.
    pub request_duration_seconds: Histogram,
    /// Open connections to the ingress.
    pub connections: Gauge,
    /// Requests in flight.
    pub in_flight_requests: Gauge,
    /// Limit of the memory budget, in bytes.
    pub in_flight_limit: Gauge,
    /// Events in the deduplication window.
    pub remembered: Gauge,
    /// Capacity of the deduplication window, in events.
    pub remembered_limit: Gauge,
    /// Events that deduplication forgot early because of its capacity.
    pub forgotten_early: Counter,
    /// Topics whose circuit is open.
    pub topic_circuits_open: Gauge,
    /// Records in the producer's queue.
    pub kafka_queue_records: Gauge,
    /// Changed files that were applied.
    pub file_reloads: Counter,
    /// Files that are invalid now.
    pub watched_files_invalid: Gauge,
    settings_reloads: TaggedCounters,
    config_last_reload_successful: Gauge,
    settings_loaded: Gauge,
    /// Changed settings that need a restart.
    pub config_pending_restart: Gauge,
    /// Expiry of the ingress's certificate, in seconds since 1970.
    pub certificate_expires: Gauge,
    producers_replaced: TaggedCounters,
    /// Spans that the collector accepted.
    pub spans_exported: Counter,
    spans_dropped: TaggedCounters,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Registers all metrics at zero, so that each series exists before its first change.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let all = &mut registry;
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        all.register(catalogue::BUILD.registered_name(), catalogue::BUILD.help, build);
        let config_last_reload_successful =
            register(all, &catalogue::LAST_RELOAD_SUCCESSFUL, Gauge::default());
        config_last_reload_successful.set(1);
        let settings_loaded = register(all, &catalogue::SETTINGS_LOADED, Gauge::default());
        settings_loaded.set(unix_seconds());
        let metrics = Self {
            events: events(all),
            refused: TaggedCounters::register(all, &catalogue::REFUSED),
            rejected: TaggedCounters::register(all, &catalogue::REJECTED),
            denied: TaggedCounters::register(all, &catalogue::DENIED),
            sources: SourceMetrics::register(all),
            topics: TopicMetrics::register(all),
            client: KafkaClientMetrics::register(all),
            process: ProcessMetrics::register(all),
            scrape_hooks: ScrapeHooks::default(),
            turned_away: TaggedCounters::register(all, &catalogue::TURNED_AWAY),
            delivery_errors: TaggedCounters::register(all, &catalogue::DELIVERY_ERRORS),
            log_lines_dropped: register(all, &catalogue::LOG_LINES_DROPPED, Counter::default()),
            tolerated_violations: register(all, &catalogue::TOLERATED, Counter::default()),
            headers_left_out: register(all, &catalogue::HEADERS_LEFT_OUT, Counter::default()),
            topics_created: register(all, &catalogue::TOPICS_CREATED, Counter::default()),
            parse_duration_seconds: register(all, &catalogue::PARSE_SECONDS, Histogram::new(WORK_BUCKETS)),
            ack_duration_seconds: register(all, &catalogue::ACK_SECONDS, Histogram::new(WAIT_BUCKETS)),
            request_duration_seconds: register(
                all,
                &catalogue::REQUEST_SECONDS,
                Histogram::new(WAIT_BUCKETS),
            ),
            connections: register(all, &catalogue::CONNECTIONS, Gauge::default()),
            in_flight_limit: register(all, &catalogue::IN_FLIGHT_LIMIT, Gauge::default()),
            remembered: register(all, &catalogue::REMEMBERED, Gauge::default()),
            remembered_limit: register(all, &catalogue::REMEMBERED_LIMIT, Gauge::default()),
            forgotten_early: register(all, &catalogue::FORGOTTEN_EARLY, Counter::default()),
            in_flight_requests: register(all, &catalogue::IN_FLIGHT_REQUESTS, Gauge::default()),
            in_flight_bytes: register(all, &catalogue::IN_FLIGHT_BYTES, Gauge::default()),
            kafka_queue_records: register(all, &catalogue::QUEUE_RECORDS, Gauge::default()),
            topic_circuits_open: register(all, &catalogue::CIRCUITS_OPEN, Gauge::default()),
            file_reloads: register(all, &catalogue::FILE_RELOADS, Counter::default()),
            watched_files_invalid: register(all, &catalogue::FILES_FAILING, Gauge::default()),
            settings_reloads: TaggedCounters::register(all, &catalogue::SETTINGS_RELOADS),
            config_last_reload_successful,
            settings_loaded,
            config_pending_restart: register(all, &catalogue::SETTINGS_WAITING, Gauge::default()),
            certificate_expires: register(all, &catalogue::CERTIFICATE_EXPIRES, Gauge::default()),
            spans_exported: register(all, &catalogue::SPANS_EXPORTED, Counter::default()),
            spans_dropped: TaggedCounters::register(all, &catalogue::SPANS_DROPPED),
            producers_replaced: TaggedCounters::register(all, &catalogue::PRODUCERS_REPLACED),
            spool: SpoolMetrics::register(all),
            spool_writable: register(all, &catalogue::SPOOL_TAKES, Gauge::default()),
            kafka_up: register(all, &catalogue::KAFKA_UP, Gauge::default()),
            ready: register(all, &catalogue::READY, Gauge::default()),
            registry,
        };
        // Series that no settings name.
        metrics.responses(None);
        metrics.topic(None);
        metrics
    }

    /// Counts an event by type and outcome. `None`: no type, or one that JustCall does not document.
    pub fn event(&self, event_type: Option<KnownType>, outcome: EventOutcome) {
        let row = event_type.map_or(KnownType::ALL.len(), KnownType::index);
        self.events[row][outcome as usize].inc();
    }

    /// Counts a refused event. `tag` is one of [`tags::REFUSED`].
    pub fn refused(&self, tag: &str) {
        self.refused.inc(tag);
    }

    /// Counts a rejected event. `tag` is one of [`tags::REJECTED`].
    pub fn rejected(&self, tag: &str) {
        self.rejected.inc(tag);
    }

    /// Counts an event that was not authenticated. `tag` is one of [`tags::DENIED`].
    pub fn denied(&self, tag: &str) {
        self.denied.inc(tag);
    }

    /// Returns the counters of a source.
    pub fn source(&self, name: &str) -> SourceCounters {
        self.sources.of(name)
    }

    /// Returns the counters of responses. `None`: requests to no source.
    pub fn responses(&self, source: Option<&str>) -> ResponseCounters {
        self.sources.responses(source.unwrap_or(tags::OTHER))
    }

    /// Returns the counters of a topic. `None`: topics that the settings do not name.
    pub fn topic(&self, name: Option<&str>) -> TopicCounters {
        self.topics.of(name.unwrap_or(tags::OTHER))
    }

    /// Applies the figures of librdkafka.
    pub fn update_kafka_client(&self, figures: &ClientFigures) {
        self.client.update(figures);
    }

    /// Adds a hook that updates metrics at each scrape.
    pub fn on_scrape(&self, hook: impl Fn() + Send + Sync + 'static) {
        self.scrape_hooks.0.lock().push(Box::new(hook));
    }

    /// Counts a request rejected before ingest. `tag` is one of [`tags::TURNED_AWAY`].
    pub fn turned_away(&self, tag: &str) {
        self.turned_away.inc(tag);
    }

    /// Counts a failed record. `tag` is one of [`tags::DELIVERY_ERRORS`].
    pub fn delivery_error(&self, tag: &str) {
        self.delivery_errors.inc(tag);
    }

    /// Counts a replaced producer. `tag` is one of [`tags::PRODUCERS_REPLACED`].
    pub fn producer_replaced(&self, tag: &str) {
        self.producers_replaced.inc(tag);
    }

    /// Counts spans that were not exported. `tag` is one of [`tags::SPANS_DROPPED`].
    pub fn spans_dropped(&self, tag: &str, spans: u64) {
        self.spans_dropped.inc_by(tag, spans);
    }

    /// Counts a reload. `taken`: the new settings are valid and in force.
    pub fn settings_reload(&self, taken: bool) {
        self.settings_reloads.inc(if taken { "success" } else { "failure" });
        self.config_last_reload_successful.set(i64::from(taken));
        if taken {
            self.settings_loaded.set(unix_seconds());
        }
    }

    /// Applies the figures of the spool.
    pub fn update_spool(&self, figures: &SpoolFigures) {
        self.spool.update(figures);
    }

    /// Updates all metrics and returns them as OpenMetrics text.
    pub fn render(&self, readiness: &Readiness, in_flight_bytes: usize) -> String {
        self.in_flight_bytes.set(i64::try_from(in_flight_bytes).unwrap_or(i64::MAX));
        self.kafka_up.set(i64::from(readiness.kafka().0 == KafkaState::Up));
        self.spool_writable.set(i64::from(readiness.spool() == SpoolState::Accepting));
        self.ready.set(i64::from(readiness.is_ready()));
        let dropped = super::logs::dropped_lines().saturating_sub(self.log_lines_dropped.get());
        self.log_lines_dropped.inc_by(dropped);
        self.process.update();
        self.scrape_hooks.0.lock().iter().for_each(|hook| hook());
        let mut text = String::with_capacity(16 * 1024);
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

#[derive(Debug)]
struct TaggedCounters(Vec<(&'static str, Counter)>);

impl TaggedCounters {
    fn register(registry: &mut Registry, description: &MetricDescription) -> Self {
        Self(LabeledMetric::register(registry, description).each())
    }

    /// Counts a tag in no list as `other`, the last of each list.
    fn inc(&self, tag: &str) {
        self.inc_by(tag, 1);
    }

    fn inc_by(&self, tag: &str, by: u64) {
        if let Some((_, counter)) = self.0.iter().find(|(each, _)| *each == tag).or(self.0.last()) {
            counter.inc_by(by);
        }
    }
}

#[derive(Default)]
struct ScrapeHooks(Mutex<Vec<Box<dyn Fn() + Send + Sync>>>);

impl fmt::Debug for ScrapeHooks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ScrapeHooks")
    }
}

fn events(registry: &mut Registry) -> Vec<Vec<Counter>> {
    let series = LabeledMetric::register(registry, &catalogue::EVENTS);
    let types = KnownType::ALL.iter().map(|known| known.name()).chain([tags::OTHER]);
    types.map(|name| tags::OUTCOMES.iter().map(|outcome| series.of([name, outcome])).collect()).collect()
}

#[cfg(test)]
mod tests;
