//! What the spans of an event say of its delivery.

use super::{Failure, NotDurable, Refused};

impl NotDurable {
    /// Stable tag.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::Deadline => "ack_deadline",
            Self::HeldUp => "held_up",
            Self::Failed(failure) => failure.tag(),
            Self::Spool(Refused::Full | Refused::LaneFull) => "spool_full",
            Self::Spool(Refused::Disk) => "spool_failing",
            Self::Quota => "dead_letter_quota",
        }
    }
}

/// How handing records over ended: all of them acknowledged, if they were reported on in time and none
/// failed. Others of the event may never have been handed over.
pub(super) fn acknowledged(outcome: Result<(), Option<Failure>>, in_time: bool) -> Result<(), &'static str> {
    match outcome {
        Ok(()) => Ok(()),
        Err(Some(failure)) => Err(failure.tag()),
        Err(None) if in_time => Ok(()),
        Err(None) => Err(NotDurable::Deadline.tag()),
    }
}

#[cfg(test)]
mod tests;
