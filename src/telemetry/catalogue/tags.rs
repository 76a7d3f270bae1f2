//! Closed sets of label values.

use crate::record::names::REASONS;
use strum::{IntoStaticStr, VariantNames};

/// Value for a type or a tag that is in no list.
pub(crate) const OTHER: &str = "other";
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum EventOutcome {
    /// Acknowledged by Kafka.
    Acked,
    Spooled,
    Duplicate,
    Dropped,
    /// Probe of the URL by JustCall.
    Probe,
    /// Durable as a dead letter.
    DeadLettered,
    /// Not durable in time.
    Refused,
    Denied,
}

impl EventOutcome {
    /// Returns the stable tag, which is the label's value.
    pub fn tag(self) -> &'static str {
        self.into()
    }
}

/// Outcomes of an event, in the order of [`EventOutcome`].
pub(crate) const OUTCOMES: &[&str] = EventOutcome::VARIANTS;
/// Reasons for which an event was not durable in time.
pub(crate) const REFUSED: &[&str] = &[
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
/// Reasons for which an event was not authenticated.
pub(crate) const DENIED: &[&str] = &[
    "signature_missing",
    "signature_malformed",
    "signature_version",
    "signature_no_url",
    "signature_url",
    "unverifiable",
    "token",
    OTHER,
];
/// Results of verifying a signature.
pub(crate) const SIGNATURES: &[&str] = &[
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
/// Positions of secrets, inline ones first.
pub(crate) const SECRETS: &[&str] = &["0", "1", "2", "3", "4", "5", "6", "7"];
/// Reasons for which no retry can help an event.
pub(crate) const REJECTED: &[&str] = &{
    let mut tags = [OTHER; REASONS.len() + 1];
    let mut at = 0;
    while at < REASONS.len() {
        tags[at] = REASONS[at];
        at += 1;
    }
    tags
};
/// Reasons for which a request was rejected before ingest.
pub(crate) const TURNED_AWAY: &[&str] = &[
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
    "malformed_chunks",
    "malformed_header",
    "tls_handshake",
    OTHER,
];
/// Results of a reload of the settings.
pub(crate) const RELOADS: &[&str] = &["success", "failure", OTHER];
pub(crate) const SPANS_DROPPED: &[&str] = &["queue_full", "not_taken", "stopping", OTHER];
pub(crate) const PRODUCERS_REPLACED: &[&str] =
    &["fatal", "panicked", "other_cluster", "silent", "outdated", OTHER];
/// Causes of a failed delivery of a record.
pub(crate) const DELIVERY_ERRORS: &[&str] = &[
    "queue_full",
    "unknown_topic",
    "too_large",
    "unfit",
    "timestamp",
    "refused",
    "replacing",
    "unproved",
    "abandoned",
    OTHER,
];

/// HTTP statuses of responses. Any other status is `other`.
pub(crate) const STATUSES: &[&str] = &["200", "400", "401", "404", "405", "413", "415", "422", "503", OTHER];
pub(crate) const RESULTS: &[&str] = &["acked", "spooled", "failed"];
/// States of librdkafka's connection to a broker.
pub(crate) const BROKERS: &[&str] = &["up", "connecting", "down", "idle", OTHER];
pub(crate) const SECRET_KINDS: &[&str] = &["signature", "token"];
