//! Listener for webhooks.

mod receive;

use super::Config;
use super::connection_count::ConnectionCount;
use super::descriptors::connections_within_limit;
use super::detached::DetachOnDrop;
use super::headers::bearer;
use super::listener::Listener;
use super::path::normalized;
use super::problem::Problem;
use super::read_gate::ReadGate;
use super::request_body::RequestBody;
use super::response::{probe, response};
use super::server::{self, ServerLimits};
use super::shutdown_gate::ShutdownGate;
use super::tls::{self, Certificate};
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
use std::time::{Duration, Instant};

/// Bytes for each request in addition to its body, so that the budget also limits their number. Most of it is
/// the read buffer, which a small body keeps alive.
pub(crate) const REQUEST_OVERHEAD: usize = 8 * 1024;

/// Time for which a connection is read after a response before the end of the body. Otherwise the client
/// might receive a reset instead.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) const ALLOWED_METHODS: &str = "GET, HEAD, POST";

/// Any client can cause these lines.
const REFUSED_LOG_INTERVAL: Duration = Duration::from_secs(10);

pub(crate) struct Ingress {
    listener: Listener,
    shutdown: Arc<ShutdownGate>,
    certificate: Option<Arc<Watched<Certificate>>>,
}

impl Ingress {
    /// Serves on worker threads of its own. Needs a tokio runtime. `has_token` is called before the body is
    /// read. `accept` processes one webhook, also if the client disconnects. A panic ends only its request,
    /// with a 503.
    pub(crate) fn bind<A>(
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
        let open_connections = ConnectionCount::new(Arc::clone(&metrics));
        let workers = config.worker_count();
        let max_connections = connections_within_limit(workers);
        metrics.in_flight_limit.set(i64::try_from(config.max_in_flight).unwrap_or(i64::MAX));
        let endpoints = ingest.sources.iter().map(|source| SourceEndpoint::new(source, &metrics)).collect();
        let other_path_counter = metrics.responses(None);
        let shutdown = Arc::new(ShutdownGate::new(Arc::clone(&metrics)));
        let state = Arc::new(IngressState {
            endpoints,
            other_path_counter,
            max_body_bytes: config.max_body_bytes,
            cut_slow_above: config.max_in_flight / 2,
            request_timeout: config.request_timeout,
            rejected: ingest.dead_letter.answer,
            open_connections: open_connections.clone(),
            keep_alive_limit: max_connections / 2,
            budget,
            shutdown: Arc::clone(&shutdown),
            metrics,
            tracer,
            refused_log: LogThrottle::every(REFUSED_LOG_INTERVAL),
            has_token: Box::new(has_token),
            accept,
        });
        let limits = ServerLimits {
            workers,
            max_connections,
            disconnect_timeout: DISCONNECT_TIMEOUT,
            open_connections,
        };
        let app = move || {
            let state = Rc::new(WorkerHandle(Arc::clone(&state)));
            let handle = move |request, payload| handle(Rc::clone(&state), request, payload);
            map_config(App::new().default_service(web::to(handle)), |()| AppConfig::default())
        };
        let (addr, server) = server::bind(config, certificate.as_ref(), limits, app)?;
        Ok(Self { listener: Listener::start(addr, server), shutdown, certificate })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.listener.addr()
    }

    pub(crate) fn watched(&self) -> Option<Arc<dyn Refresh>> {
        self.certificate.clone().map(|certificate| certificate as _)
    }

    /// Clients with keep-alive then disconnect before the stop.
    pub(crate) fn close_connections(&self) {
        self.shutdown.close_connections();
    }

    /// Answers POST with 503 until those in flight have an outcome, up to `timeout`, because JustCall does
    /// not retry a refused connection. Returns whether all had an outcome.
    pub(crate) async fn stop(self, timeout: Duration) -> bool {
        self.shutdown.stop();
        let settled = tokio::time::timeout(timeout, self.shutdown.settled()).await.is_ok();
        self.listener.stop(settled).await;
        settled
    }
}

type HasToken = dyn Fn(usize, Option<&Secret>) -> bool + Send + Sync;

struct IngressState<A> {
    endpoints: Vec<SourceEndpoint>,
    other_path_counter: ResponseCounters,
    max_body_bytes: usize,
    /// Bytes in flight.
    cut_slow_above: usize,
    request_timeout: Duration,
    rejected: DeadLetterAnswer,
    open_connections: ConnectionCount,
    /// Connections above which keep-alive is off.
    keep_alive_limit: usize,
    budget: Arc<Budget>,
    shutdown: Arc<ShutdownGate>,
    metrics: Arc<Metrics>,
    tracer: Tracer,
    refused_log: LogThrottle,
    has_token: Box<HasToken>,
    accept: A,
}

/// Handle of one worker. If requests cloned the shared `Arc`, all workers would contend for one counter.
struct WorkerHandle<A>(Arc<IngressState<A>>);

impl<A> Deref for WorkerHandle<A> {
    type Target = IngressState<A>;

    fn deref(&self) -> &IngressState<A> {
        &self.0
    }
}

async fn handle<A>(state: Rc<WorkerHandle<A>>, request: HttpRequest, payload: web::Payload) -> HttpResponse
where
    A: AsyncFn(Box<Arrival>) -> Outcome + 'static,
{
    let read_gate = request.conn_data::<Rc<ReadGate>>().cloned().unwrap_or_default();
    read_gate.start_body(request.headers());
    let mut body = RequestBody::new(payload, Rc::clone(&read_gate));
    let path = normalized(request.uri().path());
    let (result, counter) = match state.source(&path) {
        Ok((source, token)) => {
            (dispatch(&state, &request, source, token, &mut body).await, &state.endpoints[source].counter)
        }
        Err(problem) => (Err(problem), &state.other_path_counter),
    };
    let mut response = result.unwrap_or_else(|problem| {
        state.report_problem(&problem);
        problem.response()
    });
    counter.count(response.status().as_u16());
    if read_gate.is_cut()
        || state.open_connections.get() > state.keep_alive_limit
        || state.shutdown.closes_connections()
    {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    read_gate.end_request();
    body.finish(response)
}

async fn dispatch<A>(
    state: &Rc<WorkerHandle<A>>,
    request: &HttpRequest,
    source: usize,
    token: Option<&str>,
    body: &mut RequestBody,
) -> Result<HttpResponse, Problem>
where
    A: AsyncFn(Box<Arrival>) -> Outcome + 'static,
{
    match *request.method() {
        Method::POST => {}
        Method::GET | Method::HEAD => {
            state.metrics.event(None, EventOutcome::Probe);
            return Ok(probe());
        }
        _ => return Err(Problem::Method(ALLOWED_METHODS)),
    }
    // A concurrent stop waits for what is counted.
    let in_flight = InFlightRequest::new(state);
    if state.shutdown.is_stopping() {
        return Err(Problem::ShuttingDown);
    }
    let token = token.or_else(|| bearer(request.headers())).map(Secret::from);
    let arrival = state.receive(source, token, request.headers(), body).await?;
    process(arrival, in_flight).await
}

/// Continues if the client disconnects.
async fn process<A>(arrival: Box<Arrival>, in_flight: InFlightRequest<A>) -> Result<HttpResponse, Problem>
where
    A: AsyncFn(Box<Arrival>) -> Outcome + 'static,
{
    let state = Rc::clone(&in_flight.state);
    let work = async move {
        let state = &in_flight.state;
        let spans = arrival.trace.as_ref().and_then(Trace::spans).cloned();
        let traced = spans.map(|spans| (spans, &state.endpoints[arrival.source].path));
        let outcome = (state.accept)(arrival).await;
        let traced = traced.filter(|_| outcome.is_authenticated());
        let response = response(outcome, state.rejected);
        if let Some((spans, path)) = traced {
            spans.answered(path, response.status().as_u16());
        }
        response
    };
    let panicked = || tracing::error!("an event ended in a panic, without an outcome: this is a bug");
    // The response of a detached request is never sent.
    let abandoned = move || {
        panicked();
        state.report_problem(&Problem::Internal);
    };
    DetachOnDrop::new(work, abandoned).await.map_err(|_| {
        panicked();
        Problem::Internal
    })
}

impl<A> IngressState<A> {
    fn report_problem(&self, problem: &Problem) {
        self.metrics.turned_away(problem.tag());
        if problem.is_retryable()
            && let Some(left_out) = self.refused_log.pass(Instant::now())
        {
            let reason = problem.tag();
            tracing::warn!(
                reason,
                requests = left_out + 1,
                "requests were answered 503 before their events were read, the last one for this reason"
            );
        }
    }

    /// Ignores a trailing slash.
    fn source<'a>(&self, path: &'a str) -> Result<(usize, Option<&'a str>), Problem> {
        let path = without_slash(path);
        if let Some(source) = self.endpoints.iter().position(|endpoint| endpoint.path == path) {
            return Ok((source, None));
        }
        let (path, token) = path.rsplit_once('/').ok_or(Problem::UnknownPath)?;
        let source = self.endpoints.iter().position(|endpoint| endpoint.takes_token && endpoint.path == path);
        Ok((source.ok_or(Problem::UnknownPath)?, Some(token)))
    }
}

struct SourceEndpoint {
    path: String,
    takes_token: bool,
    counter: ResponseCounters,
}

impl SourceEndpoint {
    fn new(source: &ingest::SourceConfig, metrics: &Metrics) -> Self {
        Self {
            path: normalized(without_slash(&source.path)).into_owned(),
            takes_token: source.takes_token(),
            counter: metrics.responses(Some(&source.name)),
        }
    }
}

/// Ends when dropped.
struct InFlightRequest<A> {
    state: Rc<WorkerHandle<A>>,
    since: Instant,
}

impl<A> InFlightRequest<A> {
    fn new(state: &Rc<WorkerHandle<A>>) -> Self {
        state.shutdown.begin_request();
        Self { state: Rc::clone(state), since: Instant::now() }
    }
}

impl<A> Drop for InFlightRequest<A> {
    fn drop(&mut self) {
        self.state.shutdown.end_request(self.since);
    }
}

fn without_slash(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

#[cfg(test)]
mod tests;
