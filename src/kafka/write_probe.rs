//! Write probes that leave no record. A broker checks the right to write first, so it refuses a record for
//! its size or time only if the user may write.

use super::{Config, Error, client_config, client_context};
use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use std::collections::HashMap;
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordFlaw {
    /// Milliseconds since 1970, later than the topic allows.
    Time(i64),
    /// Bytes, above the limit of the topic.
    Size(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProbeOutcome {
    /// Refused for its flaw: the user may write.
    Allowed,
    Forbidden,
    /// The record was written, because the topic's limits have changed.
    Written,
    Unclear(String),
}

const PROBE_TIMEOUT: Duration = Duration::from_secs(4);

/// Required by compacted topics.
const KEY: &[u8] = b"probe";

pub(crate) struct WriteProbe(BaseProducer<ProbeReports>);

type ProbeReport = Result<(), RDKafkaErrorCode>;

/// By record number.
#[derive(Default)]
struct ProbeReports(Mutex<HashMap<usize, ProbeReport>>);

impl WriteProbe {
    pub(crate) fn start(config: &Config) -> Result<Self, Error> {
        let mut settings = client_config::connection(config);
        for (name, value) in [
            ("acks", "all"),
            // A record is refused, or there is no answer.
            ("enable.idempotence", "false"),
            ("retries", "0"),
            ("message.timeout.ms", &PROBE_TIMEOUT.as_millis().to_string()),
            // librdkafka refuses a linger above the timeout.
            ("linger.ms", "0"),
            // The record must be too large for the topic, not for librdkafka.
            ("message.max.bytes", "1000000000"),
        ] {
            settings.set(name, value);
        }
        settings.remove("queue.buffering.max.ms");
        Ok(Self(BaseProducer::from_config_and_context(&settings, ProbeReports::default())?))
    }

    /// Returns the outcomes in the same order. Blocks for up to five seconds.
    pub(crate) fn write(&self, trials: &[(String, RecordFlaw)]) -> Result<Vec<ProbeOutcome>, String> {
        let begun = Instant::now();
        for (number, (topic, flaw)) in trials.iter().enumerate() {
            self.send(topic, number, *flaw)?;
        }
        let reports = self.reports(trials.len(), begun);
        Ok(reports.into_iter().map(outcome_of).collect())
    }

    fn send(&self, topic: &str, number: usize, flaw: RecordFlaw) -> Result<(), String> {
        let record = BaseRecord::with_opaque_to(topic, number).partition(0);
        let (record, value) = match flaw {
            RecordFlaw::Time(time) => (record.timestamp(time), vec![0]),
            RecordFlaw::Size(size) => (record, incompressible(size)),
        };
        self.0.send(record.key(KEY).payload(&value)).map_err(|(error, _)| error.to_string())
    }

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

    #[test]
    fn noise_has_its_length_and_does_not_repeat() {
        let incompressible = incompressible(1_001);
        assert_eq!(incompressible.len(), 1_001);
        assert!(incompressible.chunks(8).zip(incompressible[8..].chunks(8)).all(|(one, next)| one != next));
    }
}
