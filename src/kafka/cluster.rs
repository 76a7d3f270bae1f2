//! A cluster as an operator's commands see it.
//!
//! Its topics' configuration is written by Kafka's older request, for rdkafka offers no other to safe
//! code. That request replaces all that is set on a topic, so [`Cluster::set_topic_config`] reads what
//! is set, lays the change over it and writes the whole: a change that somebody else makes between the
//! two is undone. Nor does rdkafka pass on why a cluster does not tell or change a configuration: that
//! it did not is seen from what comes back, see [`KafkaRefusal`].

mod error_listener;

#[cfg(test)]
mod tests;

use super::admin::{Admin, TIMEOUT, failed, only, options};
use super::{Config, Error, KafkaRefusal, TopicsConfig};
use error_listener::ErrorListener;
use rdkafka::admin::{
    AlterConfig, ConfigEntry, ConfigResource, ConfigResourceResult, ConfigSource, NewPartitions,
    ResourceSpecifier,
};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::{Metadata, MetadataPartition, MetadataTopic};
use rdkafka::types::RDKafkaRespErr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a change of configuration may take to be seen.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(5);

/// How often it is looked for.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// A cluster that has answered. Every question has ten seconds.
pub struct Cluster {
    admin: Admin,
    listener: Arc<ErrorListener>,
    brokers: Vec<Broker>,
}

/// A member of the cluster, and where it tells clients to find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Its number in the cluster.
    pub id: i32,
    /// The host that it advertises, which clients must be able to reach.
    pub host: String,
    /// The port that it advertises.
    pub port: i32,
}

/// What the cluster tells of a topic that was asked for by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Described {
    /// It is not there.
    Missing,
    /// The cluster does not tell: mostly for want of the right `Describe`.
    Refused(KafkaRefusal),
    /// It is there.
    Found(Topic),
}

/// A topic as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// In the order of their numbers.
    pub partitions: Vec<Partition>,
    /// Its configuration by name, defaults included; refused without the right `DescribeConfigs`.
    pub config: Result<BTreeMap<String, ConfigValue>, KafkaRefusal>,
}

/// One partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Counted from zero.
    pub id: i32,
    /// The broker that takes its records; `None`: nobody does now.
    pub leader: Option<i32>,
    /// The brokers that are to hold it.
    pub replicas: Vec<i32>,
    /// Those of them that hold all of it.
    pub in_sync: Vec<i32>,
}

/// One value of a topic's or a broker's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigValue {
    /// `None`: the cluster keeps it to itself, as it does with secrets.
    pub value: Option<String>,
    /// Who said so.
    pub origin: ConfigOrigin,
    /// Whether it cannot be changed while the broker runs.
    pub is_read_only: bool,
    /// Whether it is a secret.
    pub is_sensitive: bool,
}

/// Where a value of the configuration comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigOrigin {
    /// It is set on the topic itself.
    Topic,
    /// It is set for the broker or the cluster.
    Broker,
    /// Nobody said anything: Kafka's own default.
    Default,
}

impl Cluster {
    /// Waits until a broker of the cluster has answered.
    ///
    /// # Errors
    /// [`Error::Client`] for a property that the library refuses; [`Error::AuthenticationFailed`] and
    /// [`Error::TlsFailed`] as soon as a broker says so; else [`Error::Unreachable`] after ten seconds.
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        Self::connect_within(config, TIMEOUT).await
    }

    /// The same with another limit.
    ///
    /// # Errors
    /// As [`Cluster::connect`].
    pub async fn connect_within(config: &Config, timeout: Duration) -> Result<Self, Error> {
        let listener = Arc::new(ErrorListener::new(config)?);
        let admin = Admin::new(config)?;
        let first = Arc::clone(&listener);
        let answered = tokio::task::spawn_blocking(move || first.await_answer(timeout));
        let brokers = answered.await.map_err(|panic| Error::Unreachable(panic.to_string()))??;
        Ok(Self { admin, listener, brokers })
    }

    /// What went wrong so far on the way to the cluster: a line each, in the library's words. Of several
    /// bootstrap servers those that were asked in vain; those that were not asked are not in it.
    pub fn trouble(&self) -> Vec<String> {
        self.listener.reasons()
    }

    /// The members of the cluster that were alive when it answered first.
    pub fn brokers(&self) -> &[Broker] {
        &self.brokers
    }

    /// What the cluster calls itself; `None` if it does not say.
    pub async fn id(&self) -> Option<String> {
        let admin = self.admin.clone();
        let asked = tokio::task::spawn_blocking(move || admin.raw().inner().fetch_cluster_id(TIMEOUT));
        asked.await.ok().flatten()
    }

    /// What the cluster tells of these topics.
    ///
    /// # Errors
    /// When the cluster does not answer. What it refuses of a single topic stands with that topic.
    pub async fn describe(&self, names: &[String]) -> Result<BTreeMap<String, Described>, Error> {
        let mut described = BTreeMap::new();
        let mut found = self.found(names).await?;
        let there: Vec<&str> = found.keys().map(String::as_str).collect();
        let mut configs = self.topic_configs(&there).await?;
        for name in names {
            let told = match (found.remove(name), configs.remove(name)) {
                (Some(partitions), Some(config)) => Described::Found(Topic { partitions, config }),
                (Some(_), None) => return Err(Error::Unreachable("the cluster gave no answer".into())),
                (None, _) => self.why_hidden(name).await?,
            };
            described.entry(name.clone()).or_insert(told);
        }
        Ok(described)
    }

    /// A broker's configuration by name, defaults included.
    ///
    /// # Errors
    /// When the cluster does not answer, or refuses for want of the right `DescribeConfigs` on it.
    pub async fn broker_config(&self, id: i32) -> Result<BTreeMap<String, ConfigValue>, Error> {
        let wanted = [ResourceSpecifier::Broker(id)];
        let answers = self.admin.raw().describe_configs(&wanted, &options()).await.map_err(failed)?;
        Ok(told(only(answers)?)?)
    }

    /// Makes a topic. `false`: it was there already and is left as it was.
    ///
    /// # Errors
    /// When the cluster does not answer, or refuses.
    pub async fn create_topic(&self, name: &str, config: &TopicsConfig) -> Result<bool, Error> {
        self.admin.create(name, config).await
    }

    /// Whether the cluster would make that topic for this user. Nothing is made.
    ///
    /// # Errors
    /// When the cluster does not answer, or would refuse.
    pub async fn would_create_topic(&self, name: &str, config: &TopicsConfig) -> Result<(), Error> {
        self.admin.would_create(name, config).await
    }

    /// Adds partitions until the topic has `total`. Which partition a key belongs to changes with it.
    ///
    /// # Errors
    /// When the cluster does not answer, or refuses: also where the topic has as many or more.
    pub async fn add_partitions(&self, topic: &str, total: usize) -> Result<(), Error> {
        let wanted = [NewPartitions::new(topic, total)];
        let results = self.admin.raw().create_partitions(&wanted, &options()).await.map_err(failed)?;
        only(results)?.map(drop).map_err(|(_, code)| KafkaRefusal::from(code).into())
    }

    /// Sets `changes` on the topic and leaves what else is set on it as it is, see [the module](self).
    ///
    /// # Errors
    /// When the cluster does not answer, or refuses to tell or to change the topic's configuration.
    pub async fn set_topic_config(
        &self,
        topic: &str,
        changes: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let whole = overlaid(&self.topic_config(topic).await?, changes).ok_or(KafkaRefusal::ConfigHidden)?;
        let plain = AlterConfig::new(ResourceSpecifier::Topic(topic));
        let wanted = [whole.iter().fold(plain, |wanted, (name, value)| wanted.set(name, value))];
        self.admin.raw().alter_configs(&wanted, &options()).await.map_err(failed)?;
        // Brokers hear of it by and by.
        let deadline = Instant::now() + CHANGE_TIMEOUT;
        while !is_set(&self.topic_config(topic).await?, changes) {
            if Instant::now() > deadline {
                return Err(KafkaRefusal::NoEffect.into());
            }
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
        Ok(())
    }

    /// The partitions of those of the topics that the cluster shows.
    async fn found(&self, names: &[String]) -> Result<BTreeMap<String, Vec<Partition>>, Error> {
        let names: BTreeSet<String> = names.iter().cloned().collect();
        let read = move |metadata: &Metadata| {
            let wanted = |topic: &&MetadataTopic| is_there(topic.error()) && names.contains(topic.name());
            let found = metadata.topics().iter().filter(wanted);
            found.map(|topic| (topic.name().to_owned(), partitions(topic))).collect()
        };
        self.admin.metadata(None, read).await
    }

    /// Why a topic is not among those that the cluster shows: only one asked for by name is refused.
    async fn why_hidden(&self, name: &str) -> Result<Described, Error> {
        let read = |metadata: &Metadata| match metadata.topics().first() {
            Some(topic) => match topic.error() {
                Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) => Described::Missing,
                Some(error) if !is_there(Some(error)) => {
                    Described::Refused(RDKafkaErrorCode::from(error).into())
                }
                // Made since the others were shown: for this look it is too late.
                _ => Described::Missing,
            },
            None => Described::Missing,
        };
        self.admin.metadata(Some(name), read).await
    }

    async fn topic_config(&self, name: &str) -> Result<BTreeMap<String, ConfigValue>, Error> {
        let mut configs = self.topic_configs(&[name]).await?;
        Ok(only(configs.remove(name).into_iter().collect())??)
    }

    async fn topic_configs(
        &self,
        names: &[&str],
    ) -> Result<BTreeMap<String, Result<BTreeMap<String, ConfigValue>, KafkaRefusal>>, Error> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let wanted: Vec<_> = names.iter().copied().map(ResourceSpecifier::Topic).collect();
        let answers = self.admin.raw().describe_configs(&wanted, &options()).await.map_err(failed)?;
        // The library answers in the order of the question.
        Ok(names.iter().map(|name| (*name).to_owned()).zip(answers.into_iter().map(told)).collect())
    }
}

/// A topic just made has no leaders for a moment, but it is there.
fn is_there(error: Option<RDKafkaRespErr>) -> bool {
    matches!(error, None | Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE))
}

fn brokers(metadata: &Metadata) -> Vec<Broker> {
    let told = metadata.brokers().iter();
    let mut all: Vec<_> = told
        .map(|broker| Broker { id: broker.id(), host: broker.host().into(), port: broker.port() })
        .collect();
    all.sort_by_key(|broker| broker.id);
    all
}

fn partitions(topic: &MetadataTopic) -> Vec<Partition> {
    let partition = |told: &MetadataPartition| Partition {
        id: told.id(),
        leader: Some(told.leader()).filter(|id| *id >= 0),
        replicas: told.replicas().to_vec(),
        in_sync: told.isr().to_vec(),
    };
    let mut all: Vec<Partition> = topic.partitions().iter().map(partition).collect();
    all.sort_by_key(|partition| partition.id);
    all
}

/// A configuration that has come. There is none without a single value.
fn told(answer: ConfigResourceResult) -> Result<BTreeMap<String, ConfigValue>, KafkaRefusal> {
    let values = values(answer.map_err(KafkaRefusal::from)?);
    if values.is_empty() { Err(KafkaRefusal::ConfigHidden) } else { Ok(values) }
}

fn values(resource: ConfigResource) -> BTreeMap<String, ConfigValue> {
    let value = |entry: ConfigEntry| {
        let origin = match entry.source {
            ConfigSource::DynamicTopic => ConfigOrigin::Topic,
            ConfigSource::Default => ConfigOrigin::Default,
            _ => ConfigOrigin::Broker,
        };
        let (is_read_only, is_sensitive) = (entry.is_read_only, entry.is_sensitive);
        (entry.name, ConfigValue { value: entry.value, origin, is_read_only, is_sensitive })
    };
    resource.entries.into_iter().map(value).collect()
}

/// Whether each of the changes is set on the topic itself.
fn is_set(now: &BTreeMap<String, ConfigValue>, changes: &BTreeMap<String, String>) -> bool {
    changes.iter().all(|(name, wanted)| {
        now.get(name).is_some_and(|it| {
            it.origin == ConfigOrigin::Topic
                && it.value.as_ref().is_some_and(|value| same_value(value, wanted))
        })
    })
}

/// Whether two values of a configuration mean the same: Kafka writes numbers, switches and lists in a
/// way of its own.
pub fn same_value(one: &str, other: &str) -> bool {
    let items = |text: &str| text.split(',').map(|item| item.trim().to_owned()).collect::<Vec<_>>();
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let whole = |text: &str| text.trim().parse::<i64>().ok();
    let is_switch = |text: &str| ["true", "false"].iter().any(|word| text.trim().eq_ignore_ascii_case(word));
    match (whole(one), whole(other), number(one), number(other)) {
        // Beyond 2^53 the others would round.
        (Some(one), Some(other), ..) => one == other,
        (.., Some(one), Some(other)) => one == other,
        _ if is_switch(one) => one.trim().eq_ignore_ascii_case(other.trim()),
        _ => items(one) == items(other),
    }
}

/// Everything that is to be set on a topic: what is, with the changes over it. `None` where a value
/// that is set is not told, for it would be lost.
fn overlaid(
    now: &BTreeMap<String, ConfigValue>,
    changes: &BTreeMap<String, String>,
) -> Option<BTreeMap<String, String>> {
    let own = now.iter().filter(|(_, value)| value.origin == ConfigOrigin::Topic);
    let kept = own.filter(|(name, _)| !changes.contains_key(*name));
    let mut whole = kept
        .map(|(name, value)| Some((name.clone(), value.value.clone()?)))
        .collect::<Option<BTreeMap<_, _>>>()?;
    whole.extend(changes.clone());
    Some(whole)
}
