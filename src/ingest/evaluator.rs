//! Evaluation of a body by the settings alone: validation and routing.

use super::{Config, Rejection};
use crate::delivery::DeadLetter;
use crate::record::Record;
use crate::routing::{RecordContext, Records, RouteTable, Routed};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use justcall_events::{BodyHash, EventId, KnownType, Malformed, Picks, Scanned, Validation, scan_with};
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Validation and routes of all sources.
///
/// A reload replaces the whole evaluator, so that no event is evaluated by parts of two.
#[derive(Debug, Clone)]
pub struct Evaluator {
    table: RouteTable,
    sources: Box<[SourceRules]>,
    dead_letter_topic: Arc<str>,
}

#[derive(Debug, Clone)]
struct SourceRules {
    name: String,
    /// `ce_source`
    uri: String,
    validation: Validation,
}

/// Body of a source whose envelope was scanned.
#[derive(Debug)]
pub struct ScannedBody<'r, 'a> {
    body: &'a Bytes,
    source: &'r SourceRules,
    envelope: Result<Scanned<'a>, Malformed>,
    /// Values that the routes read.
    picks: Picks<'r, 'a>,
}

impl<'r, 'a> ScannedBody<'r, 'a> {
    /// Returns the envelope.
    ///
    /// # Errors
    /// If the body has none.
    pub fn envelope(&self) -> Result<&Scanned<'a>, &Malformed> {
        self.envelope.as_ref()
    }

    /// Returns the context of the event's records, without a signed time and a trace.
    pub fn context(&self, received_at: DateTime<Utc>) -> RecordContext<'r> {
        RecordContext { source_uri: &self.source.uri, received_at, signed_at: None, trace: None }
    }
}

/// Evaluated body.
#[derive(Debug)]
pub struct Evaluated {
    /// Id of the event: `ce_id`.
    pub id: EventId,
    /// Hash of the body.
    pub hash: BodyHash,
    /// Type of the event, if JustCall is known to send it.
    pub event_type: Option<KnownType>,
    /// Number of violations that a tolerant source accepted.
    pub violations: u32,
    /// Number of headers of routes that were left out because of their values.
    pub headers_left_out: u32,
    /// Decision, with the records to write.
    pub disposition: Disposition,
}

impl Evaluated {
    /// Returns the hash by which deliveries are compared.
    ///
    /// A dead letter has another hash than the accepted event of the same body, so that a body rejected
    /// under earlier rules is not a duplicate once the rules accept it.
    pub(super) fn dedup_hash(&self) -> BodyHash {
        match &self.disposition {
            Disposition::Reject(why, _) => {
                let (body, tag, detail) = (self.hash.prefix(), why.tag(), why.to_string());
                let letter = [&body[..], tag.as_bytes(), b"\0", detail.as_bytes()];
                BodyHash::of(&letter.concat())
            }
            Disposition::Forward(_) | Disposition::Drop => self.hash,
        }
    }
}

/// Decision on an event.
#[derive(Debug)]
pub enum Disposition {
    /// Write these records.
    Forward(Records),
    /// Write nothing: a route drops the event.
    Drop,
    /// Write these records, which are a dead letter.
    ///
    /// The reason is boxed, because it is rare and large.
    Reject(Box<Rejection>, Records),
}

impl Disposition {
    /// Returns the records to write, if any.
    pub fn records(&self) -> Option<&[Record]> {
        match self {
            Self::Forward(records) | Self::Reject(_, records) => Some(records),
            Self::Drop => None,
        }
    }
}

impl Evaluator {
    /// Creates an evaluator from the sources and the compiled routes.
    pub fn new(config: &Config, table: RouteTable) -> Self {
        let sources = config.sources.iter().map(|source| SourceRules {
            name: source.name.clone(),
            uri: format!("/justcall/{}", source.name),
            validation: source.validation,
        });
        Self {
            table,
            sources: sources.collect(),
            dead_letter_topic: Arc::from(config.dead_letter.topic.as_str()),
        }
    }

    /// Returns the routes.
    pub fn table(&self) -> &RouteTable {
        &self.table
    }

    /// Scans the envelope of a body of a source. `source`: index in [`Config::sources`].
    pub fn scan<'r, 'a>(&'r self, source: usize, body: &'a Bytes) -> ScannedBody<'r, 'a> {
        let mut picks = Picks::of(self.table.picks());
        let envelope = scan_with(body, &mut picks);
        ScannedBody { body, source: &self.sources[source], envelope, picks }
    }

    /// Validates and routes a body. Returns `None` for a probe.
    pub fn evaluate(&self, scanned: ScannedBody<'_, '_>, context: &RecordContext<'_>) -> Option<Evaluated> {
        let ScannedBody { body, source, envelope, mut picks } = scanned;
        let hash = BodyHash::of(body);
        let reject = |id: EventId, event_type, rejection: Rejection| {
            let letter = DeadLetter {
                topic: &self.dead_letter_topic,
                source: &source.name,
                id: &id,
                reason: rejection.tag(),
                detail: rejection.to_string(),
                received_at: context.received_at,
                trace: context.trace,
            };
            let records = Records::from_iter([letter.record(body.clone())]);
            let disposition = Disposition::Reject(Box::new(rejection), records);
            Some(Evaluated { id, hash, event_type, violations: 0, headers_left_out: 0, disposition })
        };
        let envelope = match envelope {
            Ok(Scanned::Probe) => return None,
            Ok(Scanned::Envelope(envelope)) => envelope,
            Err(malformed) => return reject(EventId::from_hash(&hash), None, malformed.into()),
        };
        let event_type = envelope.event_type.known();
        let event = match envelope.validate_with(source.validation, &hash, &mut picks) {
            Ok(event) => event,
            Err(violation) => return reject(EventId::from_hash(&hash), event_type, violation.into()),
        };
        let (disposition, headers_left_out) = match self.table.records(&event, &picks, body, context) {
            Routed::Records { records, left_out } => (Disposition::Forward(records), left_out),
            Routed::Dropped => (Disposition::Drop, 0),
            Routed::DeadLetter => return reject(event.id, event_type, Rejection::UnknownType),
        };
        Some(Evaluated {
            id: event.id,
            hash,
            event_type,
            violations: event.violations,
            headers_left_out,
            disposition,
        })
    }
}
