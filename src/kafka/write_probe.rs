//! Write probes that cannot succeed: they check the right to write and read the broker's clock without
//! leaving a record.
//!
//! A broker checks the right to write before it checks records. So a record that is too large, or has an
//! impossible time, is refused for that reason only if the user may write.
//!
//! The clock is read from one batch, which a broker accepts or refuses as a whole while it names the wrong
//! records. Every second record has an impossible time, so the batch is refused. The others have times around
//! the limit, and the boundary between accepted and refused ones gives the broker's clock. If librdkafka
//! splits the batch, each part is still refused, except a part of one record.

use super::{Config, Error, client_config, client_context};
use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext, PurgeConfig};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Property that makes a record impossible to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordFlaw {
    /// Time in milliseconds since 1970.
    Time(i64),
    /// Size in bytes, above the limit of the topic.
    Size(usize),
}

/// Outcome of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// The record was refused for its flaw: the user may write.
    Allowed,
    /// The user may not write.
    Forbidden,
    /// The record was written: the limits of the topic have changed.
    Written,
    /// Other outcome, with its reason.
    Unclear(String),
}

/// Offset of the local clock from the broker's, in seconds; negative: the local clock is behind. `None`:
/// outside the tested range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSkew {
    /// Lower bound.
    pub least: Option<i64>,
    /// Upper bound.
    pub most: Option<i64>,
}

/// Offsets from the limit that are tested, in both directions.
const OFFSETS_SECONDS: [i64; 22] =
    [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1_800, 3_600, 43_200, 604_800];

/// Time for the metadata of a topic, and for a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(4);

/// Time for which librdkafka collects a batch.
const LINGER: Duration = Duration::from_millis(200);

/// Clock error that is considered impossible: a hundred years, in milliseconds.
pub const MAX_CLOCK_ERROR_MS: i64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// Required by compacted topics.
const KEY: &[u8] = b"probe";

/// Client for probes.
pub struct WriteProbe(BaseProducer<ProbeReports>);

/// Delivery report of a record.
type ProbeReport = Result<(), RDKafkaErrorCode>;

/// Delivery reports by record number.
#[derive(Default)]
struct ProbeReports(Mutex<HashMap<usize, ProbeReport>>);

impl WriteProbe {
    /// Creates a client, which connects in the background.
    ///
    /// # Errors
    ///
    /// If librdkafka rejects a property.
    pub fn start(config: &Config) -> Result<Self, Error> {
        let mut settings = client_config::connection(config);
        for (name, value) in [
            ("acks", "all"),
            // No retries: a record is refused, or there is no answer.
            ("enable.idempotence", "false"),
            ("retries", "0"),
            ("message.timeout.ms", &PROBE_TIMEOUT.as_millis().to_string()),
            ("linger.ms", &LINGER.as_millis().to_string()),
            // The record must be too large for the topic, not for librdkafka.
            ("message.max.bytes", "1000000000"),
        ] {
            settings.set(name, value);
        }
        Ok(Self(BaseProducer::from_config_and_context(&settings, ProbeReports::default())?))
    }

    /// Sends one record to each topic. Returns the outcomes in the same order. Blocks for up to four seconds.
    ///
    /// # Errors
    ///
    /// If nothing was sent.
    pub fn write(&self, trials: &[(String, RecordFlaw)]) -> Result<Vec<ProbeOutcome>, String> {
        let begun = Instant::now();
        for (number, (topic, flaw)) in trials.iter().enumerate() {
            let (time, size) = match flaw {
                RecordFlaw::Time(time) => (*time, 1),
                RecordFlaw::Size(size) => (now(), *size),
            };
            self.send(topic, number, &incompressible(size), time)?;
        }
        let reports = self.reports(trials.len(), begun);
        Ok(reports.into_iter().map(outcome_of).collect())
    }

    /// Reads the broker's clock with a topic that limits the time of records to `after` milliseconds in the
    /// future. Blocks like [`WriteProbe::write`].
    ///
    /// # Errors
    ///
    /// The outcome, if it does not reveal the clock.
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
            // The batch may be split. Purge what was not sent.
            self.0.purge(PurgeConfig::default().queue());
        }
        let reports = self.reports(times.len(), begun);
        let refused: Option<Vec<bool>> =
            reports.iter().skip(1).step_by(2).map(|report| is_refused(*report)).collect();
        let refused = refused.ok_or_else(|| failed_clock(&reports))?;
        Ok(skew(&offsets, &refused, begun.elapsed()))
    }

    /// Fetches the leader of the partition, which librdkafka needs to send one batch.
    fn fetch_leader(&self, topic: &str) -> Result<(), String> {
        self.0
            .client()
            .fetch_metadata(Some(topic), PROBE_TIMEOUT)
            .map(drop)
            .map_err(|error| error.to_string())
    }

    /// Sends a record to the first partition.
    fn send(&self, topic: &str, number: usize, value: &[u8], time: i64) -> Result<(), String> {
        let record = BaseRecord::with_opaque_to(topic, number).partition(0).timestamp(time);
        self.0.send(record.key(KEY).payload(value)).map_err(|(error, _)| error.to_string())
    }

    /// Waits for the reports of the records with numbers below `count`.
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

/// Returns whether the broker named this record of the batch as wrong.
fn is_refused(report: Option<ProbeReport>) -> Option<bool> {
    match report? {
        Err(RDKafkaErrorCode::InvalidRecord) => Some(true),
        Err(RDKafkaErrorCode::InvalidDifferentRecord) => Some(false),
        _ => None,
    }
}

/// Returns the outcome of a batch that does not reveal the clock.
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

/// Computes the bounds. A record `offset` seconds after the limit is refused if the local clock is ahead of
/// the broker's by more than `-offset`. The check happened up to `took` after the record was created.
fn skew(offsets: &[i64], refused: &[bool], took: Duration) -> ClockSkew {
    let took = i64::try_from(took.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
    let by =
        |is_refused: bool| offsets.iter().zip(refused).filter(move |(_, refused)| **refused == is_refused);
    ClockSkew {
        least: by(true).map(|(offset, _)| -offset).max(),
        most: by(false).map(|(offset, _)| took - offset).min(),
    }
}

/// Returns incompressible bytes.
fn incompressible(len: usize) -> Vec<u8> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use RDKafkaErrorCode as Code;

    #[test]
    fn refusal_of_the_flaw_means_the_user_may_write() {
        for code in [Code::InvalidTimestamp, Code::MessageSizeTooLarge, Code::InvalidRecord] {
            assert_eq!(outcome_of(Some(Err(code))), ProbeOutcome::Allowed);
        }
        assert_eq!(outcome_of(Some(Err(Code::TopicAuthorizationFailed))), ProbeOutcome::Forbidden);
        assert_eq!(outcome_of(Some(Ok(()))), ProbeOutcome::Written);
        assert!(matches!(outcome_of(None), ProbeOutcome::Unclear(_)));
        assert!(matches!(outcome_of(Some(Err(Code::NotEnoughReplicas))), ProbeOutcome::Unclear(_)));
    }

    /// Simulates the reports of a batch whose broker is `skew` seconds behind the local clock.
    fn measured(skewed: i64, took: u64) -> ClockSkew {
        let offsets: Vec<i64> = (-60..=60).step_by(10).collect();
        let refused: Vec<bool> = offsets.iter().map(|offset| *offset + skewed > 0).collect();
        skew(&offsets, &refused, Duration::from_secs(took))
    }

    #[test]
    fn clock_is_between_the_last_accepted_and_the_first_refused_time() {
        assert_eq!(measured(5, 0), ClockSkew { least: Some(0), most: Some(10) });
        assert_eq!(measured(-35, 0), ClockSkew { least: Some(-40), most: Some(-30) });
        assert_eq!(
            measured(35, 3),
            ClockSkew { least: Some(30), most: Some(43) },
            "what it took may be skew"
        );
    }

    #[test]
    fn clock_outside_the_tested_range_has_one_bound() {
        assert_eq!(measured(1_000, 0), ClockSkew { least: Some(60), most: None });
        assert_eq!(measured(-1_000, 0), ClockSkew { least: None, most: Some(-60) });
    }

    #[test]
    fn only_a_broker_that_names_records_reveals_its_clock() {
        assert_eq!(is_refused(Some(Err(Code::InvalidRecord))), Some(true));
        assert_eq!(is_refused(Some(Err(Code::InvalidDifferentRecord))), Some(false));
        assert_eq!(is_refused(Some(Err(Code::InvalidTimestamp))), None);
        assert_eq!(is_refused(Some(Ok(()))), None);
        assert_eq!(is_refused(None), None);
    }

    #[test]
    fn noise_has_its_length_and_does_not_repeat() {
        let incompressible = incompressible(1_001);
        assert_eq!(incompressible.len(), 1_001);
        assert!(incompressible.chunks(8).zip(incompressible[8..].chunks(8)).all(|(one, next)| one != next));
    }

    #[test]
    fn batch_without_a_clock_returns_its_outcome() {
        let refused = Some(Err(Code::InvalidRecord));
        assert_eq!(failed_clock(&[refused, Some(Ok(())), None]), ProbeOutcome::Written);
        assert_eq!(failed_clock(&[Some(Err(Code::TopicAuthorizationFailed)); 3]), ProbeOutcome::Forbidden);
        assert!(matches!(failed_clock(&[refused, None]), ProbeOutcome::Unclear(why) if why == "no answer"));
        // Older brokers do not name records.
        assert!(matches!(failed_clock(&[Some(Err(Code::InvalidTimestamp)); 3]), ProbeOutcome::Unclear(_)));
    }
}
