use super::*;

#[test]
fn only_permanent_refusals_are_final() {
    let is_refused = |code| matches!(failed(code, "t"), ErrorAction::Fail(CommitError::Refused(_)));
    assert!(is_refused(Code::MessageSizeTooLarge) && is_refused(Code::InvalidRecord));
    for code in [Code::UnknownTopicOrPartition, Code::MessageTimedOut, Code::NotEnoughReplicas, Code::Unknown]
    {
        assert!(matches!(failed(code, "t"), ErrorAction::Abort(_)), "{code}");
    }
}

#[test]
fn later_producer_fences_the_earlier_one() {
    for code in [Code::Fenced, Code::ProducerFenced, Code::InvalidProducerEpoch] {
        assert_eq!(failed(code, "t"), ErrorAction::Fail(CommitError::Fenced), "{code}");
    }
}

#[test]
fn missing_right_is_final_and_names_the_topic() {
    let ErrorAction::Fail(CommitError::Failed(text)) = failed(Code::TopicAuthorizationFailed, "calls") else {
        panic!("waits for a permission that nobody gives");
    };
    assert!(text.contains("calls") && text.contains("Write"), "{text}");
}
