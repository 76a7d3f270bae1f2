//! JustCall's signature scheme `v1`, used by the live dialect.
//!
//! [`SIGNATURE`] is the HMAC-SHA256, in hex and keyed with the secret, of
//!
//! ```text
//! secret|encodeURIComponent(webhook_url)|type|timestamp
//! ```
//!
//! where `webhook_url` and `type` are fields of the body. **The rest of the body is not covered**: a holder of
//! one signed request can attach any `data` to it until its time has passed. So a receiver needs a tolerance,
//! a list of its URLs, and deduplication. Source: JustCall's documentation of webhook signatures.
//!
//!
//! ```
//! use justcall_events::signature::{Headers, Keys, Rules, Subject, parse_time, sign, verify};
//!
//! let (secret, url, time) = ("api-secret", "https://hooks.example.com/justcall", "2026-03-12 14:30:00");
//! let headers = Headers {
//!     signature: Some(sign(secret, url, "call.completed", time)),
//!     version: Some("v1".into()),
//!     timestamp: Some(time.into()),
//! };
//! let subject = Subject { url: Some(url), event_type: "call.completed" };
//! let rules = Rules { urls: &[], tolerance: std::time::Duration::from_secs(900) };
//! let now = parse_time(time).expect("a signed time");
//! assert!(verify(&headers, subject, &Keys::new([secret]), rules, now).is_ok());
//! ```

mod time;
mod url;

#[cfg(test)]
mod tests;

pub use time::parse_time;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::time::Duration;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use url::Encoding;

/// Header of the signature: 64 hex digits.
pub const SIGNATURE: &str = "x-justcall-signature";
/// Header of the scheme's version.
pub const VERSION: &str = "x-justcall-signature-version";
/// Header of the signed time: `YYYY-MM-DD HH:MM:SS` in UTC, or ten digits of seconds since 1970.
pub const TIMESTAMP: &str = "x-justcall-request-timestamp";

/// Maximum number of secrets of one endpoint. A rotation takes two.
pub const MAX_SECRETS: usize = 8;

/// Signature headers as received. `None`: missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// Value of [`SIGNATURE`].
    pub signature: Option<String>,
    /// Value of [`VERSION`].
    pub version: Option<String>,
    /// Value of [`TIMESTAMP`].
    pub timestamp: Option<String>,
}

/// Signed fields of the body, unescaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject<'a> {
    /// `webhook_url`
    pub url: Option<&'a str>,
    /// `type`
    pub event_type: &'a str,
}

/// A valid signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Valid {
    /// Index of the secret.
    pub secret: usize,
    /// Signed time.
    pub at: DateTime<Utc>,
    /// First half of the signature. Equal for every body sent with one signed tuple.
    pub tuple: [u8; 16],
}

/// Reason why a signature is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// One of the three headers is missing.
    Missing,
    /// A version other than `v1`.
    Version,
    /// Not 64 hex digits, or a time of unknown form.
    Malformed,
    /// The body has no `webhook_url`.
    NoUrl,
    /// `webhook_url` is not in the list of URLs.
    UrlNotAllowed,
    /// Made with none of the secrets.
    NoMatch,
    /// Valid, but outside the tolerance.
    Stale,
}

impl Fault {
    /// Every fault, in order of declaration.
    pub const ALL: [Self; 7] = [
        Self::Missing,
        Self::Version,
        Self::Malformed,
        Self::NoUrl,
        Self::UrlNotAllowed,
        Self::NoMatch,
        Self::Stale,
    ];

    /// Returns the tag for metric labels and problem types.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Missing => "signature_missing",
            Self::Malformed => "signature_malformed",
            Self::Version => "signature_version",
            Self::NoUrl => "signature_no_url",
            Self::UrlNotAllowed => "signature_url",
            Self::NoMatch => "signature_mismatch",
            Self::Stale => "signature_stale",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Missing => "the signature headers are missing",
            Self::Version => "the signature's version is not v1",
            Self::Malformed => "the signature headers are malformed",
            Self::NoUrl => "the body has no webhook_url, which the signature must cover",
            Self::UrlNotAllowed => "the body's webhook_url is not one of this endpoint's",
            Self::NoMatch => "the signature matches no secret",
            Self::Stale => "the signed time is too far from the present",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Fault {}

/// Secrets of one endpoint, kept as HMAC states that are wiped when dropped.
pub struct Keys(Vec<Key>);

/// HMAC keyed with a secret, and fed with the secret and the first `|`.
struct Key(Hmac<Sha256>);

impl Keys {
    /// Prepares at most [`MAX_SECRETS`] secrets. Leave out empty ones: anyone can sign with them.
    pub fn new(secrets: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        let keys = secrets.into_iter().take(MAX_SECRETS).filter_map(|secret| Key::new(secret.as_ref()));
        Self(keys.collect())
    }

    /// Returns whether there are no secrets.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of secrets.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.len())
    }
}

impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().map(Key::fingerprint).eq(other.0.iter().map(Key::fingerprint))
    }
}

impl Key {
    fn new(secret: &[u8]) -> Option<Self> {
        // HMAC takes keys of every length.
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
        mac.update(secret);
        mac.update(b"|");
        Some(Self(mac))
    }

    fn fingerprint(&self) -> [u8; 32] {
        self.0.clone().finalize().into_bytes().into()
    }

    fn sign(&self, encoding: Encoding, url: &str, event_type: &str, timestamp: &str) -> [u8; 32] {
        let mut mac = self.0.clone();
        encoding.feed(url, |bytes| mac.update(bytes));
        for part in ["|", event_type, "|", timestamp] {
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }
}

/// Requirements of one endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// URLs that may be signed, compared exactly. Empty: any.
    pub urls: &'a [String],
    /// Maximum distance of the signed time from now, in either direction.
    pub tolerance: Duration,
}

/// Verifies the signature of a webhook.
///
/// Tries every secret and escaping, also after a match, so that the duration depends on no secret.
///
/// # Errors
/// The first fault in the order of [`Fault`].
pub fn verify(
    headers: &Headers,
    subject: Subject<'_>,
    keys: &Keys,
    rules: Rules<'_>,
    now: DateTime<Utc>,
) -> Result<Valid, Fault> {
    let (Some(signature), Some(version), Some(timestamp)) =
        (&headers.signature, &headers.version, &headers.timestamp)
    else {
        return Err(Fault::Missing);
    };
    if version != "v1" {
        return Err(Fault::Version);
    }
    let (Some(signature), Some(at)) = (from_hex(signature), parse_time(timestamp)) else {
        return Err(Fault::Malformed);
    };
    let url = subject.url.ok_or(Fault::NoUrl)?;
    if !rules.urls.is_empty() && !rules.urls.iter().any(|allowed| allowed == url) {
        return Err(Fault::UrlNotAllowed);
    }
    let secret = find_secret(keys, &signature, url, subject.event_type, timestamp).ok_or(Fault::NoMatch)?;
    if (now - at).abs().to_std().is_ok_and(|apart| apart <= rules.tolerance) {
        let mut tuple = [0; 16];
        tuple.copy_from_slice(&signature[..16]);
        Ok(Valid { secret, at, tuple })
    } else {
        Err(Fault::Stale)
    }
}

fn find_secret(
    keys: &Keys,
    signature: &[u8; 32],
    url: &str,
    event_type: &str,
    timestamp: &str,
) -> Option<usize> {
    let mut found = Choice::from(0);
    let mut index = 0_u32;
    for (at, key) in (0_u32..).zip(&keys.0) {
        for encoding in Encoding::of(url) {
            let matches = key.sign(*encoding, url, event_type, timestamp).ct_eq(signature);
            index.conditional_assign(&at, matches);
            found |= matches;
        }
    }
    bool::from(found).then_some(index as usize)
}

/// Returns the [`SIGNATURE`] header for a [`TIMESTAMP`] header.
pub fn sign(secret: &str, url: &str, event_type: &str, timestamp: &str) -> String {
    let signature =
        Key::new(secret.as_bytes()).map(|key| key.sign(Encoding::JavaScript, url, event_type, timestamp));
    signature.iter().flatten().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}
