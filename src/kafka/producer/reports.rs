//! Reports that are out: what a client of the library was handed over, and not heard of again.

use crate::delivery::{Failure, Report};
use crate::health::Readiness;
use crate::telemetry::Metrics;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::topic_partition_list::Offset;
use slab::Slab;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The reports of one client. The library is given tickets, not the reports themselves: a client that is
/// destroyed too early would take them along, and their events would wait for ever.
///
/// A ticket is a place in one of several slabs, with a tag: each thread keeps reports in its own slab, so
/// that it contends only with the thread that takes them. A place is used again and a tag is not, so that
/// a late report cannot settle another record.
pub(super) struct Reports {
    slabs: [Apart<Mutex<Kept>>; SLABS],
    /// Number of reports that are kept, and of those that were.
    out: Apart<(AtomicUsize, AtomicU64)>,
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
    acknowledged: AtomicBool,
    /// Errors of refused records that the log has already.
    refusals: Mutex<BTreeSet<i32>>,
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

/// The reports that one thread keeps, each with its record's number.
#[derive(Default)]
struct Kept {
    reports: Slab<(u64, Report)>,
    /// Place and number of the oldest at the last look.
    oldest: Option<(usize, u64)>,
}

/// Places of one slab; the bits above them are the tag.
const PLACES: usize = 1 << 24;

impl Kept {
    /// The place and its tag.
    fn insert(&mut self, number: u64, report: Report) -> usize {
        tagged(self.reports.insert((number, report)), number)
    }

    /// `None`: the report is settled already.
    fn remove(&mut self, ticket: usize) -> Option<Report> {
        let place = ticket % PLACES;
        let (number, _) = self.reports.get(place)?;
        (tagged(place, *number) == ticket).then(|| self.reports.remove(place).1)
    }

    /// Searches all reports only if the oldest of the last look was settled.
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

/// A place with the low bits of its record's number, which stay free for the slab's index.
fn tagged(place: usize, number: u64) -> usize {
    const TAGS: usize = usize::MAX / SLABS / PLACES;
    (number as usize % TAGS) * PLACES + place
}

impl Reports {
    pub(super) fn new(metrics: Arc<Metrics>, readiness: Arc<Readiness>) -> Arc<Self> {
        Arc::new(Self {
            slabs: Default::default(),
            out: Apart::default(),
            metrics,
            readiness,
            acknowledged: AtomicBool::new(false),
            refusals: Mutex::default(),
        })
    }

    /// The ticket, and how many others are out.
    pub(super) fn keep(&self, report: Report) -> (usize, usize) {
        let others = self.out.0.0.fetch_add(1, Ordering::Relaxed);
        let number = self.out.0.1.fetch_add(1, Ordering::Relaxed);
        let slab = own_slab();
        (self.slab(slab).insert(number, report) * SLABS + slab, others)
    }

    /// `None`: it was given up.
    pub(super) fn take(&self, ticket: usize) -> Option<Report> {
        let report = self.slab(ticket % SLABS).remove(ticket / SLABS);
        self.out.0.0.fetch_sub(usize::from(report.is_some()), Ordering::Relaxed);
        report
    }

    /// Settles a report by how its record ended: it stands at that offset, or there is an error.
    pub(super) fn settle(&self, ticket: usize, end: Result<i64, Code>) {
        let Some(report) = self.take(ticket) else { return };
        // A panic must not reach the library that calls this.
        let settled = catch_unwind(AssertUnwindSafe(|| match end {
            Ok(offset) if is_inferred(offset) => self.fail(report, Failure::Unproved),
            Ok(_) => {
                if !self.acknowledged.load(Ordering::Relaxed) {
                    self.acknowledged.store(true, Ordering::Relaxed);
                }
                self.readiness.kafka_acknowledged();
                report.settle(Ok(()));
            }
            Err(code) => {
                let failure = failed(code);
                if matches!(failure, Failure::Timestamp | Failure::Refused | Failure::Unfit)
                    && self.is_new(code)
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

    /// Gives up all that are out.
    pub(super) fn abandon(&self) {
        for slab in 0..SLABS {
            // Dropping a report says so. Not under the lock, for it wakes others.
            let kept = self.slab(slab).take_all();
            self.out.0.0.fetch_sub(kept.len(), Ordering::Relaxed);
            drop(kept);
        }
    }

    /// Number of the oldest record without a report, in the order in which records were handed over.
    pub(super) fn oldest(&self) -> Option<u64> {
        (0..SLABS).filter_map(|slab| self.slab(slab).oldest()).min()
    }

    /// Number of records handed over, which is the number of the next one.
    pub(super) fn handed_over(&self) -> u64 {
        self.out.0.1.load(Ordering::Relaxed)
    }

    /// Whether any record was acknowledged.
    pub(super) fn acknowledged(&self) -> bool {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Whether Kafka refuses with this error for the first time since this client was made.
    fn is_new(&self, code: Code) -> bool {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).insert(code as i32)
    }

    fn fail(&self, report: Report, failure: Failure) {
        self.metrics.delivery_error(failure.tag());
        report.settle(Err(failure));
    }

    fn slab(&self, slab: usize) -> MutexGuard<'_, Kept> {
        self.slabs[slab].0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the library calls a record delivered of which Kafka never said so. It infers that from a later
/// record of the partition that was taken, for the broker would refuse a gap in the producer's sequence.
/// But a partition that knows nothing of the producer, being new, or long idle and led by another broker
/// since, takes any first sequence: it can refuse a record and take the one behind it. Such a report has
/// no offset. An acknowledgement says where the record stands; that of a repeated record whose place the
/// broker has forgotten says -1 and the numbers behind it, and the record stands there all the same.
fn is_inferred(offset: i64) -> bool {
    Offset::from_raw(offset) == Offset::Invalid
}

/// Why the library did not take a record.
pub(super) fn refused(code: Code) -> Failure {
    match code {
        Code::MessageSizeTooLarge => Failure::TooLarge,
        Code::QueueFull => Failure::QueueFull,
        // The keeper sees it with its next look.
        Code::Fatal => Failure::Replacing,
        _ => failed(code),
    }
}

/// The meaning of an error for a record that was handed over. An error that is not listed is not known to be
/// permanent: the record is tried again, and delays its own key only.
fn failed(code: Code) -> Failure {
    match code {
        // Partitions never go but with their topic; the library says so of records in their queues.
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => Failure::UnknownTopic,
        // Reported for a whole batch, innocent records included.
        Code::MessageSizeTooLarge
        | Code::MessageBatchTooLarge
        | Code::InvalidMessage
        | Code::InvalidMessageSize
        | Code::InvalidRecord => Failure::Unfit,
        // Another record of the batch was refused.
        Code::InvalidDifferentRecord => Failure::Unfit,
        Code::InvalidTimestamp => Failure::Timestamp,
        Code::PurgeQueue | Code::PurgeInflight => Failure::Abandoned,
        // These concern the topic, the cluster or the way there, not the record.
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
        | Code::UnknownProducerId => Failure::Other,
        // librdkafka's own errors are negative. The broker's own unknown error is -1.
        code if (code as i32) < -1 => Failure::Other,
        _ => Failure::Refused,
    }
}

#[cfg(test)]
mod tests;
