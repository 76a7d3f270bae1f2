//! Questions and changes that go to the cluster by its admin API: what [`Topics`](super::Topics) and
//! [`Cluster`](super::Cluster) share.

use super::closing::Closing;
use super::{Config, Error, Refusal, TopicsConfig, client};
use arc_swap::ArcSwap;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication, TopicResult};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{ClientConfig, FromClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::{Metadata, MetadataTopic};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// How long the cluster may take for one answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may get no answer before another takes its place. Longer than the library takes to
/// notice a broken connection and to make another.
const PATIENCE: Duration = Duration::from_secs(15);

type Client = Closing<AdminClient<DefaultClientContext>>;

/// A client that asks and changes and neither reads nor writes records.
///
/// Behind it stands one client of the library after the other. Brokers that are all fenced, as for a
/// moment after a freeze or while all restart, tell that there are none. The library then forgets those
/// that it knows, and whether it begins again with the bootstrap servers is a race that it can lose for
/// good (confluentinc/librdkafka, issue 5301).
#[derive(Clone)]
pub(super) struct Admin(Arc<Shared>);

struct Shared {
    settings: ClientConfig,
    client: ArcSwap<Client>,
    /// Since when the client has been asked in vain.
    in_vain_since: Mutex<Option<Instant>>,
    patience: Duration,
}

impl Admin {
    /// Connects by and by.
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        Self::patient(config, PATIENCE)
    }

    fn patient(config: &Config, patience: Duration) -> Result<Self, Error> {
        let mut settings = client::connection(config);
        // The library puts this client's log into a queue that nobody serves: in an outage it would
        // grow without end.
        settings.set_log_level(RDKafkaLogLevel::Emerg);
        let client = ArcSwap::from_pointee(Closing::new(AdminClient::from_config(&settings)?));
        Ok(Self(Arc::new(Shared { settings, client, in_vain_since: Mutex::default(), patience })))
    }

    /// The library's own client, for what rdkafka's admin API does not wrap.
    pub(super) fn raw(&self) -> Arc<Client> {
        self.0.client.load_full()
    }

    /// Whether a broker answers within that time. Blocks.
    pub(super) fn is_answered(&self, within: Duration) -> bool {
        self.fetch(None, within).is_ok()
    }

    fn fetch(&self, topic: Option<&str>, within: Duration) -> Result<Metadata, KafkaError> {
        let asked = Instant::now();
        let fetched = self.raw().inner().fetch_metadata(topic, within);
        if self.0.is_to_be_replaced(asked, fetched.is_ok()) {
            match AdminClient::from_config(&self.0.settings) {
                Ok(client) => self.0.client.store(Arc::new(Closing::new(client))),
                Err(error) => tracing::warn!(%error, "cannot make a new client to ask the cluster"),
            }
        }
        fetched
    }

    /// What `read` takes from the metadata of one topic, or of all of them.
    pub(super) async fn metadata<T: Send + 'static>(
        &self,
        topic: Option<&str>,
        read: impl FnOnce(&Metadata) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (admin, topic) = (self.clone(), topic.map(str::to_owned));
        let fetched =
            tokio::task::spawn_blocking(move || admin.fetch(topic.as_deref(), TIMEOUT).map(|it| read(&it)));
        fetched.await.map_err(|panic| Error::Unreachable(panic.to_string()))?.map_err(failed)
    }

    /// Returns the topics that the cluster shows to this client, with the number of their partitions.
    pub(super) async fn topics(&self) -> Result<Vec<(String, u32)>, Error> {
        let topics = |metadata: &Metadata| {
            let readable = metadata.topics().iter().filter(|topic| topic.error().is_none());
            readable.map(|topic| (topic.name().to_owned(), partitions(topic))).collect()
        };
        self.metadata(None, topics).await
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
        only(self.raw().create_topics([&wanted], options).await.map_err(failed)?)
    }
}

impl Shared {
    /// Takes in whether the client was answered, and when it was asked. Whoever is told so replaces it.
    fn is_to_be_replaced(&self, asked: Instant, is_answered: bool) -> bool {
        let mut since = self.in_vain_since.lock().unwrap_or_else(PoisonError::into_inner);
        if is_answered {
            *since = None;
            return false;
        }
        // The next client has its own time.
        since.get_or_insert(asked).elapsed() >= self.patience && since.take().is_some()
    }
}

/// Returns the number of partitions of a topic.
pub(super) fn partitions(topic: &MetadataTopic) -> u32 {
    u32::try_from(topic.partitions().len()).unwrap_or(0)
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
