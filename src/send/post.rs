//! Posts events, several at a time.

use super::SendError;
use super::credentials::RequestCredentials;
use super::summary::{Answer, AnswerCounts, SendSummary};
use super::template::{Stamp, Template};
use chrono::Utc;
use parking_lot::Mutex;
use reqwest::{Certificate, Client, Response, Url, header, redirect};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Time after which an event counts as unanswered.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest part of a response that is read, in bytes.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct SendPlan {
    pub(super) to: Url,
    /// `None`: resolves the host of the URL.
    pub(super) address: Option<IpAddr>,
    /// Certificates to trust instead of the system's.
    pub(super) authorities: Option<Vec<Certificate>>,
    pub(super) credentials: RequestCredentials,
    /// One round of events.
    pub(super) bodies: Vec<Body>,
    pub(super) rounds: u64,
    pub(super) concurrency: usize,
}

#[derive(Debug)]
pub(super) enum Body {
    Exact(bytes::Bytes),
    /// Sent as a new event each time.
    Fresh(Template<'static>),
}

struct Run {
    plan: SendPlan,
    client: Client,
    started: Instant,
    random: u64,
    next: AtomicU64,
    counts: Mutex<AnswerCounts>,
    on_answer: Box<dyn Fn() + Send + Sync>,
}

impl SendPlan {
    pub(crate) fn total(&self) -> u64 {
        self.rounds.saturating_mul(self.bodies.len() as u64)
    }
}

/// Implements [`super::send`].
pub(super) async fn send(
    plan: SendPlan,
    on_answer: Box<dyn Fn() + Send + Sync>,
    stop: impl Future<Output = ()>,
) -> Result<SendSummary, SendError> {
    let (total, workers) = (plan.total(), plan.total().min(plan.concurrency as u64));
    let run = Arc::new(Run {
        client: client(&plan)?,
        plan,
        started: Instant::now(),
        random: fastrand::u64(..),
        next: AtomicU64::new(0),
        counts: Mutex::default(),
        on_answer,
    });
    let mut tasks: JoinSet<_> = (0..workers).map(|_| Arc::clone(&run).work(total)).collect();
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            // Tasks are never cancelled, and a panic has been printed already.
            ended.unwrap_or(Ok(()))?;
        }
        Ok::<(), SendError>(())
    };
    tokio::select! {
        ended = all => ended?,
        () = stop => {}
    }
    tasks.shutdown().await;
    Ok(run.summary())
}

impl Run {
    async fn work(self: Arc<Self>, total: u64) -> Result<(), SendError> {
        loop {
            let sequence = self.next.fetch_add(1, Ordering::Relaxed);
            if sequence >= total {
                return Ok(());
            }
            let answer = match self.post(sequence).await {
                Ok(answer) => answer,
                Err(error) if error.is_connect() && self.counts.lock().answered() == 0 => {
                    return Err(SendError::Unreachable { to: shown(&self.plan.to), why: root_cause(&error) });
                }
                Err(error) if error.is_connect() => Answer::none("unreachable"),
                Err(error) if error.is_timeout() => Answer::none("timeout"),
                Err(_) => Answer::none("broken"),
            };
            self.counts.lock().add(answer);
            (self.on_answer)();
        }
    }

    async fn post(&self, sequence: u64) -> Result<Answer, reqwest::Error> {
        let body = match &self.plan.bodies[sequence as usize % self.plan.bodies.len()] {
            Body::Exact(bytes) => bytes.clone(),
            Body::Fresh(template) => {
                let stamp = Stamp { run: self.random, sequence, millis: now() };
                bytes::Bytes::from(template.fill(stamp))
            }
        };
        let mut request =
            self.client.post(self.plan.to.clone()).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in self.plan.credentials.signature(&body, Utc::now()).into_iter().flatten() {
            request = request.header(name, value);
        }
        if let Some(authorization) = self.plan.credentials.authorization() {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let mut response = request.body(body).send().await?;
        let read = read_answer(&mut response).await?;
        Ok(Answer::read(response.status().as_u16(), &read))
    }

    fn summary(&self) -> SendSummary {
        SendSummary {
            to: shown(&self.plan.to),
            planned: self.plan.total(),
            elapsed: self.started.elapsed(),
            counts: std::mem::take(&mut *self.counts.lock()),
        }
    }
}

fn client(plan: &SendPlan) -> Result<Client, SendError> {
    let to = &plan.to;
    // Fails if a default is already installed, which suffices.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("justcall-bridge/", env!("CARGO_PKG_VERSION")))
        .timeout(REQUEST_TIMEOUT)
        .redirect(redirect::Policy::none())
        // The answers are the bridge's own.
        .no_proxy();
    // Loads root certificates only for HTTPS, because a slim container has none.
    let builder = match &plan.authorities {
        Some(authorities) => builder.tls_certs_only(authorities.iter().cloned()),
        None if to.scheme() == "http" => builder.tls_certs_only([]),
        None => builder,
    };
    let builder = match (to.domain(), plan.address) {
        // Port 0 means the port of the URL or of its scheme.
        (Some(host), Some(address)) => builder.resolve(host, SocketAddr::new(address, 0)),
        _ => builder,
    };
    builder.build().map_err(|error| SendError::Client(root_cause(&error)))
}

async fn read_answer(response: &mut Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut read = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = MAX_RESPONSE_BYTES - read.len();
        read.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if read.len() == MAX_RESPONSE_BYTES {
            break;
        }
    }
    Ok(read)
}

fn shown(to: &Url) -> String {
    let mut to = to.clone();
    // Both fail only for URLs without a host, which are rejected earlier.
    let _ = to.set_username("");
    let _ = to.set_password(None);
    to.to_string()
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
