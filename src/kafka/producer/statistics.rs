//! What the library says of itself every few seconds, as far as metrics show it.

use crate::telemetry::ClientFigures;
use serde::Deserialize;
use std::collections::HashMap;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// What the library wrote. Most of it is passed over. Its numbers are signed.
#[derive(Debug, Deserialize)]
struct Written {
    /// Bytes of the records in the producer.
    msg_size: i64,
    brokers: HashMap<String, Broker>,
}

#[derive(Debug, Deserialize)]
struct Broker {
    /// -1 until its id is known.
    nodeid: i32,
    state: String,
    /// `logical` and `internal` ones are none that run anywhere.
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
    rtt: Option<Window>,
    /// Milliseconds.
    throttle: Option<Window>,
}

/// A distribution over the last interval.
#[derive(Debug, Deserialize)]
struct Window {
    p99: i64,
    max: i64,
}

/// The totals of one client, up to the last time.
#[derive(Debug, Default)]
pub(super) struct Totals {
    disconnects: u64,
    request_errors: u64,
}

impl Totals {
    /// Reads what the library wrote; `None`: it is of an unknown form.
    pub(super) fn read(&mut self, written: &[u8]) -> Option<ClientFigures> {
        let written: Written = serde_json::from_slice(written).ok()?;
        let all = || written.brokers.values();
        let disconnects = natural(all().map(|broker| broker.disconnects).sum());
        let request_errors = natural(all().map(|broker| broker.txerrs + broker.req_timeouts).sum());
        let longest = |of: fn(&Broker) -> Option<i64>| natural(all().filter_map(of).max().unwrap_or(0));
        let figures = ClientFigures {
            queue_bytes: natural(written.msg_size),
            brokers: states(&written.brokers),
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

/// How many brokers are at which state, in the order of the metric's tags. The addresses that the settings
/// name stand for brokers only until those have told their ids.
fn states(brokers: &HashMap<String, Broker>) -> [u64; 5] {
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
        // It is connected to once there is something to send.
        "INIT" => 3,
        _ => 4,
    }
}
