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
    let acls: Vec<_> = acls.into_iter().map(|acl| (acl.resource, Vec::from_iter(acl.operations))).collect();
    let expected = [
        (Resource::Topic("dead".into()), vec![Read, Write]),
        (Resource::Topic("t".into()), vec![Write]),
        (Resource::Transactions("justcall-bridge-"), vec![Write]),
    ];
    assert_eq!(acls, expected);
}
