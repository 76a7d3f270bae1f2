//! Reads a request's body: within its limits, and only as far as its credentials allow.

use super::super::body::Body;
use super::super::coding::Coding;
use super::super::headers::{signature, traceparent, tracestate};
use super::super::problem::Problem;
use super::super::turn::declared_length;
use super::{Door, REQUEST_OVERHEAD};
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

/// Longest body that is read without a token that lets it in, in bytes.
const MAX_PROBE: usize = 4 * 1024;

/// How long a body may take that came while more than half of the budget was taken; and how often it
/// is asked.
const GRACE: Duration = Duration::from_secs(1);

impl<A> Door<A> {
    /// Reads a webhook up to the end of its body.
    pub(super) async fn receive(
        &self,
        source: usize,
        token: Option<Secret>,
        headers: &HeaderMap,
        body: &mut Body,
    ) -> Result<Box<Arrival>, Problem> {
        let received_at = Utc::now();
        let trace = self.tracer.begin_trace(traceparent(headers), || tracestate(headers));
        if declared_length(headers).is_some_and(|length| length > self.max_body_bytes as u64) {
            return Err(Problem::TooLarge);
        }
        let coding = Coding::of(headers)?;
        let has_token = (self.has_token)(source, token.as_ref());
        let mut permit = self.budget.admit(REQUEST_OVERHEAD).ok_or(Problem::OverBudget)?;
        let body = if has_token {
            Some(self.read(body, coding, self.max_body_bytes, &mut permit).await?)
        } else {
            self.read_probe(body, coding, headers, &mut permit).await?
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
        body: &mut Body,
        coding: Coding,
        limit: usize,
        permit: &mut Permit,
    ) -> Result<Bytes, Problem> {
        let whole = {
            let mut whole = pin!(body.read(limit, permit));
            // Most bodies come with their head and need no timer. The wait is boxed, to keep this future small.
            match poll_fn(|context| Poll::Ready(whole.as_mut().poll(context))).await {
                Poll::Ready(whole) => whole?,
                Poll::Pending => Box::pin(self.in_time(whole)).await??,
            }
        };
        if coding == Coding::Identity {
            return Ok(whole);
        }
        Box::pin(coding.decode(whole, limit, permit)).await
    }

    /// Reads a body that came without a token that lets it in, because it may be a probe. `None`: it is
    /// compressed or larger than a probe, and work on it would be at anybody's disposal.
    async fn read_probe(
        &self,
        body: &mut Body,
        coding: Coding,
        headers: &HeaderMap,
        permit: &mut Permit,
    ) -> Result<Option<Bytes>, Problem> {
        let length = declared_length(headers);
        let is_empty = length.unwrap_or(0) == 0 && !headers.contains_key(TRANSFER_ENCODING);
        if !is_empty && (coding != Coding::Identity || length.is_some_and(|length| length > MAX_PROBE as u64))
        {
            return Ok(None);
        }
        match self.read(body, Coding::Identity, MAX_PROBE.min(self.max_body_bytes), permit).await {
            Err(Problem::TooLarge) => Ok(None),
            read => read.map(Some),
        }
    }

    /// A slow body has its time only while there is room: a few could take the whole budget, and keep
    /// everybody else out.
    async fn in_time<R>(&self, arriving: impl Future<Output = R>) -> Result<R, Problem> {
        let mut arriving = pin!(arriving);
        let mut left = self.request_timeout;
        while !left.is_zero() {
            let step = left.min(GRACE);
            if let Ok(arrived) = rt::time::timeout(step, arriving.as_mut()).await {
                return Ok(arrived);
            }
            if self.budget.used() > self.tight {
                break;
            }
            left -= step;
        }
        Err(Problem::TooSlow)
    }
}
