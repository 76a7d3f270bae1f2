//! The rights that the bridge's commands need in Kafka, and no more. Pure.
//!
//! Each was found by taking it away from a user of a real broker and looking at what fails.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// What a user of the cluster is to be able to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(super) enum Purpose {
    /// `serve`
    Serve,
    /// `check`
    Check,
    /// `topics plan`
    Plan,
    /// `topics apply`
    Apply,
    /// `tail`, and looking at dead letters
    Tail,
}

/// An operation as Kafka's ACLs name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    Alter,
    AlterConfigs,
    Create,
    Describe,
    DescribeConfigs,
    Read,
    Write,
}

/// What may be done with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Acl {
    pub(super) resource: Resource,
    pub(super) operations: BTreeSet<Operation>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resource {
    /// One topic, by its whole name: a prefix would reach the topics of others too.
    Topic(Arc<str>),
    /// The cluster as a whole.
    Cluster,
}

/// The least that `purposes` need together, on exactly these topics.
pub(super) fn least(topics: &[Arc<str>], create_missing: bool, purposes: &[Purpose]) -> Vec<Acl> {
    let all = |on: fn(Purpose, bool) -> &'static [Operation]| {
        purposes.iter().flat_map(|purpose| on(*purpose, create_missing)).copied().collect()
    };
    let on_topics = without_implied(all(on_a_topic));
    let on_cluster: BTreeSet<Operation> = all(on_the_cluster);
    let names: BTreeSet<&Arc<str>> = topics.iter().collect();
    let topics = names
        .into_iter()
        .map(|name| Acl { resource: Resource::Topic(Arc::clone(name)), operations: on_topics.clone() });
    let cluster = Acl { resource: Resource::Cluster, operations: on_cluster };
    topics.chain([cluster]).filter(|acl| !acl.operations.is_empty()).collect()
}

/// What a purpose needs on each topic.
pub(super) fn on_a_topic(purpose: Purpose, create_missing: bool) -> &'static [Operation] {
    use Operation::{Alter, AlterConfigs, Create, Describe, DescribeConfigs, Read, Write};
    match purpose {
        Purpose::Serve if create_missing => &[Create, Write],
        Purpose::Serve => &[Write],
        Purpose::Check | Purpose::Plan => &[Describe, DescribeConfigs],
        Purpose::Apply => &[Alter, AlterConfigs, Create],
        Purpose::Tail => &[Read],
    }
}

/// What a purpose needs on the cluster.
fn on_the_cluster(purpose: Purpose, _create_missing: bool) -> &'static [Operation] {
    match purpose {
        // The brokers' own configuration.
        Purpose::Check => &[Operation::DescribeConfigs],
        _ => &[],
    }
}

/// Kafka lets who may change or read a thing also look at it.
fn without_implied(mut operations: BTreeSet<Operation>) -> BTreeSet<Operation> {
    use Operation::{Alter, AlterConfigs, Describe, DescribeConfigs, Read, Write};
    if [Alter, Read, Write].iter().any(|it| operations.contains(it)) {
        operations.remove(&Describe);
    }
    if operations.contains(&AlterConfigs) {
        operations.remove(&DescribeConfigs);
    }
    operations
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Their names in Kafka.
        fmt::Debug::fmt(self, formatter)
    }
}
