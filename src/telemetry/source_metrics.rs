//! Metrics of each configured source.

use super::catalogue::{self, tags};
use super::labeled_metric::LabeledMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug)]
pub(super) struct SourceMetrics {
    requests: LabeledMetric<Counter>,
    signatures: LabeledMetric<Counter>,
    secret_matches: LabeledMetric<Counter>,
    reused: LabeledMetric<Counter>,
    secrets: LabeledMetric<Gauge>,
    modified: LabeledMetric<Gauge>,
}

/// Counters of one source's signatures, resolved once because every event counts here.
#[derive(Debug)]
pub struct SourceCounters {
    signatures: Vec<(&'static str, Counter)>,
    secret_matches: Vec<Counter>,
    /// Events beyond the tenth with the same signature.
    pub reused: Counter,
    pub secrets: SecretGauges,
    pub tokens: SecretGauges,
}

#[derive(Debug, Clone)]
pub struct SecretGauges {
    pub valid: Gauge,
    /// Modification time of their file, in seconds since 1970. 0 without a file.
    pub modified: Gauge,
}

#[derive(Debug)]
pub struct ResponseCounters(Vec<Counter>);

impl SourceMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self {
            requests: LabeledMetric::register(registry, &catalogue::REQUESTS),
            signatures: LabeledMetric::register(registry, &catalogue::SIGNATURES),
            secret_matches: LabeledMetric::register(registry, &catalogue::SECRET_MATCHES),
            reused: LabeledMetric::register(registry, &catalogue::SIGNATURE_REUSED),
            secrets: LabeledMetric::register(registry, &catalogue::SECRETS),
            modified: LabeledMetric::register(registry, &catalogue::SECRETS_MODIFIED),
        }
    }

    pub(super) fn of(&self, source: &str) -> SourceCounters {
        let figures = |kind: &str| SecretGauges {
            valid: self.secrets.of([source, kind]),
            modified: self.modified.of([source, kind]),
        };
        let [secrets, tokens] = [0, 1].map(|index| figures(tags::SECRET_KINDS[index]));
        let signatures = tags::SIGNATURES.iter().map(|tag| (*tag, self.signatures.of([source, tag])));
        let secret_matches = tags::SECRETS.iter().map(|place| self.secret_matches.of([source, place]));
        SourceCounters {
            signatures: signatures.collect(),
            secret_matches: secret_matches.collect(),
            reused: self.reused.of([source]),
            secrets,
            tokens,
        }
    }

    pub(super) fn responses(&self, source: &str) -> ResponseCounters {
        ResponseCounters(tags::STATUSES.iter().map(|status| self.requests.of([source, status])).collect())
    }
}

impl SourceCounters {
    /// Counts a valid signature by the position of its secret.
    pub fn valid(&self, secret: usize) {
        self.signature("valid");
        if let Some(counter) = self.secret_matches.get(secret) {
            counter.inc();
        }
    }

    /// Counts a signature. `tag` is one of [`tags::SIGNATURES`].
    pub fn signature(&self, tag: &str) {
        if let Some((_, counter)) = self.signatures.iter().find(|(each, _)| *each == tag) {
            counter.inc();
        }
    }
}

impl ResponseCounters {
    pub fn count(&self, status: u16) {
        // In the order of the tags.
        let place = match status {
            200 => 0,
            400 => 1,
            401 => 2,
            404 => 3,
            405 => 4,
            413 => 5,
            415 => 6,
            422 => 7,
            503 => 8,
            _ => 9,
        };
        self.0[place].inc();
    }
}
