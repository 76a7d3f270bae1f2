//! Every metric: its name, its labels with every value they can take, and what it tells.

/// What a metric is called and means.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// As it is scraped, with its prefix and its `_total` or `_info`.
    pub name: &'static str,
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
    /// Every value; empty where the values are the known event types and `other`, the names of the
    /// configured sources, or a version.
    pub values: &'static [&'static str],
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

/// The values of labels: the closed sets that tags are looked up in.
pub mod tags {
    /// Stands for a type, or a tag, that is in no list.
    pub const OTHER: &str = "other";
    /// How an event ended.
    pub const OUTCOMES: &[&str] =
        &["acked", "spooled", "duplicate", "dropped", "probe", "dead_lettered", "refused", "denied"];
    /// Why an event was not durable in time.
    pub const REFUSED: &[&str] = &[
        "ack_deadline",
        "queue_full",
        "kafka",
        "held_up",
        "duplicate_in_flight",
        "over_budget",
        "spool_full",
        "spool_failing",
        "dead_letter_quota",
        "signature_mismatch",
        "signature_stale",
        OTHER,
    ];
    /// Why an event was not let in.
    pub const DENIED: &[&str] = &[
        "signature_missing",
        "signature_malformed",
        "signature_version",
        "signature_no_url",
        "signature_url",
        "unverifiable",
        "token",
        OTHER,
    ];
    /// What became of a signature.
    pub const SIGNATURES: &[&str] = &[
        "valid",
        "signature_missing",
        "signature_malformed",
        "signature_version",
        "signature_no_url",
        "signature_url",
        "signature_mismatch",
        "signature_stale",
        "unverifiable",
    ];
    /// The places of secrets, inline ones first.
    pub const SECRETS: &[&str] = &["0", "1", "2", "3", "4", "5", "6", "7"];
    /// Why no retry can help an event.
    pub const REJECTED: &[&str] =
        &["not_json", "not_an_envelope", "ambiguous_dialect", "contract_violation", "unknown_type", OTHER];
    /// Why a request got no further than HTTP.
    pub const TURNED_AWAY: &[&str] = &[
        "unknown_path",
        "method",
        "too_large",
        "unsupported_encoding",
        "incomplete",
        "too_slow",
        "over_budget",
        "shutting_down",
        "internal",
        "slow_header",
        "large_header",
        "endless_chunks",
        "tls_handshake",
        OTHER,
    ];
    /// What came of new settings.
    pub const RELOADS: &[&str] = &["taken", "refused", OTHER];
    /// Why a span did not reach the collector.
    pub const SPANS_DROPPED: &[&str] = &["queue_full", "not_taken", "stopping", OTHER];
    /// What a record's delivery failed of.
    pub const DELIVERY_ERRORS: &[&str] =
        &["queue_full", "unknown_topic", "too_large", "unfit", "replacing", "unproved", "abandoned", OTHER];
}

const REASON: &str = "reason";

macro_rules! catalogue {
    ($($constant:ident = $kind:ident $name:literal [$($label:expr, $values:expr);*] $help:literal;)*) => {
        $(pub(super) const $constant: Description = Description {
            name: concat!("justcall_bridge_", $name),
            kind: Kind::$kind,
            labels: &[$(Label { name: $label, values: $values }),*],
            help: $help,
        };)*

        /// Every metric, in the order in which they are scraped.
        pub const CATALOGUE: &[Description] = &[$($constant),*];
    };
}

catalogue! {
    BUILD = Info "build_info" ["version", &[]] "Which build runs";
    EVENTS = Counter "events_total" ["type", &[]; "outcome", tags::OUTCOMES]
        "Webhooks by type and by how they ended";
    REFUSED = Counter "refused_total" [REASON, tags::REFUSED]
        "Events that were not durable in time and were answered 503";
    REJECTED = Counter "rejected_total" [REASON, tags::REJECTED]
        "Events that no retry can help, now dead letters";
    DENIED = Counter "denied_total" [REASON, tags::DENIED]
        "Events that were not let in and were answered 401";
    SIGNATURES = Counter "signatures_total" ["source", &[]; "result", tags::SIGNATURES]
        "Signatures by what verifying them came to, also where that turns nothing away";
    SECRET_MATCHES = Counter "signature_secret_matches_total" ["source", &[]; "secret", tags::SECRETS]
        "Valid signatures by the place of the secret that they were made with, counted from 0";
    SIGNATURE_REUSED = Counter "signature_reused_total" ["source", &[]]
        "Events beyond the tenth that came with one and the same signature and bodies of their own";
    TURNED_AWAY = Counter "http_turned_away_total" [REASON, tags::TURNED_AWAY]
        "Requests that got no further than HTTP";
    DELIVERY_ERRORS = Counter "kafka_delivery_errors_total" ["kind", tags::DELIVERY_ERRORS]
        "Records that Kafka or the way there failed";
    TOLERATED = Counter "tolerated_violations_total" []
        "Violations of the contract that validation: tolerant let pass";
    TOPICS_CREATED = Counter "topics_created_total" [] "Missing topics that the bridge created";
    PARSE_SECONDS = Histogram "parse_seconds" []
        "From a whole body to its records: scan, validation and routing";
    ACK_SECONDS = Histogram "ack_seconds" []
        "From handing an event's records over to Kafka's last acknowledgement";
    REQUEST_SECONDS = Histogram "request_seconds" [] "From a request's header to its outcome";
    IN_FLIGHT_REQUESTS = Gauge "in_flight_requests" [] "Requests whose outcome is open";
    IN_FLIGHT_BYTES = Gauge "in_flight_bytes" []
        "Bytes admitted under server.max_in_flight and not yet settled";
    QUEUE_RECORDS = Gauge "kafka_queue_records" [] "Records in the producer whose delivery report is out";
    LANES_HELD_UP = Gauge "lanes_held_up" [] "Topics whose records Kafka does not acknowledge now";
    PRODUCERS_REPLACED = Counter "producers_replaced_total" []
        "Producers in a fatal state that were replaced";
    SPOOL_ROWS = Gauge "spool_rows" [] "Records in the spool";
    SPOOL_BYTES = Gauge "spool_bytes" [] "Bytes of the spool on disk, its write-ahead log included";
    SPOOL_LIMIT = Gauge "spool_limit_bytes" [] "Bytes that the spool may take: spool.max_bytes";
    SPOOL_OLDEST = Gauge "spool_oldest_age_seconds" [] "Age of the oldest record in the spool";
    SPOOL_APPENDED = Counter "spool_appended_total" [] "Records written to the spool";
    SPOOL_DRAINED = Counter "spool_drained_total" []
        "Records deleted from the spool after Kafka acknowledged them";
    SPOOL_DAMAGED = Counter "spool_damaged_total" []
        "Records of the spool that were found damaged and set aside";
    SPOOL_TAKES = Gauge "spool_takes" [] "1 while the spool takes records, else 0";
    FILE_RELOADS = Counter "file_reloads_total" []
        "Times that a changed file came into force: settings, secrets, tokens or certificates";
    FILES_FAILING = Gauge "files_failing" []
        "Files of settings, secrets, tokens or certificates that cannot be used now: what they held before is \
         in force";
    SETTINGS_RELOADS = Counter "settings_reloads_total" ["result", tags::RELOADS]
        "Times that the settings were read again, by whether they were sound";
    SETTINGS_WAITING = Gauge "settings_waiting" []
        "Settings that are other than those in force and wait for a restart";
    CERTIFICATE_EXPIRES = Gauge "certificate_expires_seconds" []
        "When the ingress's certificate expires, in seconds since 1970; 0 without TLS";
    SPANS_EXPORTED = Counter "spans_exported_total" [] "Spans that the collector of traces took";
    SPANS_DROPPED = Counter "spans_dropped_total" [REASON, tags::SPANS_DROPPED]
        "Spans that did not reach the collector of traces";
    KAFKA_UP = Gauge "kafka_up" [] "1 while Kafka takes records, else 0";
    READY = Gauge "ready" [] "1 while /readyz answers 200, else 0";
}
