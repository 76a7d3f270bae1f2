use super::Permit;
use crate::secret::Secret;
use crate::telemetry::Trace;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use justcall_events::signature::{Headers, parse_time};

/// Webhook before authentication.
#[derive(Debug)]
pub struct Arrival {
    /// Index in [`Config::sources`](super::Config::sources).
    pub source: usize,
    /// Decoded. `None`: not read, because a required token is missing or wrong.
    pub body: Option<Bytes>,
    /// Time of the request's head.
    pub received_at: DateTime<Utc>,
    pub credentials: Credentials,
    pub trace: Option<Trace>,
    pub permit: Permit,
}

/// Not verified.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// Bearer token, or the path after that of the source.
    pub token: Option<Secret>,
    pub signature: Headers,
}

impl Credentials {
    /// Also if the signature is not valid.
    pub(super) fn signed_at(&self) -> Option<DateTime<Utc>> {
        self.signature.timestamp.as_deref().and_then(parse_time)
    }
}
