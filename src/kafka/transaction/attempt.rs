//! One attempt at a transaction: its records handed over and reported.

use super::{KeepOn, Marker, NotCommitted, PAUSE, SLICE};
use crate::kafka::client;
use crate::record::{Headers, Record};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;

/// What an error means for a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same call may succeed.
    Again(String),
    /// The transaction is to be undone, and another one may succeed.
    Abort(String),
    /// Nothing more will be committed as it is.
    Final(NotCommitted),
}

/// What an error of a transaction's calls means.
pub(super) fn judge(error: &KafkaError) -> Verdict {
    let reason = error.to_string();
    if let Some(code) = error.rdkafka_error_code().filter(|code| is_forbidden(*code)) {
        return Verdict::Final(forbidden(code, None));
    }
    let KafkaError::Transaction(inner) = error else { return Verdict::Abort(reason) };
    match inner.code() {
        code if is_forbidden(code) => Verdict::Final(forbidden(code, None)),
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => {
            Verdict::Final(NotCommitted::Fenced)
        }
        _ if inner.is_fatal() => Verdict::Final(NotCommitted::Failed(reason)),
        _ if inner.txn_requires_abort() => Verdict::Abort(reason),
        _ if inner.is_retriable() => Verdict::Again(reason),
        _ => Verdict::Abort(reason),
    }
}

const fn is_forbidden(code: Code) -> bool {
    matches!(
        code,
        Code::TransactionalIdAuthorizationFailed
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
    )
}

fn forbidden(code: Code, topic: Option<&str>) -> NotCommitted {
    let needs = "the user needs Write and Describe on the transactional id and on every topic written to";
    let of = topic.map(|topic| format!(" ({topic})")).unwrap_or_default();
    NotCommitted::Failed(format!("Kafka forbids it: {code}{of}; {needs}"))
}

pub(super) struct Attempt<'a> {
    pub(super) producer: &'a ThreadedProducer<Context>,
    pub(super) records: &'a [Record],
    pub(super) markers: &'a [Marker],
}

impl Attempt<'_> {
    /// Begins a transaction, hands everything over and waits for every report.
    pub(super) fn send(&self, keep_on: KeepOn<'_>) -> Result<(), Verdict> {
        self.producer.context().take();
        self.producer.begin_transaction().map_err(|error| match judge(&error) {
            Verdict::Again(reason) => Verdict::Abort(reason),
            verdict => verdict,
        })?;
        for record in self.records {
            self.hand_over(|| of_record(record), &record.topic, keep_on)?;
        }
        for marker in self.markers {
            self.hand_over(|| of_marker(marker), &marker.topic, keep_on)?;
        }
        while self.producer.in_flight_count() > 0 {
            if self.producer.flush(SLICE).is_err() && !keep_on("records are not acknowledged") {
                return Err(Verdict::Final(NotCommitted::Stopped));
            }
        }
        self.producer.context().take().map_or(Ok(()), |(topic, code)| Err(failed(code, &topic)))
    }

    fn hand_over<'r>(
        &self,
        record: impl Fn() -> BaseRecord<'r, [u8], [u8], Box<Arc<str>>>,
        topic: &str,
        keep_on: KeepOn<'_>,
    ) -> Result<(), Verdict> {
        loop {
            let Err((error, _)) = self.producer.send(record()) else { return Ok(()) };
            match error.rdkafka_error_code() {
                Some(Code::QueueFull) if keep_on("the queue to Kafka is full") => sleep(PAUSE),
                Some(Code::QueueFull) => return Err(Verdict::Final(NotCommitted::Stopped)),
                Some(code) => return Err(failed(code, topic)),
                None => return Err(Verdict::Abort(error.to_string())),
            }
        }
    }
}

/// What it means for the transaction that a record was not delivered. What is not listed is tried again.
fn failed(code: Code, topic: &str) -> Verdict {
    match code {
        code if is_forbidden(code) => Verdict::Final(forbidden(code, Some(topic))),
        Code::MessageSizeTooLarge
        | Code::MessageBatchTooLarge
        | Code::InvalidMessage
        | Code::InvalidMessageSize
        | Code::InvalidRecord => Verdict::Final(NotCommitted::Refused(format!("{code} (topic {topic})"))),
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => {
            Verdict::Final(NotCommitted::Fenced)
        }
        code => Verdict::Abort(format!("{code} (topic {topic})")),
    }
}

fn of_record(record: &Record) -> BaseRecord<'_, [u8], [u8], Box<Arc<str>>> {
    let base = BaseRecord::with_opaque_to(&record.topic, Box::new(Arc::clone(&record.topic)))
        .payload(&record.value[..])
        .timestamp(record.timestamp)
        .headers(owned(&record.headers));
    match &record.key {
        Some(key) => base.key(&key[..]),
        None => base,
    }
}

fn of_marker(marker: &Marker) -> BaseRecord<'_, [u8], [u8], Box<Arc<str>>> {
    BaseRecord::with_opaque_to(&marker.topic, Box::new(Arc::clone(&marker.topic)))
        .partition(marker.partition)
        .timestamp(marker.timestamp)
        .headers(owned(&marker.headers))
}

fn owned(headers: &Headers) -> OwnedHeaders {
    headers.iter().fold(OwnedHeaders::new_with_capacity(16), |headers, (key, value)| {
        headers.insert(Header { key, value: Some(value) })
    })
}

/// Where the library's callbacks end.
pub(super) struct Context {
    pub(super) client: client::Context,
    /// The first record of the transaction that was not delivered: its topic and why.
    failed: Mutex<Option<(Arc<str>, Code)>>,
}

impl Context {
    pub(super) fn new(client: client::Context) -> Self {
        Self { client, failed: Mutex::default() }
    }

    fn take(&self) -> Option<(Arc<str>, Code)> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.client.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.client.error(error, reason);
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Arc<str>>;

    fn delivery(&self, result: &DeliveryResult<'_>, topic: Box<Arc<str>>) {
        let Err((error, _)) = result else { return };
        let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        // What was given up for another's sake tells nothing.
        let is_echo = matches!(code, Code::PurgeQueue | Code::PurgeInflight);
        if failed.is_none() && !is_echo {
            *failed = Some((*topic, code));
        }
    }
}

#[cfg(test)]
mod tests;
