//! Events that go through the rules once more, and their way into Kafka. What waits here blocks.

use crate::config::Settings;
use crate::delivery::TopicFailure;
use crate::ingest::{self, Facts, Verdict};
use crate::kafka::{self, CommitError, Marker, ShouldRetry, TransactionalProducer};
use crate::record::{Headers, Record, names};
use crate::routing::{Records, Table};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use std::collections::HashSet;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;
use tokio::runtime::Handle;

const PAUSE: Duration = Duration::from_millis(500);

/// The rules of the settings, for events that are not posted.
pub struct Rules {
    rules: ingest::Rules,
    /// The names of the sources, in the order of the settings.
    sources: Vec<String>,
    /// Every topic that the settings can yield.
    topics: HashSet<Arc<str>>,
}

/// What the rules make of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// It becomes these records.
    Records(Records),
    /// It becomes nothing, and why: JustCall trying the URL, or a route that drops it.
    Nothing(&'static str),
    /// It stays, or becomes, a dead letter.
    Rejected {
        /// Stable tag, as in `dlq_reason`.
        reason: String,
        /// For a person. No part of the body.
        detail: String,
    },
}

impl Rules {
    /// The rules of these settings.
    ///
    /// # Errors
    /// When the routes contradict themselves.
    pub fn of(settings: &Settings) -> Result<Self, super::Error> {
        let table = Table::compile(&settings.routing).map_err(super::Error::Routes)?;
        let sources = settings.ingest.sources.iter().map(|source| source.name.clone()).collect();
        let topics = super::topics(settings, &table).into_iter().collect();
        Ok(Self { rules: ingest::Rules::new(&settings.ingest, table), sources, topics })
    }

    /// The names of the sources.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(String::as_str)
    }

    /// Returns true if the settings can yield this topic: by a route or as the dead-letter topic.
    pub fn can_yield(&self, topic: &str) -> bool {
        self.topics.contains(topic)
    }

    /// What becomes of a body that a source posts, or posted. The records say when they were replayed;
    /// all else in them is as it would have been then, but for what only the request said: the time in a
    /// signed header and a `traceparent`.
    pub fn rule(
        &self,
        source: &str,
        body: &Bytes,
        received_at: DateTime<Utc>,
        replayed_at: DateTime<Utc>,
    ) -> Ruling {
        let Some(source) = self.sources.iter().position(|name| name == source) else {
            return Ruling::Rejected {
                reason: "unknown_source".into(),
                detail: "the settings have no source of that name any more".into(),
            };
        };
        let facts = Facts { source, received_at, signed_at: None, trace: None };
        let Some(judged) = self.rules.judge(self.rules.read(body), body, &facts) else {
            return Ruling::Nothing("a probe");
        };
        match judged.verdict {
            Verdict::Forwarded(mut records) => {
                for record in &mut records {
                    record.headers = replayed(&record.headers, replayed_at);
                }
                Ruling::Records(records)
            }
            Verdict::Dropped => Ruling::Nothing("a route drops it"),
            Verdict::Rejected(rejection, _) => {
                Ruling::Rejected { reason: rejection.tag().into(), detail: rejection.to_string() }
            }
        }
    }
}

fn replayed(headers: &Headers, at: DateTime<Utc>) -> Headers {
    let at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    Headers::builder(headers.size() + 64).extend(headers).add(names::REPLAYED, at).build()
}

/// Where records go, together or not at all.
pub struct Outlet {
    transactions: TransactionalProducer,
    /// Topics that are known to be there.
    ensured: HashSet<Arc<str>>,
    runtime: Handle,
}

impl Outlet {
    /// Takes the transactional id over from whoever had it. `runtime` must be driven by another thread.
    ///
    /// # Errors
    /// When the user may not use the id, or `keep_on` says so.
    pub fn open(
        config: &kafka::Config,
        id: &str,
        runtime: Handle,
        keep_on: ShouldRetry<'_>,
    ) -> Result<Self, CommitError> {
        let transactions = TransactionalProducer::take_over(config, id, keep_on)?;
        Ok(Self { transactions, ensured: HashSet::new(), runtime })
    }

    /// Whether somebody else's open transaction hides the end of a topic.
    pub(super) fn is_hidden(&self, topic: &str) -> Result<bool, kafka::Error> {
        self.transactions.is_hidden(topic)
    }

    /// Writes all of it in one transaction, and makes sure before that the topics are there. Waits as
    /// long as Kafka cannot, and `keep_on` says so.
    ///
    /// # Errors
    /// When nothing was written.
    pub fn write(
        &mut self,
        records: &[Record],
        markers: &[Marker],
        keep_on: ShouldRetry<'_>,
    ) -> Result<(), CommitError> {
        for record in records {
            self.ensure(&record.topic, keep_on)?;
        }
        if records.is_empty() && markers.is_empty() {
            return Ok(());
        }
        self.transactions.commit(records, markers, keep_on)
    }

    fn ensure(&mut self, topic: &Arc<str>, keep_on: ShouldRetry<'_>) -> Result<(), CommitError> {
        while !self.ensured.contains(topic) {
            match self.runtime.block_on(self.transactions.ensure(topic)) {
                Ok(()) => {
                    self.ensured.insert(Arc::clone(topic));
                }
                Err(missing @ TopicFailure::Missing) => {
                    return Err(CommitError::Refused(format!("{missing} ({topic})")));
                }
                Err(failure) if keep_on(&format!("{failure} ({topic})")) => sleep(PAUSE),
                Err(_) => return Err(CommitError::Stopped),
            }
        }
        Ok(())
    }
}
