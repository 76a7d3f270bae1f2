//! librdkafka's statistics, as far as metrics show them.

use crate::telemetry::ClientFigures;
use serde::Deserialize;
use std::collections::HashMap;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Statistics of a client. Other fields are ignored. Numbers are signed in librdkafka.
#[derive(Debug, Deserialize)]
struct Statistics {
    /// Bytes of the records in the producer.
    msg_size: i64,
    brokers: HashMap<String, BrokerStatistics>,
}

#[derive(Debug, Deserialize)]
struct BrokerStatistics {
    /// -1 until the broker's id is known.
    nodeid: i32,
    state: String,
    /// `logical` and `internal` ones are not real brokers.
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

/// Distribution over the last interval.
#[derive(Debug, Deserialize)]
struct Distribution {
    p99: i64,
    max: i64,
}

/// Totals of one client at the last call.
#[derive(Debug, Default)]
pub(super) struct StatisticsTotals {
    disconnects: u64,
    request_errors: u64,
}

impl StatisticsTotals {
    /// Parses statistics. `None`: unknown format.
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

/// Returns the number of brokers in each state, in the order of the metric's tags. Bootstrap addresses count
/// only until the ids of brokers are known.
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
        // The connection opens with the first request.
        "INIT" => 3,
        _ => 4,
    }
}
