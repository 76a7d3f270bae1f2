use crate::health::Readiness;
use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Logs each cause of errors once, and reports errors to the readiness.
#[derive(Clone)]
pub(super) struct ErrorLogContext {
    pub(super) readiness: Arc<Readiness>,
    logged: Arc<LoggedReasons>,
}

impl ErrorLogContext {
    pub(super) fn new(readiness: Arc<Readiness>) -> Self {
        Self { readiness, logged: Arc::default() }
    }
}

impl ClientContext for ErrorLogContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode as Code;
        let reason = plain_reason(reason);
        match error.rdkafka_error_code() {
            Some(Code::AllBrokersDown) => self.readiness.kafka_down("no broker can be reached"),
            // A consumer looks up the coordinator of a group that it never joins, and gets partition ends as
            // errors.
            Some(Code::GroupAuthorizationFailed | Code::PartitionEOF) => {}
            Some(Code::Fatal) => tracing::error!(%error, reason, "librdkafka failed for good"),
            _ => {
                self.readiness.kafka_failed(reason);
                // Brokers close idle connections and restart; the next error has the cause.
                let is_end = reason.contains("Disconnected");
                if !is_end && self.logged.is_news(reason, Instant::now()) {
                    tracing::warn!(reason, "a request to Kafka failed");
                }
            }
        }
    }
}

#[derive(Default)]
struct LoggedReasons(Mutex<HashMap<String, Instant>>);

impl LoggedReasons {
    /// Interval after which a reason is logged again.
    const REPEAT_INTERVAL: Duration = Duration::from_secs(600);

    /// Further reasons are not logged.
    const MAX_REASONS: usize = 64;

    fn is_news(&self, cause: &str, now: Instant) -> bool {
        let mut logged = self.0.lock();
        logged.retain(|_, at| now.saturating_duration_since(*at) < Self::REPEAT_INTERVAL);
        if logged.len() >= Self::MAX_REASONS || logged.contains_key(cause) {
            return false;
        }
        logged.insert(cause.to_owned(), now);
        true
    }
}

/// Drops the state and time at a reason's end, which differ each time.
pub(super) fn plain_reason(reason: &str) -> &str {
    reason.find(" (after ").map_or(reason, |end| &reason[..end])
}

/// Logs at debug, whatever the level: [`ErrorLogContext`] logs the causes.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    tracing::debug!(target: "librdkafka", level = ?level, facility, "{message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_is_logged_once_in_ten_minutes() {
        let (logged, start) = (LoggedReasons::default(), Instant::now());
        assert!(logged.is_news("refused", start) && !logged.is_news("refused", start));
        assert!(logged.is_news("unresolved", start));
        let later = start + LoggedReasons::REPEAT_INTERVAL;
        assert!(logged.is_news("refused", later) && !logged.is_news("refused", later));
        for n in 0..2 * LoggedReasons::MAX_REASONS {
            logged.is_news(&n.to_string(), later);
        }
        assert!(!logged.is_news("one more", later));
    }
}
