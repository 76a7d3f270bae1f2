//! Credentials of a sender: JustCall's signature and a bearer token.

use crate::secret::{Secret, SecretFileError, read_secrets};
use chrono::{DateTime, Utc};
use justcall_events::signature::{SIGNATURE, TIMESTAMP, VERSION, sign};
use justcall_events::{Scanned, scan};
use std::path::Path;

/// Secrets of a run. In a file with several, the last one, which is the newest.
#[derive(Debug, Default)]
pub(super) struct RequestCredentials {
    secret: Option<Secret>,
    token: Option<Secret>,
}

impl RequestCredentials {
    /// Reads the signing secret and the bearer token from the given files.
    pub(super) fn read(
        secrets_file: Option<&Path>,
        token_file: Option<&Path>,
    ) -> Result<Self, SecretFileError> {
        Ok(Self { secret: last(secrets_file)?, token: last(token_file)? })
    }

    /// Returns true if events are signed.
    pub(super) fn signs(&self) -> bool {
        self.secret.is_some()
    }

    /// Returns the value of `Authorization`.
    pub(super) fn authorization(&self) -> Option<String> {
        self.token.as_ref().map(|token| format!("Bearer {}", token.expose()))
    }

    /// Returns the signature headers of a body that is sent at `now`.
    ///
    /// Returns `None` for a body without `webhook_url`, which cannot be signed.
    pub(super) fn signature(&self, body: &[u8], now: DateTime<Utc>) -> Option<[(&'static str, String); 3]> {
        let secret = self.secret.as_ref()?;
        let Ok(Scanned::Envelope(envelope)) = scan(body) else { return None };
        let timestamp = now.format("%Y-%m-%d %H:%M:%S").to_string();
        let signature =
            sign(secret.expose(), envelope.webhook_url.as_deref()?, envelope.event_type.name(), &timestamp);
        Some([(SIGNATURE, signature), (VERSION, "v1".to_owned()), (TIMESTAMP, timestamp)])
    }
}

fn last(file: Option<&Path>) -> Result<Option<Secret>, SecretFileError> {
    Ok(file.map(read_secrets).transpose()?.and_then(|mut secrets| secrets.pop()))
}

#[cfg(test)]
mod tests;
