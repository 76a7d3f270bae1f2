//! Seeing to it that topics are there.

use super::{Config, Error, TopicsConfig, client};
use crate::delivery::TopicFailure;
use crate::telemetry::Metrics;
use arc_swap::ArcSwap;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Knows which topics the cluster has and makes those that are missing.
pub struct Topics {
    admin: Arc<AdminClient<client::Context>>,
    config: ArcSwap<TopicsConfig>,
    metrics: Arc<Metrics>,
}

impl Topics {
    pub(super) fn new(
        config: &Config,
        context: client::Context,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Error> {
        let admin = AdminClient::from_config_and_context(&client::connection(config), context)?;
        Ok(Self { admin: Arc::new(admin), config: ArcSwap::from_pointee(config.topics.clone()), metrics })
    }

    /// Has missing topics from now on made by other settings.
    pub fn adopt(&self, config: TopicsConfig) {
        self.config.store(Arc::new(config));
    }

    /// Names of the topics that the cluster shows to this client.
    ///
    /// # Errors
    /// When no broker answers.
    pub async fn list(&self) -> Result<Vec<String>, Error> {
        let admin = Arc::clone(&self.admin);
        let fetched = tokio::task::spawn_blocking(move || {
            let metadata = admin.inner().fetch_metadata(None, TIMEOUT)?;
            Ok(metadata
                .topics()
                .iter()
                .filter(|topic| topic.error().is_none())
                .map(|topic| topic.name().to_owned())
                .collect())
        });
        fetched
            .await
            .map_err(|panic| Error::Unreachable(panic.to_string()))?
            .map_err(|error: rdkafka::error::KafkaError| Error::Unreachable(error.to_string()))
    }

    /// Makes sure that `topic` is there.
    pub(super) async fn ensure(&self, topic: &str) -> Result<(), TopicFailure> {
        if self.exists(topic).await? {
            return Ok(());
        }
        if !self.config.load().create_missing {
            return Err(TopicFailure::Missing);
        }
        self.create(topic).await
    }

    async fn exists(&self, topic: &str) -> Result<bool, TopicFailure> {
        let admin = Arc::clone(&self.admin);
        let name = topic.to_owned();
        let fetched = tokio::task::spawn_blocking(move || {
            let metadata = admin.inner().fetch_metadata(Some(&name), TIMEOUT).map_err(cluster)?;
            match metadata.topics().first().and_then(|topic| topic.error()) {
                None => Ok(!metadata.topics().is_empty()),
                Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) => Ok(false),
                // A topic just made has no leaders for a moment, but it is there.
                Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) => Ok(true),
                Some(error) => Err(TopicFailure::Cluster(RDKafkaErrorCode::from(error).to_string())),
            }
        });
        fetched.await.map_err(cluster)?
    }

    async fn create(&self, topic: &str) -> Result<(), TopicFailure> {
        // -1 asks for the broker's default.
        let config = self.config.load();
        let partitions = config.partitions.unwrap_or(-1);
        let replicas = TopicReplication::Fixed(config.replication_factor.unwrap_or(-1));
        let wanted = config
            .config
            .iter()
            .fold(NewTopic::new(topic, partitions, replicas), |wanted, (key, value)| wanted.set(key, value));
        let options = AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT));
        let results = self.admin.create_topics([&wanted], &options).await.map_err(cluster)?;
        match results.into_iter().next() {
            Some(Ok(_)) => {
                self.metrics.topics_created.inc();
                tracing::info!(topic, "created the topic");
                Ok(())
            }
            // Another replica of the bridge was faster.
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
            Some(Err((_, code))) => Err(TopicFailure::Cluster(format!("cannot create it: {code}"))),
            None => Err(TopicFailure::Cluster("the cluster gave no answer".into())),
        }
    }
}

fn cluster(error: impl std::fmt::Display) -> TopicFailure {
    TopicFailure::Cluster(error.to_string())
}
