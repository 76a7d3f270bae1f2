//! Authentication of webhooks by the token and the signatures of a source.

use super::signature_reuse::SignatureReuse;
use super::{Arrival, Denial, Outcome, SignatureConfig, SignatureMode, SourceConfig};
use crate::secret::{self, Secret, SecretFileError};
use crate::telemetry::{Metrics, SecretGauges, SourceCounters};
use crate::watch::{Refresh, Watched};
use chrono::{DateTime, Utc};
use justcall_events::Envelope;
use justcall_events::signature::{Fault, Headers, Keys, MAX_SECRETS, Rules, Subject, Valid, verify};
use std::path::Path;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Reason why the secrets or tokens of a source are not usable.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct SecretsError {
    pub key: String,
    /// Without any part of a secret.
    pub reason: String,
}

/// 16 random characters of 64 have 96 bits.
const MIN_TOKEN_LEN: usize = 16;

pub(super) struct Authenticator {
    config: SignatureConfig,
    keys: Arc<Watched<Keys>>,
    tokens: Arc<Watched<Vec<Secret>>>,
    has_token_file: bool,
    counters: SourceCounters,
    reuse: SignatureReuse,
}

impl Authenticator {
    pub(super) fn open(config: &SourceConfig, metrics: &Metrics) -> Result<Self, SecretsError> {
        let (for_keys, for_tokens) = (config.clone(), config.clone());
        let name = &config.name;
        let counters = metrics.source(name);
        let (key_figures, token_figures) = (counters.secrets.clone(), counters.tokens.clone());
        let read_keys = move || {
            let keys = read_keys(&for_keys)?;
            show(&key_figures, keys.len(), for_keys.signature.secrets_file.as_deref());
            Ok(keys)
        };
        let read_tokens = move || {
            let tokens = read_tokens(&for_tokens)?;
            show(&token_figures, tokens.len(), for_tokens.token_file.as_deref());
            Ok(tokens)
        };
        Ok(Self {
            config: config.signature.clone(),
            keys: Watched::open(format!("sources.{name}.signature.secrets_file"), read_keys)?,
            tokens: Watched::open(format!("sources.{name}.token_file"), read_tokens)?,
            has_token_file: config.token_file.is_some(),
            counters,
            reuse: SignatureReuse::default(),
        })
    }

    pub(super) fn watched(&self) -> impl Iterator<Item = Arc<dyn Refresh>> {
        let keys = self.config.secrets_file.is_some().then(|| Arc::clone(&self.keys) as _);
        let tokens = self.has_token_file.then(|| Arc::clone(&self.tokens) as _);
        keys.into_iter().chain(tokens)
    }

    /// Returns the signature if it is valid. `envelope`: `None` if the body has none.
    pub(super) fn authenticate(
        &self,
        arrival: &Arrival,
        envelope: Option<&Envelope<'_>>,
    ) -> Result<Option<Valid>, Outcome> {
        let credentials = &arrival.credentials;
        if !self.has_token(credentials.token.as_ref()) {
            return Err(Outcome::Denied(Denial::Token));
        }
        let keys = self.keys.get();
        // No signature is valid if one is required and there is no secret.
        if keys.is_empty() && !self.config.is_required() {
            return Ok(None);
        }
        let Some(envelope) = envelope else {
            self.counters.signature(Denial::Unverifiable.tag());
            return if self.config.enforces() {
                Err(Outcome::Denied(Denial::Unverifiable))
            } else {
                Ok(None)
            };
        };
        match self.verify(&credentials.signature, envelope, &keys, arrival.received_at) {
            Ok(valid) => {
                self.counters.valid(valid.secret);
                Ok(Some(valid))
            }
            Err(fault) => {
                self.counters.signature(fault.tag());
                let is_signed = credentials.signature.signature.is_some();
                if self.accepts_without_valid(is_signed) { Ok(None) } else { Err(fault.into()) }
            }
        }
    }

    /// Not called for duplicates.
    pub(super) fn count_use(&self, valid: &Valid) {
        if self.reuse.is_excessive(valid.tuple) {
            self.counters.reused.inc();
        }
    }

    fn verify(
        &self,
        headers: &Headers,
        envelope: &Envelope<'_>,
        keys: &Keys,
        now: DateTime<Utc>,
    ) -> Result<Valid, Fault> {
        let subject =
            Subject { url: envelope.webhook_url.as_deref(), event_type: envelope.event_type.name() };
        let rules = Rules { urls: &self.config.urls, tolerance: self.config.tolerance };
        verify(headers, subject, keys, rules, now)
    }

    /// Compares every token, to take constant time.
    pub(super) fn has_token(&self, given: Option<&Secret>) -> bool {
        let tokens = self.tokens.get();
        let Some(given) = given else { return tokens.is_empty() };
        tokens.is_empty() | tokens.iter().fold(false, |found, token| found | token.matches(given.expose()))
    }

    /// An event may be unsigned unless signatures are required, but its signature must not be invalid.
    fn accepts_without_valid(&self, is_signed: bool) -> bool {
        self.config.mode == SignatureMode::Monitor || !(is_signed || self.config.is_required())
    }
}

fn show(figures: &SecretGauges, valid: usize, file: Option<&Path>) {
    figures.valid.set(i64::try_from(valid).unwrap_or(i64::MAX));
    figures.modified.set(i64::try_from(file.map_or(0, secret::modified_at)).unwrap_or(i64::MAX));
}

/// Counts a file as one secret, without a look into it.
pub(crate) fn check_number(source: &SourceConfig) -> Result<(), SecretsError> {
    let config = &source.signature;
    let given = config.secrets.len();
    let (setting, number, shown) = match config.secrets_file {
        Some(_) => ("signature.secrets_file", given + 1, format!("at least {}", given + 1)),
        None => ("signature.secrets", given, given.to_string()),
    };
    if number <= MAX_SECRETS {
        return Ok(());
    }
    Err(failed(source, setting, format!("there are {shown} secrets; {MAX_SECRETS} can be valid at once")))
}

/// Secrets in the settings come first.
pub(crate) fn read_keys(source: &SourceConfig) -> Result<Keys, SecretsError> {
    let config = &source.signature;
    let failed = |reason| failed(source, "signature.secrets_file", reason);
    let from_file = config.secrets_file.as_deref().map(secret::read_secrets).transpose();
    let from_file = from_file.map_err(|error: SecretFileError| failed(error.to_string()))?;
    let secrets: Vec<_> = config.secrets.iter().cloned().chain(from_file.into_iter().flatten()).collect();
    if secrets.len() > MAX_SECRETS {
        return Err(failed(format!(
            "there are {} secrets; {MAX_SECRETS} can be valid at once",
            secrets.len()
        )));
    }
    Ok(Keys::new(secrets.iter().map(Secret::expose)))
}

/// Fails for a token that is short or cannot be part of a path.
pub(crate) fn read_tokens(source: &SourceConfig) -> Result<Vec<Secret>, SecretsError> {
    let from_file = source.token_file.as_deref().map(secret::read_secrets).transpose();
    let from_file = from_file
        .map_err(|error: SecretFileError| failed(source, "token_file", error.to_string()))?
        .unwrap_or_default();
    for (setting, tokens) in [("token", source.token.as_slice()), ("token_file", &from_file)] {
        if !tokens.iter().all(is_token) {
            let reason = "a token is 16 or more of a-z, A-Z, 0-9, `-`, `.`, `_` and `~`, so that it cannot be guessed and can be part of a URL";
            return Err(failed(source, setting, reason.to_owned()));
        }
    }
    Ok(source.token.iter().cloned().chain(from_file).collect())
}

fn is_token(token: &Secret) -> bool {
    let token = token.expose();
    token.len() >= MIN_TOKEN_LEN
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn failed(source: &SourceConfig, setting: &str, reason: String) -> SecretsError {
    SecretsError { key: format!("sources.{}.{setting}", source.name), reason }
}
