//! One client of the library, from its making to its fault.

use super::hurry::{self, Calm};
use super::native::Native;
use super::reports::{Reports, refused};
use super::silence::Silence;
use super::statistics::Totals;
use crate::delivery::{Failure, Report};
use crate::kafka::admin::Admin;
use crate::kafka::closing::Closing;
use crate::kafka::{Error, client};
use crate::record::Record;
use crate::telemetry::Metrics;
use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Serves the library's events; waits for one at most that long.
pub(super) type Poll = fn(&Native, Duration);

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
        let reports = Reports::new(Arc::clone(&self.metrics), Arc::clone(&self.client.readiness));
        let context = Context {
            client: self.client.clone(),
            metrics: Arc::clone(&self.metrics),
            other_cluster: AtomicBool::new(false),
            totals: Mutex::default(),
        };
        let native = Native::open(&self.settings, context, reports)?;
        let silence = Mutex::new(Silence::new(self.patience));
        let native = Closing::new(native);
        Ok(Generation { native, calm: Calm::default(), admin: self.admin.clone(), poll: self.poll, silence })
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
    /// Records have been out for so long that Kafka might delete them for their time. Those in the spool are
    /// handed over again, with the present one.
    Outdated,
}

impl Fault {
    /// Returns the tag in the metrics: one of `tags::PRODUCERS_REPLACED`.
    pub(super) fn tag(&self) -> &'static str {
        match self {
            Self::Fatal(_) => "fatal",
            Self::Panicked => "panicked",
            Self::OtherCluster => "other_cluster",
            Self::Silent => "silent",
            Self::Outdated => "outdated",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fatal(reason) => write!(formatter, "it failed for good: {reason}"),
            Self::Panicked => formatter.write_str("a callback panicked"),
            Self::OtherCluster => formatter.write_str("the brokers belong to another cluster than before"),
            Self::Outdated => formatter.write_str("records have been out for an hour"),
            Self::Silent => formatter.write_str("brokers answer, and nothing is reported of what is out"),
        }
    }
}

/// One client of the library.
pub(super) struct Generation {
    native: Closing<Native>,
    calm: Calm,
    admin: Admin,
    poll: Poll,
    /// Only the keeper looks.
    silence: Mutex<Silence>,
}

/// A client that is given up has no more to say than that it fails.
const BETWEEN_PURGES: Duration = Duration::from_millis(10);

/// How long brokers may take to answer when they are asked whether they are there.
const ANSWER: Duration = Duration::from_secs(1);

impl Generation {
    /// Hands a record over; gives the report back if the library refuses. Returns whether it is calm, so
    /// that [`Generation::hurry`] is worth its while.
    pub(super) fn send(
        &self,
        record: &Record,
        partition: Option<u32>,
        report: Report,
    ) -> Result<bool, (Failure, Report)> {
        let reports = self.native.reports();
        let (ticket, others) = reports.keep(report);
        match self.native.produce(record, partition, ticket) {
            Ok(()) => Ok(self.calm.holds(others)),
            // It is gone only if it was given up meanwhile, and then it is settled.
            Err(code) => reports.take(ticket).map_or(Ok(false), |report| Err((refused(code), report))),
        }
    }

    /// Has what was handed over sent without lingering. Blocks for a moment.
    pub(super) fn hurry(&self) {
        self.native.flush(hurry::AT_MOST);
    }

    /// Serves the library's events; waits for one at most for `timeout`. Returns why it should be the last
    /// time.
    pub(super) fn serve(&self, timeout: Duration) -> Option<Fault> {
        if catch_unwind(AssertUnwindSafe(|| (self.poll)(&self.native, timeout))).is_err() {
            return Some(Fault::Panicked);
        }
        if let Some(reason) = self.native.fatal_error() {
            return Some(Fault::Fatal(reason));
        }
        if self.native.context().other_cluster.load(Ordering::Acquire) {
            return Some(Fault::OtherCluster);
        }
        self.silence()
    }

    /// Returns the fault of records that stay without a report. Asks the brokers now and then meanwhile, and
    /// nothing can be waited for until they answer.
    fn silence(&self) -> Option<Fault> {
        let mut silence = self.silence.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, reports) = (Instant::now(), self.native.reports());
        let asks = silence.asks(now, reports.oldest(), reports.handed_over());
        if silence.is_outdated(now) {
            return Some(Fault::Outdated);
        }
        if !asks {
            return None;
        }
        // Not this client: one that has lost its way to all brokers would take them for silent.
        let answered = self.admin.is_answered(ANSWER);
        silence.is_the_librarys(Instant::now(), answered).then_some(Fault::Silent)
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
                self.native.purge();
                self.native.poll(BETWEEN_PURGES);
            }));
        }
        let left = self.unreported();
        self.native.reports().abandon();
        left
    }

    pub(super) fn flush(&self, timeout: Duration) {
        self.native.flush(timeout);
    }

    /// Records handed over whose report is out.
    pub(super) fn unreported(&self) -> usize {
        self.native.unreported()
    }

    /// Whether any record was acknowledged.
    pub(super) fn acknowledged(&self) -> bool {
        self.native.reports().acknowledged()
    }
}

/// Where the library's events end.
pub(super) struct Context {
    client: client::Context,
    metrics: Arc<Metrics>,
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
            self.metrics.update_kafka_client(&figures);
        }
    }
}
