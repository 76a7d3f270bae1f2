//! Closed sets of label values.

use crate::record::names::REASONS;
use strum::{IntoStaticStr, VariantNames};

/// Value for a type or a tag that is in no list.
pub(crate) const OTHER: &str = "other";
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum EventOutcome {
    Acked,
    Spooled,
    Duplicate,
    Dropped,
    /// Probe of the URL by JustCall.
    Probe,
    DeadLettered,
    Refused,
    Denied,
}

impl EventOutcome {
    pub fn tag(self) -> &'static str {
        self.into()
    }
}

pub(crate) const OUTCOMES: &[&str] = EventOutcome::VARIANTS;
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
pub(crate) const REJECTED: &[&str] = &{
    let mut tags = [OTHER; REASONS.len() + 1];
    let mut at = 0;
    while at < REASONS.len() {
        tags[at] = REASONS[at];
        at += 1;
    }
    tags
};
/// Reasons to reject a request before ingest.
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
pub(crate) const RELOADS: &[&str] = &["success", "failure", OTHER];
pub(crate) const SPANS_DROPPED: &[&str] = &["queue_full", "not_taken", "stopping", OTHER];
pub(crate) const PRODUCERS_REPLACED: &[&str] =
    &["fatal", "panicked", "other_cluster", "silent", "outdated", OTHER];
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

pub(crate) const STATUSES: &[&str] = &["200", "400", "401", "404", "405", "413", "415", "422", "503", OTHER];
pub(crate) const RESULTS: &[&str] = &["acked", "spooled", "failed"];
pub(crate) const BROKERS: &[&str] = &["up", "connecting", "down", "idle", OTHER];
pub(crate) const SECRET_KINDS: &[&str] = &["signature", "token"];
