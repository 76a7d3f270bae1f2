use crate::delivery::{RecordFailure, Report};
use crate::health::Readiness;
use crate::telemetry::Metrics;
use parking_lot::{Mutex, MutexGuard};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::topic_partition_list::Offset;
use slab::Slab;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Reports that are missing for one client. librdkafka gets tickets only, because it loses some reports when
/// it is destroyed.
///
/// A ticket is a slot in one of several slabs, with a tag. Each thread has its own slab, against contention.
/// Tags are not reused, so that a late report cannot settle another record.
pub(super) struct DeliveryReports {
    slabs: [CachePadded<Mutex<ReportSlab>>; SLABS],
    /// Number of missing reports, and of all reports so far.
    out: CachePadded<(AtomicUsize, AtomicU64)>,
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
    acknowledged: AtomicBool,
    /// Errors that were logged.
    refusals: Mutex<BTreeSet<i32>>,
}

/// More threads share slabs.
const SLABS: usize = 16;

/// Avoids false sharing.
#[derive(Default)]
#[repr(align(128))]
struct CachePadded<T>(T);

fn own_slab() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static OWN: usize = THREADS.fetch_add(1, Ordering::Relaxed) % SLABS);
    OWN.with(|own| *own)
}

#[derive(Default)]
struct ReportSlab {
    reports: Slab<(u64, Report)>,
    /// Slot and number at the last call.
    oldest: Option<(usize, u64)>,
}

/// The bits above are the tag.
const MAX_SLOTS: usize = 1 << 24;

impl ReportSlab {
    fn insert(&mut self, number: u64, report: Report) -> usize {
        tagged(self.reports.insert((number, report)), number)
    }

    fn remove(&mut self, ticket: usize) -> Option<Report> {
        let place = ticket % MAX_SLOTS;
        let (number, _) = self.reports.get(place)?;
        (tagged(place, *number) == ticket).then(|| self.reports.remove(place).1)
    }

    /// Searches all reports only if the previous oldest one was settled.
    fn oldest(&mut self) -> Option<u64> {
        let is_kept = |(place, number)| self.reports.get(place).is_some_and(|(kept, _)| *kept == number);
        if !self.oldest.is_some_and(is_kept) {
            let all = self.reports.iter().map(|(place, (number, _))| (place, *number));
            self.oldest = all.min_by_key(|(_, number)| *number);
        }
        self.oldest.map(|(_, number)| number)
    }

    fn take_all(&mut self) -> Slab<(u64, Report)> {
        std::mem::take(&mut self.reports)
    }
}

/// The upper bits stay free for the index of the slab.
fn tagged(place: usize, number: u64) -> usize {
    const TAGS: usize = usize::MAX / SLABS / MAX_SLOTS;
    (number as usize % TAGS) * MAX_SLOTS + place
}

impl DeliveryReports {
    pub(super) fn new(metrics: Arc<Metrics>, readiness: Arc<Readiness>) -> Arc<Self> {
        Arc::new(Self {
            slabs: Default::default(),
            out: CachePadded::default(),
            metrics,
            readiness,
            acknowledged: AtomicBool::new(false),
            refusals: Mutex::default(),
        })
    }

    /// Returns the ticket, and the number of other missing reports.
    pub(super) fn keep(&self, report: Report) -> (usize, usize) {
        let others = self.out.0.0.fetch_add(1, Ordering::Relaxed);
        let number = self.out.0.1.fetch_add(1, Ordering::Relaxed);
        let slab = own_slab();
        (self.slab(slab).insert(number, report) * SLABS + slab, others)
    }

    pub(super) fn take(&self, ticket: usize) -> Option<Report> {
        let report = self.slab(ticket % SLABS).remove(ticket / SLABS);
        self.out.0.0.fetch_sub(usize::from(report.is_some()), Ordering::Relaxed);
        report
    }

    /// `end`: the offset of the record, or an error.
    pub(super) fn settle(&self, ticket: usize, end: Result<i64, Code>) {
        let Some(report) = self.take(ticket) else { return };
        // A panic must not unwind into librdkafka.
        let settled = catch_unwind(AssertUnwindSafe(|| match end {
            Ok(offset) if is_inferred(offset) => self.fail(report, RecordFailure::Unproved),
            Ok(_) => {
                if !self.acknowledged.load(Ordering::Relaxed) {
                    self.acknowledged.store(true, Ordering::Relaxed);
                }
                self.readiness.kafka_acknowledged();
                report.settle(Ok(()));
            }
            Err(code) => {
                let failure = report_failure(code);
                if matches!(
                    failure,
                    RecordFailure::Timestamp | RecordFailure::Refused(_) | RecordFailure::Unfit
                ) && self.is_first(code)
                {
                    tracing::warn!(error = %code, "Kafka refuses a record; this reason is logged once");
                } else {
                    tracing::debug!(error = %code, "a record was not acknowledged");
                }
                self.fail(report, failure);
            }
        }));
        if settled.is_err() {
            tracing::error!("a delivery report could not be settled: this is a bug");
        }
    }

    pub(super) fn abandon(&self) {
        for slab in 0..SLABS {
            // Without the lock, because it wakes other tasks.
            let kept = self.slab(slab).take_all();
            self.out.0.0.fetch_sub(kept.len(), Ordering::Relaxed);
            drop(kept);
        }
    }

    /// Numbers are in the order of sends.
    pub(super) fn oldest(&self) -> Option<u64> {
        (0..SLABS).filter_map(|slab| self.slab(slab).oldest()).min()
    }

    /// Returns the number of records sent, which is the number of the next one.
    pub(super) fn handed_over(&self) -> u64 {
        self.out.0.1.load(Ordering::Relaxed)
    }

    pub(super) fn acknowledged(&self) -> bool {
        self.acknowledged.load(Ordering::Relaxed)
    }

    fn is_first(&self, code: Code) -> bool {
        self.refusals.lock().insert(code as i32)
    }

    fn fail(&self, report: Report, failure: RecordFailure) {
        self.metrics.delivery_error(failure.tag());
        report.settle(Err(failure));
    }

    fn slab(&self, slab: usize) -> MutexGuard<'_, ReportSlab> {
        self.slabs[slab].0.lock()
    }
}

/// Returns whether librdkafka inferred the delivery because a later record was accepted. Its report has no
/// offset; a forgotten duplicate has -1 and following numbers, and is in the topic.
///
/// The inference can be wrong: a partition without the producer's state (new, or moved after a long idle
/// time) accepts any first sequence number, so it may refuse a record and accept the next.
fn is_inferred(offset: i64) -> bool {
    Offset::from_raw(offset) == Offset::Invalid
}

pub(super) fn produce_failure(code: Code) -> RecordFailure {
    match code {
        Code::MessageSizeTooLarge => RecordFailure::TooLarge,
        Code::QueueFull => RecordFailure::QueueFull,
        // The supervisor detects it with its next poll.
        Code::Fatal => RecordFailure::Replacing,
        _ => report_failure(code),
    }
}

/// Unknown errors are retried, which delays only the record's key.
fn report_failure(code: Code) -> RecordFailure {
    match code {
        // Partitions disappear only with their topic.
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
            RecordFailure::UnknownTopic
        }
        // Reported for a whole batch, valid records included.
        Code::MessageSizeTooLarge
        | Code::MessageBatchTooLarge
        | Code::InvalidMessage
        | Code::InvalidMessageSize
        | Code::InvalidRecord => RecordFailure::Unfit,
        // Another record of the batch was refused.
        Code::InvalidDifferentRecord => RecordFailure::Unfit,
        Code::InvalidTimestamp => RecordFailure::Timestamp,
        Code::PurgeQueue | Code::PurgeInflight => RecordFailure::Abandoned,
        // These concern the topic, the cluster or the connection, not the record.
        Code::TopicAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::SaslAuthenticationFailed
        | Code::NotEnoughReplicas
        | Code::NotEnoughReplicasAfterAppend
        | Code::NotLeaderForPartition
        | Code::LeaderNotAvailable
        | Code::BrokerNotAvailable
        | Code::ReplicaNotAvailable
        | Code::RequestTimedOut
        | Code::NetworkException
        | Code::KafkaStorageError
        | Code::InvalidTopic
        | Code::InvalidRequiredAcks
        | Code::UnsupportedVersion
        | Code::ThrottlingQuotaExceeded
        | Code::OutOfOrderSequenceNumber
        | Code::DuplicateSequenceNumber
        | Code::InvalidProducerEpoch
        | Code::InvalidProducerIdMapping
        | Code::UnknownProducerId => RecordFailure::Other,
        // librdkafka's own errors are below -1, the broker's unknown error.
        code if (code as i32) < -1 => RecordFailure::Other,
        code => RecordFailure::Refused(description(code)),
    }
}

/// Each text is leaked once; there are few.
fn description(code: Code) -> &'static str {
    static DESCRIPTIONS: Mutex<BTreeMap<i32, &'static str>> = Mutex::new(BTreeMap::new());
    let mut descriptions = DESCRIPTIONS.lock();
    descriptions.entry(code as i32).or_insert_with(|| Box::leak(code.to_string().into_boxed_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reports() -> Arc<DeliveryReports> {
        DeliveryReports::new(Arc::new(Metrics::new()), Arc::new(Readiness::default()))
    }

    #[test]
    fn stale_ticket_does_not_settle_the_next_record_in_its_slot() {
        let reports = reports();
        let (stale, _) = reports.keep(Report::ignored());
        assert!(reports.take(stale).is_some());
        let (next, _) = reports.keep(Report::ignored());
        reports.settle(stale, Ok(1));
        assert!(reports.take(stale).is_none());
        assert!(reports.take(next).is_some(), "settled by another record's ticket");
        let (before, _) = reports.keep(Report::ignored());
        reports.abandon();
        let (after, _) = reports.keep(Report::ignored());
        assert!(reports.take(before).is_none());
        assert!(reports.take(after).is_some());
    }

    #[test]
    fn oldest_stays_the_same_while_others_are_reported() {
        let reports = reports();
        assert_eq!(reports.oldest(), None);
        let (stuck, _) = reports.keep(Report::ignored());
        for _ in 0..100 {
            let (other, _) = std::thread::scope(|scope| {
                scope.spawn(|| reports.keep(Report::ignored())).join().expect("a ticket")
            });
            let (own, _) = reports.keep(Report::ignored());
            assert_eq!(reports.oldest(), Some(0));
            reports.settle(other, Ok(1));
            reports.settle(own, Ok(1));
        }
        reports.settle(stuck, Ok(1));
        assert_eq!(reports.oldest(), None);
    }

    #[test]
    fn unknown_broker_error_is_refused_and_not_permanent() {
        for (code, expected) in [
            (Code::InvalidTimestamp, RecordFailure::Timestamp),
            (Code::InvalidDifferentRecord, RecordFailure::Unfit),
            (Code::TopicAuthorizationFailed, RecordFailure::Other),
            (Code::BrokerTransportFailure, RecordFailure::Other),
            (Code::MessageTimedOut, RecordFailure::Other),
        ] {
            assert_eq!(report_failure(code), expected, "{code:?}");
        }
        for code in [Code::PolicyViolation, Code::Unknown] {
            let failure = report_failure(code);
            assert!(matches!(failure, RecordFailure::Refused(_)), "{failure}");
            assert!(failure.to_string().contains(&format!("{code:?} (")), "{failure}");
        }
    }
}
