use super::*;

fn reports() -> Arc<DeliveryReports> {
    DeliveryReports::new(Arc::new(Metrics::new()), Arc::new(Readiness::default()))
}

#[test]
fn stale_ticket_does_not_settle_the_next_record_in_its_slot() {
    let reports = reports();
    let (stale, _) = reports.keep(Report::ignored());
    assert!(reports.take(stale).is_some());
    let (next, _) = reports.keep(Report::ignored());
    reports.settle(stale, Ok(1));
    assert!(reports.take(stale).is_none());
    assert!(reports.take(next).is_some(), "settled by another record's ticket");
    let (before, _) = reports.keep(Report::ignored());
    reports.abandon();
    let (after, _) = reports.keep(Report::ignored());
    assert!(reports.take(before).is_none());
    assert!(reports.take(after).is_some());
}

#[test]
fn oldest_stays_the_same_while_others_are_reported() {
    let reports = reports();
    assert_eq!(reports.oldest(), None);
    let (stuck, _) = reports.keep(Report::ignored());
    for _ in 0..100 {
        let (other, _) = std::thread::scope(|scope| {
            scope.spawn(|| reports.keep(Report::ignored())).join().expect("a ticket")
        });
        let (own, _) = reports.keep(Report::ignored());
        assert_eq!(reports.oldest(), Some(0));
        reports.settle(other, Ok(1));
        reports.settle(own, Ok(1));
    }
    reports.settle(stuck, Ok(1));
    assert_eq!(reports.oldest(), None);
}

#[test]
fn unknown_broker_error_is_refused_and_not_permanent() {
    for (code, expected) in [
        (Code::InvalidTimestamp, Failure::Timestamp),
        (Code::PolicyViolation, Failure::Refused),
        (Code::Unknown, Failure::Refused),
        (Code::InvalidDifferentRecord, Failure::Unfit),
        (Code::TopicAuthorizationFailed, Failure::Other),
        (Code::BrokerTransportFailure, Failure::Other),
        (Code::MessageTimedOut, Failure::Other),
    ] {
        assert_eq!(report_failure(code), expected, "{code:?}");
    }
}
