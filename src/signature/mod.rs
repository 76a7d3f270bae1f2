//! JustCall's signature scheme `v1`, as its documentation describes it for the live dialect.
//!
//! A webhook carries three headers: [`SIGNATURE`], [`VERSION`] and [`TIMESTAMP`]. The signature is the
//! HMAC-SHA256, in hex, of
//!
//! ```text
//! secret|encodeURIComponent(webhook_url)|type|timestamp
//! ```
//!
//! with the same secret as key. `webhook_url` and `type` stand in the body; **the rest of the body is
//! not covered**. Whoever holds one signed request can attach any `data` to it until its time is
//! past: hence the tolerance, the list of URLs, and the deduplication behind it.
//!
//! Everything here is pure: the time is an argument.

mod config;
mod time;
mod url;

#[cfg(test)]
mod tests;

pub use config::{Config, Mode};
pub use time::parse_time;

use crate::secret::Secret;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::time::Duration;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use url::Encoding;

/// Header of the signature: 64 digits of hex.
pub const SIGNATURE: &str = "x-justcall-signature";
/// Header of the scheme's version: `v1`.
pub const VERSION: &str = "x-justcall-signature-version";
/// Header of the signed time: `YYYY-MM-DD HH:MM:SS` in UTC, or ten digits of seconds since 1970.
pub const TIMESTAMP: &str = "x-justcall-request-timestamp";

/// Most secrets that are valid at a time. A rotation takes two.
pub const MAX_SECRETS: usize = 8;

/// The signature headers as they came; `None` where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// [`SIGNATURE`]
    pub signature: Option<String>,
    /// [`VERSION`]
    pub version: Option<String>,
    /// [`TIMESTAMP`]
    pub timestamp: Option<String>,
}

/// What a signature covers besides its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject<'a> {
    /// `webhook_url` of the body, unescaped; `None` if it has none.
    pub url: Option<&'a str>,
    /// `type` of the body, unescaped.
    pub event_type: &'a str,
}

/// A signature that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Valid {
    /// Which of the secrets it was made with.
    pub secret: usize,
    /// The signed time.
    pub at: DateTime<Utc>,
    /// The first half of the signature: one signed tuple has one, whatever body it comes with.
    pub tuple: [u8; 16],
}

/// Why a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// One of the three headers is not there.
    #[error("the signature headers are missing")]
    Missing,
    /// A version other than `v1`.
    #[error("the signature's version is not v1")]
    Version,
    /// The signature is not 64 digits of hex, or the time is in no known form.
    #[error("the signature headers are malformed")]
    Malformed,
    /// The body has no `webhook_url` that could be covered.
    #[error("the body has no webhook_url, which the signature must cover")]
    NoUrl,
    /// `webhook_url` is not in the list of URLs.
    #[error("the body's webhook_url is not one of this endpoint's")]
    UrlNotAllowed,
    /// Well-formed, and made with none of the secrets.
    #[error("the signature matches no secret")]
    NoMatch,
    /// Made with a secret, too long ago or too far ahead.
    #[error("the signed time is too far from the present")]
    Stale,
}

impl Fault {
    /// Every fault, in the order of declaration.
    pub const ALL: [Self; 7] = [
        Self::Missing,
        Self::Version,
        Self::Malformed,
        Self::NoUrl,
        Self::UrlNotAllowed,
        Self::NoMatch,
        Self::Stale,
    ];

    /// Stable tag: the metric label, and what ends the problem's `type`.
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
}

/// The secrets of one source, ready to verify with.
pub struct Keys(Vec<Key>);

struct Key {
    secret: Secret,
    /// Keyed, and fed with the secret and the first `|`: what every signed string begins with.
    begun: Hmac<Sha256>,
}

impl Keys {
    /// Takes at most [`MAX_SECRETS`]; their order is that of [`Valid::secret`]. None may be empty, for
    /// anybody could sign with it.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        Self(secrets.into_iter().take(MAX_SECRETS).filter_map(Key::new).collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().map(|key| &key.secret).eq(other.0.iter().map(|key| &key.secret))
    }
}

impl Key {
    fn new(secret: Secret) -> Option<Self> {
        // HMAC takes keys of every length.
        let mut begun = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).ok()?;
        begun.update(secret.expose().as_bytes());
        begun.update(b"|");
        Some(Self { secret, begun })
    }

    fn sign(&self, encoding: Encoding, url: &str, event_type: &str, timestamp: &str) -> [u8; 32] {
        let mut mac = self.begun.clone();
        encoding.feed(url, |bytes| mac.update(bytes));
        for part in ["|", event_type, "|", timestamp] {
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }
}

/// What a signature is held to.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The URLs that may be signed, compared character by character; none: any.
    pub urls: &'a [String],
    /// How far the signed time may be from the present, in either direction.
    pub tolerance: Duration,
}

/// Verifies a webhook's signature at the time `now`.
///
/// Every secret is tried, in each way of escaping the URL, whichever matches: the time taken tells
/// nothing of them.
///
/// # Errors
/// The first fault in the order of [`Fault`]. A stale signature is one that matches: what matches
/// nothing has no time that could be believed.
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
    let secret = which(keys, &signature, url, subject.event_type, timestamp).ok_or(Fault::NoMatch)?;
    if (now - at).abs().to_std().is_ok_and(|apart| apart <= rules.tolerance) {
        let mut tuple = [0; 16];
        tuple.copy_from_slice(&signature[..16]);
        Ok(Valid { secret, at, tuple })
    } else {
        Err(Fault::Stale)
    }
}

/// The last of the secrets that the signature was made with.
fn which(keys: &Keys, signature: &[u8; 32], url: &str, event_type: &str, timestamp: &str) -> Option<usize> {
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

/// Signs as JustCall does: the signature header for a webhook with the timestamp header `timestamp`.
pub fn sign(secret: &Secret, url: &str, event_type: &str, timestamp: &str) -> String {
    let signature =
        Key::new(secret.clone()).map(|key| key.sign(Encoding::JavaScript, url, event_type, timestamp));
    signature.iter().flatten().map(|byte| format!("{byte:02x}")).collect()
}

/// 64 digits of hex, in either case.
fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}
