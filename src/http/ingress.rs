//! The listener for webhooks.

mod receive;

use super::Config;
use super::answer::{answer, probe};
use super::body::Body;
use super::crowd::Crowd;
use super::descriptors::connections_within_limit;
use super::gate::Gate;
use super::headers::bearer;
use super::listener::Listener;
use super::path::normalized;
use super::problem::Problem;
use super::server::{self, Limits};
use super::tls::{self, Certificate};
use super::turn::Turn;
use super::work::Work;
use crate::ingest::{self, Arrival, Budget, DeadLetterAnswer, Outcome};
use crate::rate_limit::LogThrottle;
use crate::secret::Secret;
use crate::telemetry::{EventOutcome, Metrics, ResponseCounters, Trace, Tracer};
use crate::watch::{Refresh, Watched};
use actix_service::map_config;
use actix_web::dev::AppConfig;
use actix_web::http::{ConnectionType, Method};
use actix_web::{App, HttpRequest, HttpResponse, web};
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// Admitted for every request on top of its body, so that the budget bounds their number too: mostly
/// the connection's read buffer, of which a small body is a slice that keeps the whole buffer.
pub(crate) const REQUEST_OVERHEAD: usize = 8 * 1024;

/// How long a connection is read on, and its bytes dropped, after an answer that came before the
/// body's end: closed at once, the sender might never see the answer.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The methods of a source's path.
pub(super) const ALLOWED: &str = "GET, HEAD, POST";

/// How often the log tells of requests that nobody could look at: anybody may send them.
const UNREAD_SAID: Duration = Duration::from_secs(10);

/// Takes webhooks in.
pub struct Ingress {
    listener: Listener,
    gate: Arc<Gate>,
    certificate: Option<Arc<Watched<Certificate>>>,
}

impl Ingress {
    /// Binds and serves from now on, on worker threads of its own. Needs a tokio runtime around it.
    ///
    /// `has_token` tells whether the token that came with a head lets a webhook of that source in: asked
    /// before the body is read. `accept` takes one webhook to its outcome. A client that hangs up cuts nothing off, and a panic
    /// ends only that request, with a 503.
    ///
    /// # Errors
    /// When the address cannot be bound, or the certificate or its key cannot be used.
    pub fn bind<A>(
        config: &Config,
        ingest: &ingest::Config,
        has_token: impl Fn(usize, Option<&Secret>) -> bool + Send + Sync + 'static,
        accept: A,
        budget: Arc<Budget>,
        metrics: Arc<Metrics>,
        tracer: Tracer,
    ) -> io::Result<Self>
    where
        A: AsyncFn(Box<Arrival>) -> Outcome + Send + Sync + 'static,
    {
        let certificate = tls::open(&config.tls, &metrics)?;
        let crowd = Crowd::new(Arc::clone(&metrics));
        let connections = connections_within_limit();
        metrics.in_flight_limit.set(i64::try_from(config.max_in_flight).unwrap_or(i64::MAX));
        let entries = ingest.sources.iter().map(|source| Entry::new(source, &metrics)).collect();
        let elsewhere = metrics.responses(None);
        let gate = Arc::new(Gate::new(metrics));
        let door = Arc::new(Door {
            entries,
            elsewhere,
            max_body_bytes: config.max_body_bytes,
            tight: config.max_in_flight / 2,
            request_timeout: config.request_timeout,
            rejected: ingest.dead_letter.answer,
            crowd: crowd.clone(),
            crowded: connections / 2,
            budget,
            gate: Arc::clone(&gate),
            tracer,
            unread: LogThrottle::every(UNREAD_SAID),
            has_token: Box::new(has_token),
            accept,
        });
        let workers = config.workers.unwrap_or_else(|| available_parallelism().map_or(1, usize::from)).max(1);
        let limits = Limits { workers, connections, linger: DISCONNECT_TIMEOUT, crowd };
        let app = move || {
            let door = Rc::new(Own(Arc::clone(&door)));
            let enter = move |request, payload| enter(Rc::clone(&door), request, payload);
            map_config(App::new().default_service(web::to(enter)), |()| AppConfig::default())
        };
        let (addr, server) = server::bind(config, certificate.as_ref(), limits, app)?;
        Ok(Self { listener: Listener::start(addr, server), gate, certificate })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.listener.addr()
    }

    /// What has to be followed while it serves: its certificate, if it has one.
    pub fn watched(&self) -> Option<Arc<dyn Refresh>> {
        self.certificate.clone().map(|certificate| certificate as _)
    }

    /// Closes each connection after its next answer, so that clients that reuse connections leave in time.
    pub fn close_connections(&self) {
        self.gate.close_connections();
    }

    /// Stops taking webhooks, waits up to `timeout` for the outcome of those in flight and closes every
    /// connection. Returns whether all of them had their outcome.
    ///
    /// Until then a POST is answered 503 with `Retry-After`: JustCall tries that again, but not a
    /// refused connection.
    pub async fn stop(self, timeout: Duration) -> bool {
        self.gate.stop();
        let settled = tokio::time::timeout(timeout, self.gate.settled()).await.is_ok();
        self.listener.stop(settled).await;
        settled
    }
}

/// Whether a token lets webhooks of a source in.
type HasToken = dyn Fn(usize, Option<&Secret>) -> bool + Send + Sync;

/// What every worker serves requests with.
struct Door<A> {
    /// By source.
    entries: Vec<Entry>,
    /// What those hear who try other paths.
    elsewhere: ResponseCounters,
    max_body_bytes: usize,
    /// With more bytes than these in flight, slow bodies give way.
    tight: usize,
    request_timeout: Duration,
    rejected: DeadLetterAnswer,
    crowd: Crowd,
    /// Above this number of connections, keep-alive is off.
    crowded: usize,
    budget: Arc<Budget>,
    gate: Arc<Gate>,
    tracer: Tracer,
    /// Of requests that were answered 503 before their event was read.
    unread: LogThrottle,
    has_token: Box<HasToken>,
    accept: A,
}

/// A worker's own handle of the door. Its requests count references to the handle: all workers together
/// would contend for one counter.
struct Own<A>(Arc<Door<A>>);

impl<A> Deref for Own<A> {
    type Target = Door<A>;

    fn deref(&self) -> &Door<A> {
        &self.0
    }
}

/// Answers one request.
async fn enter<A>(door: Rc<Own<A>>, request: HttpRequest, payload: web::Payload) -> HttpResponse
where
    A: AsyncFn(Box<Arrival>) -> Outcome + 'static,
{
    let turn = request.conn_data::<Rc<Turn>>().cloned().unwrap_or_default();
    turn.body(request.headers());
    let mut body = Body::new(payload, Rc::clone(&turn));
    let path = normalized(request.uri().path());
    let (passed, answers) = match door.source(&path) {
        Ok((source, token)) => {
            (pass(&door, &request, source, token, &mut body).await, &door.entries[source].answers)
        }
        Err(problem) => (Err(problem), &door.elsewhere),
    };
    let mut response = passed.unwrap_or_else(|problem| {
        door.turned_away(&problem);
        problem.response()
    });
    answers.count(response.status().as_u16());
    if turn.is_cut() || door.crowd.len() > door.crowded || door.gate.closes_connections() {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    turn.answered();
    body.end_with(response)
}

async fn pass<A>(
    door: &Rc<Own<A>>,
    request: &HttpRequest,
    source: usize,
    token: Option<&str>,
    body: &mut Body,
) -> Result<HttpResponse, Problem>
where
    A: AsyncFn(Box<Arrival>) -> Outcome + 'static,
{
    match *request.method() {
        Method::POST => {}
        Method::GET | Method::HEAD => {
            door.gate.metrics.event(None, EventOutcome::Probe);
            return Ok(probe());
        }
        _ => return Err(Problem::Method(ALLOWED)),
    }
    // Counted first, then asked: whoever stops sees the request, or is seen by it.
    let in_flight = InFlight::new(door);
    if door.gate.is_stopping() {
        return Err(Problem::ShuttingDown);
    }
    let token = token.or_else(|| bearer(request.headers())).map(Secret::from);
    let arrival = door.receive(source, token, request.headers(), body).await?;
    take(arrival, in_flight).await
}

/// Runs to the outcome and its answer, even if nobody waits for it any more.
async fn take<A>(arrival: Box<Arrival>, in_flight: InFlight<A>) -> Result<HttpResponse, Problem>
where
    A: AsyncFn(Box<Arrival>) -> Outcome + 'static,
{
    let door = Rc::clone(&in_flight.door);
    let work = async move {
        let door = &in_flight.door;
        let spans = arrival.trace.as_ref().and_then(Trace::spans).cloned();
        let traced = spans.map(|spans| (spans, &door.entries[arrival.source].path));
        let outcome = (door.accept)(arrival).await;
        let traced = traced.filter(|_| outcome.is_authenticated());
        let response = answer(outcome, door.rejected);
        if let Some((spans, path)) = traced {
            spans.answered(path, response.status().as_u16());
        }
        response
    };
    let panicked = || tracing::error!("an event ended in a panic, without an outcome: this is a bug");
    // An abandoned request reaches no answer that would count its panic.
    let abandoned = move || {
        panicked();
        door.turned_away(&Problem::Internal);
    };
    Work::new(work, abandoned).await.map_err(|_| {
        panicked();
        Problem::Internal
    })
}

impl<A> Door<A> {
    fn turned_away(&self, problem: &Problem) {
        self.gate.metrics.turned_away(problem.tag());
        if problem.is_worth_a_retry()
            && let Some(left_out) = self.unread.pass(Instant::now())
        {
            let reason = problem.tag();
            tracing::warn!(
                reason,
                requests = left_out + 1,
                "requests were answered 503 before their events were read, the last one for this reason"
            );
        }
    }

    /// Which source posts to this path, and the token behind it. A trailing slash makes no other path.
    fn source<'a>(&self, path: &'a str) -> Result<(usize, Option<&'a str>), Problem> {
        let path = bare(path);
        if let Some(source) = self.entries.iter().position(|entry| entry.path == path) {
            return Ok((source, None));
        }
        let (path, token) = path.rsplit_once('/').ok_or(Problem::UnknownPath)?;
        let source = self.entries.iter().position(|entry| entry.takes_token && entry.path == path);
        Ok((source.ok_or(Problem::UnknownPath)?, Some(token)))
    }
}

/// Where a source's webhooks come in.
struct Entry {
    /// Without a trailing slash.
    path: String,
    takes_token: bool,
    answers: ResponseCounters,
}

impl Entry {
    fn new(source: &ingest::SourceConfig, metrics: &Metrics) -> Self {
        Self {
            path: normalized(bare(&source.path)).into_owned(),
            takes_token: source.takes_token(),
            answers: metrics.responses(Some(&source.name)),
        }
    }
}

/// A request whose outcome is open.
struct InFlight<A> {
    door: Rc<Own<A>>,
    since: Instant,
}

impl<A> InFlight<A> {
    fn new(door: &Rc<Own<A>>) -> Self {
        door.gate.enter();
        Self { door: Rc::clone(door), since: Instant::now() }
    }
}

impl<A> Drop for InFlight<A> {
    fn drop(&mut self) {
        self.door.gate.leave(self.since);
    }
}

/// A path without its trailing slash.
fn bare(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

#[cfg(test)]
mod tests;
