use super::{CALL_TIMEOUT, CommitError, Marker, RETRY_INTERVAL, ShouldRetry};
use crate::delivery::MAX_TIMESTAMP_AGE_MS;
use crate::kafka::client_context::ErrorLogContext;
use crate::record::{Headers, Record};
use chrono::Utc;
use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use std::sync::Arc;
use std::thread::sleep;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ErrorAction {
    Retry(String),
    /// Start another transaction.
    Abort(String),
    /// Like [`ErrorAction::Abort`], with the present time for all records, because Kafka refuses one's time.
    Restamp(String),
    Fail(CommitError),
}

pub(super) fn classify(error: &KafkaError) -> ErrorAction {
    let reason = error.to_string();
    if let Some(code) = error.rdkafka_error_code().filter(|code| is_forbidden(*code)) {
        return ErrorAction::Fail(forbidden(code, None));
    }
    let KafkaError::Transaction(inner) = error else { return ErrorAction::Abort(reason) };
    match inner.code() {
        code if is_forbidden(code) => ErrorAction::Fail(forbidden(code, None)),
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => {
            ErrorAction::Fail(CommitError::Fenced)
        }
        _ if inner.is_fatal() => ErrorAction::Fail(CommitError::Failed(reason)),
        _ if inner.txn_requires_abort() => ErrorAction::Abort(reason),
        _ if inner.is_retriable() => ErrorAction::Retry(reason),
        _ => ErrorAction::Abort(reason),
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

fn forbidden(code: Code, topic: Option<&str>) -> CommitError {
    let needs = "the user needs Write and Describe on the transactional id and on every topic written to";
    let of = topic.map(|topic| format!(" ({topic})")).unwrap_or_default();
    CommitError::Failed(format!("a right on Kafka is missing: {code}{of}; {needs}"))
}

pub(super) struct TransactionAttempt<'a> {
    pub(super) producer: &'a ThreadedProducer<TransactionContext>,
    pub(super) records: &'a [Record],
    pub(super) markers: &'a [Marker],
    /// All records get the present time, otherwise only old ones.
    pub(super) is_restamped: bool,
}

impl TransactionAttempt<'_> {
    /// Waits for the reports.
    pub(super) fn send(&self, should_retry: ShouldRetry<'_>) -> Result<(), ErrorAction> {
        self.producer.context().take();
        self.producer.begin_transaction().map_err(|error| match classify(&error) {
            ErrorAction::Retry(reason) => ErrorAction::Abort(reason),
            action => action,
        })?;
        // Kafka deletes by timestamp.
        let now_ms = Utc::now().timestamp_millis();
        for record in self.records {
            let is_old = now_ms.saturating_sub(record.timestamp) >= MAX_TIMESTAMP_AGE_MS;
            let timestamp = if is_old || self.is_restamped { now_ms } else { record.timestamp };
            self.send_one(|| of_record(record, timestamp), &record.topic, should_retry)?;
        }
        for marker in self.markers {
            self.send_one(|| of_marker(marker), &marker.topic, should_retry)?;
        }
        while self.producer.in_flight_count() > 0 {
            if self.producer.flush(CALL_TIMEOUT).is_err() && !should_retry("records are not acknowledged") {
                return Err(ErrorAction::Fail(CommitError::Stopped));
            }
        }
        self.producer.context().take().map_or(Ok(()), |(topic, code)| Err(failed(code, &topic)))
    }

    fn send_one<'r>(
        &self,
        record: impl Fn() -> BaseRecord<'r, [u8], [u8], Box<Arc<str>>>,
        topic: &str,
        should_retry: ShouldRetry<'_>,
    ) -> Result<(), ErrorAction> {
        loop {
            let Err((error, _)) = self.producer.send(record()) else { return Ok(()) };
            match error.rdkafka_error_code() {
                Some(Code::QueueFull) if should_retry("the queue to Kafka is full") => sleep(RETRY_INTERVAL),
                Some(Code::QueueFull) => return Err(ErrorAction::Fail(CommitError::Stopped)),
                Some(code) => return Err(failed(code, topic)),
                None => return Err(ErrorAction::Abort(error.to_string())),
            }
        }
    }
}

/// Unknown errors are retried.
fn failed(code: Code, topic: &str) -> ErrorAction {
    match code {
        code if is_forbidden(code) => ErrorAction::Fail(forbidden(code, Some(topic))),
        Code::MessageSizeTooLarge
        | Code::MessageBatchTooLarge
        | Code::InvalidMessage
        | Code::InvalidMessageSize
        | Code::InvalidRecord => ErrorAction::Fail(CommitError::Refused(format!("{code} (topic {topic})"))),
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => {
            ErrorAction::Fail(CommitError::Fenced)
        }
        Code::InvalidTimestamp => ErrorAction::Restamp(format!("{code} (topic {topic})")),
        code => ErrorAction::Abort(format!("{code} (topic {topic})")),
    }
}

fn of_record(record: &Record, timestamp: i64) -> BaseRecord<'_, [u8], [u8], Box<Arc<str>>> {
    let base = BaseRecord::with_opaque_to(&record.topic, Box::new(Arc::clone(&record.topic)))
        .payload(&record.value[..])
        .timestamp(timestamp)
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

pub(super) struct TransactionContext {
    pub(super) client: ErrorLogContext,
    /// Topic and error of the first record that was not delivered.
    failed: Mutex<Option<(Arc<str>, Code)>>,
}

impl TransactionContext {
    pub(super) fn new(client: ErrorLogContext) -> Self {
        Self { client, failed: Mutex::default() }
    }

    fn take(&self) -> Option<(Arc<str>, Code)> {
        self.failed.lock().take()
    }
}

impl ClientContext for TransactionContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.client.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.client.error(error, reason);
    }
}

impl ProducerContext for TransactionContext {
    type DeliveryOpaque = Box<Arc<str>>;

    fn delivery(&self, result: &DeliveryResult<'_>, topic: Box<Arc<str>>) {
        let Err((error, _)) = result else { return };
        let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
        let mut failed = self.failed.lock();
        // Records purged because of another one do not show the cause.
        let is_echo = matches!(code, Code::PurgeQueue | Code::PurgeInflight);
        if failed.is_none() && !is_echo {
            *failed = Some((*topic, code));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_permanent_refusals_are_final() {
        let is_refused = |code| matches!(failed(code, "t"), ErrorAction::Fail(CommitError::Refused(_)));
        assert!(is_refused(Code::MessageSizeTooLarge) && is_refused(Code::InvalidRecord));
        for code in
            [Code::UnknownTopicOrPartition, Code::MessageTimedOut, Code::NotEnoughReplicas, Code::Unknown]
        {
            assert!(matches!(failed(code, "t"), ErrorAction::Abort(_)), "{code}");
        }
    }

    #[test]
    fn later_producer_fences_the_earlier_one() {
        for code in [Code::Fenced, Code::ProducerFenced, Code::InvalidProducerEpoch] {
            assert_eq!(failed(code, "t"), ErrorAction::Fail(CommitError::Fenced), "{code}");
        }
    }

    #[test]
    fn missing_right_is_final_and_names_the_topic() {
        let ErrorAction::Fail(CommitError::Failed(text)) = failed(Code::TopicAuthorizationFailed, "calls")
        else {
            panic!("waits for a permission that nobody gives");
        };
        assert!(text.contains("calls") && text.contains("Write"), "{text}");
    }
}
