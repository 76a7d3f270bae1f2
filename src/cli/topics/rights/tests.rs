use super::*;
use Operation::{Alter, AlterConfigs, Create, Describe, DescribeConfigs, Read, Write};

fn operations(create_missing: bool, purposes: &[Purpose]) -> Vec<Operation> {
    let acls = least(&["t".into()], create_missing, purposes);
    let acl = acls.into_iter().find(|acl| acl.resource != Resource::Cluster);
    acl.unwrap().operations.into_iter().collect()
}

#[test]
fn serve_writes_and_creates_only_where_it_is_to() {
    assert_eq!(operations(true, &[Purpose::Serve]), [Create, Write]);
    assert_eq!(operations(false, &[Purpose::Serve]), [Write]);
}

#[test]
fn what_another_right_implies_is_not_given_twice() {
    assert_eq!(operations(false, &[Purpose::Plan]), [Describe, DescribeConfigs]);
    assert_eq!(operations(false, &[Purpose::Serve, Purpose::Plan]), [DescribeConfigs, Write]);
    assert_eq!(operations(false, &[Purpose::Apply, Purpose::Plan]), [Alter, AlterConfigs, Create]);
    assert_eq!(operations(false, &[Purpose::Tail, Purpose::Check]), [DescribeConfigs, Read]);
}

#[test]
fn every_topic_is_named_once_and_the_cluster_only_where_it_must_be() {
    let topics: Vec<Arc<str>> = ["b", "a", "b"].map(Arc::from).to_vec();
    let resources =
        |purpose| least(&topics, true, &[purpose]).into_iter().map(|acl| acl.resource).collect::<Vec<_>>();
    let topics = ["a", "b"].map(|name| Resource::Topic(name.into()));
    assert_eq!(resources(Purpose::Serve), topics);
    assert_eq!(resources(Purpose::Check), [&topics[..], &[Resource::Cluster]].concat());
}
