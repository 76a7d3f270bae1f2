//! librdkafka's mock cluster simulates errors that a real broker does not return on demand.

use crate::kit::bridge::{Bridge, until};
use crate::kit::consume;
use crate::kit::kafka::{Kafka, Options};
use crate::kit::secured::{self, Secured};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use std::time::{Duration, Instant};

fn call(id: &str) -> Vec<u8> {
    format!(r#"{{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{{"call_id":"{id}"}}}}"#)
        .into_bytes()
}

/// Returns status, problem tag or outcome, and presence of `Retry-After`.
fn summary(response: &crate::kit::http::Response) -> (u16, String, bool) {
    let json = response.json();
    let summary = json["outcome"].as_str().or_else(|| json["type"].as_str()?.rsplit(':').next());
    (
        response.status,
        summary.expect("an outcome or a problem").to_owned(),
        response.header("retry-after").is_some(),
    )
}

fn acked() -> (u16, String, bool) {
    (200, "acked".into(), false)
}

fn refused(tag: &str) -> (u16, String, bool) {
    (503, tag.into(), true)
}

type Mock = MockCluster<'static, DefaultProducerContext>;

fn on_mock(settings: &[&str]) -> (Mock, Bridge) {
    let mock = MockCluster::new(1).expect("a mock cluster");
    let prefix = format!("{}.", crate::kit::topic_name("mocked"));
    for topic in ["call.missed", "sms.sent", "dead-letter"] {
        mock.create_topic(&format!("{prefix}{topic}"), 1, 1).expect("a topic");
    }
    let prefix = format!("topics.prefix={prefix}");
    let settings: Vec<&str> = [prefix.as_str()].into_iter().chain(settings.iter().copied()).collect();
    let bridge = Bridge::serve(&mock.bootstrap_servers(), &settings);
    assert_eq!(summary(&bridge.post(&call("before"))), acked(), "the event failed before the fault");
    (mock, bridge)
}

#[test]
fn broker_error_is_refused_and_the_retry_succeeds() {
    use RDKafkaRespErr as E;
    for error in
        [E::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, E::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED]
    {
        let (mock, bridge) = on_mock(&[]);
        mock.request_errors(RDKafkaApiKey::Produce, &[error]);
        assert_eq!(summary(&bridge.post(&call("a"))), refused("kafka"), "{error:?}");
        until("the retry to succeed", || summary(&bridge.post(&call("a"))) == acked());
        assert!(bridge.metric(r#"refused_total{reason="kafka"}"#) >= 1);
    }
}

#[test]
fn record_that_kafka_refuses_permanently_is_a_dead_letter_before_the_answer_without_a_spool() {
    use RDKafkaRespErr as E;
    for error in [E::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, E::RD_KAFKA_RESP_ERR_INVALID_RECORD] {
        let (mock, bridge) = on_mock(&[]);
        mock.request_errors(RDKafkaApiKey::Produce, &[error]);
        assert_eq!(summary(&bridge.post(&call("innocent"))), acked(), "{error:?}: accepted when sent alone");
        mock.request_errors(RDKafkaApiKey::Produce, &[error, error]);
        assert_eq!(summary(&bridge.post(&call("bad"))), (422, "refused_by_kafka".into(), false), "{error:?}");
        assert_eq!(bridge.metric(r#"rejected_total{reason="refused_by_kafka"}"#), 1);
        let letters = consume::topic_end(&mock.bootstrap_servers(), &bridge.topic("dead-letter"));
        assert_eq!(letters, 1, "{error:?}");
        assert_eq!(summary(&bridge.post(&call("bad"))), acked(), "{error:?}: the reason has passed");
    }
    let (mock, bridge) = on_mock(&["dead_letter.answer=ok"]);
    let error = E::RD_KAFKA_RESP_ERR_INVALID_RECORD;
    mock.request_errors(RDKafkaApiKey::Produce, &[error, error]);
    assert_eq!(summary(&bridge.post(&call("bad"))), (200, "dead_lettered".into(), false));
}

#[test]
fn record_that_kafka_refuses_again_has_one_dead_letter() {
    use RDKafkaRespErr as E;
    let (mock, bridge) = on_mock(&[]);
    let refuse = |error| mock.request_errors(RDKafkaApiKey::Produce, &[error, error]);
    let duplicate = (200, "duplicate".into(), false);
    let end = |topic| consume::topic_end(&mock.bootstrap_servers(), &bridge.topic(topic));
    refuse(E::RD_KAFKA_RESP_ERR_INVALID_RECORD);
    assert_eq!(summary(&bridge.post(&call("bad"))), (422, "refused_by_kafka".into(), false));
    refuse(E::RD_KAFKA_RESP_ERR_INVALID_RECORD);
    assert_eq!(summary(&bridge.post(&call("bad"))), duplicate, "the reason lasts");
    assert_eq!((end("call.missed"), end("dead-letter")), (1, 1), "before, and one dead letter");
    assert_eq!(summary(&bridge.post(&call("bad"))), acked(), "the reason has passed");
    assert_eq!(summary(&bridge.post(&call("bad"))), duplicate);
    assert_eq!((end("call.missed"), end("dead-letter")), (2, 1));
}

#[test]
fn transient_broker_errors_are_retried_within_the_deadline() {
    let (mock, bridge) = on_mock(&[]);
    mock.request_errors(
        RDKafkaApiKey::Produce,
        &[
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_MSG,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        ],
    );
    assert_eq!(summary(&bridge.post(&call("a"))), acked());
}

#[test]
fn late_ack_is_refused_and_its_retry_is_a_duplicate_not_a_second_record() {
    let (mock, bridge) = on_mock(&["kafka.ack_deadline=300ms"]);
    mock.broker_round_trip_time(1, Duration::from_secs(3)).expect("the broker's latency is set");
    let started = Instant::now();
    assert_eq!(summary(&bridge.post(&call("slow"))), refused("ack_deadline"));
    assert!(started.elapsed() < Duration::from_secs(2), "the answer did not come at the deadline");
    assert_eq!(
        summary(&bridge.post(&call("slow"))),
        refused("duplicate_in_flight"),
        "the first delivery is in flight"
    );
    mock.broker_round_trip_time(1, Duration::ZERO).expect("the broker's latency is reset");
    until("the late ack", || summary(&bridge.post(&call("slow"))) == (200, "duplicate".into(), false));
    let topic = bridge.topic("call.missed");
    assert_eq!(consume::topic_end(&mock.bootstrap_servers(), &topic), 2, "before, and slow once");
}

#[test]
fn duplicate_of_an_event_in_flight_waits_for_its_outcome() {
    let (mock, bridge) = on_mock(&["kafka.ack_deadline=20s"]);
    mock.broker_round_trip_time(1, Duration::from_secs(1)).expect("the broker's latency is set");
    let answers: Vec<String> = std::thread::scope(|scope| {
        let senders: Vec<_> =
            (0..4).map(|_| scope.spawn(|| summary(&bridge.post(&call("twin"))).1)).collect();
        senders.into_iter().map(|sender| sender.join().expect("an answer")).collect()
    });
    let of = |outcome: &str| answers.iter().filter(|answer| *answer == outcome).count();
    assert_eq!((of("acked"), of("duplicate")), (1, 3), "{answers:?}");
    let topic = bridge.topic("call.missed");
    assert_eq!(consume::topic_end(&mock.bootstrap_servers(), &topic), 2);
}

#[test]
fn full_queue_refuses_at_once() {
    let (mock, bridge) =
        on_mock(&["kafka.ack_deadline=20s", "kafka.properties.queue.buffering.max.messages=1"]);
    mock.broker_round_trip_time(1, Duration::from_secs(2)).expect("the broker's latency is set");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| summary(&bridge.post(&call("first"))));
        until("the first in the queue", || bridge.metric("kafka_queue_records") == 1);
        let started = Instant::now();
        assert_eq!(summary(&bridge.post(&call("second"))), refused("queue_full"));
        assert!(started.elapsed() < Duration::from_secs(1), "the refusal was not immediate");
        assert_eq!(first.join().expect("an answer"), acked());
    });
}

#[test]
fn bytes_in_flight_are_bounded_until_the_delivery_report() {
    let (mock, bridge) =
        on_mock(&["server.max_body_bytes=1 KiB", "server.max_in_flight=64 KiB", "kafka.ack_deadline=300ms"]);
    mock.broker_round_trip_time(1, Duration::from_secs(3)).expect("the broker's latency is set");
    let answers: Vec<_> = std::thread::scope(|scope| {
        let bridge = &bridge;
        let post = move |n: usize| summary(&bridge.post(&call(&format!("c{n}"))));
        let senders: Vec<_> = (0..20).map(|n| scope.spawn(move || post(n))).collect();
        senders.into_iter().map(|sender| sender.join().expect("an answer")).collect()
    });
    assert!(answers.contains(&refused("ack_deadline")), "{answers:?}");
    assert!(answers.contains(&refused("over_budget")), "{answers:?}");
    assert_eq!(
        summary(&bridge.post(&call("after"))),
        refused("over_budget"),
        "answered events still count in the memory budget"
    );
    mock.broker_round_trip_time(1, Duration::ZERO).expect("the broker's latency is reset");
    until("room again", || summary(&bridge.post(&call("later"))) == acked());
}

#[test]
fn missing_topic_that_may_not_be_created_delays_only_its_own_events() {
    let kafka = Kafka::shared();
    let prefix = format!("{}.", crate::kit::topic_name("kept"));
    consume::create_topic(kafka.bootstrap(), &format!("{prefix}call.missed"), 1);
    let prefix = format!("topics.prefix={prefix}");
    let bridge =
        Bridge::serve(kafka.bootstrap(), &[&prefix, "topics.create_missing=false", "kafka.ack_deadline=2s"]);
    let sms = br#"{"event":"sms.sent","timestamp":"2026-03-12T14:36:00Z","data":{"message_id":"m1"}}"#;
    std::thread::scope(|scope| {
        let stuck = scope.spawn(|| summary(&bridge.post(sms)));
        assert_eq!(summary(&bridge.post(&call("a"))), acked());
        assert_eq!(stuck.join().expect("an answer"), refused("ack_deadline"));
    });
    bridge.process.wait_for_line("topics.create_missing is off", Duration::from_secs(10));
    consume::create_topic(kafka.bootstrap(), &bridge.topic("sms.sent"), 1);
    until("the lane to open", || bridge.post(sms).status == 200);
}

#[test]
fn frozen_broker_causes_refusals_within_the_deadline_and_a_failed_readiness() {
    let kafka = Kafka::start(Options::default());
    let bridge = Bridge::serve(kafka.bootstrap(), &["kafka.ack_deadline=1s"]);
    assert_eq!(summary(&bridge.post(&call("before"))), acked());
    kafka.freeze();
    let started = Instant::now();
    assert_eq!(summary(&bridge.post(&call("during"))), refused("ack_deadline"));
    assert!(started.elapsed() < Duration::from_secs(5));
    bridge.process.wait_for_line("no record was acknowledged", Duration::from_secs(10));
    bridge.wait_ready(false);
    assert_eq!(bridge.admin("/livez").status, 200, "a frozen broker must not fail liveness");
    kafka.thaw();
    bridge.wait_ready(true);
    until("the late ack", || summary(&bridge.post(&call("during"))) == (200, "duplicate".into(), false));
    assert_eq!(consume::topic_end(kafka.bootstrap(), &bridge.topic("call.missed")), 2);
}

#[test]
fn bridge_starts_without_kafka_and_serves_once_kafka_is_up() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
    let bridge = Bridge::start(&port.to_string(), &["kafka.ack_deadline=300ms"]);
    bridge.wait_ready(false);
    assert_eq!(summary(&bridge.post(&call("a"))), refused("ack_deadline"));
    let ready = bridge.admin("/readyz").json();
    assert_eq!(ready["ready"], false);
    let line = || bridge.admin("/readyz").json()["parts"]["kafka"].as_str().expect("a line").to_owned();
    assert!(line().starts_with("down since "), "{}", line());
    until("the cause", || line().contains("refused"));
    let log = bridge.process.stderr();
    let causes: Vec<_> = log.iter().filter(|line| line.contains("Connection refused")).collect();
    assert!((1..=2).contains(&causes.len()), "{causes:?}");
    assert!(!log.iter().any(|line| line.contains("librdkafka")), "{log:?}");
}

#[test]
fn tls_and_sasl_work_through_properties_and_a_wrong_password_causes_no_crash() {
    let cluster: Secured = Kafka::start_secured();
    let user = |user: &secured::User, password: &str| {
        vec![
            format!("kafka.properties.sasl.mechanism={}", user.mechanism),
            format!("kafka.properties.sasl.username={}", user.name),
            format!("kafka.properties.sasl.password={password}"),
        ]
    };
    let ca = format!("kafka.properties.ssl.ca.location={}", cluster.ca.display());
    let protocol = |name: &str| format!("kafka.properties.security.protocol={name}");
    let serve = |bootstrap: &str, settings: Vec<String>| {
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        Bridge::start(bootstrap, &settings)
    };
    let open = |bootstrap: &str, settings: Vec<String>| {
        let bridge = serve(bootstrap, settings);
        bridge.wait_ready(true);
        assert_eq!(summary(&bridge.post(&call("a"))), acked());
    };
    open(&cluster.tls, vec![protocol("ssl"), ca.clone()]);
    let plain = user(&secured::PLAIN, secured::PLAIN.password);
    open(&cluster.sasl, [vec![protocol("sasl_plaintext")], plain].concat());
    let scram = user(&secured::SCRAM, secured::SCRAM.password);
    open(&cluster.sasl_tls, [vec![protocol("sasl_ssl"), ca], scram].concat());

    let wrong = user(&secured::PLAIN, "not-the-password");
    let settings = [vec![protocol("sasl_plaintext"), "kafka.ack_deadline=500ms".into()], wrong].concat();
    let shut = serve(&cluster.sasl, settings);
    assert_eq!(summary(&shut.post(&call("a"))), refused("ack_deadline"));
    shut.wait_ready(false);
    let log = shut.process.wait_for_line("uthentication", Duration::from_secs(30));
    assert!(!log.contains("not-the-password"), "{log}");
}
