mod scripts;
mod strimzi;

pub(crate) use strimzi::{ApiVersion, Authentication, is_kubernetes_name};

use super::acls::{Acl, Purpose, Topics, least, on_a_topic};
use crate::config::Settings;
use crate::kafka::TopicsConfig;
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExportFormat {
    Strimzi,
    KafkaTopics,
}

pub(crate) struct Export<'s> {
    pub(crate) topics: &'s [Arc<str>],
    pub(crate) dead_letters: &'s str,
    pub(crate) wanted: &'s TopicsConfig,
    pub(crate) bootstrap_servers: &'s str,
    pub(crate) user: &'s str,
    pub(crate) purposes: &'s [Purpose],
}

pub(crate) struct Strimzi<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) authentication: Authentication,
    pub(crate) api_version: ApiVersion,
}

impl<'s> Export<'s> {
    pub(crate) fn of(
        settings: &'s Settings,
        topics: &'s [Arc<str>],
        user: &'s str,
        purposes: &'s [Purpose],
    ) -> Self {
        let (wanted, bootstrap_servers) = (&settings.kafka.topics, settings.kafka.bootstrap_servers.as_str());
        let dead_letters = settings.ingest.dead_letter.topic.as_str();
        Self { topics, dead_letters, wanted, bootstrap_servers, user, purposes }
    }

    pub(crate) fn as_strimzi(&self, strimzi: &Strimzi<'_>) -> String {
        strimzi::resources(self, strimzi)
    }

    pub(crate) fn as_scripts(&self) -> String {
        scripts::commands(self)
    }

    fn names(&self) -> BTreeSet<&str> {
        self.topics.iter().map(AsRef::as_ref).collect()
    }

    fn rights(&self) -> Vec<Acl> {
        let (all, dead_letters) = (self.topics, self.dead_letters);
        least(Topics { all, dead_letters, create_missing: self.wanted.create_missing }, self.purposes)
    }

    /// Comments that map commands to ACLs, so that a reader can remove some.
    fn explanation(&self) -> String {
        let mut text = String::from("# The least rights on each topic:\n");
        for purpose in self.purposes {
            let operations = on_a_topic(*purpose, self.wanted.create_missing);
            let operations: Vec<String> = operations.iter().map(ToString::to_string).collect();
            text.push_str(&format!("#   {:<20} {}\n", command(*purpose), operations.join(", ")));
        }
        if self.purposes.iter().any(|it| matches!(it, Purpose::Serve | Purpose::Replay))
            && self.wanted.create_missing
        {
            text.push_str("# With topics.create_missing: false, serve and replays need no Create.\n");
        }
        if self.purposes.contains(&Purpose::Check) {
            text.push_str("# check reads the brokers' configuration too: DescribeConfigs on the cluster.\n");
        }
        if self.purposes.contains(&Purpose::Replay) {
            text.push_str("# Replays read the dead letters and write in transactions of their own.\n");
        }
        text.push_str("# Write, Read and Alter imply Describe, and AlterConfigs implies DescribeConfigs.\n");
        text.push_str("# Kafka before 3.0 also requires IdempotentWrite on the cluster for serve.\n");
        text
    }
}

fn command(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Serve => "serve",
        Purpose::Check => "check",
        Purpose::Plan => "topics plan",
        Purpose::Apply => "topics apply",
        Purpose::Tail => "tail",
        Purpose::Replay => "dead-letters replay",
    }
}
