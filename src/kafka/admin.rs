//! Questions and changes that go to the cluster by its admin API: what [`Topics`](super::Topics) and
//! [`Cluster`](super::Cluster) share.

use super::{Config, Error, Refusal, TopicsConfig, client};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication, TopicResult};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{FromClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;
use std::sync::Arc;
use std::time::Duration;

/// How long the cluster may take for one answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// A client that asks and changes and neither reads nor writes records.
#[derive(Clone)]
pub(super) struct Admin(Arc<AdminClient<DefaultClientContext>>);

impl Admin {
    /// Connects by and by.
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        let mut settings = client::connection(config);
        // The library puts this client's log into a queue that nobody serves: in an outage it would
        // grow without end.
        settings.set_log_level(RDKafkaLogLevel::Emerg);
        Ok(Self(Arc::new(AdminClient::from_config(&settings)?)))
    }

    /// The library's own client, for what rdkafka's admin API does not wrap.
    pub(super) fn raw(&self) -> &AdminClient<DefaultClientContext> {
        &self.0
    }

    /// What `read` takes from the metadata of one topic, or of all of them.
    pub(super) async fn metadata<T: Send + 'static>(
        &self,
        topic: Option<&str>,
        read: impl FnOnce(&Metadata) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (admin, topic) = (Arc::clone(&self.0), topic.map(str::to_owned));
        let fetched = tokio::task::spawn_blocking(move || {
            let metadata = admin.inner().fetch_metadata(topic.as_deref(), TIMEOUT)?;
            Ok(read(&metadata))
        });
        fetched.await.map_err(|panic| Error::Unreachable(panic.to_string()))?.map_err(failed)
    }

    /// Names of the topics that the cluster shows to this client.
    pub(super) async fn topic_names(&self) -> Result<Vec<String>, Error> {
        let names = |metadata: &Metadata| {
            let readable = metadata.topics().iter().filter(|topic| topic.error().is_none());
            readable.map(|topic| topic.name().to_owned()).collect()
        };
        self.metadata(None, names).await
    }

    /// Makes a topic. `false`: somebody else was faster.
    pub(super) async fn create(&self, topic: &str, config: &TopicsConfig) -> Result<bool, Error> {
        match self.create_with(topic, config, &options()).await? {
            Ok(_) => Ok(true),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => Ok(false),
            Err((_, code)) => Err(Refusal::from(code).into()),
        }
    }

    /// Asks whether a topic would be made, and makes none.
    pub(super) async fn would_create(&self, topic: &str, config: &TopicsConfig) -> Result<(), Error> {
        let made = self.create_with(topic, config, &options().validate_only(true)).await?;
        made.map(drop).map_err(|(_, code)| Refusal::from(code).into())
    }

    async fn create_with(
        &self,
        topic: &str,
        config: &TopicsConfig,
        options: &AdminOptions,
    ) -> Result<TopicResult, Error> {
        // -1 asks for the broker's default.
        let partitions = config.partitions.unwrap_or(-1);
        let replicas = TopicReplication::Fixed(config.replication_factor.unwrap_or(-1));
        let plain = NewTopic::new(topic, partitions, replicas);
        let wanted = config.config.iter().fold(plain, |wanted, (key, value)| wanted.set(key, value));
        only(self.0.create_topics([&wanted], options).await.map_err(failed)?)
    }
}

pub(super) fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT))
}

/// The answer to a question about one thing.
pub(super) fn only<T>(answers: Vec<T>) -> Result<T, Error> {
    answers.into_iter().next().ok_or_else(|| Error::Unreachable("the cluster gave no answer".into()))
}

/// Why the question as a whole was not answered.
pub(super) fn failed(error: KafkaError) -> Error {
    use RDKafkaErrorCode as Code;
    let code = match &error {
        // rdkafka's own method leaves it out.
        KafkaError::AdminOp(code) => Some(*code),
        error => error.rdkafka_error_code(),
    };
    match code {
        Some(code @ (Code::Authentication | Code::SaslAuthenticationFailed)) => {
            Error::NotLetIn(code.to_string())
        }
        Some(code @ Code::SSL) => Error::Untrusted(code.to_string()),
        // The library's own codes are about the way there, the broker's are its answer.
        Some(code) if (code as i32) > 0 && code != Code::RequestTimedOut => Refusal::from(code).into(),
        Some(code) => Error::Unreachable(code.to_string()),
        None => error.into(),
    }
}
