//! Runtime state of a source.

use super::SourceConfig;
use super::auth::{Authenticator, SecretsError};
use crate::delivery::Identity;
use crate::telemetry::Metrics;
use justcall_events::BodyHash;

pub(super) struct EventSource {
    pub(super) name: String,
    pub(super) authenticator: Authenticator,
    /// Part of every event's identity.
    salt: [u8; 16],
}

impl EventSource {
    pub(super) fn open(config: &SourceConfig, metrics: &Metrics) -> Result<Self, SecretsError> {
        let salt = BodyHash::of(config.name.as_bytes()).prefix();
        Ok(Self { name: config.name.clone(), authenticator: Authenticator::open(config, metrics)?, salt })
    }

    /// Identity by which two deliveries are the same event, also after a restart. One of another source is as
    /// hard to find as a collision of the hash.
    pub(super) fn identity(&self, body: &BodyHash) -> Identity {
        let body = body.prefix();
        std::array::from_fn(|index| body[index] ^ self.salt[index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::SignatureConfig;
    use justcall_events::Validation;

    #[test]
    fn same_body_from_another_source_is_another_event() {
        let metrics = Metrics::new();
        let source = |name: &str| {
            let config = SourceConfig {
                name: name.to_owned(),
                path: "/".to_owned(),
                validation: Validation::Documented,
                signature: SignatureConfig::default(),
                token: None,
                token_file: None,
            };
            EventSource::open(&config, &metrics).expect("a source")
        };
        let (body, other) = (BodyHash::of(b"a"), BodyHash::of(b"b"));
        let identities = [
            source("main").identity(&body),
            source("main").identity(&other),
            source("second").identity(&body),
            source("second").identity(&other),
        ];
        let distinct: std::collections::HashSet<_> = identities.iter().collect();
        assert_eq!(distinct.len(), 4);
        assert_eq!(source("main").identity(&body), identities[0], "after a restart");
    }
}
