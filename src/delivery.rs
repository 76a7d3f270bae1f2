//! Delivery of the records of an event: durable in Kafka or in the spool, or the event is refused.
//!
//! Each topic has a lane. Its records go directly to Kafka while the lane has no backlog and a closed
//! circuit. Otherwise, and when Kafka does not acknowledge in time, they join the lane's backlog in the
//! spool, which the drain sends. [`OnDurable`] holds the event's memory permit until the last delivery
//! report.

mod circuit_breaker;
mod clock;
pub(crate) mod dead_letter;
mod dead_letter_quota;
mod drain;
mod drain_limits;
mod in_flight;
mod lane;
mod monitor;
mod record_codec;
mod refused_records;
mod result;
mod sink;
mod spool_view;
mod traced;
mod window;

#[cfg(test)]
mod tests;

pub(crate) use crate::spool::{AppendError, Identity, RememberedIdentity};
pub(crate) use dead_letter::DeadLetter;
pub(crate) use dead_letter_quota::DeadLetterQuotaConfig;
pub(crate) use in_flight::OnDurable;
pub(crate) use result::{DeliveryError, Durable};
pub(crate) use sink::RecordFailure;
pub(crate) use spool_view::{SpoolRecord, SpoolView};
pub(crate) use window::MAX_TIMESTAMP_AGE_MS;
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use {in_flight::Report, sink::Sink, sink::TopicFailure};

use crate::health::{Readiness, SpoolState};
use crate::record::Record;
use crate::spool::{Append, COMMIT_TIMEOUT, LateCommit, RowId, Spool};
use crate::telemetry::{EventSpans, Metrics, OpenSpan, Tracer};
use arc_swap::ArcSwap;
use dead_letter_quota::DeadLetterQuota;
use drain::{DrainContext, Phase};
use drain_limits::DrainLimits;
use foldhash::fast::RandomState;
use in_flight::{InFlightEvent, handed_over};
use lane::Lane;
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use traced::acknowledged;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub ack_deadline: Duration,
    pub dead_letters: DeadLetterQuotaConfig,
}

/// Dependencies of [`Delivery`].
pub struct Parts {
    /// Producer.
    pub sink: Arc<dyn Sink>,
    /// `None`: a record that Kafka does not acknowledge is refused.
    pub spool: Option<Arc<Spool>>,
    /// Topics that routing can name.
    pub topics: Vec<Arc<str>>,
    /// Topic of rejected events.
    pub dead_letter_topic: Arc<str>,
    /// Limits of the producer's queue: records, and bytes of values.
    pub queue: (usize, usize),
    /// Runtime for tasks that outlive a request.
    pub runtime: Handle,
    /// State of Kafka and the spool, updated by delivery.
    pub readiness: Arc<Readiness>,
    /// Metrics of topics and the spool.
    pub metrics: Arc<Metrics>,
    /// Tracer of records sent by drains.
    pub tracer: Tracer,
}

type LanesByTopic = HashMap<Arc<str>, Arc<Lane>, RandomState>;

/// Delivers records to Kafka or to the spool.
pub struct Delivery {
    config: Config,
    sink: Arc<dyn Sink>,
    spool: Option<Arc<Spool>>,
    /// A lane is never removed, because records in flight refer to it.
    lanes: ArcSwap<LanesByTopic>,
    dead_letter_topic: Arc<str>,
    share: Arc<DrainLimits>,
    runtime: Handle,
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
    tracer: Tracer,
    phase: watch::Sender<Phase>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    remember: OnceLock<Box<dyn Fn(Vec<RememberedIdentity>) + Send + Sync>>,
}

impl Delivery {
    /// Creates a lane for each topic and each backlog of the spool, and starts the drains.
    pub fn start(config: Config, parts: Parts) -> Arc<Self> {
        let delivery = Arc::new(Self {
            config,
            sink: parts.sink,
            lanes: ArcSwap::default(),
            dead_letter_topic: Arc::clone(&parts.dead_letter_topic),
            share: Arc::new(DrainLimits::new(parts.queue)),
            runtime: parts.runtime,
            readiness: parts.readiness,
            metrics: Arc::clone(&parts.metrics),
            tracer: parts.tracer,
            phase: watch::Sender::new(Phase::Running),
            tasks: Mutex::default(),
            remember: OnceLock::new(),
            spool: parts.spool.clone(),
        });
        if let Some(spool) = &delivery.spool {
            let delivery = Arc::downgrade(&delivery);
            spool.on_late_commit(move |found| {
                if let Some(delivery) = Weak::upgrade(&delivery) {
                    delivery.recount(found);
                }
            });
        }
        let topics: Vec<_> = [parts.dead_letter_topic].into_iter().chain(parts.topics).collect();
        let backlog = parts.spool.iter().flat_map(|spool| spool.backlog());
        // May contain topics of earlier settings.
        let backlog = backlog.map(|(topic, rows)| (topics.contains(&topic), topic, rows));
        delivery.add(backlog.chain(topics.iter().map(|topic| (true, Arc::clone(topic), 0))));
        let show = monitor::show(&delivery, parts.metrics);
        delivery.tasks().push(delivery.runtime.spawn(show));
        delivery
    }

    /// Adds lanes for topics that have none.
    pub fn add_lanes(&self, topics: impl IntoIterator<Item = Arc<str>>) {
        self.add(topics.into_iter().map(|topic| (true, topic, 0)));
    }

    /// Adds missing lanes of (whether the settings name the topic, topic, rows in the spool).
    fn add(&self, topics: impl Iterator<Item = (bool, Arc<str>, u64)>) {
        // Serializes callers.
        let mut tasks = self.tasks();
        let mut lanes = LanesByTopic::clone(&self.lanes.load());
        let last = self.spool.as_ref().map_or(RowId::default(), |spool| spool.last());
        let mut added = Vec::new();
        for (is_named, topic, rows) in topics {
            lanes.entry(Arc::clone(&topic)).or_insert_with(|| {
                let is_dead_letter = topic == self.dead_letter_topic;
                let quota = is_dead_letter.then(|| DeadLetterQuota::new(self.config.dead_letters));
                let counters = self.metrics.topic(is_named.then_some(&*topic));
                let lane = Lane::new(topic, rows, last, quota, counters);
                added.push(Arc::clone(&lane));
                lane
            });
        }
        self.share.among(lanes.len());
        let dead_letters = lanes.get(&self.dead_letter_topic).map(Arc::clone);
        self.lanes.store(Arc::new(lanes));
        let (Some(spool), Some(dead_letters)) = (&self.spool, dead_letters) else { return };
        let shared = DrainContext {
            sink: Arc::clone(&self.sink),
            spool: Arc::clone(spool),
            runtime: self.runtime.clone(),
            phase: self.phase.subscribe(),
            dead_letters,
            share: Arc::clone(&self.share),
            ack_deadline: self.config.ack_deadline,
            tracer: self.tracer.clone(),
            metrics: Arc::clone(&self.metrics),
        };
        let drains = added.into_iter().map(|lane| drain::drain(lane, shared.clone()));
        tasks.extend(drains.map(|drain| self.runtime.spawn(drain)));
    }

    /// Opens the lanes of existing topics, with their numbers of partitions, before their first record.
    pub fn open_lanes<'a>(&self, existing: impl IntoIterator<Item = (&'a str, u32)>) {
        let lanes = self.lanes.load();
        for (topic, partitions) in existing {
            if let Some(lane) = lanes.get(topic) {
                lane.open(partitions);
            }
        }
    }

    /// Returns the upper limit on the time of [`Delivery::deliver`].
    pub fn longest(&self) -> Duration {
        self.config.ack_deadline + self.spool.as_ref().map_or(Duration::ZERO, |_| COMMIT_TIMEOUT)
    }

    /// Sets the receiver of events that are in the spool but were not answered with 200 by this process:
    /// those of earlier processes now, those of failed commits later.
    pub fn remember_with(&self, remember: impl Fn(Vec<RememberedIdentity>) + Send + Sync + 'static) {
        if let Some(spool) = &self.spool {
            remember(spool.take_identities());
        }
        drop(self.remember.set(Box::new(remember)));
    }

    /// Counts rows that a failed commit left in the spool, so that no later event overtakes them, and
    /// reports their events as duplicates.
    fn recount(&self, found: LateCommit) {
        let lanes = self.lanes.load();
        for rows in &found.rows {
            if let Some(lane) = lanes.get(&rows.lane) {
                lane.finds(rows, found.is_restored);
            }
        }
        if let Some(remember) = self.remember.get() {
            remember(found.identities);
        }
    }

    /// Makes all `records` of one event durable, then calls `settle`, perhaps after the return.
    ///
    /// # Errors
    /// If a record is not durable in time. Other records of the event may be.
    pub async fn deliver(
        &self,
        records: &[Record],
        identity: &Identity,
        spans: Option<&EventSpans>,
        settle: Box<dyn OnDurable>,
    ) -> Result<Durable, DeliveryError> {
        let deadline = Instant::now() + self.config.ack_deadline;
        let pending = InFlightEvent::new(self.lanes_of(records)?, settle);
        let lanes = pending.lanes();
        let now = Instant::now();
        let exceeds = |(lane, record): (&Arc<Lane>, &Record)| {
            lane.quota().is_some_and(|quota| !quota.take(now, record.size()))
        };
        if lanes.iter().zip(records).any(exceeds) {
            return Err(DeliveryError::DeadLetterQuota);
        }
        // All lanes are examined before the first send, to avoid partial deliveries.
        let mut direct = SmallVec::<[bool; 1]>::new();
        for (lane, record) in lanes.iter().zip(records) {
            direct.push(self.can_send_directly(lane, record, deadline).await?);
        }
        if Instant::now() >= deadline {
            // One missing topic used up the time; the other lanes are not the cause.
            direct.fill(false);
        }
        let acknowledged_before = self.readiness.acknowledged();
        let ack = OpenSpan::begin(spans);
        for (index, record) in handed_over(records, &direct) {
            self.sink.send(record, None, pending.report(index));
        }
        let in_time = timeout_at(deadline, pending.reported()).await.is_ok();
        if !in_time {
            pending.deadline_passed();
            if self.readiness.acknowledged() == acknowledged_before {
                self.readiness.kafka_down("no record was acknowledged for as long as kafka.ack_deadline");
            }
        }
        let outcome = pending.outcome();
        let sent = handed_over(records, &direct).map(|(_, record)| record);
        ack.ack(sent, acknowledged(outcome, in_time));
        match (outcome, &self.spool) {
            (Ok(()), _) => Ok(Durable::Acked),
            (Err(_), Some(spool)) => {
                let step = OpenSpan::begin(spans);
                let appended = Box::pin(self.append(spool, records, identity, &pending)).await;
                step.spool(appended.map(drop).map_err(DeliveryError::tag));
                appended
            }
            (Err(Some(_)), None) if in_time => {
                Box::pin(self.deliver_refused(records, &pending, deadline)).await
            }
            (Err(failure), None) => Err(failure.map_or(DeliveryError::Deadline, DeliveryError::Failed)),
        }
    }

    /// Returns whether to send a record to Kafka now, and not to spool it.
    async fn can_send_directly(
        &self,
        lane: &Arc<Lane>,
        record: &Record,
        deadline: Instant,
    ) -> Result<bool, DeliveryError> {
        if lane.backlog() > 0 {
            return Ok(false);
        }
        // Only the drain probes an open circuit, except if the spool does not accept the record: then there
        // may be no backlog.
        if lane.is_circuit_open() && (self.is_spooled(lane, record) || !lane.accepts_event()) {
            return if self.spool.is_some() { Ok(false) } else { Err(DeliveryError::HeldUp) };
        }
        if lane.is_exclusive() && Box::pin(timeout_at(deadline, lane.alone())).await.is_err() {
            return Err(DeliveryError::Deadline);
        }
        let opened = || Box::pin(timeout_at(deadline, lane.opened(&self.sink, &self.runtime)));
        if lane.is_open() || opened().await.is_ok() {
            return Ok(true);
        }
        lane.failed("its topic is not ready");
        if self.spool.is_some() { Ok(false) } else { Err(DeliveryError::Deadline) }
    }

    fn is_spooled(&self, lane: &Lane, record: &Record) -> bool {
        let largest = lane.quota().map(|quota| quota.max_bytes());
        self.readiness.spool() == SpoolState::Accepting
            && self.spool.as_ref().is_some_and(|spool| spool.can_hold(record_codec::size(record), largest))
    }

    /// Appends the unacknowledged records in one transaction with the event's identity.
    async fn append(
        &self,
        spool: &Arc<Spool>,
        records: &[Record],
        identity: &Identity,
        pending: &Arc<InFlightEvent>,
    ) -> Result<Durable, DeliveryError> {
        let lanes = pending.lanes();
        let (entries, spooled) = pending.entries(records);
        if entries.is_empty() {
            // Acknowledged at the last moment.
            return Ok(Durable::Acked);
        }
        let (told, ended) = oneshot::channel();
        let event = Arc::clone(pending);
        spool.append(Append {
            entries,
            identity: Some(*identity),
            done: Box::new(move |result| {
                event.spooled(&spooled, result);
                let _ = told.send(result.map(drop));
            }),
        });
        match timeout(COMMIT_TIMEOUT, ended).await {
            Ok(Ok(Ok(()))) => Ok(Durable::Spooled),
            Ok(Ok(Err(AppendError::LaneFull))) if lanes.iter().any(|lane| lane.quota().is_some()) => {
                Err(DeliveryError::DeadLetterQuota)
            }
            Ok(Ok(Err(refused))) => Err(refused.into()),
            Ok(Err(_)) | Err(_) => Err(AppendError::Disk.into()),
        }
    }

    fn lanes_of(&self, records: &[Record]) -> Result<in_flight::EventLanes, RecordFailure> {
        let lanes = self.lanes.load();
        let lane = |record: &Record| lanes.get(&record.topic).cloned().ok_or(RecordFailure::Other);
        records.iter().map(lane).collect()
    }

    /// Stops drains from sending. They still delete rows that are acknowledged later.
    pub fn settle(&self) {
        self.phase.send_replace(Phase::Settling);
    }

    /// Ends the drains after they have processed their reports, or at `deadline`.
    /// Returns the number of records that stay in the spool.
    pub async fn end(&self, deadline: Instant) -> u64 {
        self.phase.send_replace(Phase::Ended);
        let tasks = std::mem::take(&mut *self.tasks());
        for task in tasks {
            match timeout_at(deadline, task).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "a task of delivery panicked: this is a bug"),
                Err(_) => tracing::error!("stopping: a drain did not end; its records stay spooled"),
            }
        }
        self.backlog()
    }

    fn backlog(&self) -> u64 {
        self.lanes.load().values().map(|lane| lane.backlog()).sum()
    }

    fn tasks(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.tasks.lock()
    }
}
