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

use super::{Config, Error, client};
use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext, PurgeConfig};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// What makes a record impossible to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// This time, in milliseconds since 1970.
    Time(i64),
    /// More bytes than its topic takes.
    Size(usize),
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
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
pub struct Skew {
    /// At least.
    pub least: Option<i64>,
    /// At most.
    pub most: Option<i64>,
}

/// Seconds around a limit that are tried, on both sides of it.
const GRADES: [i64; 22] =
    [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1_800, 3_600, 43_200, 604_800];

/// How long the cluster may take to tell of a topic, and again for an attempt.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long the library gathers a batch.
const LINGER: Duration = Duration::from_millis(200);

/// No clock is that far off: a hundred years, in milliseconds.
pub const NEVER: i64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// Compacted topics take no record without one.
const KEY: &[u8] = b"probe";

/// A client for such attempts.
pub struct Probe(BaseProducer<Reports>);

/// How a record ended.
type Report = Result<(), RDKafkaErrorCode>;

/// What the library reports of each record, by number.
#[derive(Default)]
struct Reports(Mutex<HashMap<usize, Report>>);

impl Probe {
    /// Connects by and by.
    ///
    /// # Errors
    /// For a property that the library refuses.
    pub fn start(config: &Config) -> Result<Self, Error> {
        let mut settings = client::connection(config);
        for (name, value) in [
            ("acks", "all"),
            // One attempt each: it is refused, or there is no answer.
            ("enable.idempotence", "false"),
            ("retries", "0"),
            ("message.timeout.ms", &PATIENCE.as_millis().to_string()),
            ("linger.ms", &LINGER.as_millis().to_string()),
            // What is too large for a topic must not be so for the library.
            ("message.max.bytes", "1000000000"),
        ] {
            settings.set(name, value);
        }
        Ok(Self(BaseProducer::from_config_and_context(&settings, Reports::default())?))
    }

    /// Tries to write one record to each of the topics; the outcomes stand in the same order. Blocks until
    /// there are answers, for four seconds at most.
    ///
    /// # Errors
    /// Why none was tried.
    pub fn write(&self, trials: &[(String, Flaw)]) -> Result<Vec<Attempt>, String> {
        let begun = Instant::now();
        for (number, (topic, flaw)) in trials.iter().enumerate() {
            let (time, size) = match flaw {
                Flaw::Time(time) => (*time, 1),
                Flaw::Size(size) => (now(), *size),
            };
            self.send(topic, number, &noise(size), time)?;
        }
        let reports = self.reports(trials.len(), begun);
        Ok(reports.into_iter().map(attempt).collect())
    }

    /// Reads the broker's clock where a topic limits how far the time of a record may lie after it, by
    /// `after` milliseconds. Blocks as [`Probe::write`] does.
    ///
    /// # Errors
    /// What came of the attempt instead.
    pub fn clock(&self, topic: &str, after: i64) -> Result<Skew, Attempt> {
        self.meet(topic).map_err(Attempt::Unclear)?;
        let now = now();
        let impossible = now + after + NEVER;
        let grades: Vec<i64> = GRADES.iter().rev().map(|grade| -grade).chain([0]).chain(GRADES).collect();
        let mut times = vec![impossible];
        for grade in &grades {
            times.extend([now + after + grade * 1000, impossible]);
        }
        let begun = Instant::now();
        for (number, time) in times.iter().enumerate() {
            self.send(topic, number, b"x", *time).map_err(Attempt::Unclear)?;
        }
        if begun.elapsed() > LINGER / 2 {
            // It may be sent in pieces. What is still here goes nowhere.
            self.0.purge(PurgeConfig::default().queue());
        }
        let reports = self.reports(times.len(), begun);
        let refused: Option<Vec<bool>> =
            reports.iter().skip(1).step_by(2).map(|report| is_refused(*report)).collect();
        let refused = refused.ok_or_else(|| instead(&reports))?;
        Ok(skew(&grades, &refused, begun.elapsed()))
    }

    /// Learns of the topic: a batch is made in one go only if its partition's leader is known.
    fn meet(&self, topic: &str) -> Result<(), String> {
        self.0.client().fetch_metadata(Some(topic), PATIENCE).map(drop).map_err(|error| error.to_string())
    }

    /// Hands over a record for the topic's first partition.
    fn send(&self, topic: &str, number: usize, value: &[u8], time: i64) -> Result<(), String> {
        let record = BaseRecord::with_opaque_to(topic, number).partition(0).timestamp(time);
        self.0.send(record.key(KEY).payload(value)).map_err(|(error, _)| error.to_string())
    }

    /// What became of the records with the numbers below `count`.
    fn reports(&self, count: usize, begun: Instant) -> Vec<Option<Report>> {
        while self.0.context().count() < count && begun.elapsed() < PATIENCE + PATIENCE / 4 {
            self.0.poll(Duration::from_millis(50));
        }
        let mut reports = self.0.context().take();
        (0..count).map(|number| reports.remove(&number)).collect()
    }
}

impl Reports {
    fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take(&self) -> HashMap<usize, Report> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let code = |error: &KafkaError| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        let report = result.as_ref().map(drop).map_err(|(error, _)| code(error));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number, report);
    }
}

fn attempt(report: Option<Report>) -> Attempt {
    use RDKafkaErrorCode as Code;
    match report {
        None => Attempt::Unclear("no answer".into()),
        Some(Ok(())) => Attempt::Written,
        Some(Err(Code::InvalidTimestamp | Code::MessageSizeTooLarge | Code::InvalidRecord)) => {
            Attempt::Allowed
        }
        Some(Err(Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed)) => Attempt::Forbidden,
        Some(Err(code)) => Attempt::Unclear(code.to_string()),
    }
}

/// Whether the broker named this very record of the batch.
fn is_refused(report: Option<Report>) -> Option<bool> {
    match report? {
        Err(RDKafkaErrorCode::InvalidRecord) => Some(true),
        Err(RDKafkaErrorCode::InvalidDifferentRecord) => Some(false),
        _ => None,
    }
}

/// What came of a batch that told no clock.
fn instead(reports: &[Option<Report>]) -> Attempt {
    if reports.contains(&Some(Ok(()))) {
        return Attempt::Written;
    }
    let mut outcomes = reports.iter().map(|report| attempt(*report));
    let bad = outcomes.find(|outcome| *outcome != Attempt::Allowed);
    bad.unwrap_or_else(|| Attempt::Unclear("the broker does not name the records that it refuses".into()))
}

/// A record `grade` seconds after the limit is refused where the local clock, when it was made, was not
/// as much behind the broker's when it was looked at, `took` later at most.
fn skew(grades: &[i64], refused: &[bool], took: Duration) -> Skew {
    let took = i64::try_from(took.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
    let by =
        |is_refused: bool| grades.iter().zip(refused).filter(move |(_, refused)| **refused == is_refused);
    Skew {
        least: by(true).map(|(grade, _)| -grade).max(),
        most: by(false).map(|(grade, _)| took - grade).min(),
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
