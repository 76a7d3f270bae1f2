//! Webhook as received.

use super::Permit;
use crate::secret::Secret;
use crate::telemetry::Trace;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use justcall_events::signature::{Headers, parse_time};

/// Webhook as received, before authentication.
#[derive(Debug)]
pub struct Arrival {
    /// Index of the source in [`Config::sources`](super::Config::sources), by the path of the request.
    pub source: usize,
    /// Decoded body. `None`: the body was not read, because a required token is missing or wrong.
    pub body: Option<Bytes>,
    /// Time when the request head was read.
    pub received_at: DateTime<Utc>,
    /// Token and signature headers.
    pub credentials: Credentials,
    /// Trace that the request belongs to, if any.
    pub trace: Option<Trace>,
    /// Permit for the memory of the body.
    pub permit: Permit,
}

/// Credentials of a request, not verified.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// Bearer token, or the part of the path after the path of the source.
    pub token: Option<Secret>,
    /// Signature headers.
    pub signature: Headers,
}

impl Credentials {
    /// Returns the time in the signed header, whether or not the signature is valid.
    pub(super) fn signed_at(&self) -> Option<DateTime<Utc>> {
        self.signature.timestamp.as_deref().and_then(parse_time)
    }
}
