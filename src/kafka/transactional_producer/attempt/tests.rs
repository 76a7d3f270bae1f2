use super::*;

#[test]
fn only_what_kafka_never_takes_is_refused_for_good() {
    let is_refused = |code| matches!(failed(code, "t"), ErrorAction::Fail(CommitError::Refused(_)));
    assert!(is_refused(Code::MessageSizeTooLarge) && is_refused(Code::InvalidRecord));
    for code in [Code::UnknownTopicOrPartition, Code::MessageTimedOut, Code::NotEnoughReplicas, Code::Unknown]
    {
        assert!(matches!(failed(code, "t"), ErrorAction::Abort(_)), "{code}");
    }
}

#[test]
fn a_later_writer_ends_the_earlier_one() {
    for code in [Code::Fenced, Code::ProducerFenced, Code::InvalidProducerEpoch] {
        assert_eq!(failed(code, "t"), ErrorAction::Fail(CommitError::Fenced), "{code}");
    }
}

#[test]
fn what_is_forbidden_ends_it_and_names_the_topic() {
    let ErrorAction::Fail(CommitError::Failed(text)) = failed(Code::TopicAuthorizationFailed, "calls") else {
        panic!("waits for a permission that nobody gives");
    };
    assert!(text.contains("calls") && text.contains("Write"), "{text}");
}
