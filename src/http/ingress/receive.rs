//! Reads a body within its limits, and only as far as the credentials allow.

use super::super::content_encoding::ContentEncoding;
use super::super::headers::{signature, traceparent, tracestate};
use super::super::problem::Problem;
use super::super::read_gate::declared_length;
use super::super::request_body::RequestBody;
use super::{IngressState, REQUEST_OVERHEAD};
use crate::ingest::{Arrival, Credentials, Permit};
use crate::secret::Secret;
use actix_web::http::header::{HeaderMap, TRANSFER_ENCODING};
use actix_web::rt;
use bytes::Bytes;
use chrono::Utc;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// Bytes.
const MAX_PROBE: usize = 4 * 1024;

/// Also the time for a body while more than half of the budget is in use.
const BUDGET_CHECK_INTERVAL: Duration = Duration::from_secs(1);

impl<A> IngressState<A> {
    pub(super) async fn receive(
        &self,
        source: usize,
        token: Option<Secret>,
        headers: &HeaderMap,
        body: &mut RequestBody,
    ) -> Result<Box<Arrival>, Problem> {
        let received_at = Utc::now();
        let trace = self.tracer.begin_trace(traceparent(headers), || tracestate(headers));
        if declared_length(headers).is_some_and(|length| length > self.max_body_bytes as u64) {
            return Err(Problem::TooLarge);
        }
        let encoding = ContentEncoding::of(headers)?;
        let has_token = (self.has_token)(source, token.as_ref());
        let mut permit = self.budget.admit(REQUEST_OVERHEAD).ok_or(Problem::OverBudget)?;
        let body = if has_token {
            Some(self.read(body, encoding, self.max_body_bytes, &mut permit).await?)
        } else {
            self.read_probe(body, encoding, headers, &mut permit).await?
        };
        Ok(Box::new(Arrival {
            source,
            body,
            received_at,
            credentials: Credentials { token, signature: signature(headers) },
            trace,
            permit,
        }))
    }

    async fn read(
        &self,
        body: &mut RequestBody,
        encoding: ContentEncoding,
        limit: usize,
        permit: &mut Permit,
    ) -> Result<Bytes, Problem> {
        let whole = {
            let mut whole = pin!(body.read(limit, permit));
            // Most bodies arrive with their head. The wait is boxed, to keep this future small.
            match poll_fn(|context| Poll::Ready(whole.as_mut().poll(context))).await {
                Poll::Ready(whole) => whole?,
                Poll::Pending => Box::pin(self.in_time(whole)).await??,
            }
        };
        if encoding == ContentEncoding::Identity {
            return Ok(whole);
        }
        Box::pin(encoding.decode(whole, limit, permit)).await
    }

    /// Reads a body without a valid token, because it may be a probe. `None`: compressed or larger, work that
    /// any client could cause.
    async fn read_probe(
        &self,
        body: &mut RequestBody,
        encoding: ContentEncoding,
        headers: &HeaderMap,
        permit: &mut Permit,
    ) -> Result<Option<Bytes>, Problem> {
        let length = declared_length(headers);
        let is_empty = length.unwrap_or(0) == 0 && !headers.contains_key(TRANSFER_ENCODING);
        if !is_empty
            && (encoding != ContentEncoding::Identity
                || length.is_some_and(|length| length > MAX_PROBE as u64))
        {
            return Ok(None);
        }
        match self.read(body, ContentEncoding::Identity, MAX_PROBE.min(self.max_body_bytes), permit).await {
            Err(Problem::TooLarge) => Ok(None),
            read => read.map(Some),
        }
    }

    /// Waits up to `request_timeout` while the budget has room. Otherwise a few slow bodies could block all
    /// other requests.
    async fn in_time<R>(&self, arriving: impl Future<Output = R>) -> Result<R, Problem> {
        let mut arriving = pin!(arriving);
        let mut left = self.request_timeout;
        while !left.is_zero() {
            let step = left.min(BUDGET_CHECK_INTERVAL);
            if let Ok(arrived) = rt::time::timeout(step, arriving.as_mut()).await {
                return Ok(arrived);
            }
            if self.budget.used() > self.cut_slow_above {
                break;
            }
            left -= step;
        }
        Err(Problem::TooSlow)
    }
}
