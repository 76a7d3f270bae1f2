//! Catalogue of metrics: name, labels with every value, and help text.
//!
//! Source of `docs/reference/metrics.md`.

pub(crate) mod tags;

#[cfg(test)]
mod tests;

#[derive(Debug, Clone, Copy)]
pub(crate) struct MetricDescription {
    /// Name as scraped, with its prefix and the suffix `_total` or `_info`.
    pub name: &'static str,
    /// Heading in `docs/reference/metrics.md`, which a test writes.
    #[cfg(test)]
    pub about: &'static str,
    pub kind: MetricKind,
    /// Closed sets of values, so that no sender can create a series.
    pub labels: &'static [Label],
    /// Without a full stop at its end.
    pub help: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetricKind {
    Counter,
    Gauge,
    /// In seconds.
    Histogram,
    /// Constant 1 with information in the labels.
    Info,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Label {
    pub name: &'static str,
    pub values: LabelValues,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum LabelValues {
    Of(&'static [&'static str]),
    /// Event types that JustCall documents, and `other`.
    Types,
    /// Names of the configured sources.
    Sources,
    SourcesOrOther,
    /// Topics of the settings, and `other` for topics of earlier settings.
    Topics,
    Version,
}

impl MetricDescription {
    /// Returns the name without the suffix that the registry adds.
    pub(super) fn registered_name(&self) -> &'static str {
        let suffix = match self.kind {
            MetricKind::Counter => "_total",
            MetricKind::Info => "_info",
            MetricKind::Gauge | MetricKind::Histogram => "",
        };
        self.name.strip_suffix(suffix).unwrap_or(self.name)
    }
}

const REASON: &str = "reason";

macro_rules! catalogue {
    ($($about:literal $prefix:literal {
        $($constant:ident = $kind:ident $name:literal [$($label:expr, $values:expr);*] $help:literal;)*
    })*) => {
        $($(pub(super) const $constant: MetricDescription = MetricDescription {
            name: concat!($prefix, $name),
            #[cfg(test)]
            about: $about,
            kind: MetricKind::$kind,
            labels: &[$(Label { name: $label, values: $values }),*],
            help: $help,
        };)*)*

        /// In the order of `docs/reference/metrics.md`.
        #[cfg(test)]
        pub(crate) const CATALOGUE: &[MetricDescription] = &[$($($constant),*),*];
    };
}

use LabelValues::{Of, Sources, SourcesOrOther, Topics, Types, Version};

catalogue! {
    "Health" "justcall_bridge_" {
        BUILD = Info "build_info" ["version", Version] "Version of the running build";
        READY = Gauge "ready" [] "1 while /readyz answers 200, otherwise 0";
        KAFKA_UP = Gauge "kafka_up" [] "1 while Kafka acknowledges records, otherwise 0";
        SPOOL_TAKES = Gauge "spool_writable" [] "1 while the spool accepts records; 0 while it does not, or without a spool";
        LOG_LINES_DROPPED = Counter "log_lines_dropped_total" []
            "Log lines dropped because the reader of stderr was too slow";
    }
    "Events" "justcall_bridge_" {
        EVENTS = Counter "events_total" ["type", Types; "outcome", Of(tags::OUTCOMES)]
            "Webhooks by type and outcome";
        REFUSED = Counter "refused_total" [REASON, Of(tags::REFUSED)]
            "Events that were not durable in time, answered 503";
        REJECTED = Counter "rejected_total" [REASON, Of(tags::REJECTED)]
            "Events that became dead letters, because no retry can help";
        DENIED = Counter "denied_total" [REASON, Of(tags::DENIED)]
            "Events that were not authenticated, answered 401";
        TOLERATED = Counter "tolerated_violations_total" []
            "Contract violations that validation: tolerant accepted";
        HEADERS_LEFT_OUT = Counter "route_headers_left_out_total" []
            "Route headers left out because their value is too long or has control characters";
        PARSE_SECONDS = Histogram "parse_duration_seconds" []
            "Time from the complete body to its records: scan, signature, validation and routing";
        REMEMBERED = Gauge "dedup_entries" []
            "Durable events in the deduplication window";
        REMEMBERED_LIMIT = Gauge "dedup_capacity" []
            "Capacity of the deduplication window: deduplication.capacity";
        FORGOTTEN_EARLY = Counter "dedup_evictions_total" []
            "Events removed before deduplication.window ended, because of the capacity";
    }
    "Requests" "justcall_bridge_" {
        REQUESTS = Counter "http_requests_total" ["source", SourcesOrOther; "status", Of(tags::STATUSES)]
            "Requests to the ingress with a valid head, by source and status of the response; other: paths of no \
             source";
        REQUEST_SECONDS = Histogram "request_duration_seconds" [] "Time from a request's head to its outcome";
        TURNED_AWAY = Counter "http_rejected_requests_total" [REASON, Of(tags::TURNED_AWAY)]
            "Requests rejected before their event was handled";
        CONNECTIONS = Gauge "http_connections" [] "Open connections to the ingress";
        IN_FLIGHT_REQUESTS = Gauge "in_flight_requests" [] "Requests in flight";
        IN_FLIGHT_BYTES = Gauge "in_flight_bytes" []
            "Bytes in flight that count against server.max_in_flight";
        IN_FLIGHT_LIMIT = Gauge "in_flight_limit_bytes" [] "Limit of the bytes in flight: server.max_in_flight";
    }
    "Signatures, secrets and certificates" "justcall_bridge_" {
        SIGNATURES = Counter "signatures_total" ["source", Sources; "result", Of(tags::SIGNATURES)]
            "Signatures by result of the verification, also if the result rejects nothing";
        SECRET_MATCHES = Counter "signature_secret_matches_total"
            ["source", Sources; "secret", Of(tags::SECRETS)]
            "Valid signatures by the position of their secret, counted from 0";
        SIGNATURE_REUSED = Counter "signature_reused_total" ["source", Sources]
            "Events beyond the tenth with the same signature and different bodies";
        SECRETS = Gauge "secrets" ["source", Sources; "kind", Of(tags::SECRET_KINDS)]
            "Secrets or tokens that are valid; more than one during a rotation";
        SECRETS_MODIFIED = Gauge "secrets_modified_timestamp_seconds"
            ["source", Sources; "kind", Of(tags::SECRET_KINDS)]
            "Modification time of the file of secrets or tokens, in seconds since 1970; 0 without a file. A file \
             that Kubernetes mounts is as old as its pod";
        CERTIFICATE_EXPIRES = Gauge "certificate_expires_timestamp_seconds" []
            "Expiry of the ingress's certificate, in seconds since 1970; 0 without TLS";
    }
    "Kafka" "justcall_bridge_" {
        RECORDS = Counter "records_total" ["topic", Topics; "result", Of(tags::RESULTS)]
            "Records by topic and result: acknowledged by Kafka, directly or from the spool; written to the spool; \
             failed attempts";
        ACK_SECONDS = Histogram "ack_duration_seconds" []
            "Time from producing an event's records to the last acknowledgement, by Kafka or the spool";
        CIRCUITS_OPEN = Gauge "topic_circuits_open" [] "Topics whose circuit is open: Kafka does not acknowledge their records";
        CIRCUIT_OPEN = Gauge "topic_circuit_open" ["topic", Topics]
            "1 while the topic's circuit is open: Kafka does not acknowledge its records";
        CIRCUIT_OPENED = Counter "topic_circuit_opened_total" ["topic", Topics] "Times that the topic's circuit opened";
        TOPIC_BACKLOG = Gauge "topic_backlog_records" ["topic", Topics]
            "Records in the spool, or being appended, that Kafka has not acknowledged";
        DELIVERY_ERRORS = Counter "kafka_delivery_errors_total" ["kind", Of(tags::DELIVERY_ERRORS)]
            "Failed deliveries of records to Kafka";
        QUEUE_RECORDS = Gauge "kafka_queue_records" [] "Records in the producer without a delivery report";
        QUEUE_BYTES = Gauge "kafka_queue_bytes" []
            "Bytes of the records in the producer, updated every 5 seconds";
        BROKERS = Gauge "kafka_brokers" ["state", Of(tags::BROKERS)]
            "Brokers by state of the producer's connection, updated every 5 seconds";
        SLOWEST_RTT = Gauge "kafka_slowest_rtt_seconds" []
            "Round-trip time to the slowest broker, 99th percentile of about 5 seconds";
        THROTTLE = Gauge "kafka_throttle_seconds" []
            "Longest time that a broker throttled the producer, in the last 5 seconds";
        DISCONNECTS = Counter "kafka_disconnects_total" [] "Connections to brokers that the producer lost";
        REQUEST_ERRORS = Counter "kafka_request_errors_total" []
            "Requests of the producer that were not sent, or not answered in time";
        PRODUCERS_REPLACED = Counter "producers_replaced_total" [REASON, Of(tags::PRODUCERS_REPLACED)]
            "Replaced producers: after a fatal error, a panic, records without a report while brokers answer, another cluster, or records in flight for an hour (outdated)";
        TOPICS_CREATED = Counter "topics_created_total" [] "Missing topics that the bridge created";
    }
    "Spool" "justcall_bridge_" {
        SPOOL_ROWS = Gauge "spool_rows" [] "Records in the spool";
        SPOOL_BYTES = Gauge "spool_bytes" [] "Bytes of the spool on disk, with its write-ahead log";
        SPOOL_LIMIT = Gauge "spool_limit_bytes" []
            "Limit of the spool's bytes: spool.max_bytes; 0 without a spool";
        SPOOL_OLDEST = Gauge "spool_oldest_age_seconds" [] "Age of the oldest record in the spool";
        SPOOL_APPENDED = Counter "spool_appended_total" [] "Records written to the spool";
        SPOOL_DRAINED = Counter "spool_drained_total" []
            "Records deleted from the spool after Kafka acknowledged them";
        SPOOL_DAMAGED = Counter "spool_damaged_total" []
            "Damaged records of the spool, set aside";
        SPOOL_PARKED = Counter "spool_parked_total" []
            "Records that the dead-letter topic refused, or that cannot be read, set aside in the spool";
        SPOOL_REFUSED = Counter "spool_refused_total" []
            "Events that the spool refused because it was full or its disk failed";
    }
    "Files and settings" "justcall_bridge_" {
        FILE_RELOADS = Counter "file_reloads_total" []
            "Changed files that were applied: settings, secrets, tokens or certificates";
        FILES_FAILING = Gauge "watched_files_invalid" []
            "Files of settings, secrets, tokens or certificates that are invalid now: their previous content is in \
             force";
        SETTINGS_RELOADS = Counter "config_reloads_total" ["result", Of(tags::RELOADS)]
            "Reloads of the settings by result";
        LAST_RELOAD_SUCCESSFUL = Gauge "config_last_reload_successful" []
            "1 while the settings are in force as they are given; 0 while the changed ones are invalid and the previous \
             ones in force";
        SETTINGS_LOADED = Gauge "config_last_reload_success_timestamp_seconds" []
            "Time of the last valid load of the settings, in seconds since 1970";
        SETTINGS_WAITING = Gauge "config_pending_restart" []
            "Changed settings that need a restart";
    }
    "Traces" "justcall_bridge_" {
        SPANS_EXPORTED = Counter "spans_exported_total" [] "Spans that the collector accepted";
        SPANS_DROPPED = Counter "spans_dropped_total" [REASON, Of(tags::SPANS_DROPPED)]
            "Spans that were not exported";
    }
    // Standard names, which dashboards of other programs share.
    "Process" "process_" {
        STARTED = Gauge "start_time_seconds" [] "Start time of the process, in seconds since 1970";
        CPU = Counter "cpu_seconds_total" [] "CPU time of the process";
        MEMORY = Gauge "resident_memory_bytes" [] "Resident memory of the process";
        OPEN_FILES = Gauge "open_fds" [] "Open file descriptors, including connections";
        MAX_FILES = Gauge "max_fds" [] "Limit of open file descriptors; 0 if unknown";
        THREADS = Gauge "threads" [] "Threads of the process";
    }
}
