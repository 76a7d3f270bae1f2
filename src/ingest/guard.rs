//! Who is let in: a source's token and its signatures.

use super::reuse::Reuse;
use super::{Arrival, Denial, Outcome, Refusal, SignatureConfig, SignatureMode, SourceConfig};
use crate::secret::{self, FileError, Secret};
use crate::telemetry::{Metrics, SecretFigures, SourceCounters};
use crate::watch::{Follow, Watched};
use chrono::{DateTime, Utc};
use justcall_events::Envelope;
use justcall_events::signature::{
    Fault, Headers, Keys, MAX_SECRETS, Rules, Subject, Valid, parse_time, verify,
};
use std::path::Path;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// What an event shows to be let in: as it came, believed in nothing.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The bearer token, or what stands behind the source's path.
    pub token: Option<Secret>,
    /// The signature headers.
    pub signature: Headers,
}

impl Credentials {
    /// The time in the signed header, whether or not the signature holds.
    pub(super) fn signed_at(&self) -> Option<DateTime<Utc>> {
        self.signature.timestamp.as_deref().and_then(parse_time)
    }
}

/// Why a source's secrets or tokens cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct SecretsError {
    /// The setting.
    pub key: String,
    /// What is wrong with it, without quoting any secret.
    pub reason: String,
}

/// Shortest token: 16 characters drawn at random from 64 have 96 bits.
const MIN_TOKEN_LEN: usize = 16;

/// Lets a source's events in, or not.
pub(super) struct Guard {
    config: SignatureConfig,
    keys: Arc<Watched<Keys>>,
    tokens: Arc<Watched<Vec<Secret>>>,
    has_token_file: bool,
    counters: SourceCounters,
    reuse: Reuse,
}

impl Guard {
    /// Reads what the source's files hold.
    ///
    /// # Errors
    /// When that cannot be used.
    pub(super) fn open(config: &SourceConfig, metrics: &Metrics) -> Result<Self, SecretsError> {
        let (for_keys, for_tokens) = (config.clone(), config.clone());
        let name = &config.name;
        let counters = metrics.source(name);
        let (of_keys, of_tokens) = (counters.secrets.clone(), counters.tokens.clone());
        let read_keys = move || {
            let keys = keys(&for_keys)?;
            show(&of_keys, keys.len(), for_keys.signature.secrets_file.as_deref());
            Ok(keys)
        };
        let read_tokens = move || {
            let tokens = tokens(&for_tokens)?;
            show(&of_tokens, tokens.len(), for_tokens.token_file.as_deref());
            Ok(tokens)
        };
        Ok(Self {
            config: config.signature.clone(),
            keys: Watched::open(format!("sources.{name}.signature.secrets_file"), read_keys)?,
            tokens: Watched::open(format!("sources.{name}.token_file"), read_tokens)?,
            has_token_file: config.token_file.is_some(),
            counters,
            reuse: Reuse::default(),
        })
    }

    /// What follows files.
    pub(super) fn watched(&self) -> impl Iterator<Item = Arc<dyn Follow>> {
        let keys = self.config.secrets_file.is_some().then(|| Arc::clone(&self.keys) as _);
        let tokens = self.has_token_file.then(|| Arc::clone(&self.tokens) as _);
        keys.into_iter().chain(tokens)
    }

    /// Lets an event in, with its signature if it has one that holds, or says how it ends instead.
    /// `envelope` is none where the body is too broken to have one.
    pub(super) fn admit(
        &self,
        arrival: &Arrival,
        envelope: Option<&Envelope<'_>>,
    ) -> Result<Option<Valid>, Outcome> {
        let credentials = &arrival.credentials;
        if !self.has_token(credentials.token.as_ref()) {
            return Err(Outcome::Denied(Denial::Token));
        }
        let keys = self.keys.get();
        // Where a signature is required and there is nothing to verify it with, none holds.
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
                if self.lets_pass(is_signed) { Ok(None) } else { Err(turned_away(fault)) }
            }
        }
    }

    /// Notes that an event which is no duplicate came with that signature.
    pub(super) fn used(&self, valid: &Valid) {
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

    /// Where tokens are asked for, each is compared, whichever matches.
    pub(super) fn has_token(&self, shown: Option<&Secret>) -> bool {
        let tokens = self.tokens.get();
        let Some(shown) = shown else { return tokens.is_empty() };
        tokens.is_empty() | tokens.iter().fold(false, |found, token| found | token.is(shown.expose()))
    }

    /// Where signatures are not required none need be there; one that is there must hold.
    fn lets_pass(&self, is_signed: bool) -> bool {
        self.config.mode == SignatureMode::Monitor || !(is_signed || self.config.is_required())
    }
}

/// Shows how many secrets there are and how old their file is.
fn show(figures: &SecretFigures, valid: usize, file: Option<&Path>) {
    figures.valid.set(i64::try_from(valid).unwrap_or(i64::MAX));
    figures.modified.set(i64::try_from(file.map_or(0, secret::modified)).unwrap_or(i64::MAX));
}

/// A signature that no retry can help is turned away for good. One that a secret still to be mounted
/// here, or a clock put right, would make good is refused: a 401 would lose what is sent during a
/// rotation.
pub(super) fn turned_away(fault: Fault) -> Outcome {
    match fault {
        Fault::NoMatch => Outcome::Refused(Refusal::SignatureMismatch),
        Fault::Stale => Outcome::Refused(Refusal::SignatureStale),
        fault => Outcome::Denied(Denial::Signature(fault)),
    }
}

/// A source's secrets, those in the settings first.
///
/// # Errors
/// When the file gives none, or there are more than [`MAX_SECRETS`].
pub fn keys(source: &SourceConfig) -> Result<Keys, SecretsError> {
    let config = &source.signature;
    let failed = |reason| failed(source, "signature.secrets_file", reason);
    let from_file = config.secrets_file.as_deref().map(secret::read_file).transpose();
    let from_file = from_file.map_err(|error: FileError| failed(error.to_string()))?;
    let secrets: Vec<_> = config.secrets.iter().cloned().chain(from_file.into_iter().flatten()).collect();
    if secrets.len() > MAX_SECRETS {
        return Err(failed(format!(
            "there are {} secrets; {MAX_SECRETS} can be valid at once",
            secrets.len()
        )));
    }
    Ok(Keys::new(secrets.iter().map(Secret::expose)))
}

/// A source's tokens.
///
/// # Errors
/// When the file gives none, or one that is easy to guess or cannot stand in a path.
pub fn tokens(source: &SourceConfig) -> Result<Vec<Secret>, SecretsError> {
    let from_file = source.token_file.as_deref().map(secret::read_file).transpose();
    let from_file = from_file
        .map_err(|error: FileError| failed(source, "token_file", error.to_string()))?
        .unwrap_or_default();
    for (setting, tokens) in [("token", source.token.as_slice()), ("token_file", &from_file)] {
        if !tokens.iter().all(is_token) {
            let reason = "a token is 16 or more of a-z, A-Z, 0-9, `-`, `.`, `_` and `~`, so that it cannot be guessed and can stand in a URL";
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
