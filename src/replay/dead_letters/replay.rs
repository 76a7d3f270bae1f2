//! Replay of dead letters, each at most once: one transaction has its records and its mark. The topic has one
//! transactional id, so that a second replay fences the first before it reads the marks.

use super::{DeadLetters, Letter, LetterId};
use crate::delivery::dead_letter;
use crate::kafka::{self, CommitError, Marker, ShouldRetry};
use crate::record::{Record, names};
use crate::replay::evaluator::{ReplayDecision, ReplayEvaluator};
use crate::replay::writer::ReplayWriter;
use chrono::{DateTime, Utc};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::runtime::Handle;

/// The name of the topic follows.
const TRANSACTIONAL_ID: &str = "justcall-bridge-dead-letters";

const MAX_BATCH_LETTERS: usize = 100;

/// Bytes of records from which a transaction is full.
const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReplayEvent<'a> {
    /// The records were written, or would be, to these topics.
    Replayed(LetterId, Vec<&'a str>),
    /// Reason why there are no records. Marked as replayed.
    Nothing(LetterId, &'a str),
    /// Reason and detail.
    Stays(LetterId, &'a str, &'a str),
    Waiting(&'a str),
}

/// Dead letters that were reported as replayed are.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error(transparent)]
    Read(#[from] kafka::Error),
    #[error(transparent)]
    Write(CommitError),
    #[error(
        "a transaction of another program is open in {0} and hides later records: try again once it has ended"
    )]
    Hidden(String),
}

pub(crate) struct Replay<'a> {
    pub(crate) letters: &'a DeadLetters,
    pub(crate) evaluator: &'a ReplayEvaluator,
    /// Marked ones are skipped.
    pub(crate) chosen: HashSet<LetterId>,
    pub(crate) dry_run: bool,
    /// Driven by another thread.
    pub(crate) runtime: Handle,
}

impl Replay<'_> {
    /// Stops when `report` returns `false`.
    pub(crate) fn run(&self, report: &mut dyn FnMut(ReplayEvent<'_>) -> bool) -> Result<(), ReplayError> {
        let mut writer = if self.dry_run { None } else { Some(self.open(report)?) };
        // After other replays were fenced.
        let index = self.letters.index()?;
        let is_left = |id: LetterId| {
            self.chosen.contains(&id) && index.get(id).is_some_and(|letter| letter.replayed.is_none())
        };
        let mut batch = LetterBatch::default();
        let mut failed = None;
        self.letters.each(|letter| {
            if !is_left(letter.id) {
                return true;
            }
            let ended = self.replay(letter, &mut batch, &mut writer, report);
            let continues = ended.is_ok();
            failed = failed.take().or(ended.err());
            continues
        })?;
        match failed {
            Some(why) => Err(ReplayError::Write(why)),
            None => self.write(batch, &mut writer, report).map_err(ReplayError::Write),
        }
    }

    fn open(&self, report: &mut dyn FnMut(ReplayEvent<'_>) -> bool) -> Result<ReplayWriter, ReplayError> {
        let config = &self.letters.kafka;
        let keep_on: ShouldRetry<'_> = &mut |why| report(ReplayEvent::Waiting(why));
        let id = format!("{TRANSACTIONAL_ID}-{}", self.letters.topic);
        let writer =
            ReplayWriter::open(config, &id, self.runtime.clone(), keep_on).map_err(ReplayError::Write)?;
        if writer.is_hidden(&self.letters.topic)? {
            return Err(ReplayError::Hidden(self.letters.topic.to_string()));
        }
        Ok(writer)
    }

    fn replay(
        &self,
        letter: Letter,
        batch: &mut LetterBatch,
        writer: &mut Option<ReplayWriter>,
        report: &mut dyn FnMut(ReplayEvent<'_>) -> bool,
    ) -> Result<(), CommitError> {
        let id = letter.id;
        let now = Utc::now();
        let received_at = letter.kept.received_at.unwrap_or(now);
        let continues = match self.evaluator.evaluate(&letter.kept.source, &letter.value, received_at, now) {
            ReplayDecision::Records(records) => {
                batch.add(id, missing_records(records.into_vec(), letter.kept.refused_for.as_deref()));
                true
            }
            ReplayDecision::Nothing(why) => {
                batch.add(id, Vec::new());
                report(ReplayEvent::Nothing(id, why))
            }
            ReplayDecision::Rejected { reason, detail } => report(ReplayEvent::Stays(id, &reason, &detail)),
        };
        if batch.is_full() {
            self.write(std::mem::take(batch), writer, report)?;
        }
        if continues { Ok(()) } else { Err(CommitError::Stopped) }
    }

    /// If Kafka refuses the batch, writes each dead letter alone.
    fn write(
        &self,
        batch: LetterBatch,
        writer: &mut Option<ReplayWriter>,
        report: &mut dyn FnMut(ReplayEvent<'_>) -> bool,
    ) -> Result<(), CommitError> {
        let mut continues = true;
        let written = match writer {
            Some(writer) => {
                let (records, marks) = self.transaction(&batch.letters, Utc::now());
                writer.write(&records, &marks, &mut |why| report(ReplayEvent::Waiting(why)))
            }
            None => Ok(()),
        };
        match written {
            Ok(()) => {
                let forwarded = batch.letters.iter().filter(|(_, records)| !records.is_empty());
                for (id, records) in forwarded {
                    let topics = records.iter().map(|record| &*record.topic).collect();
                    // Also after a request to stop, because the batch is committed.
                    continues &= report(ReplayEvent::Replayed(*id, topics));
                }
                if continues { Ok(()) } else { Err(CommitError::Stopped) }
            }
            Err(CommitError::Refused(why)) => match batch.letters.as_slice() {
                [(id, _)] if report(ReplayEvent::Stays(*id, names::REFUSED_BY_KAFKA, &why)) => Ok(()),
                [_] => Err(CommitError::Stopped),
                _ => batch.singles().try_for_each(|single| self.write(single, writer, report)),
            },
            Err(why) => Err(why),
        }
    }

    /// A mark is in the partition of its dead letter, so that retention never deletes the mark first.
    fn transaction(
        &self,
        letters: &[(LetterId, Vec<Record>)],
        at: DateTime<Utc>,
    ) -> (Vec<Record>, Vec<Marker>) {
        let records = letters.iter().flat_map(|(_, records)| records.iter().cloned()).collect();
        let mark = |(id, _): &(LetterId, Vec<Record>)| Marker {
            topic: Arc::clone(&self.letters.topic),
            partition: id.partition,
            headers: dead_letter::replayed(id.partition, id.offset, at),
            timestamp: at.timestamp_millis(),
        };
        (records, letters.iter().map(mark).collect())
    }
}

/// If Kafka refused an event for one topic, only that topic's record is missing. If no route names the topic,
/// the routes have changed, and all are returned.
fn missing_records(mut records: Vec<Record>, refused_for: Option<&str>) -> Vec<Record> {
    if records.iter().any(|record| refused_for == Some(&*record.topic)) {
        records.retain(|record| refused_for == Some(&*record.topic));
    }
    records
}

#[derive(Debug, Default)]
struct LetterBatch {
    letters: Vec<(LetterId, Vec<Record>)>,
    bytes: usize,
}

impl LetterBatch {
    fn add(&mut self, id: LetterId, records: Vec<Record>) {
        self.bytes += records.iter().map(Record::size).sum::<usize>();
        self.letters.push((id, records));
    }

    fn is_full(&self) -> bool {
        self.letters.len() >= MAX_BATCH_LETTERS || self.bytes >= MAX_BATCH_BYTES
    }

    fn singles(self) -> impl Iterator<Item = Self> {
        self.letters.into_iter().map(|letter| Self { letters: vec![letter], bytes: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Headers;
    use bytes::Bytes;
    use std::sync::Arc;

    fn record(bytes: usize) -> Record {
        Record {
            topic: Arc::from("t"),
            key: None,
            headers: Headers::default(),
            value: Bytes::from(vec![0; bytes]),
            timestamp: 0,
        }
    }

    fn id(offset: i64) -> LetterId {
        LetterId { partition: 0, offset }
    }

    #[test]
    fn batch_is_full_by_number_or_by_bytes() {
        let mut many = LetterBatch::default();
        for offset in 0..MAX_BATCH_LETTERS as i64 {
            assert!(!many.is_full());
            many.add(id(offset), vec![record(1)]);
        }
        assert!(many.is_full());
        let mut large = LetterBatch::default();
        large.add(id(0), vec![record(MAX_BATCH_BYTES / 2), record(MAX_BATCH_BYTES / 2)]);
        assert!(large.is_full());
    }

    #[test]
    fn singles_keep_the_order_of_the_batch() {
        let mut batch = LetterBatch::default();
        for offset in 0..3 {
            batch.add(id(offset), vec![record(1)]);
        }
        let ids: Vec<_> =
            batch.singles().map(|single| (single.letters.len(), single.letters[0].0.offset)).collect();
        assert_eq!(ids, [(1, 0), (1, 1), (1, 2)]);
    }

    #[test]
    fn event_refused_for_one_topic_is_written_only_there_if_a_route_names_it() {
        let to = |topic: &str| Record { topic: Arc::from(topic), ..record(1) };
        let topics = |refused_for| {
            let left = missing_records(vec![to("a"), to("b")], refused_for);
            left.iter().map(|record| record.topic.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(topics(Some("b")), ["b"]);
        assert_eq!(topics(Some("c")), ["a", "b"]);
        assert_eq!(topics(None), ["a", "b"]);
    }
}
