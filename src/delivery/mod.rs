//! Every record of an event acknowledged, or the event refused.
//!
//! [`Delivery::deliver`] answers `Ok` only once every record of the event is durable. Each record
//! goes to its lane, the ordered way to one topic. A lane opens when its topic is known to be there;
//! until then its records wait, and no other lane's.
//!
//! Memory: what an event was admitted under is held by its [`Settle`] until the last delivery report,
//! not until the answer, for the client library holds the bytes just as long.

mod lane;
mod pending;
mod sink;

#[cfg(test)]
mod tests;

pub use pending::{Report, Settle, Settled};
pub use sink::{Failure, Sink, TopicFailure};

use crate::record::Record;
use crate::telemetry::Readiness;
use lane::Lane;
use pending::Pending;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

/// Settings under `kafka` that concern delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `kafka.ack_deadline`: an event whose records are not all acknowledged by then is refused.
    pub ack_deadline: Duration,
}

/// Why an event is not durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotDurable {
    /// The deadline passed. The records may still be acknowledged later.
    #[error("not acknowledged within the deadline")]
    Deadline,
    /// A record failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Takes records to Kafka.
pub struct Delivery {
    config: Config,
    sink: Arc<dyn Sink>,
    lanes: HashMap<Arc<str>, Arc<Lane>>,
    runtime: Handle,
    readiness: Arc<Readiness>,
}

impl Delivery {
    /// A delivery with a lane for each of `topics`. `runtime` runs what outlives a request: making
    /// missing topics. `readiness` is told when Kafka stands still.
    pub fn new(
        config: Config,
        sink: Arc<dyn Sink>,
        topics: impl IntoIterator<Item = Arc<str>>,
        runtime: Handle,
        readiness: Arc<Readiness>,
    ) -> Self {
        let lanes = topics.into_iter().map(|topic| (Arc::clone(&topic), Lane::new(topic))).collect();
        Self { config, sink, lanes, runtime, readiness }
    }

    /// Opens the lanes of topics that are known to be there, so that their first record need not ask.
    pub fn open_lanes<'a>(&self, existing: impl IntoIterator<Item = &'a str>) {
        for topic in existing {
            if let Some(lane) = self.lanes.get(topic) {
                lane.open();
            }
        }
    }

    /// The longest that [`Delivery::deliver`] takes.
    pub fn ack_deadline(&self) -> Duration {
        self.config.ack_deadline
    }

    /// Delivers all `records` of one event.
    ///
    /// `settle` is told once how the event ended, when the last record's report is in: that may be
    /// long after this function gave up waiting.
    ///
    /// # Errors
    /// When not every record is acknowledged in time. Some of them may be.
    pub async fn deliver(&self, records: &[Record], settle: Box<dyn Settle>) -> Result<(), NotDurable> {
        let deadline = Instant::now() + self.config.ack_deadline;
        let pending = Pending::new(settle);
        // Keeps the event unsettled until every record is handed over; dropped on the way out, it
        // settles the event as failed.
        let handover = pending.report(None);
        for record in records {
            let lane = self.lane(record)?;
            if !lane.is_open() {
                timeout_at(deadline, lane.opened(&self.sink, &self.runtime))
                    .await
                    .map_err(|_| NotDurable::Deadline)?;
            }
        }
        let acknowledged_before = self.readiness.acknowledged();
        for record in records {
            self.sink.send(record, pending.report(Some(Arc::clone(self.lane(record)?))))?;
        }
        handover.settle(Ok(()));
        match timeout_at(deadline, pending.settled()).await {
            Ok(Settled::Durable) => Ok(()),
            Ok(Settled::Failed(failure)) => Err(failure.into()),
            Err(_) => {
                if self.readiness.acknowledged() == acknowledged_before {
                    self.readiness.kafka_down("no record was acknowledged for as long as kafka.ack_deadline");
                }
                Err(NotDurable::Deadline)
            }
        }
    }

    /// The lane of a record. Routing names topics of its own table only, and each has a lane.
    fn lane(&self, record: &Record) -> Result<&Arc<Lane>, Failure> {
        self.lanes.get(&record.topic).ok_or(Failure::Other)
    }
}
