use super::*;
use crate::kafka::{KafkaRefusal, Partition};

fn wanted(partitions: Option<i32>, replicas: Option<i32>, config: &[(&str, &str)]) -> TopicsConfig {
    let config = config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    TopicsConfig { create_missing: true, partitions, replication_factor: replicas, config }
}

/// `replicas`: number for each partition.
fn topic(replicas: &[usize], config: &[(&str, &str, ConfigOrigin)]) -> Topic {
    let partition = |(id, replicas): (i32, &usize)| {
        let replicas: Vec<i32> = (0..).take(*replicas).collect();
        Partition { id, leader: Some(0), in_sync: replicas.clone(), replicas }
    };
    let value = |(name, value, origin): &(&str, &str, ConfigOrigin)| {
        let value = Some((*value).to_owned());
        let value = ConfigValue { value, origin: *origin, is_read_only: false, is_sensitive: false };
        ((*name).to_owned(), value)
    };
    Topic {
        partitions: (0..).zip(replicas).map(partition).collect(),
        config: Ok(config.iter().map(value).collect()),
    }
}

fn planned(described: Option<Described>, wanted: &TopicsConfig) -> TopicsPlan {
    let described = described.into_iter().map(|described| ("t".to_owned(), described)).collect();
    TopicsPlan::new(&["t".into()], &described, wanted)
}

fn there(topic: Topic, wanted: &TopicsConfig) -> There {
    let mut plan = planned(Some(Described::Found(topic)), wanted);
    let State::There(there) = plan.0.remove(0).state else { panic!("not there") };
    there
}

#[test]
fn missing_topic_is_created_and_hidden_one_is_not() {
    assert_eq!(planned(Some(Described::Missing), &wanted(None, None, &[])).0[0].state, State::Create);
    let hidden = planned(Some(Described::Refused(KafkaRefusal::ConfigHidden)), &wanted(None, None, &[]));
    assert_eq!((hidden.is_to_do(true), hidden.hidden()), (false, vec!["t"]));
    assert_eq!(hidden.counts(), Counts { hidden: 1, ..Counts::default() });
}

#[test]
fn topics_are_planned_once_each_in_alphabetical_order() {
    let names: Vec<Arc<str>> = ["b", "a", "b"].map(Arc::from).to_vec();
    let plan = TopicsPlan::new(&names, &BTreeMap::new(), &wanted(None, None, &[]));
    let names: Vec<&str> = plan.0.iter().map(|entry| entry.topic.as_str()).collect();
    assert_eq!((names, plan.counts().create), (vec!["a", "b"], 2));
}

#[test]
fn omitted_settings_are_not_compared() {
    let odd = topic(&[1, 2, 3], &[]);
    assert_eq!(there(odd, &wanted(None, None, &[])), There::default());
    let hidden = Topic { config: Err(KafkaRefusal::ConfigHidden), ..topic(&[1], &[]) };
    assert_eq!(there(hidden, &wanted(Some(1), Some(1), &[])), There::default());
}

#[test]
fn missing_partitions_are_added_and_extra_ones_reported() {
    let few = there(topic(&[1, 1], &[]), &wanted(Some(3), None, &[]));
    assert_eq!(few, There { widening: Some(Widening { now: 2, wanted: 3 }), ..There::default() });
    let many = there(topic(&[1, 1], &[]), &wanted(Some(1), None, &[]));
    let differences = vec![Difference::TooManyPartitions { now: 2, wanted: 1 }];
    assert_eq!(many, There { differences, ..There::default() });
    assert_eq!(there(topic(&[1, 1], &[]), &wanted(Some(2), None, &[])), There::default());
}

#[test]
fn partition_with_too_few_replicas_is_reported() {
    let short = there(topic(&[3, 2, 3], &[]), &wanted(None, Some(3), &[]));
    assert_eq!(short.differences, [Difference::Replicas { now: [2, 3].into(), wanted: 3 }]);
    assert_eq!(there(topic(&[3, 3], &[]), &wanted(None, Some(3), &[])), There::default());
}

#[test]
fn differing_configuration_is_changed() {
    let now = [
        ("cleanup.policy", "delete", ConfigOrigin::Default),
        ("min.cleanable.dirty.ratio", "0.5", ConfigOrigin::Default),
        ("retention.ms", "604800000", ConfigOrigin::Default),
    ];
    let settings = [
        ("cleanup.policy", "compact"),
        ("min.cleanable.dirty.ratio", "0.50"),
        ("retention.ms", "604800000"),
        ("retnetion.ms", "1"),
    ];
    let there = there(topic(&[1], &now), &wanted(None, None, &settings));
    let change = |name: &str, now: Option<&str>, wanted: &str| Change {
        name: name.into(),
        now: now.map(str::to_owned),
        wanted: wanted.into(),
    };
    let expected = [change("cleanup.policy", Some("delete"), "compact"), change("retnetion.ms", None, "1")];
    assert_eq!(there.changes, expected);
}

#[test]
fn other_configuration_is_left_alone_and_reported_on_request() {
    let now = [
        ("cleanup.policy", "compact", ConfigOrigin::Topic),
        ("retention.ms", "5", ConfigOrigin::Topic),
        ("segment.bytes", "6", ConfigOrigin::Broker),
    ];
    let there = there(topic(&[1], &now), &wanted(None, None, &[("retention.ms", "5")]));
    assert_eq!(there.others, [("cleanup.policy".to_owned(), Some("compact".to_owned()))].into());
    assert_eq!(there.changes, []);
}

#[test]
fn hidden_configuration_is_a_difference_if_settings_name_any() {
    let hidden = Topic { config: Err(KafkaRefusal::ConfigHidden), ..topic(&[1], &[]) };
    let there = there(hidden, &wanted(None, None, &[("retention.ms", "5")]));
    assert!(
        matches!(&there.differences[..], [Difference::ConfigHidden(reason)] if reason.contains("DescribeConfigs"))
    );
    assert_eq!(there.changes, [], "who may not read it, would overwrite what is set");
}

#[test]
fn topic_can_need_changes_and_differ() {
    let settings = wanted(Some(1), None, &[("retention.ms", "5")]);
    let plan = planned(Some(Described::Found(topic(&[1, 1], &[]))), &settings);
    assert_eq!(plan.counts(), Counts { alter: 1, differ: 1, ..Counts::default() });
    assert!(plan.is_to_do(false) && !plan.widens());
}

#[test]
fn unchanged_partitions_need_no_confirmation() {
    let plan = planned(Some(Described::Found(topic(&[1], &[]))), &wanted(Some(2), None, &[]));
    assert_eq!((plan.is_to_do(false), plan.is_to_do(true), plan.widens()), (false, true, true));
}
