//! Lines that are written in one transaction.

use super::counts::LineCounts;
use super::input::InputLine;
use super::line::{Content, ParsedLine, is_record, parse};
use super::{Error, ReplaySource};
use crate::kafka::{CommitError, ShouldRetry};
use crate::record::{Record, names};
use crate::replay::evaluator::{ReplayDecision, ReplayEvaluator};
use crate::replay::writer::ReplayWriter;
use chrono::Utc;

#[cfg(test)]
mod tests;

const MAX_BATCH_LINES: usize = 500;
const MAX_BATCH_BYTES: usize = 4 * 1024 * 1024;

/// No file of rejected lines contains such a line.
pub(crate) const TOO_LONG: &str = "too_long";

const RECORDS_HINT: &str = "it has the form of an exported record: a file that you exported needs --records";

fn is_allowed(record: &Record, rules: &ReplayEvaluator, content: Content) -> bool {
    content == Content::Records { any_topic: true } || rules.can_yield(&record.topic)
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// From 1.
    pub(super) number: u64,
    /// `None` if the line is too long.
    pub(super) bytes: Option<Vec<u8>>,
    fate: Fate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    Records(Vec<Record>),
    Nothing,
    Rejected(String, String),
}

impl Item {
    /// Fails for an event with an ambiguous source.
    pub(super) fn of(
        taken: InputLine,
        rules: &ReplayEvaluator,
        source: &ReplaySource,
        content: Content,
    ) -> Result<Self, Error> {
        let InputLine { number, start, bytes } = taken;
        let Some(bytes) = bytes else {
            let why =
                format!("longer than 16 MiB, so no file of rejected lines has it; it begins at byte {start}");
            return Ok(Self { number, bytes: None, fate: Fate::Rejected(TOO_LONG.into(), why) });
        };
        let fate = match (parse(&bytes, content), source) {
            (ParsedLine::Blank, _) => Fate::Nothing,
            (ParsedLine::Record(record), _) if !is_allowed(&record, rules, content) => Fate::Rejected(
                "foreign_topic".into(),
                "the settings cannot yield its topic; --any-topic allows every topic".into(),
            ),
            (ParsedLine::Record(record), _) => Fate::Records(vec![record]),
            (ParsedLine::Broken(why), _) => Fate::Rejected("broken_record".into(), why),
            (ParsedLine::Event(_), ReplaySource::OneOf(names)) => {
                return Err(Error::AmbiguousSource(number, names.clone()));
            }
            (ParsedLine::Event(body), ReplaySource::Named(source)) => {
                let now = Utc::now();
                match rules.evaluate(source, &body, now, now) {
                    ReplayDecision::Records(records) => Fate::Records(records.into_vec()),
                    ReplayDecision::Nothing(_) => Fate::Nothing,
                    ReplayDecision::Rejected { reason, detail } if is_record(&body) => {
                        Fate::Rejected(reason, format!("{detail}; {RECORDS_HINT}"))
                    }
                    ReplayDecision::Rejected { reason, detail } => Fate::Rejected(reason, detail),
                }
            }
        };
        Ok(Self { number, bytes: Some(bytes), fate })
    }

    /// Returns a stable tag, and a text for a person.
    pub(super) fn rejection(&self) -> Option<(&str, &str)> {
        match &self.fate {
            Fate::Rejected(reason, detail) => Some((reason, detail)),
            Fate::Records(_) | Fate::Nothing => None,
        }
    }

    pub(super) fn count(&self, summary: &mut LineCounts) {
        summary.last_line = self.number;
        match &self.fate {
            Fate::Records(records) => {
                summary.replayed += 1;
                for record in records {
                    *summary.topics.entry(record.topic.to_string()).or_default() += 1;
                }
            }
            Fate::Nothing => summary.nothing += 1,
            Fate::Rejected(reason, _) => *summary.rejected.entry(reason.clone()).or_default() += 1,
        }
    }

    fn records(&self) -> &[Record] {
        match &self.fate {
            Fate::Records(records) => records,
            Fate::Nothing | Fate::Rejected(..) => &[],
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) items: Vec<Item>,
    bytes: usize,
}

impl Batch {
    pub(super) fn add(&mut self, item: Item) {
        self.bytes +=
            item.bytes.as_ref().map_or(0, Vec::len) + item.records().iter().map(Record::size).sum::<usize>();
        self.items.push(item);
    }

    pub(super) fn is_full(&self) -> bool {
        self.items.len() >= MAX_BATCH_LINES || self.bytes >= MAX_BATCH_BYTES
    }

    /// If Kafka rejects the batch, writes each line alone and rejects those that fail.
    pub(super) fn write(
        &mut self,
        outlet: &mut ReplayWriter,
        keep_on: ShouldRetry<'_>,
    ) -> Result<(), CommitError> {
        let all: Vec<Record> = self.items.iter().flat_map(Item::records).cloned().collect();
        match outlet.write(&all, &[], keep_on) {
            Err(CommitError::Refused(_)) => {}
            ended => return ended,
        }
        for item in &mut self.items {
            match outlet.write(item.records(), &[], keep_on) {
                Err(CommitError::Refused(why)) => {
                    item.fate = Fate::Rejected(names::REFUSED_BY_KAFKA.into(), why);
                }
                ended => ended?,
            }
        }
        Ok(())
    }
}
