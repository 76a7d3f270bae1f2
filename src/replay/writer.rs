use crate::delivery::TopicFailure;
use crate::kafka::{self, CommitError, Marker, ShouldRetry, TransactionalProducer};
use crate::record::Record;
use std::collections::HashSet;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;
use tokio::runtime::Handle;

const ENSURE_RETRY_INTERVAL: Duration = Duration::from_millis(500);

pub(crate) struct ReplayWriter {
    transactions: TransactionalProducer,
    ensured: HashSet<Arc<str>>,
    runtime: Handle,
}

impl ReplayWriter {
    /// Fences the previous owner of the id. Another thread must drive `runtime`.
    pub(crate) fn open(
        config: &kafka::Config,
        id: &str,
        runtime: Handle,
        keep_on: ShouldRetry<'_>,
    ) -> Result<Self, CommitError> {
        let transactions = TransactionalProducer::take_over(config, id, keep_on)?;
        Ok(Self { transactions, ensured: HashSet::new(), runtime })
    }

    pub(super) fn is_hidden(&self, topic: &str) -> Result<bool, kafka::Error> {
        self.transactions.is_hidden(topic)
    }

    /// Creates missing topics and writes all in one transaction. Waits for Kafka while `keep_on` returns
    /// `true`.
    pub(crate) fn write(
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
                Err(failure) if keep_on(&format!("{failure} ({topic})")) => sleep(ENSURE_RETRY_INTERVAL),
                Err(_) => return Err(CommitError::Stopped),
            }
        }
        Ok(())
    }
}
