//! The composition root: builds the parts from the settings, runs them, and ends them in order.

mod budget_watch;
pub mod dead_letters;
mod reload;
pub mod replay;

pub use crate::http::{Answer, DescriptorLimit, answers, readiness_at_start};
pub use reload::ReloadHandle;

use crate::config::{Settings, ShutdownConfig, Sources};
use crate::delivery::{self, Delivery, SpoolView};
use crate::health::{KafkaState, LifecycleState, Readiness};
use crate::http::{Admin, Ingress};
use crate::ingest::{self, Budget, Ingest, Rules};
use crate::kafka::{self, Producer};
use crate::routing::{self, RouteTable};
use crate::spool::{self, Spool};
use crate::telemetry::{Metrics, TraceError, Tracer};
use crate::watch::Watcher;
use actix_web::rt;
use budget_watch::watch_budget;
use reload::Reloader;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

/// How often the end of what is in flight is looked for.
const PAUSE: Duration = Duration::from_millis(10);

/// How often Kafka is looked for while it is down.
const WATCH: Duration = Duration::from_millis(500);

/// Runs `future` on the runtime that [`App`] needs.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let system = rt::System::new();
    let output = system.block_on(future);
    // Its end would wait for blocking calls that cannot be interrupted, such as a look-up in DNS. The
    // process ends next.
    std::mem::forget(system);
    output
}

/// Why the bridge cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Kafka client refuses its settings.
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    /// The routes contradict themselves; settings that were loaded never do.
    #[error("the routes do not work out: {0:?}")]
    Routes(Vec<routing::RouteError>),
    /// The spool's directory is not ours, or what is in it is not a spool.
    #[error("spool.directory: {0}")]
    Spool(#[from] spool::OpenError),
    /// A source's secrets or tokens cannot be used; settings that were loaded a moment ago could.
    #[error(transparent)]
    Secrets(#[from] ingest::SecretsError),
    /// The system gives no thread.
    #[error("no thread to follow changed files with: {0}")]
    Watcher(std::io::Error),
    /// Traces cannot be sent.
    #[error(transparent)]
    Traces(#[from] TraceError),
    /// An address is taken or not ours.
    #[error("{setting}: {source}")]
    Listen {
        /// The setting that names the address.
        setting: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A bridge that is ready to run.
pub struct App {
    ingress: Ingress,
    admin: Admin,
    producer: Arc<Producer>,
    delivery: Arc<Delivery>,
    spool: Option<Arc<Spool>>,
    budget: Arc<Budget>,
    readiness: Arc<Readiness>,
    tracer: Tracer,
    request_timeout: Duration,
    shutdown: ShutdownConfig,
    watcher: Watcher,
    reload: Option<ReloadHandle>,
}

/// Where a bridge listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// Webhooks.
    pub ingress: SocketAddr,
    /// Probes and metrics.
    pub admin: SocketAddr,
}

/// How a bridge ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Records that Kafka had not acknowledged when the time was up and that are in no spool. Their
    /// senders were told 503 or nothing.
    pub left: usize,
    /// Records that wait in the spool for the next start.
    pub spooled: u64,
}

impl App {
    /// Builds every part and listens; [`App::run_until`] makes it ready. Needs no broker: Kafka is
    /// connected to by and by. Call it inside [`block_on`].
    ///
    /// With `sources`, which `settings` were read from, it follows the file among them: what can change
    /// at run time does.
    ///
    /// # Errors
    /// When a part cannot be built.
    pub fn build(settings: Settings, sources: Option<Sources>) -> Result<Self, Error> {
        let table = RouteTable::compile(&settings.routing).map_err(Error::Routes)?;
        let metrics = Arc::new(Metrics::new());
        let readiness = Arc::new(Readiness::default());
        let producer = Arc::new(Producer::start(&settings.kafka, &readiness, &metrics)?);
        let tracer = Tracer::start(&settings.telemetry.otlp, &metrics)?;
        let budget = Budget::new(settings.server.max_in_flight);
        let spool = open_spool(&settings)?;
        let queue = producer.queue_limits();
        let parts = delivery::Parts {
            sink: Arc::clone(&producer) as _,
            spool: spool.clone(),
            topics: table.topics().cloned().collect(),
            dead_letter_topic: Arc::from(settings.ingest.dead_letter.topic.as_str()),
            queue: (queue.records, queue.bytes),
            runtime: Handle::current(),
            readiness: Arc::clone(&readiness),
            metrics: Arc::clone(&metrics),
            tracer: tracer.clone(),
        };
        let delivery = Delivery::start(settings.delivery.clone(), parts);
        let rules = Rules::new(&settings.ingest, table);
        let (for_ingest, log_sample) = (Arc::clone(&metrics), settings.telemetry.log_sample);
        let ingest = Ingest::new(&settings.ingest, rules, Arc::clone(&delivery), for_ingest, log_sample)?;
        let ingest = Arc::new(ingest);
        let mut watched = ingest.watched();
        let mut reload = None;
        if let Some(sources) = sources {
            let (ingest, delivery) = (Arc::clone(&ingest), Arc::clone(&delivery));
            let (producer, metrics) = (Arc::clone(&producer), Arc::clone(&metrics));
            let reloader = Reloader::new(sources, settings.clone(), ingest, delivery, producer, metrics);
            reload = Some(reloader.handle());
            watched.push(Arc::new(reloader));
        }
        let for_tokens = Arc::clone(&ingest);
        let has_token = move |source, token: Option<&_>| for_tokens.has_token(source, token);
        let accept = async move |arrival| ingest.accept(arrival).await;
        let ingress = Ingress::bind(
            &settings.server,
            &settings.ingest,
            has_token,
            accept,
            Arc::clone(&budget),
            Arc::clone(&metrics),
            tracer.clone(),
        )
        .map_err(|source| Error::Listen { setting: "server.listen", source })?;
        watched.extend(ingress.watched());
        let watcher = Watcher::start(watched, Arc::clone(&metrics)).map_err(Error::Watcher)?;
        let admin = Admin::bind(&settings.admin, Arc::clone(&readiness), metrics, Arc::clone(&budget))
            .map_err(|source| Error::Listen { setting: "admin.listen", source })?;
        let shutdown = settings.shutdown;
        Ok(Self {
            ingress,
            admin,
            producer,
            delivery,
            spool,
            budget,
            readiness,
            tracer,
            request_timeout: settings.server.request_timeout,
            shutdown,
            watcher,
            reload,
        })
    }

    /// Every topic that these settings can yield.
    ///
    /// # Errors
    /// When the routes contradict themselves.
    pub fn topics(settings: &Settings) -> Result<Vec<Arc<str>>, Error> {
        let table = RouteTable::compile(&settings.routing).map_err(Error::Routes)?;
        Ok(topics(settings, &table))
    }

    /// Asks it to read its settings again. `None`: it was built without their sources.
    pub fn reload_handle(&self) -> Option<ReloadHandle> {
        self.reload.clone()
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        Addresses { ingress: self.ingress.addr(), admin: self.admin.addr() }
    }

    /// Serves until `shutdown` completes, then ends in order: not ready, still serving; no longer
    /// accepting; finishing; flushing.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Report {
        let Self {
            ingress,
            admin,
            producer,
            delivery,
            spool,
            budget,
            readiness,
            tracer,
            request_timeout,
            shutdown: times,
            watcher,
            ..
        } = self;
        let watch =
            rt::spawn(watch_kafka(Arc::clone(&producer), Arc::clone(&delivery), Arc::clone(&readiness)));
        let budget_watch =
            rt::spawn(watch_budget(Arc::clone(&budget), Arc::clone(&readiness), request_timeout));
        readiness.set_state(LifecycleState::Serving);
        shutdown.await;

        readiness.set_state(LifecycleState::Draining);
        ingress.close_connections();
        tracing::info!(delay = ?times.delay, "stopping: no longer ready, still serving");
        sleep(times.delay).await;
        let deadline = Instant::now() + times.timeout;
        tracing::info!(timeout = ?times.timeout, "stopping: finishing what is in flight");
        if !ingress.stop(times.timeout).await {
            tracing::error!("stopping: some requests had no outcome in time");
        }
        delivery.settle();
        let unreported = finish(&producer, &budget, deadline).await;
        let spooled = delivery.end().await;
        // With a spool, what is unreported is in it, or its sender was told 503.
        let mut left = if spool.is_some() { 0 } else { unreported };
        if let Some(spool) = spool {
            match tokio::task::spawn_blocking(move || spool.close()).await {
                Ok(lost) => left += usize::try_from(lost).unwrap_or(usize::MAX),
                Err(panic) => {
                    tracing::error!(%panic, "stopping: closing the spool ended in a panic: this is a bug");
                }
            }
        }
        tracer.stop(deadline.saturating_duration_since(Instant::now())).await;
        watch.abort();
        budget_watch.abort();
        drop(watcher);
        admin.stop().await;
        let report = Report { left, spooled };
        report.say();
        report
    }
}

impl Report {
    fn say(self) {
        let Self { left, spooled } = self;
        if left > 0 {
            tracing::error!(
                left,
                "stopped: Kafka did not acknowledge these records, and no spool holds them"
            );
        } else if spooled > 0 {
            tracing::info!(spooled, "stopped: these records wait in the spool for the next start");
        } else {
            tracing::info!("stopped: nothing was left");
        }
    }
}

/// Looks into the spool in that directory, also while a bridge uses it.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn open_backlog(directory: &Path) -> Result<SpoolView, Error> {
    Ok(SpoolView::open(directory)?)
}

/// Whether a bridge uses the spool in that directory now.
///
/// # Errors
/// When its lock cannot be looked at.
pub fn is_spool_in_use(directory: &Path) -> std::io::Result<bool> {
    spool::is_in_use(directory)
}

/// Returns whether `serve` refuses a spool's directory because every user of the machine may write to it.
pub fn is_spool_writable_by_all(directory: &Path) -> bool {
    spool::is_writable_by_all(directory)
}

/// Opens the spool, if there is to be one.
fn open_spool(settings: &Settings) -> Result<Option<Arc<Spool>>, Error> {
    let Some(directory) = &settings.spool.directory else { return Ok(None) };
    let memory = &settings.ingest.deduplication;
    let identities = if memory.window.is_zero() { 0 } else { memory.capacity };
    let spool = Spool::open(directory, &settings.spool, identities)?;
    let rows: u64 = spool.backlog().iter().map(|(_, rows)| rows).sum();
    tracing::info!(directory = %directory.display(), rows, "spool opened");
    Ok(Some(spool))
}

fn topics(settings: &Settings, table: &RouteTable) -> Vec<Arc<str>> {
    let dead_letter = Arc::from(settings.ingest.dead_letter.topic.as_str());
    table.topics().cloned().chain([dead_letter]).collect()
}

/// Waits until everything admitted is settled. Returns what was not when the time was up.
async fn finish(producer: &Arc<Producer>, budget: &Budget, deadline: Instant) -> usize {
    let flushing = Arc::clone(producer);
    let remaining = deadline.saturating_duration_since(Instant::now());
    if let Err(panic) = tokio::task::spawn_blocking(move || flushing.flush(remaining)).await {
        tracing::error!(%panic, "stopping: the flush ended in a panic: this is a bug");
    }
    while budget.used() > 0 && Instant::now() < deadline {
        sleep(PAUSE).await;
    }
    producer.unreported()
}

/// Looks for Kafka until it answers, and again whenever it went down. Acknowledgements alone would
/// not do: while a process is not ready nothing is sent to it that could be acknowledged.
async fn watch_kafka(producer: Arc<Producer>, delivery: Arc<Delivery>, readiness: Arc<Readiness>) {
    loop {
        if readiness.kafka().0 != KafkaState::Up {
            match producer.topics().list().await {
                Ok(topics) => {
                    delivery
                        .open_lanes(topics.iter().map(|(topic, partitions)| (topic.as_str(), *partitions)));
                    readiness.kafka_up();
                }
                Err(error) => readiness.kafka_down(&error.to_string()),
            }
        }
        sleep(WATCH).await;
    }
}
