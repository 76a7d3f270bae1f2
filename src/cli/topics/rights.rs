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
    /// `dead-letters replay` and `replay`
    Replay,
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
    /// Transactional ids that begin like this.
    Transactions(&'static str),
}

/// How the transactional ids of all commands begin.
const TRANSACTIONS: &str = "justcall-bridge-";

/// The topics that the settings can yield.
#[derive(Debug, Clone, Copy)]
pub(super) struct Topics<'t> {
    /// All of them.
    pub(super) all: &'t [Arc<str>],
    /// That of the dead letters.
    pub(super) dead_letters: &'t str,
    /// Whether missing ones are made on first use.
    pub(super) create_missing: bool,
}

/// The least that `purposes` need together, on exactly these topics.
pub(super) fn least(topics: Topics<'_>, purposes: &[Purpose]) -> Vec<Acl> {
    let names: BTreeSet<&Arc<str>> = topics.all.iter().collect();
    let acl = |resource, operations: BTreeSet<Operation>| Acl { resource, operations };
    let on_topic = |name: &Arc<str>| {
        let needed = purposes.iter().flat_map(|purpose| {
            let dead = if **name == *topics.dead_letters { on_dead_letters(*purpose) } else { &[] };
            on_a_topic(*purpose, topics.create_missing).iter().chain(dead).copied()
        });
        acl(Resource::Topic(Arc::clone(name)), without_implied(needed.collect()))
    };
    let elsewhere = [
        acl(Resource::Cluster, purposes.iter().flat_map(|it| on_the_cluster(*it)).copied().collect()),
        acl(
            Resource::Transactions(TRANSACTIONS),
            purposes.iter().flat_map(|it| on_transactions(*it)).copied().collect(),
        ),
    ];
    names.into_iter().map(on_topic).chain(elsewhere).filter(|acl| !acl.operations.is_empty()).collect()
}

/// What a purpose needs on each topic.
pub(super) fn on_a_topic(purpose: Purpose, create_missing: bool) -> &'static [Operation] {
    use Operation::{Alter, AlterConfigs, Create, Describe, DescribeConfigs, Read, Write};
    match purpose {
        Purpose::Serve | Purpose::Replay if create_missing => &[Create, Write],
        Purpose::Serve | Purpose::Replay => &[Write],
        Purpose::Check | Purpose::Plan => &[Describe, DescribeConfigs],
        Purpose::Apply => &[Alter, AlterConfigs, Create],
        Purpose::Tail => &[Read],
    }
}

/// What it needs on that of the dead letters besides.
fn on_dead_letters(purpose: Purpose) -> &'static [Operation] {
    match purpose {
        Purpose::Replay => &[Operation::Read],
        _ => &[],
    }
}

/// What it needs on the cluster.
fn on_the_cluster(purpose: Purpose) -> &'static [Operation] {
    match purpose {
        // The brokers' own configuration.
        Purpose::Check => &[Operation::DescribeConfigs],
        _ => &[],
    }
}

/// What it needs on transactional ids.
fn on_transactions(purpose: Purpose) -> &'static [Operation] {
    match purpose {
        Purpose::Replay => &[Operation::Write],
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
