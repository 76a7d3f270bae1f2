//! Every record of an event durable, or the event refused.
//!
//! [`Delivery::deliver`] answers `Ok` only once every record of the event is acknowledged by Kafka or
//! on disk in the spool. Each record goes to its lane, the ordered way to one topic:
//!
//! - direct to Kafka, while the lane has no backlog and its breaker is closed;
//! - to the end of the lane's backlog in the spool, where it has one, or where Kafka does not
//!   acknowledge in time. The lane's drain sends it on.
//!
//! Memory: what an event was admitted under is held by its [`OnDurable`] until the last delivery report,
//! not until the answer, for the client library holds the bytes just as long.

mod circuit_breaker;
pub mod dead_letter;
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

pub use crate::spool::{Identity, Refused, Remembered};
pub use dead_letter::DeadLetter;
pub use dead_letter_quota::DeadLetterQuotaConfig;
pub use in_flight::{OnDurable, Report};
pub use result::{DeliveryError, Durable};
pub use sink::{Failure, Sink, TopicFailure};
pub use spool_view::{SpoolRecord, SpoolTopic, SpoolView};
pub(crate) use window::MAX_TIMESTAMP_AGE_MS;

use crate::record::Record;
use crate::spool::{Append, Recount, RowId, Spool};
use crate::telemetry::{Metrics, Readiness, Spans, SpoolState, Step, Tracer};
use arc_swap::ArcSwap;
use dead_letter_quota::DeadLetterQuota;
use drain::{DrainContext, Phase};
use drain_limits::DrainLimits;
use foldhash::fast::RandomState;
use in_flight::{InFlightEvent, handed_over};
use lane::Lane;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use traced::acknowledged;

/// How long an event waits for the spool's disk. Longer than any commit takes on a disk that works.
const SPOOL_TIMEOUT: Duration = Duration::from_secs(1);

/// Settings that concern delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `kafka.ack_deadline`: what Kafka has not acknowledged by then is spooled, or refused.
    pub ack_deadline: Duration,
    /// What rejected events may take of the spool.
    pub dead_letters: DeadLetterQuotaConfig,
}

/// What delivery is put together from.
pub struct Parts {
    /// The way to Kafka.
    pub sink: Arc<dyn Sink>,
    /// `None`: what Kafka does not acknowledge is refused.
    pub spool: Option<Arc<Spool>>,
    /// Every topic that routing can name.
    pub topics: Vec<Arc<str>>,
    /// The topic of rejected events.
    pub dead_letter_topic: Arc<str>,
    /// What the producer's queue takes: records, and bytes of their values.
    pub queue: (usize, usize),
    /// Runs what outlives a request: making missing topics, and drains.
    pub runtime: Handle,
    /// DrainEvent when Kafka stands still, and what the spool takes.
    pub readiness: Arc<Readiness>,
    /// Shown what the spool holds.
    pub metrics: Arc<Metrics>,
    /// Traces what drains send.
    pub tracer: Tracer,
}

type Lanes = HashMap<Arc<str>, Arc<Lane>, RandomState>;

/// Takes records to Kafka.
pub struct Delivery {
    config: Config,
    sink: Arc<dyn Sink>,
    spool: Option<Arc<Spool>>,
    /// By topic. A lane that is there stays: what is in flight to it may still be told to it.
    lanes: ArcSwap<Lanes>,
    dead_letter_topic: Arc<str>,
    share: Arc<DrainLimits>,
    runtime: Handle,
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
    tracer: Tracer,
    phase: watch::Sender<Phase>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// Receives the events that the spool remembers.
    remember: OnceLock<Box<dyn Fn(Vec<Remembered>) + Send + Sync>>,
}

impl Delivery {
    /// A delivery with a lane for each topic, and one for each of which the spool holds a backlog.
    /// Their drains begin at once.
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
            spool.on_recount(move |found| {
                if let Some(delivery) = Weak::upgrade(&delivery) {
                    delivery.recount(found);
                }
            });
        }
        let topics: Vec<_> = [parts.dead_letter_topic].into_iter().chain(parts.topics).collect();
        let backlog = parts.spool.iter().flat_map(|spool| spool.backlog());
        // Of earlier settings, maybe.
        let backlog = backlog.map(|(topic, rows)| (topics.contains(&topic), topic, rows));
        delivery.add(backlog.chain(topics.iter().map(|topic| (true, Arc::clone(topic), 0))));
        let show = monitor::show(&delivery, parts.metrics);
        delivery.tasks().push(delivery.runtime.spawn(show));
        delivery
    }

    /// Adds lanes for topics that have none yet. Records may be delivered to them from then on.
    pub fn add_lanes(&self, topics: impl IntoIterator<Item = Arc<str>>) {
        self.add(topics.into_iter().map(|topic| (true, topic, 0)));
    }

    /// Adds the lanes that are not there, each with the rows of its backlog and whether the settings name
    /// it, and starts their drains.
    fn add(&self, topics: impl Iterator<Item = (bool, Arc<str>, u64)>) {
        // One at a time.
        let mut tasks = self.tasks();
        let mut lanes = Lanes::clone(&self.lanes.load());
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

    /// Opens the lanes of topics that exist, with the number of their partitions, so that their first record
    /// need not ask.
    pub fn open_lanes<'a>(&self, existing: impl IntoIterator<Item = (&'a str, u32)>) {
        let lanes = self.lanes.load();
        for (topic, partitions) in existing {
            if let Some(lane) = lanes.get(topic) {
                lane.open(partitions);
            }
        }
    }

    /// The longest that [`Delivery::deliver`] takes.
    pub fn longest(&self) -> Duration {
        self.config.ack_deadline + self.spool.as_ref().map_or(Duration::ZERO, |_| SPOOL_TIMEOUT)
    }

    /// Sets, once, what receives the events that are durable in the spool though this process has not
    /// answered them with 200: now those of earlier processes, later those of failed commits.
    pub fn remember_with(&self, remember: impl Fn(Vec<Remembered>) + Send + Sync + 'static) {
        if let Some(spool) = &self.spool {
            remember(spool.take_identities());
        }
        drop(self.remember.set(Box::new(remember)));
    }

    /// Counts rows that a failed commit left in the spool. Only then are their events duplicates: what is
    /// sent after such an answer must not overtake the row.
    fn recount(&self, found: Recount) {
        let lanes = self.lanes.load();
        for (topic, row) in found.rows {
            if let Some(lane) = lanes.get(&topic) {
                lane.recounts(1, row);
            }
        }
        if let Some(remember) = self.remember.get() {
            remember(found.identities);
        }
    }

    /// Makes all `records` of one event durable.
    ///
    /// `settle` hears once that they are: that may be after this function gave up waiting. `spans` takes
    /// the event's spans, if it is traced.
    ///
    /// # Errors
    /// When not every record is durable in time. Some of them may be.
    pub async fn deliver(
        &self,
        records: &[Record],
        identity: &Identity,
        spans: Option<&Spans>,
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
        // All ways are looked at before the first record goes: half an event helps nobody.
        let mut direct = SmallVec::<[bool; 1]>::new();
        for (lane, record) in lanes.iter().zip(records) {
            direct.push(self.can_send_directly(lane, record, deadline).await?);
        }
        if Instant::now() >= deadline {
            // One topic that is not there used the time up: no other lane is to blame.
            direct.fill(false);
        }
        let acknowledged_before = self.readiness.acknowledged();
        let ack = Step::begin(spans);
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
                let step = Step::begin(spans);
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

    /// Whether a record of this lane is handed over to Kafka now; else it is spooled.
    async fn can_send_directly(
        &self,
        lane: &Arc<Lane>,
        record: &Record,
        deadline: Instant,
    ) -> Result<bool, DeliveryError> {
        if lane.backlog() > 0 {
            return Ok(false);
        }
        // The drain tries a lane that is held up, so that no event waits for that. Where the spool does
        // not take the record there may be nothing to drain, and an event has to try.
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

    /// Whether the spool takes a record, as far as can be told before.
    fn is_spooled(&self, lane: &Lane, record: &Record) -> bool {
        let largest = lane.quota().map(|quota| quota.max_bytes());
        self.readiness.spool() == SpoolState::Taking
            && self.spool.as_ref().is_some_and(|spool| spool.may_take(record_codec::size(record), largest))
    }

    /// Puts what is not acknowledged into the spool, in one transaction with the event's identity.
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
                // One that waited too long waits no more.
                let _ = told.send(result.map(drop));
            }),
        });
        match timeout(SPOOL_TIMEOUT, ended).await {
            Ok(Ok(Ok(()))) => Ok(Durable::Spooled),
            Ok(Ok(Err(Refused::LaneFull))) if lanes.iter().any(|lane| lane.quota().is_some()) => {
                Err(DeliveryError::DeadLetterQuota)
            }
            Ok(Ok(Err(refused))) => Err(refused.into()),
            Ok(Err(_)) | Err(_) => Err(Refused::Disk.into()),
        }
    }

    /// The lanes of records. Routing names topics of its own table only, and each has a lane.
    fn lanes_of(&self, records: &[Record]) -> Result<in_flight::Lanes, Failure> {
        let lanes = self.lanes.load();
        let lane = |record: &Record| lanes.get(&record.topic).cloned().ok_or(Failure::Other);
        records.iter().map(lane).collect()
    }

    /// Drains hand nothing over any more; what is acknowledged from now on is still deleted.
    pub fn settle(&self) {
        self.phase.send_replace(Phase::Settling);
    }

    /// Ends the drains, after they have heard what was reported. Returns the records that stay in the
    /// spool for the next start.
    pub async fn end(&self) -> u64 {
        self.phase.send_replace(Phase::Ended);
        let tasks = std::mem::take(&mut *self.tasks());
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of delivery ended in a panic: this is a bug");
            }
        }
        self.backlog()
    }

    /// Records in the spool, or on the way into it, that Kafka has not acknowledged.
    fn backlog(&self) -> u64 {
        self.lanes.load().values().map(|lane| lane.backlog()).sum()
    }

    fn tasks(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
