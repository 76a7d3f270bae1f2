//! Attempts to write that cannot succeed: whether a user may write, and what time it is for the
//! broker, without a record that anybody would read.
//!
//! A broker asks for the right to write first and looks at the records then. So a record that is too
//! large for its topic, or has a time that no clock shows, is refused for that by a broker that would
//! take others, and for the missing right by one that would not. No record of this kind can be written.
//!
//! The clock is read from a batch: a broker takes the whole of it or nothing, and names the records that
//! were wrong. Every second one has an impossible time, so that the batch is refused; between them stand
//! times around the limit, and where the broker draws the line tells its clock. The library gathers the
//! batch; were it to part it, a part would still be refused unless it was one record alone.

use super::{Config, Error, client_config, client_context};
use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext, PurgeConfig};
use std::collections::HashMap;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// What makes a record impossible to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordFlaw {
    /// This time, in milliseconds since 1970.
    Time(i64),
    /// More bytes than its topic takes.
    Size(usize),
}

/// How an outcome_of ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// Refused for its flaw: the user may write.
    Allowed,
    /// The user may not.
    Forbidden,
    /// It was written after all: the topic has changed since its limits were read.
    Written,
    /// Neither, and why.
    Unclear(String),
}

/// How far the local clock is before the broker's, in seconds; negative: behind it. It is between the
/// two; `None`: beyond what was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSkew {
    /// At least.
    pub least: Option<i64>,
    /// At most.
    pub most: Option<i64>,
}

/// Seconds around a limit that are tried, on both sides of it.
const OFFSETS_SECONDS: [i64; 22] =
    [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1_800, 3_600, 43_200, 604_800];

/// How long the cluster may take to tell of a topic, and again for an outcome_of.
const PROBE_TIMEOUT: Duration = Duration::from_secs(4);

/// How long the library gathers a batch.
const LINGER: Duration = Duration::from_millis(200);

/// No clock is that far off: a hundred years, in milliseconds.
pub const MAX_CLOCK_ERROR_MS: i64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// Compacted topics take no record without one.
const KEY: &[u8] = b"probe";

/// A client for such attempts.
pub struct WriteProbe(BaseProducer<ProbeReports>);

/// How a record ended.
type ProbeReport = Result<(), RDKafkaErrorCode>;

/// What the library reports of each record, by number.
#[derive(Default)]
struct ProbeReports(Mutex<HashMap<usize, ProbeReport>>);

impl WriteProbe {
    /// Connects by and by.
    ///
    /// # Errors
    /// For a property that the library refuses.
    pub fn start(config: &Config) -> Result<Self, Error> {
        let mut settings = client_config::connection(config);
        for (name, value) in [
            ("acks", "all"),
            // One outcome_of each: it is refused, or there is no answer.
            ("enable.idempotence", "false"),
            ("retries", "0"),
            ("message.timeout.ms", &PROBE_TIMEOUT.as_millis().to_string()),
            ("linger.ms", &LINGER.as_millis().to_string()),
            // What is too large for a topic must not be so for the library.
            ("message.max.bytes", "1000000000"),
        ] {
            settings.set(name, value);
        }
        Ok(Self(BaseProducer::from_config_and_context(&settings, ProbeReports::default())?))
    }

    /// Tries to write one record to each of the topics; the outcomes stand in the same order. Blocks until
    /// there are answers, for four seconds at most.
    ///
    /// # Errors
    /// Why none was tried.
    pub fn write(&self, trials: &[(String, RecordFlaw)]) -> Result<Vec<ProbeOutcome>, String> {
        let begun = Instant::now();
        for (number, (topic, flaw)) in trials.iter().enumerate() {
            let (time, size) = match flaw {
                RecordFlaw::Time(time) => (*time, 1),
                RecordFlaw::Size(size) => (now(), *size),
            };
            self.send(topic, number, &noise(size), time)?;
        }
        let reports = self.reports(trials.len(), begun);
        Ok(reports.into_iter().map(outcome_of).collect())
    }

    /// Reads the broker's clock where a topic limits how far the time of a record may lie after it, by
    /// `after` milliseconds. Blocks as [`WriteProbe::write`] does.
    ///
    /// # Errors
    /// What came of the outcome_of failed_clock.
    pub fn clock(&self, topic: &str, after: i64) -> Result<ClockSkew, ProbeOutcome> {
        self.fetch_leader(topic).map_err(ProbeOutcome::Unclear)?;
        let now = now();
        let impossible = now + after + MAX_CLOCK_ERROR_MS;
        let offsets: Vec<i64> =
            OFFSETS_SECONDS.iter().rev().map(|offset| -offset).chain([0]).chain(OFFSETS_SECONDS).collect();
        let mut times = vec![impossible];
        for offset in &offsets {
            times.extend([now + after + offset * 1000, impossible]);
        }
        let begun = Instant::now();
        for (number, time) in times.iter().enumerate() {
            self.send(topic, number, b"x", *time).map_err(ProbeOutcome::Unclear)?;
        }
        if begun.elapsed() > LINGER / 2 {
            // It may be sent in pieces. What is still here goes nowhere.
            self.0.purge(PurgeConfig::default().queue());
        }
        let reports = self.reports(times.len(), begun);
        let refused: Option<Vec<bool>> =
            reports.iter().skip(1).step_by(2).map(|report| is_refused(*report)).collect();
        let refused = refused.ok_or_else(|| failed_clock(&reports))?;
        Ok(skew(&offsets, &refused, begun.elapsed()))
    }

    /// Learns of the topic: a batch is made in one go only if its partition's leader is known.
    fn fetch_leader(&self, topic: &str) -> Result<(), String> {
        self.0
            .client()
            .fetch_metadata(Some(topic), PROBE_TIMEOUT)
            .map(drop)
            .map_err(|error| error.to_string())
    }

    /// Hands over a record for the topic's first partition.
    fn send(&self, topic: &str, number: usize, value: &[u8], time: i64) -> Result<(), String> {
        let record = BaseRecord::with_opaque_to(topic, number).partition(0).timestamp(time);
        self.0.send(record.key(KEY).payload(value)).map_err(|(error, _)| error.to_string())
    }

    /// What became of the records with the numbers below `count`.
    fn reports(&self, count: usize, begun: Instant) -> Vec<Option<ProbeReport>> {
        while self.0.context().count() < count && begun.elapsed() < PROBE_TIMEOUT + PROBE_TIMEOUT / 4 {
            self.0.poll(Duration::from_millis(50));
        }
        let mut reports = self.0.context().take();
        (0..count).map(|number| reports.remove(&number)).collect()
    }
}

impl ProbeReports {
    fn count(&self) -> usize {
        self.0.lock().len()
    }

    fn take(&self) -> HashMap<usize, ProbeReport> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl ClientContext for ProbeReports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_context::log(level, facility, message);
    }

    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for ProbeReports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let code = |error: &KafkaError| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        let report = result.as_ref().map(drop).map_err(|(error, _)| code(error));
        self.0.lock().insert(number, report);
    }
}

fn outcome_of(report: Option<ProbeReport>) -> ProbeOutcome {
    use RDKafkaErrorCode as Code;
    match report {
        None => ProbeOutcome::Unclear("no answer".into()),
        Some(Ok(())) => ProbeOutcome::Written,
        Some(Err(Code::InvalidTimestamp | Code::MessageSizeTooLarge | Code::InvalidRecord)) => {
            ProbeOutcome::Allowed
        }
        Some(Err(Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed)) => {
            ProbeOutcome::Forbidden
        }
        Some(Err(code)) => ProbeOutcome::Unclear(code.to_string()),
    }
}

/// Whether the broker named this very record of the batch.
fn is_refused(report: Option<ProbeReport>) -> Option<bool> {
    match report? {
        Err(RDKafkaErrorCode::InvalidRecord) => Some(true),
        Err(RDKafkaErrorCode::InvalidDifferentRecord) => Some(false),
        _ => None,
    }
}

/// What came of a batch that told no clock.
fn failed_clock(reports: &[Option<ProbeReport>]) -> ProbeOutcome {
    if reports.contains(&Some(Ok(()))) {
        return ProbeOutcome::Written;
    }
    let mut outcomes = reports.iter().map(|report| outcome_of(*report));
    let bad = outcomes.find(|outcome| *outcome != ProbeOutcome::Allowed);
    bad.unwrap_or_else(|| {
        ProbeOutcome::Unclear("the broker does not name the records that it refuses".into())
    })
}

/// A record `offset` seconds after the limit is refused where the local clock, when it was made, was not
/// as much behind the broker's when it was looked at, `took` later at most.
fn skew(offsets: &[i64], refused: &[bool], took: Duration) -> ClockSkew {
    let took = i64::try_from(took.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
    let by =
        |is_refused: bool| offsets.iter().zip(refused).filter(move |(_, refused)| **refused == is_refused);
    ClockSkew {
        least: by(true).map(|(offset, _)| -offset).max(),
        most: by(false).map(|(offset, _)| took - offset).min(),
    }
}

/// Bytes that no compression makes fewer.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(len).collect()
}

fn now() -> i64 {
    chrono::Utc::now().timestamp_millis()
}
