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

/// Validation and routes of all sources, replaced as a whole by a reload.
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

#[derive(Debug)]
pub struct ScannedBody<'r, 'a> {
    body: &'a Bytes,
    source: &'r SourceRules,
    envelope: Result<Scanned<'a>, Malformed>,
    picks: Picks<'r, 'a>,
}

impl<'r, 'a> ScannedBody<'r, 'a> {
    pub fn envelope(&self) -> Result<&Scanned<'a>, &Malformed> {
        self.envelope.as_ref()
    }

    /// Has no signed time and no trace.
    pub fn context(&self, received_at: DateTime<Utc>) -> RecordContext<'r> {
        RecordContext { source_uri: &self.source.uri, received_at, signed_at: None, trace: None }
    }
}

#[derive(Debug)]
pub struct Evaluated {
    /// `ce_id`
    pub id: EventId,
    pub hash: BodyHash,
    /// `None`: JustCall is not known to send the type.
    pub event_type: Option<KnownType>,
    /// Violations that a tolerant source accepted.
    pub violations: u32,
    /// Headers left out because of their values.
    pub headers_left_out: u32,
    pub disposition: Disposition,
}

impl Evaluated {
    /// A dead letter has another hash, so that its body is not a duplicate once the rules accept it.
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

#[derive(Debug)]
pub enum Disposition {
    Forward(Records),
    Drop,
    /// Records of a dead letter. The reason is boxed, because it is rare and large.
    Reject(Box<Rejection>, Records),
}

impl Disposition {
    pub fn records(&self) -> Option<&[Record]> {
        match self {
            Self::Forward(records) | Self::Reject(_, records) => Some(records),
            Self::Drop => None,
        }
    }
}

impl Evaluator {
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

    pub fn table(&self) -> &RouteTable {
        &self.table
    }

    /// `source`: index in [`Config::sources`].
    pub fn scan<'r, 'a>(&'r self, source: usize, body: &'a Bytes) -> ScannedBody<'r, 'a> {
        let mut picks = Picks::of(self.table.picks());
        let envelope = scan_with(body, &mut picks);
        ScannedBody { body, source: &self.sources[source], envelope, picks }
    }

    /// `None`: a probe.
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
