use super::Permit;
use super::dedup::Claim;
use crate::delivery::OnDurable;
use crate::record::Record;
use std::time::Instant;

/// Claim and memory of an event, released with its last delivery report, which may follow the answer.
pub(super) struct InFlightGuard {
    claim: Option<Claim>,
    permit: Permit,
    /// Bytes of librdkafka's copy.
    copied: usize,
}

impl InFlightGuard {
    /// `None`: the budget has no room for librdkafka's copy.
    pub(super) fn new(records: &[Record], claim: Claim, mut permit: Permit) -> Option<Box<Self>> {
        let copied = records.iter().map(Record::size).sum();
        permit.grow(copied).then(|| Box::new(Self { claim: Some(claim), permit, copied }))
    }
}

impl OnDurable for InFlightGuard {
    fn durable(&mut self) {
        if let Some(claim) = self.claim.take() {
            claim.durable(Instant::now());
        }
        // Only librdkafka's copy remains of a spooled event until its report.
        self.permit.shrink_to(self.copied);
    }

    fn has_dead_letter(&self, topic: &str, reason: &str) -> bool {
        self.claim.as_ref().is_some_and(|claim| claim.has_dead_letter(topic, reason, Instant::now()))
    }

    fn dead_lettered(&mut self, topic: &str, reason: &str) {
        if let Some(claim) = &self.claim {
            claim.dead_lettered(topic, reason, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::dedup::ClaimResult;
    use crate::ingest::{Budget, Deduplication};

    #[test]
    fn spooled_event_holds_no_more_than_the_copy_of_librdkafka() {
        let budget = Budget::new(100);
        let mut permit = budget.admit(60).expect("room");
        assert!(permit.grow(25));
        let memory = Deduplication::new(std::time::Duration::from_secs(60), 10);
        let ClaimResult::Granted(claim) = memory.claim([1; 16], Instant::now()) else { panic!("not new") };
        let mut guard = InFlightGuard { claim: Some(claim), permit, copied: 25 };
        guard.durable();
        assert_eq!(budget.used(), 25);
        drop(guard);
        assert_eq!(budget.used(), 0);
    }
}
