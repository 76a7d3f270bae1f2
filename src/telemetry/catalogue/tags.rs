//! The values of labels: the closed sets that tags are looked up in.

use crate::record::names::REASONS;

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
pub const REJECTED: &[&str] = &{
    let mut tags = [OTHER; REASONS.len() + 1];
    let mut at = 0;
    while at < REASONS.len() {
        tags[at] = REASONS[at];
        at += 1;
    }
    tags
};
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
    "malformed_chunks",
    "malformed_header",
    "tls_handshake",
    OTHER,
];
/// What came of new settings.
pub const RELOADS: &[&str] = &["taken", "refused", OTHER];
/// Why a span did not reach the collector.
pub const SPANS_DROPPED: &[&str] = &["queue_full", "not_taken", "stopping", OTHER];
/// Reasons for which a producer is replaced.
pub const PRODUCERS_REPLACED: &[&str] = &["fatal", "panicked", "other_cluster", "silent", "outdated", OTHER];
/// What a record's delivery failed of.
pub const DELIVERY_ERRORS: &[&str] = &[
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

/// Statuses of answers; anything else is `other`.
pub const STATUSES: &[&str] = &["200", "400", "401", "404", "405", "413", "415", "422", "503", OTHER];
/// What becomes of a record on its way.
pub const RESULTS: &[&str] = &["acked", "spooled", "failed"];
/// What the client library's connection to a broker is at.
pub const BROKERS: &[&str] = &["up", "connecting", "down", "idle", OTHER];
/// What files of secrets are for.
pub const SECRET_KINDS: &[&str] = &["signature", "token"];
