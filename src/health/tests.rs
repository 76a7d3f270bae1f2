use super::*;

#[test]
fn ready_while_serving_with_kafka_up() {
    let readiness = Readiness::new();
    let ready = |state, kafka| {
        readiness.set_state(state);
        readiness.set_kafka(kafka);
        readiness.is_ready()
    };
    readiness.set_state(LifecycleState::Serving);
    assert!(!readiness.is_ready(), "before Kafka answered");
    assert!(!ready(LifecycleState::Starting, KafkaState::Up));
    assert!(ready(LifecycleState::Serving, KafkaState::Up));
    assert!(!ready(LifecycleState::Serving, KafkaState::Down));
    assert!(!ready(LifecycleState::Draining, KafkaState::Up));
}

#[test]
fn accepting_spool_replaces_kafka() {
    let readiness = Readiness::new();
    readiness.set_state(LifecycleState::Serving);
    for (spool, kafka, ready) in [
        (SpoolState::Accepting, KafkaState::Unknown, true),
        (SpoolState::Accepting, KafkaState::Down, true),
        (SpoolState::Failing, KafkaState::Down, false),
        (SpoolState::Failing, KafkaState::Up, true),
        (SpoolState::Absent, KafkaState::Down, false),
    ] {
        readiness.set_spool(spool);
        readiness.set_kafka(kafka);
        assert_eq!(readiness.is_ready(), ready, "{spool:?} {kafka:?}");
    }
}

#[test]
fn time_of_the_last_change_is_kept() {
    let readiness = Readiness::new();
    readiness.kafka.store(pack(KafkaState::Down, DateTime::UNIX_EPOCH), Ordering::Release);
    readiness.set_kafka(KafkaState::Down);
    assert_eq!(readiness.kafka(), (KafkaState::Down, DateTime::UNIX_EPOCH));
    readiness.set_kafka(KafkaState::Up);
    assert!(readiness.kafka().1 > DateTime::UNIX_EPOCH);
}

#[test]
fn readyz_has_a_line_for_each_part() {
    let readiness = Readiness::new();
    readiness.kafka.store(pack(KafkaState::Up, DateTime::UNIX_EPOCH), Ordering::Release);
    let parts = readiness.parts();
    assert_eq!(parts[0], ("state", "starting".to_owned()));
    assert_eq!(parts[1], ("kafka", "up since 1970-01-01T00:00:00Z".to_owned()));
    assert_eq!(parts[2], ("spool", "none".to_owned()));
    assert_eq!(parts[3], ("budget", "taking".to_owned()));
    readiness.set_budget_stuck(true);
    assert_eq!(readiness.parts()[3], ("budget", "full".to_owned()));
}

#[test]
fn readyz_names_the_cause_while_kafka_is_down() {
    let readiness = Readiness::new();
    let line = || readiness.parts()[1].1.clone();
    readiness.kafka_failed("a:9092: refused");
    readiness.kafka_up();
    assert!(!line().contains("refused"), "{}", line());
    readiness.kafka_failed("a:9092: not resolved");
    readiness.kafka_down("no broker can be reached");
    assert!(line().ends_with("Z: no broker can be reached (a:9092: not resolved)"), "{}", line());
    // The first reason and the last cause are shown.
    readiness.kafka_down("another reason");
    readiness.kafka_failed(&"long ".repeat(1000));
    assert!(line().contains("no broker can be reached (long long"), "{}", line());
    assert!(line().len() < 400, "{}", line());
    readiness.kafka_up();
    assert!(line().starts_with("up since ") && line().ends_with('Z'), "{}", line());
}
