//! Refused records of events while there is no spool.
//!
//! Each is sent again alone, because its batch may have been refused for another record. A permanently
//! refused one becomes a dead letter before the answer, unless an earlier delivery wrote it.

use super::clock::now_millis;
use super::in_flight::InFlightEvent;
use super::lane::Lane;
use super::{Delivery, DeliveryError, Durable, OnDurable, RecordFailure, dead_letter};
use crate::record::Record;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Limit on the time for which a lane waits until no record is in flight. A record in flight for longer
/// shares no batch with a new one.
const MAX_IDLE_WAIT: Duration = Duration::from_secs(1);

/// The records of the event settle it, not its dead letter.
struct Ignored;

impl OnDurable for Ignored {
    fn durable(&mut self) {}
}

impl Delivery {
    /// Delivers the refused records of an event before `deadline`, each alone or as a dead letter.
    pub(super) async fn deliver_refused(
        &self,
        records: &[Record],
        pending: &Arc<InFlightEvent>,
        deadline: Instant,
    ) -> Result<Durable, DeliveryError> {
        let mut delivered = Durable::Acked;
        for (slot, failure) in pending.failures() {
            let failure = match failure {
                RecordFailure::TooLarge => failure,
                _ if failure.may_be_anothers() => {
                    let sent = self.send_alone(&records[slot], pending, slot, deadline);
                    match timeout_at(deadline, sent).await {
                        Ok(Ok(())) => continue,
                        Ok(Err(failure @ (RecordFailure::Unfit | RecordFailure::TooLarge))) => failure,
                        Ok(Err(failure)) => return Err(failure.into()),
                        Err(_) => return Err(failure.into()),
                    }
                }
                _ => return Err(failure.into()),
            };
            let reason = dead_letter::reason_of(failure);
            if !pending.has_dead_letter(slot, reason) {
                self.write_letter(&records[slot], failure, deadline).await?;
                delivered = Durable::DeadLettered(failure);
            } else if delivered == Durable::Acked {
                delivered = Durable::DeadLetteredBefore;
            }
            pending.dead_lettered(slot, reason);
        }
        match pending.outcome() {
            Ok(()) => Ok(delivered),
            Err(failure) => Err(failure.map_or(DeliveryError::Deadline, DeliveryError::Failed)),
        }
    }

    /// Sends a record while only records of stuck partitions are in flight. If Kafka refuses its timestamp,
    /// sends it once more with the present time.
    async fn send_alone(
        &self,
        record: &Record,
        pending: &Arc<InFlightEvent>,
        slot: usize,
        deadline: Instant,
    ) -> Result<(), RecordFailure> {
        let lane = &pending.lanes()[slot];
        let _turn = lane.alone().await;
        let (mut record, mut is_restamped) = (record.clone(), false);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let stuck = lane.idle(MAX_IDLE_WAIT.min(left / 2)).await;
            let before = lane.handed_over();
            self.sink.send(&record, None, pending.report(slot));
            pending.reported().await;
            let failures = pending.failures();
            let Some((_, failure)) = failures.into_iter().find(|(failed, _)| *failed == slot) else {
                return Ok(());
            };
            if !failure.may_be_anothers() {
                return Err(failure);
            }
            if lane.handed_over() != before + 1 || lane.out() != stuck {
                // Another record may have been in the batch.
                continue;
            }
            if failure != RecordFailure::Timestamp || is_restamped {
                return Err(failure);
            }
            is_restamped = true;
            record.timestamp = now_millis();
        }
    }

    async fn write_letter(
        &self,
        record: &Record,
        failure: RecordFailure,
        deadline: Instant,
    ) -> Result<(), DeliveryError> {
        let lane = self.lanes.load().get(&self.dead_letter_topic).map(Arc::clone);
        let lane: Arc<Lane> = lane.filter(|lane| lane.topic() != &record.topic).ok_or(failure)?;
        let letter = dead_letter::of_refused(lane.topic(), record, failure);
        if lane.quota().is_some_and(|quota| !quota.take(Instant::now(), letter.size())) {
            return Err(DeliveryError::DeadLetterQuota);
        }
        let pending = InFlightEvent::new([Arc::clone(&lane)].into_iter().collect(), Box::new(Ignored));
        let written = async {
            lane.opened(&self.sink, &self.runtime).await;
            self.sink.send(&letter, None, pending.report(0));
            pending.reported().await;
        };
        if timeout_at(deadline, written).await.is_err() {
            return Err(DeliveryError::Deadline);
        }
        pending.outcome().map_err(|failure| failure.map_or(DeliveryError::Deadline, DeliveryError::Failed))
    }
}
