//! What the spans of an event say of its delivery.

use super::{DeliveryError, Failure};

/// How handing records over ended: all of them acknowledged, if they were reported on in time and none
/// failed. Others of the event may never have been handed over.
pub(super) fn acknowledged(outcome: Result<(), Option<Failure>>, in_time: bool) -> Result<(), &'static str> {
    match outcome {
        Ok(()) => Ok(()),
        Err(Some(failure)) => Err(failure.tag()),
        Err(None) if in_time => Ok(()),
        Err(None) => Err(DeliveryError::Deadline.tag()),
    }
}

#[cfg(test)]
mod tests;
