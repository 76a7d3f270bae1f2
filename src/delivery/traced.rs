use super::{DeliveryError, RecordFailure};

/// Returns whether the records that were sent are acknowledged in time. Others may not have been sent.
pub(super) fn acknowledged(
    outcome: Result<(), Option<RecordFailure>>,
    in_time: bool,
) -> Result<(), &'static str> {
    match outcome {
        Ok(()) => Ok(()),
        Err(Some(failure)) => Err(failure.tag()),
        Err(None) if in_time => Ok(()),
        Err(None) => Err(DeliveryError::Deadline.tag()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handing_over_failed_if_a_record_did_or_the_time_was_up() {
        let failed = Err(Some(RecordFailure::TooLarge));
        assert_eq!(acknowledged(Ok(()), true), Ok(()));
        assert_eq!(acknowledged(failed, true), Err("too_large"));
        assert_eq!(acknowledged(failed, false), Err("too_large"));
        assert_eq!(acknowledged(Err(None), false), Err("ack_deadline"));
    }

    #[test]
    fn records_that_were_kept_back_are_no_failure_of_those_that_were_not() {
        assert_eq!(acknowledged(Err(None), true), Ok(()));
    }

    #[test]
    fn acknowledged_after_all_is_acknowledged() {
        assert_eq!(acknowledged(Ok(()), false), Ok(()));
    }
}
