//! Reading topics back, to show what was written.

use super::{Config, Error, client};
use crate::telemetry::Readiness;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

/// One record as it stands in its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailedRecord {
    /// The topic.
    pub topic: String,
    /// The partition, counted from zero.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: i64,
    /// The key, as text where it is text.
    pub key: Option<String>,
    /// The `ce_type` header, or for a dead letter its `dlq_reason`.
    pub label: String,
    /// Bytes of the value.
    pub size: usize,
}

/// Reads all partitions of some topics from their beginning, without a consumer group.
pub struct Tail {
    consumer: BaseConsumer<client::Context>,
}

impl ConsumerContext for client::Context {}

impl Tail {
    /// Starts to read.
    ///
    /// # Errors
    /// When the cluster does not answer within ten seconds.
    pub fn start(config: &Config, topics: &[String]) -> Result<Self, Error> {
        let mut settings = client::connection(config);
        // The library wants a group's name even where no group is joined.
        settings.set("group.id", "justcall-bridge-tail").set("enable.auto.commit", "false");
        // A person watches.
        settings.set("fetch.wait.max.ms", "50");
        let context = client::Context { readiness: Arc::new(Readiness::default()) };
        let consumer = BaseConsumer::from_config_and_context(&settings, context)?;
        let metadata =
            consumer.fetch_metadata(None, TIMEOUT).map_err(|error| Error::Unreachable(error.to_string()))?;
        let mut assignment = TopicPartitionList::new();
        for topic in metadata.topics().iter().filter(|topic| topics.iter().any(|name| name == topic.name())) {
            for partition in topic.partitions() {
                assignment.add_partition_offset(topic.name(), partition.id(), Offset::Beginning)?;
            }
        }
        consumer.assign(&assignment)?;
        Ok(Self { consumer })
    }

    /// The next record, or `None` if none comes within `timeout`.
    pub fn next(&self, timeout: Duration) -> Option<TailedRecord> {
        let message = match self.consumer.poll(timeout)? {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(%error, "cannot read the topics back");
                return None;
            }
        };
        let header = |name: &str| {
            let headers = message.headers()?;
            headers.iter().find(|header| header.key == name).and_then(|header| header.value).map(lossy)
        };
        Some(TailedRecord {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(lossy),
            label: header("ce_type").or_else(|| header("dlq_reason")).unwrap_or_default(),
            size: message.payload_len(),
        })
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
