use super::request::{Request, SIGNATURE, ahead, call, now, records_by_topic, summary};
use super::{SECRET, URL};
use crate::kit::bridge::Bridge;
use crate::kit::consume;
use crate::kit::kafka::Kafka;
use crate::kit::topic_name;
use std::time::Duration;

#[test]
fn repeated_request_writes_nothing() {
    let kafka = Kafka::shared().bootstrap();
    let bridge = Bridge::serve(kafka, &settings().each_ref().map(String::as_str));
    let duplicate = (200, "duplicate".to_owned());
    let caught = Request::signed(SECRET, call(1), &now());
    let again = Request::signed(SECRET, call(1), &ahead(5));
    assert_eq!(summary(&caught.send(&bridge)), (200, "acked".to_owned()));
    for request in [&caught, &again, &caught] {
        assert_eq!(summary(&request.send(&bridge)), duplicate);
    }
    let forged = again.replace(SIGNATURE, "0".repeat(64));
    assert_eq!(summary(&forged.send(&bridge)).0, 503, "a duplicate must authenticate too");
    assert_eq!(summary(&Request::unsigned(&caught.body).send(&bridge)).0, 401);
    let expected = vec![(bridge.topic("call.completed"), vec![caught.body])];
    assert_eq!(records_by_topic(&bridge, kafka, 1), expected);
}

/// Events that Kafka acknowledged at once are in memory only.
#[test]
fn spooled_request_is_a_duplicate_after_a_restart() {
    let kafka = Kafka::shared().bootstrap();
    let spool = tempfile::tempdir().expect("a folder");
    let mut settings = settings().to_vec();
    settings.push(format!("topics.prefix={}.", topic_name("replay")));
    settings.push(format!("spool.directory={}", spool.path().join("spool").display()));
    settings.push("kafka.ack_deadline=500ms".to_owned());
    let settings: Vec<_> = settings.iter().map(String::as_str).collect();
    let caught = Request::signed(SECRET, call(1), &now());

    let bridge = Bridge::start("127.0.0.1:1", &settings);
    assert_eq!(summary(&caught.send(&bridge)), (200, "spooled".to_owned()));
    assert_eq!(summary(&caught.send(&bridge)), (200, "duplicate".to_owned()));
    // SIGKILL, so that only the disk can remember.
    drop(bridge);

    let bridge = Bridge::serve(kafka, &settings);
    assert_eq!(summary(&caught.send(&bridge)), (200, "duplicate".to_owned()), "after a restart");
    assert_eq!(
        summary(&Request::unsigned(&caught.body).send(&bridge)).0,
        401,
        "a duplicate must authenticate too"
    );
    let topic = bridge.topic("call.completed");
    consume::read_topic(kafka, &topic, 1, Duration::from_secs(30));
    assert_eq!(records_by_topic(&bridge, kafka, 1), vec![(topic, vec![caught.body])]);
}

fn settings() -> [String; 2] {
    [
        format!("sources.main.signature.secrets=[\"{SECRET}\"]"),
        format!("sources.main.signature.urls=[\"{URL}\"]"),
    ]
}

#[test]
fn request_acked_by_kafka_is_written_again_after_a_restart() {
    let kafka = Kafka::shared().bootstrap();
    let mut settings = settings().to_vec();
    settings.push(format!("topics.prefix={}.", topic_name("replay")));
    let settings: Vec<_> = settings.iter().map(String::as_str).collect();
    let caught = Request::signed(SECRET, call(1), &now());
    let mut topic = String::new();
    for _ in 0..2 {
        let bridge = Bridge::serve(kafka, &settings);
        assert_eq!(summary(&caught.send(&bridge)), (200, "acked".to_owned()));
        topic = bridge.topic("call.completed");
    }
    let records = consume::read_topic(kafka, &topic, 2, Duration::from_secs(30));
    let ids: Vec<_> = records.iter().map(|record| record.header("ce_id").expect("an identity")).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

/// Under load, one second's signature may have many events.
#[test]
fn bodies_with_one_signature_are_accepted_and_counted_from_the_eleventh_on() {
    let kafka = Kafka::shared().bootstrap();
    let secrets = format!("sources.main.signature.secrets=[\"{SECRET}\"]");
    let bridge = Bridge::serve(kafka, &[&secrets]);
    let reused = || bridge.metric(r#"signature_reused_total{source="main"}"#);
    let at = now();
    let acked = (200, "acked".to_owned());
    for number in 0..10 {
        let request = Request::signed(SECRET, call(number), &at);
        assert_eq!(summary(&request.send(&bridge)), acked);
        assert_eq!(summary(&request.send(&bridge)).1, "duplicate", "a retry is not a new body");
    }
    assert_eq!(reused(), 0, "ten in one second are normal");
    for number in 10..13 {
        let request = Request::signed(SECRET, call(number), &at);
        assert_eq!(summary(&request.send(&bridge)), acked);
    }
    assert_eq!(reused(), 3);
    let another = Request::signed(SECRET, call(13), &ahead(-60));
    assert_eq!(summary(&another.send(&bridge)), acked);
    assert_eq!(reused(), 3, "another second is another signature");
    records_by_topic(&bridge, kafka, 14);
}
