//! Least ACLs of the commands. Each was verified by removing it from a user of a real broker.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    Serve,
    Check,
    Plan,
    Apply,
    /// Also for dead letters.
    Tail,
    /// `replay` and `dead-letters replay`.
    Replay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Alter,
    AlterConfigs,
    Create,
    Describe,
    DescribeConfigs,
    Read,
    Write,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acl {
    pub(crate) resource: Resource,
    pub(crate) operations: BTreeSet<Operation>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resource {
    /// By its full name: a prefix would include topics of others.
    Topic(Arc<str>),
    Cluster,
    /// Ids with this prefix.
    Transactions(&'static str),
}

/// Rights of all commands.
const TRANSACTIONAL_ID_PREFIX: &str = "justcall-bridge-";

#[derive(Debug, Clone, Copy)]
pub(crate) struct Topics<'t> {
    pub(crate) all: &'t [Arc<str>],
    pub(crate) dead_letters: &'t str,
    pub(crate) create_missing: bool,
}

pub(crate) fn least(topics: Topics<'_>, purposes: &[Purpose]) -> Vec<Acl> {
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
            Resource::Transactions(TRANSACTIONAL_ID_PREFIX),
            purposes.iter().flat_map(|it| on_transactions(*it)).copied().collect(),
        ),
    ];
    names.into_iter().map(on_topic).chain(elsewhere).filter(|acl| !acl.operations.is_empty()).collect()
}

pub(crate) fn on_a_topic(purpose: Purpose, create_missing: bool) -> &'static [Operation] {
    use Operation::{Alter, AlterConfigs, Create, Describe, DescribeConfigs, Read, Write};
    match purpose {
        Purpose::Serve | Purpose::Replay if create_missing => &[Create, Write],
        Purpose::Serve | Purpose::Replay => &[Write],
        Purpose::Check | Purpose::Plan => &[Describe, DescribeConfigs],
        Purpose::Apply => &[Alter, AlterConfigs, Create],
        Purpose::Tail => &[Read],
    }
}

/// Additional operations on the topic of dead letters.
fn on_dead_letters(purpose: Purpose) -> &'static [Operation] {
    match purpose {
        Purpose::Replay => &[Operation::Read],
        _ => &[],
    }
}

fn on_the_cluster(purpose: Purpose) -> &'static [Operation] {
    match purpose {
        Purpose::Check => &[Operation::DescribeConfigs],
        _ => &[],
    }
}

fn on_transactions(purpose: Purpose) -> &'static [Operation] {
    match purpose {
        Purpose::Replay => &[Operation::Write],
        _ => &[],
    }
}

/// The rights to read or to change imply the right to describe.
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
        // Variants have Kafka's names.
        fmt::Debug::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Operation::{Alter, AlterConfigs, Create, Describe, DescribeConfigs, Read, Write};

    fn topics(all: &[Arc<str>], create_missing: bool) -> Topics<'_> {
        Topics { all, dead_letters: "dead", create_missing }
    }

    fn operations(create_missing: bool, purposes: &[Purpose]) -> Vec<Operation> {
        let acls = least(topics(&["t".into()], create_missing), purposes);
        acls.into_iter().next().unwrap().operations.into_iter().collect()
    }

    #[test]
    fn serve_writes_and_creates_only_as_configured() {
        assert_eq!(operations(true, &[Purpose::Serve]), [Create, Write]);
        assert_eq!(operations(false, &[Purpose::Serve]), [Write]);
    }

    #[test]
    fn implied_rights_are_not_repeated() {
        assert_eq!(operations(false, &[Purpose::Plan]), [Describe, DescribeConfigs]);
        assert_eq!(operations(false, &[Purpose::Serve, Purpose::Plan]), [DescribeConfigs, Write]);
        assert_eq!(operations(false, &[Purpose::Apply, Purpose::Plan]), [Alter, AlterConfigs, Create]);
        assert_eq!(operations(false, &[Purpose::Tail, Purpose::Check]), [DescribeConfigs, Read]);
    }

    #[test]
    fn topics_appear_once_and_the_cluster_only_if_needed() {
        let all: Vec<Arc<str>> = ["b", "a", "b"].map(Arc::from).to_vec();
        let resources = |purpose| {
            least(topics(&all, true), &[purpose]).into_iter().map(|acl| acl.resource).collect::<Vec<_>>()
        };
        let topics = ["a", "b"].map(|name| Resource::Topic(name.into()));
        assert_eq!(resources(Purpose::Serve), topics);
        assert_eq!(resources(Purpose::Check), [&topics[..], &[Resource::Cluster]].concat());
    }

    #[test]
    fn replay_reads_only_dead_letters_and_uses_transactions() {
        let all = ["dead", "t"].map(Arc::from);
        let acls = least(topics(&all, false), &[Purpose::Replay]);
        let acls: Vec<_> =
            acls.into_iter().map(|acl| (acl.resource, Vec::from_iter(acl.operations))).collect();
        let expected = [
            (Resource::Topic("dead".into()), vec![Read, Write]),
            (Resource::Topic("t".into()), vec![Write]),
            (Resource::Transactions("justcall-bridge-"), vec![Write]),
        ];
        assert_eq!(acls, expected);
    }
}
