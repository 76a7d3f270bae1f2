use super::context::ProducerContext;
use super::delivery_reports::{DeliveryReports, produce_failure};
use super::ffi::FfiProducer;
use super::linger_bypass::{self, IdleDetector};
use super::stall_detector::StallDetector;
use crate::delivery::{RecordFailure, Report};
use crate::kafka::Error;
use crate::kafka::admin::Admin;
use crate::kafka::background_drop::BackgroundDrop;
use crate::kafka::client_context::ErrorLogContext;
use crate::record::Record;
use crate::telemetry::Metrics;
use parking_lot::Mutex;
use rdkafka::config::ClientConfig;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use strum::IntoStaticStr;

pub(super) type PollFn = fn(&FfiProducer, Duration);

pub(super) struct ClientFactory {
    pub(super) settings: ClientConfig,
    pub(super) client: ErrorLogContext,
    pub(super) metrics: Arc<Metrics>,
    /// Separate client that checks whether brokers answer.
    pub(super) admin: Admin,
    pub(super) poll: PollFn,
    pub(super) stall_timeout: Duration,
}

impl ClientFactory {
    pub(super) fn make(&self) -> Result<ClientInstance, Error> {
        let reports = DeliveryReports::new(Arc::clone(&self.metrics), Arc::clone(&self.client.readiness));
        let context = ProducerContext::new(self.client.clone(), Arc::clone(&self.metrics));
        let ffi = FfiProducer::open(&self.settings, context, reports)?;
        let stall_detector = Mutex::new(StallDetector::new(self.stall_timeout));
        let ffi = BackgroundDrop::new(ffi);
        Ok(ClientInstance {
            ffi,
            idle_detector: IdleDetector::default(),
            admin: self.admin.clone(),
            poll: self.poll,
            stall_detector,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum ClientFault {
    Fatal(String),
    Panicked,
    /// The brokers belong to another cluster, as after a restart with empty disks: it may treat new records
    /// as duplicates, and librdkafka ignores leaders with a lower epoch than before.
    OtherCluster,
    /// Brokers answer, but librdkafka neither delivers nor fails records in flight.
    #[strum(serialize = "silent")]
    Stalled,
    /// Kafka may delete records because of their old timestamps. The spool sends its records again with new
    /// ones.
    Outdated,
}

impl ClientFault {
    /// One of `tags::PRODUCERS_REPLACED`.
    pub(super) fn tag(&self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for ClientFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fatal(reason) => write!(formatter, "librdkafka failed permanently: {reason}"),
            Self::Panicked => formatter.write_str("a callback panicked"),
            Self::OtherCluster => formatter.write_str("the brokers belong to another cluster than before"),
            Self::Outdated => formatter.write_str("records have had no report for an hour"),
            Self::Stalled => formatter.write_str("brokers answer, but no record is reported"),
        }
    }
}

pub(super) struct ClientInstance {
    ffi: BackgroundDrop<FfiProducer>,
    idle_detector: IdleDetector,
    admin: Admin,
    poll: PollFn,
    stall_detector: Mutex<StallDetector>,
}

const PURGE_INTERVAL: Duration = Duration::from_millis(10);

const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

impl ClientInstance {
    /// Returns the report if librdkafka refuses the record; otherwise whether to call
    /// [`ClientInstance::bypass_linger`].
    pub(super) fn send(
        &self,
        record: &Record,
        partition: Option<u32>,
        report: Report,
    ) -> Result<bool, (RecordFailure, Report)> {
        let reports = self.ffi.reports();
        let (ticket, others) = reports.keep(report);
        match self.ffi.produce(record, partition, ticket) {
            Ok(()) => Ok(self.idle_detector.holds(others)),
            // The report is missing only if the instance was retired and settled it.
            Err(code) => {
                reports.take(ticket).map_or(Ok(false), |report| Err((produce_failure(code), report)))
            }
        }
    }

    /// Blocks for a moment.
    pub(super) fn bypass_linger(&self) {
        self.ffi.flush(linger_bypass::FLUSH_TIMEOUT);
    }

    /// Serves events up to `timeout`. Returns the fault after which the instance must be replaced.
    pub(super) fn serve(&self, timeout: Duration) -> Option<ClientFault> {
        if catch_unwind(AssertUnwindSafe(|| (self.poll)(&self.ffi, timeout))).is_err() {
            return Some(ClientFault::Panicked);
        }
        if let Some(reason) = self.ffi.fatal_error() {
            return Some(ClientFault::Fatal(reason));
        }
        if self.ffi.context().is_other_cluster() {
            return Some(ClientFault::OtherCluster);
        }
        self.detect_stall()
    }

    /// At intervals, checks whether brokers answer, which blocks the poll.
    fn detect_stall(&self) -> Option<ClientFault> {
        let mut stall_detector = self.stall_detector.lock();
        let (now, reports) = (Instant::now(), self.ffi.reports());
        let is_probe_due = stall_detector.is_probe_due(now, reports.oldest(), reports.handed_over());
        if stall_detector.is_outdated(now) {
            return Some(ClientFault::Outdated);
        }
        if !is_probe_due {
            return None;
        }
        // Not this client: if it has lost all brokers, it reports them as unreachable.
        let answered = self.admin.is_cluster_answering(ANSWER_TIMEOUT);
        stall_detector.is_stalled(Instant::now(), answered).then_some(ClientFault::Stalled)
    }

    /// Purges all records. Returns the number of reports missing after `timeout`, which are settled as
    /// abandoned. The caller sends no records meanwhile.
    pub(super) fn abandon(&self, timeout: Duration) -> usize {
        let deadline = Instant::now() + timeout;
        while self.unreported() > 0 && Instant::now() < deadline {
            let _ = catch_unwind(AssertUnwindSafe(|| {
                // Repeated, because a purge misses records that are between two of librdkafka's queues.
                self.ffi.purge();
                self.ffi.poll(PURGE_INTERVAL);
            }));
        }
        let left = self.unreported();
        self.ffi.reports().abandon();
        left
    }

    pub(super) fn flush(&self, timeout: Duration) {
        self.ffi.flush(timeout);
    }

    /// librdkafka then uses the number. Blocks.
    pub(super) fn partitions(&self, topic: &str) -> Option<u32> {
        self.ffi.partitions(topic, ANSWER_TIMEOUT)
    }

    pub(super) fn unreported(&self) -> usize {
        self.ffi.unreported()
    }

    pub(super) fn acknowledged(&self) -> bool {
        self.ffi.reports().acknowledged()
    }
}
