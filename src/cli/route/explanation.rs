//! What becomes of a body by the settings, and why.

use crate::app;
use crate::cli::Failure;
use crate::config::Settings;
use crate::ingest::{Disposition, Evaluated, Evaluator};
use crate::record::{Record, partition};
use crate::routing::{self, RouteTable};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use justcall_events::{BodyHash, Event, Picks, Scanned, Validation, scan_with};
use serde::Serialize;
use serde_json::{Map, Value};

/// The rules of the settings, to be asked.
pub(super) struct Router<'s> {
    settings: &'s Settings,
    rules: Evaluator,
    partitions: Option<u32>,
    received_at: DateTime<Utc>,
}

/// How an event ends, as far as the settings decide it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It becomes records.
    Routed,
    /// A route drops it.
    Dropped,
    /// A dead letter by policy: its type is unknown. Answered 200.
    DeadLetter,
    /// A dead letter, for no retry can help: answered 400 or 422.
    Rejected,
    /// Somebody trying the URL.
    Probe,
}

/// What becomes of a body, and why.
#[derive(Debug, Serialize)]
pub(super) struct Explanation {
    pub(super) outcome: Outcome,
    /// The routes that took or dropped it.
    pub(super) routes: Vec<usize>,
    pub(super) source: String,
    #[serde(flatten)]
    pub(super) seen: Option<Seen>,
    /// `ce_id`, or what it would have been.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    pub(super) validation: &'static str,
    /// What a tolerant source let pass.
    pub(super) violations: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rejection: Option<Rejection>,
    /// What every route made of it; nothing where it did not come to them.
    pub(super) steps: Vec<Step>,
    pub(super) records: Vec<Line>,
}

/// What the body says of itself.
#[derive(Debug, Serialize)]
pub(super) struct Seen {
    pub(super) dialect: &'static str,
    #[serde(rename = "type")]
    pub(super) event_type: String,
    /// Whether JustCall documents the type.
    pub(super) known: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) entity_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time: Option<String>,
}

/// Why it is a dead letter.
#[derive(Debug, Serialize)]
pub(super) struct Rejection {
    /// `dlq_reason`
    pub(super) reason: &'static str,
    /// `dlq_detail`
    pub(super) detail: String,
}

/// One route and what it made of the event.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    pub(super) route: usize,
    pub(super) verdict: &'static str,
    /// The condition that does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) condition: Option<String>,
    /// The condition does not hold because its field is absent or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field_absent: Option<bool>,
}

/// One record.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) topic: String,
    pub(super) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) partition: Option<u32>,
    pub(super) headers: Map<String, Value>,
}

impl<'s> Router<'s> {
    /// # Errors
    /// When the routes contradict themselves; of settings that were loaded they never do.
    pub(super) fn new(
        settings: &'s Settings,
        partitions: Option<u32>,
        received_at: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let table = RouteTable::compile(&settings.routing).map_err(app::Error::Routes)?;
        let configured = settings.kafka.topics.partitions.and_then(|number| u32::try_from(number).ok());
        Ok(Self {
            settings,
            rules: Evaluator::new(&settings.ingest, table),
            partitions: partitions.or(configured),
            received_at,
        })
    }

    pub(super) const fn settings(&self) -> &Settings {
        self.settings
    }

    pub(super) const fn partitions(&self) -> Option<u32> {
        self.partitions
    }

    /// The source of that name, or the only one.
    ///
    /// # Errors
    /// Which there are, where it is none of them or it is not clear which is meant.
    pub(super) fn source(&self, name: Option<&str>) -> Result<usize, String> {
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

    /// What becomes of a body of that source.
    pub(super) fn explain(&self, source: usize, body: &Bytes) -> Explanation {
        let config = &self.settings.ingest.sources[source];
        let scanned = self.rules.scan(source, body);
        let context = scanned.context(self.received_at);
        let evaluated = self.rules.evaluate(scanned, &context);
        let (seen, steps) = self.look(body, config.validation);
        let mut explanation = Explanation {
            outcome: Outcome::Probe,
            routes: steps.iter().filter(|step| took(step)).map(|step| step.route).collect(),
            source: config.name.clone(),
            seen,
            id: None,
            validation: crate::cli::schema::mode(config.validation),
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
            Disposition::Forward(records) => (Outcome::Routed, records),
            Disposition::Drop => (Outcome::Dropped, Default::default()),
            Disposition::Reject(rejection, records) => {
                let is_policy = matches!(*rejection, crate::ingest::Rejection::UnknownType);
                explanation.rejection =
                    Some(Rejection { reason: rejection.tag(), detail: rejection.to_string() });
                (if is_policy { Outcome::DeadLetter } else { Outcome::Rejected }, records)
            }
        };
        explanation.outcome = outcome;
        explanation.records = records.iter().map(|record| self.line(record)).collect();
    }

    fn line(&self, record: &Record) -> Line {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = record.headers.iter().map(|(name, value)| (name.to_owned(), Value::from(text(value))));
        let key = record.key.as_deref();
        Line {
            topic: record.topic.to_string(),
            key: key.map(text),
            partition: key.zip(self.partitions).and_then(|(key, partitions)| partition(key, partitions)),
            headers: headers.collect(),
        }
    }

    /// What the body says of itself, and what each route made of it.
    fn look(&self, body: &Bytes, validation: Validation) -> (Option<Seen>, Vec<Step>) {
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

fn step(step: &routing::RouteExplanation<'_>) -> Step {
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
    Step { route: step.route, verdict, condition, field_absent }
}

fn took(step: &Step) -> bool {
    matches!(step.verdict, "dropped" | "took" | "took_and_went_on")
}

impl Explanation {
    /// A line of JSON.
    pub(super) fn json_line(&self, at: &str) -> String {
        #[derive(Serialize)]
        struct Located<'a> {
            at: &'a str,
            #[serde(flatten)]
            explanation: &'a Explanation,
        }
        // Strings and numbers: this does not fail.
        let line = serde_json::to_string(&Located { at, explanation: self }).unwrap_or_default();
        format!("{line}\n")
    }

    /// The topics, in alphabetical order.
    pub(super) fn topics(&self) -> Vec<&str> {
        let mut topics: Vec<_> = self.records.iter().map(|record| record.topic.as_str()).collect();
        topics.sort_unstable();
        topics
    }
}

impl Outcome {
    /// As it is expected.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Routed => "routed",
            Self::Dropped => "dropped",
            Self::DeadLetter => "dead_letter",
            Self::Rejected => "rejected",
            Self::Probe => "probe",
        }
    }
}
