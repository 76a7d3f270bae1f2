//! What becomes of a body by the settings alone: the pure part of the way, from bytes to records.

use super::{Config, Rejection};
use crate::delivery::DeadLetter;
use crate::record::{Record, TraceContext};
use crate::routing::{RecordContext, Records, Routed, Table};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use justcall_events::{
    BodyHash, Event, EventId, KnownType, Malformed, Picks, Scanned, Validation, scan_with,
};
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// How the sources' events are validated and routed. A new one takes the place of the old one as a
/// whole, so that no event sees parts of both.
#[derive(Debug, Clone)]
pub struct Rules {
    table: Table,
    sources: Box<[Source]>,
    dead_letter_topic: Arc<str>,
}

#[derive(Debug, Clone)]
struct Source {
    name: String,
    /// `ce_source`
    uri: String,
    validation: Validation,
}

/// A body whose envelope was read.
#[derive(Debug)]
pub struct Read<'r, 'a> {
    /// The envelope, or why there is none.
    pub scanned: Result<Scanned<'a>, Malformed>,
    /// What routes want to know of it.
    picks: Picks<'r, 'a>,
}

/// What is known of an event besides its body.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Index of its source in [`Config::sources`].
    pub source: usize,
    /// When it arrived.
    pub received_at: DateTime<Utc>,
    /// The time in its signed header, if there is one.
    pub signed_at: Option<DateTime<Utc>>,
    /// The trace that it belongs to, if any.
    pub trace: Option<&'a TraceContext>,
}

/// What the rules made of a body.
#[derive(Debug)]
pub struct Judged {
    /// The event's id: `ce_id`.
    pub id: EventId,
    /// The body's hash.
    pub hash: BodyHash,
    /// The type, if it is one that JustCall is known to send.
    pub event_type: Option<KnownType>,
    /// How many violations a tolerant source let pass.
    pub violations: u32,
    /// Number of headers that a route asked for and whose values no header may have.
    pub headers_left_out: u32,
    /// What is to be written.
    pub verdict: Verdict,
}

impl Judged {
    /// Returns the hash by which deliveries are compared.
    ///
    /// A dead letter has another hash than the accepted event of the same body, so that a body rejected
    /// under earlier rules is not a duplicate once the rules accept it.
    pub(super) fn compared_hash(&self) -> BodyHash {
        match &self.verdict {
            Verdict::Rejected(why, _) => {
                let (body, tag, detail) = (self.hash.prefix(), why.tag(), why.to_string());
                let letter = [&body[..], tag.as_bytes(), b"\0", detail.as_bytes()];
                BodyHash::of(&letter.concat())
            }
            Verdict::Forwarded(_) | Verdict::Dropped => self.hash,
        }
    }
}

/// What is to be written of an event.
#[derive(Debug)]
pub enum Verdict {
    /// These records.
    Forwarded(Records),
    /// Nothing: a route drops it.
    Dropped,
    /// It is rejected; the records are its dead letter.
    ///
    /// The reason is boxed: it is rare, and every event would have to have room for it.
    Rejected(Box<Rejection>, Records),
}

impl Verdict {
    /// What is to be written, if anything is.
    pub fn records(&self) -> Option<&[Record]> {
        match self {
            Self::Forwarded(records) | Self::Rejected(_, records) => Some(records),
            Self::Dropped => None,
        }
    }
}

impl Rules {
    /// Puts the rules together.
    pub fn new(config: &Config, table: Table) -> Self {
        let sources = config.sources.iter().map(|source| Source {
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

    /// The routes.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Reads a body's envelope.
    pub fn read<'r, 'a>(&'r self, body: &'a [u8]) -> Read<'r, 'a> {
        let mut picks = Picks::of(self.table.picks());
        let scanned = scan_with(body, &mut picks);
        Read { scanned, picks }
    }

    /// Validates and routes what was read of `body`. `None`: it is a probe, and nothing comes of it.
    pub fn judge(&self, read: Read<'_, '_>, body: &Bytes, facts: &Facts<'_>) -> Option<Judged> {
        let Read { scanned, mut picks } = read;
        let hash = BodyHash::of(body);
        let reject = |id: EventId, event_type, rejection: Rejection| {
            let letter = DeadLetter {
                topic: &self.dead_letter_topic,
                source: &self.sources[facts.source].name,
                id: &id,
                reason: rejection.tag(),
                detail: rejection.to_string(),
                received_at: facts.received_at,
                trace: facts.trace,
            };
            let records = Records::from_iter([letter.record(body.clone())]);
            let verdict = Verdict::Rejected(Box::new(rejection), records);
            Some(Judged { id, hash, event_type, violations: 0, headers_left_out: 0, verdict })
        };
        let envelope = match scanned {
            Ok(Scanned::Probe) => return None,
            Ok(Scanned::Envelope(envelope)) => envelope,
            Err(malformed) => return reject(EventId::from_hash(&hash), None, malformed.into()),
        };
        let event_type = envelope.event_type.known();
        let validation = self.sources[facts.source].validation;
        let event = match envelope.validate_with(validation, &hash, &mut picks) {
            Ok(event) => event,
            Err(violation) => return reject(EventId::from_hash(&hash), event_type, violation.into()),
        };
        let (verdict, headers_left_out) = match self.route(&event, &picks, body, facts) {
            Routed::Records { records, left_out } => (Verdict::Forwarded(records), left_out),
            Routed::Dropped => (Verdict::Dropped, 0),
            Routed::DeadLetter => return reject(event.id, event_type, Rejection::UnknownType),
        };
        Some(Judged {
            id: event.id,
            hash,
            event_type,
            violations: event.violations,
            headers_left_out,
            verdict,
        })
    }

    fn route(&self, event: &Event<'_>, picks: &Picks<'_, '_>, body: &Bytes, facts: &Facts<'_>) -> Routed {
        let context = RecordContext {
            source_uri: &self.sources[facts.source].uri,
            received_at: facts.received_at,
            signed_at: facts.signed_at,
            trace: facts.trace,
        };
        self.table.records(event, picks, body, &context)
    }
}
