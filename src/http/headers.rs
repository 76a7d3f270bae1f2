//! Request headers that the ingress reads.

use crate::ingest;
use actix_web::http::header::{AUTHORIZATION, AsHeaderName, HeaderMap, HeaderName};
use justcall_events::signature::{Headers, SIGNATURE, TIMESTAMP, VERSION};
use std::borrow::Cow;

static TRACEPARENT: HeaderName = HeaderName::from_static(ingest::TRACEPARENT);
static TRACESTATE: HeaderName = HeaderName::from_static(ingest::TRACESTATE);
static SIGNATURE_NAME: HeaderName = HeaderName::from_static(SIGNATURE);
static VERSION_NAME: HeaderName = HeaderName::from_static(VERSION);
static TIMESTAMP_NAME: HeaderName = HeaderName::from_static(TIMESTAMP);

fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// `Authorization: Bearer TOKEN` (RFC 6750).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = text(headers, AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

pub(super) fn signature(headers: &HeaderMap) -> Headers {
    Headers {
        signature: joined(headers, &SIGNATURE_NAME),
        version: joined(headers, &VERSION_NAME),
        timestamp: joined(headers, &TIMESTAMP_NAME),
    }
}

/// Joins several headers of one name to a list (RFC 9110, 5.3), which is not a valid signature or time.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values = headers.get_all(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    values.map(Cow::into_owned).reduce(|list, value| list + ", " + &value)
}

/// W3C `traceparent` as received. Several are ignored, because none can be trusted.
pub(super) fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(&TRACEPARENT);
    let value = values.next()?;
    values.next().is_none().then(|| value.to_str().ok()).flatten()
}

pub(super) fn tracestate(headers: &HeaderMap) -> Option<String> {
    joined(headers, &TRACESTATE)
}
