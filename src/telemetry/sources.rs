//! The counters of each configured source.

use super::catalogue::{self, tags};
use super::metrics::register;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// A source's name, and for some metrics one more label.
type ByResult = Family<[(&'static str, String); 2], Counter>;
type BySource = Family<[(&'static str, String); 1], Counter>;

/// The metrics that have a series for each source.
#[derive(Debug)]
pub(super) struct SourceFamilies {
    signatures: ByResult,
    secret_matches: ByResult,
    reused: BySource,
}

/// What is counted of one source's signatures: resolved once, for every event counts here.
#[derive(Debug)]
pub struct SourceCounters {
    signatures: Vec<(&'static str, Counter)>,
    secret_matches: Vec<Counter>,
    /// Events beyond the tenth under one signature.
    pub reused: Counter,
}

impl SourceFamilies {
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self {
            signatures: register(registry, &catalogue::SIGNATURES, ByResult::default()),
            secret_matches: register(registry, &catalogue::SECRET_MATCHES, ByResult::default()),
            reused: register(registry, &catalogue::SIGNATURE_REUSED, BySource::default()),
        }
    }

    pub(super) fn of(&self, source: &str) -> SourceCounters {
        let series = |family: &ByResult, label, value: &str| {
            family.get_or_create_owned(&[("source", source.to_owned()), (label, value.to_owned())])
        };
        SourceCounters {
            signatures: tags::SIGNATURES
                .iter()
                .map(|tag| (*tag, series(&self.signatures, "result", tag)))
                .collect(),
            secret_matches: tags::SECRETS
                .iter()
                .map(|place| series(&self.secret_matches, "secret", place))
                .collect(),
            reused: self.reused.get_or_create_owned(&[("source", source.to_owned())]),
        }
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
