//! Exports topics and ACLs for other tools.

mod scripts;
mod strimzi;

use super::acls::{Acl, Purpose, Topics, least, on_a_topic};
use crate::config::Settings;
use crate::kafka::TopicsConfig;
use std::collections::BTreeSet;
use std::sync::Arc;
pub(super) use strimzi::{ApiVersion, Authentication, is_kubernetes_name};

/// Output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// KafkaTopic and KafkaUser resources for the Strimzi operator
    Strimzi,
    /// A shell script of Kafka's own commands
    KafkaTopics,
}

/// Content of an export.
pub(super) struct Export<'s> {
    pub(super) topics: &'s [Arc<str>],
    pub(super) dead_letters: &'s str,
    pub(super) wanted: &'s TopicsConfig,
    pub(super) bootstrap_servers: &'s str,
    /// Kafka user of the bridge.
    pub(super) user: &'s str,
    /// Commands that the user must be able to run.
    pub(super) purposes: &'s [Purpose],
}

/// Options that only Strimzi needs.
pub(super) struct Strimzi<'a> {
    pub(super) cluster: &'a str,
    pub(super) namespace: Option<&'a str>,
    pub(super) authentication: Authentication,
    pub(super) api_version: ApiVersion,
}

impl<'s> Export<'s> {
    pub(super) fn of(
        settings: &'s Settings,
        topics: &'s [Arc<str>],
        user: &'s str,
        purposes: &'s [Purpose],
    ) -> Self {
        let (wanted, bootstrap_servers) = (&settings.kafka.topics, settings.kafka.bootstrap_servers.as_str());
        let dead_letters = settings.ingest.dead_letter.topic.as_str();
        Self { topics, dead_letters, wanted, bootstrap_servers, user, purposes }
    }

    pub(super) fn as_strimzi(&self, strimzi: &Strimzi<'_>) -> String {
        strimzi::resources(self, strimzi)
    }

    pub(super) fn as_scripts(&self) -> String {
        scripts::commands(self)
    }

    fn names(&self) -> BTreeSet<&str> {
        self.topics.iter().map(AsRef::as_ref).collect()
    }

    fn rights(&self) -> Vec<Acl> {
        let (all, dead_letters) = (self.topics, self.dead_letters);
        least(Topics { all, dead_letters, create_missing: self.wanted.create_missing }, self.purposes)
    }

    /// Returns comments that map commands to ACLs, so that a reader can remove some.
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
        text.push_str("# Kafka before 3.0 also wants IdempotentWrite on the cluster for serve.\n");
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
