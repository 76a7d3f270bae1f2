//! Every metric: its name, its labels with every value they can take, and what it tells.
//!
//! `docs/METRICS.md` is this list, written out.

pub mod tags;

#[cfg(test)]
mod tests;

/// What a metric is called and means.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// As it is scraped, with its prefix and its `_total` or `_info`.
    pub name: &'static str,
    /// What it is about: a heading.
    pub about: &'static str,
    /// The release that brought it.
    pub since: &'static str,
    /// Counter, gauge, histogram or info.
    pub kind: Kind,
    /// Its labels. Their values come from closed sets, so that no sender can mint a series.
    pub labels: &'static [Label],
    /// What it tells, without a full stop.
    pub help: &'static str,
}

/// How a metric's value moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution, in seconds.
    Histogram,
    /// Always 1; the labels tell.
    Info,
}

/// A label and the values it can take.
#[derive(Debug, Clone, Copy)]
pub struct Label {
    /// The label's name.
    pub name: &'static str,
    /// Its values.
    pub values: Values,
}

/// The values that a label can take: a closed set, known before the first event comes.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// These.
    Of(&'static [&'static str]),
    /// The event types that JustCall documents, and `other`.
    Types,
    /// The names of the configured sources; where `true`, also `other`.
    Sources(bool),
    /// The topics that the settings name, and `other` for those of earlier settings.
    Topics,
    /// The version of this build.
    Version,
}

impl Description {
    /// The name as the registry takes it: it adds the suffix itself.
    pub(super) fn registered_name(&self) -> &'static str {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        self.name.strip_suffix(suffix).unwrap_or(self.name)
    }
}

const REASON: &str = "reason";

macro_rules! catalogue {
    ($($about:literal since $since:literal {
        $($constant:ident = $kind:ident $name:literal [$($label:expr, $values:expr);*] $help:literal;)*
    })*) => {
        $($(pub(super) const $constant: Description = Description {
            name: concat!("justcall_bridge_", $name),
            about: $about,
            since: $since,
            kind: Kind::$kind,
            labels: &[$(Label { name: $label, values: $values }),*],
            help: $help,
        };)*)*

        /// Every metric, by what it is about.
        pub const CATALOGUE: &[Description] = &[$($($constant),*),*];
    };
}

use Values::{Of, Sources, Topics, Types, Version};

catalogue! {
    "Is it well?" since "0.1.0" {
        BUILD = Info "build_info" ["version", Version] "Which build runs";
        READY = Gauge "ready" [] "1 while /readyz answers 200, else 0";
        KAFKA_UP = Gauge "kafka_up" [] "1 while Kafka takes records, else 0";
        SPOOL_TAKES = Gauge "spool_takes" [] "1 while the spool takes records; 0 while it does not, or there is none";
        LOG_LINES_DROPPED = Counter "log_lines_dropped_total" []
            "Log lines dropped because the reader of stderr was too slow";
    }
    "Events" since "0.1.0" {
        EVENTS = Counter "events_total" ["type", Types; "outcome", Of(tags::OUTCOMES)]
            "Webhooks by type and by how they ended";
        REFUSED = Counter "refused_total" [REASON, Of(tags::REFUSED)]
            "Events that were not durable in time and were answered 503";
        REJECTED = Counter "rejected_total" [REASON, Of(tags::REJECTED)]
            "Events that no retry can help, now dead letters";
        DENIED = Counter "denied_total" [REASON, Of(tags::DENIED)]
            "Events that were not let in and were answered 401";
        TOLERATED = Counter "tolerated_violations_total" []
            "Violations of the contract that validation: tolerant let pass";
        HEADERS_LEFT_OUT = Counter "route_headers_left_out_total" []
            "Headers that a route asked for, left out because the value is too long or has control characters";
        PARSE_SECONDS = Histogram "parse_seconds" []
            "From a whole body to its records: scan, signature, validation and routing";
        REMEMBERED = Gauge "deduplication_remembered_events" []
            "Durable events that are remembered, so that their duplicates are known";
        REMEMBERED_LIMIT = Gauge "deduplication_capacity_events" []
            "How many events are remembered at most: deduplication.capacity";
        FORGOTTEN_EARLY = Counter "deduplication_forgotten_early_total" []
            "Events that were forgotten before deduplication.window was over, for want of capacity";
    }
    "Requests" since "0.1.0" {
        REQUESTS = Counter "http_requests_total" ["source", Sources(true); "status", Of(tags::STATUSES)]
            "Requests to the ingress whose header could be read, by source and status of the answer; other: to no \
             source's path";
        REQUEST_SECONDS = Histogram "request_seconds" [] "From a request's header to its outcome";
        TURNED_AWAY = Counter "http_turned_away_total" [REASON, Of(tags::TURNED_AWAY)]
            "Requests that got no further than HTTP";
        CONNECTIONS = Gauge "http_connections" [] "Connections to the ingress that are open";
        IN_FLIGHT_REQUESTS = Gauge "in_flight_requests" [] "Requests whose outcome is open";
        IN_FLIGHT_BYTES = Gauge "in_flight_bytes" []
            "Bytes admitted under server.max_in_flight and not yet settled";
        IN_FLIGHT_LIMIT = Gauge "in_flight_limit_bytes" [] "Bytes admitted at most: server.max_in_flight";
    }
    "Signatures, secrets and certificates" since "0.1.0" {
        SIGNATURES = Counter "signatures_total" ["source", Sources(false); "result", Of(tags::SIGNATURES)]
            "Signatures by what verifying them came to, also where that turns nothing away";
        SECRET_MATCHES = Counter "signature_secret_matches_total"
            ["source", Sources(false); "secret", Of(tags::SECRETS)]
            "Valid signatures by the place of the secret that they were made with, counted from 0";
        SIGNATURE_REUSED = Counter "signature_reused_total" ["source", Sources(false)]
            "Events beyond the tenth that came with one and the same signature and bodies of their own";
        SECRETS = Gauge "secrets" ["source", Sources(false); "kind", Of(tags::SECRET_KINDS)]
            "Secrets, or tokens, that are valid at once; more than one during a rotation";
        SECRETS_MODIFIED = Gauge "secrets_modified_timestamp_seconds"
            ["source", Sources(false); "kind", Of(tags::SECRET_KINDS)]
            "When the file of secrets, or tokens, was last written, in seconds since 1970; 0 without one. A \
             file that Kubernetes mounts is as young as its pod";
        CERTIFICATE_EXPIRES = Gauge "certificate_expires_timestamp_seconds" []
            "When the ingress's certificate expires, in seconds since 1970; 0 without TLS";
    }
    "Kafka" since "0.1.0" {
        RECORDS = Counter "records_total" ["topic", Topics; "result", Of(tags::RESULTS)]
            "Records by topic and by what became of them: acknowledged by Kafka, straight or out of the spool; \
             written to the spool; failed at a try";
        ACK_SECONDS = Histogram "ack_seconds" []
            "From handing an event's records over to Kafka's last acknowledgement, or to the spool's";
        LANES_HELD_UP = Gauge "lanes_held_up" [] "Topics whose records Kafka does not acknowledge now";
        LANE_HELD_UP = Gauge "lane_held_up" ["topic", Topics]
            "1 while Kafka does not acknowledge the topic's records: its breaker is open";
        LANE_HOLD_UPS = Counter "lane_hold_ups_total" ["topic", Topics] "Times that the topic's breaker opened";
        LANE_BACKLOG = Gauge "lane_backlog_records" ["topic", Topics]
            "Records in the spool, or on their way into it, that Kafka has not acknowledged";
        DELIVERY_ERRORS = Counter "kafka_delivery_errors_total" ["kind", Of(tags::DELIVERY_ERRORS)]
            "Records that Kafka or the way there failed";
        QUEUE_RECORDS = Gauge "kafka_queue_records" [] "Records in the producer whose delivery report is out";
        QUEUE_BYTES = Gauge "kafka_queue_bytes" []
            "Bytes of the records in the producer, looked at every 5 seconds";
        BROKERS = Gauge "kafka_brokers" ["state", Of(tags::BROKERS)]
            "Brokers by what the producer's connection to them is at, looked at every 5 seconds";
        SLOWEST_RTT = Gauge "kafka_slowest_rtt_seconds" []
            "Round trip to the slowest broker, 99th percentile of the last 5 seconds or so";
        THROTTLE = Gauge "kafka_throttle_seconds" []
            "The longest that a broker throttled the producer in the last 5 seconds";
        DISCONNECTS = Counter "kafka_disconnects_total" [] "Connections to brokers that the producer lost";
        REQUEST_ERRORS = Counter "kafka_request_errors_total" []
            "Requests of the producer that could not be sent, or that no broker answered in time";
        PRODUCERS_REPLACED = Counter "producers_replaced_total" [REASON, Of(tags::PRODUCERS_REPLACED)]
            "Producers that were replaced: after a fatal error, a panic, records without a report while brokers answer, another cluster, or records that were out for an hour (outdated)";
        TOPICS_CREATED = Counter "topics_created_total" [] "Missing topics that the bridge created";
    }
    "Spool" since "0.1.0" {
        SPOOL_ROWS = Gauge "spool_rows" [] "Records in the spool";
        SPOOL_BYTES = Gauge "spool_bytes" [] "Bytes of the spool on disk, its write-ahead log included";
        SPOOL_LIMIT = Gauge "spool_limit_bytes" []
            "Bytes that the spool may take: spool.max_bytes; 0 without a spool";
        SPOOL_OLDEST = Gauge "spool_oldest_age_seconds" [] "Age of the oldest record in the spool";
        SPOOL_APPENDED = Counter "spool_appended_total" [] "Records written to the spool";
        SPOOL_DRAINED = Counter "spool_drained_total" []
            "Records deleted from the spool after Kafka acknowledged them";
        SPOOL_DAMAGED = Counter "spool_damaged_total" []
            "Records of the spool that were found damaged and set aside";
        SPOOL_PARKED = Counter "spool_parked_total" []
            "Records that the dead-letter topic itself refused, or that cannot be read, set aside in the spool";
        SPOOL_REFUSED = Counter "spool_refused_total" []
            "Events that the spool did not take: it was full, or its disk failed";
    }
    "Files and settings" since "0.1.0" {
        FILE_RELOADS = Counter "file_reloads_total" []
            "Times that a changed file came into force: settings, secrets, tokens or certificates";
        FILES_FAILING = Gauge "files_failing" []
            "Files of settings, secrets, tokens or certificates that cannot be used now: what they held before \
             is in force";
        SETTINGS_RELOADS = Counter "settings_reloads_total" ["result", Of(tags::RELOADS)]
            "Times that the settings were read again, by whether they were sound";
        SETTINGS_REFUSED = Gauge "settings_refused" []
            "1 while what the settings say now is refused, and what they said before is in force";
        SETTINGS_LOADED = Gauge "settings_loaded_timestamp_seconds" []
            "When the settings were last read and sound, in seconds since 1970";
        SETTINGS_WAITING = Gauge "settings_waiting" []
            "Settings that are other than those in force and wait for a restart";
    }
    "Traces" since "0.1.0" {
        SPANS_EXPORTED = Counter "spans_exported_total" [] "Spans that the collector of traces took";
        SPANS_DROPPED = Counter "spans_dropped_total" [REASON, Of(tags::SPANS_DROPPED)]
            "Spans that did not reach the collector of traces";
    }
    "Process" since "0.1.0" {
        STARTED = Gauge "process_start_time_seconds" [] "When the process started, in seconds since 1970";
        CPU = Counter "process_cpu_seconds_total" [] "Processor time that the process took";
        MEMORY = Gauge "process_resident_memory_bytes" [] "Memory of the process that is resident";
        OPEN_FILES = Gauge "process_open_fds" [] "File descriptors that are open, connections included";
        MAX_FILES = Gauge "process_max_fds" [] "File descriptors that may be open; 0: nobody knows";
        THREADS = Gauge "process_threads" [] "Threads of the process";
    }
}
