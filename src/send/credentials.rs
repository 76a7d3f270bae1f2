//! Credentials of a sender: JustCall's signature and a bearer token.

use super::SendError;
use crate::secret::{Secret, read_secrets};
use chrono::{DateTime, Utc};
use justcall_events::signature::{SIGNATURE, TIMESTAMP, VERSION, sign};
use justcall_events::{Scanned, scan};
use std::path::Path;

/// Secrets of a run: the last, newest one of each file.
#[derive(Debug, Default)]
pub(super) struct RequestCredentials {
    secret: Option<Secret>,
    token: Option<Secret>,
}

impl RequestCredentials {
    pub(super) fn read(secrets_file: Option<&Path>, token_file: Option<&Path>) -> Result<Self, SendError> {
        Ok(Self { secret: last("--secrets-file", secrets_file)?, token: last("--token-file", token_file)? })
    }

    pub(super) fn signs(&self) -> bool {
        self.secret.is_some()
    }

    /// Returns the value of `Authorization`.
    pub(super) fn authorization(&self) -> Option<String> {
        self.token.as_ref().map(|token| format!("Bearer {}", token.expose()))
    }

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

fn last(option: &'static str, file: Option<&Path>) -> Result<Option<Secret>, SendError> {
    let Some(path) = file else { return Ok(None) };
    let secrets = read_secrets(path).map_err(|reason| SendError::Credentials {
        option,
        path: path.to_owned(),
        reason,
    })?;
    Ok(secrets.into_iter().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;
    use justcall_events::signature::{Headers, Keys, Rules, Subject, verify};
    use justcall_events::{Dialect, samples};
    use std::time::Duration;

    #[test]
    fn unusable_file_is_named_with_its_option() {
        let missing = Path::new("/missing/token");
        let error = |secrets, token| RequestCredentials::read(secrets, token).unwrap_err().to_string();
        assert_eq!(
            error(None, Some(missing)),
            "--token-file /missing/token: the file cannot be read: entity not found"
        );
        let empty = file("\n");
        let expected = format!("--secrets-file {}: the file is empty", empty.path().display());
        assert!(error(Some(empty.path()), None).starts_with(&expected));
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, text).unwrap();
        file
    }

    #[test]
    fn bridge_accepts_the_signature() {
        let secrets = file("old\nnew\n");
        let credentials = RequestCredentials::read(Some(secrets.path()), None).unwrap();
        let now = Utc::now();
        let (event, body) = samples(Dialect::Live).next().unwrap();
        let [signature, version, timestamp] = credentials.signature(body.as_bytes(), now).unwrap();
        let headers =
            Headers { signature: Some(signature.1), version: Some(version.1), timestamp: Some(timestamp.1) };
        let Ok(Scanned::Envelope(envelope)) = scan(body.as_bytes()) else { panic!("no envelope") };
        let subject = Subject { url: envelope.webhook_url.as_deref(), event_type: event.name() };
        let rules = Rules { urls: &[], tolerance: Duration::from_secs(2) };
        let keys = Keys::new(["old", "new"]);
        assert_eq!(verify(&headers, subject, &keys, rules, now).unwrap().secret, 1);
    }

    #[test]
    fn unsignable_body_is_sent_unsigned() {
        let secrets = file("hush");
        let credentials = RequestCredentials::read(Some(secrets.path()), None).unwrap();
        let (_, documented) = samples(Dialect::Documented).next().unwrap();
        for body in [documented.as_bytes(), b"", b"{", br#"{"type":"call.completed","data":{}}"#] {
            assert_eq!(credentials.signature(body, Utc::now()), None);
        }
        assert!(RequestCredentials::default().signature(documented.as_bytes(), Utc::now()).is_none());
    }

    #[test]
    fn token_is_sent_as_bearer() {
        let tokens = file("0123456789abcdef\n");
        let credentials = RequestCredentials::read(None, Some(tokens.path())).unwrap();
        assert_eq!(credentials.authorization().as_deref(), Some("Bearer 0123456789abcdef"));
        assert!(!credentials.signs());
        assert_eq!(RequestCredentials::default().authorization(), None);
        assert!(RequestCredentials::read(Some(Path::new("/nowhere")), None).is_err());
    }
}
