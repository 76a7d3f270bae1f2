//! Posts events on a schedule.

use super::credentials::RequestCredentials;
use super::summary::{Answer, Summary, Tally};
use super::template::{Stamp, Template};
use chrono::Utc;
use indicatif::ProgressBar;
use reqwest::{Certificate, Client, Response, Url, header, redirect};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// After this long an event counts as unanswered.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// More of an answer is not read.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// What to send, where and how fast.
#[derive(Debug)]
pub(super) struct Plan {
    /// Where to.
    pub(super) to: Url,
    /// Where its host is; `None`: where its name says.
    pub(super) address: Option<IpAddr>,
    /// Certificates to trust instead of the system's.
    pub(super) authorities: Option<Vec<Certificate>>,
    /// What it shows to be let in.
    pub(super) credentials: RequestCredentials,
    /// One round of events.
    pub(super) bodies: Vec<Body>,
    /// How many rounds.
    pub(super) rounds: u64,
    /// Events per second; `None`: as fast as the answers come.
    pub(super) rate: Option<f64>,
    /// How many await their answer at once.
    pub(super) concurrency: usize,
}

/// One event of a round.
#[derive(Debug)]
pub(super) enum Body {
    /// Sent as it is each time.
    Exact(bytes::Bytes),
    /// Made an event of its own each time.
    Fresh(Template<'static>),
}

/// Why nothing could be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    /// Nobody listens, or the way there is barred.
    #[error(
        "cannot reach {to}: {why}\nIs a bridge running there? `justcall-bridge dev` starts one; `--to URL` names another."
    )]
    Unreachable {
        /// The URL without credentials.
        to: String,
        /// What the operating system says.
        why: String,
    },
    /// The HTTP client cannot be made, as where no root certificates are installed.
    #[error("cannot set up the HTTP client: {0}")]
    Client(String),
}

struct Run {
    plan: Plan,
    client: Client,
    started: Instant,
    random: u64,
    next: AtomicU64,
    tally: Mutex<Tally>,
    progress: ProgressBar,
}

impl Plan {
    /// How many events it makes.
    pub(super) fn total(&self) -> u64 {
        self.rounds.saturating_mul(self.bodies.len() as u64)
    }
}

/// Carries out the plan. Ends early, with what there is, when `stop` completes.
///
/// # Errors
/// When the first thing that happens is that no connection can be made. Later on that counts as an
/// answer that did not come.
pub(super) async fn send(
    plan: Plan,
    progress: ProgressBar,
    stop: impl Future<Output = ()>,
) -> Result<Summary, Failed> {
    let (total, workers) = (plan.total(), plan.total().min(plan.concurrency as u64));
    progress.set_length(total);
    let run = Arc::new(Run {
        client: client(&plan)?,
        plan,
        started: Instant::now(),
        random: random(),
        next: AtomicU64::new(0),
        tally: Mutex::default(),
        progress,
    });
    let mut tasks: JoinSet<_> = (0..workers).map(|_| Arc::clone(&run).work(total)).collect();
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            // A task is never cancelled here, and its panic has been printed.
            ended.unwrap_or(Ok(()))?;
        }
        Ok(())
    };
    tokio::select! {
        ended = all => ended?,
        () = stop => {}
    }
    tasks.shutdown().await;
    run.progress.finish_and_clear();
    Ok(run.summary())
}

impl Run {
    /// Sends one event after the other until there are no more.
    async fn work(self: Arc<Self>, total: u64) -> Result<(), Failed> {
        loop {
            let sequence = self.next.fetch_add(1, Ordering::Relaxed);
            if sequence >= total {
                return Ok(());
            }
            let due = self.due(sequence).await;
            let answer = match self.post(sequence).await {
                Ok(answer) => answer,
                Err(error) if error.is_connect() && self.tally(|tally| tally.answered()) == 0 => {
                    return Err(Failed::Unreachable { to: shown(&self.plan.to), why: root_cause(&error) });
                }
                Err(error) if error.is_connect() => Answer::none("unreachable"),
                Err(error) if error.is_timeout() => Answer::none("timeout"),
                Err(_) => Answer::none("broken"),
            };
            self.tally(|tally| tally.add(answer, due.elapsed()));
            self.progress.inc(1);
        }
    }

    /// Waits for an event's turn. Returns when that was: under a rate, the scheduled time, so that
    /// waiting behind slow answers counts as latency.
    async fn due(&self, sequence: u64) -> Instant {
        let Some(rate) = self.plan.rate else { return Instant::now() };
        let due = self.started + Duration::from_secs_f64(sequence as f64 / rate);
        tokio::time::sleep_until(due).await;
        due
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

    fn tally<T>(&self, work: impl FnOnce(&mut Tally) -> T) -> T {
        // Counting cannot leave it half-written.
        work(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn summary(&self) -> Summary {
        Summary {
            to: shown(&self.plan.to),
            planned: self.plan.total(),
            elapsed: self.started.elapsed(),
            scheduled: self.plan.rate.is_some(),
            tally: self.tally(std::mem::take),
        }
    }
}

fn client(plan: &Plan) -> Result<Client, Failed> {
    let to = &plan.to;
    // An error says that there is a default already, which does as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("justcall-bridge/", env!("CARGO_PKG_VERSION")))
        .timeout(REQUEST_TIMEOUT)
        .redirect(redirect::Policy::none())
        // A proxy between would be measured along.
        .no_proxy();
    // Root certificates are looked for only where they are needed: a slim container has none.
    let builder = match &plan.authorities {
        Some(authorities) => builder.tls_certs_only(authorities.iter().cloned()),
        None if to.scheme() == "http" => builder.tls_certs_only([]),
        None => builder,
    };
    let builder = match (to.domain(), plan.address) {
        // The port is the URL's, or its scheme's.
        (Some(host), Some(address)) => builder.resolve(host, SocketAddr::new(address, 0)),
        _ => builder,
    };
    builder.build().map_err(|error| Failed::Client(root_cause(&error)))
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

/// The URL as it may be printed.
fn shown(to: &Url) -> String {
    let mut to = to.clone();
    // Both fail only for URLs without a host, which were turned away before.
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

/// Random enough that two runs do not collide: the standard library seeds its hashers so.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(now())
}

#[cfg(test)]
mod tests;
