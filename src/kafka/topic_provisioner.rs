use super::admin::{self, Admin};
use super::{Config, Error, TopicsConfig};
use crate::delivery::TopicFailure;
use crate::telemetry::Metrics;
use arc_swap::ArcSwap;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::MetadataTopic;
use rdkafka::types::RDKafkaRespErr;
use std::sync::Arc;

/// Looks up topics and creates missing ones if the settings allow it.
pub(crate) struct TopicProvisioner {
    admin: Admin,
    config: ArcSwap<TopicsConfig>,
    metrics: Arc<Metrics>,
}

impl TopicProvisioner {
    pub(super) fn new(config: &Config, metrics: Arc<Metrics>) -> Result<Self, Error> {
        Ok(Self { admin: Admin::new(config)?, config: ArcSwap::from_pointee(config.topics.clone()), metrics })
    }

    pub(crate) fn adopt(&self, config: TopicsConfig) {
        self.config.store(Arc::new(config));
    }

    pub(super) fn admin(&self) -> &Admin {
        &self.admin
    }

    pub(crate) async fn list(&self) -> Result<Vec<(String, u32)>, Error> {
        self.admin.topics().await
    }

    /// Returns the number of partitions; 0: unknown.
    pub(super) async fn ensure(&self, topic: &str) -> Result<u32, TopicFailure> {
        if let Some(partitions) = self.partitions(topic).await? {
            return Ok(partitions);
        }
        if !self.config.load().create_missing {
            return Err(TopicFailure::Missing);
        }
        self.create(topic).await?;
        Ok(self.partitions(topic).await.ok().flatten().unwrap_or(0))
    }

    /// `None`: the topic does not exist.
    async fn partitions(&self, topic: &str) -> Result<Option<u32>, TopicFailure> {
        let count = |topic: &MetadataTopic| match topic.error() {
            None => Ok(Some(admin::partitions(topic))),
            Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) => Ok(None),
            // A new topic has no leaders for a moment.
            Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) => {
                Ok(Some(admin::partitions(topic)))
            }
            Some(error) => Err(cluster(RDKafkaErrorCode::from(error))),
        };
        let answer = self
            .admin
            .metadata(Some(topic), move |metadata| metadata.topics().first().map_or(Ok(None), count));
        answer.await.map_err(cluster)?
    }

    async fn create(&self, topic: &str) -> Result<(), TopicFailure> {
        match self.admin.create(topic, &self.config.load_full()).await {
            Ok(true) => {
                self.metrics.topics_created.inc();
                tracing::info!(topic, "created the topic");
                Ok(())
            }
            // Another replica of the bridge created it.
            Ok(false) => Ok(()),
            Err(error) => Err(TopicFailure::Cluster(format!("cannot create it: {error}"))),
        }
    }
}

fn cluster(error: impl std::fmt::Display) -> TopicFailure {
    TopicFailure::Cluster(error.to_string())
}
