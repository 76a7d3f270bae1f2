//! The counters of each configured source.

use super::catalogue::{self, tags};
use super::metrics::register;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// A source's name, and for some metrics one more label.
type ByTag = Family<[(&'static str, String); 2], Counter>;
type BySource = Family<[(&'static str, String); 1], Counter>;
type BySecrets = Family<[(&'static str, String); 2], Gauge>;

/// The metrics that have a series for each source.
#[derive(Debug)]
pub(super) struct SourceFamilies {
    requests: ByTag,
    signatures: ByTag,
    secret_matches: ByTag,
    reused: BySource,
    secrets: BySecrets,
    modified: BySecrets,
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
            requests: register(registry, &catalogue::REQUESTS, ByTag::default()),
            signatures: register(registry, &catalogue::SIGNATURES, ByTag::default()),
            secret_matches: register(registry, &catalogue::SECRET_MATCHES, ByTag::default()),
            reused: register(registry, &catalogue::SIGNATURE_REUSED, BySource::default()),
            secrets: register(registry, &catalogue::SECRETS, BySecrets::default()),
            modified: register(registry, &catalogue::SECRETS_MODIFIED, BySecrets::default()),
        }
    }

    pub(super) fn of(&self, source: &str) -> SourceCounters {
        let figures = |kind: &str| SecretFigures {
            valid: self.secrets.get_or_create_owned(&labels(source, "kind", kind)),
            modified: self.modified.get_or_create_owned(&labels(source, "kind", kind)),
        };
        let [secrets, tokens] = [0, 1].map(|index| figures(tags::SECRET_KINDS[index]));
        SourceCounters {
            signatures: tags::SIGNATURES
                .iter()
                .map(|tag| (*tag, self.signatures.get_or_create_owned(&labels(source, "result", tag))))
                .collect(),
            secret_matches: tags::SECRETS
                .iter()
                .map(|place| self.secret_matches.get_or_create_owned(&labels(source, "secret", place)))
                .collect(),
            reused: self.reused.get_or_create_owned(&[("source", source.to_owned())]),
            secrets,
            tokens,
        }
    }

    pub(super) fn answers(&self, source: &str) -> Answers {
        let series = |status: &&str| self.requests.get_or_create_owned(&labels(source, "status", status));
        Answers(tags::STATUSES.iter().map(series).collect())
    }
}

fn labels(source: &str, label: &'static str, value: &str) -> [(&'static str, String); 2] {
    [("source", source.to_owned()), (label, value.to_owned())]
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
