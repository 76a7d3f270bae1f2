//! Client of the admin API.

use super::background_drop::BackgroundDrop;
use super::{Config, Error, KafkaRefusal, TopicsConfig, client_config};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication, TopicResult};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{ClientConfig, FromClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::{Metadata, MetadataTopic};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// Longer than librdkafka needs to notice a broken connection and to reconnect.
const REPLACE_TIMEOUT: Duration = Duration::from_secs(15);

type Client = BackgroundDrop<AdminClient<DefaultClientContext>>;

/// Admin client, replaced when it gets no answers.
///
/// While all brokers are fenced, after a freeze or a restart, they report that there are none. librdkafka may
/// then lose all brokers and not return to the bootstrap servers (confluentinc/librdkafka, issue 5301).
#[derive(Clone)]
pub(super) struct Admin(Arc<AdminInner>);

struct AdminInner {
    settings: ClientConfig,
    client: ArcSwap<Client>,
    unanswered_since: Mutex<Option<Instant>>,
    replace_timeout: Duration,
}

impl Admin {
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        Self::with_replace_timeout(config, REPLACE_TIMEOUT)
    }

    fn with_replace_timeout(config: &Config, replace_timeout: Duration) -> Result<Self, Error> {
        let mut settings = client_config::connection(config);
        // librdkafka queues this log and no thread polls the queue, which would grow without limit in an
        // outage.
        settings.set_log_level(RDKafkaLogLevel::Emerg);
        let client = ArcSwap::from_pointee(BackgroundDrop::new(AdminClient::from_config(&settings)?));
        Ok(Self(Arc::new(AdminInner {
            settings,
            client,
            unanswered_since: Mutex::default(),
            replace_timeout,
        })))
    }

    /// Used for requests that rdkafka's admin API does not wrap.
    pub(super) fn raw(&self) -> Arc<Client> {
        self.0.client.load_full()
    }

    /// Blocks.
    pub(super) fn is_cluster_answering(&self, within: Duration) -> bool {
        self.fetch(None, within).is_ok()
    }

    fn fetch(&self, topic: Option<&str>, within: Duration) -> Result<Metadata, KafkaError> {
        let asked = Instant::now();
        let fetched = self.raw().inner().fetch_metadata(topic, within);
        if self.0.is_to_be_replaced(asked, fetched.is_ok()) {
            match AdminClient::from_config(&self.0.settings) {
                Ok(client) => self.0.client.store(Arc::new(BackgroundDrop::new(client))),
                Err(error) => tracing::warn!(%error, "cannot create a new admin client"),
            }
        }
        fetched
    }

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

    /// Returns the topics that this client may see, with their numbers of partitions.
    pub(super) async fn topics(&self) -> Result<Vec<(String, u32)>, Error> {
        let topics = |metadata: &Metadata| {
            let readable = metadata.topics().iter().filter(|topic| topic.error().is_none());
            readable.map(|topic| (topic.name().to_owned(), partitions(topic))).collect()
        };
        self.metadata(None, topics).await
    }

    /// `false`: it existed already.
    pub(super) async fn create(&self, topic: &str, config: &TopicsConfig) -> Result<bool, Error> {
        match self.create_with(topic, config, &options()).await? {
            Ok(_) => Ok(true),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => Ok(false),
            Err((_, code)) => Err(KafkaRefusal::from(code).into()),
        }
    }

    pub(super) async fn would_create(&self, topic: &str, config: &TopicsConfig) -> Result<(), Error> {
        let made = self.create_with(topic, config, &options().validate_only(true)).await?;
        made.map(drop).map_err(|(_, code)| KafkaRefusal::from(code).into())
    }

    async fn create_with(
        &self,
        topic: &str,
        config: &TopicsConfig,
        options: &AdminOptions,
    ) -> Result<TopicResult, Error> {
        // -1 is the broker's default.
        let partitions = config.partitions.unwrap_or(-1);
        let replicas = TopicReplication::Fixed(config.replication_factor.unwrap_or(-1));
        let plain = NewTopic::new(topic, partitions, replicas);
        let wanted = config.config.iter().fold(plain, |wanted, (key, value)| wanted.set(key, value));
        only(self.raw().create_topics([&wanted], options).await.map_err(failed)?)
    }
}

impl AdminInner {
    /// `asked`: time of the request. Returns `true` to one caller when the client must be replaced.
    fn is_to_be_replaced(&self, asked: Instant, is_cluster_answering: bool) -> bool {
        let mut since = self.unanswered_since.lock();
        if is_cluster_answering {
            *since = None;
            return false;
        }
        since.get_or_insert(asked).elapsed() >= self.replace_timeout && since.take().is_some()
    }
}

pub(super) fn partitions(topic: &MetadataTopic) -> u32 {
    u32::try_from(topic.partitions().len()).unwrap_or(0)
}

pub(super) fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT))
}

pub(super) fn only<T>(answers: Vec<T>) -> Result<T, Error> {
    answers.into_iter().next().ok_or_else(|| Error::Unreachable("the cluster gave no answer".into()))
}

pub(super) fn failed(error: KafkaError) -> Error {
    use RDKafkaErrorCode as Code;
    let code = match &error {
        // rdkafka's own method does not cover it.
        KafkaError::AdminOp(code) => Some(*code),
        error => error.rdkafka_error_code(),
    };
    match code {
        Some(code @ (Code::Authentication | Code::SaslAuthenticationFailed)) => {
            Error::AuthenticationFailed(code.to_string())
        }
        Some(code @ Code::SSL) => Error::TlsFailed(code.to_string()),
        // librdkafka's own codes concern the connection; those of the broker are its answer.
        Some(code) if (code as i32) > 0 && code != Code::RequestTimedOut => KafkaRefusal::from(code).into(),
        Some(code) => Error::Unreachable(code.to_string()),
        None => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::tests::forgetful::ForgetfulBroker;
    use std::collections::BTreeMap;

    const REPLACE_TIMEOUT: Duration = Duration::from_secs(60);
    const WITHIN: Duration = Duration::from_secs(1);

    fn config(bootstrap_servers: String) -> Config {
        let (partitions, replication_factor, config) = (None, None, BTreeMap::new());
        let topics = TopicsConfig { create_missing: false, partitions, replication_factor, config };
        Config { bootstrap_servers, properties: BTreeMap::new(), topics }
    }

    fn await_answer(admin: &Admin) {
        let deadline = Instant::now() + REPLACE_TIMEOUT;
        while !admin.is_cluster_answering(WITHIN) {
            assert!(Instant::now() < deadline, "not answered");
        }
    }

    #[test]
    fn client_without_known_brokers_finds_them_again() {
        let broker = ForgetfulBroker::start();
        let admin = Admin::with_replace_timeout(&config(broker.address()), Duration::from_secs(2)).unwrap();
        await_answer(&admin);
        broker.forget();
        await_answer(&admin);
        assert!(broker.has_forgotten());
        await_answer(&admin);
    }

    #[test]
    fn client_is_replaced_after_its_timeout_without_an_answer() {
        let broker = ForgetfulBroker::start();
        let shared = Admin::with_replace_timeout(&config(broker.address()), WITHIN).unwrap().0;
        let long_ago = Instant::now().checked_sub(WITHIN).unwrap();
        assert!(!shared.is_to_be_replaced(Instant::now(), false));
        assert!(!shared.is_to_be_replaced(long_ago, false), "only the first of several questions counts");
        assert!(!shared.is_to_be_replaced(long_ago, true));
        assert!(shared.is_to_be_replaced(long_ago, false));
        assert!(!shared.is_to_be_replaced(Instant::now(), false), "the next client has its own time");
    }
}
