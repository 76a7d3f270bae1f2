//! The counters, resolved once: an event costs a few relaxed additions, no lookup and no lock.

use super::catalogue::{self, Description, tags};
use super::client::{ClientFigures, ClientMetrics};
use super::process::{ProcessMetrics, now};
use super::series::Series;
use super::sources::{Answers, SourceCounters, SourceFamilies};
use super::topics::{TopicCounters, TopicFamilies};
use super::{Histogram, KafkaState, Readiness, SpoolState};
use justcall_events::KnownType;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// The Content-Type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// 100 µs to 60 s, in microseconds: from a request in memory to one that waited for Kafka.
const WAITS: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

/// 1 µs to 50 ms, in microseconds: work that waits for nothing.
const WORK: &[u64] = &[1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000];

/// How an event ended, as the metrics tell it. In the order of [`tags::OUTCOMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOutcome {
    /// Acknowledged by Kafka.
    Acked,
    /// On disk in the spool.
    Spooled,
    /// Durable before.
    Duplicate,
    /// A route drops it.
    Dropped,
    /// JustCall trying the URL.
    Probe,
    /// Durable as a dead letter.
    DeadLettered,
    /// Not durable in time.
    Refused,
    /// Not let in.
    Denied,
}

impl EventOutcome {
    /// Stable tag: the metric label.
    pub const fn tag(self) -> &'static str {
        tags::OUTCOMES[self as usize]
    }
}

/// Every metric of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// By [`KnownType::index`], then one more row for every other type; in each the outcomes.
    events: Vec<Vec<Counter>>,
    refused: Tagged,
    rejected: Tagged,
    denied: Tagged,
    sources: SourceFamilies,
    topics: TopicFamilies,
    client: ClientMetrics,
    process: ProcessMetrics,
    looks: Looks,
    turned_away: Tagged,
    delivery_errors: Tagged,
    in_flight_bytes: Gauge,
    log_lines_dropped: Counter,
    kafka_up: Gauge,
    spool_takes: Gauge,
    /// Rows, bytes, limit and the age of the oldest row.
    spool_holds: [Gauge; 4],
    /// Rows appended, drained, damaged and parked, and events refused.
    spool_moved: [Counter; 5],
    ready: Gauge,
    /// Violations that tolerant validation let pass.
    pub tolerated_violations: Counter,
    /// Headers of routes that were left out because of their values.
    pub headers_left_out: Counter,
    /// Missing topics that the bridge created.
    pub topics_created: Counter,
    /// From a whole body to its records.
    pub parse_seconds: Histogram,
    /// From handing records over to Kafka's last acknowledgement.
    pub ack_seconds: Histogram,
    /// From a request's header to its outcome.
    pub request_seconds: Histogram,
    /// Connections to the ingress.
    pub connections: Gauge,
    /// Requests whose outcome is open.
    pub in_flight_requests: Gauge,
    /// What the budget admits.
    pub in_flight_limit: Gauge,
    /// Durable events that are remembered.
    pub remembered: Gauge,
    /// How many are remembered at most.
    pub remembered_limit: Gauge,
    /// Events that were forgotten for want of capacity.
    pub forgotten_early: Counter,
    /// Topics whose breaker is open.
    pub lanes_held_up: Gauge,
    /// Records in the producer's queue.
    pub kafka_queue_records: Gauge,
    /// Changed files that came into force.
    pub file_reloads: Counter,
    /// Files that cannot be used now.
    pub files_failing: Gauge,
    settings_reloads: Tagged,
    settings_refused: Gauge,
    settings_loaded: Gauge,
    /// Settings that wait for a restart.
    pub settings_waiting: Gauge,
    /// When the ingress's certificate expires, in seconds since 1970.
    pub certificate_expires: Gauge,
    /// Spans that the collector took.
    pub spans_exported: Counter,
    spans_dropped: Tagged,
    producers_replaced: Tagged,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Every counter at zero, so that each series is there before it first moves.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let all = &mut registry;
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        all.register(catalogue::BUILD.registered_name(), catalogue::BUILD.help, build);
        let settings_loaded = register(all, &catalogue::SETTINGS_LOADED, Gauge::default());
        settings_loaded.set(now());
        let metrics = Self {
            events: events(all),
            refused: Tagged::register(all, &catalogue::REFUSED),
            rejected: Tagged::register(all, &catalogue::REJECTED),
            denied: Tagged::register(all, &catalogue::DENIED),
            sources: SourceFamilies::register(all),
            topics: TopicFamilies::register(all),
            client: ClientMetrics::register(all),
            process: ProcessMetrics::register(all),
            looks: Looks::default(),
            turned_away: Tagged::register(all, &catalogue::TURNED_AWAY),
            delivery_errors: Tagged::register(all, &catalogue::DELIVERY_ERRORS),
            log_lines_dropped: register(all, &catalogue::LOG_LINES_DROPPED, Counter::default()),
            tolerated_violations: register(all, &catalogue::TOLERATED, Counter::default()),
            headers_left_out: register(all, &catalogue::HEADERS_LEFT_OUT, Counter::default()),
            topics_created: register(all, &catalogue::TOPICS_CREATED, Counter::default()),
            parse_seconds: register(all, &catalogue::PARSE_SECONDS, Histogram::new(WORK)),
            ack_seconds: register(all, &catalogue::ACK_SECONDS, Histogram::new(WAITS)),
            request_seconds: register(all, &catalogue::REQUEST_SECONDS, Histogram::new(WAITS)),
            connections: register(all, &catalogue::CONNECTIONS, Gauge::default()),
            in_flight_limit: register(all, &catalogue::IN_FLIGHT_LIMIT, Gauge::default()),
            remembered: register(all, &catalogue::REMEMBERED, Gauge::default()),
            remembered_limit: register(all, &catalogue::REMEMBERED_LIMIT, Gauge::default()),
            forgotten_early: register(all, &catalogue::FORGOTTEN_EARLY, Counter::default()),
            in_flight_requests: register(all, &catalogue::IN_FLIGHT_REQUESTS, Gauge::default()),
            in_flight_bytes: register(all, &catalogue::IN_FLIGHT_BYTES, Gauge::default()),
            kafka_queue_records: register(all, &catalogue::QUEUE_RECORDS, Gauge::default()),
            lanes_held_up: register(all, &catalogue::LANES_HELD_UP, Gauge::default()),
            file_reloads: register(all, &catalogue::FILE_RELOADS, Counter::default()),
            files_failing: register(all, &catalogue::FILES_FAILING, Gauge::default()),
            settings_reloads: Tagged::register(all, &catalogue::SETTINGS_RELOADS),
            settings_refused: register(all, &catalogue::SETTINGS_REFUSED, Gauge::default()),
            settings_loaded,
            settings_waiting: register(all, &catalogue::SETTINGS_WAITING, Gauge::default()),
            certificate_expires: register(all, &catalogue::CERTIFICATE_EXPIRES, Gauge::default()),
            spans_exported: register(all, &catalogue::SPANS_EXPORTED, Counter::default()),
            spans_dropped: Tagged::register(all, &catalogue::SPANS_DROPPED),
            producers_replaced: Tagged::register(all, &catalogue::PRODUCERS_REPLACED),
            spool_holds: [
                &catalogue::SPOOL_ROWS,
                &catalogue::SPOOL_BYTES,
                &catalogue::SPOOL_LIMIT,
                &catalogue::SPOOL_OLDEST,
            ]
            .map(|gauge| register(all, gauge, Gauge::default())),
            spool_moved: [
                &catalogue::SPOOL_APPENDED,
                &catalogue::SPOOL_DRAINED,
                &catalogue::SPOOL_DAMAGED,
                &catalogue::SPOOL_PARKED,
                &catalogue::SPOOL_REFUSED,
            ]
            .map(|counter| register(all, counter, Counter::default())),
            spool_takes: register(all, &catalogue::SPOOL_TAKES, Gauge::default()),
            kafka_up: register(all, &catalogue::KAFKA_UP, Gauge::default()),
            ready: register(all, &catalogue::READY, Gauge::default()),
            registry,
        };
        // Series that no settings name.
        metrics.answers(None);
        metrics.topic(None);
        metrics
    }

    /// Counts how an event ended. `None`: of a type that JustCall does not document, or of none.
    pub fn event(&self, event_type: Option<KnownType>, outcome: EventOutcome) {
        let row = event_type.map_or(KnownType::ALL.len(), KnownType::index);
        self.events[row][outcome as usize].inc();
    }

    /// Counts why an event was refused: a tag of [`tags::REFUSED`].
    pub fn refused(&self, tag: &str) {
        self.refused.inc(tag);
    }

    /// Counts why an event was rejected: a tag of [`tags::REJECTED`].
    pub fn rejected(&self, tag: &str) {
        self.rejected.inc(tag);
    }

    /// Counts why an event was not let in: a tag of [`tags::DENIED`].
    pub fn denied(&self, tag: &str) {
        self.denied.inc(tag);
    }

    /// The counters of a configured source, each at zero unless it was asked for before.
    pub fn source(&self, name: &str) -> SourceCounters {
        self.sources.of(name)
    }

    /// The answers to a configured source's requests; `None`: to those that are no source's.
    pub fn answers(&self, source: Option<&str>) -> Answers {
        self.sources.answers(source.unwrap_or(tags::OTHER))
    }

    /// The counters of a topic; `None`: of those that the settings do not name.
    pub fn topic(&self, name: Option<&str>) -> TopicCounters {
        self.topics.of(name.unwrap_or(tags::OTHER))
    }

    /// Takes over what the Kafka client library says of itself.
    pub fn client(&self, figures: &ClientFigures) {
        self.client.take(figures);
    }

    /// Has `look` called at each scrape, to take over what is known elsewhere.
    pub fn at_scrape(&self, look: impl Fn() + Send + Sync + 'static) {
        self.looks.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(look));
    }

    /// Counts why a request got no further than HTTP: a tag of [`tags::TURNED_AWAY`].
    pub fn turned_away(&self, tag: &str) {
        self.turned_away.inc(tag);
    }

    /// Counts what a record's delivery failed of: a tag of [`tags::DELIVERY_ERRORS`].
    pub fn delivery_error(&self, tag: &str) {
        self.delivery_errors.inc(tag);
    }

    /// Counts a replaced producer by the reason: a tag of [`tags::PRODUCERS_REPLACED`].
    pub fn producer_replaced(&self, tag: &str) {
        self.producers_replaced.inc(tag);
    }

    /// Counts why spans did not reach the collector: a tag of [`tags::SPANS_DROPPED`].
    pub fn spans_dropped(&self, tag: &str, spans: u64) {
        self.spans_dropped.inc_by(tag, spans);
    }

    /// Counts that the settings were read again, and whether they were sound.
    pub fn settings_reload(&self, taken: bool) {
        self.settings_reloads.inc(if taken { "taken" } else { "refused" });
        self.settings_refused.set(i64::from(!taken));
        if taken {
            self.settings_loaded.set(now());
        }
    }

    /// Takes over the spool's figures: rows, bytes, limit in bytes and the oldest row's age in seconds;
    /// and how many rows were appended, drained, damaged and parked in all, and events refused.
    pub fn spool(&self, holds: [u64; 4], moved: [u64; 5]) {
        for (gauge, figure) in self.spool_holds.iter().zip(holds) {
            gauge.set(i64::try_from(figure).unwrap_or(i64::MAX));
        }
        for (counter, total) in self.spool_moved.iter().zip(moved) {
            counter.inc_by(total.saturating_sub(counter.get()));
        }
    }

    /// Everything as OpenMetrics text, after taking over what is known elsewhere.
    pub fn render(&self, readiness: &Readiness, in_flight_bytes: usize) -> String {
        self.in_flight_bytes.set(i64::try_from(in_flight_bytes).unwrap_or(i64::MAX));
        self.kafka_up.set(i64::from(readiness.kafka().0 == KafkaState::Up));
        self.spool_takes.set(i64::from(readiness.spool() == SpoolState::Taking));
        self.ready.set(i64::from(readiness.is_ready()));
        let dropped = super::logs::dropped_lines().saturating_sub(self.log_lines_dropped.get());
        self.log_lines_dropped.inc_by(dropped);
        self.process.look();
        self.looks.0.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|look| look());
        let mut text = String::with_capacity(16 * 1024);
        // Writing to a String cannot fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

/// Counters of one metric, one for each value of its only label.
#[derive(Debug)]
struct Tagged(Vec<(&'static str, Counter)>);

impl Tagged {
    fn register(registry: &mut Registry, description: &Description) -> Self {
        Self(Series::register(registry, description).each())
    }

    /// A tag that is in no list counts as `other`, the last of each list.
    fn inc(&self, tag: &str) {
        self.inc_by(tag, 1);
    }

    fn inc_by(&self, tag: &str, by: u64) {
        if let Some((_, counter)) = self.0.iter().find(|(each, _)| *each == tag).or(self.0.last()) {
            counter.inc_by(by);
        }
    }
}

/// What is to be called at each scrape.
#[derive(Default)]
struct Looks(Mutex<Vec<Box<dyn Fn() + Send + Sync>>>);

impl fmt::Debug for Looks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Looks")
    }
}

fn events(registry: &mut Registry) -> Vec<Vec<Counter>> {
    let series = Series::register(registry, &catalogue::EVENTS);
    let types = KnownType::ALL.iter().map(|known| known.name()).chain([tags::OTHER]);
    types.map(|name| tags::OUTCOMES.iter().map(|outcome| series.of([name, outcome])).collect()).collect()
}

/// Registers a metric and keeps a handle to it.
pub(super) fn register<M: Metric + Clone>(
    registry: &mut Registry,
    description: &Description,
    metric: M,
) -> M {
    registry.register(description.registered_name(), description.help, metric.clone());
    metric
}

#[cfg(test)]
mod tests;
