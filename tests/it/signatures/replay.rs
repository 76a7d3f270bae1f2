//! The same signed request again, and one signature under many bodies.

use super::request::{Request, call, now, records_by_topic, said};
use super::{SECRET, URL};
use crate::kit::bridge::Bridge;
use crate::kit::kafka::Kafka;
use crate::kit::topic_name;

#[test]
fn a_request_that_is_played_again_writes_nothing_also_after_a_restart() {
    let kafka = Kafka::shared().bootstrap();
    let spool = tempfile::tempdir().expect("a folder");
    let settings = [
        format!("topics.prefix={}.", topic_name("replay")),
        format!("spool.directory={}", spool.path().join("spool").display()),
        format!("sources.main.signature.secrets=[\"{SECRET}\"]"),
        format!("sources.main.signature.urls=[\"{URL}\"]"),
    ];
    let settings = settings.each_ref().map(String::as_str);
    let duplicate = (200, "duplicate".to_owned());
    let caught = Request::signed(SECRET, call(1), &now());
    // The same event, signed anew.
    let again = Request::signed(SECRET, call(1), &super::request::ahead(5));

    let bridge = Bridge::serve(kafka, &settings);
    assert_eq!(said(&caught.send(&bridge)), (200, "acked".to_owned()));
    for request in [&caught, &again, &caught] {
        assert_eq!(said(&request.send(&bridge)), duplicate);
    }
    assert!(bridge.stop().success());

    let bridge = Bridge::serve(kafka, &settings);
    for request in [&caught, &again] {
        assert_eq!(said(&request.send(&bridge)), duplicate, "after a restart");
    }
    let unsigned = Request::unsigned(&caught.body);
    assert_eq!(said(&unsigned.send(&bridge)).0, 401, "to be known is not to be let in");
    let expected = vec![(bridge.topic("call.completed"), vec![caught.body])];
    assert_eq!(records_by_topic(&bridge, kafka, 1), expected);
}

/// A busy second signs many events alike, so that none is turned away; but somebody who caught one
/// signature shows.
#[test]
fn many_bodies_under_one_signature_pass_and_are_counted_from_the_eleventh_on() {
    let kafka = Kafka::shared().bootstrap();
    let secrets = format!("sources.main.signature.secrets=[\"{SECRET}\"]");
    let bridge = Bridge::serve(kafka, &[&secrets]);
    let reused = || bridge.metric(r#"signature_reused_total{source="main"}"#);
    let at = now();
    let acked = (200, "acked".to_owned());
    for number in 0..10 {
        let request = Request::signed(SECRET, call(number), &at);
        assert_eq!(said(&request.send(&bridge)), acked);
        assert_eq!(said(&request.send(&bridge)).1, "duplicate", "a retry is no new body");
    }
    assert_eq!(reused(), 0, "ten are a busy second");
    for number in 10..13 {
        let request = Request::signed(SECRET, call(number), &at);
        assert_eq!(said(&request.send(&bridge)), acked);
    }
    assert_eq!(reused(), 3);
    let another = Request::signed(SECRET, call(13), &super::request::ahead(-1));
    assert_eq!(said(&another.send(&bridge)), acked);
    assert_eq!(reused(), 3, "another second is another signature");
    records_by_topic(&bridge, kafka, 14);
}
