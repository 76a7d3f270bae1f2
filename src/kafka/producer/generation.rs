//! One client of the library, from its making to its fault.

use super::hurry::{Calm, hurry};
use super::silence::Silence;
use super::statistics::Totals;
use crate::delivery::{Failure, Report};
use crate::kafka::admin::Admin;
use crate::kafka::{Error, client};
use crate::record::Record;
use crate::telemetry::Metrics;
use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext, PurgeConfig};
use rdkafka::topic_partition_list::Offset;
use slab::Slab;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Serves the library's callbacks for at most that long.
pub(super) type Poll = fn(&BaseProducer<Context>, Duration);

/// The poll of every producer but those of tests about its death.
pub(super) fn poll(inner: &BaseProducer<Context>, timeout: Duration) {
    inner.poll(timeout);
}

/// What every generation is made of.
pub(super) struct Maker {
    pub(super) settings: ClientConfig,
    pub(super) client: client::Context,
    pub(super) metrics: Arc<Metrics>,
    /// Asks whether brokers answer.
    pub(super) admin: Admin,
    pub(super) poll: Poll,
    /// How long brokers must have answered before the library's silence counts as a fault.
    pub(super) patience: Duration,
}

impl Maker {
    pub(super) fn make(&self) -> Result<Generation, Error> {
        let context = Context {
            client: self.client.clone(),
            metrics: Arc::clone(&self.metrics),
            reports: Reports::default(),
            reported: AtomicU64::new(0),
            acknowledged: AtomicBool::new(false),
            other_cluster: AtomicBool::new(false),
            totals: Mutex::default(),
        };
        let inner = BaseProducer::from_config_and_context(&self.settings, context)?;
        let silence = Mutex::new(Silence::new(self.patience));
        Ok(Generation { inner, calm: Calm::default(), admin: self.admin.clone(), poll: self.poll, silence })
    }
}

/// Why a generation is of no use any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The library sends nothing from now on.
    Fatal(String),
    /// A callback panicked while the library was polled.
    Panicked,
    /// The brokers belong to another cluster than before, as after a restart with empty disks. It may
    /// give this producer's id to another one, and then takes new records for repeated ones; and the
    /// library ignores leaders whose epoch is lower than one it saw before.
    OtherCluster,
    /// Brokers answer, records are out, and the library neither delivers nor fails any.
    Silent,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fatal(reason) => write!(formatter, "it failed for good: {reason}"),
            Self::Panicked => formatter.write_str("a callback panicked"),
            Self::OtherCluster => formatter.write_str("the brokers belong to another cluster than before"),
            Self::Silent => formatter.write_str("brokers answer, and nothing is reported of what is out"),
        }
    }
}

/// One client of the library.
pub(super) struct Generation {
    inner: BaseProducer<Context>,
    calm: Calm,
    admin: Admin,
    poll: Poll,
    /// Only the keeper looks.
    silence: Mutex<Silence>,
}

/// How long brokers may take to answer when they are asked whether they are there.
const ANSWER: Duration = Duration::from_secs(1);

impl Generation {
    /// Hands a record over; gives the report back if the library refuses. Returns whether it is calm, so
    /// that [`Generation::hurry`] is worth its while.
    pub(super) fn send(&self, record: &Record, report: Report) -> Result<bool, (Failure, Report)> {
        let mut headers = OwnedHeaders::new_with_capacity(12);
        for (key, value) in record.headers.iter() {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let reports = &self.inner.context().reports;
        let (ticket, others) = reports.keep(report);
        let mut base = BaseRecord::with_opaque_to(&record.topic, ticket)
            .payload(&record.value[..])
            .timestamp(record.timestamp)
            .headers(headers);
        if let Some(key) = &record.key {
            base = base.key(&key[..]);
        }
        match self.inner.send(base) {
            Ok(()) => Ok(self.calm.holds(others)),
            // It is gone only if it was given up meanwhile, and then it is settled.
            Err((error, _)) => {
                reports.take(ticket).map_or(Ok(false), |report| Err((refused(&error), report)))
            }
        }
    }

    /// Has what was handed over sent without lingering. Blocks for a moment.
    pub(super) fn hurry(&self) {
        hurry(&self.inner);
    }

    /// Serves callbacks for at most `timeout`. Returns why it should be the last time.
    pub(super) fn serve(&self, timeout: Duration) -> Option<Fault> {
        if catch_unwind(AssertUnwindSafe(|| (self.poll)(&self.inner, timeout))).is_err() {
            return Some(Fault::Panicked);
        }
        if let Some((_, reason)) = self.inner.client().fatal_error() {
            return Some(Fault::Fatal(reason));
        }
        if self.inner.context().other_cluster.load(Ordering::Acquire) {
            return Some(Fault::OtherCluster);
        }
        self.is_silent().then_some(Fault::Silent)
    }

    /// Whether the library sits on records that brokers would take. Asks them now and then while nothing
    /// is reported, and nothing can be waited for meanwhile.
    fn is_silent(&self) -> bool {
        let mut silence = self.silence.lock().unwrap_or_else(PoisonError::into_inner);
        let reported = self.inner.context().reported.load(Ordering::Relaxed);
        if !silence.asks(Instant::now(), self.unreported(), reported) {
            return false;
        }
        // Not this client: one that has lost its way to all brokers would take them for silent.
        let answered = self.admin.is_answered(ANSWER);
        silence.is_the_librarys(Instant::now(), answered)
    }

    /// Gives up everything that was handed over and waits for the reports, at most for `timeout`.
    /// Nothing may be handed over meanwhile. Returns how many reports were still out: those are settled as
    /// abandoned, whatever the library says later.
    pub(super) fn abandon(&self, timeout: Duration) -> usize {
        let deadline = Instant::now() + timeout;
        while self.unreported() > 0 && Instant::now() < deadline {
            // A second panic must not keep the rest from being settled.
            let _ = catch_unwind(AssertUnwindSafe(|| {
                // Again and again: what is between two of the library's queues escapes a purge.
                self.inner.purge(PurgeConfig::default().queue().inflight());
                self.inner.flush(super::SLICE)
            }));
        }
        let left = self.unreported();
        self.inner.context().reports.abandon();
        left
    }

    pub(super) fn flush(&self, timeout: Duration) {
        let _ = self.inner.flush(timeout);
    }

    /// Records handed over whose report is out.
    pub(super) fn unreported(&self) -> usize {
        usize::try_from(self.inner.in_flight_count()).unwrap_or(0)
    }

    /// Whether any record was acknowledged.
    pub(super) fn acknowledged(&self) -> bool {
        self.inner.context().acknowledged.load(Ordering::Relaxed)
    }
}

/// Reports on records that the library has. It is given tickets, not the reports themselves: a client
/// that is destroyed too early would take them along, and their events would wait for ever.
///
/// A ticket is a place in one of several slabs: each thread keeps reports in its own, so that it meets
/// nobody there but the thread that takes them.
#[derive(Default)]
struct Reports {
    slabs: [Apart<Mutex<Slab<Report>>>; SLABS],
    /// How many are kept.
    out: Apart<AtomicUsize>,
}

/// More threads than these share slabs.
const SLABS: usize = 16;

/// On cache lines of its own: whoever writes beside it does not take it from other processors.
#[derive(Default)]
#[repr(align(128))]
struct Apart<T>(T);

/// The slab of this thread.
fn own_slab() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static OWN: usize = THREADS.fetch_add(1, Ordering::Relaxed) % SLABS);
    OWN.with(|own| *own)
}

impl Reports {
    /// The ticket, and how many others are out.
    fn keep(&self, report: Report) -> (usize, usize) {
        let others = self.out.0.fetch_add(1, Ordering::Relaxed);
        let slab = own_slab();
        (self.slab(slab).insert(report) * SLABS + slab, others)
    }

    fn take(&self, ticket: usize) -> Option<Report> {
        let report = self.slab(ticket % SLABS).try_remove(ticket / SLABS);
        self.out.0.fetch_sub(usize::from(report.is_some()), Ordering::Relaxed);
        report
    }

    fn abandon(&self) {
        for slab in 0..SLABS {
            // Dropping a report says so. Not under the lock, for it wakes others.
            let kept = std::mem::take(&mut *self.slab(slab));
            self.out.0.fetch_sub(kept.len(), Ordering::Relaxed);
            drop(kept);
        }
    }

    fn slab(&self, slab: usize) -> MutexGuard<'_, Slab<Report>> {
        self.slabs[slab].0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the library's callbacks of the producer end.
pub(super) struct Context {
    reports: Reports,
    client: client::Context,
    metrics: Arc<Metrics>,
    /// Delivery reports so far, of whatever kind.
    reported: AtomicU64,
    acknowledged: AtomicBool,
    other_cluster: AtomicBool,
    totals: Mutex<Totals>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // The library tells of another cluster in its log only; to ask for the cluster's id leaks
        // memory each time.
        if facility == "CLUSTERID" && message.contains("different ClusterId") {
            self.other_cluster.store(true, Ordering::Release);
        }
        self.client.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.client.error(error, reason);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(figures) = totals.read(statistics) {
            self.metrics.client(&figures);
        }
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.client.generate_oauth_token(config)
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        self.reported.fetch_add(1, Ordering::Relaxed);
        let Some(report) = self.reports.take(ticket) else { return };
        // A panic here would leave every later report of the batch unsettled and end the poll thread.
        let settled = catch_unwind(AssertUnwindSafe(|| match result {
            Ok(message) if is_inferred(message) => self.fail(report, Failure::Unproved),
            Ok(_) => {
                self.acknowledged.store(true, Ordering::Relaxed);
                self.client.readiness.kafka_acknowledged();
                report.settle(Ok(()));
            }
            Err((error, _)) => {
                tracing::debug!(%error, "a record was not acknowledged");
                self.fail(report, failed(error));
            }
        }));
        if settled.is_err() {
            tracing::error!("a delivery report could not be settled: this is a bug");
        }
    }
}

impl Context {
    fn fail(&self, report: Report, failure: Failure) {
        self.metrics.delivery_error(failure.tag());
        report.settle(Err(failure));
    }
}

/// Whether the library calls a record delivered of which Kafka never said so. It infers that from a later
/// record of the partition that was taken, for the broker would refuse a gap in the producer's sequence.
/// But a partition that knows nothing of the producer, being new, or long idle and led by another broker
/// since, takes any first sequence: it can refuse a record and take the one behind it. Such a report has
/// no offset; an acknowledgement, that of a repeated record included, says where the record stands.
fn is_inferred(message: &BorrowedMessage<'_>) -> bool {
    Offset::from_raw(message.offset()) == Offset::Invalid
}

/// Why the library did not take a record.
fn refused(error: &KafkaError) -> Failure {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => Failure::TooLarge,
        Some(RDKafkaErrorCode::QueueFull) => Failure::QueueFull,
        // The keeper sees it with its next look.
        Some(RDKafkaErrorCode::Fatal) => Failure::Replacing,
        _ => failed(error),
    }
}

/// What an error means for a record that was handed over. Short on purpose: anything not listed is
/// tried again.
fn failed(error: &KafkaError) -> Failure {
    use RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        // Partitions never go but with their topic; the library says so of records in their queues.
        Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => {
            Failure::UnknownTopic
        }
        // Said of a whole batch, innocents included. A refused timestamp is not among these: it comes of
        // a clock that is wrong, and is right again with the clock or by and by.
        Some(
            Code::MessageSizeTooLarge
            | Code::MessageBatchTooLarge
            | Code::InvalidMessage
            | Code::InvalidMessageSize
            | Code::InvalidRecord,
        ) => Failure::Unfit,
        Some(Code::PurgeQueue | Code::PurgeInflight) => Failure::Abandoned,
        _ => Failure::Other,
    }
}
