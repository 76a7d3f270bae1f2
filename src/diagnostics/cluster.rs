//! Compares the cluster with the settings.

use super::finding::{Finding, Level};
use super::servers::{self, Manner, Reach, Server};
use super::topic::{self, Wanted};
use super::{new_topic, write_probe};
use crate::kafka::{self, Broker, Cluster, ConfigOrigin, Described, Topic};
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::time::Duration;

const SERVERS: &str = "kafka.bootstrap_servers";
const BROKERS: &str = "kafka.brokers";

/// Expectations from the settings.
#[derive(Debug, Clone)]
pub(super) struct ClusterExpectations {
    pub(super) config: kafka::Config,
    pub(super) topics: Vec<String>,
    pub(super) dead_letter: String,
    /// Largest record, in bytes.
    pub(super) record: u64,
    /// Limit in bytes; `None` without a spool.
    pub(super) spool: Option<u64>,
    pub(super) window: Duration,
    /// Sends records that a broker must reject (`--probe`).
    pub(super) probe: bool,
}

impl ClusterExpectations {
    fn wanted(&self, topic: &str) -> Wanted {
        let topics = &self.config.topics;
        Wanted {
            partitions: topics.partitions,
            replicas: topics.replication_factor,
            record: self.record,
            is_dead_letter: topic == self.dead_letter,
            spool: self.spool,
            window: self.window,
        }
    }
}

pub(super) async fn check(plan: &ClusterExpectations, report: &dyn Fn(Finding), next: &dyn Fn(&str)) {
    next("reaching Kafka");
    let Some((config, brokers)) = reach(plan, report).await else {
        let text = "topics, brokers and rights: no Kafka server accepts the bridge";
        return report(Finding::skipped("kafka", text));
    };
    next("reaching the brokers");
    if !are_reachable(&brokers, &config, report).await {
        let text = "topics and rights: no broker can be reached at its advertised address";
        return report(Finding::skipped("kafka", text));
    }
    if let Err(error) = inside(plan, &config, report, next).await {
        let text = format!("the cluster's metadata cannot be read: {error}");
        report(Finding::failure("kafka", text, "see the broker's log, and run check again"));
    }
}

/// Returns the bootstrap servers that answer, and the brokers that they advertise.
async fn reach(plan: &ClusterExpectations, report: &dyn Fn(Finding)) -> Option<(kafka::Config, Vec<Server>)> {
    let all = Server::all(&plan.config.bootstrap_servers);
    let reached = servers::reach_all(&all, &plan.config).await;
    let manner = Manner::of(&plan.config);
    let any = reached.iter().any(|(reach, _)| *reach == Reach::Answers);
    for (server, (reach, _)) in all.iter().zip(&reached) {
        report(servers::judge(SERVERS, server, reach, any, &manner));
    }
    let good = all.iter().zip(&reached).filter(|(_, (reach, _))| *reach == Reach::Answers);
    let good: Vec<_> = good.map(|(server, _)| server.shown()).collect();
    let mut brokers: Vec<Server> = Vec::new();
    for broker in reached.into_iter().flat_map(|(_, brokers)| brokers) {
        if !brokers.contains(&broker) {
            brokers.push(broker);
        }
    }
    any.then(|| (kafka::Config { bootstrap_servers: good.join(","), ..plan.config.clone() }, brokers))
}

async fn inside(
    plan: &ClusterExpectations,
    config: &kafka::Config,
    report: &dyn Fn(Finding),
    next: &dyn Fn(&str),
) -> Result<(), kafka::Error> {
    let cluster = Cluster::connect(config).await?;
    let defaults = broker_defaults(&cluster, cluster.brokers()).await;
    next("asking for topics");
    let described = cluster.describe(&plan.topics).await?;
    let found = found(&described);
    if let Some(finding) = broker_size(defaults.as_ref(), &described, plan) {
        report(finding);
    }
    for (name, topic) in &found {
        topic::judge(topic, &plan.wanted(name)).into_iter().for_each(|finding| report(finding.of(*name)));
    }
    for (name, described) in &described {
        if let Described::Refused(refusal) = described {
            report(hidden(name, &refusal.to_string()));
        }
    }
    let missing = described.iter().filter(|(_, described)| **described == Described::Missing);
    let missing: Vec<&str> = missing.map(|(name, _)| name.as_str()).collect();
    new_topics(plan, &cluster, &missing, defaults.as_ref(), report).await;
    if plan.probe {
        next("trying to write");
        write_probe::check(config, &found, report).await;
    } else {
        report(Finding::skipped("write", "--probe checks the right to write"));
    }
    Ok(())
}

fn found(described: &BTreeMap<String, Described>) -> Vec<(&str, &Topic)> {
    let found = described.iter().filter_map(|(name, described)| match described {
        Described::Found(topic) => Some((name.as_str(), topic)),
        _ => None,
    });
    found.collect()
}

/// Checks the advertised broker addresses, which clients use instead of those of the settings.
async fn are_reachable(brokers: &[Server], config: &kafka::Config, report: &dyn Fn(Finding)) -> bool {
    let known = Server::all(&config.bootstrap_servers);
    let others: Vec<Server> = brokers.iter().filter(|server| !known.contains(server)).cloned().collect();
    let reached = servers::reach_all(&others, config).await;
    let manner = Manner::of(config);
    let lost = others.iter().zip(&reached).filter(|(_, (reach, _))| *reach != Reach::Answers);
    let lost: Vec<Finding> = lost
        .map(|(server, (reach, _))| {
            let mut finding = servers::judge(BROKERS, server, reach, false, &manner);
            finding.text = format!("a broker advertises this address to its clients: {}", finding.text);
            finding.fix = Some(
                "have the broker's `advertised.listeners` name an address that this machine can reach".into(),
            );
            finding
        })
        .collect();
    if lost.is_empty() {
        let count =
            if brokers.len() == 1 { "1 broker".to_owned() } else { format!("{} brokers", brokers.len()) };
        report(Finding::ok(BROKERS, format!("{count}, each reachable at its advertised address")));
    }
    let is_any_reached = lost.is_empty() || lost.len() < brokers.len();
    lost.into_iter().for_each(report);
    is_any_reached
}

/// Returns the configuration that the brokers share, with the smallest of the size limits.
async fn broker_defaults(cluster: &Cluster, brokers: &[Broker]) -> Result<topic::Config, kafka::Error> {
    const SIZE: &str = "message.max.bytes";
    let asked = join_all(brokers.iter().map(|broker| cluster.broker_config(broker.id))).await;
    let mut shared = topic::Config::new();
    for config in asked {
        let values = config?.into_iter().filter_map(|(name, value)| Some((name, value.value?)));
        let values: topic::Config = values.collect();
        let least = [&shared, &values].iter().filter_map(|config| topic::number(config, SIZE)).min();
        shared.extend(values);
        if let Some(least) = least {
            shared.insert(SIZE.into(), least.to_string());
        }
    }
    Ok(shared)
}

/// Judges the brokers' size limit, which applies to every topic that sets none.
fn broker_size(
    defaults: Result<&topic::Config, &kafka::Error>,
    described: &BTreeMap<String, Described>,
    plan: &ClusterExpectations,
) -> Option<Finding> {
    const KEY: &str = "kafka.message_max_bytes";
    let most = topic::number(defaults.ok()?, "message.max.bytes")?;
    let needed = plan.record;
    if u64::try_from(most).unwrap_or(0) >= needed {
        return Some(Finding::ok(KEY, format!("the brokers accept records of up to {most} bytes")));
    }
    let own_for_new = plan.config.topics.config.contains_key("max.message.bytes");
    let inherits = |described: &Described| match described {
        Described::Found(topic) => topic.config.as_ref().is_ok_and(|config| {
            config.get("max.message.bytes").is_some_and(|value| value.origin != ConfigOrigin::Topic)
        }),
        Described::Missing => !own_for_new,
        Described::Refused(_) => false,
    };
    let text = format!(
        "the brokers' message.max.bytes={most}: the largest body with its key and headers, {needed} bytes, does not fit"
    );
    let fix = format!(
        "set message.max.bytes={needed} in server.properties, or `topics.config.max.message.bytes` and `topics apply`, or lower `server.max_body_bytes`"
    );
    Some(if described.values().any(inherits) {
        Finding::failure(KEY, text, fix)
    } else {
        Finding::warning(KEY, format!("{text}; every topic has a limit of its own"), fix)
    })
}

fn hidden(name: &str, refusal: &str) -> Finding {
    Finding::failure(
        "topic",
        format!("hidden from the bridge's user ({refusal}), who can neither write to it nor create it"),
        "allow that user Write on the topic, which implies Describe",
    )
    .of(name)
}

/// Checks that missing topics can be created, and their configuration.
async fn new_topics(
    plan: &ClusterExpectations,
    cluster: &Cluster,
    missing: &[&str],
    defaults: Result<&topic::Config, &kafka::Error>,
    report: &dyn Fn(Finding),
) {
    let topics = &plan.config.topics;
    if !topics.create_missing {
        return missing.iter().for_each(|name| report(new_topic::not_made().of(*name)));
    }
    let tried = join_all(missing.iter().map(|name| cluster.would_create_topic(name, topics))).await;
    let unknown = new_topic::unknown_defaults(defaults.err());
    if let Some(finding) = unknown.filter(|_| !missing.is_empty()) {
        report(finding);
    }
    for (name, tried) in missing.iter().zip(tried) {
        let tried = new_topic::judge(tried);
        let would_be_made = tried.level == Level::Ok;
        let findings = match defaults {
            Ok(defaults) if would_be_made => new_topic::judge_shape(defaults, topics, &plan.wanted(name)),
            _ => Vec::new(),
        };
        [tried].into_iter().chain(findings).for_each(|finding| report(finding.of(*name)));
    }
}
