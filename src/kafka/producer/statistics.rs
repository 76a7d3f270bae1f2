use crate::telemetry::ClientFigures;
use serde::Deserialize;
use std::collections::HashMap;
use std::time::Duration;

/// Numbers are signed in librdkafka.
#[derive(Debug, Deserialize)]
struct Statistics {
    /// Bytes of the records in the producer.
    msg_size: i64,
    brokers: HashMap<String, BrokerStatistics>,
}

#[derive(Debug, Deserialize)]
struct BrokerStatistics {
    nodeid: i32,
    state: String,
    /// `logical` and `internal` are not real brokers.
    source: String,
    #[serde(default)]
    disconnects: i64,
    /// Requests that could not be sent.
    #[serde(default)]
    txerrs: i64,
    /// Requests without an answer in time.
    #[serde(default)]
    req_timeouts: i64,
    /// Microseconds.
    rtt: Option<Distribution>,
    /// Milliseconds.
    throttle: Option<Distribution>,
}

/// Over the last interval.
#[derive(Debug, Deserialize)]
struct Distribution {
    p99: i64,
    max: i64,
}

/// At the last call.
#[derive(Debug, Default)]
pub(super) struct StatisticsTotals {
    disconnects: u64,
    request_errors: u64,
}

impl StatisticsTotals {
    /// `None`: unknown format.
    pub(super) fn read(&mut self, statistics: &[u8]) -> Option<ClientFigures> {
        let statistics: Statistics = serde_json::from_slice(statistics).ok()?;
        let all = || statistics.brokers.values();
        let disconnects = natural(all().map(|broker| broker.disconnects).sum());
        let request_errors = natural(all().map(|broker| broker.txerrs + broker.req_timeouts).sum());
        let longest =
            |of: fn(&BrokerStatistics) -> Option<i64>| natural(all().filter_map(of).max().unwrap_or(0));
        let figures = ClientFigures {
            queue_bytes: natural(statistics.msg_size),
            brokers: states(&statistics.brokers),
            slowest_rtt: Duration::from_micros(longest(|broker| Some(broker.rtt.as_ref()?.p99))),
            throttle: Duration::from_millis(longest(|broker| Some(broker.throttle.as_ref()?.max))),
            disconnects: disconnects.saturating_sub(self.disconnects),
            request_errors: request_errors.saturating_sub(self.request_errors),
        };
        *self = Self { disconnects, request_errors };
        Some(figures)
    }
}

fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// In the order of the metric's tags. Bootstrap addresses count only until broker ids are known.
fn states(brokers: &HashMap<String, BrokerStatistics>) -> [u64; 5] {
    let real = || brokers.values().filter(|broker| !matches!(&*broker.source, "logical" | "internal"));
    let has_ids = real().any(|broker| broker.nodeid >= 0);
    let mut states = [0; 5];
    for broker in real().filter(|broker| broker.nodeid >= 0 || !has_ids) {
        states[place(&broker.state)] += 1;
    }
    states
}

fn place(state: &str) -> usize {
    match state {
        "UP" | "UPDATE" => 0,
        "TRY_CONNECT" | "CONNECT" | "SSL_HANDSHAKE" | "APIVERSION_QUERY" | "AUTH_LEGACY"
        | "AUTH_HANDSHAKE" | "AUTH_REQ" | "REAUTH" => 1,
        "DOWN" => 2,
        // Connects with the first request.
        "INIT" => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::tags;

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
            r#"":0/internal":{"name":":0/internal","nodeid":-1,"source":"internal","state":"INIT"}"#
                .to_owned(),
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
}
