//! What a sender shows to be let in: JustCall's signature, a token.

use crate::secret::{FileError, Secret, read_file};
use chrono::{DateTime, Utc};
use justcall_events::signature::{SIGNATURE, TIMESTAMP, VERSION, sign};
use justcall_events::{Scanned, scan};
use std::path::Path;

/// The secrets of a run. Of a file with several, as a bridge reads it, the last: the newest.
#[derive(Debug, Default)]
pub(super) struct RequestCredentials {
    secret: Option<Secret>,
    token: Option<Secret>,
}

impl RequestCredentials {
    /// Reads the secret to sign with and the bearer token, where there are to be any.
    pub(super) fn read(secrets_file: Option<&Path>, token_file: Option<&Path>) -> Result<Self, FileError> {
        Ok(Self { secret: last(secrets_file)?, token: last(token_file)? })
    }

    /// Whether events are to be signed.
    pub(super) fn signs(&self) -> bool {
        self.secret.is_some()
    }

    /// The value of `Authorization`.
    pub(super) fn authorization(&self) -> Option<String> {
        self.token.as_ref().map(|token| format!("Bearer {}", token.expose()))
    }

    /// The signature headers of a body that is sent at `now`: none for one without `webhook_url`,
    /// which cannot be signed.
    pub(super) fn signature(&self, body: &[u8], now: DateTime<Utc>) -> Option<[(&'static str, String); 3]> {
        let secret = self.secret.as_ref()?;
        let Ok(Scanned::Envelope(envelope)) = scan(body) else { return None };
        let timestamp = now.format("%Y-%m-%d %H:%M:%S").to_string();
        let signature =
            sign(secret.expose(), envelope.webhook_url.as_deref()?, envelope.event_type.name(), &timestamp);
        Some([(SIGNATURE, signature), (VERSION, "v1".to_owned()), (TIMESTAMP, timestamp)])
    }
}

fn last(file: Option<&Path>) -> Result<Option<Secret>, FileError> {
    Ok(file.map(read_file).transpose()?.and_then(|mut secrets| secrets.pop()))
}

#[cfg(test)]
mod tests;
