use super::*;
use crate::telemetry::tags;

/// Statistics in librdkafka's format, with additional fields.
fn written(disconnects: u64) -> String {
    let broker = |name: &str, id: i32, source: &str, state: &str, rtt: u64| {
        format!(
            r#""{name}":{{"name":"{name}","nodeid":{id},"source":"{source}","state":"{state}","tx":7,
            "txerrs":1,"req_timeouts":2,"disconnects":{disconnects},
            "rtt":{{"min":1,"max":99,"p99":{rtt},"cnt":3}},"throttle":{{"max":{id},"p99":0}}}}"#
        )
    };
    let brokers = [
        broker("kafka:9092/bootstrap", -1, "configured", "INIT", 0),
        broker("kafka:9092/1", 1, "learned", "UP", 1500),
        broker("kafka:9093/2", 2, "learned", "AUTH_REQ", 9000),
        broker("kafka:9094/3", 3, "learned", "DOWN", 0),
        broker("kafka:9095/4", 4, "learned", "A_NEW_STATE", 0),
        r#"":0/internal":{"name":":0/internal","nodeid":-1,"source":"internal","state":"INIT"}"#.to_owned(),
    ];
    format!(r#"{{"ts":1,"msg_cnt":3,"msg_size":4096,"brokers":{{{}}},"topics":{{}}}}"#, brokers.join(","))
}

#[test]
fn brokers_count_by_state_and_addresses_without_an_id_do_not_count() {
    let figures = StatisticsTotals::default().read(written(0).as_bytes()).unwrap();
    assert_eq!(tags::BROKERS, ["up", "connecting", "down", "idle", "other"]);
    assert_eq!(figures.brokers, [1, 1, 1, 0, 1]);
    assert_eq!(figures.queue_bytes, 4096);
    assert_eq!(figures.slowest_rtt, Duration::from_micros(9000));
    assert_eq!(figures.throttle, Duration::from_millis(4));
}

#[test]
fn addresses_count_while_no_broker_id_is_known() {
    let text = r#"{"msg_size":0,"brokers":{
        "a":{"nodeid":-1,"source":"configured","state":"TRY_CONNECT"},
        "b":{"nodeid":-1,"source":"configured","state":"DOWN"},
        "GroupCoordinator":{"nodeid":-1,"source":"logical","state":"INIT"}}}"#;
    assert_eq!(StatisticsTotals::default().read(text.as_bytes()).unwrap().brokers, [0, 1, 1, 0, 0]);
}

#[test]
fn totals_count_once_over_several_reads() {
    let mut totals = StatisticsTotals::default();
    let of = |figures: ClientFigures| (figures.disconnects, figures.request_errors);
    assert_eq!(of(totals.read(written(2).as_bytes()).unwrap()), (10, 15), "of five brokers");
    assert_eq!(of(totals.read(written(2).as_bytes()).unwrap()), (0, 0));
    assert_eq!(of(totals.read(written(3).as_bytes()).unwrap()), (5, 0));
}

#[test]
fn unknown_format_is_ignored() {
    assert_eq!(StatisticsTotals::default().read(b"{}"), None);
}
