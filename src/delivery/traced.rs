//! Result of a delivery, for spans.

use super::{DeliveryError, Failure};

/// Returns whether the records that were sent are acknowledged: reported on in time, and none failed. Other
/// records of the event may not have been sent.
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
