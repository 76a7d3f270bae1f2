//! Explains the result of a body under the settings.

use crate::config::Settings;
use crate::ingest::{Disposition, Evaluated, Evaluator};
use crate::record::{Record, partition};
use crate::routing::{self, InvalidRoutes, RouteTable};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use justcall_events::{BodyHash, Event, Picks, Scanned, Validation, scan_with};
use serde::Serialize;
use serde_json::{Map, Value};

pub(crate) struct Router<'s> {
    settings: &'s Settings,
    rules: Evaluator,
    partitions: Option<u32>,
    received_at: DateTime<Utc>,
}

/// Result of an event, as far as the settings decide it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RouteOutcome {
    Routed,
    Dropped,
    /// By policy, because its type is unknown. Answered with 200.
    DeadLetter,
    /// Dead letter, because no retry can help. Answered with 400 or 422.
    Rejected,
    /// Test of the URL.
    Probe,
}

#[derive(Debug, Serialize)]
pub(crate) struct Explanation {
    pub(crate) outcome: RouteOutcome,
    /// Routes that matched or dropped the event.
    pub(crate) routes: Vec<usize>,
    pub(crate) source: String,
    #[serde(flatten)]
    pub(crate) seen: Option<Seen>,
    /// `ce_id`, or the value that it would have had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    pub(crate) validation: &'static str,
    /// Accepted by a tolerant source.
    pub(crate) violations: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rejection: Option<RejectionReason>,
    /// Empty if routing was not reached.
    pub(crate) steps: Vec<ExplainedRoute>,
    pub(crate) records: Vec<RouteRecord>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Seen {
    pub(crate) dialect: &'static str,
    #[serde(rename = "type")]
    pub(crate) event_type: String,
    /// JustCall documents the type.
    pub(crate) known: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entity_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct RejectionReason {
    /// Value of `dlq_reason`.
    pub(crate) reason: &'static str,
    /// Value of `dlq_detail`.
    pub(crate) detail: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct ExplainedRoute {
    pub(crate) route: usize,
    pub(crate) verdict: &'static str,
    /// Condition that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) condition: Option<String>,
    /// The condition failed because its field is absent or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field_absent: Option<bool>,
}

#[derive(Debug, Serialize)]
pub(crate) struct RouteRecord {
    pub(crate) topic: String,
    pub(crate) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partition: Option<u32>,
    pub(crate) headers: Map<String, Value>,
}

impl<'s> Router<'s> {
    /// Fails if the routes contradict each other, which loaded settings never do.
    pub(crate) fn new(
        settings: &'s Settings,
        partitions: Option<u32>,
        received_at: DateTime<Utc>,
    ) -> Result<Self, InvalidRoutes> {
        let table = RouteTable::compile(&settings.routing).map_err(InvalidRoutes)?;
        let configured = settings.kafka.topics.partitions.and_then(|number| u32::try_from(number).ok());
        Ok(Self {
            settings,
            rules: Evaluator::new(&settings.ingest, table),
            partitions: partitions.or(configured),
            received_at,
        })
    }

    pub(crate) const fn settings(&self) -> &Settings {
        self.settings
    }

    pub(crate) const fn partitions(&self) -> Option<u32> {
        self.partitions
    }

    /// Returns the index of the source with that name, or of the only source. The error lists the sources.
    pub(crate) fn source(&self, name: Option<&str>) -> Result<usize, String> {
        let sources = &self.settings.ingest.sources;
        let found = match name {
            Some(name) => sources.iter().position(|source| source.name == name),
            None if sources.len() == 1 => Some(0),
            None => None,
        };
        found.ok_or_else(|| {
            let names: Vec<_> = sources.iter().map(|source| source.name.as_str()).collect();
            let there_are = format!("the settings have {}", names.join(", "));
            name.map_or(format!("name the source of the events: {there_are}"), |name| {
                format!("there is no source {name:?}: {there_are}")
            })
        })
    }

    pub(crate) fn explain(&self, source: usize, body: &Bytes) -> Explanation {
        let config = &self.settings.ingest.sources[source];
        let scanned = self.rules.scan(source, body);
        let context = scanned.context(self.received_at);
        let evaluated = self.rules.evaluate(scanned, &context);
        let (seen, steps) = self.look(body, config.validation);
        let mut explanation = Explanation {
            outcome: RouteOutcome::Probe,
            routes: steps.iter().filter(|step| took(step)).map(|step| step.route).collect(),
            source: config.name.clone(),
            seen,
            id: None,
            validation: config.validation.name(),
            violations: 0,
            rejection: None,
            steps,
            records: Vec::new(),
        };
        if let Some(evaluated) = evaluated {
            self.add(&mut explanation, evaluated);
        }
        explanation
    }

    fn add(&self, explanation: &mut Explanation, evaluated: Evaluated) {
        explanation.id = Some(evaluated.id.to_string());
        explanation.violations = evaluated.violations;
        let (outcome, records) = match evaluated.disposition {
            Disposition::Forward(records) => (RouteOutcome::Routed, records),
            Disposition::Drop => (RouteOutcome::Dropped, Default::default()),
            Disposition::Reject(rejection, records) => {
                let is_policy = matches!(*rejection, crate::ingest::Rejection::UnknownType);
                explanation.rejection =
                    Some(RejectionReason { reason: rejection.tag(), detail: rejection.to_string() });
                (if is_policy { RouteOutcome::DeadLetter } else { RouteOutcome::Rejected }, records)
            }
        };
        explanation.outcome = outcome;
        explanation.records = records.iter().map(|record| self.line(record)).collect();
    }

    fn line(&self, record: &Record) -> RouteRecord {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = record.headers.iter().map(|(name, value)| (name.to_owned(), Value::from(text(value))));
        let key = record.key.as_deref();
        RouteRecord {
            topic: record.topic.to_string(),
            key: key.map(text),
            partition: key.zip(self.partitions).and_then(|(key, partitions)| partition(key, partitions)),
            headers: headers.collect(),
        }
    }

    fn look(&self, body: &Bytes, validation: Validation) -> (Option<Seen>, Vec<ExplainedRoute>) {
        let table = self.rules.table();
        let mut picks = Picks::of(table.picks());
        let Ok(Scanned::Envelope(envelope)) = scan_with(body, &mut picks) else { return (None, Vec::new()) };
        let mut seen = Seen {
            dialect: envelope.dialect.name(),
            event_type: envelope.event_type.name().to_owned(),
            known: envelope.event_type.known().is_some(),
            entity_id: None,
            time: None,
        };
        let Ok(event) = envelope.validate_with(validation, &BodyHash::of(body), &mut picks) else {
            return (Some(seen), Vec::new());
        };
        let Event { entity_id, time, .. } = &event;
        seen.entity_id = entity_id.as_deref().map(str::to_owned);
        seen.time = time.as_deref().map(str::to_owned);
        (Some(seen), table.explain(&event, &picks).iter().map(step).collect())
    }
}

fn step(step: &routing::RouteExplanation<'_>) -> ExplainedRoute {
    use routing::RouteResult;
    let (mut condition, mut field_absent) = (None, None);
    let verdict = match &step.result {
        RouteResult::OtherType => "other_type",
        RouteResult::UnknownType => "unknown_type",
        RouteResult::Unmet { condition: unmet, is_absent } => {
            condition = Some(unmet.to_string());
            field_absent = Some(*is_absent);
            "condition_not_met"
        }
        RouteResult::Dropped => "dropped",
        RouteResult::Taken => "took",
        RouteResult::TakenAndContinued => "took_and_went_on",
        RouteResult::NotReached => "not_reached",
    };
    ExplainedRoute { route: step.route, verdict, condition, field_absent }
}

fn took(step: &ExplainedRoute) -> bool {
    matches!(step.verdict, "dropped" | "took" | "took_and_went_on")
}

impl Explanation {
    pub(crate) fn json_line(&self, at: &str) -> String {
        #[derive(Serialize)]
        struct Located<'a> {
            at: &'a str,
            #[serde(flatten)]
            explanation: &'a Explanation,
        }
        // Always serializes.
        let line = serde_json::to_string(&Located { at, explanation: self }).unwrap_or_default();
        format!("{line}\n")
    }

    /// Returns the topics in alphabetical order.
    pub(crate) fn topics(&self) -> Vec<&str> {
        let mut topics: Vec<_> = self.records.iter().map(|record| record.topic.as_str()).collect();
        topics.sort_unstable();
        topics
    }
}

impl RouteOutcome {
    /// Returns the name in expectation files.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Routed => "routed",
            Self::Dropped => "dropped",
            Self::DeadLetter => "dead_letter",
            Self::Rejected => "rejected",
            Self::Probe => "probe",
        }
    }
}
