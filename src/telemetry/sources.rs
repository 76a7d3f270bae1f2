//! The counters of each configured source.

use super::catalogue::{self, tags};
use super::series::Series;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The metrics that have a series for each source.
#[derive(Debug)]
pub(super) struct SourceFamilies {
    requests: Series<Counter>,
    signatures: Series<Counter>,
    secret_matches: Series<Counter>,
    reused: Series<Counter>,
    secrets: Series<Gauge>,
    modified: Series<Gauge>,
}

/// What is counted of one source's signatures: resolved once, for every event counts here.
#[derive(Debug)]
pub struct SourceCounters {
    signatures: Vec<(&'static str, Counter)>,
    secret_matches: Vec<Counter>,
    /// Events beyond the tenth under one signature.
    pub reused: Counter,
    /// The secrets that its signatures are verified with.
    pub secrets: SecretFigures,
    /// The tokens that its events come with.
    pub tokens: SecretFigures,
}

/// What is shown of secrets that are valid at once: never themselves.
#[derive(Debug, Clone)]
pub struct SecretFigures {
    /// How many there are.
    pub valid: Gauge,
    /// When their file was last written, in seconds since 1970; 0 without one.
    pub modified: Gauge,
}

/// The answers to one source's requests, by status: resolved once.
#[derive(Debug)]
pub struct Answers(Vec<Counter>);

impl SourceFamilies {
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self {
            requests: Series::register(registry, &catalogue::REQUESTS),
            signatures: Series::register(registry, &catalogue::SIGNATURES),
            secret_matches: Series::register(registry, &catalogue::SECRET_MATCHES),
            reused: Series::register(registry, &catalogue::SIGNATURE_REUSED),
            secrets: Series::register(registry, &catalogue::SECRETS),
            modified: Series::register(registry, &catalogue::SECRETS_MODIFIED),
        }
    }

    pub(super) fn of(&self, source: &str) -> SourceCounters {
        let figures = |kind: &str| SecretFigures {
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

    pub(super) fn answers(&self, source: &str) -> Answers {
        Answers(tags::STATUSES.iter().map(|status| self.requests.of([source, status])).collect())
    }
}

impl SourceCounters {
    /// Counts a signature that holds, made with the secret in that place.
    pub fn valid(&self, secret: usize) {
        self.signature("valid");
        if let Some(counter) = self.secret_matches.get(secret) {
            counter.inc();
        }
    }

    /// Counts what a signature came to: a tag of [`tags::SIGNATURES`].
    pub fn signature(&self, tag: &str) {
        if let Some((_, counter)) = self.signatures.iter().find(|(each, _)| *each == tag) {
            counter.inc();
        }
    }
}

impl Answers {
    /// Counts an answer.
    pub fn count(&self, status: u16) {
        // In the order of the tags; nearly all are the first.
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
