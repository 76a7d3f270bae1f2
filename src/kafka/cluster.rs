//! Cluster for operator commands.
//!
//! rdkafka offers only Kafka's older request for topic configuration, which replaces all of it. So
//! [`Cluster::set_topic_config`] reads, changes and writes the whole; a concurrent change is lost. rdkafka
//! hides why a cluster refuses configuration; the result is checked instead, see [`KafkaRefusal`].

mod description;
mod error_listener;

#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use description::{Broker, ConfigOrigin, ConfigValue, Described, Partition, Topic};

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
use std::time::{Duration, Instant};

/// Time until a change of configuration must be visible.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(5);

const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// Cluster that has answered. Each request has ten seconds.
pub struct Cluster {
    admin: Admin,
    brokers: Vec<Broker>,
}

impl Cluster {
    /// Waits up to ten seconds for an answer; ends early on [`Error::AuthenticationFailed`] or
    /// [`Error::TlsFailed`].
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        Self::connect_within(config, TIMEOUT).await
    }

    /// [`Cluster::connect`] with another timeout.
    pub async fn connect_within(config: &Config, timeout: Duration) -> Result<Self, Error> {
        let listener = ErrorListener::new(config)?;
        let admin = Admin::new(config)?;
        let answered = tokio::task::spawn_blocking(move || listener.await_answer(timeout));
        let brokers = answered.await.map_err(|panic| Error::Unreachable(panic.to_string()))??;
        Ok(Self { admin, brokers })
    }

    /// Returns the brokers alive at the first answer.
    pub fn brokers(&self) -> &[Broker] {
        &self.brokers
    }

    /// Describes topics. A refusal for one topic is part of its description.
    pub async fn describe(&self, names: &[String]) -> Result<BTreeMap<String, Described>, Error> {
        let mut described = BTreeMap::new();
        let mut found = self.found(names).await?;
        let there: Vec<&str> = found.keys().map(String::as_str).collect();
        let mut configs = self.topic_configs(&there).await?;
        for name in names {
            let answer = match (found.remove(name), configs.remove(name)) {
                (Some(partitions), Some(config)) => Described::Found(Topic { partitions, config }),
                (Some(_), None) => return Err(Error::Unreachable("the cluster gave no answer".into())),
                (None, _) => self.refusal_of(name).await?,
            };
            described.entry(name.clone()).or_insert(answer);
        }
        Ok(described)
    }

    /// Returns a broker's configuration, with defaults. Needs the right `DescribeConfigs`.
    pub async fn broker_config(&self, id: i32) -> Result<BTreeMap<String, ConfigValue>, Error> {
        let wanted = [ResourceSpecifier::Broker(id)];
        let answers = self.admin.raw().describe_configs(&wanted, &options()).await.map_err(failed)?;
        Ok(convert_config(only(answers)?)?)
    }

    /// Creates a topic. `false`: it existed, and is unchanged.
    pub async fn create_topic(&self, name: &str, config: &TopicsConfig) -> Result<bool, Error> {
        self.admin.create(name, config).await
    }

    /// Checks whether this user could create the topic.
    pub async fn would_create_topic(&self, name: &str, config: &TopicsConfig) -> Result<(), Error> {
        self.admin.would_create(name, config).await
    }

    /// Adds partitions until the topic has `total`, which changes the partition of keys. Fails if it has as
    /// many.
    pub async fn add_partitions(&self, topic: &str, total: usize) -> Result<(), Error> {
        let wanted = [NewPartitions::new(topic, total)];
        let results = self.admin.raw().create_partitions(&wanted, &options()).await.map_err(failed)?;
        only(results)?.map(drop).map_err(|(_, code)| KafkaRefusal::from(code).into())
    }

    /// Sets `changes` on the topic and keeps its other values, see [the module](self).
    pub async fn set_topic_config(
        &self,
        topic: &str,
        changes: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let whole =
            with_changes(&self.topic_config(topic).await?, changes).ok_or(KafkaRefusal::ConfigHidden)?;
        let plain = AlterConfig::new(ResourceSpecifier::Topic(topic));
        let wanted = [whole.iter().fold(plain, |wanted, (name, value)| wanted.set(name, value))];
        self.admin.raw().alter_configs(&wanted, &options()).await.map_err(failed)?;
        // Brokers apply it with a delay.
        let deadline = Instant::now() + CHANGE_TIMEOUT;
        while !is_set(&self.topic_config(topic).await?, changes) {
            if Instant::now() > deadline {
                return Err(KafkaRefusal::NoEffect.into());
            }
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
        Ok(())
    }

    async fn found(&self, names: &[String]) -> Result<BTreeMap<String, Vec<Partition>>, Error> {
        let names: BTreeSet<String> = names.iter().cloned().collect();
        let read = move |metadata: &Metadata| {
            let wanted = |topic: &&MetadataTopic| is_there(topic.error()) && names.contains(topic.name());
            let found = metadata.topics().iter().filter(wanted);
            found.map(|topic| (topic.name().to_owned(), partitions(topic))).collect()
        };
        self.admin.metadata(None, read).await
    }

    /// Returns why a topic is not listed: only a request for the topic itself returns a refusal.
    async fn refusal_of(&self, name: &str) -> Result<Described, Error> {
        let read = |metadata: &Metadata| match metadata.topics().first() {
            Some(topic) => match topic.error() {
                Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) => Described::Missing,
                Some(error) if !is_there(Some(error)) => {
                    Described::Refused(RDKafkaErrorCode::from(error).into())
                }
                // Created after the list was read.
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
        // librdkafka answers in the order of the request.
        Ok(names.iter().map(|name| (*name).to_owned()).zip(answers.into_iter().map(convert_config)).collect())
    }
}

/// A new topic has no leaders for a moment.
fn is_there(error: Option<RDKafkaRespErr>) -> bool {
    matches!(error, None | Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE))
}

fn partitions(topic: &MetadataTopic) -> Vec<Partition> {
    let partition = |partition: &MetadataPartition| Partition {
        id: partition.id(),
        leader: Some(partition.leader()).filter(|id| *id >= 0),
        replicas: partition.replicas().to_vec(),
        in_sync: partition.isr().to_vec(),
    };
    let mut all: Vec<Partition> = topic.partitions().iter().map(partition).collect();
    all.sort_by_key(|partition| partition.id);
    all
}

/// An empty configuration means a missing right.
fn convert_config(answer: ConfigResourceResult) -> Result<BTreeMap<String, ConfigValue>, KafkaRefusal> {
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

/// Values of the broker or Kafka's defaults do not count.
fn is_set(now: &BTreeMap<String, ConfigValue>, changes: &BTreeMap<String, String>) -> bool {
    changes.iter().all(|(name, wanted)| {
        now.get(name).is_some_and(|it| {
            it.origin == ConfigOrigin::Topic
                && it.value.as_ref().is_some_and(|value| same_value(value, wanted))
        })
    })
}

/// Kafka normalizes numbers, booleans and lists.
pub(crate) fn same_value(one: &str, other: &str) -> bool {
    let items = |text: &str| text.split(',').map(|item| item.trim().to_owned()).collect::<Vec<_>>();
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let whole = |text: &str| text.trim().parse::<i64>().ok();
    let is_switch = |text: &str| ["true", "false"].iter().any(|word| text.trim().eq_ignore_ascii_case(word));
    match (whole(one), whole(other), number(one), number(other)) {
        // Floating-point numbers beyond 2^53 would be rounded.
        (Some(one), Some(other), ..) => one == other,
        (.., Some(one), Some(other)) => one == other,
        _ if is_switch(one) => one.trim().eq_ignore_ascii_case(other.trim()),
        _ => items(one) == items(other),
    }
}

/// `None` if a present value is hidden, because it would be lost.
fn with_changes(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::client_context::plain_reason;

    fn value(text: Option<&str>, origin: ConfigOrigin) -> ConfigValue {
        ConfigValue {
            value: text.map(str::to_owned),
            origin,
            is_read_only: false,
            is_sensitive: text.is_none(),
        }
    }

    fn map<V>(entries: Vec<(&str, V)>) -> BTreeMap<String, V> {
        entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    #[test]
    fn change_keeps_other_topic_values_and_does_not_pin_defaults() {
        let now = map(vec![
            ("cleanup.policy", value(Some("compact"), ConfigOrigin::Topic)),
            ("retention.ms", value(Some("1"), ConfigOrigin::Topic)),
            ("segment.bytes", value(Some("2"), ConfigOrigin::Default)),
            ("max.message.bytes", value(Some("3"), ConfigOrigin::Broker)),
        ]);
        let whole = with_changes(&now, &map(vec![("retention.ms", "5".to_owned())]));
        let expected = map(vec![("cleanup.policy", "compact".to_owned()), ("retention.ms", "5".to_owned())]);
        assert_eq!(whole, Some(expected));
    }

    #[test]
    fn hidden_value_is_not_overwritten() {
        let now = map(vec![("secret.of.the.topic", value(None, ConfigOrigin::Topic))]);
        assert_eq!(with_changes(&now, &map(vec![("retention.ms", "5".to_owned())])), None);
        let changes = map(vec![("secret.of.the.topic", "5".to_owned())]);
        assert_eq!(with_changes(&now, &changes), Some(changes.clone()));
    }

    #[test]
    fn reason_has_no_time_or_state() {
        let said = "b:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT, 3 identical error(s) suppressed)";
        assert_eq!(
            plain_reason(said),
            "b:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused"
        );
        assert_eq!(plain_reason("1/1 brokers are down"), "1/1 brokers are down");
    }

    #[test]
    fn refusal_has_a_description_and_recognizes_a_missing_right() {
        let refusal = KafkaRefusal::from(RDKafkaErrorCode::TopicAuthorizationFailed);
        assert_eq!(refusal.to_string(), "Topic authorization failed");
        assert!(refusal.is_authorization());
        assert!(!KafkaRefusal::from(RDKafkaErrorCode::InvalidConfig).is_authorization());
    }

    #[test]
    fn change_is_effective_only_if_set_on_the_topic_itself() {
        let changes = map(vec![("retention.ms", "5".to_owned())]);
        let now = |text, origin| map(vec![("retention.ms", value(Some(text), origin))]);
        assert!(is_set(&now("5", ConfigOrigin::Topic), &changes));
        assert!(!is_set(&now("6", ConfigOrigin::Topic), &changes));
        assert!(!is_set(&now("5", ConfigOrigin::Broker), &changes), "the broker's may change tomorrow");
        assert!(!is_set(&BTreeMap::new(), &changes));
    }

    #[test]
    fn equal_values_may_be_written_differently() {
        for (one, other) in [
            ("0.5", "0.50"),
            ("compact,delete", "compact, delete"),
            ("TRUE", "true"),
            ("5", " 5"),
            ("-1", "-1"),
        ] {
            assert!(same_value(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("compact,delete", "delete,compact"),
            ("9007199254740993", "9007199254740992"),
            ("producer", "Producer"),
            ("true", "1"),
            ("", "0"),
        ] {
            assert!(!same_value(one, other), "{one} {other}");
        }
    }
}
