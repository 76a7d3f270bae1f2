//! Composition root: builds the parts from the settings, runs them, and stops them in order.

mod budget_watch;
mod reload;
pub(crate) mod signals;

pub(crate) use reload::ReloadHandle;

use crate::config::{Settings, SettingsInput, ShutdownConfig};
use crate::delivery::{self, Delivery, SpoolView};
use crate::health::{KafkaState, LifecycleState, Readiness};
use crate::http::{AdminListener, Ingress};
use crate::ingest::{self, Budget, Evaluator, Ingest};
use crate::kafka::{self, Producer};
use crate::routing::{InvalidRoutes, RouteTable};
use crate::spool::{self, CLOSE_TIMEOUT, Spool};
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

const SETTLE_POLL_INTERVAL: Duration = Duration::from_millis(10);

const KAFKA_POLL_INTERVAL: Duration = Duration::from_millis(500);

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let system = rt::System::new();
    let output = system.block_on(future);
    // Dropping the runtime would wait for blocking calls, such as a DNS lookup. The process exits next.
    std::mem::forget(system);
    output
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    /// Loaded settings were checked before.
    #[error(transparent)]
    Routes(#[from] InvalidRoutes),
    #[error("spool.directory: {0}")]
    Spool(#[from] spool::OpenError),
    /// The files changed after the settings were loaded.
    #[error(transparent)]
    Secrets(#[from] ingest::SecretsError),
    #[error("cannot start the thread that follows changed files: {0}")]
    Watcher(std::io::Error),
    #[error(transparent)]
    Traces(#[from] TraceError),
    #[error("{setting}: {source}")]
    Listen { setting: &'static str, source: std::io::Error },
}

pub(crate) struct App {
    ingress: Ingress,
    admin: AdminListener,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub ingress: SocketAddr,
    pub admin: SocketAddr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StopReport {
    /// Records that Kafka did not acknowledge in time and that are not in a spool. Their senders received 503
    /// or no response.
    pub left: usize,
    /// Records in the spool, sent after the next start.
    pub spooled: u64,
    /// False if the disk of the spool hangs.
    pub is_spool_closed: bool,
}

impl App {
    /// Builds every part and listens. Does not wait for Kafka. Must be called inside [`block_on`]. The file
    /// of `sources` is followed for changes.
    pub(crate) fn build(settings: Settings, sources: Option<SettingsInput>) -> Result<Self, Error> {
        let table = RouteTable::compile(&settings.routing).map_err(InvalidRoutes)?;
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
        let ingest = Arc::new(Ingest::new(
            &settings.ingest,
            Evaluator::new(&settings.ingest, table),
            Arc::clone(&delivery),
            Arc::clone(&metrics),
            settings.telemetry.log_sample,
        )?);
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
        // `http` must not depend on delivery, so it gets functions instead of `Ingest`.
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
        let admin =
            AdminListener::bind(&settings.admin, Arc::clone(&readiness), metrics, Arc::clone(&budget))
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

    pub(crate) fn reload_handle(&self) -> Option<ReloadHandle> {
        self.reload.clone()
    }

    pub(crate) fn addresses(&self) -> Addresses {
        Addresses { ingress: self.ingress.addr(), admin: self.admin.addr() }
    }

    /// Serves until `shutdown` completes. Then reports not ready while it still serves, refuses new events,
    /// waits for those in flight, and flushes.
    pub(crate) async fn run_until(self, shutdown: impl Future<Output = ()>) -> StopReport {
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
        let SpoolDeadlines { drains, close } = SpoolDeadlines::new(deadline, Instant::now());
        let spooled = delivery.end(drains).await;
        let (left, is_spool_closed) = match spool {
            // With a spool, an unreported record is in the spool, or its sender received 503.
            Some(spool) => close_spool(spool, close).await,
            None => (unreported, true),
        };
        tracer.stop(deadline.saturating_duration_since(Instant::now())).await;
        watch.abort();
        budget_watch.abort();
        drop(watcher);
        admin.stop().await;
        let report = StopReport { left, spooled, is_spool_closed };
        report.log();
        report
    }
}

/// Ends of the last two steps of a stop.
struct SpoolDeadlines {
    drains: Instant,
    close: Instant,
}

impl SpoolDeadlines {
    /// Returns the deadlines of a stop that should end by `deadline`. The close has time of its own, because a
    /// drain that does not end does not prove a hung disk.
    fn new(deadline: Instant, now: Instant) -> Self {
        let close = deadline.max(now + CLOSE_TIMEOUT);
        Self { drains: close - CLOSE_TIMEOUT / 2, close }
    }
}

impl StopReport {
    fn log(self) {
        let Self { left, spooled, is_spool_closed } = self;
        if !is_spool_closed {
            tracing::error!(
                spooled,
                "stopped: the disk of the spool hangs, so the spool was not closed; its rows on disk stay for \
                 the next start"
            );
        }
        if left > 0 {
            tracing::error!(
                left,
                "stopped: Kafka did not acknowledge these records, and no spool holds them"
            );
        } else if spooled > 0 {
            tracing::info!(spooled, "stopped: these records wait in the spool for the next start");
        } else if is_spool_closed {
            tracing::info!("stopped: nothing was left");
        }
    }
}

/// Works also while a bridge uses the spool.
pub(crate) fn open_spool_view(directory: &Path) -> Result<SpoolView, Error> {
    Ok(SpoolView::open(directory)?)
}

fn open_spool(settings: &Settings) -> Result<Option<Arc<Spool>>, Error> {
    let Some(directory) = &settings.spool.directory else { return Ok(None) };
    let memory = &settings.ingest.deduplication;
    let identities = if memory.window.is_zero() { 0 } else { memory.capacity };
    let spool = Spool::open(directory, &settings.spool, identities)?;
    let rows: u64 = spool.backlog().iter().map(|(_, rows)| rows).sum();
    tracing::info!(directory = %directory.display(), rows, "spool opened");
    Ok(Some(spool))
}

/// Returns the number of lost rows, and whether the spool was closed by `deadline`.
async fn close_spool(spool: Arc<Spool>, deadline: Instant) -> (usize, bool) {
    let remaining = deadline.saturating_duration_since(Instant::now());
    match tokio::task::spawn_blocking(move || spool.close_within(remaining)).await {
        Ok(lost) => (usize::try_from(lost.unwrap_or(0)).unwrap_or(usize::MAX), lost.is_some()),
        Err(panic) => {
            tracing::error!(%panic, "stopping: closing the spool ended in a panic: this is a bug");
            (0, false)
        }
    }
}

/// Waits for all permits. Returns the number of unreported records at the deadline.
async fn finish(producer: &Arc<Producer>, budget: &Budget, deadline: Instant) -> usize {
    let flushing = Arc::clone(producer);
    let remaining = deadline.saturating_duration_since(Instant::now());
    if let Err(panic) = tokio::task::spawn_blocking(move || flushing.flush(remaining)).await {
        tracing::error!(%panic, "stopping: the flush ended in a panic: this is a bug");
    }
    while budget.used() > 0 && Instant::now() < deadline {
        sleep(SETTLE_POLL_INTERVAL).await;
    }
    producer.unreported()
}

/// Requests metadata from Kafka while it is down, because a process that is not ready receives no events to
/// be acknowledged.
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
        sleep(KAFKA_POLL_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::{Append, Config};
    use bytes::Bytes;

    #[test]
    fn close_has_time_of_its_own_after_the_drains() {
        let now = Instant::now();
        for timeout in [Duration::ZERO, CLOSE_TIMEOUT, CLOSE_TIMEOUT * 10] {
            let SpoolDeadlines { drains, close } = SpoolDeadlines::new(now + timeout, now);
            assert!(drains > now && close >= drains + CLOSE_TIMEOUT / 2, "{timeout:?}");
            assert!(close <= now + timeout.max(CLOSE_TIMEOUT), "{timeout:?}");
        }
    }

    #[tokio::test]
    async fn hung_disk_does_not_delay_the_stop_beyond_its_deadline() {
        let directory = tempfile::tempdir().expect("a directory");
        let config = Config { directory: None, max_bytes: 16 << 20, max_lane_share: 100 };
        let spool = Spool::open(directory.path(), &config, 0).expect("a spool");
        let hung = spool.hang_next_commit();
        let entry = crate::spool::SpoolEntry {
            lane: Arc::from("a"),
            payload: Bytes::new(),
            handed_over: false,
            max_lane_bytes: None,
        };
        spool.append(Append { entries: vec![entry], identity: None, done: Box::new(|_| ()) });
        let deadline = Instant::now() + Duration::from_millis(100);
        let closed = close_spool(Arc::clone(&spool), deadline);
        assert_eq!(tokio::time::timeout(Duration::from_secs(3), closed).await, Ok((0, false)));
        drop(hung);
    }
}
